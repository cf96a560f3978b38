"""Drops and events that a creator tells members of; who may have them; whose seats are whose."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import Visitor, needs, needs_creator
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members import calling_off, memberships
from catalog.members.perks import drops, grants, seats
from models import event
from models.membership import Membership, Tier
from models.perk import Announcement

KINDS = {"drop": drops.KIND, "event": seats.KIND}
"""Each with the perk that it is for."""
MOST_SEATS, MOST_LISTED = 1_000, 100
AHEAD_MS = 2 * 366 * 86_400_000


@dataclass(frozen=True)
class Told:
    """One announcement as one member reads it."""

    announcement: Announcement
    mine: int
    """Seats that are theirs."""
    may_take: bool
    free: int | None
    """Of an event with a number of seats."""


def announce(
    session: Session,
    visitor: Visitor,
    creator_id: str,
    *,
    kind: str,
    title: str,
    summary: str,
    rank: int,
    at_ms: int,
    now_ms: int,
    seats_count: int | None = None,
) -> Announcement:
    """`rank`: of the lowest tier that may have it. Raises BadRequest, NotFound, Refusal."""
    needs_creator(visitor, creator_id)
    if kind not in KINDS:
        raise BadRequest("Announce a drop or an event.")
    title, summary = _line(title), _line(summary)
    if not title or len(title) > 200 or len(summary) > 1_000:
        raise BadRequest("Give it a title of 200 characters at most, and 1,000 to tell of it.")
    if not now_ms < at_ms < now_ms + AHEAD_MS:
        raise BadRequest("Its day lies ahead, within two years.")
    if seats_count is not None and (kind != "event" or not 1 <= seats_count <= MOST_SEATS):
        raise BadRequest(f"An event has 1 to {MOST_SEATS:,} seats; a drop has none.")
    _needs_tier(session, creator_id, KINDS[kind], rank)
    made = Announcement(
        creator_id=creator_id,
        kind=kind,
        title=title,
        summary=summary,
        rank=rank,
        seats=seats_count,
        at_ms=at_ms,
        created_ms=now_ms,
    )
    session.add(made)
    session.flush()
    seats.lay_out(session, made)
    event.record(session, "announcement.made", made.id, creator=creator_id, what=kind, rank=rank)
    session.flush()
    return made


def withdraw(session: Session, visitor: Visitor, announcement_id: str, now_ms: int) -> Announcement:
    """Called off: nobody can take it any more, and who counts on it is told. Twice is once."""
    needs(visitor)
    found = session.get(Announcement, announcement_id, with_for_update=True)
    if found is None or not visitor.works_for(found.creator_id):
        raise NotFound("There is no such announcement for this account.")
    if found.withdrawn_ms is None:
        found.withdrawn_ms = now_ms
        event.record(session, "announcement.withdrawn", found.id)
        session.flush()
        if found.at_ms > now_ms:
            calling_off.tell_of(session, found, now_ms)
    return found


def of_creator(session: Session, visitor: Visitor, creator_id: str) -> Sequence[Announcement]:
    """All of them, those that are last first."""
    needs_creator(visitor, creator_id)
    wanted = select(Announcement).filter_by(creator_id=creator_id)
    last = wanted.order_by(Announcement.at_ms.desc(), Announcement.id)
    return session.scalars(last.limit(MOST_LISTED)).all()


def for_member(session: Session, account_id: str, at_ms: int) -> list[Told]:
    """What is to come and meant for them, the next first: by each of their memberships that gives
    its perks now, its tier's rank and perks."""
    ranked = (
        select(Announcement)
        .join(Membership, Membership.creator_id == Announcement.creator_id)
        .join(Tier, Tier.id == Membership.tier_id)
        .where(
            Membership.account_id == account_id,
            memberships.gives_perks(at_ms),
            Announcement.rank <= Tier.rank,
            Announcement.at_ms > at_ms,
            Announcement.withdrawn_ms.is_(None),
        )
        .order_by(Announcement.at_ms, Announcement.id)
        .limit(MOST_LISTED)
    )
    found = (_told(session, account_id, one, at_ms) for one in session.scalars(ranked))
    return [one for one in found if one is not None]


def membership_of(session: Session, visitor: Visitor, announcement_id: str) -> str:
    """The visitor's own with its creator, for the way back. Raises NotFound."""
    wanted = (
        select(Membership.id)
        .join(Announcement, Announcement.creator_id == Membership.creator_id)
        .where(Announcement.id == announcement_id, Membership.account_id == visitor.account_id)
        .order_by(memberships.is_alive().desc(), Membership.created_ms.desc())
    )
    found = session.scalars(wanted.limit(1)).first()
    if found is None:
        raise NotFound("There is no such event for you.")
    return found


def _told(session: Session, account_id: str, one: Announcement, at_ms: int) -> Told | None:
    perk = grants.held(session, account_id, one.creator_id, KINDS[one.kind], at_ms)
    if perk is None:
        return None
    if one.kind == "drop":
        return Told(one, 0, drops.may_have(session, account_id, one, at_ms), None)
    mine, free = seats.mine(session, account_id, one.id), seats.free(session, one)
    most = int(perk.facts["count"]) if one.seats is not None else 1
    return Told(one, mine, mine < most and free != 0, free)


def _needs_tier(session: Session, creator_id: str, perk: str, rank: int) -> None:
    """Raises Refusal where nobody could have it."""
    current = select(Tier).where(Tier.creator_id == creator_id, Tier.retired_ms.is_(None))
    meant = [one for one in session.scalars(current) if one.rank >= rank]
    if not any(said.get("kind") == perk for one in meant for said in one.perks):
        raise Refusal("No tier from that rank on gives it. Choose a lower one.", code="no_tier")


def _line(text: str) -> str:
    seen = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in text)
    return " ".join(unicodedata.normalize("NFC", seen).split())
