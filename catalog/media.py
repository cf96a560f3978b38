"""Stored bytes over HTTP: whole, or one range a request; the name of the content is its sha256."""

import re
from collections.abc import Iterator
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.errors import NotFound, RangeRefused
from catalog.listings import is_public
from models.clip import Asset, AssetKind
from models.listing import Listing
from models.storage import Store

FOREVER = "private, max-age=31536000, immutable"
"""Private: what is withdrawn must not live on in a cache that others share."""
SHOWN = re.compile(r"(video|audio|image)/[a-z0-9.+-]+|text/vtt|application/json")
NEVER = (AssetKind.ORIGINAL,)


class RequestHeaders(Protocol):
    def get(self, key: str, /) -> str | None: ...


def file_name(asset: Asset) -> str:
    return f"{asset.kind}{asset.suffix}"


def url(asset: Asset) -> str:
    return f"/media/{asset.id}/{file_name(asset)}"


def get(session: Session, asset_id: str, name: str) -> Asset:
    """An asset that anyone may fetch: never an original, nor one of a clip that isn't public."""
    asset = session.get(Asset, asset_id)
    if asset is None or asset.kind in NEVER or file_name(asset) != name:
        raise NotFound("There is no such file.")
    if asset.clip_id is not None:
        of_it = select(Listing.id).where(Listing.clip_id == asset.clip_id, is_public())
        if session.scalar(of_it) is None:
            raise NotFound("There is no such file.")
    return asset


def mime(asset: Asset) -> str:
    """Anything a browser might run is sent as plain bytes instead."""
    shown = SHOWN.fullmatch(asset.mime) and asset.mime != "image/svg+xml"
    return asset.mime if shown else "application/octet-stream"


def headers(asset: Asset) -> dict[str, str]:
    kept = {"ETag": f'"{asset.sha256}"', "Cache-Control": FOREVER, "Accept-Ranges": "bytes"}
    if mime(asset) == "application/octet-stream":
        kept["Content-Disposition"] = "attachment"
    return kept


def unchanged(asset: Asset, wanted: RequestHeaders) -> bool:
    seen = wanted.get("if-none-match") or ""
    return any(tag.strip().removeprefix("W/") == f'"{asset.sha256}"' for tag in seen.split(","))


def span(asset: Asset, wanted: RequestHeaders) -> tuple[int, int] | None:
    """The bytes asked for as (start, end); None for the whole file. Raises RangeRefused."""
    asked = wanted.get("range")
    if asked is None or wanted.get("if-range") not in (None, f'"{asset.sha256}"'):
        return None
    if "," in asked:
        raise RangeRefused("Ask for one range in each request.", asset.size)
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", asked.strip(), re.ASCII)
    if not found or not any(found.groups()):
        raise RangeRefused("The range can't be read; it looks like bytes=0-1023.", asset.size)
    first, last = found.groups()
    if first:
        start, end = int(first), min(int(last) + 1, asset.size) if last else asset.size
    else:
        start, end = max(asset.size - int(last), 0), asset.size
    if start >= end:
        raise RangeRefused(f"The file has {asset.size} bytes.", asset.size)
    return start, end


def opened(store: Store, asset: Asset, start: int, end: int) -> Iterator[bytes]:
    """The blocks, the first of them already read: an error must come before the status line.

    Raises NotFound where the store has lost the object, StoreDown where it does not answer.
    """
    blocks = store.read(asset.key, start, end)
    try:
        first = next(blocks, b"")
    except KeyError as error:
        raise NotFound(
            "This file is missing from the store; `reelyard check` says more."
        ) from error
    return _chained(first, blocks)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
