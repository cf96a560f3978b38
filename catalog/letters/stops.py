"""Addresses that no letter goes to: one that bounced for good, one from which somebody complained.

Known by a keyed hash, so that it outlives an erasure and still is no address.
"""

import hashlib
import hmac

from sqlalchemy.orm import Session

from catalog import auth
from models import event
from models.base import now_ms
from models.consent import Stopped

BOUNCED, COMPLAINED = "bounced", "complained"


def stop(session: Session, email: str, reason: str) -> None:
    """A complaint outweighs a bounce, whichever came first."""
    key = _hash(session, email)
    found = session.get(Stopped, key, with_for_update=True)
    if found is None:
        session.add(Stopped(email_hash=key, reason=reason))
    else:
        found.count += 1
        found.at_ms = now_ms()
        if reason == COMPLAINED:
            found.reason = reason
    session.flush()


def reason(session: Session, email: str) -> str:
    """Empty where letters may go there."""
    found = session.get(Stopped, _hash(session, email))
    return found.reason if found else ""


def lift(session: Session, email: str, *, only: str = "") -> bool:
    """By the wish of whoever reads the mailbox, and nobody else's."""
    found = session.get(Stopped, _hash(session, email))
    if found is None or (only and found.reason != only):
        return False
    session.delete(found)
    event.record(session, "letters.lifted", found.email_hash)
    session.flush()
    return True


def _hash(session: Session, email: str) -> str:
    key = auth.secret(session, "stopped").encode()
    return hmac.new(key, email.strip().lower().encode(), hashlib.sha256).hexdigest()
