"""Conversion: visits in which something small was bought, and what offers did about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, union_all

from catalog.errors import BadRequest
from catalog.figures import months
from catalog.figures.asked import PAGE, Asked, mark
from catalog.figures.months import Month
from catalog.figures.shape import Cell, Chart, Column, Figure, Rows, Table, Value
from catalog.figures.written import shown as told
from catalog.offers import uplift
from catalog.offers.heard import SETTLED_MS
from models.offer import ContentSession, Offer, OfferView

NAME = "conversion"
FILTERS = ("month", "arm", "bought")
TITLE = "From a visit to a small purchase"
DEFINITION = (
    "Visits to clips in which an offer was shown and something was bought after it, divided by all "
    "visits in which one was shown. A trial counts when it begins. The uplift is that share less "
    "the same share of visits that were chosen by chance to be shown none although one fitted: "
    "what people buy because of offers, not beside them. Like is compared with like: visits of one "
    "creator, and of the same first offer where that creator's offers are kept from differently "
    "many; each such comparison weighs as much as it can tell. Visits with an offer that everybody "
    "is shown are left out of it, so it is not the difference of the two shares. Visits count two "
    "days after they began, when nothing in them can change any more. Intervals are of 95 %."
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
Counts = dict[tuple[int, str, str, bool | None], tuple[int, int]]
"""By month, creator, offer and whether it was held out: visits, and in how many was bought."""
Arms = tuple[int, int, int, int]
"""With offers: bought, and all; without: bought, and all."""


def figure(asked: Asked) -> Figure:
    found = _found(asked)
    counts = [_counts(found, at) for at in range(len(asked.months))]
    rows = [
        _row(month.name, *counts[at], strata=_alike(found, at))
        for at, month in enumerate(asked.months)
    ]
    visits, shown, bought, *_ = (sum(column) for column in zip(*counts, strict=True))
    seen = [at for at, row in enumerate(rows) if row[1]]
    rows = rows[seen[0] :] if seen else []
    return Figure(
        name=NAME,
        title=TITLE,
        definition=DEFINITION,
        values=_values(shown, bought, _alike(found)) if visits else (),
        tables=(Table("months", "By month", BY_MONTH, tuple(reversed(rows))),),
        charts=(_chart(rows),) if rows else (),
        filters=FILTERS,
        choices=(("arm", tuple(ARMS)),),
        empty="No visit to a clip is two days old yet.",
    )


def drill(asked: Asked, wanted: Mapping[str, str], after: str) -> Rows:
    """Visits: a time and numbers; nobody knows whose."""
    one, last = ContentSession, mark(after)
    start, end = months.span(wanted.get("month"), asked.as_of_ms)
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


def _counts(found: Counts, month: int) -> tuple[int, ...]:
    """Of a month: visits, shown, bought of them, held out, bought of them."""
    sums = dict.fromkeys((None, False, True), (0, 0))
    for (at, _, _, held_out), (visits, bought) in found.items():
        if at == month:
            sums[held_out] = sums[held_out][0] + visits, sums[held_out][1] + bought
    return sum(visits for visits, _ in sums.values()), *sums[False], *sums[True]


def _alike(found: Counts, month: int | None = None) -> list[Arms]:
    """What is compared with each other, of one month or of all together."""
    arms: dict[tuple[str, str], list[int]] = {}
    for (at, creator_id, offer_id, held_out), (visits, bought) in found.items():
        if held_out is not None and month in (None, at):
            one = arms.setdefault((creator_id, offer_id), [0, 0, 0, 0])
            first = 2 if held_out else 0
            one[first], one[first + 1] = one[first] + bought, one[first + 1] + visits
    return [(one[0], one[1], one[2], one[3]) for one in arms.values()]


def _found(asked: Asked) -> Counts:
    """By creator; and by the offer that fitted first where a creator's offers are held back from
    differently many: within each of these chance drew alike."""
    spread = func.max(Offer.holdout) > func.min(Offer.holdout)
    known = select(Offer.creator_id).where(Offer.starts_ms < asked.as_of_ms)
    differ = known.group_by(Offer.creator_id).having(spread)
    creators = set(asked.session.scalars(select(ContentSession.creator_id).distinct()))
    if asked.creator_id:
        creators &= {asked.creator_id}
    mixed = creators & set(asked.session.scalars(differ))
    found: Counts = {}
    for some, first in ((creators - mixed, None), (mixed, _first_offers(sorted(mixed)))):
        if not some:
            continue
        parts = (_part(asked, at, one, sorted(some), first) for at, one in enumerate(asked.months))
        for row in asked.session.execute(union_all(*parts)):
            held_out = None if row.held_out is None else bool(row.held_out)
            key = (row.month, row.creator_id, row.offer_id or "", held_out)
            found[key] = row.visits, int(row.bought or 0)
    return found


def _part(asked: Asked, at: int, month: Month, creators: Sequence[str], first: Any) -> Any:
    """Named by their creators, visits are found along an index that holds all that is asked."""
    one = ContentSession
    offer_id = literal("") if first is None else first.c.offer_id
    wanted = select(
        literal(at).label("month"),
        one.creator_id,
        offer_id.label("offer_id"),
        one.held_out,
        func.count().label("visits"),
        func.sum(case((one.bought_cents > 0, 1), else_=0)).label("bought"),
    )
    by: list[Any] = [one.creator_id, one.held_out]
    if first is not None:
        wanted = wanted.outerjoin(first, and_(first.c.session_id == one.id, first.c.number == 1))
        by.append(offer_id)
    which = one.creator_id.in_(creators), *_counted(asked, month.start_ms, month.end_ms)
    return wanted.where(*which).group_by(*by)


def _first_offers(creators: Sequence[str]) -> Any:
    """By visit, what was decided in it, the first as number 1."""
    one, theirs = OfferView, select(Offer.id).where(Offer.creator_id.in_(creators))
    number = func.row_number().over(partition_by=one.session_id, order_by=(one.at_ms, one.id))
    wanted = select(one.session_id, one.offer_id, number.label("number"))
    return wanted.where(one.session_id.is_not(None), one.offer_id.in_(theirs)).cte()


def _counted(asked: Asked, start_ms: int, end_ms: int) -> list[ColumnElement[bool]]:
    one = ContentSession
    wanted = [
        one.begun_ms >= start_ms,
        one.begun_ms < min(end_ms, asked.as_of_ms - SETTLED_MS),
    ]
    return [*wanted, *([one.creator_id == asked.creator_id] if asked.creator_id else [])]


def _row(
    month: str,
    visits: int,
    shown: int,
    bought: int,
    held: int,
    beside: int,
    *,
    strata: list[Arms],
) -> tuple[Cell, ...]:
    one, other = uplift.share(bought, shown), uplift.share(beside, held)
    like = uplift.together(strata)
    more = uplift.difference(*like) if like else None
    return (
        *(month, visits, shown, bought, one.value if one else None),
        *(held, beside, other.value if other else None),
        *((more.value, more.low, more.high) if more else (None, None, None)),
    )


def _values(shown: int, bought: int, strata: list[Arms]) -> tuple[Value, ...]:
    one = uplift.share(bought, shown)
    like = uplift.together(strata)
    more = uplift.difference(*like) if like else None
    test = uplift.tested(*like) if like else None
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
