"""The API's own page, made from its OpenAPI document: no scripts, works offline, prints."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from catalog import problems
from catalog.api import described
from catalog.tokens import SCOPES
from catalog.web.rendering import page
from models.settings import settings

DEPTH = 4
"""Of an example made from shapes that hold shapes."""
QUIET = {"IfNoneMatch", "IfMatch"}
"""Told once, at the head."""


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    required: bool
    text: str
    place: str = ""


@dataclass(frozen=True)
class Answer:
    status: str
    text: str
    kind: str
    """Of the shape, where it has a name."""
    problem: str
    """Of the page that explains it."""


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    text: str
    who: str
    parameters: list[Field]
    body: str
    body_fields: list[Field]
    body_kinds: list[str]
    answers: list[Answer]
    example: str


def show(request: Request) -> Response:
    document = request.app.openapi()
    groups: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for tag, operation in operations(document):
        groups.setdefault(tag, []).append(operation)
    return page(
        request,
        "docs.html",
        info=document["info"],
        about=[part.replace("**", "") for part in document["info"]["description"].split("\n\n")],
        groups=groups,
        tags={tag["name"]: tag.get("description", "") for tag in document["tags"]},
        scopes=SCOPES,
        shapes={
            name: _fields(document, shape)
            for name, shape in sorted(document["components"]["schemas"].items())
        },
        openapi_url=request.app.openapi_url,
    )


def operations(document: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, method, found in described.operations(document):
        kinds, schema = _body(document, found)
        yield (
            found.get("tags", ["Other"])[0],
            Operation(
                id=found["operationId"],
                method=method.upper(),
                path=path,
                summary=found["summary"],
                text=found.get("description", ""),
                who=_who(found["security"]),
                parameters=_parameters(document, found),
                body=_kind(schema),
                body_fields=_fields(document, _resolved(document, schema)),
                body_kinds=kinds,
                answers=[_answer(*one) for one in sorted(found["responses"].items())],
                example=_curl(document, path, method, found["security"], kinds, schema),
            ),
        )


def _parameters(document: dict[str, Any], found: dict[str, Any]) -> list[Field]:
    given = found.get("parameters", ())
    named = [one for one in given if one.get("$ref", "").rsplit("/", 1)[-1] not in QUIET]
    return [_parameter(_resolved(document, one)) for one in named]


def _parameter(found: dict[str, Any]) -> Field:
    schema = found["schema"]
    text = found.get("description", schema.get("description", ""))
    return Field(found["name"], _kind(schema), found.get("required", False), text, found["in"])


def _body(document: dict[str, Any], found: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The kinds of body it takes, and the shape of the first."""
    content = _resolved(document, found.get("requestBody", {})).get("content", {})
    kinds = sorted(content, key=lambda kind: kind != "application/json")
    return kinds, content[kinds[0]].get("schema", {}) if kinds else {}


def _answer(status: str, found: dict[str, Any]) -> Answer:
    if "$ref" in found:
        code = int(status)
        kind = problems.kind_of(code)
        return Answer(status, kind.title, "", kind.name)
    content = found.get("content", {})
    media = next(iter(content), "")
    kind_name = _kind(content[media].get("schema", {})) if media == "application/json" else media
    return Answer(status, found.get("description", ""), kind_name, "")


def _who(security: list[dict[str, list[str]]]) -> str:
    scopes = [scope for one in security for scope in one.get("token", ())]
    open_to_all = {} in security
    if scopes and open_to_all:
        return f"Everybody. A token needs the scope `{scopes[0]}`"
    if scopes:
        return f"A token with the scope `{scopes[0]}`, or a browser that is signed in"
    return "Everybody; what is an account's own needs its token" if open_to_all else "A token"


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> list[Field]:
    required = schema.get("required", ())
    return [
        Field(name, _kind(found), name in required, found.get("description", ""))
        for name, found in schema.get("properties", {}).items()
    ]


def _resolved(document: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in found:
        at: Any = document
        for step in found["$ref"].removeprefix("#/").split("/"):
            at = at[step]
        found = at
    return found


def _kind(schema: dict[str, Any]) -> str:
    """A type in a few words: `list of FacetShape`, `text or nothing`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[several]))
    if "enum" in schema:
        return " or ".join(str(one) for one in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("type", ""))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}".strip()
    return {"string": "text", "null": "nothing", "integer": "whole number"}.get(kind, kind)


def _curl(
    document: dict[str, Any],
    path: str,
    method: str,
    security: list[dict[str, list[str]]],
    kinds: list[str],
    schema: dict[str, Any],
) -> str:
    lines = ["curl" + (f" -X {method.upper()}" if method != "get" else "")]
    if {} not in security:
        lines.append("-H 'Authorization: Bearer TOKEN'")
    if kinds and kinds[0] == "application/json":
        sample = json.dumps(_sample(document, schema), ensure_ascii=False).replace("'", r"\u0027")
        lines += ["-H 'Content-Type: application/json'", f"-d '{sample}'"]
    elif kinds:
        lines.append("-T clip.mp4")
    lines.append(f"'{settings().base_url}{path}'")
    return " \\\n  ".join(lines) if len(lines) > 2 else " ".join(lines)


def _sample(document: dict[str, Any], schema: dict[str, Any], depth: int = DEPTH) -> Any:
    """A value that has the shape: its own example, its default, or the plainest there is."""
    found = _resolved(document, schema)
    if found.get("examples"):
        return found["examples"][0]
    for given in ("example", "default", "const"):
        if found.get(given) not in (None, [], {}):
            return found[given]
    if "enum" in found:
        return found["enum"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in found:
            return _sample(document, found[several][0], depth)
    if found.get("type") == "object":
        wanted = found.get("properties", {}) if depth else {}
        return {name: _sample(document, one, depth - 1) for name, one in wanted.items()}
    if found.get("type") == "array":
        return [_sample(document, found.get("items", {}), depth - 1)] if depth else []
    plain = {"string": "...", "integer": found.get("minimum", 1), "number": 1.0, "boolean": False}
    return plain.get(found.get("type", ""))
