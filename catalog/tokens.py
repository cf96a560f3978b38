"""API tokens: shown once, kept as a hash, each with its scopes and its end."""

import secrets
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.auth import sha256
from catalog.errors import BadRequest, NotFound, Refusal
from models import event
from models.account import Token
from models.base import now_ms

SCOPES = {
    "catalog:read": "Read the catalogue",
    "lightboxes:read": "Read your lightboxes and saved searches",
    "lightboxes:write": "Change your lightboxes and saved searches",
    "recordings:read": "Read your recordings, their timelines, reasons and streams",
    "recordings:write": "Make, trim and discard clips of your recordings",
    "quotes:write": "Ask for prices and other terms",
    "orders:read": "Read your orders and invoices",
    "orders:write": "Order and pay",
    "licenses:read": "Read your licenses and download their files",
    "memberships:read": "Read your memberships, and see what you see as a member, before others do",
    "memberships:write": "Join, change, pause and leave memberships, and pay for them",
    "figures:read": "Read your figures: members, revenue, offers, licensing",
    "account:read": "Read and export all that is kept of you",
    "account:write": "Agree, take back what you agreed to, erase your account",
    "members:read": "Read your segments of members, and hand out their addresses who agreed",
    "members:write": "Make and close segments of members",
    "pools:read": "Read the pools that you may draw from, and their feeds",
    "pools:write": "Change your pools",
    "hooks:write": "Change where webhooks go, and send them again",
}
DAYS = (7, 30, 90, 365)
MOST = 50
DAY_MS = 86_400_000


def make(
    session: Session, account_id: str, name: str, scopes: Sequence[str], days: int
) -> tuple[Token, str]:
    """The row, and the word that nobody can read again."""
    name = " ".join(name.split())
    if not name or len(name) > 100:
        raise BadRequest("Give the token a name of 100 characters at most.")
    if not scopes or not set(scopes) <= SCOPES.keys():
        raise BadRequest("Choose what the token may do; it needs one scope at least.")
    if not 1 <= days <= max(DAYS):
        raise BadRequest(f"A token lives 1 to {max(DAYS)} days.")
    if _alive(session, account_id) >= MOST:
        raise Refusal(f"There are {MOST} tokens already. Revoke one that you no longer need.")
    word = f"rly_{secrets.token_urlsafe(32)}"
    made = Token(
        account_id=account_id,
        name=name,
        token_sha256=sha256(word),
        begins=word[:12],
        scopes=[one for one in SCOPES if one in scopes],
        expires_ms=(session.scalar(select(now_ms())) or 0) + days * DAY_MS,
    )
    session.add(made)
    session.flush()
    event.record(session, "token.made", account_id, token=made.id, scopes=made.scopes, days=days)
    return made, word


def of_account(session: Session, account_id: str) -> Sequence[Token]:
    """Those that are not revoked, newest first; expired ones too, so that one sees why."""
    wanted = select(Token).where(Token.account_id == account_id, Token.revoked_ms.is_(None))
    return session.scalars(wanted.order_by(Token.created_ms.desc(), Token.id)).all()


def revoke(session: Session, account_id: str, token_id: str) -> None:
    mine = select(Token).where(Token.id == token_id, Token.account_id == account_id)
    found = session.scalars(mine).one_or_none()
    if found is None:
        raise NotFound("There is no such token.")
    if found.revoked_ms is None:
        found.revoked_ms = session.scalar(select(now_ms()))
        event.record(session, "token.revoked", account_id, token=found.id)


def _alive(session: Session, account_id: str) -> int:
    counted = select(func.count()).where(
        Token.account_id == account_id, Token.revoked_ms.is_(None), Token.expires_ms > now_ms()
    )
    return session.scalar(counted) or 0
