"""Who is told by mail that a drop or an event was called off: who has a seat or said that they
come; of a drop, where nothing is taken before its day, who could have had it.
"""

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from catalog.members import memberships, notices
from catalog.members.perks import drops, seats
from models.consent import Letter
from models.membership import Membership, Tier
from models.perk import Announcement, PerkGrant

TEMPLATE = "announcement-called-off"
AT_ONCE = 100
"""So many mails are written with the withdrawal itself; the timer writes the others."""
NEWS_MS = 7 * 86_400_000
"""What was called off longer ago is no news to anybody."""


def tell(session: Session, at_ms: int, most: int) -> int:
    """Of all that was called off lately, whoever was not told so far. How many were."""
    wanted = (
        select(Announcement)
        .where(
            Announcement.withdrawn_ms > at_ms - NEWS_MS,
            Announcement.at_ms > Announcement.withdrawn_ms,
        )
        .order_by(Announcement.withdrawn_ms, Announcement.id)
    )
    told = 0
    for one in session.scalars(wanted.with_for_update()).all():
        told += tell_of(session, one, at_ms, most - told)
    return told


def tell_of(session: Session, one: Announcement, at_ms: int, most: int = AT_ONCE) -> int:
    """It is locked. A row for each member sees to it that none gets a second mail."""
    series = f"called-off {one.id}"
    whose = _seated(one) if one.kind == "event" else _could_have(one, at_ms)
    known = exists().where(Letter.series == series, Letter.subject_id == Membership.id)
    wanted = whose.where(~known).order_by(Membership.id).limit(max(most, 0))
    found = session.scalars(wanted).unique().all()
    for member in found:
        session.add(Letter(series=series, number=0, subject_id=member.id, at_ms=at_ms))
        mine = seats.mine(session, member.account_id, one.id)
        notices.of_membership(session, member, TEMPLATE, what=one, seats=mine)
    session.flush()
    return len(found)


def _seated(one: Announcement) -> Select[Membership]:
    has = exists().where(
        PerkGrant.membership_id == Membership.id,
        PerkGrant.kind == seats.KIND,
        PerkGrant.spec == one.id,
        PerkGrant.revoked_ms.is_(None),
    )
    return select(Membership).where(Membership.creator_id == one.creator_id, has)


def _could_have(one: Announcement, at_ms: int) -> Select[Membership]:
    """As drops.may_have() says it of one account."""
    has = exists().where(
        PerkGrant.membership_id == Membership.id,
        PerkGrant.kind == drops.KIND,
        PerkGrant.spec == "",
        PerkGrant.revoked_ms.is_(None),
    )
    return (
        select(Membership)
        .join(Tier, Tier.id == Membership.tier_id)
        .where(
            Membership.creator_id == one.creator_id,
            Tier.rank >= one.rank,
            memberships.gives_perks(at_ms),
            has,
        )
    )
