"""The API's own page, made from its OpenAPI document: no scripts, works offline, prints."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from catalog.web.rendering import page


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    required: bool
    text: str


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    text: str
    parameters: list[Field]
    answer: str
    fields: list[Field]


def show(request: Request) -> Response:
    document = request.app.openapi()
    groups: dict[str, list[Operation]] = {}
    for tag, operation in operations(document):
        groups.setdefault(tag, []).append(operation)
    return page(
        request,
        "docs.html",
        info=document["info"],
        groups=groups,
        shapes={
            name: _fields(shape)
            for name, shape in sorted(document["components"]["schemas"].items())
        },
        openapi_url=request.app.openapi_url,
    )


def operations(document: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, methods in document["paths"].items():
        for method, found in methods.items():
            content = found["responses"]["200"].get("content", {}).get("application/json", {})
            answer = _kind(content.get("schema", {}))
            schema = document["components"]["schemas"].get(answer, {})
            yield (
                found["tags"][0],
                Operation(
                    id=found["operationId"],
                    method=method.upper(),
                    path=path,
                    summary=found["summary"],
                    text=found.get("description", ""),
                    parameters=[_parameter(one) for one in found.get("parameters", ())],
                    answer=answer if schema else "",
                    fields=_fields(schema),
                ),
            )


def _parameter(found: dict[str, Any]) -> Field:
    schema = found["schema"]
    text = found.get("description", schema.get("description", ""))
    return Field(found["name"], _kind(schema), found.get("required", False), _plain(text))


def _fields(schema: dict[str, Any]) -> list[Field]:
    required = schema.get("required", ())
    return [
        Field(name, _kind(found), name in required, _plain(found.get("description", "")))
        for name, found in schema.get("properties", {}).items()
    ]


def _plain(markdown: str) -> str:
    return markdown.replace("`", "")


def _kind(schema: dict[str, Any]) -> str:
    """A type in a few words: `list of FacetShape`, `text or nothing`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(str(one) for one in schema["enum"])
    kind = str(schema.get("type", ""))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}".strip()
    return {"string": "text", "null": "nothing", "integer": "whole number"}.get(kind, kind)
