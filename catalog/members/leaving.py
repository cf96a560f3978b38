"""Leaving: at the period's end, undone until then; by withdrawal at once, with the unused part
back; and what ending means.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.errors import Refusal
from catalog.members import charge_rows, memberevents, memberships, notices, pausing, paybacks
from catalog.members.periods import DAY_MS
from models import event
from models.membership import Charge, ChargeState, MemberEventKind, Membership, MembershipState

WITHDRAW_MS = 14 * DAY_MS
CANCELLED, UNPAID, WITHDRAWN, CLOSED = "cancelled", "unpaid", "withdrawn", "closed"
WHY_CREDIT = "It was kept for later payments, and the membership has ended."
GONE = "This membership has ended already."


@dataclass(frozen=True)
class Receipt:
    """Of a withdrawal: what its sender keeps as proof."""

    membership_id: str
    received_ms: int
    ended_ms: int
    refund_cents: int
    currency: str
    email: str
    """Where the same was sent."""
    copies: int = 0
    """Personal licenses that came with the membership and ended with it."""


def cancel(session: Session, membership_id: str, at_ms: int, *, reason: str = CANCELLED) -> int:
    """It is not charged again and ends when what is paid ends: that moment. Asked for twice, it is
    the same. Where nothing is paid any more it ends now.
    """
    membership = memberships.locked(session, membership_id)
    if membership.state in (MembershipState.PENDING, MembershipState.ENDED):
        raise Refusal(GONE, "ended")
    if membership.ends_at_period:
        return membership.period_end_ms
    if membership.state == MembershipState.PAUSED:  # the rest of what is paid is not lost
        pausing.resume(session, membership_id, at_ms, mails=False)
    for one in charge_rows.open_of(session, membership.id):
        charge_rows.void(session, one, "The membership was cancelled.")
    if membership.state == MembershipState.GRACE or at_ms >= membership.period_end_ms:
        end(session, membership, reason, at_ms)
        return at_ms
    membership.ends_at_period = True  # a change that was to come does, should they stay
    memberevents.record(session, membership, MemberEventKind.LEAVING, at_ms, reason=reason)
    template = "membership-closing" if reason == CLOSED else "membership-leaving"
    notices.of_membership(session, membership, template)
    notices.changed(session, membership, at_ms)
    return membership.period_end_ms


def stay(session: Session, membership_id: str, at_ms: int) -> None:
    """Leaving is taken back. Raises Refusal once it has ended, or its creator has closed."""
    membership = memberships.locked(session, membership_id)
    if membership.state != MembershipState.ACTIVE or at_ms >= membership.period_end_ms:
        raise Refusal("This membership has ended. You can join again.", "ended")
    if not membership.ends_at_period:
        return
    if membership.creator.members_ms is None:
        raise Refusal("This creator takes no members any more.", "closed")
    membership.ends_at_period = False
    memberevents.record(session, membership, MemberEventKind.STAYING, at_ms)
    notices.of_membership(session, membership, "membership-staying")
    notices.changed(session, membership, at_ms)


def withdraw_until(session: Session, membership: Membership) -> int:
    """Fourteen days from joining, and again from the first payment where a trial was before it."""
    wanted = select(Charge.paid_ms).where(
        Charge.membership_id == membership.id, Charge.amount_cents > 0, Charge.paid_ms.is_not(None)
    )
    first = session.scalar(wanted.order_by(Charge.paid_ms).limit(1))
    return max(membership.joined_ms or 0, first or 0) + WITHDRAW_MS


def withdraw(session: Session, membership_id: str, at_ms: int) -> Receipt:
    """Ended now; the unused part of what was paid goes back the way it came, and the licenses of
    what was downloaded as a member end: docs/decisions/0034-what-a-withdrawal-ends.md.
    """
    from catalog.members import downloads

    membership = memberships.locked(session, membership_id)
    alive = membership.state not in (MembershipState.PENDING, MembershipState.ENDED)
    if not alive:
        raise Refusal(GONE, "ended")
    if at_ms >= withdraw_until(session, membership):
        raise Refusal(
            "The fourteen days in which you may withdraw are over. You can still leave: it ends "
            "with the time that is paid.",
            "too_late",
        )
    wanted = back_cents(membership, at_ms)
    cents = _give_back(session, membership, wanted, "You withdrew from this membership.")
    membership.credit_cents = 0
    end(session, membership, WITHDRAWN, at_ms, mails=False)
    copies = downloads.end_with(session, membership.id)
    to = membership.account.email
    receipt = Receipt(membership.id, at_ms, at_ms, cents, membership.currency, to, copies)
    said = {"cents": cents, "at_ms": at_ms, "copies": copies}
    event.record(session, "membership.withdrawn", membership.id, **said)
    notices.of_membership(session, membership, "membership-withdrawn", receipt=receipt)
    return receipt


def back_cents(membership: Membership, at_ms: int) -> int:
    """What a withdrawal at this moment would give back."""
    if membership.state == MembershipState.GRACE:
        return membership.credit_cents
    return memberships.unused_cents(membership, at_ms) + membership.credit_cents


def end(
    session: Session,
    membership: Membership,
    reason: str,
    at_ms: int,
    *,
    mails: bool = True,
    told_ms: int | None = None,
) -> None:
    """It gives nothing from now on, and takes nothing. It is locked. `told_ms`: when that is
    recorded, where time has passed since: figures of a day that is over never change.
    """
    for one in charge_rows.open_of(session, membership.id):
        charge_rows.void(session, one, "The membership has ended.")
    membership.state, membership.ended_ms = MembershipState.ENDED, at_ms
    membership.end_reason, membership.ends_at_period = reason, False
    membership.grace_until_ms, membership.paused_until_ms = None, None
    membership.next_tier_id, membership.next_period = None, None
    back = _give_back(session, membership, membership.credit_cents, WHY_CREDIT)
    membership.credit_cents = 0
    told = at_ms if told_ms is None else told_ms
    memberevents.record(session, membership, MemberEventKind.ENDED, told, reason=reason)
    if mails:
        said = {"reason": reason, "back_cents": back}
        notices.of_membership(session, membership, "membership-ended", **said)
    notices.ended(session, membership, at_ms)


def end_all(session: Session, account_id: str, reason: str, at_ms: int) -> int:
    """All that an account has or is joining, without mails: it is being erased. How many."""
    goes = Membership.state != MembershipState.ENDED
    wanted = select(Membership.id).where(Membership.account_id == account_id, goes)
    ids = session.scalars(wanted.order_by(Membership.id)).all()
    for one in ids:
        membership = memberships.locked(session, one)
        if membership.state == MembershipState.PENDING:
            for charge in charge_rows.open_of(session, one):
                charge_rows.void(session, charge, "The account was erased.")
            membership.state, membership.ended_ms = MembershipState.ENDED, at_ms
            membership.end_reason = reason
        elif membership.state != MembershipState.ENDED:
            end(session, membership, reason, at_ms, mails=False)
    return len(ids)


def _give_back(session: Session, membership: Membership, cents: int, why: str) -> int:
    """Of its payments, the last first; never more than was paid."""
    left = cents
    if not left:
        return 0
    paid = select(Charge).where(
        Charge.membership_id == membership.id,
        Charge.state == ChargeState.PAID,
        Charge.amount_cents > Charge.refunded_cents,
    )
    for charge in session.scalars(paid.order_by(Charge.paid_ms.desc(), Charge.id)).all():
        part = min(left, paybacks.left_of(session, charge))
        if part > 0:
            paybacks.of_paid(session, charge, part, why)
            left -= part
    return cents - left
