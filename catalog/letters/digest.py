"""What opened to a reader since the last letter: once a week or once a day, as each chose.

One letter holds all creators whose turn it is. It lists what its reader sees at this moment; a link
in it asks again when it is opened.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from catalog import entitlements, search
from catalog.auth import Visitor
from catalog.letters import hours, sending, stops
from catalog.letters.basis import Basis
from catalog.members import ladder
from models.base import reading
from models.consent import Letter, Subscriber, SubscriberState
from models.creator import Creator
from models.listing import Listing, ListingState
from models.mail import Mail
from models.membership import Membership

BATCH = 500
MOST = 12
"""Clips of one creator in one letter; how many more there are is said."""
DAYS = {"day": 1, "week": 7}
LONGEST_MS = 31 * hours.DAY_MS


@dataclass(frozen=True)
class Part:
    """Of one creator: what only members see yet, and what everybody sees."""

    creator: Creator
    early: Sequence[Listing]
    opened: Sequence[Listing]
    more: int

    @property
    def count(self) -> int:
        return len(self.early) + len(self.opened) + self.more


def due(at_ms: int) -> Iterator[str]:
    """For the timer: addresses whose turn it is, each for a write() in a transaction of its own.
    Outside of the hours nobody.
    """
    after, more = "", hours.is_open(at_ms)
    while more:
        with reading() as session:
            emails = _due_emails(session, at_ms, after)
            stopped = stops.among(session, emails)
        yield from (one for one in emails if one not in stopped)
        more = len(emails) == BATCH
        after = emails[-1] if emails else ""


def write(session: Session, email: str, at_ms: int) -> Mail | None:
    """None where nothing is due, nothing is new, or letters are stopped. An empty one counts as
    looked at: the next look is a week or a day from now.
    """
    rows = session.scalars(
        select(Subscriber).where(Subscriber.email == email, _is_due(at_ms)).with_for_update()
    ).all()
    if not rows or stops.reason(session, email):
        return None
    reader = sending.reader_of(session, email)
    early = _early(session, reader, at_ms)
    found = [(row, part(session, reader, row, early, at_ms)) for row in rows]
    full = [(row, one) for row, one in found if one.count]
    made = None
    if full:
        parts = sorted((one for _, one in full), key=lambda one: one.creator.name.casefold())
        whose = [row for row, _ in full]
        shown = Basis(clips=[one.clip_id for part in parts for one in (*part.early, *part.opened)])
        made = sending.send_to(session, whose, "digest", at_ms, shown, **told_of(parts))
        if made is None:
            return None
    for row, one in found:
        if not one.count:
            row.last_sent_ms = at_ms
    return made


def told_of(parts: Sequence[Part]) -> dict[str, Any]:
    """What the template may say."""
    names = [sending.one_line(one.creator.name) for one in parts]
    several = len(names) > 2
    whose = f"{names[0]} and {len(names) - 1} others" if several else " and ".join(names)
    count = sum(one.count for one in parts)
    return {"parts": parts, "count": count, "whose": whose}


def part(
    session: Session, reader: Visitor, of: Subscriber, ahead: Sequence[Listing], at_ms: int
) -> Part:
    """Each clip is told of once: when it opens to this reader. `ahead`: what is early for them."""
    since = _since(of, at_ms)
    early = [one for one in ahead if one.creator_id == of.creator_id]
    told_of = of.last_sent_ms is not None and _knew(session, reader, of.creator_id, since)
    known_since = since if told_of else 0
    told = _seen_before(session, reader, [one.id for one in early], known_since)
    early = [one for one in early if one.id not in told]
    opened = _opened(session, of.creator_id, since, at_ms)
    told = _seen_before(session, reader, [one.id for one in opened], known_since)
    opened = [one for one in opened if one.id not in told]
    most = max(MOST - len(early), 0)
    more = len(early[MOST:]) + len(opened[most:])
    creator = session.get_one(Creator, of.creator_id)
    return Part(creator, early[:MOST], opened[:most], more)


def _early(session: Session, reader: Visitor, at_ms: int) -> list[Listing]:
    """Of all creators that they are a member of."""
    found = ladder.early_for(session, reader, at_ms, BATCH)
    rows = list(found.rows)
    while found.next_cursor:
        found = ladder.early_for(session, reader, at_ms, BATCH, found.next_cursor)
        rows += found.rows
    return rows


def _since(of: Subscriber, at_ms: int) -> int:
    """The first one tells of its own span: a week or a day."""
    first = at_ms - DAYS[of.rhythm] * hours.DAY_MS
    return max(of.last_sent_ms or first, at_ms - LONGEST_MS)


def _opened(session: Session, creator_id: str, since: int, at_ms: int) -> list[Listing]:
    wanted = (
        select(Listing)
        .join(Listing.clip)
        .where(
            Listing.creator_id == creator_id,
            Listing.state == ListingState.PUBLIC,
            Listing.visible_from_ms > since,
            Listing.visible_from_ms <= at_ms,
        )
        .order_by(Listing.visible_from_ms.desc(), Listing.id)
        .limit(200)
    )
    return list(session.scalars(search.with_clip(wanted)).unique())


def _seen_before(session: Session, reader: Visitor, ids: list[str], at_ms: int) -> set[str]:
    """Those that were there and open to this reader at that moment: the letter of then told of
    them.
    """
    if not at_ms or not ids:
        return set()
    seen = select(Listing.id).where(
        Listing.id.in_(ids), Listing.published_ms <= at_ms, entitlements.seen_by(reader, at_ms)
    )
    return set(session.scalars(seen))


def _knew(session: Session, reader: Visitor, creator_id: str, since: int) -> bool:
    """Whether the reader's steps on the ladder were the same at the last letter: after joining or
    going up, what is open already is new all the same.
    """
    if reader.account_id is None:
        return True
    later = (
        select(Membership.id)
        .outerjoin(Letter, and_(Letter.subject_id == Membership.id, Letter.number == 0))
        .where(
            Membership.account_id == reader.account_id,
            Membership.creator_id == creator_id,
            or_(Membership.joined_ms > since, Letter.at_ms > since),
        )
    )
    return session.scalars(later.limit(1)).first() is None


def _is_due(at_ms: int) -> ColumnElement[bool]:
    day_ms = at_ms - at_ms % hours.DAY_MS
    by_rhythm = [
        and_(
            Subscriber.rhythm == rhythm,
            Subscriber.last_sent_ms < day_ms - (days - 1) * hours.DAY_MS,
        )
        for rhythm, days in DAYS.items()
    ]
    return and_(
        Subscriber.purpose == "digest",
        Subscriber.state == SubscriberState.CONFIRMED,
        or_(Subscriber.last_sent_ms.is_(None), *by_rhythm),
    )


def _due_emails(session: Session, at_ms: int, after: str) -> Sequence[str]:
    wanted = select(Subscriber.email).where(
        _is_due(at_ms), ~sending.had_one(at_ms), Subscriber.email > after
    )
    return session.scalars(wanted.distinct().order_by(Subscriber.email).limit(BATCH)).all()
