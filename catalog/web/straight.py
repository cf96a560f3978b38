"""A file sent straight from disk to socket by the kernel (sendfile), past Python's memory.

h11 was made for it: what goes out is told to it by its length alone. Where the server is another
one, or writes TLS itself, files go out in blocks as any other answer.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import h11
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from catalog.web.patience import Patient

CONNECTION = "reelyard.connection"


class Protocol(Patient):
    """Lets an answer see the connection that it goes out by."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        app = self.app

        async def with_connection(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[CONNECTION] = self
            await app(scope, receive, send)

        self.app = with_connection  # an ASGI application like any


def can(scope: Scope) -> bool:
    connection = scope.get("extensions", {}).get(CONNECTION)
    return connection is not None and connection.transport.get_extra_info("sslcontext") is None


class _Length:
    """Bytes of which h11 knows how many they are, and no more."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count


class FilePart(Response):
    """Bytes start to end (not included) of the file. Its headers say the length."""

    def __init__(
        self, path: Path, start: int, end: int, code: int, headers: dict[str, str], mime: str
    ) -> None:
        super().__init__(status_code=code, headers=headers, media_type=mime)
        self.path, self.start, self.end = path, start, end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope["extensions"][CONNECTION]
        with self.path.open("rb") as file:
            head = {"type": "http.response.start", "status": self.status_code}
            await send(head | {"headers": self.raw_headers})
            count = self.end - self.start
            if connection.transport.is_closing():
                await _gone(receive)
                return
            if connection.conn.our_state is not h11.SEND_BODY:  # a layer around us holds the head
                file.seek(self.start)
                await send({"type": "http.response.body", "body": file.read(count)})
                return
            with contextlib.suppress(ConnectionError, RuntimeError):  # the reader went away
                told: Any = _Length(count)
                connection.conn.send_with_data_passthrough(h11.Data(data=told))
                loop = asyncio.get_running_loop()
                sent = await loop.sendfile(connection.transport, file, self.start, count)
                if sent == count:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    return
            connection.transport.abort()
            await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Until uvicorn knows it as well: it would log an answer that ends too early as our fault."""
    while (await receive())["type"] != "http.disconnect":
        pass
