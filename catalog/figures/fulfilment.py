"""Fulfilment: what it costs to make and send merch, of what was paid for it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, union_all

from catalog.figures import months
from catalog.figures.asked import PAGE, Asked, mark
from catalog.figures.months import Month
from catalog.figures.shape import Cell, Chart, Column, Figure, Rows, Table, Value
from models.event import Event

NAME = "fulfilment"
FILTERS = ("month",)
TITLE = "Fulfilment cost"
SOLD, COST = "merch.sold", "merch.cost"
"""Events of an order of merch: `cents`, `currency` and `creator_id` in their facts."""
DEFINITION = (
    "What making, packing and sending merch cost, as a share of the price that was paid for it, by "
    "the month in which it was recorded."
)
NONE = "no merch orders yet"
BY_MONTH = (
    *(Column("month", "Month", "month"), Column("currency", "Currency")),
    *(Column("sold_cents", "Sold for", "cents"), Column("cost_cents", "Cost", "cents")),
    Column("share", "Cost of price", "share"),
)
FACTS = (
    *(Column("at", "When", "moment"), Column("kind", "What"), Column("order", "Order")),
    *(Column("cents", "Amount", "cents"), Column("currency", "Currency")),
)


def figure(asked: Asked) -> Figure:
    sums: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: {SOLD: 0, COST: 0})
    for month, kind, currency, cents in asked.session.execute(_summed(asked)):
        sums[asked.months[month].name, currency][kind] += int(cents)
    rows = [
        (month, currency, one[SOLD], one[COST], _share(one))
        for (month, currency), one in sorted(sums.items(), reverse=True)
    ]
    currencies = sorted({currency for _, currency in sums})
    return Figure(
        name=NAME,
        title=TITLE,
        definition=DEFINITION,
        values=tuple(_value(rows, currency) for currency in currencies)
        or (Value("Cost of price", "share", None, note=NONE),),
        tables=(Table("months", "By month", BY_MONTH, tuple(rows)),),
        charts=tuple(_chart(asked, rows, currency) for currency in currencies),
        filters=FILTERS,
        empty=f"There are {NONE}.",
    )


def drill(asked: Asked, wanted: Mapping[str, str], after: str) -> Rows:
    one, last = Event, mark(after)
    start, end = months.span(wanted.get("month"), asked.as_of_ms)
    which = _counted(asked, start, end)
    if last:
        which.append(or_(one.at_ms < last[0], and_(one.at_ms == last[0], one.id < last[1])))
    query = select(one).where(*which).order_by(one.at_ms.desc(), one.id.desc()).limit(PAGE + 1)
    found = asked.session.scalars(query).all()
    rows = [
        (row.at_ms, row.kind, row.subject, row.facts["cents"], row.facts["currency"])
        for row in found[:PAGE]
    ]
    more = f"{found[PAGE - 1].at_ms}~{found[PAGE - 1].id}" if len(found) > PAGE else ""
    return Rows(FACTS, rows, more)


def _summed(asked: Asked) -> Any:
    return union_all(*(_part(asked, at, month) for at, month in enumerate(asked.months)))


def _part(asked: Asked, number: int, month: Month) -> Any:
    currency = Event.facts["currency"].as_string()
    cents = func.sum(Event.facts["cents"].as_integer())
    wanted = select(literal(number), Event.kind, currency, cents)
    return wanted.where(*_counted(asked, month.start_ms, month.end_ms)).group_by(
        Event.kind, currency
    )


def _counted(asked: Asked, start_ms: int, end_ms: int) -> list[ColumnElement[bool]]:
    wanted = [Event.kind.in_((SOLD, COST)), Event.at_ms >= start_ms, Event.at_ms < end_ms]
    own = Event.facts["creator_id"].as_string() == asked.creator_id
    return [*wanted, *([own] if asked.creator_id else [])]


def _share(one: dict[str, int]) -> float | None:
    return one[COST] / one[SOLD] if one[SOLD] else None


def _value(rows: Sequence[tuple[Cell, ...]], currency: str) -> Value:
    mine = [row for row in rows if row[1] == currency]
    sold, cost = (sum(int(row[at] or 0) for row in mine) for at in (2, 3))
    share = cost / sold if sold else None
    return Value("Cost of price", "share", share, currency, "in the months shown")


def _chart(asked: Asked, rows: Sequence[tuple[Cell, ...]], currency: str) -> Chart:
    shares = {row[0]: row[4] for row in rows if row[1] == currency}
    found = (shares.get(month.name) for month in asked.months)
    line = tuple(one if isinstance(one, float) else None for one in found)
    labels = tuple(month.name for month in asked.months)
    return Chart(
        f"Cost of price by month, {currency}",
        "share",
        labels,
        (("Cost of price", line),),
        lines=True,
    )
