"""Addresses that no letter goes to: one that bounced for good, one from which somebody complained.

Known by a keyed hash, so that it outlives an erasure and still is no address. Service mails are
tried all the same: they are owed, or somebody just asked for one, and what bounced may be there
again.
"""

import hashlib
import hmac
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import auth
from models import event
from models.base import now_ms
from models.consent import Stopped

BOUNCED, COMPLAINED = "bounced", "complained"
FULL = "full"
"""Not stopped yet: its mailbox had no room. That many days of it are a bounce."""
FULL_DAYS = 3
DAY_MS, FORGOTTEN_MS = 86_400_000, 60 * 86_400_000


def stop(session: Session, email: str, reason: str) -> None:
    """A complaint outweighs a bounce, and a bounce a full mailbox, whichever came first."""
    key, now = _hash(session, email), session.scalar(select(now_ms())) or 0
    found = session.get(Stopped, key, with_for_update=True)
    if found is None:
        session.add(Stopped(email_hash=key, reason=reason))
    elif reason == FULL:
        _fuller(found, now)
    else:
        found.count += 1
        found.at_ms = now
        if found.reason != COMPLAINED:
            found.reason = reason
    session.flush()


def reason(session: Session, email: str) -> str:
    """Empty where letters may go there."""
    found = session.get(Stopped, _hash(session, email))
    return found.reason if found and found.reason != FULL else ""


def among(session: Session, emails: Iterable[str]) -> set[str]:
    """Those of them that letters may not go to."""
    key = auth.secret(session, "stopped")
    hashes = {_keyed(key, one): one for one in emails}
    wanted = select(Stopped.email_hash).where(
        Stopped.email_hash.in_(hashes), Stopped.reason != FULL
    )
    return {hashes[one] for one in session.scalars(wanted)}


def arrived(session: Session, email: str) -> bool:
    """A mail did: what came back before is over. A complaint is not."""
    found = session.get(Stopped, _hash(session, email))
    return found is not None and found.reason != COMPLAINED and lift(session, email)


def lift(session: Session, email: str) -> bool:
    """By the wish of whoever reads the mailbox, and nobody else's."""
    found = session.get(Stopped, _hash(session, email))
    if found is None:
        return False
    session.delete(found)
    event.record(session, "letters.lifted", found.email_hash)
    session.flush()
    return True


def _fuller(found: Stopped, now: int) -> None:
    """One more day of it, where the last is not long ago. Several letters in a day are one."""
    if found.reason != FULL or now - found.at_ms < DAY_MS // 2:
        return
    found.count = found.count + 1 if now - found.at_ms < FORGOTTEN_MS else 1
    found.at_ms = now
    if found.count >= FULL_DAYS:
        found.reason = BOUNCED


def _hash(session: Session, email: str) -> str:
    return _keyed(auth.secret(session, "stopped"), email)


def _keyed(key: str, email: str) -> str:
    return hmac.new(key.encode(), email.strip().lower().encode(), hashlib.sha256).hexdigest()
