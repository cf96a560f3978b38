"""Who asks: an account by its sign-in or token, or a guest; and what that lets them do."""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from catalog.errors import NotFound, SignInNeeded
from models.account import Account, Role, Secret, SignIn, Token
from models.base import now_ms
from models.creator import Creator

SIGN_IN_MS = 30 * 86_400_000
SEEN_EVERY_MS = 3_600_000


@dataclass(frozen=True)
class Visitor:
    """`guest`: the hash of the cookie of a browser that is not signed in."""

    account_id: str | None = None
    email: str = ""
    name: str = ""
    roles: frozenset[str] = frozenset()
    creator_ids: frozenset[str] = frozenset()
    guest: str = ""
    scopes: frozenset[str] | None = None
    """Of a token; None for a browser, which may do all that its account may."""
    token_id: str = ""
    noted: bool = True
    """False where the token's use is to be noted."""

    @property
    def actor(self) -> str:
        return f"token:{self.token_id}" if self.token_id else self.account_id or ""

    def has(self, *roles: Role) -> bool:
        """Staff have every role."""
        return Role.STAFF in self.roles or any(role in self.roles for role in roles)

    def may_scope(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes

    def works_for(self, creator_id: str) -> bool:
        return Role.STAFF in self.roles or creator_id in self.creator_ids


NOBODY = Visitor()


def sha256(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def visitor_of(
    session: Session, *, sign_in: str = "", bearer: str = "", guest: str = ""
) -> Visitor:
    """By a token, else by a sign-in, else a guest. A word that opens nothing is nobody's."""
    if bearer:
        return _of_token(session, bearer)
    found = _of_sign_in(session, sign_in) if sign_in else None
    return found or guest_of(guest)


def guest_of(word: str) -> Visitor:
    return Visitor(guest=sha256(word) if word else "")


def begin_sign_in(session: Session, account: Account, browser: str = "") -> str:
    """The word for the cookie."""
    word = secrets.token_urlsafe(32)
    now = session.scalar(select(now_ms())) or 0
    session.add(
        SignIn(
            token_sha256=sha256(word),
            account_id=account.id,
            browser=browser[:60],
            expires_ms=now + SIGN_IN_MS,
        )
    )
    return word


def end_sign_in(session: Session, word: str) -> None:
    session.execute(delete(SignIn).where(SignIn.token_sha256 == sha256(word)))


def needs(visitor: Visitor, *roles: Role) -> None:
    """Raises SignInNeeded for nobody, NotFound for somebody else: what is not theirs is absent."""
    if visitor.account_id is None:
        raise SignInNeeded("This page is for people who are signed in.")
    if roles and not visitor.has(*roles):
        raise NotFound("There is nothing at this address for this account.")


def needs_creator(visitor: Visitor, creator_id: str) -> None:
    needs(visitor)
    if not visitor.works_for(creator_id):
        raise NotFound("There is nothing at this address for this account.")


def secret(session: Session, name: str) -> str:
    """A key that all processes share, made at first use."""
    found = session.get(Secret, name)
    if found is None:  # two processes at once make one
        insert = (
            postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        )
        made = insert(Secret).values(name=name, value=secrets.token_hex(32))
        session.execute(made.on_conflict_do_nothing())
        found = session.get_one(Secret, name)
    return found.value


def _of_sign_in(session: Session, word: str) -> Visitor | None:
    row = session.execute(
        select(SignIn, Account)
        .join(Account, Account.id == SignIn.account_id)
        .where(
            SignIn.token_sha256 == sha256(word),
            SignIn.expires_ms > now_ms(),
            Account.closed_ms.is_(None),
        )
    ).one_or_none()
    return _visitor(session, row[1]) if row else None


def _of_token(session: Session, word: str) -> Visitor:
    row = session.execute(
        select(Token, Account)
        .join(Account, Account.id == Token.account_id)
        .where(
            Token.token_sha256 == sha256(word),
            Token.revoked_ms.is_(None),
            Token.expires_ms > now_ms(),
            Account.closed_ms.is_(None),
        )
    ).one_or_none()
    if row is None:
        raise SignInNeeded("This token is unknown, expired or revoked.")
    token, account = row
    return _visitor(session, account, token)


def _visitor(session: Session, account: Account, token: Token | None = None) -> Visitor:
    own = session.scalars(select(Creator.id).where(Creator.account_id == account.id)).all()
    return Visitor(
        account_id=account.id,
        email=account.email,
        name=account.name,
        roles=frozenset(account.roles),
        creator_ids=frozenset(own),
        scopes=frozenset(token.scopes) if token else None,
        token_id=token.id if token else "",
        noted=token is None or (token.used_ms or 0) > _now(session) - SEEN_EVERY_MS,
    )


def _now(session: Session) -> int:
    return session.scalar(select(now_ms())) or 0


def note_use(session: Session, token_id: str) -> None:
    """When a token was last used, to the hour: not a write for each request."""
    now = session.scalar(select(now_ms())) or 0
    session.execute(
        update(Token)
        .where(
            Token.id == token_id,
            Token.used_ms.is_(None) | (Token.used_ms < now - SEEN_EVERY_MS),
        )
        .values(used_ms=now)
    )
