"""Conversion: visits in which something small was bought, and what offers did about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, union_all

from catalog.errors import BadRequest
from catalog.figures import months
from catalog.figures.asked import PAGE, Asked, mark
from catalog.figures.months import DAY_MS, Month
from catalog.figures.shape import Cell, Chart, Column, Figure, Rows, Table, Value
from catalog.figures.written import shown as told
from catalog.offers import uplift
from models.offer import ContentSession

NAME = "conversion"
FILTERS = ("month", "arm", "bought")
TITLE = "From a visit to a small purchase"
SETTLED_MS = 2 * DAY_MS
"""A visit lasts a day at most, and what was bought can be taken back for a day."""
DEFINITION = (
    "Visits to clips in which an offer was shown and something was bought, divided by all visits "
    "in which one was shown. The uplift is that share less the same share of visits that were "
    "chosen by chance to be shown none although one fitted: what people buy because of offers, not "
    "beside them. Visits count two days after they began, when nothing in them can change any "
    "more. Intervals are of 95 %."
)
BY_MONTH = (
    Column("month", "Month", "month"),
    Column("visits", "Visits", "count"),
    Column("shown", "Shown", "count"),
    Column("bought", "Bought", "count"),
    Column("share", "Conversion", "share"),
    Column("held_out", "Not shown", "count"),
    Column("held_out_bought", "Bought anyway", "count"),
    Column("held_out_share", "Share anyway", "share"),
    Column("uplift", "Uplift", "points"),
    Column("low", "At least", "points"),
    Column("high", "At most", "points"),
)
VISITS = (
    Column("begun", "Begun", "moment"),
    Column("arm", "Offer"),
    Column("member", "Member"),
    Column("clips", "Clips", "count"),
    Column("bought_cents", "Bought for", "cents"),
    Column("currency", "Currency"),
)
SAID = {
    "better": "The test can be stopped: offers bring more purchases.",
    "worse": "The test can be stopped: offers cost purchases.",
    "same": "The test can be stopped: whatever is left to be found is below half a point.",
    "more": "The test goes on: nothing is certain yet.",
}
ARMS = {"shown": False, "held_out": True}


def figure(asked: Asked) -> Figure:
    counts = _counts(asked)
    rows = [_row(month.name, *counts[at]) for at, month in enumerate(asked.months)]
    visits, *all_of_it = (sum(column) for column in zip(*counts, strict=True))
    seen = [at for at, row in enumerate(rows) if row[1]]
    rows = rows[seen[0] :] if seen else []
    return Figure(
        name=NAME,
        title=TITLE,
        definition=DEFINITION,
        values=_values(*all_of_it) if visits else (),
        tables=(Table("months", "By month", BY_MONTH, tuple(reversed(rows))),),
        charts=(_chart(rows),) if rows else (),
        filters=FILTERS,
        empty="No visit to a clip is two days old yet.",
    )


def drill(asked: Asked, wanted: Mapping[str, str], after: str) -> Rows:
    """Visits: a time and numbers; nobody knows whose."""
    one, last, start, end = ContentSession, mark(after), 0, asked.as_of_ms
    if wanted.get("month"):
        month = months.named(wanted["month"], asked.as_of_ms)
        start, end = month.start_ms, month.end_ms
    which = _counted(asked, start, end)
    if wanted.get("arm"):
        if wanted["arm"] not in ARMS:
            raise BadRequest("arm: shown or held_out.")
        which.append(one.held_out.is_(ARMS[wanted["arm"]]))
    if wanted.get("bought"):
        which.append(one.bought_cents > 0)
    if last:
        older = and_(one.begun_ms == last[0], one.id < last[1])
        which.append(or_(one.begun_ms < last[0], older))
    query = select(one).where(*which).order_by(one.begun_ms.desc(), one.id.desc())
    found = asked.session.scalars(query.limit(PAGE + 1)).all()
    names = {None: "none fitted", False: "shown", True: "held out"}
    rows = [
        (
            *(row.begun_ms, names[row.held_out], "yes" if row.member else "no"),
            *(row.clips, row.bought_cents, row.currency),
        )
        for row in found[:PAGE]
    ]
    more = f"{found[PAGE - 1].begun_ms}~{found[PAGE - 1].id}" if len(found) > PAGE else ""
    return Rows(VISITS, rows, more)


def _counts(asked: Asked) -> list[tuple[int, ...]]:
    """By month: visits, shown, bought of them, held out, bought of them."""
    query = union_all(*(_part(asked, at, one) for at, one in enumerate(asked.months)))
    found = {
        row[0]: tuple(int(cell or 0) for cell in row[1:]) for row in asked.session.execute(query)
    }
    return [found[at] for at in range(len(asked.months))]


def _part(asked: Asked, number: int, month: Month) -> Any:
    one = ContentSession
    bought = one.bought_cents > 0
    shown, held_out = one.held_out.is_(False), one.held_out.is_(True)
    counted = [shown, and_(shown, bought), held_out, and_(held_out, bought)]
    sums = [func.sum(case((which, 1), else_=0)) for which in counted]
    wanted = select(literal(number), func.count(), *sums)
    return wanted.where(*_counted(asked, month.start_ms, month.end_ms))


def _counted(asked: Asked, start_ms: int, end_ms: int) -> list[ColumnElement[bool]]:
    one = ContentSession
    wanted = [
        one.begun_ms >= start_ms,
        one.begun_ms < min(end_ms, asked.as_of_ms - SETTLED_MS),
    ]
    return [*wanted, *([one.creator_id == asked.creator_id] if asked.creator_id else [])]


def _row(
    month: str, visits: int, shown: int, bought: int, held: int, beside: int
) -> tuple[Cell, ...]:
    one, other = uplift.share(bought, shown), uplift.share(beside, held)
    more = uplift.difference(bought, shown, beside, held)
    return (
        *(month, visits, shown, bought, one.value if one else None),
        *(held, beside, other.value if other else None),
        *((more.value, more.low, more.high) if more else (None, None, None)),
    )


def _values(shown: int, bought: int, held: int, beside: int) -> tuple[Value, ...]:
    one = uplift.share(bought, shown)
    more = uplift.difference(bought, shown, beside, held)
    test = uplift.tested(bought, shown, beside, held)
    between = "between {} and {}".format
    return (
        Value(
            "Conversion",
            "share",
            one.value if one else None,
            note=f"{between(told(one.low, 'share'), told(one.high, 'share'))}, "
            f"{bought:,} of {shown:,} visits in these months"
            if one
            else "no offer was shown yet",
        ),
        Value(
            "Uplift",
            "points",
            more.value if more else None,
            note=f"{between(told(more.low, 'points'), told(more.high, 'points'))}. "
            f"{SAID[test.verdict]}"
            if more and test
            else "nobody was held out yet to compare with",
        ),
    )


def _chart(rows: Sequence[tuple[Cell, ...]]) -> Chart:
    def column(at: int) -> tuple[float | None, ...]:
        return tuple(
            cell if isinstance(cell, float) else None for cell in (row[at] for row in rows)
        )

    return Chart(
        "Visits in which something was bought, of those that were shown an offer and those that "
        "were not",
        "share",
        tuple(str(row[0]) for row in rows),
        (("Shown", column(4)), ("Not shown", column(7))),
        lines=True,
    )
