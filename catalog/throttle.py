"""How often one account or one address may do a thing. Nobody's address is kept, only its hash."""

import hashlib
import hmac
import threading
import time

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from catalog import auth
from catalog.errors import TooMany
from models.account import Throttle
from models.base import now_ms

KEPT_MS = 2 * 86_400_000
REMEMBERED = 20_000
_glances: dict[tuple[str, str, int], int] = {}
_lock = threading.Lock()


def take(session: Session, what: str, whom: str, most: int, per_s: int) -> None:
    """Count it, in windows of `per_s`. Raises TooMany beyond `most`.

    In a transaction of its own: one that is rolled back has counted nothing.
    """
    now = session.scalar(select(now_ms())) or 0
    begins_ms = now - now % (per_s * 1000)
    values = {"key": _key(session, what, whom), "window_ms": begins_ms, "count": 1}
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    counted = session.scalar(
        insert(Throttle)
        .values(**values)
        .on_conflict_do_update(
            index_elements=[Throttle.key, Throttle.window_ms],
            set_={"count": Throttle.count + 1},
        )
        .returning(Throttle.count)
    )
    if (counted or 0) > most:
        raise _too_many((begins_ms + per_s * 1000 - now) // 1000 + 1)


def glance(what: str, whom: str, most: int, per_s: int) -> None:
    """The same for what is only read, in this process's memory: a row for each search would cost
    more than the search. Raises TooMany.
    """
    now = time.monotonic()
    window = int(now // per_s)
    with _lock:
        if len(_glances) > REMEMBERED:
            _glances.clear()
        key = (what, whom, window)
        _glances[key] = counted = _glances.get(key, 0) + 1
    if counted > most:
        raise _too_many(int((window + 1) * per_s - now) + 1)


def sweep(session: Session) -> None:
    session.execute(delete(Throttle).where(Throttle.window_ms < now_ms() - KEPT_MS))


def _too_many(retry_s: int) -> TooMany:
    wait = f"{retry_s} seconds" if retry_s < 120 else f"{-(-retry_s // 60)} minutes"
    return TooMany(f"Nothing was done. Try again in {wait}.", retry_s)


def _key(session: Session, what: str, whom: str) -> str:
    key = auth.secret(session, "throttle").encode()
    return f"{what}:{hmac.new(key, whom.encode(), hashlib.sha256).hexdigest()[:40]}"
