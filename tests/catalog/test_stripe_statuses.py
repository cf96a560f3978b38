"""What Stripe says of refunds and disputes by their status: sums are what Stripe holds, in whatever
order and however often it is told.
"""

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, seed, settings
from hypothesis import strategies as st

from catalog.payments import ledger, stripe
from catalog.payments.facts import PaymentFact, ProcessorRefused, house
from models.base import reading, unit_of_work
from models.license import LicenseState
from models.order import Order, OrderState
from models.payment import RefundState
from tests import order_factories as shop
from tests.conftest import forget
from tests.stripe_fake import stripe_fake
from workers import refunds

SEED = 20_261_123
CENTS = 12_000
REFUNDS = {
    ("requires_action",): 0,
    ("requires_action", "canceled"): 0,
    ("pending",): 0,
    ("pending", "failed"): 0,
    ("pending", "succeeded"): 1,
    ("succeeded",): 1,
    ("succeeded", "failed"): 0,
    ("requires_action", "pending", "succeeded", "failed"): 0,
}
"""How a refund went, and whether its money is gone in the end."""
OPENED, WITHDRAWN = "created:needs_response", "funds_withdrawn:needs_response"
BACK, WON = "funds_reinstated:won", "closed:won"
DISPUTES = {
    ("created:warning_needs_response", "closed:warning_closed"): 0,
    ("created:warning_needs_response", "updated:warning_under_review"): 0,
    ("created:warning_needs_response", WITHDRAWN): 1,
    (OPENED,): 1,
    (OPENED, WITHDRAWN, "closed:lost"): 1,
    (OPENED, WITHDRAWN, BACK, WON): 0,
    (OPENED, WON): 0,
}
numbers = count(1)


def paid() -> str:
    """An order that Stripe took the money for; its payment there is named after it."""
    order_id, payment = shop.at_processor(shop.GUEST, CENTS)
    with unit_of_work() as session:
        order = session.get_one(Order, order_id)
        order.processor, order.payment_ref = "stripe", f"cs_{payment}"
    bought = {"id": f"cs_{payment}", "payment_status": "paid", "amount_total": CENTS}
    hear(facts("checkout.session.completed", order_id, {**bought, "currency": "usd"}))
    return order_id


def facts(kind: str, order_id: str, found: dict[str, Any]) -> list[PaymentFact]:
    with unit_of_work() as session:
        marks = {"order": order_id, "house": house(session)}
    whole = {"payment_intent": f"pi_{order_id}", "metadata": marks, **found}
    return stripe._facts(kind, whole, f"evt_{next(numbers)}", 1)


def hear(told: list[PaymentFact]) -> list[str]:
    return ledger.hear_all(told)


def refund_told(order_id: str, status: str, cents: int, name: str = "re_1") -> list[PaymentFact]:
    found = {"id": f"{name}{order_id}", "status": status, "amount": cents, "currency": "usd"}
    kind = "refund.created" if status == "requires_action" else "refund.updated"
    return facts(kind, order_id, found)


def dispute_told(order_id: str, what: str, cents: int) -> list[PaymentFact]:
    kind, status = what.split(":")
    found = {"id": f"dp_{order_id}", "status": status, "amount": cents, "currency": "usd"}
    return facts(f"charge.dispute.{kind}", order_id, found)


def net() -> int:
    with reading() as session:
        return sum(one.net for (name, _), one in ledger.sums(session).items() if name == "stripe")


@pytest.fixture
def shop_open(database: Path) -> None:
    shop.open_shop()


ways = st.tuples(
    st.lists(st.sampled_from(sorted(REFUNDS)), max_size=2),
    st.sampled_from([(), *sorted(DISPUTES)]),
)


@seed(SEED)
@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(ways, st.data())
@example(([("requires_action", "canceled")], ()), None)
@example(([("succeeded", "failed")], ()), None)
def test_sums_are_what_stripe_holds(
    shop_open: None, way: tuple[list[tuple[str, ...]], tuple[str, ...]], data: Any
) -> None:
    before, order_id = net(), paid()
    backs, dispute = way
    gone, told = 0, []
    for number, path in enumerate(backs):
        cents = 1_000 * (number + 1)
        gone += cents * REFUNDS[path]
        for status in path:
            told += refund_told(order_id, status, cents, f"re_{number}_")
    for what in dispute:
        told += dispute_told(order_id, what, 5_000)
    gone += 5_000 * DISPUTES.get(dispute, 0)
    if data is not None and told:
        told = data.draw(st.permutations(told + data.draw(st.lists(st.sampled_from(told)))))
    elif data is None:
        told = told[::-1]
    hear(told)
    assert net() - before == CENTS - gone


@pytest.mark.usefixtures("shop_open")
class TestAnInquiry:
    def test_takes_nothing_and_ends_nothing(self) -> None:
        order_id = paid()
        for what in ("created:warning_needs_response", "closed:warning_closed"):
            assert hear(dispute_told(order_id, what, CENTS)) == []
        assert shop.order(order_id).state == OrderState.PAID
        assert net() == CENTS

    def test_that_becomes_a_dispute_ends_the_license_once(self) -> None:
        order_id = paid()
        hear(dispute_told(order_id, "created:warning_needs_response", CENTS))
        assert hear(dispute_told(order_id, WITHDRAWN, CENTS)) == ["1 license revoked"]
        assert "before" in hear(dispute_told(order_id, OPENED, CENTS))[0]
        assert net() == 0


@pytest.mark.usefixtures("shop_open")
class TestARefundThatTakesItsTime:
    def asked(self, order_id: str) -> str:
        shop.ask_refund(order_id)
        return shop.refunds(order_id)[0].id

    def told(self, order_id: str, refund_id: str, status: str) -> list[str]:
        found = {"id": "re_1", "status": status, "amount": CENTS, "currency": "usd"}
        with unit_of_work() as session:
            marks = {"order": order_id, "house": house(session), "refund": refund_id}
        return hear(facts("refund.updated", order_id, {**found, "metadata": marks}))

    def test_ends_the_license_when_it_went(self) -> None:
        order_id = paid()
        refund_id = self.asked(order_id)
        assert self.told(order_id, refund_id, "pending") == []
        assert [one.state for one in shop.licenses_of(order_id)] == [LicenseState.ACTIVE]
        assert self.told(order_id, refund_id, "succeeded") == ["1 license revoked"]
        assert [one.state for one in shop.refunds(order_id)] == [RefundState.DONE]

    def test_that_fails_is_told_to_staff_and_may_be_asked_again(self) -> None:
        order_id = paid()
        refund_id = self.asked(order_id)
        assert "nothing had gone" in self.told(order_id, refund_id, "failed")[0]
        assert [one.state for one in shop.refunds(order_id)] == [RefundState.FAILED]
        assert [one.state for one in shop.licenses_of(order_id)] == [LicenseState.ACTIVE]
        assert net() == CENTS
        self.asked(order_id)
        assert len(shop.refunds(order_id)) == 2


@pytest.mark.parametrize("status", ["pending", "requires_action", "failed"])
def test_a_refund_of_ours_is_done_when_stripe_says_so(
    shop_open: None, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    with stripe_fake() as books:
        books.refunds_are = status
        monkeypatch.setenv("REELYARD_STRIPE_URL", books.url)
        monkeypatch.setenv("REELYARD_STRIPE_KEY", "sk_test_12345")
        forget()
        books.intents["pi_1"] = {
            **{"id": "pi_1", "object": "payment_intent", "amount": CENTS, "currency": "usd"},
            **{"metadata": {"order": "o", "house": "h"}, "left": CENTS},
        }
        if status == "failed":
            with pytest.raises(ProcessorRefused):
                stripe.refund("k", "o", "pi_1", CENTS)
        else:
            assert stripe.refund("k", "o", "pi_1", CENTS) == []


@pytest.mark.parametrize(
    ("became", "state", "alive"),
    [
        ("succeeded", RefundState.DONE, LicenseState.REVOKED),
        ("failed", RefundState.FAILED, LicenseState.ACTIVE),
        ("canceled", RefundState.FAILED, LicenseState.ACTIVE),
        ("pending", RefundState.ASKED, LicenseState.ACTIVE),
    ],
)
def test_a_refund_whose_webhook_is_lost_is_asked_for(
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    became: str,
    state: RefundState,
    alive: LicenseState,
) -> None:
    with stripe_fake() as books:
        for name, value in (
            ("PAYMENTS", "stripe"),
            ("STRIPE_URL", books.url),
            ("STRIPE_KEY", "sk_test_12345"),
        ):
            monkeypatch.setenv(f"REELYARD_{name}", value)
        forget()
        order_id, session_id = shop.at_processor(shop.GUEST, CENTS)
        books.pay(session_id)
        ledger.hear_all(stripe.ask(session_id))
        shop.ask_refund(order_id)
        [row] = shop.refunds(order_id)
        books.refunds_are = "pending"
        stripe.refund("another", order_id, row.payment_ref, 100)
        assert stripe.refund(row.id, order_id, row.payment_ref, row.amount_cents - 100) == []
        books.refunds["re_2"]["status"] = became
        refunds.ask_for_refunds()
        assert [one.state for one in shop.refunds(order_id)] == [RefundState.ASKED], "too early"
        with unit_of_work() as session:
            session.merge(row).asked_ms -= refunds.UNHEARD_MS
        for _ in range(2):
            refunds.ask_for_refunds()
        [row] = shop.refunds(order_id)
        assert row.state == state
        books.down = True
        refunds.ask_for_refunds()
    assert [one.state for one in shop.licenses_of(order_id)][-1] == alive
