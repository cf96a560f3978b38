"""Whom offers and visits are counted for: keyed hashes, so that rows can be counted and not read.
A visit's key lives for a day; nobody can tell afterwards whose visits it named."""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from catalog import auth
from catalog.auth import Visitor
from models.account import Secret
from models.base import now_ms
from models.offer import OfferChoice

DAY_MS = 86_400_000
OFFERS, VISITS = "offers", "visits "
TODAY = "today "
"""How the hash begins of whom only the day's key knows: with the key the name is gone."""


@dataclass(frozen=True)
class Passer(Visitor):
    """Somebody without an account. Without a guest's cookie either, what tells them from others is
    the network that they come by, and that until the day ends."""

    network: str = ""


def passing(visitor: Visitor, address: str) -> Visitor:
    """With the network of this address: a household's, where addresses are of version 6."""
    if visitor.account_id:
        return visitor
    return Passer(guest=visitor.guest, network=_network(address))


def is_known(visitor: Visitor) -> bool:
    """By something that outlives the day."""
    return bool(visitor.account_id or visitor.guest)


def whose(session: Session, visitor: Visitor, at_ms: int | None = None) -> str:
    """Empty for somebody without account, cookie and network: no cookie is made for it."""
    if is_known(visitor):
        return _of(session, OFFERS, visitor.account_id or "", visitor.guest)
    found = _of_network(session, visitor, _day(session, at_ms))
    return f"{TODAY}{found}"[:64] if found else ""


def known(session: Session, visitor: Visitor) -> str:
    """The same where only reading is done: without a key nobody was offered anything yet."""
    day = _day(session, None)
    key = OFFERS if is_known(visitor) else f"{VISITS}{day}"
    return whose(session, visitor, day * DAY_MS) if session.get(Secret, key) else ""


def visit(session: Session, account_id: str | None, guest: str, creator_id: str, at_ms: int) -> str:
    """Of one person at one creator's clips, on one day by UTC."""
    day = at_ms // DAY_MS
    return _at(_of(session, f"{VISITS}{day}", account_id or "", guest), creator_id)


def visit_still(
    session: Session, account_id: str | None, guest: str, creator_id: str, at_ms: int
) -> str:
    """Empty once the key of that day is thrown away."""
    day = at_ms // DAY_MS
    known = session.get(Secret, f"{VISITS}{day}") is not None
    return visit(session, account_id, guest, creator_id, at_ms) if known else ""


def visit_by_network(session: Session, visitor: Visitor, creator_id: str, at_ms: int) -> str:
    """Of a browser without a cookie; of one with a cookie, before it had one."""
    return _at(_of_network(session, visitor, at_ms // DAY_MS), creator_id)


def share(session: Session, whose: str, offer: str) -> int:
    """0..99, always the same for one person and one offer."""
    found = hmac.new(_key(session, OFFERS), f"{whose} {offer}".encode(), hashlib.sha256).digest()
    return int.from_bytes(found[:8]) % 100


def forget(session: Session, at_ms: int) -> None:
    """The keys of the days before, and what was said under them."""
    now = f"{VISITS}{at_ms // DAY_MS}"
    old = Secret.name.startswith(VISITS) & (Secret.name != now)
    gone = session.scalars(delete(Secret).where(old).returning(Secret.name)).all()
    if gone:
        session.info.pop("offers' keys", None)
        over = OfferChoice.at_ms < at_ms // DAY_MS * DAY_MS
        session.execute(delete(OfferChoice).where(OfferChoice.whose.startswith(TODAY), over))


def _day(session: Session, at_ms: int | None) -> int:
    return (session.scalar(select(now_ms())) or 0 if at_ms is None else at_ms) // DAY_MS


def _at(whose: str, creator_id: str) -> str:
    return hashlib.sha256(f"{whose} {creator_id}".encode()).hexdigest() if whose else ""


def _of_network(session: Session, visitor: Visitor, day: int) -> str:
    network = visitor.network if isinstance(visitor, Passer) else ""
    return _of(session, f"{VISITS}{day}", "", "", network) if network else ""


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a socket's name: nobody's in particular, but always the same
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


def _of(session: Session, name: str, account_id: str, guest: str, network: str = "") -> str:
    who = f"account {account_id}" if account_id else f"guest {guest}" if guest else ""
    who = who or (f"network {network}" if network else "")
    if not who:
        return ""
    return hmac.new(_key(session, name), who.encode(), hashlib.sha256).hexdigest()


def _key(session: Session, name: str) -> bytes:
    """Read once in a transaction: it is asked for at every step."""
    kept: dict[str, bytes] = session.info.setdefault("offers' keys", {})
    if name not in kept:
        kept[name] = auth.secret(session, name).encode()
    return kept[name]
