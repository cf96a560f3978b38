"""A renewal that was declined: it is tried again, the perks stay for a while, each mail says what
can be done.
"""

from sqlalchemy.orm import Session

from catalog.members import charge_rows, memberevents, notices
from catalog.members.periods import DAY_MS
from models import event
from models.membership import Charge, MemberEventKind, Membership, MembershipState

AGAIN_MS = tuple(days * DAY_MS for days in (1, 3, 5))
"""After the period's end."""
GRACE_MS = 7 * DAY_MS


def declined(session: Session, charge: Charge, why: str, at_ms: int) -> None:
    """The next try has a key of its own: it is another payment. Both rows are locked."""
    assert charge.from_ms is not None
    membership = charge_rows.membership_of(charge)
    was_on_page = charge.held_until_ms is not None
    charge_rows.priced_anew(charge, membership.credit_cents)
    charge.attempt += 1
    charge.error, charge.payment_ref, charge.held_until_ms = why[:300], "", None
    tries = [charge.from_ms + wait for wait in AGAIN_MS]
    charge.next_try_ms = next((one for one in tries if one > at_ms), None)
    event.record(session, "charge.declined", charge.id, why=why, attempt=charge.attempt - 1)
    if was_on_page and membership.state == MembershipState.GRACE:
        return  # its member was there and knows
    into_grace(membership, charge)
    memberevents.record(session, membership, MemberEventKind.DECLINED, at_ms, charge=charge.id)
    notices.of_membership(session, membership, "membership-declined", charge=charge, why=why)
    notices.changed(session, membership, at_ms)


def undecided(session: Session, membership: Membership, charge: Charge, at_ms: int) -> None:
    """Nobody knows yet whether the renewal is paid: that takes nobody's perks."""
    into_grace(membership, charge)
    memberevents.record(session, membership, MemberEventKind.DECLINED, at_ms, known=False)
    notices.changed(session, membership, at_ms)


def into_grace(membership: Membership, charge: Charge) -> None:
    if membership.state == MembershipState.ACTIVE:
        membership.state = MembershipState.GRACE
        membership.grace_until_ms = (charge.from_ms or membership.period_end_ms) + GRACE_MS
