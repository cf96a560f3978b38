"""Members whose next payment nothing can be taken from: a mail tells them before its day."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from catalog.members import changes, notices
from catalog.members.periods import DAY_MS
from catalog.payments.processors import chosen
from models.consent import Letter
from models.membership import Membership, MembershipState, PaymentMethod, Period, Tier

SOON_MS = 2 * DAY_MS
SERIES = "no-method"


def warn(session: Session, at_ms: int, most: int) -> int:
    """Once for each payment. How many were written to."""
    keeps = exists().where(
        PaymentMethod.account_id == Membership.account_id,
        PaymentMethod.processor == chosen(),
        PaymentMethod.removed_ms.is_(None),
    )
    told = exists().where(
        Letter.series == SERIES,
        Letter.subject_id == Membership.id,
        Letter.number == Membership.period_end_ms,
    )
    wanted = select(Membership).where(
        Membership.state == MembershipState.ACTIVE,
        Membership.ends_at_period.is_(False),
        Membership.period_end_ms > at_ms,
        Membership.period_end_ms <= at_ms + SOON_MS,
        ~keeps,
        ~told,
    )
    found = session.scalars(wanted.order_by(Membership.period_end_ms).limit(most)).all()
    written = 0
    for one in found:
        session.add(Letter(series=SERIES, number=one.period_end_ms, subject_id=one.id, at_ms=at_ms))
        tier = session.get_one(Tier, one.next_tier_id or one.tier_id)
        period = Period(one.next_period or one.period)
        coming = changes.following(session, one, tier, period)
        if coming.amount_cents:
            notices.of_membership(session, one, "membership-renews-soon", next=coming)
            written += 1
    return written
