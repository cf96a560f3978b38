"""A stored file as an answer."""

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from catalog import media
from models.clip import Asset
from models.storage import store


def send(request: Request, asset: Asset) -> Response:
    kept, mime = media.headers(asset), media.mime(asset)
    if media.unchanged(asset, request.headers):
        return Response(status_code=304, headers=kept)
    part = media.span(asset, request.headers)
    start, end = part or (0, asset.size)
    kept["Content-Length"] = str(end - start)
    if part:
        kept["Content-Range"] = f"bytes {start}-{end - 1}/{asset.size}"
    code = 206 if part else 200
    if request.method == "HEAD":
        return Response(status_code=code, headers=kept, media_type=mime)
    blocks = media.opened(store(), asset, start, end)
    return StreamingResponse(blocks, code, headers=kept, media_type=mime)
