"""A slow round of all stored files: what is damaged is found before somebody downloads it."""

import threading

from sqlalchemy import select

from catalog import wholeness
from models.base import reading
from models.clip import Asset
from workers.lease import stopping
from workers.log import log

PIECE = 1 << 30
"""Bytes that are read each time: a terabyte takes three days and a half."""
REST = 288
"""Times that it does nothing after a round: a day."""
BATCH = 100


class _Round:
    """Of this process: begun anew after a start, as it is never urgent."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.mark, self.rest = "", 0


_round = _Round()


def scrub() -> None:
    """The next piece of the round."""
    with _round.lock:
        if _round.rest:
            _round.rest -= 1
            return
        left = PIECE
        while left > 0 and not stopping.is_set():
            batch = _next(_round.mark)
            if not batch:
                _round.mark, _round.rest = "", REST
                return
            for asset in batch:
                if left <= 0 or stopping.is_set():
                    return
                _look(asset)
                _round.mark, left = asset.id, left - asset.size


def look_again() -> None:
    """What was damaged may have been put right."""
    for asset in wholeness.broken():
        _look(asset)


def _next(mark: str) -> list[Asset]:
    with reading() as session:
        wanted = select(Asset).where(Asset.id > mark).order_by(Asset.id).limit(BATCH)
        return list(session.scalars(wanted))


def _look(asset: Asset) -> None:
    whole = wholeness.look(asset)
    if whole != (asset.broken_ms is None):
        log().warning("a stored file", key=asset.key, whole=whole)
