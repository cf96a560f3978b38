"""What a creator's invitation says: tiers side by side, what is to come, what joining costs."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import search
from catalog.auth import Visitor
from catalog.errors import NotFound
from catalog.members import memberships, periods, perks, tiers
from models.creator import Creator
from models.listing import Listing, is_public
from models.membership import Membership, Period, Tier
from models.perk import Announcement

CLIPS = 12
COMING = 50
KINDS = ("drop", "event")


@dataclass(frozen=True)
class Step:
    """One tier as it is shown to who might join."""

    tier: Tier
    gives: list[str]
    cents: int
    """For the period that is looked at."""
    kinds: frozenset[str]


@dataclass(frozen=True)
class Line:
    """The calm line beside a clip."""

    creator: Creator
    month_cents: int
    currency: str
    lead_ms: int


def creator(session: Session, slug: str) -> Creator:
    found = session.scalars(select(Creator).filter_by(slug=slug)).one_or_none()
    if found is None:
        raise NotFound("There is no creator at this address.")
    return found


def is_open(creator: Creator, at_ms: int) -> bool:
    return creator.members_ms is not None and creator.members_ms <= at_ms


def steps(session: Session, creator: Creator, period: Period, at_ms: int) -> list[Step]:
    """What can be joined, the lowest first; none while the creator takes no members."""
    if not is_open(creator, at_ms):
        return []
    return [
        Step(one, perks.told(one), memberships.price_of(one, period), frozenset(perks.kinds(one)))
        for one in tiers.joinable(session, creator.id, at_ms)
    ]


def coming(session: Session, creator_id: str, at_ms: int) -> dict[str, list[Announcement]]:
    """The drops and the events that are announced, the next first."""
    wanted = select(Announcement).where(
        Announcement.creator_id == creator_id,
        Announcement.at_ms > at_ms,
        Announcement.withdrawn_ms.is_(None),
    )
    rows = session.scalars(wanted.order_by(Announcement.at_ms, Announcement.id).limit(COMING)).all()
    return {kind: [one for one in rows if one.kind == kind] for kind in KINDS}


def renewals(at_ms: int, period: Period) -> list[int]:
    """When who joins now pays again, the first two times."""
    return [periods.end(at_ms, period, number) for number in (1, 2)]


def line(session: Session, visitor: Visitor, creator: Creator, at_ms: int) -> Line | None:
    """None for members, for those who work there, and where nobody can join."""
    if not is_open(creator, at_ms) or visitor.works_for(creator.id):
        return None
    if member(session, visitor, creator.id) is not None:
        return None
    found = tiers.joinable(session, creator.id, at_ms)
    if not found:
        return None
    lowest = min(found, key=lambda one: one.month_cents)
    longest = max(one.lead_ms for one in found)
    return Line(creator, lowest.month_cents, lowest.currency, longest)


def member(session: Session, visitor: Visitor, creator_id: str) -> Membership | None:
    if visitor.account_id is None:
        return None
    return memberships.alive(session, visitor.account_id, creator_id)


def newest(session: Session, creator_id: str) -> Sequence[Listing]:
    """The creator's clips that everybody sees, newest first."""
    theirs = select(Listing).join(Listing.clip).where(Listing.creator_id == creator_id, is_public())
    last = theirs.order_by(Listing.visible_from_ms.desc(), Listing.id).limit(CLIPS)
    return session.scalars(search.with_clip(last)).unique().all()


def series(session: Session, creator_id: str) -> list[str]:
    named = select(Listing.series).where(
        Listing.creator_id == creator_id, Listing.series != "", is_public()
    )
    return list(session.scalars(named.distinct().order_by(Listing.series).limit(50)))


def open_creators(session: Session, at_ms: int) -> Sequence[Creator]:
    """Who takes members, by name."""
    wanted = select(Creator).where(Creator.members_ms <= at_ms)
    return session.scalars(wanted.order_by(Creator.name, Creator.id).limit(CLIPS)).all()
