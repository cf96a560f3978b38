"""Another tier or period. More is had at once, for the difference; less, another period of the
same tier, or what costs nothing now, from the next period on. A trial covers its own tier alone:
more ends it with a first payment.
"""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.currencies import unit_cents
from catalog.errors import NotFound, Refusal
from catalog.members import (
    charge_rows,
    charges,
    dunning,
    memberships,
    notices,
    periods,
    proration,
)
from catalog.members.joining import described, same_price
from catalog.members.memberships import in_trial, price_of, unused_cents
from models.membership import (
    Charge,
    ChargeKind,
    Membership,
    MembershipState,
    Period,
    Tier,
)

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Change:
    """What a change would cost. `credit_cents`: what is kept for later payments after it."""

    amount_cents: int
    credit_cents: int
    lines: tuple[dict[str, Any], ...]
    """They sum to the amount."""
    from_ms: int
    to_ms: int
    """What the amount pays for."""
    when: Literal["now", "period_end"]
    wanted: proration.Sum


def quote_change(
    session: Session, membership: Membership, tier: Tier, period: Period, at_ms: int
) -> Change:
    """Raises Refusal where it can't be changed, with what to do."""
    _may(session, membership, tier, period, at_ms)
    old = session.get_one(Tier, membership.tier_id)
    if tier.rank <= old.rank:
        return following(session, membership, tier, period)
    # To the hour: what a page shows is what a click charges.
    moment = max(membership.period_start_ms, at_ms - at_ms % HOUR_MS)
    unused = unused_cents(membership, moment)
    price, begin = price_of(tier, period), at_ms
    if period == membership.period and not in_trial(membership):
        start, end = membership.period_start_ms, membership.period_end_ms
        unit = unit_cents(membership.currency)
        price, begin = proration.worth(price, start, end, moment, unit), moment
        said = f"{tier.name}, for what is left of the period"
    else:
        end = periods.end(at_ms, period, 1)
        said = described(session, tier, period)
    least = charge_rows.least_cents(membership.currency)
    taken_off = f"{old.name}, not used yet", unused
    wanted = proration.summed([(said, price)], taken_off, membership.credit_cents, least)
    if wanted.let_go_cents or not (wanted.amount_cents or wanted.credit_change):
        return following(session, membership, tier, period)
    return Change(
        wanted.amount_cents,
        membership.credit_cents + wanted.credit_change,
        wanted.lines,
        begin,
        end,
        "now",
        wanted,
    )


def ask(
    session: Session,
    membership_id: str,
    tier_id: str,
    period: Period,
    at_ms: int,
    shown: tuple[int, str] | None = None,
) -> Charge | None:
    """None where nothing is to be paid now: it is done, or will be with the next period. Asked for
    twice, it is the same charge. `shown`: cents and currency; Refusal where it costs another sum.
    """
    membership = memberships.locked(session, membership_id)
    tier = session.get(Tier, tier_id)
    if tier is None:
        raise NotFound("There is no such tier.")
    for one in charge_rows.open_of(session, membership.id, ChargeKind.CHANGE):
        if (one.tier_id, one.period) == (tier_id, period):
            return one
        if one.held_until_ms is None:
            raise Refusal("A payment is under way. Change when it is done.", "paying")
        charge_rows.void(session, one, "Another change was chosen.")
    if is_so(membership, tier_id, period):
        return None
    if shown is None:
        wanted = quote_change(session, membership, tier, period, at_ms)
    else:
        wanted = as_shown(session, membership, tier, period, at_ms, shown[0])
        same_price((wanted.amount_cents, membership.currency), *shown)
    if wanted.when == "period_end":
        _schedule(session, membership, tier, period)
        return None
    made = charge_rows.of_member(
        session,
        f"change-{membership.id}-{_number(session, membership.id)}",
        ChargeKind.CHANGE,
        membership,
        wanted.wanted,
        at_ms,
        tier=tier,
        period=period,
        from_ms=wanted.from_ms,
        to_ms=wanted.to_ms,
    )
    if not made.amount_cents:
        charges.settle(session, made, at_ms)
    return made


def following(
    session: Session, membership: Membership, tier: Tier, period: Period, at_ms: int = 0
) -> Change:
    """The first payment after what is paid, for this tier and period. A price that was agreed to
    stays as long as they do. `at_ms`: where the house itself was away for longer than a grace,
    nobody pays for that time.
    """
    start = membership.period_end_ms
    if at_ms > start + dunning.GRACE_MS:
        start = at_ms
        end = periods.end(start, period, 1)
    elif period == membership.period and not in_trial(membership):
        end = periods.end(membership.anchor_ms, period, membership.periods + 1)
    else:
        end = periods.end(start, period, 1)
    agreed = (tier.id, period) == (membership.tier_id, membership.period)
    price = membership.price_cents if agreed else price_of(tier, period)
    least = charge_rows.least_cents(membership.currency)
    said = [(described(session, tier, period), price)]
    wanted = proration.summed(said, ("", 0), membership.credit_cents, least)
    left = membership.credit_cents + wanted.credit_change
    return Change(wanted.amount_cents, left, wanted.lines, start, end, "period_end", wanted)


def as_shown(
    session: Session,
    membership: Membership,
    tier: Tier,
    period: Period,
    at_ms: int,
    cents: int,
) -> Change:
    """As the page showed it, which may have been in the hour before."""
    now = quote_change(session, membership, tier, period, at_ms)
    earlier = at_ms - HOUR_MS
    if now.amount_cents == cents or earlier < membership.period_start_ms:
        return now
    before = quote_change(session, membership, tier, period, earlier)
    return before if before.amount_cents == cents else now


def is_so(membership: Membership, tier_id: str, period: Period) -> bool:
    """It is as wanted, or will be with the next period: a second click finds that."""
    now = (membership.tier_id, membership.period)
    if membership.next_tier_id is None and membership.next_period is None:
        return now == (tier_id, period)
    after = (membership.next_tier_id or now[0], membership.next_period or now[1])
    return after == (tier_id, period)


def keep_as_is(session: Session, membership_id: str) -> None:
    """A change that was to come with the next period does not come."""
    membership = memberships.locked(session, membership_id)
    membership.next_tier_id, membership.next_period = None, None


def _may(session: Session, membership: Membership, tier: Tier, period: Period, at_ms: int) -> None:
    from catalog.members import tiers

    if tier.creator_id != membership.creator_id:
        raise Refusal("This tier is another creator's.", "other_creator")
    if tier.currency != membership.currency:
        raise Refusal("This tier is in another currency. Leave and join anew.", "other_currency")
    own = tier.id == membership.tier_id
    if not own and not tiers.takes_new(tier, at_ms):
        raise Refusal("This tier can't be had any more. Look at what there is now.", "retired")
    if membership.state == MembershipState.GRACE:
        raise Refusal("Your last payment was declined. Pay it first, then change.", "in_grace")
    if membership.state == MembershipState.PAUSED:
        raise Refusal("This membership is paused. Resume it, then change.", "paused")
    if membership.state != MembershipState.ACTIVE or at_ms >= membership.period_end_ms:
        raise Refusal("Only a membership that is paid for can be changed.", "not_active")
    if membership.ends_at_period:
        raise Refusal("You are leaving. Stay first, then change.", "leaving")
    if charge_rows.open_of(session, membership.id, ChargeKind.RENEWAL):
        raise Refusal("A payment is under way. Change when it is done.", "paying")


def _schedule(session: Session, membership: Membership, tier: Tier, period: Period) -> None:
    if (tier.id, period) == (membership.tier_id, membership.period):
        membership.next_tier_id, membership.next_period = None, None
    else:
        membership.next_tier_id, membership.next_period = tier.id, period
    session.flush()
    cents = price_of(tier, period)
    what = {"next_tier": tier, "next_cents": cents}
    notices.of_membership(session, membership, "membership-change-asked", **what)


def _number(session: Session, membership_id: str) -> int:
    wanted = select(func.count()).select_from(Charge)
    return (session.scalar(wanted.where(Charge.membership_id == membership_id)) or 0) + 1
