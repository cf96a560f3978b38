"""Between rows and media: where a recording's bytes are, and how a made file becomes an asset."""

import mimetypes
from pathlib import Path

from sqlalchemy import select

from models.base import reading
from models.clip import Asset, AssetKind
from models.storage import sha256_of, store

MIMES = {".mp4": "video/mp4", ".jpg": "image/jpeg", ".vtt": "text/vtt", ".json": "application/json"}


def original_key(recording_id: str) -> tuple[str, int]:
    """Key and size in bytes."""
    with reading() as session:
        asset = session.scalars(
            select(Asset).where(
                Asset.recording_id == recording_id, Asset.kind == AssetKind.ORIGINAL
            )
        ).one()
    return asset.key, asset.size


def stored(path: Path, kind: AssetKind, recording_id: str, *, mime: str = "") -> Asset:
    """Put the file into the store and answer its (not yet saved) row. Raises StoreDown."""
    suffix = path.suffix.lower()[:12]
    guessed = MIMES.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0]
    asset = Asset(
        recording_id=recording_id,
        kind=kind,
        sha256=sha256_of(path),
        suffix=suffix,
        size=path.stat().st_size,
        mime=mime or guessed or "application/octet-stream",
    )
    store().put(path, asset.key)
    return asset
