"""A stored file as an answer: sent from here, or handed over to the nginx that stands before us."""

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from catalog import media, wholeness
from catalog.errors import NotFound
from catalog.web import straight
from models.clip import Asset
from models.settings import settings
from models.storage import store

HANDED_OVER = "/_blobs/"
"""The internal location of nginx whose alias is the folder of the store."""


def send(
    request: Request, asset: Asset, *, attachment: str = "", private: bool = False
) -> Response:
    """`attachment`: a Content-Disposition for what is saved under a name and never cached.
    `private`: not everybody may have it, so no browser keeps it either."""
    wholeness.needs(asset)
    kept, mime = media.headers(asset), media.mime(asset)
    if private:
        kept |= {"Cache-Control": media.CLEAN}
    if attachment:
        kept |= {"Content-Disposition": attachment, "Cache-Control": media.CLEAN}
    if media.unchanged(asset, request.headers):
        return Response(status_code=304, headers=kept)
    part = media.span(asset, request.headers)
    if settings().hand_off == "nginx" and hasattr(store(), "folder"):
        return _handed_over(asset, kept, mime)
    start, end = part or (0, asset.size)
    kept["Content-Length"] = str(end - start)
    if part:
        kept["Content-Range"] = f"bytes {start}-{end - 1}/{asset.size}"
    code = 206 if part else 200
    if request.method == "HEAD":
        return Response(status_code=code, headers=kept, media_type=mime)
    folder = getattr(store(), "folder", None)
    if folder is not None and straight.can(request.scope):
        _needs_there(asset)
        return straight.FilePart(folder / asset.key, start, end, code, kept, mime)
    blocks = media.opened(store(), asset, start, end)
    return StreamingResponse(blocks, code, headers=kept, media_type=mime)


def _handed_over(asset: Asset, kept: dict[str, str], mime: str) -> Response:
    """nginx reads the range itself, and writes lengths and an ETag of its own."""
    _needs_there(asset)
    ours = ("Cache-Control", "Content-Disposition")
    headers = {name: value for name, value in kept.items() if name in ours}
    headers["X-Accel-Redirect"] = HANDED_OVER + asset.key
    return Response(status_code=200, headers=headers, media_type=mime)


def _needs_there(asset: Asset) -> None:
    """Raises NotFound: an error must come before the status line."""
    try:
        size = store().size(asset.key)
    except KeyError as error:
        raise NotFound(media.LOST) from error
    if size != asset.size:
        raise NotFound(media.LOST)
