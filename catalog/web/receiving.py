"""A file that a visitor sends, of gigabytes perhaps: to the disk as it comes, never in memory."""

import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from catalog.errors import BadRequest, CatalogError
from models.base import new_id
from models.settings import settings

MOST_BYTES = 2 << 30
MOST_FIELDS, FIELD_BYTES = 20, 4_000
AT_ONCE = 1 << 20
LOOK_EVERY = 64 << 20
LEFT_OVER_S = 86_400
FILE_FIELD = "file"


class TooLarge(CatalogError):
    status = 413
    title = "This is too large"


class NoRoom(CatalogError):
    status = 503
    title = "There is no room for this file just now"


@dataclass
class Received:
    """`size` is 0 where no file came, or an empty one."""

    path: Path
    size: int = 0
    fields: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def received(request: Request, *, bare: bool = False) -> AsyncIterator[Received]:
    """A form with one file, or (`bare`) the file alone as the body; at the end it is gone."""
    folder = settings().work_folder / "verify"
    await run_in_threadpool(_clear, folder)
    into = Received(folder / f"{new_id()}.upload")
    try:
        with into.path.open("xb") as file:
            if not bare and _kind(request) == b"application/x-www-form-urlencoded":
                into.fields = await _short_form(request)
            else:
                await _receive(request, into, file, bare)
        yield into
    except ClientDisconnect:
        raise BadRequest("The file did not arrive whole.") from None
    finally:
        into.path.unlink(missing_ok=True)


def _kind(request: Request) -> bytes:
    return parse_options_header(request.headers.get("content-type", ""))[0]


async def _short_form(request: Request) -> dict[str, str]:
    """A form without a file."""
    text = bytearray()
    async for block in request.stream():
        text += block
        if len(text) > FIELD_BYTES:
            raise BadRequest("This form is too long.")
    try:
        pairs = parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise BadRequest(f"The form can't be read: {str(error)[:100]}") from None
    return dict(pairs)


async def _receive(request: Request, into: Received, file: BinaryIO, bare: bool) -> None:
    pieces = _Pieces(into)
    parser = _parser(request, pieces, bare)
    waiting = bytearray()
    async for block in request.stream():
        if parser is None:
            pieces.add(block)
        else:
            try:
                parser.write(block)
            except FormParserError as error:
                raise BadRequest(f"The form can't be read: {str(error)[:100]}") from None
        waiting += pieces.taken()
        if len(waiting) >= AT_ONCE:
            await run_in_threadpool(_keep, file, bytes(waiting), into.size)
            waiting.clear()
    await run_in_threadpool(_keep, file, bytes(waiting), into.size)
    if parser is not None and not pieces.whole:
        raise BadRequest("The form did not arrive whole.")


def _keep(file: BinaryIO, block: bytes, size: int) -> None:
    if size // LOOK_EVERY != (size - len(block)) // LOOK_EVERY:
        free = shutil.disk_usage(Path(file.name).parent).free
        if free < settings().keep_free_mb << 20:
            raise NoRoom("The disk is nearly full. Nothing was kept; try again later.")
    file.write(block)
    file.flush()


def _parser(request: Request, pieces: "_Pieces", bare: bool) -> MultipartParser | None:
    """None: the body is the file."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        if bare:
            return None
        raise BadRequest("The form can't be read: it is of another kind.")
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= 200:
        raise BadRequest("The form can't be read: it names no boundary.")
    return MultipartParser(
        boundary,
        {
            "on_part_begin": pieces.begin,
            "on_header_field": pieces.header_name,
            "on_header_value": pieces.header_value,
            "on_header_end": pieces.header_end,
            "on_headers_finished": pieces.headers_end,
            "on_part_data": pieces.data,
            "on_part_end": pieces.end,
            "on_end": pieces.all,
        },
    )


class _Pieces:
    """What the parser says, in order. It asks for calls to remember things between."""

    def __init__(self, into: Received) -> None:
        self.into, self.block = into, bytearray()
        self.name, self.is_file, self.files, self.parts = "", False, 0, 0
        self.header, self.value, self.text = b"", b"", b""
        self.whole = False

    def begin(self) -> None:
        self.parts += 1
        if self.parts > MOST_FIELDS:
            raise BadRequest(f"A form has {MOST_FIELDS} fields at most.")
        self.name, self.is_file, self.text = "", False, b""

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_end(self) -> None:
        if self.header.lower() == b"content-disposition":
            options = parse_options_header(self.value)[1]
            self.name = options.get(b"name", b"").decode(errors="replace")[:100]
            self.is_file = b"filename" in options and self.name == FILE_FIELD
        self.header, self.value = b"", b""

    def headers_end(self) -> None:
        self.files += self.is_file
        if self.files > 1:
            raise BadRequest("Send one file at a time.")

    def data(self, data: bytes, start: int, end: int) -> None:
        if self.is_file:
            return self.add(data[start:end])
        self.text += data[start:end]
        if len(self.text) > FIELD_BYTES:
            raise BadRequest(f"The field {self.name[:40]!r} is too long.")

    def end(self) -> None:
        if not self.is_file:
            self.into.fields[self.name] = self.text.decode(errors="replace")

    def all(self) -> None:
        self.whole = True

    def add(self, block: bytes) -> None:
        self.into.size += len(block)
        if self.into.size > MOST_BYTES:
            raise TooLarge(f"A file may have {MOST_BYTES >> 30} GB. Nothing was kept.")
        self.block += block

    def taken(self) -> bytes:
        block, self.block = bytes(self.block), bytearray()
        return block


def _clear(folder: Path) -> None:
    """What a process that was killed left behind."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for entry in os.scandir(folder):
        with contextlib.suppress(OSError):
            if entry.stat(follow_symlinks=False).st_mtime < time.time() - LEFT_OVER_S:
                Path(entry.path).unlink()
