"""Whether stored bytes are still what they were: looked at when a download begins, before a copy is
made of them, and by a slow round of all files (workers/scrub.py).
"""

import hashlib

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog import mail
from catalog.errors import Damaged
from models import event
from models.base import now_ms, reading, unit_of_work
from models.clip import Asset
from models.settings import settings
from models.storage import store

DAMAGED = (
    "What is stored of this file is not what it was, so it is not sent. Staff have been told and "
    "put it right; nothing that you have is lost. Try again later."
)


def needs(asset: Asset) -> None:
    """Raises Damaged, by what is known already: it costs no reading."""
    if asset.broken_ms is not None:
        raise Damaged(DAMAGED)


def look(asset: Asset) -> bool:
    """Read it all, and note what was found where it is new. Raises StoreDown."""
    whole = _is_whole(asset)
    if whole != (asset.broken_ms is None):
        with unit_of_work() as session:
            _note(session, asset, whole=whole)
    return whole


def broken() -> list[Asset]:
    with reading() as session:
        return list(session.scalars(select(Asset).where(Asset.broken_ms.is_not(None))))


def _is_whole(asset: Asset) -> bool:
    digest = hashlib.sha256()
    try:
        for block in store().read(asset.key):
            digest.update(block)
    except KeyError:
        return False
    return digest.hexdigest() == asset.sha256


def _note(session: Session, asset: Asset, *, whole: bool) -> None:
    """Of every row that has these bytes. Staff are told once."""
    same = Asset.sha256 == asset.sha256, Asset.suffix == asset.suffix
    known = Asset.broken_ms.is_not(None) if whole else Asset.broken_ms.is_(None)
    turned = update(Asset).where(*same, known).values(broken_ms=None if whole else now_ms())
    found = session.scalars(turned.returning(Asset.id)).all()
    if not found:
        return
    event.record(session, "asset.whole" if whole else "asset.broken", found[0], key=asset.key)
    if not whole:
        mail.write(session, settings().operator, "file-damaged", asset=asset, rows=len(found))
