"""Webhooks to the Standard Webhooks specification: who is told what, and what became of it."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, select, true
from sqlalchemy.orm import Session, joinedload

from catalog import cursors, outgoing
from catalog.auth import Visitor, needs
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.web import words
from models import event, steps
from models.account import Account, Role
from models.base import new_id, now_ms
from models.license import License
from models.listing import Listing
from models.pool import Hook, HookMessage, Partner, Pool, PoolMember
from models.settings import settings

ADDED, REMOVED, WITHDRAWN = "clip.added", "clip.removed", "clip.withdrawn"
REVOKED, PING = "license.revoked", "ping"
KINDS = {
    ADDED: "A clip can be had",
    REMOVED: "A clip left the pool",
    WITHDRAWN: "A clip is no longer on sale: take it down",
    REVOKED: "A license of yours was revoked",
}
STRANGER = "Its owner may no longer draw from this pool."
PREFIX = "whsec_"
OLD_SECRET_MS = 86_400_000
KEPT_MS = 90 * 86_400_000
"""So long a message is kept after it was taken or given up."""
SWEPT = 1_000
MOST_HOOKS = 10
PAGE = 50


def subscribe(
    session: Session, visitor: Visitor, pool: Pool, url: str, kinds: Sequence[str]
) -> Hook:
    """Its secret is to be shown now and never again. Raises BadRequest or Refusal."""
    needs(visitor)
    outgoing.check(url, settings().hook_networks)
    wanted = [kind for kind in KINDS if kind in kinds]
    if not wanted or len(wanted) != len(set(kinds)):
        raise BadRequest(f"Choose what to be told of, from: {', '.join(KINDS)}.")
    mine = Hook.account_id == visitor.account_id, Hook.pool_id == pool.id
    open_ones = select(func.count()).select_from(Hook).where(*mine, Hook.disabled_ms.is_(None))
    if (session.scalar(open_ones) or 0) >= MOST_HOOKS:
        raise Refusal(f"{MOST_HOOKS} webhooks of one pool are the most.", code="too_many_hooks")
    assert visitor.account_id is not None
    made = Hook(
        account_id=visitor.account_id,
        pool_id=pool.id,
        url=url,
        secret=_new_secret(),
        kinds=wanted,
    )
    session.add(made)
    session.flush()
    event.record(session, "hook.made", made.id, pool_id=pool.id, kinds=wanted)
    return made


def get(session: Session, visitor: Visitor, hook_id: str, *, lock: bool = False) -> Hook:
    """One's own; staff see all. Raises SignInNeeded or NotFound."""
    needs(visitor)
    wanted = select(Hook).where(Hook.id == hook_id, _own(visitor))
    wanted = wanted.with_for_update(of=Hook) if lock else wanted
    found = session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("There is no webhook at this address for this account.")
    return found


def of(session: Session, visitor: Visitor, pool: Pool) -> Sequence[Hook]:
    """One's own of this pool, those that run first."""
    mine = Hook.pool_id == pool.id, Hook.account_id == visitor.account_id
    order = Hook.disabled_ms.is_not(None), Hook.created_ms.desc(), Hook.id
    return session.scalars(select(Hook).where(*mine).order_by(*order)).all()


def rotate(session: Session, visitor: Visitor, hook_id: str) -> Hook:
    """A new secret, to be shown now; the old one signs beside it for a day."""
    hook = get(session, visitor, hook_id, lock=True)
    hook.old_secret, hook.secret = hook.secret, _new_secret()
    hook.old_until_ms = _now(session) + OLD_SECRET_MS
    event.record(session, "hook.rotated", hook.id)
    return hook


def disable(session: Session, visitor: Visitor, hook_id: str) -> Hook:
    hook = get(session, visitor, hook_id, lock=True)
    _off(session, hook, "Switched off by its owner.")
    return hook


def enable(session: Session, visitor: Visitor, hook_id: str) -> Hook:
    """What happened meanwhile is not told; its messages can be sent again one by one."""
    hook = get(session, visitor, hook_id, lock=True)
    if hook.disabled_ms is not None:
        outgoing.check(hook.url, settings().hook_networks)
        hook.disabled_ms, hook.disabled_why, hook.failing_ms = None, "", None
        event.record(session, "hook.enabled", hook.id)
    return hook


def disable_for(session: Session, hook: Hook, why: str) -> None:
    """By the house: gone for good (410), failing for days, or no partner any more."""
    _off(session, hook, why)


def may_draw(session: Session, hook: Hook) -> bool:
    """Whether its owner may look into its pool today: a partner, who works for the pool's creator,
    or staff."""
    account = session.get_one(Account, hook.account_id)
    if account.closed_ms is not None:
        return False
    pool = session.get_one(Pool, hook.pool_id)
    partner = session.get(Partner, (pool.id, account.id))
    drawn = partner is not None and partner.ended_ms is None
    own = pool.creator is not None and pool.creator.account_id == account.id
    return drawn or own or Role.STAFF in account.roles


def disable_strangers(session: Session, creator_id: str) -> None:
    """After the creator's desk was given to somebody else."""
    session.flush()
    running = select(Hook).join(Pool, Pool.id == Hook.pool_id).where(Pool.creator_id == creator_id)
    for hook in session.scalars(running.where(Hook.disabled_ms.is_(None))):
        if not may_draw(session, hook):
            disable_for(session, hook, STRANGER)


def tell(
    session: Session,
    pool: Pool,
    kind: str,
    listing: Listing | None,
    *,
    at_ms: int | None = None,
    only: str | None = None,
    **facts: Any,
) -> None:
    """A message to each hook that wants it, in the transaction of the cause; sent from `at_ms`.

    `only`: the account whose business alone it is.
    """
    wanted = select(Hook).where(Hook.pool_id == pool.id, Hook.disabled_ms.is_(None))
    if only is not None:
        wanted = wanted.where(Hook.account_id == only)
    listening = [
        hook for hook in session.scalars(wanted) if kind in hook.kinds and may_draw(session, hook)
    ]
    if not listening:
        return
    at_ms = at_ms or _now(session)
    body = _body(kind, at_ms, {**_about(pool, listing), **facts})
    for hook in listening:
        _send(session, hook, kind, body, listing.id if listing else None, at_ms)


def revoked(session: Session, license: License) -> None:  # noqa: A002 (it is what it is called)
    """The licensee's hooks of the pools that the clip is or was in."""
    if license.account_id is None:
        return
    wanted = (
        select(Pool)
        .join(PoolMember, PoolMember.pool_id == Pool.id)
        .where(PoolMember.listing_id == license.listing_id)
    )
    for pool in session.scalars(wanted):
        about = {"id": license.id, "why": license.revoked_why}
        tell(session, pool, REVOKED, license.listing, only=license.account_id, license=about)


def ping(session: Session, visitor: Visitor, hook_id: str) -> HookMessage:
    hook = get(session, visitor, hook_id)
    if hook.disabled_ms is not None:
        raise Refusal("This webhook is off. Switch it on, then send the test.", code="hook_off")
    at_ms = _now(session)
    return _send(session, hook, PING, _body(PING, at_ms, {"hook": hook.id}), None, at_ms)


def messages(
    session: Session, visitor: Visitor, hook_id: str, cursor: str | None = None
) -> tuple[Sequence[HookMessage], str | None]:
    """Newest first, and the mark of the next page."""
    hook = get(session, visitor, hook_id)
    wanted = select(HookMessage).where(HookMessage.hook_id == hook.id)
    wanted = cursors.after(wanted, HookMessage.created_ms, HookMessage.id, cursor)
    rows = session.scalars(wanted.limit(PAGE + 1)).all()
    more, rows = len(rows) > PAGE, rows[:PAGE]
    return rows, f"{rows[-1].created_ms}~{rows[-1].id}" if more else None


def redeliver(session: Session, visitor: Visitor, message_id: str) -> HookMessage:
    """The same message with the same id, tried anew from the first wait on."""
    needs(visitor)
    wanted = (
        select(HookMessage)
        .join(HookMessage.hook)
        .options(joinedload(HookMessage.hook))
        .where(HookMessage.id == message_id, _own(visitor))
        .with_for_update(of=HookMessage)
        .execution_options(populate_existing=True)
    )
    message = session.scalars(wanted).one_or_none()
    if message is None:
        raise NotFound("There is no message at this address for this account.")
    if message.hook.disabled_ms is not None:
        raise Refusal("This webhook is off. Switch it on, then send it again.", code="hook_off")
    if message.delivered_ms is None and message.given_up_ms is None:
        raise Refusal("This message is still being tried.", code="still_trying")
    message.round += 1
    message.delivered_ms = message.given_up_ms = None
    steps.ask(session, "hook", message.id, None, str(message.round))
    event.record(session, "hook.redelivered", message.hook_id, message=message.id)
    return message


def sweep(session: Session) -> int:
    """How many old messages went, the first SWEPT of them: no write lock is held for long."""
    before_ms = _now(session) - KEPT_MS
    old = (
        select(HookMessage.id)
        .join(Hook, Hook.id == HookMessage.hook_id)
        .where(
            HookMessage.created_ms < before_ms,  # what the index knows
            func.coalesce(HookMessage.delivered_ms, HookMessage.given_up_ms) < before_ms,
        )
        .limit(SWEPT)
    )
    gone = delete(HookMessage).where(HookMessage.id.in_(old)).returning(HookMessage.id)
    return len(session.execute(gone).all())


def headers(hook: Hook, message: HookMessage, at_ms: int) -> dict[str, str]:
    """What the specification wants beside the body, for a try at this moment."""
    keys = [hook.secret]
    if hook.old_until_ms is not None and at_ms < hook.old_until_ms:
        keys.append(hook.old_secret)
    signed = f"{message.id}.{at_ms // 1000}.{message.body}".encode()
    return {
        "webhook-id": message.id,
        "webhook-timestamp": str(at_ms // 1000),
        "webhook-signature": " ".join(_signature(key, signed) for key in keys),
        "Content-Type": "application/json",
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _send(
    session: Session, hook: Hook, kind: str, body: str, listing_id: str | None, at_ms: int
) -> HookMessage:
    made = HookMessage(
        id=f"msg_{new_id()}",
        hook_id=hook.id,
        kind=kind,
        listing_id=listing_id,
        body=body,
        tries=[],
        round=0,
    )
    session.add(made)
    session.flush()
    steps.ask(session, "hook", made.id, None, "0", run_after_ms=at_ms)
    return made


def _body(kind: str, at_ms: int, data: dict[str, Any]) -> str:
    told = {"type": kind, "timestamp": words.moment_iso(at_ms), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _about(pool: Pool, listing: Listing | None) -> dict[str, Any]:
    home = settings().base_url
    about: dict[str, Any] = {
        "pool": {"slug": pool.slug, "name": pool.name, "url": f"{home}/pools/{pool.slug}"}
    }
    if listing is not None:
        about["clip"] = {
            "id": listing.clip_id,
            "listing_id": listing.id,
            "title": listing.clip.title,
            "length_ms": listing.clip.length_ms,
            "url": f"{home}/clips/{listing.clip_id}",
        }
    return about


def _off(session: Session, hook: Hook, why: str) -> None:
    if hook.disabled_ms is None:
        hook.disabled_ms, hook.disabled_why = _now(session), why[:300]
        event.record(session, "hook.disabled", hook.id, why=why)


def _own(visitor: Visitor) -> Any:
    return true() if visitor.has(Role.STAFF) else Hook.account_id == visitor.account_id


def _new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _now(session: Session) -> int:
    return session.scalar(select(now_ms())) or 0
