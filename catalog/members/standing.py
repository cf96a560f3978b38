"""How one membership stands: until when, what comes next, what can be done about it."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from catalog.members import changes, charge_rows, leaving, memberships
from catalog.members.collecting import ASK_MS
from models.membership import (
    Charge,
    ChargeKind,
    ChargeState,
    Membership,
    MembershipState,
    Period,
    Tier,
)

LATELY_MS = 3_600_000


@dataclass(frozen=True)
class Standing:
    membership: Membership
    gives: bool
    """Its perks, now."""
    trial: bool
    renewing: bool
    """What was paid is over, and the next payment is not heard of yet."""
    leaves_ms: int | None
    """When it would end, were it left now; None where there is nothing to leave."""
    next_ms: int | None
    next_cents: int | None
    """The next payment; None where none comes."""
    next_tier: Tier
    next_period: Period
    """From the next payment on."""
    waits: Charge | None
    """What its payer was sent to the processor's page for."""
    confirming: Charge | None
    """What the processor was asked to take, and has not told of yet."""
    declined: Charge | None
    """A renewal that was declined and is tried again, or the last payment where that failed."""
    withdraw_until_ms: int | None
    """None once that is over."""

    @property
    def alive(self) -> bool:
        return self.membership.state not in (MembershipState.PENDING, MembershipState.ENDED)

    @property
    def changes_next(self) -> bool:
        now = self.membership.tier_id, Period(self.membership.period)
        return (self.next_tier.id, self.next_period) != now

    @property
    def changeable(self) -> bool:
        active = self.membership.state == MembershipState.ACTIVE
        return active and not self.leaving and not self.renewing and not self.changing

    @property
    def changing(self) -> bool:
        """A change is asked for, and nobody knows yet whether it is paid."""
        return self.confirming is not None and self.confirming.kind == ChargeKind.CHANGE

    @property
    def leaving(self) -> bool:
        return self.membership.ends_at_period


def of(session: Session, membership: Membership, at_ms: int) -> Standing:
    tier = membership.next_tier or membership.tier
    period = Period(membership.next_period or membership.period)
    next_ms, cents = _next(session, membership, tier, period)
    until = leaving.withdraw_until(session, membership) if membership.joined_ms else 0
    alive = membership.state not in (MembershipState.PENDING, MembershipState.ENDED)
    return Standing(
        membership=membership,
        gives=memberships.has_perks(membership, at_ms),
        trial=memberships.in_trial(membership),
        renewing=_renewing(membership, at_ms),
        leaves_ms=_leaves(membership, at_ms) if alive else None,
        next_ms=next_ms,
        next_cents=cents,
        next_tier=tier,
        next_period=period,
        waits=_waits(session, membership),
        confirming=_confirming(session, membership, at_ms),
        declined=_declined(session, membership, at_ms),
        withdraw_until_ms=until if alive and at_ms < until else None,
    )


def of_payments(session: Session, membership_id: str) -> list[Charge]:
    """For its page: what was asked for, newest first; not what was overtaken."""
    found = charge_rows.of_membership(session, membership_id)
    return [one for one in reversed(found) if one.state != ChargeState.VOID]


def _renewing(membership: Membership, at_ms: int) -> bool:
    over = membership.state == MembershipState.ACTIVE and membership.period_end_ms <= at_ms
    return over and not membership.ends_at_period


def _next(
    session: Session, membership: Membership, tier: Tier, period: Period
) -> tuple[int | None, int | None]:
    if membership.ends_at_period:
        return None, None
    if membership.state == MembershipState.GRACE:
        owed = charge_rows.open_of(session, membership.id, ChargeKind.RENEWAL)
        return (owed[0].next_try_ms, owed[0].amount_cents) if owed else (None, None)
    if membership.state == MembershipState.ACTIVE:
        next_ms = membership.period_end_ms
    elif membership.state == MembershipState.PAUSED:
        next_ms = (membership.paused_until_ms or 0) + membership.paused_left_ms
    else:
        return None, None
    return next_ms, changes.following(session, membership, tier, period).amount_cents


def _leaves(membership: Membership, at_ms: int) -> int:
    if membership.state == MembershipState.PAUSED:
        return at_ms + membership.paused_left_ms
    if membership.state == MembershipState.GRACE:
        return at_ms
    return max(at_ms, membership.period_end_ms)


def _waits(session: Session, membership: Membership) -> Charge | None:
    found = [
        one for one in charge_rows.open_of(session, membership.id) if one.held_until_ms is not None
    ]
    return found[-1] if found else None


def _confirming(session: Session, membership: Membership, at_ms: int) -> Charge | None:
    """One that was declined is among them while its next try is under way, or a moment off."""
    for one in charge_rows.open_of(session, membership.id):
        tried = one.next_try_ms is not None and one.next_try_ms <= at_ms + ASK_MS
        if one.held_until_ms is None and (not one.error or tried):
            return one
    return None


def _declined(session: Session, membership: Membership, at_ms: int) -> Charge | None:
    found = charge_rows.of_membership(session, membership.id)
    if membership.state == MembershipState.GRACE:
        owed = [one for one in found if one.kind == ChargeKind.RENEWAL and one.error]
        return owed[-1] if owed else None
    last = found[-1] if found else None
    lately = last is not None and at_ms - last.created_ms < LATELY_MS
    return last if last is not None and lately and last.state == ChargeState.FAILED else None
