"""Whom offers and visits are counted for: keyed hashes, so that rows can be counted and not read.
A visit's key lives for a day; nobody can tell afterwards whose visits it named."""

import hashlib
import hmac

from sqlalchemy import delete
from sqlalchemy.orm import Session

from catalog import auth
from catalog.auth import Visitor
from models.account import Secret

DAY_MS = 86_400_000
OFFERS, VISITS = "offers", "visits "


def whose(session: Session, visitor: Visitor) -> str:
    """Empty for a browser without an account and without a guest's cookie: none is made for it."""
    return _of(session, OFFERS, visitor.account_id or "", visitor.guest)


def known(session: Session, visitor: Visitor) -> str:
    """The same where only reading is done: without a key nobody was offered anything yet."""
    return whose(session, visitor) if session.get(Secret, OFFERS) else ""


def visit(session: Session, account_id: str | None, guest: str, creator_id: str, at_ms: int) -> str:
    """Of one person at one creator's clips, on one day by UTC."""
    day = at_ms // DAY_MS
    found = _of(session, f"{VISITS}{day}", account_id or "", guest)
    return hashlib.sha256(f"{found} {creator_id}".encode()).hexdigest() if found else ""


def share(session: Session, whose: str, offer: str) -> int:
    """0..99, always the same for one person and one offer."""
    key = auth.secret(session, OFFERS).encode()
    found = hmac.new(key, f"{whose} {offer}".encode(), hashlib.sha256).digest()
    return int.from_bytes(found[:8]) % 100


def forget(session: Session, at_ms: int) -> None:
    """The keys of the days before."""
    now = f"{VISITS}{at_ms // DAY_MS}"
    old = Secret.name.startswith(VISITS) & (Secret.name != now)
    session.execute(delete(Secret).where(old))


def _of(session: Session, name: str, account_id: str, guest: str) -> str:
    who = f"account {account_id}" if account_id else f"guest {guest}" if guest else ""
    if not who:
        return ""
    key = auth.secret(session, name).encode()
    return hmac.new(key, who.encode(), hashlib.sha256).hexdigest()
