"""Ledger sums equal the processor's, whatever the order and repetition of events."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import select

from catalog.errors import CatalogError
from catalog.payments import ledger, sandbox
from catalog.payments.facts import PaymentFact
from models.base import reading, unit_of_work
from models.license import License, LicenseState
from models.order import Order, OrderState
from models.payment import PaymentEvent, PaymentKind, SandboxPayment
from tests import order_factories as shop
from tests.both import BOTH, database_of, server_of
from workers.books import money_adds_up

SEED = 20_261_122


@pytest.fixture(params=BOTH)
def either(request: pytest.FixtureRequest, home: Path) -> Iterator[None]:
    with server_of(request.param) as url, database_of(request.param, url, home):
        yield


def at_the_processor() -> int:
    """Cents that its own books hold: disputes are in what went back."""
    with reading() as session:
        return sum(one.paid_cents - one.refunded_cents for one in sandbox.sums(session).values())


def everything_told() -> list[PaymentFact]:
    with reading() as session:
        payments = session.scalars(select(SandboxPayment.id)).all()
    return [fact for payment in payments for fact in sandbox.ask(payment)]


actions = st.lists(
    st.tuples(
        st.sampled_from(["pay", "late", "decline", "abandon"]),
        st.lists(st.sampled_from([1, 4_000, 5_000, 17_000]), max_size=2),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)


@seed(SEED)
@settings(
    max_examples=10,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(actions, st.data())
def test_sums_equal_the_processors(either: None, buyers: list[tuple], data: st.DataObject) -> None:  # type: ignore[type-arg]
    """Buyers pay or not, the processor's clerk refunds parts, a bank disputes; every event arrives
    once, or twice, or ten times, in any order; then what is owed goes back.
    """
    orders = []
    for number, (answer, backs, disputed) in enumerate(buyers):
        order_id, payment = shop.at_processor(shop.GUEST, 12_000, 5_000)
        orders.append(order_id)
        sandbox.answered(payment, answer)
        for turn, cents in enumerate(backs):
            try_to_refund(f"{number}{turn}{payment}"[:32], order_id, payment, cents)
        if disputed and answer in ("pay", "late"):
            sandbox.disputed(payment)
    fresh = [fact for fact in everything_told() if fact.order_id in orders]
    told = data.draw(st.permutations(fresh + data.draw(st.lists(st.sampled_from(fresh)))))
    ledger.hear_all(told)
    ledger.hear_all(fresh)  # the last that was lost is asked for
    for _ in range(3):
        shop.pay_back_what_can_be()
    assert shop.net() == at_the_processor()
    assert list(money_adds_up()) == []
    for order_id in orders:
        assert_settled(order_id)


def try_to_refund(key: str, order_id: str, payment: str, cents: int) -> None:
    try:
        sandbox.refund(key, order_id, payment, cents)
    except CatalogError:
        return


def assert_settled(order_id: str) -> None:
    """Paid is licensed; what is not licensed was not paid or went back."""
    with reading() as session:
        order = session.get_one(Order, order_id)
        lines = [line.id for line in order.lines]
        active = session.scalars(
            select(License).where(
                License.order_line_id.in_(lines), License.state == LicenseState.ACTIVE
            )
        ).all()
        kept = sum(
            ledger.signed_cents(row)
            for row in session.scalars(select(PaymentEvent).filter_by(order_id=order_id))
        )
    if order.state == OrderState.PAID:
        assert active
    else:
        assert not active
        assert kept == 0 or any(row.kind == PaymentKind.DISPUTED for row in rows_of(order_id))


def rows_of(order_id: str) -> list[PaymentEvent]:
    with reading() as session:
        return list(session.scalars(select(PaymentEvent).filter_by(order_id=order_id)))


def test_the_csv_sums_to_what_the_processor_holds(database: Path) -> None:
    order_id, payment = shop.paid(shop.GUEST, 12_000, 5_000)
    shop.ask_refund(order_id, [shop.order(order_id).lines[0].id])
    shop.pay_back()
    shop.tell(payment, 2)
    with reading() as session:
        rows = list(csv.DictReader(io.StringIO(ledger.as_csv(session))))
        assert sum(int(row["signed_cents"]) for row in rows) == at_the_processor() == 5_000
        [sums] = ledger.sums(session).values()
    assert (sums.paid, sums.refunded, sums.net) == (17_000, 12_000, 5_000)


def test_no_cell_of_it_is_a_formula(database: Path) -> None:
    _, payment = shop.at_processor()
    sandbox.answered(payment, "pay")
    [paid] = sandbox.ask(payment)
    with unit_of_work() as session:
        outcome = ledger.heard(
            session, PaymentFact(**{**vars(paid), "event_id": '=HYPERLINK("x")', "order_id": ""})
        )
        assert "person" in outcome
        text = ledger.as_csv(session)
    [row] = csv.DictReader(io.StringIO(text))
    assert row["event"] == '\'=HYPERLINK("x")'
    assert row["signed_cents"] == "12000", "numbers stay numbers"
