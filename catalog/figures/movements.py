"""How what recurs moved, by month, tier and currency; summed by the database from member_event.

Each event says what recurred before and after it, and what was before is what the event before it
left. So for every tier the sum of its movements is the difference of its levels, exactly.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from catalog.figures.months import Month
from models.membership import MemberEvent, MemberEventKind

BEFORE = -1
"""All that happened before the months that are shown."""


@dataclass
class Step:
    """One month of one tier in one currency. Amounts in thousandths of a cent a month."""

    month: str
    tier: str
    currency: str
    start: int = 0
    new: int = 0
    expansion: int = 0
    contraction: int = 0
    churn: int = 0
    moved: int = 0
    """What came from other tiers, less what went to them."""
    members_start: int = 0
    joined: int = 0
    members_moved: int = 0
    left: int = 0
    paying_start: int = 0
    paying_change: int = 0
    paying_left: int = 0

    @property
    def end(self) -> int:
        gone = self.contraction + self.churn
        return self.start + self.new + self.expansion + self.moved - gone

    @property
    def members(self) -> int:
        return self.members_start + self.joined + self.members_moved - self.left

    @property
    def paying(self) -> int:
        return self.paying_start + self.paying_change


def steps(session: Session, months: Sequence[Month], creator_id: str | None) -> list[Step]:
    """In order of currency, tier and month; a tier that never had anything is not among them."""
    found: dict[tuple[str, str, int], Step] = {}

    def step(currency: str, tier: str, month: int) -> Step:
        key = currency, tier, month
        name = months[month].name if month >= 0 else ""
        return found.setdefault(key, Step(name, tier, currency))

    for row in session.execute(_summed(months, creator_id)):
        _add(row, step)
    made = []
    for currency, tier in sorted({key[:2] for key in found}):
        before = step(currency, tier, BEFORE)
        for month in range(len(months)):
            one = step(currency, tier, month)
            one.start, one.members_start, one.paying_start = (
                *(before.end, before.members, before.paying),
            )
            made.append(one)
            before = one
    return made


def totals(found: Sequence[Step]) -> list[Step]:
    """Of all tiers together, by currency and month: what moved between tiers is gone."""
    sums: dict[tuple[str, str], Step] = {}
    for one in found:
        key = one.currency, one.month
        whole = sums.setdefault(key, Step(one.month, "", one.currency))
        for name in SUMMED:
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
    return list(sums.values())


SUMMED = tuple(Step.__dataclass_fields__)[3:]


def in_levels(found: Sequence[Step], tier: str | None = None) -> dict[str, int]:
    """By currency: what recurs at the end of the last month."""
    ends: dict[str, int] = defaultdict(int)
    last = found[-1].month if found else ""
    for one in found:
        if one.month == last and tier in (None, one.tier):
            ends[one.currency] += one.end
    return dict(ends)


def happened(start_ms: int, end_ms: int, creator_id: str | None) -> list[ColumnElement[bool]]:
    """Events that move anything, in the words of the index that holds them alone."""
    one = MemberEvent
    moves = or_(
        one.before_mrr != one.after_mrr,
        one.before_tier_key != one.tier_key,
        one.kind == literal_column("'ended'"),
    )
    wanted = [moves, one.at_ms >= start_ms, one.at_ms < end_ms]
    return [*wanted, *([MemberEvent.creator_id == creator_id] if creator_id else [])]


def _summed(months: Sequence[Month], creator_id: str | None) -> Any:
    """One sum for each month: a range of the index, which nothing has to be sorted for twice."""
    parts = [(BEFORE, 0, months[0].start_ms)]
    parts += [(at, month.start_ms, month.end_ms) for at, month in enumerate(months)]
    return union_all(*(_part(*part, creator_id) for part in parts))


def _part(number: int, start_ms: int, end_ms: int, creator_id: str | None) -> Any:
    one = MemberEvent
    kind = case((one.kind.in_((MemberEventKind.JOINED, MemberEventKind.ENDED)), one.kind), else_="")
    by = kind, one.currency, one.before_tier_key, one.tier_key
    more = case((one.after_mrr > one.before_mrr, one.after_mrr - one.before_mrr), else_=0)
    less = case((one.after_mrr < one.before_mrr, one.before_mrr - one.after_mrr), else_=0)
    return (
        select(
            literal(number).label("month"),
            kind.label("kind"),
            *by[1:],
            func.sum(one.before_mrr).label("before"),
            func.sum(more).label("more"),
            func.sum(less).label("less"),
            func.count().label("events"),
            func.sum(case((one.before_mrr > 0, 1), else_=0)).label("paying_before"),
            func.sum(case((one.after_mrr > 0, 1), else_=0)).label("paying_after"),
        )
        .where(*happened(start_ms, end_ms, creator_id))
        .group_by(kind, *by[1:])
    )


def _add(row: Row[Any], step: Any) -> None:
    here = step(row.currency, row.tier_key, row.month)
    before, more, less = int(row.before), int(row.more), int(row.less)
    if row.kind == MemberEventKind.JOINED:
        here.new += more
        here.contraction += less
    elif row.kind == MemberEventKind.ENDED:
        here.expansion += more
        here.churn += less
        here.left += row.events
        here.paying_left += int(row.paying_before)
    else:
        here.expansion += more
        here.contraction += less
    here.paying_change += int(row.paying_after)
    if row.before_tier_key == "":
        here.joined += row.events
        return
    there = step(row.currency, row.before_tier_key, row.month)
    there.paying_change -= int(row.paying_before)
    if there is not here:
        there.moved -= before
        here.moved += before
        there.members_moved -= row.events
        here.members_moved += row.events
