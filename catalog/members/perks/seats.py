"""Seats at a creator's events. Each is a row from the start: whoever comes first has it, and the
database has no row for one too many. Who leaves gives the seats of what is yet to come back.
"""

from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from catalog.errors import NotFound, Refusal
from catalog.members.perks import grants
from catalog.web.words import counted
from models import event
from models.membership import Membership, Tier
from models.perk import Announcement, PerkGrant, Seat

KIND = "seats"
MOST_EACH = 10


def check(said: dict[str, Any]) -> None:
    grants.number(said, "count", MOST_EACH)


def told(tier: Tier, said: dict[str, Any]) -> str:
    return f"{counted(said['count'], 'seat')} at each event for members, while there are any"


def grant(
    session: Session, membership: Membership, tier: Tier, said: dict[str, Any], at_ms: int
) -> PerkGrant:
    found = grants.put(session, membership, KIND, at_ms, count=said["count"], rank=tier.rank)
    for taken, announcement in _coming(session, membership, at_ms):
        if announcement.rank > tier.rank:
            _give_back(session, taken, at_ms)
    return found


def revoke(session: Session, membership: Membership, at_ms: int) -> None:
    for taken, _ in _coming(session, membership, at_ms):
        _give_back(session, taken, at_ms)
    grants.end(session, membership, KIND, at_ms)


def take(session: Session, account_id: str | None, announcement_id: str, at_ms: int) -> PerkGrant:
    """One seat; asked for again, one more while the tier gives more. Raises NotFound for whom it
    is not meant, Refusal where none is left."""
    found = session.get(Announcement, announcement_id)
    perk = grants.held(session, account_id, found.creator_id, KIND, at_ms) if found else None
    if found is None or found.kind != "event" or perk is None or perk.facts["rank"] < found.rank:
        raise NotFound("There is no such event for you.")
    if found.withdrawn_ms is not None:
        raise Refusal("This event was called off.", code="event_withdrawn")
    if found.at_ms <= at_ms:
        raise Refusal("This event has begun, so no seat can be taken any more.", code="event_begun")
    # Locked, so that one member asking twice at once is counted in turn.
    session.get_one(PerkGrant, perk.id, with_for_update=True, populate_existing=True)
    membership = session.get_one(Membership, perk.membership_id)
    kept = grants.put(session, membership, KIND, at_ms, spec=found.id)
    if found.seats is not None:
        _sit(session, found, kept, int(perk.facts["count"]), at_ms)
    event.record(session, "seat.taken", found.id, membership=membership.id)
    return kept


def give_back(session: Session, account_id: str | None, announcement_id: str, at_ms: int) -> None:
    """All of one's own at it. Twice is once."""
    wanted = (
        select(PerkGrant)
        .join(Membership, Membership.id == PerkGrant.membership_id)
        .where(
            Membership.account_id == account_id,
            PerkGrant.kind == KIND,
            PerkGrant.spec == announcement_id,
            PerkGrant.revoked_ms.is_(None),
        )
    )
    for found in session.scalars(wanted):
        _give_back(session, found, at_ms)


def mine(session: Session, account_id: str, announcement_id: str) -> int:
    """How many are one's own; of an event without a number: 1 for who said that they come."""
    wanted = (
        select(PerkGrant)
        .join(Membership, Membership.id == PerkGrant.membership_id)
        .where(
            Membership.account_id == account_id,
            PerkGrant.kind == KIND,
            PerkGrant.spec == announcement_id,
            PerkGrant.revoked_ms.is_(None),
        )
    )
    found = session.scalars(wanted).all()
    return sum(max(_count(session, one.id), 1) for one in found)


def free(session: Session, announcement: Announcement) -> int | None:
    """None: there is no number."""
    if announcement.seats is None:
        return None
    wanted = select(func.count()).select_from(Seat)
    return session.scalar(wanted.filter_by(announcement_id=announcement.id, grant_id=None)) or 0


def lay_out(session: Session, announcement: Announcement) -> None:
    """The rows of a new event's seats."""
    session.add_all(
        Seat(announcement_id=announcement.id, number=number)
        for number in range(1, (announcement.seats or 0) + 1)
    )


def _sit(session: Session, event_: Announcement, grant: PerkGrant, most: int, at_ms: int) -> None:
    if _count(session, grant.id) >= most:
        said = counted(most, "seat")
        raise Refusal(f"You have {said} at this event, as your tier gives.", code="seat_taken")
    free_one = select(Seat).filter_by(announcement_id=event_.id, grant_id=None)
    first = free_one.order_by(Seat.number).limit(1).with_for_update(skip_locked=True)
    seat = session.scalars(first).first()
    if seat is None:
        raise Refusal(f"All {event_.seats} seats of this event are taken.", code="event_full")
    seat.grant_id, seat.taken_ms = grant.id, at_ms
    session.flush()


def _count(session: Session, grant_id: str) -> int:
    wanted = select(func.count()).select_from(Seat).filter_by(grant_id=grant_id)
    return session.scalar(wanted) or 0


def _coming(
    session: Session, membership: Membership, at_ms: int
) -> list[tuple[PerkGrant, Announcement]]:
    """What it has of events that did not begin yet."""
    wanted = (
        select(PerkGrant, Announcement)
        .join(Announcement, Announcement.id == PerkGrant.spec)
        .where(
            PerkGrant.membership_id == membership.id,
            PerkGrant.kind == KIND,
            PerkGrant.revoked_ms.is_(None),
            Announcement.at_ms > at_ms,
        )
    )
    return [(row[0], row[1]) for row in session.execute(wanted)]


def _give_back(session: Session, grant: PerkGrant, at_ms: int) -> None:
    free_again = update(Seat).where(Seat.grant_id == grant.id)
    session.execute(free_again.values(grant_id=None, taken_ms=None))
    grant.revoked_ms = at_ms
    event.record(session, "seat.given_back", grant.spec, membership=grant.membership_id)
