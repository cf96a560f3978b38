"""How much one request may hold. What is beyond is refused before any of our code reads it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog import answers

MOST_BYTES = 1_000_000
"""Of a form or of JSON."""
FILE_BYTES = 2_100_000_000
FILES = ("/verify", "/api/v1/verify")
"""Where a whole clip may be sent: these doors count for themselves as well."""
ADDRESS_BYTES = 8_000
HEADER_BYTES = 8_000
HEADERS_BYTES = 32_000
HEADERS = 100
WAIT_S = 20.0
"""For the next piece of a body."""
JSON = (b"application/json", b"+json")


class TooLarge(HTTPException):
    """An HTTPException, for FastAPI lets no other pass while it reads a body."""

    def __init__(self, most: int) -> None:
        super().__init__(413, _too_large(most))
        self.facts = {"most_bytes": most}


class Limits:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = FILE_BYTES if scope["path"].startswith(FILES) else MOST_BYTES
        refused = _refused(scope, most)
        if refused:
            status, detail, more = refused
            answer = answers.problem(Request(scope), status, detail, **more)
            await answer(scope, receive, send)
            return
        await self.app(scope, _counted(receive, most), send)


def _refused(scope: Scope, most: int) -> tuple[int, str, dict[str, Any]] | None:
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    lengths = [len(name) + len(value) for name, value in headers]
    if len(scope["raw_path"] or b"") + len(scope["query_string"]) > ADDRESS_BYTES:
        return 414, f"An address has {ADDRESS_BYTES:,} bytes at most.", {}
    if max(lengths, default=0) > HEADER_BYTES or sum(lengths) > HEADERS_BYTES:
        said = f"A header has {HEADER_BYTES:,} bytes at most, all together {HEADERS_BYTES:,}."
        return 431, said, {}
    if len(headers) > HEADERS:
        return 431, f"A request has {HEADERS} headers at most.", {}
    named = dict(headers)
    told = named.get(b"content-length", b"0")
    if not told.isdigit() or int(told) > most:
        return 413, _too_large(most), {"most_bytes": most}
    if _not_json(scope, named):
        return 415, "Send JSON, with Content-Type: application/json.", {}
    return None


def _not_json(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    path = str(scope["path"])
    if not path.startswith("/api/") or path.startswith(FILES):
        return False
    holds = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return holds and not kind.endswith(JSON)


def _counted(receive: Receive, most: int) -> Receive:
    """A body that lied about its length, or told none, ends here too."""
    got, over = 0, False

    async def counting() -> Message:
        nonlocal got, over
        try:
            message = await (receive() if over else asyncio.wait_for(receive(), WAIT_S))
        except TimeoutError:
            raise HTTPException(408, "The rest of the request did not arrive.") from None
        if message["type"] == "http.request":
            over = not message.get("more_body", False)
            got += len(message.get("body", b""))
            if got > most:
                raise TooLarge(most)
        return message

    return counting


def _too_large(most: int) -> str:
    return f"This address takes {most:,} bytes at most. Nothing of the request was kept."
