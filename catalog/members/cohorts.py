"""Members in numbers, without names: who is here by tier, and what became of those who joined a
tier while it was on test. From what happened (MemberEvent), as of any moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from catalog.members import memberships
from catalog.members.periods import DAY_MS
from models.membership import MemberEvent, MemberEventKind, Membership, MembershipState, Tier

LATER = (30, 60, 90)
LATELY_MS = 30 * DAY_MS


@dataclass(frozen=True)
class Numbers:
    """Of one tier."""

    key: str
    members: int
    trials: int
    """Of them: nothing was paid yet."""
    paused: int
    """Of them."""
    leaving: int
    """Of them: they end with their period."""
    mrr: int
    """Thousandths of a cent a month."""


@dataclass(frozen=True)
class Summary:
    by_tier: list[Numbers]
    joined: int
    left: int
    """In the last thirty days."""

    @property
    def members(self) -> int:
        return sum(one.members for one in self.by_tier)

    @property
    def mrr(self) -> int:
        return sum(one.mrr for one in self.by_tier)


@dataclass(frozen=True)
class Stayed:
    days: int
    asked: int
    """Who joined at least so many days ago."""
    here: int
    """Of them: who had not ended after so many days."""


@dataclass(frozen=True)
class Tested:
    """A tier that was or is on test: all its versions that had the same end."""

    key: str
    name: str
    tier_ids: tuple[str, ...]
    from_ms: int
    planned_ms: int
    until_ms: int
    """When it ended, or will."""
    currency: str


@dataclass(frozen=True)
class Report:
    tested: Tested
    joined: int
    trials: int
    """Of them: they began with days that cost nothing."""
    here: int
    stayed: list[Stayed]
    mrr: int


def summary(session: Session, creator_id: str, at_ms: int) -> Summary:
    """As things stand."""
    lately = MemberEvent.at_ms > at_ms - LATELY_MS
    happened = select(func.count()).where(MemberEvent.creator_id == creator_id, lately)
    ended = happened.where(MemberEvent.kind == MemberEventKind.ENDED)
    return Summary(
        by_tier=_by_tier(session, creator_id),
        joined=session.scalar(happened.where(_began())) or 0,
        left=session.scalar(ended) or 0,
    )


def tests(session: Session, creator_id: str) -> list[Tested]:
    """The newest first."""
    wanted = select(Tier).where(Tier.creator_id == creator_id, Tier.test_until_ms.is_not(None))
    rows = session.scalars(wanted.order_by(Tier.key, Tier.test_until_ms, Tier.created_ms)).all()
    found = [
        _tested(list(rows)) for _, rows in groupby(rows, lambda one: (one.key, one.test_until_ms))
    ]
    return sorted(found, key=lambda one: -one.from_ms)


def report(session: Session, tested: Tested, at_ms: int) -> Report:
    """What became, until that moment, of those who joined the tier on test."""
    lives = _lives(session, tested.tier_ids, at_ms)
    return Report(
        tested=tested,
        joined=len(lives),
        trials=sum(one[0].kind == MemberEventKind.TRIAL for one in lives),
        here=sum(one[-1].kind != MemberEventKind.ENDED for one in lives),
        stayed=[_stayed(lives, days, at_ms) for days in LATER],
        mrr=sum(one[-1].after_mrr for one in lives),
    )


def _by_tier(session: Session, creator_id: str) -> list[Numbers]:
    counts = [
        func.sum(case((condition, 1), else_=0))
        for condition in (
            memberships.is_alive(),
            Membership.period_end_ms == Membership.trial_until_ms,
            Membership.state == MembershipState.PAUSED,
            Membership.ends_at_period,
        )
    ]
    wanted = (
        select(Tier.key, *counts)
        .join(Membership, Membership.tier_id == Tier.id)
        .where(Tier.creator_id == creator_id, memberships.is_alive())
        .group_by(Tier.key)
        .order_by(Tier.key)
    )
    recurs = _mrr(session, creator_id)
    return [
        Numbers(
            key=row[0],
            members=int(row[1]),
            trials=int(row[2]),
            paused=int(row[3]),
            leaving=int(row[4]),
            mrr=recurs.get(row[0], 0),
        )
        for row in session.execute(wanted)
    ]


def _mrr(session: Session, creator_id: str) -> dict[str, int]:
    """By tier: what all that happened added to it, less what it took away."""
    found: dict[str, int] = {}
    for key, cents, sign in (
        (MemberEvent.tier_key, MemberEvent.after_mrr, 1),
        (MemberEvent.before_tier_key, MemberEvent.before_mrr, -1),
    ):
        wanted = select(key, func.sum(cents)).where(MemberEvent.creator_id == creator_id)
        for name, thousandths in session.execute(wanted.group_by(key)):
            found[name] = found.get(name, 0) + sign * int(thousandths)
    return found


def _began() -> ColumnElement[bool]:
    """A trial that was paid for after is no second joining."""
    first = MemberEvent.kind == MemberEventKind.TRIAL
    return first | (
        (MemberEvent.kind == MemberEventKind.JOINED) & (MemberEvent.before_tier_key == "")
    )


def _stayed(lives: Sequence[Sequence[MemberEvent]], days: int, at_ms: int) -> Stayed:
    asked = [one for one in lives if one[0].at_ms + days * DAY_MS <= at_ms]
    return Stayed(days, len(asked), sum(not _ended(one, days) for one in asked))


def _ended(life: Sequence[MemberEvent], days: int) -> bool:
    last = life[-1]
    return last.kind == MemberEventKind.ENDED and last.at_ms <= life[0].at_ms + days * DAY_MS


def _lives(session: Session, tier_ids: Sequence[str], at_ms: int) -> list[list[MemberEvent]]:
    """Of each membership that began in one of these, what happened until then, in order."""
    theirs = select(MemberEvent.membership_id).where(
        MemberEvent.tier_id.in_(tier_ids), _began(), MemberEvent.at_ms <= at_ms
    )
    wanted = select(MemberEvent).where(
        MemberEvent.membership_id.in_(theirs), MemberEvent.at_ms <= at_ms
    )
    rows = session.scalars(wanted.order_by(MemberEvent.membership_id, MemberEvent.at_ms))
    return [list(one) for _, one in groupby(rows, lambda row: row.membership_id)]


def _tested(rows: list[Tier]) -> Tested:
    last, planned = rows[-1], rows[0].test_until_ms or 0
    ended = last.retired_ms if last.retired_ms is not None else planned
    return Tested(
        key=last.key,
        name=last.name,
        tier_ids=tuple(one.id for one in rows),
        from_ms=rows[0].created_ms,
        planned_ms=planned,
        until_ms=min(planned, ended),
        currency=last.currency,
    )
