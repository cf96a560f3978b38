"""Pages that are the same for everybody, kept while the catalogue is the same.

For browsers without cookies (but the theme's): whoever has any may see something of their own.
See docs/decisions/0019-pages-that-are-kept.md.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from catalog import search
from models.base import reading

FRESH_S = 0.5
"""So old may the knowledge of the edition be; with the time a check takes, a withdrawn clip is
gone within a second."""
LONGEST_S = 60.0
"""What the edition does not count (the name of a pool, a license's terms) is no older."""
MOST = 500
LARGEST = 300_000
Key = tuple[str, bytes, str, bool]


@dataclass(frozen=True)
class Kept:
    edition: int
    until: float
    start: Message
    body: bytes


class Pages:
    """Inside of the host check and the security headers, outside of all that knows the visitor."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._pages: OrderedDict[Key, Kept] = OrderedDict()
        self._edition, self._asked = -1, -FRESH_S

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        now = time.monotonic()
        if now - self._asked >= FRESH_S:
            self._asked = now  # whoever comes meanwhile need not ask as well
            try:
                self._edition = await run_in_threadpool(_edition)
            except SQLAlchemyError:
                self._edition, self._asked = -1, -FRESH_S
        if self._edition < 0:
            await self.app(scope, receive, send)
            return
        kept = self._pages.get(key)
        if kept and kept.edition == self._edition and kept.until > now:
            self._pages.move_to_end(key)
            await send(kept.start)
            await send({"type": "http.response.body", "body": kept.body})
            return
        await self._made(key, scope, receive, send, now)

    async def _made(self, key: Key, scope: Scope, receive: Receive, send: Send, now: float) -> None:
        edition = self._edition  # as it was before: what changes meanwhile makes it stale
        start: list[Message] = []
        body = bytearray()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.append({**message, "headers": list(message["headers"])})
            elif len(body) <= LARGEST:
                body.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, watched)
        if start and _may_be_kept(start[0]) and len(body) <= LARGEST:
            self._pages[key] = Kept(edition, now + LONGEST_S, start[0], bytes(body))
            while len(self._pages) > MOST:
                self._pages.popitem(last=False)


def _key(scope: Scope) -> Key | None:
    """None for whatever may not come from here. With HEAD the body would be missing."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    path = scope["path"]
    if path != "/":
        return None
    theme, packed = "", False
    for name, value in scope["headers"]:
        if name == b"cookie":
            cookies = cookie_parser(value.decode("latin-1"))
            theme = cookies.pop("theme", "")
            if cookies or theme not in ("light", "dark"):
                return None
        elif name in (b"authorization", b"range", b"hx-request", b"if-none-match"):
            return None
        elif name == b"accept-encoding":
            packed = b"gzip" in value
    return path, scope["query_string"], theme, packed


def _may_be_kept(start: Message) -> bool:
    headers = [(name.lower(), value.lower()) for name, value in start["headers"]]
    own = any(name == b"set-cookie" for name, _ in headers)
    vary = {value for name, value in headers if name == b"vary"}
    return start["status"] == 200 and not own and vary <= {b"accept-encoding"}


def _edition() -> int:
    with reading() as session:
        search.reveal_due(session)
        return search.edition(session)
