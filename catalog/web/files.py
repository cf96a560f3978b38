"""Our static files, kept in memory; their address names their content: they never go stale."""

import functools
import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from catalog.errors import NotFound

FOLDER = Path(__file__).parent / "static"
MIMES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
PACKED = (".css", ".js", ".mjs", ".svg", ".txt")


@dataclass(frozen=True)
class File:
    body: bytes
    packed: bytes | None
    mime: str
    etag: str


@functools.cache
def files() -> dict[str, File]:
    return {
        path.relative_to(FOLDER).as_posix(): _read(path)
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in MIMES and path.is_file()
    }


@functools.cache
def edition() -> str:
    """One word for the content of all files."""
    whole = "".join(f"{name}{file.etag}" for name, file in files().items())
    return hashlib.sha256(whole.encode()).hexdigest()[:10]


def url(name: str) -> str:
    if name not in files():
        raise KeyError(name)
    return f"/static/{edition()}/{name}"


def serve(request: Request, asked_edition: str, name: str) -> Response:
    file = files().get(name)
    if file is None:
        raise NotFound("There is no such file.")
    current = asked_edition == edition()
    headers = {
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
        "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
    }
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    if file.packed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(
            file.packed, media_type=file.mime, headers={**headers, "Content-Encoding": "gzip"}
        )
    return Response(file.body, media_type=file.mime, headers=headers)


def _read(path: Path) -> File:
    body = path.read_bytes()
    return File(
        body=body,
        packed=gzip.compress(body, 9, mtime=0) if path.suffix in PACKED else None,
        mime=MIMES[path.suffix],
        etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
    )
