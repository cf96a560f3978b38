"""Stored bytes over HTTP: whole, or one range a request; the name of the content is its sha256.

Which of them may leave, and to whom, is decided in get(); what a license delivers leaves by
catalog.deliveries alone.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.entitlements import may_use, now_of, seen_by_all
from catalog.errors import NotFound, RangeRefused
from models.base import engine
from models.clip import Asset, AssetKind, Clip
from models.recording import Recording
from models.storage import Store

FOREVER = "private, max-age=31536000, immutable"
"""Private: what is withdrawn must not live on in a cache that others share."""
LOST = "This file is missing from the store; `reelyard check` says more."
CLEAN = "no-store"
"""What only some may have is kept by no browser either: the next person at it may be another."""
SHOWN = re.compile(r"(video|audio|image)/[a-z0-9.+-]+|text/vtt|application/json")
LONGEST_RANGE = 60
SEEN = (
    AssetKind.POSTER,
    AssetKind.CAPTIONS,
    AssetKind.MANIFEST,
    AssetKind.PREVIEW,
    AssetKind.HOVER,
    AssetKind.STORYBOARD,
)
"""Of a clip, for whoever may see it."""
_PUBLIC = select(*Asset.__table__.columns).where(
    Asset.id == bindparam("asset_id"), Asset.kind.in_(SEEN), seen_by_all(Asset.clip_id)
)
TILES, COLUMNS, TILE = 10, 5, (160, 90)
"""Of a storyboard; pipeline.previews draws it so."""


class RequestHeaders(Protocol):
    def get(self, key: str, /) -> str | None: ...


def file_name(asset: Asset) -> str:
    return f"{asset.kind}{asset.suffix}"


def url(asset: Asset) -> str:
    return f"/media/{asset.id}/{file_name(asset)}"


def get(session: Session, visitor: Visitor, asset_id: str, name: str) -> Asset:
    """Raises NotFound for what is absent and for what is not the visitor's to have."""
    asset = session.get(Asset, asset_id)
    if asset is None or file_name(asset) != name or not _may_have(session, visitor, asset):
        raise NotFound("There is no such file.")
    return asset


def public(asset_id: str, name: str) -> Asset | None:
    """What everybody may have: get() would say the same to any visitor.

    A player asks for each range of a film, so it is one question, put into words once, and without
    a session, which would cost more than the answer.
    """
    with engine().connect().execution_options(reads=True) as connection:
        row = connection.execute(_PUBLIC, {"asset_id": asset_id}).one_or_none()
    asset = Asset(**row._mapping) if row else None
    return asset if asset and file_name(asset) == name else None


def _may_have(session: Session, visitor: Visitor, asset: Asset) -> bool:
    if asset.kind == AssetKind.CHUNK:
        recording = session.get_one(Recording, asset.recording_id)
        mine = visitor.works_for(recording.creator_id)
        return mine and visitor.may_scope("recordings:read")
    if asset.clip_id is None:
        return False
    now = now_of(session)
    clip = session.get_one(Clip, asset.clip_id)
    if asset.kind == AssetKind.MASTER:
        return may_use(session, visitor, clip, "clean", now)
    if asset.kind == AssetKind.PREVIEW:
        return may_use(session, visitor, clip, "preview", now)
    return asset.kind in SEEN and may_use(session, visitor, clip, "see", now)


class Tile(NamedTuple):
    """One of a storyboard's: what it shows, and where it lies on the sheet."""

    start_ms: int
    end_ms: int
    x: int
    y: int


def tiles(clip: Clip) -> list[Tile]:
    width, height = TILE
    edges = [clip.length_ms * number // TILES for number in range(TILES + 1)]
    return [
        Tile(
            edges[number],
            edges[number + 1],
            number % COLUMNS * width,
            number // COLUMNS * height,
        )
        for number in range(TILES)
    ]


def storyboard(clip: Clip, url: str) -> str:
    """WebVTT whose cues are the tiles of the sheet at `url`."""
    width, height = TILE
    cues = [
        f"{_clock(one.start_ms)} --> {_clock(one.end_ms)}\n"
        f"{url}#xywh={one.x},{one.y},{width},{height}"
        for one in tiles(clip)
    ]
    return "\n\n".join(["WEBVTT", *cues]) + "\n"


def _clock(at_ms: int) -> str:
    seconds, ms = divmod(at_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"


def mime(asset: Asset) -> str:
    """Anything a browser might run is sent as plain bytes instead."""
    shown = SHOWN.fullmatch(asset.mime) and asset.mime != "image/svg+xml"
    return asset.mime if shown else "application/octet-stream"


def headers(asset: Asset) -> dict[str, str]:
    cached = FOREVER if asset.kind in SEEN else CLEAN
    kept = {"ETag": f'"{asset.sha256}"', "Cache-Control": cached, "Accept-Ranges": "bytes"}
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
    if "," in asked[:LONGEST_RANGE] or len(asked) > LONGEST_RANGE:
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
        raise NotFound(LOST) from error
    return _chained(first, blocks)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
