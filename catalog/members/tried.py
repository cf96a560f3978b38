"""Who was a member and is erased: their address has no second trial with the same creator.

Kept is a keyed hash of both, which is no address and leads to none; among the addresses that
letters don't go to (models.consent.Stopped), under a reason that letters don't ask for: a hash of
theirs is of an address alone.
"""

import hashlib
import hmac

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from catalog import auth
from models.account import Secret
from models.consent import Stopped
from models.membership import Membership

REASON, KEY = "tried", "tried"
KEPT_MS = 3 * 365 * 86_400_000


def remember(session: Session, account_id: str, email: str) -> None:
    """Before the address goes. Again is fine."""
    key = auth.secret(session, KEY)
    had = select(Membership.creator_id).where(
        Membership.account_id == account_id, Membership.joined_ms.is_not(None)
    )
    for creator_id in session.scalars(had.distinct()).all():
        session.merge(Stopped(email_hash=_hash(key, email, creator_id), reason=REASON))
    session.flush()


def before(session: Session, email: str, creator_id: str) -> bool:
    key = session.get(Secret, KEY)
    if key is None or not email:
        return False
    return session.get(Stopped, _hash(key.value, email, creator_id)) is not None


def forget(session: Session, at_ms: int) -> None:
    """What is older than anybody needs to know."""
    old = Stopped.reason == REASON, Stopped.at_ms < at_ms - KEPT_MS
    session.execute(delete(Stopped).where(*old))


def _hash(key: str, email: str, creator_id: str) -> str:
    said = f"{creator_id}\n{email.strip().lower()}"
    return hmac.new(key.encode(), said.encode(), hashlib.sha256).hexdigest()
