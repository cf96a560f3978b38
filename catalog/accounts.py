"""Accounts: how one gets in, by a link or a password; who may do what; what is on record."""

import secrets
from collections.abc import Sequence

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog import adopting, auth, carts, hooks, passwords
from catalog.auth import Visitor
from catalog.errors import BadRequest, CatalogError, NotFound, Refusal
from catalog.mail import address
from catalog.paged import Page, page_of
from models import event
from models.account import Account, MagicLink, Role, SignIn, Token
from models.base import now_ms
from models.creator import Creator
from models.event import Event
from models.settings import settings

LINK_MS = 15 * 60_000


class LinkOver(CatalogError):
    status = 410
    title = "This link no longer works"


def account_of(session: Session, email: str, *roles: Role) -> Account:
    """The account of this address, made where there is none; roles are added, never taken."""
    email = address(email)
    known = select(Account).where(Account.email == email)
    found = session.scalars(known).one_or_none()
    if found is None:
        try:
            with session.begin_nested():
                made = Account(email=email, roles=list(roles or (Role.LICENSEE,)))
                session.add(made)
            event.record(session, "account.made", made.id, roles=made.roles)
            return made
        except IntegrityError:  # two links of a new address, opened at once
            found = session.scalars(known).one()
    if not set(roles) <= set(found.roles):
        found.roles = sorted({*found.roles, *roles})
        event.record(session, "account.roles", found.id, roles=found.roles)
    return found


def make_link(session: Session, email: str, back: str) -> str:
    """The word of a link that signs in once, within 15 minutes."""
    word = secrets.token_urlsafe(32)
    now = _now(session)
    link = MagicLink(
        token_sha256=auth.sha256(word), email=address(email), back=back, expires_ms=now + LINK_MS
    )
    session.add(link)
    return word


def look(session: Session, word: str) -> MagicLink:
    """The link while it works. Raises LinkOver."""
    alive = select(MagicLink).where(
        MagicLink.token_sha256 == auth.sha256(word),
        MagicLink.used_ms.is_(None),
        MagicLink.expires_ms > now_ms(),
    )
    found = session.scalars(alive).one_or_none()
    if found is None:
        raise LinkOver("It was used already, or it is older than 15 minutes. Ask for a new one.")
    return found


def enter(session: Session, word: str, guest_hash: str, browser: str = "") -> tuple[str, str]:
    """By a link: the word for the cookie, and where to go. Raises LinkOver."""
    found = look(session, word)
    used = update(MagicLink).where(
        MagicLink.token_sha256 == found.token_sha256, MagicLink.used_ms.is_(None)
    )
    if not session.execute(used.values(used_ms=now_ms()).returning(MagicLink.email)).all():
        raise LinkOver("It was used just now. Ask for a new one.")
    account = account_of(session, found.email)
    if account.closed_ms is not None:
        raise Refusal("This account was closed. The operator of this site can open it again.")
    account.verified_ms = account.verified_ms or _now(session)
    return _in(session, account, guest_hash, browser, "link"), found.back


def by_password(session: Session, email: str, password: str) -> Account | None:
    """None where the two don't fit, whatever the reason. Slow on purpose: only reading."""
    wanted = select(Account).where(Account.email == email.strip().lower())
    found = session.scalars(wanted).one_or_none()
    fits = passwords.fits(found.password_hash if found else "", password)
    return found if fits and found and found.closed_ms is None else None


def enter_as(
    session: Session, account_id: str, password_hash: str, guest_hash: str, browser: str = ""
) -> str:
    """For whom by_password() answered: the word for the cookie."""
    account = session.get_one(Account, account_id)
    account.password_hash = password_hash
    return _in(session, account, guest_hash, browser, "password")


def new_password(session: Session, account_id: str, current: str, wanted: str) -> str:
    """Its hash, for set_password(). Slow on purpose: only reading. Raises BadRequest, Refusal."""
    account = session.get_one(Account, account_id)
    if account.password_hash and not passwords.fits(account.password_hash, current):
        raise Refusal("The current password is another one. Nothing was changed.")
    return passwords.made(wanted, email=account.email)


def set_password(session: Session, account_id: str, password_hash: str, keep: str) -> None:
    """Ends every sign-in but the one of this browser."""
    session.get_one(Account, account_id).password_hash = password_hash
    sign_out_others(session, account_id, keep)
    event.record(session, "account.password", account_id)


def rename(session: Session, account_id: str, name: str) -> None:
    name = " ".join(name.split())
    if len(name) > 200:
        raise BadRequest("A name has 200 characters at most.")
    session.get_one(Account, account_id).name = name
    event.record(session, "account.name", account_id)


def sign_ins(session: Session, account_id: str) -> Sequence[SignIn]:
    alive = select(SignIn).where(SignIn.account_id == account_id, SignIn.expires_ms > now_ms())
    return session.scalars(alive.order_by(SignIn.created_ms.desc())).all()


def sign_out_others(session: Session, account_id: str, keep: str) -> int:
    ended = session.execute(
        delete(SignIn)
        .where(SignIn.account_id == account_id, SignIn.token_sha256 != auth.sha256(keep))
        .returning(SignIn.token_sha256)
    ).all()
    if ended:
        event.record(session, "account.signed_out", account_id, sign_ins=len(ended))
    return len(ended)


def found(session: Session, text: str, offset: int) -> Page[Account]:
    """For staff: by a part of name or address, newest first."""
    wanted = select(Account)
    if text:
        wanted = wanted.where(
            or_(
                Account.email.contains(text.lower(), autoescape=True),
                Account.name.icontains(text, autoescape=True),
            )
        )
    return page_of(session, wanted.order_by(Account.created_ms.desc(), Account.id), offset)


def set_roles(session: Session, account_id: str, roles: Sequence[str]) -> Account:
    """Raises NotFound, BadRequest; Refusal where the operator would lose what opens this page."""
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound("There is no such account.")
    if not set(roles) <= set(Role):
        raise BadRequest("There is no such role.")
    if account.email == settings().operator.lower() and Role.STAFF not in roles:
        raise Refusal("The operator's own account stays staff: it is named in the settings.")
    account.roles = [role for role in Role if role in roles]
    event.record(session, "account.roles", account.id, roles=account.roles)
    return account


def creators(session: Session, offset: int) -> Page[Creator]:
    return page_of(session, select(Creator).order_by(Creator.name, Creator.id), offset)


def give_desk(session: Session, creator_id: str, email: str) -> Creator:
    """Who works for this creator from now on; nobody for an empty address."""
    creator = session.get(Creator, creator_id)
    if creator is None:
        raise NotFound("There is no such creator.")
    owner = account_of(session, email, Role.CREATOR) if email.strip() else None
    creator.account_id = owner.id if owner else None
    hooks.disable_strangers(session, creator_id)
    event.record(session, "creator.account", creator.id, account=creator.account_id)
    return creator


def events(session: Session, *, kind: str, subject: str, actor: str, offset: int) -> Page[Event]:
    """Newest first; each filter holds exactly, `kind` also by how it begins."""
    wanted = select(Event)
    if kind:
        wanted = wanted.where(Event.kind.startswith(kind, autoescape=True))
    if subject:
        wanted = wanted.where(Event.subject == subject)
    if actor:
        wanted = wanted.where(Event.actor == actor)
    return page_of(session, wanted.order_by(Event.at_ms.desc(), Event.id), offset)


def _in(session: Session, account: Account, guest_hash: str, browser: str, by: str) -> str:
    event.record(session, "account.signed_in", account.id, by=by)
    adopting.adopt(session, account, guest_hash)
    carts.cart(session, Visitor(account_id=account.id), locked=True)
    return auth.begin_sign_in(session, account, browser)


def _now(session: Session) -> int:
    return session.scalar(select(now_ms())) or 0


def actor_of(session: Session, text: str) -> str:
    """The account's id for an e-mail address; other words as they are."""
    if "@" not in text:
        return text
    known = session.scalar(select(Account.id).where(Account.email == text.lower()))
    return known or text


def names(session: Session, actors: Sequence[str]) -> dict[str, str]:
    """Who each actor of an event is, as staff would call them; the token's name for a program."""
    tokens = {one.removeprefix("token:") for one in actors if one.startswith("token:")}
    rows = session.execute(
        select(Token.id, Token.name, Account.email)
        .join(Account, Account.id == Token.account_id)
        .where(Token.id.in_(tokens))
    )
    found = {f"token:{key}": f"{email}, by token {name}" for key, name, email in rows}
    known = select(Account.id, Account.email).where(Account.id.in_(set(actors)))
    return found | {row.id: row.email for row in session.execute(known)}


def sweep(session: Session) -> None:
    """Links and sign-ins that ended a month ago."""
    gone = now_ms() - 30 * 86_400_000
    session.execute(delete(MagicLink).where(MagicLink.expires_ms < gone))
    session.execute(delete(SignIn).where(SignIn.expires_ms < gone))
