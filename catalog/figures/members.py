"""Members: how many there are, and how many of them leave."""

from collections.abc import Mapping

from sqlalchemy import or_

from catalog.errors import BadRequest
from catalog.figures import months, mrr
from catalog.figures.asked import Asked
from catalog.figures.movements import Step, happened, totals
from catalog.figures.shape import Chart, Column, Figure, Rows, Table, Value
from models.membership import MemberEvent, MemberEventKind

NAME = "members"
FILTERS = ("month", "tier", "what")
WHAT = ("joined", "left")
TITLE = "Members"
DEFINITION = (
    "Memberships that had begun and not ended at the end of the day, trials and pauses among them; "
    "paying are those of which something recurs. The churn rate of a month is how many paying "
    "memberships ended in it, divided by how many there were at its start."
)
BY_MONTH = (
    Column("month", "Month", "month"),
    Column("start", "Start", "count"),
    Column("joined", "Joined", "count"),
    Column("left", "Left", "count"),
    Column("end", "End", "count"),
    Column("paying", "Paying", "count"),
    Column("paying_left", "Paying who left", "count"),
    Column("churn_rate", "Churn rate", "share"),
)
BY_TIER = (
    *(BY_MONTH[0], Column("tier", "Tier"), *BY_MONTH[1:4]),
    *(Column("moved", "Between tiers", "count"), *BY_MONTH[4:6]),
)


def figure(asked: Asked) -> Figure:
    whole = _one_currency(totals(asked.steps))
    by_tier = _one_currency(asked.steps)
    last = whole[-1] if whole else None
    return Figure(
        name=NAME,
        title=TITLE,
        definition=DEFINITION,
        values=_values(last) if last else (),
        tables=(
            Table(
                "months",
                "By month",
                BY_MONTH,
                tuple(map(_month, reversed(whole))),
                "In each row start and joined, less left, is the end.",
            ),
            Table(
                "tiers",
                "By tier and month",
                BY_TIER,
                tuple(map(_tier, sorted(by_tier, key=lambda one: one.month, reverse=True))),
            ),
        ),
        charts=_charts(asked, by_tier, whole) if last else (),
        filters=FILTERS,
        choices=(("what", WHAT),),
        empty="Nobody is a member yet.",
    )


def drill(asked: Asked, wanted: Mapping[str, str], after: str) -> Rows:
    """Joins, moves between tiers and ends."""
    one = MemberEvent
    start, end = months.span(wanted.get("month"), asked.as_of_ms)
    which = happened(start, end, asked.creator_id)
    joined, ended = one.before_tier_key == "", one.kind == MemberEventKind.ENDED
    moved = or_(joined, ended, one.before_tier_key != one.tier_key)
    kinds = {"": moved, **dict(zip(WHAT, (joined, ended), strict=True))}
    if wanted.get("what", "") not in kinds:
        raise BadRequest(f"what: one of {', '.join(WHAT)}.")
    which.append(kinds[wanted.get("what", "")])
    if wanted.get("tier"):
        which.append(or_(one.tier_key == wanted["tier"], one.before_tier_key == wanted["tier"]))
    return mrr.events(asked, which, after)


def _one_currency(found: list[Step]) -> list[Step]:
    """People are counted whatever they pay in."""
    sums: dict[tuple[str, str], Step] = {}
    for one in found:
        whole = sums.setdefault((one.tier, one.month), Step(one.month, one.tier, ""))
        for name in COUNTED:
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
    return list(sums.values())


COUNTED = (
    *("members_start", "joined", "members_moved", "left"),
    *("paying_start", "paying_change", "paying_left"),
)


def _values(last: Step) -> tuple[Value, ...]:
    rate = _rate(last)
    said = f"{last.paying_left:,} left; {last.paying_start:,} were paying at its start"
    said = said if rate is not None else "nobody was paying at the month's start"
    return (
        Value("Members", "count", last.members, note=f"{last.paying:,} of them paying"),
        Value("Churn rate of this month", "share", rate, note=said),
    )


def _rate(one: Step) -> float | None:
    return one.paying_left / one.paying_start if one.paying_start else None


def _month(one: Step) -> tuple[str | int | float | None, ...]:
    counts = (one.members_start, one.joined, one.left, one.members, one.paying, one.paying_left)
    return (one.month, *counts, _rate(one))


def _tier(one: Step) -> tuple[str | int | float | None, ...]:
    month, start, joined, left, end, paying, *_ = _month(one)
    return (month, one.tier, start, joined, left, one.members_moved, end, paying)


def _charts(asked: Asked, by_tier: list[Step], whole: list[Step]) -> tuple[Chart, ...]:
    labels = tuple(month.name for month in asked.months)
    tiers = sorted({one.tier for one in by_tier})
    levels = tuple(
        (tier, tuple(one.members for one in by_tier if one.tier == tier)) for tier in tiers
    )
    rates = tuple(map(_rate, whole))
    drawn = [Chart("Members at each month's end, by tier", "count", labels, levels)]
    if any(one is not None for one in rates):
        series = (("Churn rate", rates),)
        drawn.append(Chart("Churn rate of each month", "share", labels, series, lines=True))
    return tuple(drawn)
