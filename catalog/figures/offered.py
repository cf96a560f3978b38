"""Offers: how often each was shown, and what it was answered with."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from catalog.figures import months
from catalog.figures.asked import PAGE, Asked, mark
from catalog.figures.shape import Cell, Chart, Column, Figure, Rows, Table, Value
from catalog.offers.heard import SETTLED_MS
from models.offer import Offer, OfferAnswer, OfferView

NAME = "offers"
FILTERS = ("month", "kind", "answer")
TITLE = "Offers, one by one"
DEFINITION = (
    "How often each offer was shown in these months, and how it was answered. Accepted are those "
    "that were bought and not taken back. Showings count after two days, when their answer stands."
)
BY_OFFER = (
    *(Column("offer", "Offer"), Column("kind", "Kind"), Column("moment", "Moment")),
    Column("shown", "Shown", "count"),
    Column("accepted", "Accepted", "count"),
    Column("share", "Accepted of shown", "share"),
    Column("undone", "Taken back", "count"),
    Column("declined", "Declined", "count"),
    Column("held_out", "Not shown", "count"),
)
VIEWS = (
    *(Column("at", "When", "moment"), Column("offer", "Offer"), Column("arm", "Shown")),
    *(Column("cents", "Price", "cents"), Column("currency", "Currency")),
    *(Column("answer", "Answer"), Column("reason", "Reason")),
)
MOST = 20


def figure(asked: Asked) -> Figure:
    rows = [_row(row) for row in asked.session.execute(_summed(asked))]
    rows.sort(key=lambda row: (-int(row[3] or 0), str(row[0])))
    shown, accepted = (sum(int(row[at] or 0) for row in rows) for at in (3, 4))
    value = Value("Accepted", "count", accepted, note=f"of {shown:,} that were shown")
    return Figure(
        name=NAME,
        title=TITLE,
        definition=DEFINITION,
        values=(value,) if rows else (),
        tables=(Table("offers", "By offer", BY_OFFER, tuple(rows[:MOST])),),
        charts=(_chart(rows[:8]),) if rows else (),
        filters=FILTERS,
        choices=(("answer", tuple(map(str, OfferAnswer))),),
        empty="No showing of an offer is two days old yet.",
    )


def drill(asked: Asked, wanted: Mapping[str, str], after: str) -> Rows:
    """Showings; whose they were is not told."""
    one, last, first_ms = OfferView, mark(after), asked.months[0].start_ms
    start, end = months.span(wanted.get("month"), asked.as_of_ms, first_ms)
    which = _counted(asked, start, end)
    if wanted.get("kind"):
        which.append(Offer.kind == wanted["kind"])
    if wanted.get("answer"):
        which.append(one.answer == wanted["answer"])
    if last:
        which.append(or_(one.at_ms < last[0], and_(one.at_ms == last[0], one.id < last[1])))
    query = select(one, Offer.title).join(Offer, Offer.id == one.offer_id).where(*which)
    newest = query.order_by(one.at_ms.desc(), one.id.desc()).limit(PAGE + 1)
    found = asked.session.execute(newest).all()
    rows = [
        (
            *(view.at_ms, title, "no, held out" if view.held_out else "yes"),
            *(view.cents, view.currency, str(view.answer), view.reason),
        )
        for view, title in found[:PAGE]
    ]
    end_of_page = found[PAGE - 1][0] if len(found) > PAGE else None
    return Rows(VIEWS, rows, f"{end_of_page.at_ms}~{end_of_page.id}" if end_of_page else "")


def _counted(asked: Asked, start_ms: int, end_ms: int) -> list[ColumnElement[bool]]:
    one = OfferView
    wanted = [one.at_ms >= start_ms, one.at_ms < min(end_ms, asked.as_of_ms - SETTLED_MS)]
    return [*wanted, *([Offer.creator_id == asked.creator_id] if asked.creator_id else [])]


def _summed(asked: Asked) -> Any:
    """The views are summed by offer first, along the index; the offers' names come after."""
    one = OfferView
    # One whose price changed before it was answered was shown anew.
    shown = and_(one.held_out.is_(False), one.answer != OfferAnswer.REPLACED)
    answers = (OfferAnswer.ACCEPTED, OfferAnswer.UNDONE, OfferAnswer.DECLINED)
    counted = [shown, *(and_(shown, one.answer == name) for name in answers), one.held_out]
    sums = [func.sum(case((which, 1), else_=0)).label(f"n{at}") for at, which in enumerate(counted)]
    wanted = select(one.offer_id, *sums).where(
        *(one.at_ms >= asked.months[0].start_ms, one.at_ms < asked.as_of_ms - SETTLED_MS)
    )
    if asked.creator_id:
        own = select(Offer.id).where(Offer.creator_id == asked.creator_id)
        wanted = wanted.where(one.offer_id.in_(own))
    by_offer = wanted.group_by(one.offer_id).subquery()
    return select(
        *(Offer.title, Offer.kind, Offer.moment),
        *(by_offer.c[f"n{at}"] for at in range(len(counted))),
    ).join(by_offer, by_offer.c.offer_id == Offer.id)


def _row(row: Any) -> tuple[Cell, ...]:
    shown, accepted, undone, declined, held_out = (int(cell) for cell in row[3:])
    share = accepted / shown if shown else None
    return (*row[:3], shown, accepted, share, undone, declined, held_out)


def _chart(rows: Sequence[tuple[Cell, ...]]) -> Chart:
    def column(at: int) -> tuple[int, ...]:
        return tuple(int(row[at] or 0) for row in rows)

    return Chart(
        "How offers were answered",
        "count",
        tuple(str(row[0]) for row in rows),
        (("Accepted", column(4)), ("Taken back", column(6)), ("Declined", column(7))),
    )
