"""The OpenAPI document: what FastAPI knows, and the conventions that hold for every door."""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from catalog import problems
from catalog.api import idempotency
from catalog.api.shapes import Problem
from catalog.tokens import SCOPES
from catalog.web.visitors import SIGN_IN
from models.settings import settings

Document: TypeAlias = dict[str, Any]
ALWAYS = (400, 401, 403, 414, 422, 429, 431, 500, 503)
CHANGES = (409, 413, 415)
MIME = "application/problem+json"
ABOUT = """Everything that the pages show and do, as JSON.

What is public needs no key. For the rest send a token of your account, `Authorization: Bearer
TOKEN`; each token may do what its scopes say. What is withdrawn, embargoed or another's is a 404.

**Errors** are problem+json (RFC 9457); `type` leads to a page that explains it.

**Changes** may carry an `Idempotency-Key`: sent twice with the same key, they are made once.

**Answers** carry an `ETag`: send it back in `If-None-Match` and get a 304 while nothing is new,
or, where an operation takes it, in `If-Match` to change only what you have seen.

**Lists** come in pages: `next_cursor` of one is the `cursor` of the next, and the `Link` header
holds the next page's address.

**Values**: times are milliseconds, dates are milliseconds since 1970 (UTC), money is whole cents
with its currency (ISO 4217)."""
TAGS = {
    "Catalogue": "Find clips on sale. Open to everybody.",
    "Lightboxes": "Clips that you keep and share by a link, and searches that you saved.",
    "Recordings": "What came in, what was found in it and why. For its creator.",
    "Quotes": "What a use of a clip costs, and asking for other terms.",
    "Orders": "Order and pay.",
    "Offers": "Small things that fit at a clip, and a creator's own offers.",
    "Licenses": "What you may use, until when, and its files.",
    "Proof": "Whether a license holds, and what a file is licensed for. Open to everybody.",
    "Members": "What one joins a creator for, and one's memberships.",
    "Pools": "Sets of clips that fill themselves by a rule, and their feeds.",
    "Figures": "How it goes: members, what recurs, offers, licensing, as of any day.",
    "Account": "Your tokens and settings.",
}
KEY = {
    "name": idempotency.HEADER,
    "in": "header",
    "required": False,
    "description": "A random word of yours, such as a UUID. The same request sent again with it "
    "within a day is not done again, but gets the same answer.",
    "schema": {"type": "string", "minLength": 16, "maxLength": 200, "pattern": "^[!-~]+$"},
    "example": "0b9d9f6e-6a1c-4a53-9a6f-4b6b0f7f0c55",
}
SEEN = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the answer that you have: 304 while it is the same.",
    "schema": {"type": "string", "maxLength": 200},
}
UNCHANGED = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of what you saw: 412 where it has changed since.",
    "schema": {"type": "string", "maxLength": 200},
}
CARRIED = {
    "ETag": {"description": "Names this state of it", "schema": {"type": "string"}},
    "Link": {"description": "The next page (`rel=next`)", "schema": {"type": "string"}},
}
SENT = {
    "get": ("IfNoneMatch",),
    "post": ("IdempotencyKey",),
    "patch": ("IdempotencyKey",),
    "put": (),
    "delete": (),
}
OPEN: list[dict[str, list[str]]] = [{}, {"token": []}, {"browser": []}]


def document(app: FastAPI) -> Document:
    """Made once; the application's routes do not change after its start."""
    if app.openapi_schema is None:
        app.openapi_schema = _completed(FastAPI.openapi(app), _scopes(app))
    return app.openapi_schema


def operations(of: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in of["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _completed(made: Document, scopes: dict[tuple[str, str], tuple[str, bool]]) -> Document:
    parts = made.setdefault("components", {})
    shapes = parts.setdefault("schemas", {})
    shapes["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    parts["responses"] = {_named(kind): _problem(kind) for kind in problems.BY_STATUS.values()}
    parts["headers"] = CARRIED
    parts["parameters"] = {"IdempotencyKey": KEY, "IfNoneMatch": SEEN, "IfMatch": UNCHANGED}
    parts["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of your account (Account, Tokens). Its scopes: "
            + "; ".join(f"`{name}`: {what}" for name, what in SCOPES.items()),
        },
        "browser": {
            "type": "apiKey",
            "in": "cookie",
            "name": SIGN_IN,
            "description": "A browser that is signed in. Changes also want the page's form token "
            "in `X-Form-Token`.",
        },
    }
    made["servers"] = [{"url": settings().base_url}]
    names: dict[str, int] = {}
    for path, method, operation in operations(made):
        _convene(path, method, operation, scopes.get((method, path)))
        _name(path, method, operation, names)
    used = {tag for _, _, operation in operations(made) for tag in operation.get("tags", ())}
    made["tags"] = [
        {"name": name, "description": TAGS.get(name, "")} for name in sorted(used, key=_place)
    ]
    for unused in ("HTTPValidationError", "ValidationError"):
        shapes.pop(unused, None)
    return made


def _convene(path: str, method: str, operation: Document, needed: tuple[str, bool] | None) -> None:
    """What every operation has in common: its problems, its headers, who may ask."""
    operation["security"] = _security(needed)
    statuses = {*ALWAYS, *(int(code) for code in operation["responses"] if code >= "400")}
    if "{" in path:
        statuses.add(404)
    if method != "get":
        statuses |= set(CHANGES)
    given = operation.setdefault("parameters", [])
    matched = ("IfMatch",) if "412" in operation["responses"] else ()
    for name in (*SENT[method], *matched):
        given.append({"$ref": f"#/components/parameters/{name}"})
    for status in sorted(statuses):
        kind = problems.kind_of(status)
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{_named(kind)}"}
    if method == "get":
        _carry(operation)


def _carry(operation: Document) -> None:
    operation["responses"]["304"] = {"description": "It is as you have it"}
    held = operation["responses"].get("200")
    if held:
        paged = any(one.get("name") == "cursor" for one in operation["parameters"])
        for name in ("ETag", "Link") if paged else ("ETag",):
            held.setdefault("headers", {})[name] = {"$ref": f"#/components/headers/{name}"}


def _security(needed: tuple[str, bool] | None) -> list[dict[str, list[str]]]:
    if needed is None:
        return OPEN
    scope, guests = needed
    by: list[dict[str, list[str]]] = [{"token": [scope]}, {"browser": []}]
    return [{}, *by] if guests else by


def _scopes(app: FastAPI) -> dict[tuple[str, str], tuple[str, bool]]:
    """By method and path: the scope that access.scope() asks for, and whether guests may ask."""
    found: dict[tuple[str, str], tuple[str, bool]] = {}
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute):
            continue
        calls: list[Callable[..., Any]] = [
            one.call for one in context.dependant.dependencies if one.call
        ]
        for call in calls:
            needed = getattr(call, "needed", None)
            if needed:
                for method in context.methods or ():
                    found[method.lower(), str(context.path_format)] = needed
    return found


def _problem(kind: problems.Kind) -> Document:
    example = {
        "type": problems.address(kind),
        "title": kind.title,
        "status": kind.status,
        "detail": kind.means.replace("`", ""),
        "instance": "/api/v1/listings",
    }
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": kind.title, "content": {MIME: content}}


def _named(kind: problems.Kind) -> str:
    return "".join(word.capitalize() for word in kind.name.split("-"))


def _name(path: str, method: str, operation: Document, names: dict[str, int]) -> None:
    """The function's name as `listListings`: short, and stable while it is not renamed."""
    tail = re.sub(r"\W", "_", path) + f"_{method}"
    words = operation["operationId"].removesuffix(tail).split("_")
    nouns = re.findall(r"/([a-z]+)", path.removeprefix("/api/v1"))
    if len(words) == 1 and words[0] != nouns[-1]:
        words.append(nouns[0].removesuffix("s"))
    name = words[0] + "".join(word.capitalize() for word in words[1:])
    names[name] = names.get(name, 0) + 1
    if names[name] > 1:
        name += "Of" + "".join(noun.capitalize() for noun in nouns)
    operation["operationId"] = name


def _place(tag: str) -> tuple[int, str]:
    known = list(TAGS)
    return (known.index(tag) if tag in known else len(known)), tag
