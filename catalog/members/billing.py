"""The doors of membership: a visitor joins, changes, pauses, leaves and pays. The engine behind
them is told the time; here it is the database's now.
"""

from catalog.auth import Visitor, needs
from catalog.entitlements import now_of
from catalog.errors import Refusal
from catalog.members import (
    advancing,
    changes,
    charge_rows,
    charges,
    collecting,
    joining,
    leaving,
    memberships,
    methods,
    oneclick,
    pausing,
)
from catalog.members.changes import Change, quote_change
from catalog.members.collecting import Way, collect, collect_in
from catalog.members.leaving import Receipt
from catalog.payments.facts import ProcessorDown
from models.base import reading, unit_of_work
from models.membership import Charge, ChargeKind, ChargeState

__all__ = [
    "Change",
    "Receipt",
    "Way",
    "advance",
    "cancel",
    "change",
    "collect",
    "collect_in",
    "due",
    "join",
    "keep_as_is",
    "pause",
    "pay",
    "pay_order",
    "quote_change",
    "resume",
    "stay",
    "tip",
    "undo_charge",
    "undo_order",
    "withdraw",
]

due, advance = advancing.due, advancing.advance
tip, undo_charge = oneclick.tip, oneclick.undo_charge
pay_order, undo_order = oneclick.pay_order, oneclick.undo_order
OTHER_CHOSEN = "Another tier was chosen. Nothing was taken."
OTHER_PAID = "Another tier was paid meanwhile. Nothing was taken."


def join(
    visitor: Visitor,
    tier_id: str,
    period: str,
    *,
    cents: int,
    currency: str,
    trial_days: int = 0,
    offer_view_id: str | None = None,
    stored: bool = True,
) -> Way:
    """By the kept method where there is one and it is wanted, else on the processor's page.
    `cents`: what the page showed that it costs for a period, also after a trial. Raises Refusal,
    NotFound, ProcessorDown.
    """
    needs(visitor)
    account_id = visitor.account_id or ""
    with unit_of_work(actor=visitor.actor) as session:
        now = now_of(session)
        wanted = joining.period_of(period)
        tier = joining.tier_to_join(session, tier_id, now)
        price = memberships.price_of(tier, wanted)
        joining.same_price((price, tier.currency), cents, currency)
        charge = joining.ask(
            session,
            account_id,
            tier_id,
            wanted,
            now,
            trial_days=trial_days,
            offer_view_id=offer_view_id,
        )
        others = joining.others_waiting(session, charge)
        by_kept = stored and methods.stored(session, account_id) is not None
        waits = charge.state == ChargeState.ASKED
        if waits and (not price or (trial_days and by_kept)):
            charges.settle(session, charge, now)
        waits = charge.state == ChargeState.ASKED
        on_page = charge.held_until_ms is not None
    for other in others:
        if collecting.close(other, OTHER_CHOSEN) == ChargeState.PAID:  # it was, meanwhile
            collecting.close(charge.id, OTHER_PAID)
            return Way(other)
    if not waits:
        return Way(charge.id)
    if by_kept and not on_page and not trial_days:
        way = _collected(charge.id, now)
        if way is not None:
            return way
        return join(
            visitor,
            tier_id,
            period,
            cents=cents,
            currency=currency,
            offer_view_id=offer_view_id,
            stored=False,
        )
    return collecting.on_page(charge.id)


def change(
    visitor: Visitor, membership_id: str, tier_id: str, period: str, *, cents: int, currency: str
) -> Way:
    """At once or with the next period, as quote_change() says. `cents`: what the page showed that
    is paid now, or with the next period. A payment that is declined changes nothing: Refusal.
    """
    with unit_of_work(actor=visitor.actor) as session:
        membership = memberships.mine_locked(session, visitor, membership_id)
        now = now_of(session)
        wanted = joining.period_of(period)
        shown = (cents, currency)
        charge = changes.ask(session, membership.id, tier_id, wanted, now, shown)
        by_kept = methods.stored(session, membership.account_id) is not None
    if charge is None or charge.state != ChargeState.ASKED:
        return Way(charge.id if charge else "")
    if not by_kept or charge.held_until_ms is not None:
        return collecting.on_page(charge.id)
    way = _collected(charge.id, now)
    if way is None:
        raise Refusal(
            "Your payment method was declined. Nothing was taken and nothing was changed. Use "
            "another one, then change again.",
            "declined",
        )
    return way


def keep_as_is(visitor: Visitor, membership_id: str) -> None:
    """A change that was to come with the next period does not come."""
    with unit_of_work(actor=visitor.actor) as session:
        changes.keep_as_is(session, memberships.mine(session, visitor, membership_id).id)


def cancel(visitor: Visitor, membership_id: str) -> int:
    """When it ends. Raises Refusal for one that has ended."""
    with unit_of_work(actor=visitor.actor) as session:
        found = memberships.mine_locked(session, visitor, membership_id)
        return leaving.cancel(session, found.id, now_of(session))


def stay(visitor: Visitor, membership_id: str) -> None:
    with unit_of_work(actor=visitor.actor) as session:
        found = memberships.mine_locked(session, visitor, membership_id)
        leaving.stay(session, found.id, now_of(session))


def pause(visitor: Visitor, membership_id: str, months: int) -> int:
    """Until when."""
    with unit_of_work(actor=visitor.actor) as session:
        found = memberships.mine_locked(session, visitor, membership_id)
        return pausing.pause(session, found.id, months, now_of(session))


def resume(visitor: Visitor, membership_id: str) -> int:
    """When what is paid ends."""
    with unit_of_work(actor=visitor.actor) as session:
        found = memberships.mine_locked(session, visitor, membership_id)
        return pausing.resume(session, found.id, now_of(session))


def withdraw(visitor: Visitor, membership_id: str) -> Receipt:
    with unit_of_work(actor=visitor.actor) as session:
        found = memberships.mine_locked(session, visitor, membership_id)
        return leaving.withdraw(session, found.id, now_of(session))


def pay(visitor: Visitor, membership_id: str) -> Way:
    """What was declined, now: by the kept method, else on the processor's page."""
    with unit_of_work(actor=visitor.actor) as session:
        membership = memberships.mine_locked(session, visitor, membership_id)
        now = now_of(session)
        waiting = charge_rows.open_of(session, membership.id, ChargeKind.RENEWAL)
        if not waiting:
            return Way("")
        charge = waiting[0]
        # One that was asked for and not answered yet is asked for again in its own time.
        by_kept = methods.stored(session, membership.account_id) is not None
        by_kept = by_kept and charge.held_until_ms is None
        if by_kept and charge.error:
            charge.next_try_ms = now
    way = _collected(charge.id, now) if by_kept else None
    return way or collecting.on_page(charge.id)


def open_page(visitor: Visitor, charge_id: str) -> Way:
    """Back to the payment of a charge that waits for it."""
    with reading() as session:
        charge = charge_rows.visible(session, visitor, charge_id)
    return collecting.on_page(charge.id) if charge.held_until_ms is not None else Way(charge.id)


def give_up(visitor: Visitor, charge_id: str) -> str:
    """Its payer does not want to pay any more. What was paid meanwhile is heard of and stands."""
    with reading() as session:
        charge = charge_rows.visible(session, visitor, charge_id)
    if charge.state != ChargeState.ASKED or charge.held_until_ms is None:
        return str(charge.state)
    return collecting.close(charge.id, "You gave the payment up. Nothing was taken.")


def _collected(charge_id: str, at_ms: int) -> Way | None:
    """None where it was declined now. What is not known yet is no reason to pay again."""
    with reading() as session:
        before = session.get_one(Charge, charge_id).attempt
    try:
        collecting.collect(charge_id, at_ms)
    except ProcessorDown:
        return Way(charge_id)
    with reading() as session:
        charge = session.get_one(Charge, charge_id)
        tried = charge.state == ChargeState.ASKED and charge.attempt > before
        declined = charge.state == ChargeState.FAILED or tried
    return None if declined else Way(charge_id)
