"""The books and the figures beside the totals that are known: what differs, in words."""

from collections.abc import Iterator

from sqlalchemy import case, func, select

from bench.year_model import Known, Model, known
from catalog import figures
from catalog.figures import months, written
from catalog.figures.shape import Figure
from catalog.payments import ledger, sandbox
from models.base import reading
from models.order import Invoice

CURRENCY = "USD"
MOVED = ("new", "expansion", "contraction", "churn")


def checked(model: Model, at: int) -> tuple[tuple[str, ...], list[str]]:
    """The month that ended then; and all that differs."""
    wrong = [*figures_differ(model, at), *_books(model, at)]
    told, day = known(model.moves, at), months.day_of(at)
    money = (model.paid, model.back, model.paid - model.back)
    row = (
        f"{day:%Y-%m}",
        f"{sum(told.members.values()):,}",
        f"{told.paying:,}",
        written.shown(sum(told.recurs.values()), "millicents", CURRENCY),
        *(written.shown(cents, "cents", CURRENCY) for cents in money),
    )
    return row, wrong


def figures_differ(model: Model, at: int) -> list[str]:
    told, name = known(model.moves, at), f"{months.day_of(at):%Y-%m}"
    with reading() as session:
        found = {one.name: one for one in figures.all_of(session, at)}
    pairs = [*_recurring(found["mrr"], told, name), *_members(found["members"], told, name)]
    return [
        f"{months.day_of(at)} {what}: {is_} instead of {should}"
        for what, is_, should in pairs
        if is_ != should
    ]


def _recurring(figure: Figure, told: Known, name: str) -> Iterator[tuple[str, object, object]]:
    whole = sum(told.recurs.values())
    yield "MRR", figure.values[0].amount if figure.values else 0, whole
    for row in figure.tables[0].dicts():
        moved = told.moved.get(str(row["month"]), {})
        for kind in MOVED:
            sign = -1 if kind in ("contraction", "churn") else 1
            yield f"MRR {kind} in {row['month']}", row[kind], sign * moved.get(kind, 0)
        flows = sum(int(row[kind] or 0) for kind in MOVED)
        yield f"MRR chain in {row['month']}", int(row["start"] or 0) + flows, row["end"]
    ends = {row["tier"]: row["end"] for row in figure.tables[1].dicts() if row["month"] == name}
    for tier in sorted({*ends, *told.recurs}):
        yield f"MRR of {tier}", ends.get(tier, 0), told.recurs[tier]


def _members(figure: Figure, told: Known, name: str) -> Iterator[tuple[str, object, object]]:
    rows = figure.tables[0].dicts()
    for row in rows:
        moved = told.moved.get(str(row["month"]), {})
        for kind in ("joined", "left"):
            yield f"members {kind} in {row['month']}", row[kind], moved.get(kind, 0)
    last = rows[0] if rows else {}
    yield "members", last.get("end", 0), sum(told.members.values())
    yield "paying members", last.get("paying", 0), told.paying
    ends = {row["tier"]: row["end"] for row in figure.tables[1].dicts() if row["month"] == name}
    for tier in sorted({*ends, *told.members}):
        yield f"members of {tier}", ends.get(tier, 0), told.members[tier]


def _books(model: Model, at: int) -> list[str]:
    with reading() as session:
        booked = ledger.sums(session).get((sandbox.NAME, CURRENCY), ledger.Sums())
        held = sandbox.sums(session).get(CURRENCY, sandbox.Sums(0, 0))
        cents = Invoice.facts["cents"].as_integer()
        by_kind = [
            func.sum(case((Invoice.kind == kind, what), else_=0))
            for kind in ("invoice", "credit")
            for what in (1, cents)
        ]
        counts = [int(one or 0) for one in session.execute(select(*by_kind)).one()]
    pairs = [
        ("the ledger's payments", booked.paid, model.paid),
        ("the ledger's refunds", booked.refunded, model.back),
        ("the ledger's net", booked.net, model.paid - model.back),
        ("the sandbox's payments", held.paid_cents, model.paid),
        ("the sandbox's refunds", held.refunded_cents, model.back),
        ("invoices", counts[0], model.invoices),
        ("invoiced", counts[1], model.paid),
        ("credit notes", counts[2], model.credits),
        ("credited", counts[3], model.back),
    ]
    return [
        f"{months.day_of(at)} {what}: {is_} instead of {should}"
        for what, is_, should in pairs
        if is_ != should
    ]
