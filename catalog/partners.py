"""Partners: who may draw from a pool, and the tokens that their programs read it with."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from catalog import accounts, hooks, mail, pools, tokens
from catalog.auth import Visitor
from catalog.errors import NotFound, Refusal, ScopeNeeded
from catalog.web import links
from models import event
from models.account import Role, Token
from models.pool import Hook, Partner, Pool

SCOPE = "pools:read"
TOKEN_DAYS = 365


@dataclass(frozen=True)
class Drawing:
    partner: Partner
    used_ms: int | None
    """When a token of theirs that may read feeds was last used."""


def needs_scope(visitor: Visitor, scope: str) -> None:
    """A browser may do all that its account may; a token what it was made for."""
    if not visitor.may_scope(scope):
        raise ScopeNeeded(f"It needs the scope {scope}. A new token can have it: see Account.")


def of(session: Session, pool: Pool) -> Sequence[Drawing]:
    """Those who may draw, then those who did once."""
    found = session.scalars(
        select(Partner)
        .options(joinedload(Partner.account))
        .where(Partner.pool_id == pool.id)
        .order_by(Partner.ended_ms.is_not(None), Partner.since_ms)
    ).all()
    used: dict[str, int] = {}
    ids = [one.account_id for one in found]
    for token in session.scalars(select(Token).where(Token.account_id.in_(ids))):
        if SCOPE in token.scopes and token.used_ms:
            used[token.account_id] = max(token.used_ms, used.get(token.account_id, 0))
    return [Drawing(one, used.get(one.account_id)) for one in found]


def invite(session: Session, visitor: Visitor, slug: str, email: str) -> Partner:
    """By mail, with a link that signs in; invited twice, one is a partner once."""
    pool = pools.get_own(session, visitor, slug, lock=True)
    if pool.closed_ms is not None:
        raise Refusal("This pool is closed, so nobody can be invited.", code="pool_closed")
    account = accounts.account_of(session, email, Role.PARTNER)
    found = session.get(Partner, (pool.id, account.id))
    if found is None:
        found = Partner(pool_id=pool.id, account_id=account.id)
        session.add(found)
    elif found.ended_ms is not None:
        found.ended_ms, found.since_ms = None, pools.now(session)
    session.flush()
    link = links.magic(session, account.email, f"/pools/{pool.slug}")
    inviter = visitor.name or visitor.email
    mail.write(session, account.email, "pool-invite", pool=pool, link=link, inviter=inviter)
    event.record(session, "partner.invited", pool.id, account=account.id)
    return found


def end(session: Session, visitor: Visitor, slug: str, account_id: str) -> Pool:
    """At once: its feeds answer 404 from now on, and its webhooks are off."""
    pool = pools.get_own(session, visitor, slug)
    found = session.get(Partner, (pool.id, account_id))
    if found is None:
        raise NotFound("There is no such partner of this pool.")
    if found.ended_ms is None:
        found.ended_ms = pools.now(session)
        mine = Hook.pool_id == pool.id, Hook.account_id == account_id
        for hook in session.scalars(select(Hook).where(*mine)):
            hooks.disable_for(session, hook, "The partnership was ended.")
        event.record(session, "partner.ended", pool.id, account=account_id)
    return pool


def feed_token(session: Session, visitor: Visitor, pool: Pool) -> str:
    """The word for feed readers, to be shown now and never again."""
    assert visitor.account_id is not None
    name = f"Feeds of {pool.name}"[:100]
    return tokens.make(session, visitor.account_id, name, [SCOPE], TOKEN_DAYS)[1]


def feed_tokens(session: Session, visitor: Visitor) -> Sequence[Token]:
    """One's own that may read feeds, revoked ones left out."""
    mine = tokens.of_account(session, visitor.account_id or "")
    return [one for one in mine if SCOPE in one.scopes]


def enable_hook(session: Session, visitor: Visitor, hook_id: str) -> Hook:
    """Raises NotFound for whoever may no longer draw from its pool."""
    hook = hooks.get(session, visitor, hook_id)
    if hook.pool_id is not None:
        pools.get_drawn(session, visitor, session.get_one(Pool, hook.pool_id).slug)
    return hooks.enable(session, visitor, hook_id)
