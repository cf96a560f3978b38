"""The books and the figures beside the totals that are known: what differs, in words."""

from collections.abc import Iterable, Iterator

from sqlalchemy import case, func, select

from bench import year_visit_books
from bench.year_model import Known, Model, known
from bench.year_visit_model import VisitModel, month_of
from catalog import figures
from catalog.figures import months, written
from catalog.figures.shape import Figure
from catalog.payments import ledger, sandbox
from models.base import reading
from models.membership import Charge
from models.order import Invoice

CURRENCY = "USD"
MOVED = ("new", "expansion", "contraction", "churn")


Pair = tuple[str, object, object]
"""What, what it is, what it should be."""


class Books:
    def __init__(self) -> None:
        self.rows: list[tuple[str, ...]] = []
        self.wrong: list[str] = []
        self.compared = 0

    def checked(self, model: Model, visits: VisitModel, at: int) -> tuple[str, ...]:
        """The month that ended then."""
        self._compare(at, _books(model))
        self.figures_checked(model, visits, at)
        self.rows.append(_row(model, visits, at))
        return self.rows[-1]

    def figures_checked(self, model: Model, visits: VisitModel, at: int) -> None:
        told, name = known(model.moves, at), month_of(at - 1)
        with reading() as session:
            found = {one.name: one for one in figures.all_of(session, at)}
        self._compare(at, _recurring(found["mrr"], told, name))
        self._compare(at, _members(found["members"], told, name))
        self._compare(at, year_visit_books.pairs(found, visits, at))

    def told(self, model: Model, visits: VisitModel) -> str:
        with reading() as session:
            charges = session.scalar(select(func.count()).select_from(Charge)) or 0
        seen = sum(len(one) for one in visits.visits.values())
        return (
            f"{charges:,} charges, {len(model.moves):,} changes of memberships, "
            f"{seen:,} visits with {len(visits.sales):,} purchases; {self.compared:,} numbers of "
            f"the {len(figures.FIGURES)} figures and the books compared."
        )

    def _compare(self, at: int, pairs: Iterable[Pair]) -> None:
        for what, is_, should in pairs:
            self.compared += 1
            if is_ != should:
                self.wrong.append(f"{months.day_of(at)} {what}: {is_} instead of {should}")


def _row(model: Model, visits: VisitModel, at: int) -> tuple[str, ...]:
    told, name = known(model.moves, at), month_of(at - 1)
    money = (model.paid, model.back, model.paid - model.back)
    return (
        name,
        f"{sum(told.members.values()):,}",
        f"{told.paying:,}",
        written.shown(sum(told.recurs.values()), "millicents", CURRENCY),
        *year_visit_books.row(visits, name, at),
        *(written.shown(cents, "cents", CURRENCY) for cents in money),
    )


def _recurring(figure: Figure, told: Known, name: str) -> Iterator[Pair]:
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


def _members(figure: Figure, told: Known, name: str) -> Iterator[Pair]:
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


def _books(model: Model) -> list[Pair]:
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
    return [
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
