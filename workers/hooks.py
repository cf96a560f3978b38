"""Step `hook`: one message to a partner's program, tried until it is taken or given up."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from catalog import hooks, mail, outgoing, pools
from catalog.outgoing import Unreachable
from models.account import Account
from models.base import now_ms, reading, unit_of_work
from models.listing import Listing, ListingState
from models.pool import Hook, HookMessage, Pool, PoolMember
from models.settings import settings
from workers.lease import Lease, Waits
from workers.log import log
from workers.names import clean

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
WAITS_MS = (
    5_000,
    30_000,
    2 * MINUTE_MS,
    15 * MINUTE_MS,
    HOUR_MS,
    4 * HOUR_MS,
    12 * HOUR_MS,
    24 * HOUR_MS,
)
FAILING_MS = 5 * 24 * HOUR_MS
GONE = 410


def run(lease: Lease) -> None:
    with reading() as session:
        message = session.get_one(
            HookMessage, lease.job.subject, options=[joinedload(HookMessage.hook)]
        )
        settled = message.delivered_ms is not None or message.given_up_ms is not None
        unwanted = _unwanted(session, message)
        due_ms = _due_ms(session, message)
        at_ms = session.scalar(select(now_ms())) or 0
    if settled or str(message.round) != lease.job.spec:
        with lease.saving():
            return
    if unwanted:
        with lease.saving() as session:
            row = _written(session, message, _noted(message, at_ms, unwanted))
            row.given_up_ms = at_ms
        return
    if due_ms > at_ms:
        raise Waits("its public moment and the embargo", wait_ms=due_ms - at_ms)
    tried = _tried(message, at_ms)
    if tried["status"] is not None and 200 <= tried["status"] < 300:
        with lease.saving() as session:
            row = _written(session, message, tried)
            row.delivered_ms, row.hook.failing_ms = session.scalar(select(now_ms())), None
        return
    _failed(lease, message, tried)


def _due_ms(session: Session, message: HookMessage) -> int:
    """From when a clip may be told of, as its pool says now: the embargo may have been raised."""
    if message.kind != hooks.ADDED or message.listing_id is None:
        return 0
    wanted = (
        select(pools.shown_ms(session.get_one(Pool, message.hook.pool_id)))
        .join(PoolMember.listing)
        .where(
            PoolMember.pool_id == message.hook.pool_id,
            PoolMember.listing_id == message.listing_id,
        )
    )
    return session.scalar(wanted) or 0


def _unwanted(session: Session, message: HookMessage) -> str:
    """Why it is not to be sent any more; empty where it is."""
    if message.hook.disabled_ms is not None:
        return "The webhook is off."
    if message.hook.pool_id is not None and not hooks.may_draw(session, message.hook):
        return hooks.STRANGER
    if message.kind != hooks.ADDED or message.listing_id is None:
        return ""
    member = session.get(PoolMember, (message.hook.pool_id, message.listing_id))
    listing = session.get_one(Listing, message.listing_id)
    if member is None or member.removed_ms is not None or listing.state != ListingState.PUBLIC:
        return "The clip left the pool before this was sent."
    return ""


def _tried(message: HookMessage, at_ms: int) -> dict[str, Any]:
    """No transaction is open meanwhile."""
    hook = message.hook
    try:
        answer = outgoing.post(
            hook.url,
            message.body.encode(),
            hooks.headers(hook, message, at_ms),
            networks=settings().hook_networks,
        )
    except Unreachable as error:
        return _noted(message, at_ms, str(error))
    said = clean(answer.text) if answer.text.strip() else ""
    if 300 <= answer.status < 400:
        said = f"Redirects are not followed. {said}".strip()
    tried = _noted(message, at_ms, said)
    return {**tried, "status": answer.status, "took_ms": answer.took_ms}


def _noted(message: HookMessage, at_ms: int, said: str) -> dict[str, Any]:
    return {
        "at_ms": at_ms,
        "status": None,
        "took_ms": 0,
        "answer": said[: outgoing.KEPT],
        "round": message.round,
    }


def _failed(lease: Lease, message: HookMessage, tried: dict[str, Any]) -> None:
    """Noted, then handed back to wait longer each time; or given up."""
    at_ms = tried["at_ms"]
    tries = sum(one["round"] == message.round for one in message.tries) + 1
    gone = tried["status"] == GONE
    log().info("hook failed", message=message.id, status=tried["status"], tries=tries)
    if not gone and tries <= len(WAITS_MS):
        with unit_of_work() as session:
            row = _written(session, message, tried)
            _note_failing(session, row.hook, at_ms)
        raise Waits("a partner's program", wait_ms=WAITS_MS[tries - 1])
    with lease.saving() as session:
        row = _written(session, message, tried)
        row.given_up_ms = at_ms
        if gone:
            hooks.disable_for(session, row.hook, "Its address answered that it is gone (410).")
            _mail(session, row.hook)
        else:
            _note_failing(session, row.hook, at_ms)


def _note_failing(session: Session, hook: Hook, at_ms: int) -> None:
    hook.failing_ms = hook.failing_ms or at_ms
    if hook.disabled_ms is None and at_ms - hook.failing_ms >= FAILING_MS:
        hooks.disable_for(session, hook, "No message was taken for five days.")
        _mail(session, hook)


def _written(session: Session, message: HookMessage, tried: dict[str, Any]) -> HookMessage:
    row = session.scalars(
        select(HookMessage)
        .options(joinedload(HookMessage.hook))
        .where(HookMessage.id == message.id)
        .with_for_update(of=HookMessage)
    ).one()
    row.tries = [*row.tries, tried]
    return row


def _mail(session: Session, hook: Hook) -> None:
    account = session.get_one(Account, hook.account_id)
    mail.write(session, account.email, "hook-off", hook=hook)
