"""MRR: what recurs in a month, and how it moved."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, not_, or_, select

from catalog.errors import BadRequest
from catalog.figures import months
from catalog.figures.asked import PAGE, Asked, mark
from catalog.figures.movements import Step, happened, totals
from catalog.figures.shape import Chart, Column, Figure, Rows, Table, Value
from catalog.figures.written import shown
from models.membership import MemberEvent, MemberEventKind

NAME = "mrr"
FILTERS = ("month", "currency", "tier", "movement")
TITLE = "Monthly recurring revenue"
DEFINITION = (
    "What members pay for a month, of a yearly price the twelfth part, summed over everybody whose "
    "membership is paid for or in grace at the end of the day. A trial counts from its first "
    "payment, a pause counts nothing. New: memberships that began to pay. Churn: those that ended. "
    "Expansion and contraction: all that others pay more or less, by another tier, period or a "
    "pause. Who comes back after an end is new again. Processors' fees are not taken off. Kept in "
    "thousandths of a cent, shown in cents."
)
ADDS_UP = "start, new, expansion, contraction and churn (these two below zero)"
MOVED = ("new", "expansion", "contraction", "churn")
AMOUNTS = (
    Column("start", "Start", "millicents"),
    Column("new", "New", "millicents"),
    Column("expansion", "Expansion", "millicents"),
    Column("contraction", "Contraction", "millicents"),
    Column("churn", "Churn", "millicents"),
)
BY_MONTH = (
    *(Column("month", "Month", "month"), Column("currency", "Currency"), *AMOUNTS),
    Column("end", "End", "millicents"),
)
BY_TIER = (
    *(BY_MONTH[0], Column("tier", "Tier"), *BY_MONTH[1:-1]),
    *(Column("moved", "Between tiers", "millicents"), BY_MONTH[-1]),
)
EVENTS = (
    *(Column("at", "When", "moment"), Column("membership", "Membership")),
    *(Column("kind", "What"), Column("before_tier", "Tier before"), Column("tier", "Tier")),
    Column("before", "Before", "millicents"),
    Column("after", "After", "millicents"),
    Column("currency", "Currency"),
)


def figure(asked: Asked) -> Figure:
    whole = totals(asked.steps)
    currencies = sorted({one.currency for one in whole})
    return Figure(
        name=NAME,
        title=TITLE,
        definition=DEFINITION,
        values=tuple(_value([one for one in whole if one.currency == name]) for name in currencies),
        tables=(
            Table(
                "months",
                "By month",
                BY_MONTH,
                tuple(map(_month, _newest(whole))),
                f"In each row {ADDS_UP} add up to the end.",
            ),
            Table(
                "tiers",
                "By tier and month",
                BY_TIER,
                tuple(map(_tier, _newest(asked.steps))),
                f"In each row {ADDS_UP} and what came from other tiers add up to the end. In all "
                "tiers of a month together, what moved between them adds up to zero.",
            ),
        ),
        charts=tuple(_chart(asked, currency) for currency in currencies),
        filters=FILTERS,
        choices=(("movement", MOVED),),
        empty="Nobody is a member yet. What members pay for a month is shown here from the first.",
    )


def drill(asked: Asked, wanted: Mapping[str, str], after: str) -> Rows:
    """The events that moved it."""
    one = MemberEvent
    start, end = months.span(wanted.get("month"), asked.as_of_ms)
    which = happened(start, end, asked.creator_id)
    which.append(or_(one.before_mrr != one.after_mrr, one.before_tier_key != one.tier_key))
    if wanted.get("currency"):
        which.append(one.currency == wanted["currency"])
    if wanted.get("tier"):
        which.append(or_(one.tier_key == wanted["tier"], one.before_tier_key == wanted["tier"]))
    if wanted.get("movement"):
        which.append(_movement(wanted["movement"]))
    return events(asked, which, after)


def events(asked: Asked, which: list[ColumnElement[bool]], after: str) -> Rows:
    one, last = MemberEvent, mark(after)
    if last:
        which.append(or_(one.at_ms < last[0], and_(one.at_ms == last[0], one.id < last[1])))
    query = select(one).where(*which).order_by(one.at_ms.desc(), one.id.desc()).limit(PAGE + 1)
    found = asked.session.scalars(query).all()
    rows = [
        (
            *(row.at_ms, row.membership_id, str(row.kind), row.before_tier_key, row.tier_key),
            *(row.before_mrr, row.after_mrr, row.currency),
        )
        for row in found[:PAGE]
    ]
    more = f"{found[PAGE - 1].at_ms}~{found[PAGE - 1].id}" if len(found) > PAGE else ""
    return Rows(EVENTS, rows, more)


def _movement(name: str) -> ColumnElement[bool]:
    one = MemberEvent
    joined, ended = one.kind == MemberEventKind.JOINED, one.kind == MemberEventKind.ENDED
    more, less = one.after_mrr > one.before_mrr, one.after_mrr < one.before_mrr
    kinds = {
        "new": and_(joined, more),
        "expansion": and_(not_(joined), more),
        "contraction": and_(not_(ended), less),
        "churn": and_(ended, less),
    }
    if name not in kinds:
        raise BadRequest(f"movement: one of {', '.join(MOVED)}.")
    return kinds[name]


def _value(of: list[Step]) -> Value:
    last = of[-1]
    return Value("Recurs in a month", "millicents", last.end, last.currency, _change(last))


def _change(last: Step) -> str:
    change = last.end - last.start
    if not change:
        return "as at the start of the month"
    said = shown(abs(change), "millicents", last.currency)
    return f"{said} {'more' if change > 0 else 'less'} than at the start of the month"


def _newest(found: list[Step]) -> list[Step]:
    return sorted(found, key=lambda one: one.month, reverse=True)


def _month(one: Step) -> tuple[str | int, ...]:
    flows = (one.new, one.expansion, -one.contraction, -one.churn)
    return (one.month, one.currency, one.start, *flows, one.end)


def _tier(one: Step) -> tuple[str | int, ...]:
    month, currency, *amounts, end = _month(one)
    return (month, one.tier, currency, *amounts, one.moved, end)


def _chart(asked: Asked, currency: str) -> Chart:
    mine = [one for one in asked.steps if one.currency == currency]
    tiers = sorted({one.tier for one in mine})
    return Chart(
        title=f"What recurs in a month at each month's end, by tier, in {currency}",
        unit="millicents",
        currency=currency,
        labels=tuple(month.name for month in asked.months),
        series=tuple((tier, tuple(one.end for one in mine if one.tier == tier)) for tier in tiers),
    )
