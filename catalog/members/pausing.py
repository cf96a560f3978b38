"""A pause: one to three months without perks and charges; what is left of the time comes after.

One in each paid period: else a single fee would last for ever.
"""

from sqlalchemy.orm import Session

from catalog.errors import BadRequest, Refusal
from catalog.members import charge_rows, memberevents, memberships, notices, periods
from catalog.web.words import moment
from models.membership import MemberEventKind, Membership, MembershipState, Period

MONTHS = (1, 2, 3)


def pause(session: Session, membership_id: str, months: int, at_ms: int) -> int:
    """Until when. Raises BadRequest, Refusal."""
    if months not in MONTHS:
        raise BadRequest("months: a pause lasts 1, 2 or 3 months.")
    membership = memberships.locked(session, membership_id)
    if membership.state == MembershipState.PAUSED:
        return membership.paused_until_ms or at_ms
    if membership.state != MembershipState.ACTIVE or at_ms >= membership.period_end_ms:
        raise Refusal("Only a membership that is paid for can be paused.", "not_active")
    if membership.ends_at_period:
        raise Refusal("You are leaving. Stay first, then pause.", "leaving")
    if memberships.in_trial(membership):
        raise Refusal("A trial can't be paused: it costs nothing and can be left.", "trial")
    if was_paused(membership):
        again = moment(membership.period_end_ms)
        raise Refusal(
            f"You paused in this period before. You can pause again once the next one is paid, "
            f"from {again}.",
            "paused_before",
        )
    if charge_rows.open_of(session, membership.id):
        raise Refusal("A payment is under way. Pause when it is done.", "paying")
    membership.state = MembershipState.PAUSED
    membership.paused_left_ms = membership.period_end_ms - at_ms
    membership.paused_until_ms = periods.end(at_ms, Period.MONTH, months)
    memberevents.record(session, membership, MemberEventKind.PAUSED, at_ms, months=months)
    notices.of_membership(session, membership, "membership-paused")
    notices.changed(session, membership, at_ms)
    return membership.paused_until_ms


def was_paused(membership: Membership) -> bool:
    """In the period that is paid: resuming counts the next ones from its end."""
    return membership.anchor_ms == membership.period_end_ms


def resume(session: Session, membership_id: str, at_ms: int, *, mails: bool = True) -> int:
    """The period as it was, moved by the pause: when it ends."""
    membership = memberships.locked(session, membership_id)
    if membership.state == MembershipState.ACTIVE:
        return membership.period_end_ms
    if membership.state != MembershipState.PAUSED:
        raise Refusal("This membership is not paused.", "not_paused")
    ends = at_ms + membership.paused_left_ms
    moved = ends - membership.period_end_ms
    membership.period_start_ms += moved
    membership.period_end_ms = membership.anchor_ms = ends
    membership.periods = 0
    membership.state = MembershipState.ACTIVE
    membership.paused_until_ms, membership.paused_left_ms = None, 0
    memberevents.record(session, membership, MemberEventKind.RESUMED, at_ms, moved_ms=moved)
    if mails:
        notices.of_membership(session, membership, "membership-resumed")
    notices.changed(session, membership, at_ms)
    return ends
