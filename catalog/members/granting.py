"""What a paid charge gives: a membership begins, goes on, is another one. Refusal: it can't any
more, and the money goes back.
"""

from collections.abc import Callable

from sqlalchemy.orm import Session

from catalog.errors import Refusal
from catalog.members import memberevents, memberships, notices, periods, proration
from catalog.members.charge_rows import membership_of
from catalog.offers import heard
from models.membership import (
    Charge,
    ChargeKind,
    MemberEventKind,
    Membership,
    MembershipState,
    Period,
    Tier,
)
from models.order import Invoice

UNDO_MS = 24 * 3_600_000
ALREADY = "There is a membership with this creator already."
MAILS = {
    ChargeKind.JOIN: "membership-began",
    ChargeKind.RENEWAL: "membership-renewed",
    ChargeKind.CHANGE: "membership-changed",
}


def grant(session: Session, charge: Charge, at_ms: int) -> None:
    """In the transaction that heard of the payment. The charge and its membership are locked."""
    GRANTS[ChargeKind(charge.kind)](session, charge, at_ms)


def told(session: Session, charge: Charge, invoice: Invoice | None) -> None:
    """By mail, what was paid and what it gave."""
    heard.charge_paid(session, charge)
    if charge.membership_id is None:
        notices.of_charge(session, charge, "tip-paid", invoice=invoice)
        return
    membership = membership_of(charge)
    template = MAILS[ChargeKind(charge.kind)]
    if memberships.in_trial(membership) and charge.kind == ChargeKind.JOIN:
        template = "membership-trial"
    notices.of_membership(session, membership, template, charge=charge, invoice=invoice)


def not_joined(session: Session, membership: Membership, at_ms: int) -> None:
    """What was being joined and was not paid. It never was a membership: no event tells of it."""
    if membership.state == MembershipState.PENDING:
        membership.state, membership.ended_ms = MembershipState.ENDED, at_ms
        membership.end_reason = "cancelled"
        session.flush()


def _joined(session: Session, charge: Charge, at_ms: int) -> None:
    membership = membership_of(charge)
    if membership.state != MembershipState.PENDING:
        raise Refusal("Joining was given up before the payment arrived.", "given_up")
    if memberships.alive(session, membership.account_id, membership.creator_id) is not None:
        raise Refusal(ALREADY, "already_member")
    asked_ms = membership.period_start_ms
    membership.anchor_ms = membership.period_start_ms = membership.joined_ms = at_ms
    membership.state = MembershipState.ACTIVE
    if membership.trial_until_ms is not None:
        membership.trial_until_ms += at_ms - asked_ms
        membership.period_end_ms = membership.trial_until_ms
        kind = MemberEventKind.TRIAL
    else:
        membership.periods = 1
        membership.period_end_ms = periods.end(at_ms, membership.period, 1)
        kind = MemberEventKind.JOINED
    charge.from_ms, charge.to_ms = at_ms, membership.period_end_ms
    memberevents.record(session, membership, kind, at_ms, charge=charge.id)
    notices.began(session, membership, at_ms)


def _renewed(session: Session, charge: Charge, at_ms: int) -> None:
    membership = membership_of(charge)
    assert charge.from_ms is not None
    assert charge.to_ms is not None
    waits = membership.state in (MembershipState.ACTIVE, MembershipState.GRACE)
    if not waits or charge.from_ms < membership.period_end_ms:
        raise Refusal("The membership had ended before the payment arrived.", "ended")
    first = memberships.in_trial(membership)
    before = membership.tier_id, Period(membership.period)
    gap = charge.from_ms > membership.period_end_ms
    if charge.period != membership.period or first or gap:
        membership.anchor_ms, membership.periods = charge.from_ms, 0
    _as_charged(session, membership, charge)
    membership.periods += 1
    membership.period_start_ms, membership.period_end_ms = charge.from_ms, charge.to_ms
    membership.next_tier_id, membership.next_period = None, None
    was_grace = membership.state == MembershipState.GRACE
    membership.state, membership.grace_until_ms = MembershipState.ACTIVE, None
    if first:
        kind = MemberEventKind.JOINED
    elif before != (membership.tier_id, Period(membership.period)):
        kind = MemberEventKind.CHANGED
    else:
        kind = MemberEventKind.RECOVERED if was_grace else MemberEventKind.RENEWED
    memberevents.record(session, membership, kind, at_ms, charge=charge.id)
    if before[0] != membership.tier_id:
        notices.began(session, membership, at_ms)
    elif was_grace:  # else its perks are as they were
        notices.changed(session, membership, at_ms)


def _changed(session: Session, charge: Charge, at_ms: int) -> None:
    membership = membership_of(charge)
    assert charge.from_ms is not None
    assert charge.to_ms is not None
    within = membership.period_start_ms <= charge.from_ms < membership.period_end_ms
    if membership.state != MembershipState.ACTIVE or membership.ends_at_period or not within:
        raise Refusal("The membership was changed before the payment arrived.", "changed")
    first = memberships.in_trial(membership)  # from now on it pays
    _as_charged(session, membership, charge)
    if charge.to_ms != membership.period_end_ms:  # a period of its own begins
        membership.anchor_ms = membership.period_start_ms = charge.from_ms
        membership.periods, membership.period_end_ms = 1, charge.to_ms
    membership.next_tier_id, membership.next_period = None, None
    kind = MemberEventKind.JOINED if first else MemberEventKind.CHANGED
    memberevents.record(session, membership, kind, at_ms, charge=charge.id)
    notices.began(session, membership, at_ms)


def _tipped(session: Session, charge: Charge, at_ms: int) -> None:
    charge.undo_until_ms = at_ms + UNDO_MS


GRANTS: dict[ChargeKind, Callable[[Session, Charge, int], None]] = {
    ChargeKind.JOIN: _joined,
    ChargeKind.RENEWAL: _renewed,
    ChargeKind.CHANGE: _changed,
    ChargeKind.TIP: _tipped,
}


def _as_charged(session: Session, membership: Membership, charge: Charge) -> None:
    """The tier, period and price that it pays for; a price once agreed to stays."""
    tier, period = session.get_one(Tier, charge.tier_id), Period(charge.period or "")
    if (tier.id, period) != (membership.tier_id, membership.period):
        membership.price_cents = memberships.price_of(tier, period)
    membership.tier_id, membership.period = tier.id, period
    credit = membership.credit_cents + proration.credit_change(charge.lines)
    if credit < 0:
        raise Refusal("What was kept for it is not there any more.", "changed")
    membership.credit_cents = credit
