"""ETags of what is made for each request, 304 for who has it, If-Match for who changes it."""

import hashlib
import re
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from pydantic import BaseModel
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog.errors import CatalogError
from models.settings import settings

PLAIN = ("/media/", "/deliveries/", "/static/")
"""Files: they bring tags of their own, and go out as they lie on disk."""
PACKED = "-gzip"
"""Added where the bytes are packed: a strong tag names bytes."""
NEXT = re.compile(rb'"next_cursor":"([^"\\]+)"')
"""Inside of a JSON text a quote is always escaped, so this is a field and nothing else."""


class Stale(CatalogError):
    status = 412
    title = "It has changed in the meantime"


class Tagged:
    """Around everything that is read whole; files and streams have tags of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        files = str(scope["path"]).startswith(PLAIN)

        async def tagging(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and not files and _plain(message):
                start = message
                return
            if start is not None:
                begun, start = start, None
                if not message.get("more_body", False):
                    begun, message = _tagged(scope, begun, message)
                await send(begun)
            await send(message)

        await self.app(scope, receive, tagging)


def tag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def must_match(request: Request, shape: BaseModel) -> None:
    """Inside of the transaction that changes it: is it still what the asker saw?

    `shape` is what GET answers. Without If-Match the last change wins. Raises Stale.
    """
    asked = request.headers.get("if-match")
    if asked is None or asked.strip() == "*":
        return
    if tag_of(shape.model_dump_json(by_alias=True).encode()) not in _tags(asked):
        raise Stale("Somebody changed it since you read it. Read it again, then send your change.")


def packed(headers: MutableHeaders) -> None:
    tag = headers.get("etag", "")
    if tag.endswith('"') and not tag.startswith("W/"):
        headers["etag"] = f'{tag[:-1]}{PACKED}"'


def seen(request_headers: Headers, tag: str) -> bool:
    """By the weak comparison, as If-None-Match wants it."""
    asked = request_headers.get("if-none-match", "")
    return asked.strip() == "*" or tag.removeprefix("W/") in _tags(asked)


def _tags(asked: str) -> set[str]:
    named = (one.strip().removeprefix("W/") for one in asked.split(",")[:50])
    return {one.replace(f'{PACKED}"', '"') for one in named}


def _plain(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    kind = headers.get("content-type", "")
    return (
        start["status"] == 200
        and ("json" in kind or "xml" in kind or kind.startswith("text/"))
        and "no-store" not in headers.get("cache-control", "")
        and "content-disposition" not in headers
        and "content-range" not in headers
    )


def _tagged(scope: Scope, start: Message, message: Message) -> tuple[Message, Message]:
    headers, body = MutableHeaders(scope=start), message.get("body", b"")
    api = str(scope["path"]).startswith("/api/")
    if api:
        headers.setdefault("cache-control", "private, no-cache")
        _link_next(scope, headers, body)
    if "etag" not in headers and body:
        headers["etag"] = tag_of(body)
    if "etag" in headers and seen(Headers(scope=scope), headers["etag"]):
        kept = ("etag", "cache-control", "vary", "link", "last-modified")
        raw = [(name, value) for name, value in start["headers"] if name.decode().lower() in kept]
        return {**start, "status": 304, "headers": raw}, {**message, "body": b""}
    return start, message


def _link_next(scope: Scope, headers: MutableHeaders, body: bytes) -> None:
    """The next page as a link (RFC 8288), for programs that follow those."""
    found = NEXT.search(body)
    if not found or "link" in headers:
        return
    asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name != "cursor"]
    query = urlencode([*kept, ("cursor", found[1].decode())])
    headers["link"] = f'<{settings().base_url}{scope["path"]}?{query}>; rel="next"'
