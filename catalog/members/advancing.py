"""What time does to memberships: renewals are asked for, pauses, graces and trials end."""

from collections.abc import Sequence

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from catalog.members import (
    changes,
    charge_rows,
    charges,
    dunning,
    leaving,
    memberships,
    notices,
    pausing,
    periods,
)
from models.consent import Letter
from models.creator import Creator
from models.membership import (
    Charge,
    ChargeKind,
    ChargeState,
    Membership,
    MembershipState,
    Period,
    Tier,
)

SOON_MS = {"trial": 3 * periods.DAY_MS, "year": 14 * periods.DAY_MS}
"""So long before a first or a yearly payment its member is told of it."""


def due(session: Session, at_ms: int, most: int) -> Sequence[str]:
    """Ids of memberships for which time has come, those that waited longest first."""
    charge = aliased(Charge)
    asked = exists().where(
        charge.membership_id == Membership.id,
        charge.state == ChargeState.ASKED,
        charge.kind == ChargeKind.RENEWAL,
    )
    over = Membership.period_end_ms <= at_ms
    undecided = Membership.period_end_ms <= at_ms - memberships.RENEWING_MS
    wanted = select(Membership.id).where(
        or_(
            and_(Membership.state == MembershipState.ACTIVE, over, or_(~asked, undecided)),
            and_(
                Membership.state == MembershipState.GRACE,
                or_(Membership.grace_until_ms <= at_ms, ~asked),
            ),
            and_(Membership.state == MembershipState.PAUSED, Membership.paused_until_ms <= at_ms),
            and_(
                memberships.is_alive(),
                Membership.ends_at_period.is_(False),
                Membership.creator_id.in_(select(Creator.id).where(Creator.members_ms.is_(None))),
            ),
        )
    )
    longest = Membership.period_end_ms, Membership.id
    return session.scalars(wanted.order_by(*longest).limit(most)).all()


def advance(session: Session, membership_id: str, at_ms: int) -> str | None:
    """What is due of one, once; repeated, it does nothing. The charge that is to be collected."""
    membership = memberships.locked(session, membership_id)
    if membership.state in (MembershipState.PENDING, MembershipState.ENDED):
        return None
    creator = session.get_one(Creator, membership.creator_id)
    if creator.members_ms is None and not membership.ends_at_period:
        leaving.cancel(session, membership_id, at_ms, reason=leaving.CLOSED)
        return None
    if membership.state == MembershipState.PAUSED:
        if (membership.paused_until_ms or 0) <= at_ms:
            pausing.resume(session, membership_id, at_ms)
        return None
    if membership.state == MembershipState.GRACE:
        if (membership.grace_until_ms or 0) <= at_ms:
            over = membership.grace_until_ms or at_ms
            leaving.end(session, membership, leaving.UNPAID, over, told_ms=at_ms)
            return None
        return _ask_renewal(session, membership, at_ms)
    if membership.state != MembershipState.ACTIVE or membership.period_end_ms > at_ms:
        return None
    if membership.ends_at_period:
        over = membership.period_end_ms
        leaving.end(session, membership, leaving.CANCELLED, over, told_ms=at_ms)
        return None
    waiting = charge_rows.open_of(session, membership.id, ChargeKind.RENEWAL)
    if waiting:
        if at_ms - membership.period_end_ms >= memberships.RENEWING_MS:
            dunning.undecided(session, membership, waiting[0], at_ms)
        return None
    return _ask_renewal(session, membership, at_ms)


def remind(session: Session, at_ms: int, most: int) -> int:
    """Tell of first payments after a trial and of yearly ones before they are taken. How many."""
    trial = Membership.period_end_ms == Membership.trial_until_ms
    wanted = select(Membership).where(
        Membership.state == MembershipState.ACTIVE,
        Membership.ends_at_period.is_(False),
        Membership.period_end_ms > at_ms,
        or_(
            and_(trial, Membership.period_end_ms <= at_ms + SOON_MS["trial"]),
            and_(
                Membership.period == Period.YEAR,
                Membership.period_end_ms <= at_ms + SOON_MS["year"],
            ),
        ),
        ~exists().where(
            Letter.series == "renewal",
            Letter.subject_id == Membership.id,
            Letter.number == Membership.period_end_ms,
        ),
    )
    found = session.scalars(wanted.order_by(Membership.period_end_ms).limit(most)).all()
    for one in found:
        session.add(Letter(series="renewal", number=one.period_end_ms, subject_id=one.id))
        notices.of_membership(session, one, "membership-renews-soon", next=_next(session, one))
    return len(found)


def _ask_renewal(session: Session, membership: Membership, at_ms: int) -> str | None:
    """None where it is asked for already, or costs nothing and is done."""
    waiting = charge_rows.open_of(session, membership.id)
    if any(one.kind == ChargeKind.RENEWAL for one in waiting):
        return None
    for one in waiting:  # an upgrade that was never paid
        charge_rows.void(session, one, "The period ended before it was paid.")
    wanted = changes.following(session, membership, *_wanted(session, membership), at_ms)
    tier, period = _wanted(session, membership)
    charge = charge_rows.of_member(
        session,
        f"renewal-{membership.id}-{membership.period_end_ms}",
        ChargeKind.RENEWAL,
        membership,
        wanted.wanted,
        at_ms,
        tier=tier,
        period=period,
        from_ms=wanted.from_ms,
        to_ms=wanted.to_ms,
    )
    if charge.state != ChargeState.ASKED:  # it was taken back: this period was given up
        leaving.end(session, membership, leaving.UNPAID, at_ms)
        return None
    if not charge.amount_cents:
        charges.settle(session, charge, at_ms)
        return None
    return charge.id


def _wanted(session: Session, membership: Membership) -> tuple[Tier, Period]:
    tier = session.get_one(Tier, membership.next_tier_id or membership.tier_id)
    return tier, Period(membership.next_period or membership.period)


def _next(session: Session, membership: Membership) -> changes.Change:
    return changes.following(session, membership, *_wanted(session, membership))
