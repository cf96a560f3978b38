"""Licensing: what clips brought by licenses, and what of it went back.

It is the ledger's money, by the moment it was heard of; of one creator what is theirs of it (see
shared).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, union_all

from catalog.figures import months, shared
from catalog.figures.asked import PAGE, Asked, mark
from catalog.figures.months import Month
from catalog.figures.shape import Cell, Chart, Column, Figure, Rows, Table, Value
from catalog.figures.written import shown
from catalog.payments.facts import MONEY_IN, MONEY_OUT
from models.payment import PaymentEvent

NAME = "licensing"
FILTERS = ("month", "currency")
TITLE = "Clip licensing revenue"
DEFINITION = (
    "What was paid for licenses of clips, less what went back by refunds and disputes, by the "
    "month in which the payment or its return was recorded. Memberships and tips are not in it. Of "
    "an order with clips of several creators each has what its invoice and credit notes say."
)
BY_MONTH = (
    *(Column("month", "Month", "month"), Column("currency", "Currency")),
    *(Column("in_cents", "Paid", "cents"), Column("back_cents", "Went back", "cents")),
    Column("net_cents", "Net", "cents"),
)
MOVEMENTS = (
    *(Column("at", "When", "moment"), Column("kind", "What"), Column("subject", "Of")),
    *(Column("cents", "Amount", "cents"), Column("currency", "Currency")),
)


def figure(asked: Asked) -> Figure:
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for month, currency, paid, back in asked.session.execute(_summed(asked)):
        one = sums[asked.months[month].name, currency]
        one[0] += int(paid or 0)
        one[1] += int(back or 0)
    for moved in _shared(asked, asked.months[0].start_ms, asked.as_of_ms):
        one = sums[months.name_of(moved.at), moved.currency]
        one[0 if moved.cents > 0 else 1] += abs(moved.cents)
    currencies = sorted({currency for _, currency in sums})
    rows = [
        (month.name, currency, *_net(*sums[month.name, currency]))
        for month in reversed(asked.months)
        for currency in currencies
    ]
    return Figure(
        name=NAME,
        title=TITLE,
        definition=DEFINITION,
        values=tuple(_value(rows, currency) for currency in currencies),
        tables=(Table("months", "By month", BY_MONTH, tuple(rows)),),
        charts=tuple(_chart(asked, rows, currency) for currency in currencies),
        filters=FILTERS,
        empty="No license of a clip was paid for yet.",
    )


def drill(asked: Asked, wanted: Mapping[str, str], after: str) -> Rows:
    """The movements of money, those that went back below nothing."""
    start, end = months.span(wanted.get("month"), asked.as_of_ms)
    query, last = _rows(asked, start, end), mark(after)
    shares = _shared(asked, start, end)
    if wanted.get("currency"):
        query = query.where(PaymentEvent.currency == wanted["currency"])
        shares = [one for one in shares if one.currency == wanted["currency"]]
    if last:
        at, id_ = PaymentEvent.received_ms, PaymentEvent.event_id
        query = query.where(or_(at < last[0], and_(at == last[0], id_ < last[1])))
        shares = [one for one in shares if (one.at, one.id) < last]
    read = [shared.Moved(*row) for row in asked.session.execute(query.limit(PAGE + 1))]
    found = sorted([*read, *shares], key=lambda one: (one.at, one.id), reverse=True)
    rows = [(one.at, str(one.kind), one.subject, one.cents, one.currency) for one in found[:PAGE]]
    more = f"{found[PAGE - 1].at}~{found[PAGE - 1].id}" if len(found) > PAGE else ""
    return Rows(MOVEMENTS, rows, more)


def _summed(asked: Asked) -> Any:
    return union_all(*(_part(asked, at, month) for at, month in enumerate(asked.months)))


def _part(asked: Asked, number: int, month: Month) -> Any:
    one = PaymentEvent
    came = func.sum(case((one.kind.in_(MONEY_IN), one.amount_cents), else_=0))
    went = func.sum(case((one.kind.in_(MONEY_OUT), one.amount_cents), else_=0))
    wanted = select(literal(number), one.currency, came, went)
    return wanted.where(*_booked(asked, month.start_ms, month.end_ms)).group_by(one.currency)


def _rows(asked: Asked, start_ms: int, end_ms: int) -> Any:
    """As shared.Moved, newest first."""
    one = PaymentEvent
    signed = case((one.kind.in_(MONEY_IN), one.amount_cents), else_=-one.amount_cents)
    columns = one.received_ms, one.event_id, one.kind, one.order_id, signed, one.currency
    wanted = select(*columns).where(*_booked(asked, start_ms, end_ms))
    return wanted.order_by(one.received_ms.desc(), one.event_id.desc())


def _booked(asked: Asked, start_ms: int, end_ms: int) -> list[ColumnElement[bool]]:
    one = PaymentEvent
    wanted = [
        one.counted == True,  # noqa: E712 (SQLite's partial index is found by just these words)
        one.order_id.is_not(None),
        one.received_ms >= start_ms,
        one.received_ms < end_ms,
    ]
    own = [shared.alone(one.order_id, asked.creator_id)] if asked.creator_id else []
    return [*wanted, *own]


def _shared(asked: Asked, start_ms: int, end_ms: int) -> list[shared.Moved]:
    """Of one creator, in orders that hold clips of others too."""
    if asked.creator_id is None:
        return []
    found = shared.movements(asked.session, asked.creator_id, end_ms)
    return [one for one in found if start_ms <= one.at]


def _net(paid: int, back: int) -> tuple[int, int, int]:
    return paid, back, paid - back


def _value(rows: Sequence[tuple[Cell, ...]], currency: str) -> Value:
    mine = [int(row[4] or 0) for row in rows if row[1] == currency]
    return Value(
        "Net in this month",
        "cents",
        mine[0],
        currency,
        f"{shown(sum(mine), 'cents', currency)} in the months shown",
    )


def _chart(asked: Asked, rows: Sequence[tuple[Cell, ...]], currency: str) -> Chart:
    net = {row[0]: int(row[4] or 0) for row in rows if row[1] == currency}
    labels = tuple(month.name for month in asked.months)
    series = (("Net", tuple(net[name] for name in labels)),)
    return Chart(f"Net licensing revenue by month, {currency}", "cents", labels, series, currency)
