"""Licensing: what clips brought by licenses, and what of it went back.

Of the house it is the ledger's money, by the moment it was heard of. An order may hold clips of
several creators; of one of them it is the licenses', by when they were granted and revoked.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, union_all

from catalog.figures import months
from catalog.figures.asked import PAGE, Asked, mark
from catalog.figures.shape import Cell, Chart, Column, Figure, Rows, Table, Value
from catalog.figures.written import shown
from catalog.payments.facts import MONEY_IN, MONEY_OUT
from models.license import License
from models.listing import Listing
from models.order import Order, OrderLine, OrderState
from models.payment import PaymentEvent

NAME = "licensing"
FILTERS = ("month", "currency")
TITLE = "Clip licensing revenue"
DEFINITION = (
    "What was paid for licenses of clips, less what went back by refunds and disputes, by the "
    "month in which the payment or its return was recorded. Memberships and tips are not in it."
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
    start, end = 0, asked.as_of_ms
    if wanted.get("month"):
        month = months.named(wanted["month"], asked.as_of_ms)
        start, end = month.start_ms, month.end_ms
    parts = union_all(*_parts(asked, start, end)).subquery()
    query, last = select(parts), mark(after)
    if wanted.get("currency"):
        query = query.where(parts.c.currency == wanted["currency"])
    if last:
        older = and_(parts.c.at == last[0], parts.c.id < last[1])
        query = query.where(or_(parts.c.at < last[0], older))
    newest = query.order_by(parts.c.at.desc(), parts.c.id.desc()).limit(PAGE + 1)
    found = asked.session.execute(newest).all()
    rows = [(row.at, str(row.kind), row.subject, row.cents, row.currency) for row in found[:PAGE]]
    more = f"{found[PAGE - 1].at}~{found[PAGE - 1].id}" if len(found) > PAGE else ""
    return Rows(MOVEMENTS, rows, more)


def _summed(asked: Asked) -> Any:
    parts = []
    for at, month in enumerate(asked.months):
        if asked.creator_id is None:
            parts.append(_booked(at, month.start_ms, month.end_ms))
            continue
        for moved in _parts(asked, month.start_ms, month.end_ms):
            one = moved.subquery()
            came = func.sum(case((one.c.cents > 0, one.c.cents), else_=0))
            went = func.sum(case((one.c.cents < 0, -one.c.cents), else_=0))
            wanted = select(literal(at), one.c.currency, came, went)
            parts.append(wanted.group_by(one.c.currency))
    return union_all(*parts)


def _booked(number: int, start_ms: int, end_ms: int) -> Any:
    one = PaymentEvent
    came = func.sum(case((one.kind.in_(MONEY_IN), one.amount_cents), else_=0))
    went = func.sum(case((one.kind.in_(MONEY_OUT), one.amount_cents), else_=0))
    wanted = select(literal(number), one.currency, came, went)
    return wanted.where(*_in_the_books(start_ms, end_ms)).group_by(one.currency)


def _in_the_books(start_ms: int, end_ms: int) -> list[ColumnElement[bool]]:
    one = PaymentEvent
    return [
        one.counted == True,  # noqa: E712 (SQLite's partial index is found by just these words)
        one.order_id.is_not(None),
        one.received_ms >= start_ms,
        one.received_ms < end_ms,
    ]


def _parts(asked: Asked, start_ms: int, end_ms: int) -> list[Any]:
    """Movements as rows: at, id, kind, subject, cents, currency."""
    one = PaymentEvent
    if asked.creator_id is None:
        signed = case((one.kind.in_(MONEY_IN), one.amount_cents), else_=-one.amount_cents)
        columns = (
            *(one.received_ms.label("at"), one.event_id.label("id"), one.kind.label("kind")),
            *(one.order_id.label("subject"), signed.label("cents"), one.currency.label("currency")),
        )
        return [select(*columns).where(*_in_the_books(start_ms, end_ms))]
    return [
        _of_creator(asked.creator_id, License.granted_ms, "paid", License.price_cents).where(
            License.granted_ms >= start_ms, License.granted_ms < end_ms
        ),
        _of_creator(asked.creator_id, License.revoked_ms, "went back", -_back()).where(
            License.revoked_ms >= start_ms, License.revoked_ms < end_ms, _back() > 0
        ),
    ]


def _of_creator(creator_id: str, at: Any, kind: str, cents: Any) -> Any:
    columns = (
        *(at.label("at"), License.id.label("id"), literal(kind).label("kind")),
        *(License.id.label("subject"), cents.label("cents"), License.currency.label("currency")),
    )
    return (
        select(*columns)
        .join(Listing, Listing.id == License.listing_id)
        .join(OrderLine, OrderLine.id == License.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Listing.creator_id == creator_id, License.price_cents > 0)
    )


def _back() -> ColumnElement[int]:
    """A dispute ends its order and names no line: all of it went."""
    disputed = and_(Order.state == OrderState.REFUNDED, OrderLine.refunded_cents == 0)
    return case((disputed, License.price_cents), else_=OrderLine.refunded_cents)


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
