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
    methods,
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
    MemberEvent,
    MemberEventKind,
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
        waiting = charge_rows.open_of(session, membership.id)
        if (membership.grace_until_ms or 0) <= at_ms:
            return _end_of_grace(session, membership, waiting, at_ms)
        return _ask_renewal(session, membership, waiting, at_ms)
    if membership.state != MembershipState.ACTIVE or membership.period_end_ms > at_ms:
        return None
    if membership.ends_at_period:
        over = membership.period_end_ms
        leaving.end(session, membership, leaving.CANCELLED, over, told_ms=at_ms)
        return None
    waiting = charge_rows.open_of(session, membership.id)
    asked = [one for one in waiting if one.kind == ChargeKind.RENEWAL]
    if asked:
        if at_ms - membership.period_end_ms >= memberships.RENEWING_MS:
            dunning.undecided(session, membership, asked[0], at_ms)
        return None
    return _ask_renewal(session, membership, waiting, at_ms)


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


def _end_of_grace(
    session: Session, membership: Membership, waiting: Sequence[Charge], at_ms: int
) -> str | None:
    """It ends, but not before each try that was promised was made and answered, and one by the
    method that is kept now: this house may have been away. Nothing is given meanwhile.
    """
    until = membership.grace_until_ms or at_ms
    owed = next((one for one in waiting if one.kind == ChargeKind.RENEWAL), None)
    if owed is not None and not owed.error:  # it is being tried
        return owed.id if owed.next_try_ms is not None and owed.next_try_ms <= at_ms else None
    if owed is not None and owed.held_until_ms is not None:  # its member is paying it
        return None
    if owed is not None and _is_owed_a_try(session, membership, owed, until):
        owed.error, owed.next_try_ms = "", at_ms
        if at_ms > until + periods.DAY_MS:  # nobody pays for a time without this house
            owed.from_ms, owed.to_ms = at_ms, periods.end(at_ms, owed.period or "", 1)
        return owed.id
    leaving.end(session, membership, leaving.UNPAID, until, told_ms=at_ms)
    return None


def _is_owed_a_try(session: Session, membership: Membership, owed: Charge, until_ms: int) -> bool:
    if owed.next_try_ms is not None and (owed.from_ms or 0) < until_ms:
        return True
    kept, last = methods.stored(session, membership.account_id), MemberEvent.at_ms
    declined = select(last).where(
        MemberEvent.membership_id == membership.id, MemberEvent.kind == MemberEventKind.DECLINED
    )
    told_ms = session.scalar(declined.order_by(last.desc()).limit(1))
    return kept is not None and told_ms is not None and kept.created_ms > told_ms


def _ask_renewal(
    session: Session, membership: Membership, waiting: Sequence[Charge], at_ms: int
) -> str | None:
    """None where it is asked for already, or costs nothing and is done."""
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
