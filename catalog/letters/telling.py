"""One announcement, told to one segment by a letter of news: to those in it who asked for news of
this creator and may have what is announced, once each. All of that is asked as each is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import segments
from catalog.auth import Visitor
from catalog.entitlements import now_of
from catalog.errors import NotFound, Refusal
from catalog.letters import sending, stops
from catalog.letters.basis import Basis
from catalog.members import announcements, tiers
from models import event
from models.account import Account
from models.consent import Letter, Subscriber, SubscriberState
from models.membership import Membership
from models.offer import Segment
from models.perk import Announcement
from models.settings import settings
from models.steps import ask

NEWS = "news"
NUMBER = 1
AT_ONCE = 50
"""In one transaction."""


@dataclass(frozen=True)
class Batch:
    written: int
    last: str
    """Its last subscriber; empty: there was none any more."""
    waits: bool
    """Somebody had a letter of news today: theirs is for tomorrow."""


def tell(session: Session, visitor: Visitor, segment_id: str, announcement_id: str) -> None:
    """Asked for; a worker writes. Raises NotFound, and Refusal where too few are in it."""
    segment, at_ms = segments.mine(session, visitor, segment_id), now_of(session)
    found = session.get(Announcement, announcement_id)
    if found is None or found.creator_id != segment.creator_id or not _is_ahead(found, at_ms):
        raise NotFound("There is no such announcement any more.")
    if segments.people(session, segment.creator_id, segment.id, at_ms) is None:
        raise Refusal(
            f"By now fewer than {segments.LEAST} people fit, so nobody is written to.", "too_few"
        )
    ask(session, "tell", found.id, None, spec=segment.id)
    event.record(session, "segment.told", segment.id, announcement=found.id)


def coming(session: Session, creator_id: str, at_ms: int) -> Sequence[Announcement]:
    wanted = select(Announcement).where(
        Announcement.creator_id == creator_id,
        Announcement.at_ms > at_ms,
        Announcement.withdrawn_ms.is_(None),
    )
    return session.scalars(wanted.order_by(Announcement.at_ms, Announcement.id).limit(50)).all()


def write(session: Session, announcement_id: str, segment_id: str, after: str, at_ms: int) -> Batch:
    """The next few after that subscriber."""
    found, segment = session.get(Announcement, announcement_id), session.get(Segment, segment_id)
    if found is None or segment is None or not _is_ahead(found, at_ms):
        return Batch(0, "", waits=False)
    people = segments.people(session, found.creator_id, segment_id, at_ms)
    rows = session.execute(_readers(found, people, after)).all() if people is not None else []
    done = [_one(session, found, segment, to, who, at_ms) for to, who in rows]
    return Batch(done.count(True), rows[-1][0].id if rows else "", waits=None in done)


def _is_ahead(one: Announcement, at_ms: int) -> bool:
    return one.withdrawn_ms is None and one.at_ms > at_ms


def _readers(of: Announcement, people: Any, after: str) -> Any:
    told = select(Letter.subject_id).where(
        Letter.series == _series(of), Letter.number == NUMBER, Letter.subject_id == Subscriber.id
    )
    return (
        select(Subscriber, Account)
        .join(Account, Account.email == Subscriber.email)
        .where(
            Account.id.in_(people),
            Account.verified_ms.is_not(None),
            Account.closed_ms.is_(None),
            Subscriber.purpose == NEWS,
            Subscriber.creator_id == of.creator_id,
            Subscriber.state == SubscriberState.CONFIRMED,
            Subscriber.id > after,
            ~told.exists(),
        )
        .order_by(Subscriber.id)
        .limit(AT_ONCE)
    )


def _one(
    session: Session, of: Announcement, segment: Segment, to: Subscriber, who: Account, at_ms: int
) -> bool | None:
    """Whether it was written; None: not today."""
    mine = announcements.for_member(session, who.id, at_ms)
    row = Letter(series=_series(of), number=NUMBER, subject_id=to.id, at_ms=at_ms)
    if not any(one.announcement.id == of.id for one in mine) or stops.reason(session, to.email):
        session.add(row)
        return False
    told = _facts(session, of, segment, who)
    about = Basis(announcements=[of.id])
    made = sending.send(session, to.email, NEWS, "told", at_ms, of.creator_id, about, **told)
    if made is None:
        return None
    row.mail_id = made.id
    session.add(row)
    session.flush()
    return True


def _facts(session: Session, of: Announcement, segment: Segment, who: Account) -> dict[str, Any]:
    rule = segments.rule_of(segment.rule)
    names = {one.key: one.name for one in tiers.current(session, of.creator_id)}
    own = select(Membership.id).filter_by(account_id=who.id, creator_id=of.creator_id)
    membership = session.scalars(own.order_by(Membership.created_ms.desc())).first()
    return {
        "announcement": of,
        "fits": segments.told(rule, names),
        "used": [segments.FACTS[name].used for name in rule.facts()],
        "page": f"{settings().base_url}/memberships/{membership}",
    }


def _series(of: Announcement) -> str:
    return f"told {of.id}"
