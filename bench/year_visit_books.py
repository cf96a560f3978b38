"""The figures of visits, offers, licenses and clips beside what is known of them."""

from collections import Counter
from collections.abc import Iterator, Mapping

from bench.year_visit_model import (
    COUNTS,
    VisitModel,
    conversion,
    earned,
    licensed,
    offered,
    uplift,
)
from catalog.figures import fulfilment, written
from catalog.figures.shape import Figure

CURRENCY = "USD"
Pair = tuple[str, object, object]


def pairs(found: Mapping[str, Figure], model: VisitModel, at: int) -> Iterator[Pair]:
    yield from _conversion(found["conversion"], conversion(model, at))
    yield from _offers(found["offers"], offered(model, at))
    yield from _licensing(found["licensing"], licensed(model, at))
    yield from _monetised(found["monetised"], earned(model, at))
    yield from _fulfilment(found["fulfilment"])


def row(model: VisitModel, name: str, at: int) -> tuple[str, ...]:
    """Of the month: visits, what was bought in them, uplift, licensing; and clips that earned."""
    visits, money = conversion(model, at)[name], licensed(model, at)[name]
    clips = earned(model, at)
    return (
        f"{visits['visits']:,}",
        f"{visits['bought']:,} of {visits['shown']:,}",
        written.shown(uplift(visits), "points"),
        written.shown(money["in_cents"] - money["back_cents"], "cents", CURRENCY),
        f"{clips['any']} of {clips['on_sale']}",
    )


def _conversion(figure: Figure, told: Mapping[str, Counter[str]]) -> Iterator[Pair]:
    rows = {str(one["month"]): one for one in figure.tables[0].dicts()}
    for month in sorted({*rows, *told}):
        is_, should = rows.get(month, {}), told.get(month, Counter())
        for name in COUNTS:
            yield f"{name} in {month}", is_.get(name, 0), should[name]
        yield f"conversion in {month}", is_.get("share"), _share(should, "bought", "shown")
        anyway = _share(should, "held_out_bought", "held_out")
        yield f"share anyway in {month}", is_.get("held_out_share"), anyway
        yield f"uplift in {month}", _near(is_.get("uplift")), _near(uplift(should))
    whole: Counter[str] = sum(told.values(), Counter())
    if figure.values:
        yield "conversion", figure.values[0].amount, _share(whole, "bought", "shown")
        yield "uplift", _near(figure.values[1].amount), _near(uplift(whole))


def _offers(figure: Figure, told: Mapping[str, Counter[str]]) -> Iterator[Pair]:
    rows = {str(one["offer"]): one for one in figure.tables[0].dicts()}
    for offer in sorted({*rows, *told}):
        is_, should = rows.get(offer, {}), told.get(offer, Counter())
        for name in ("shown", "accepted", "undone", "declined", "held_out"):
            yield f"{name} of {offer}", is_.get(name, 0), should[name]


def _licensing(figure: Figure, told: Mapping[str, Counter[str]]) -> Iterator[Pair]:
    rows = {str(one["month"]): one for one in figure.tables[0].dicts()}
    for month in sorted({*rows, *told}):
        is_, should = rows.get(month, {}), told.get(month, Counter())
        for name in ("in_cents", "back_cents"):
            yield f"licensing {name} in {month}", is_.get(name, 0), should[name]
        net = should["in_cents"] - should["back_cents"]
        yield f"licensing in {month}", is_.get("net_cents", 0), net


def _monetised(figure: Figure, told: Mapping[str, int]) -> Iterator[Pair]:
    rows = figure.tables[0].dicts() if figure.tables else []
    yield "ways to earn", {one["way"] for one in rows}, {*told} - {"on_sale"}
    for one in rows:
        way = str(one["way"])
        yield f"clips that earned by {way}", one["clips"], told[way]
        yield "clips on sale", one["on_sale"], told["on_sale"]
        yield f"share of clips by {way}", one["share"], told[way] / told["on_sale"]
    yield "clips that earned", figure.values[0].amount, told["any"] / told["on_sale"]


def _fulfilment(figure: Figure) -> Iterator[Pair]:
    [only] = figure.values
    yield "fulfilment", (only.amount, only.note), (None, fulfilment.NONE)


def _share(of: Counter[str], hits: str, all_: str) -> float | None:
    return of[hits] / of[all_] if of[all_] else None


def _near(number: object) -> object:
    """Weighted means of floating numbers: their last digits are the order they were added in."""
    return round(number, 12) if isinstance(number, float) else number
