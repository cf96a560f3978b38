"""What processors tell: once, whatever the order, the repetition, and who else claims to be one."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from catalog import auth, checkout
from catalog.payments import ledger, sandbox
from catalog.payments.facts import Forged, PaymentFact
from models.base import now_ms, unit_of_work
from models.license import LicenseState
from models.mail import Mail
from models.order import OrderState
from models.payment import PaymentEvent, PaymentKind, RefundState
from tests import order_factories as shop


def facts(payment: str) -> list[PaymentFact]:
    return sandbox.ask(payment)


def hear(*told: PaymentFact) -> list[str]:
    return ledger.hear_all(told)


def dispute(payment: str) -> PaymentFact:
    sandbox.disputed(payment)
    return facts(payment)[-1]


def mails(purpose: str) -> list[Mail]:
    with unit_of_work() as session:
        return list(session.scalars(select(Mail).filter_by(purpose=purpose)))


def signed(body: dict[str, Any], *, key: str = "", at_s: int | None = None) -> tuple[bytes, str]:
    with unit_of_work() as session:
        ours = auth.secret(session, "sandbox")
    raw = json.dumps(body).encode()
    return raw, sandbox.signature(key or ours, raw, at_s)


@pytest.mark.usefixtures("database")
class TestAPayment:
    def test_grants_each_line_once_with_an_invoice_and_a_mail(self) -> None:
        order_id, payment = shop.paid(shop.GUEST, 12_000, 5_000)
        assert shop.order(order_id).state == OrderState.PAID
        assert sorted(one.price_cents for one in shop.licenses()) == [5_000, 12_000]
        assert all(one.certificate for one in shop.licenses())
        assert shop.papers(order_id) == ["invoice"]
        assert len(mails("order-paid")) == 1
        for _ in range(10):
            assert shop.tell(payment, 1) == [ledger.KNOWN]
        assert len(shop.licenses()) == 2
        assert len(shop.events()) == 1

    def test_of_two_for_one_quote_one_goes_back(self) -> None:
        order_id, first = shop.at_processor(shop.GUEST, 12_000)
        quotes = [line.quote_id for line in shop.order(order_id).lines]
        again = checkout.order(
            shop.GUEST, quotes, shop.BUYER, agreed=True, cents=12_000, currency="USD"
        )
        second = shop.order(again.order_id).payment_ref
        for payment in (first, second):
            shop.tell(payment, sandbox.answered(payment, "pay")[1])
        assert [one.price_cents for one in shop.licenses()] == [12_000]
        shop.pay_back()
        assert shop.net() == 12_000

    def test_that_two_events_tell_of_is_counted_once(self) -> None:
        _, payment = shop.paid()
        [paid] = facts(payment)
        assert hear(replace(paid, event_id="another")) == ["another event told of it before"]
        assert [one.counted for one in shop.events()] == [True, False]
        assert shop.net() == 12_000

    def test_of_another_amount_or_currency_goes_back(self) -> None:
        for change in ({"amount_cents": 11_999}, {"currency": "EUR"}):
            order_id, payment = shop.at_processor()
            sandbox.answered(payment, "pay")
            [paid] = facts(payment)
            assert "not the order's" in hear(replace(paid, **change))[0]
            assert shop.order(order_id).state == OrderState.CANCELLED
            [refund] = shop.refunds(order_id)
            assert refund.amount_cents == change.get("amount_cents", 12_000)
        assert shop.licenses() == []
        assert shop.kept() == 0

    def test_after_the_order_was_cancelled_goes_back(self) -> None:
        order_id, payment = shop.at_processor()
        sandbox.answered(payment, "pay")
        [paid] = facts(payment)
        assert hear(replace(paid, event_id="x", kind=PaymentKind.EXPIRED)) == ["cancelled"]
        assert "cancelled before" in hear(paid)[0]
        assert shop.licenses() == []
        shop.pay_back()
        assert [one.state for one in shop.refunds(order_id)] == [RefundState.DONE]
        assert shop.net() == 0
        assert len(mails("money-back")) == 1

    def test_that_comes_when_somebody_else_has_the_right_goes_back(self) -> None:
        listing = shop.listed()
        first, late = shop.at_processor(kind="exclusive", listing_id=listing)
        shop.let_holds_end()
        second, quick = shop.at_processor(shop.OTHER, kind="exclusive", listing_id=listing)
        shop.tell(quick, sandbox.answered(quick, "pay")[1])
        assert "could not be granted" in shop.tell(late, sandbox.answered(late, "pay")[1])[0]
        assert shop.order(second).state == OrderState.PAID
        assert shop.order(first).state == OrderState.CANCELLED
        assert len(shop.licenses()) == 1
        shop.pay_back()
        assert shop.net() == 12_000

    def test_that_comes_late_is_granted_where_nobody_took_the_right(self) -> None:
        order_id, payment = shop.at_processor(kind="exclusive")
        shop.let_holds_end()
        assert shop.tell(payment, sandbox.answered(payment, "pay")[1]) == [ledger.GRANTED]
        assert shop.order(order_id).state == OrderState.PAID
        assert shop.kept() == 1

    def test_that_went_back_before_it_was_told_grants_nothing(self) -> None:
        order_id, payment = shop.at_processor()
        sandbox.answered(payment, "pay")
        sandbox.refund("a" * 32, order_id, payment, 5_000)
        paid, back = facts(payment)
        assert "kept" in hear(back)[0]
        assert "went back before" in hear(paid)[0]
        assert shop.licenses() == []
        [refund] = shop.refunds(order_id)
        assert refund.amount_cents == 7_000, "the rest of it"
        shop.pay_back()
        assert shop.net() == 0

    def test_of_no_order_here_is_kept_and_told_to_staff(self) -> None:
        _, payment = shop.at_processor()
        sandbox.answered(payment, "pay")
        [paid] = facts(payment)
        hear(replace(paid, order_id="f" * 32))
        [event] = shop.events()
        assert (event.order_id, event.counted) == (None, True)
        assert len(mails("look")) == 1
        assert shop.licenses() == []

    def test_for_another_house_is_kept_and_not_counted(self) -> None:
        _, payment = shop.at_processor()
        sandbox.answered(payment, "pay")
        [paid] = facts(payment)
        assert "another house" in hear(replace(paid, house="theirs"))[0]
        assert shop.net() == 0
        assert shop.licenses() == []

    def test_declined_or_expired_lets_the_clips_go(self) -> None:
        for answer in ("decline", "abandon"):
            order_id, payment = shop.at_processor(kind="exclusive")
            assert shop.kept() == 1
            shop.tell(payment, sandbox.answered(payment, answer)[1])
            order = shop.order(order_id)
            assert order.state == OrderState.CANCELLED
            assert "Nothing was taken" in order.reason
            assert shop.kept() == 0
        assert shop.net() == 0

    def test_expiry_that_comes_after_it_changes_nothing(self) -> None:
        order_id, payment = shop.paid()
        [paid] = facts(payment)
        hear(replace(paid, event_id="x", kind=PaymentKind.EXPIRED))
        assert shop.order(order_id).state == OrderState.PAID

    def test_of_an_order_that_is_paid_by_another_goes_back(self) -> None:
        order_id, payment = shop.paid()
        [paid] = facts(payment)
        again = replace(paid, event_id="x", payment_ref="p2", movement_ref="p2")
        assert "paid already" in hear(again)[0]
        assert [one.payment_ref for one in shop.refunds(order_id)] == ["p2"]
        assert shop.order(order_id).state == OrderState.PAID


@pytest.mark.usefixtures("database")
class TestMoneyThatGoesBack:
    def test_ends_the_licenses_of_its_lines_at_once(self) -> None:
        order_id, _ = shop.paid(shop.GUEST, 12_000, 5_000)
        line = shop.order(order_id).lines[1]
        shop.ask_refund(order_id, [line.id])
        assert all(one.state == LicenseState.ACTIVE for one in shop.licenses())
        assert shop.pay_back() == ["1 license revoked"]
        states = {one.order_line_id: one.state for one in shop.licenses()}
        assert states[line.id] == LicenseState.REVOKED
        assert list(states.values()).count(LicenseState.ACTIVE) == 1
        assert shop.order(order_id).state == OrderState.PAID
        assert shop.papers(order_id) == ["invoice", "credit"]
        assert shop.kept() == 1
        assert len(mails("refunded")) == 1
        shop.ask_refund(order_id)
        shop.pay_back()
        assert shop.order(order_id).state == OrderState.REFUNDED
        assert shop.kept() == 0
        assert shop.net() == 0

    def test_is_told_ten_times_and_goes_once(self) -> None:
        order_id, payment = shop.paid()
        shop.ask_refund(order_id)
        shop.pay_back()
        for _ in range(10):
            shop.tell(payment, 2)
        assert shop.papers(order_id) == ["invoice", "credit"]
        assert shop.at_sandbox(payment).refunded_cents == 12_000
        assert shop.net() == 0

    def test_at_the_processor_itself_ends_the_licenses_too(self) -> None:
        order_id, payment = shop.paid(shop.GUEST, 12_000, 5_000)
        sandbox.refund("b" * 32, order_id, payment, 17_000)
        shop.tell(payment, 2)
        assert shop.order(order_id).state == OrderState.REFUNDED
        assert {one.state for one in shop.licenses()} == {LicenseState.REVOKED}

    def test_at_the_processor_in_part_is_a_question_for_staff(self) -> None:
        order_id, payment = shop.paid(shop.GUEST, 12_000, 5_000)
        sandbox.refund("b" * 32, order_id, payment, 1_000)
        shop.tell(payment, 2)
        assert shop.order(order_id).state == OrderState.PAID
        assert {one.state for one in shop.licenses()} == {LicenseState.ACTIVE}
        assert len(mails("look")) == 1
        assert shop.net() == 16_000

    def test_by_a_dispute_ends_the_licenses_and_is_told_to_staff(self) -> None:
        order_id, payment = shop.paid()
        assert hear(dispute(payment)) == ["1 license revoked"]
        assert shop.order(order_id).state == OrderState.REFUNDED
        assert [one.state for one in shop.licenses()] == [LicenseState.REVOKED]
        assert len(mails("look")) == 1
        assert shop.net() == 0
        won = replace(facts(payment)[-1], event_id="won", kind=PaymentKind.RESTORED)
        hear(won)
        assert shop.net() == 12_000


@pytest.mark.usefixtures("either")
class TestTheLedger:
    def test_is_never_changed_not_even_by_ourselves(self) -> None:
        shop.paid()
        for statement in (
            update(PaymentEvent).values(amount_cents=1),
            PaymentEvent.__table__.delete(),  # type: ignore[attr-defined]
        ):
            with pytest.raises(DBAPIError, match="append-only"), unit_of_work() as session:
                session.execute(statement)
        assert shop.net() == 12_000

    def test_holds_one_counted_event_for_each_movement(self) -> None:
        shop.paid()
        [row] = shop.events()
        values = {c.name: getattr(row, c.name) for c in PaymentEvent.__table__.columns}
        with pytest.raises(DBAPIError), unit_of_work() as session:
            session.add(PaymentEvent(**{**values, "event_id": "another"}))


class TestTheDoor:
    def test_takes_a_signed_event_without_cookie_or_form_token(self, client: TestClient) -> None:
        order_id, payment = shop.at_processor()
        body, headers, _ = sandbox.message(payment, sandbox.answered(payment, "pay")[1])
        for said in ("granted", "known"):
            answer = client.post("/hooks/payments/sandbox", content=body, headers=headers)
            assert (answer.status_code, answer.json()) == (200, {"heard": [said]})
        assert "set-cookie" not in answer.headers
        assert shop.order(order_id).state == OrderState.PAID

    @pytest.mark.parametrize(
        "change",
        [
            {"sandbox-signature": ""},
            {"sandbox-signature": "t=1,v1=00"},
            {"sandbox-signature": "t=١٢٣,v1=é"},
            {"sandbox-signature": f"t={'9' * 400},v1=0"},
        ],
    )
    def test_keeps_nothing_of_what_is_forged(
        self, client: TestClient, change: dict[str, str]
    ) -> None:
        order_id, payment = shop.at_processor()
        body, _, _ = sandbox.message(payment, sandbox.answered(payment, "pay")[1])
        raw = {name: value.encode() for name, value in change.items()}
        answer = client.post("/hooks/payments/sandbox", content=body, headers=raw)
        assert answer.status_code == 400
        assert shop.events() == []
        assert shop.order(order_id).state == OrderState.HELD

    def test_refuses_a_body_that_was_changed_and_another_key(self, database: Path) -> None:
        _, payment = shop.at_processor()
        body, headers, _ = sandbox.message(payment, sandbox.answered(payment, "pay")[1])
        with pytest.raises(Forged):
            ledger.receive("sandbox", body.replace(b"12000", b"12001"), headers)
        told = json.loads(body)
        raw, mark = signed(told, key="not the key")
        with pytest.raises(Forged):
            ledger.receive("sandbox", raw, {sandbox.HEADER: mark})
        assert shop.events() == []

    def test_refuses_a_recorded_message_that_is_sent_again_later(self, database: Path) -> None:
        _, payment = shop.at_processor()
        body, _, _ = sandbox.message(payment, sandbox.answered(payment, "pay")[1])
        raw, old = signed(json.loads(body), at_s=int(time.time()) - 301)
        with pytest.raises(Forged, match="too old"):
            ledger.receive("sandbox", raw, {sandbox.HEADER: old})

    @pytest.mark.parametrize(
        "body",
        [{}, [], {"id": "x"}, {"type": "payment.paid", "amount_cents": -1}],
    )
    def test_refuses_what_is_signed_but_no_event(self, database: Path, body: Any) -> None:
        raw, mark = signed(body)
        with pytest.raises(Forged):
            ledger.receive("sandbox", raw, {sandbox.HEADER: mark})

    def test_knows_no_other_processor_and_takes_no_flood(self, client: TestClient) -> None:
        assert client.post("/hooks/payments/paypal", content=b"{}").status_code == 404
        large = client.post("/hooks/payments/sandbox", content=b"x" * 300_000)
        assert large.status_code == 413

    def test_of_stripe_takes_no_event_of_the_sandbox(self, client: TestClient) -> None:
        _, payment = shop.at_processor()
        body, headers, _ = sandbox.message(payment, sandbox.answered(payment, "pay")[1])
        assert (
            client.post("/hooks/payments/stripe", content=body, headers=headers).status_code == 400
        )
        assert shop.events() == []


@pytest.mark.usefixtures("database")
class TestAWebhookThatIsLost:
    def test_is_made_up_for_by_asking(self) -> None:
        order_id, payment = shop.at_processor()
        sandbox.answered(payment, "pay")
        assert checkout.waiting() == [], "not yet: it may be on its way"
        shop.grow_old(order_id, 3)
        assert checkout.waiting() == [order_id]
        assert checkout.reconcile(order_id) == OrderState.PAID
        assert checkout.waiting() == []
        assert shop.tell(payment, 1) == [ledger.KNOWN]

    def test_leaves_an_unpaid_order_alone_until_its_hold_ends(self) -> None:
        order_id, payment = shop.at_processor()
        shop.grow_old(order_id, 3)
        assert checkout.reconcile(order_id) == OrderState.HELD
        shop.grow_old(order_id, 11)
        assert checkout.reconcile(order_id) == OrderState.CANCELLED
        assert shop.kept() == 0
        assert sandbox.answered(payment, "pay")[1] == 0, "it can't be paid any more"

    def test_of_a_payment_in_the_last_moment_is_granted_though_the_hold_is_over(self) -> None:
        order_id, payment = shop.at_processor()
        sandbox.answered(payment, "pay")
        shop.grow_old(order_id, 14)
        assert checkout.reconcile(order_id) == OrderState.PAID

    def test_and_the_answer_of_the_checkout_too(self) -> None:
        """The process ended between the payment's beginning and our noting its name."""
        order_id, payment = shop.at_processor()
        shop.forget_payment(order_id)
        sandbox.answered(payment, "pay")
        shop.grow_old(order_id, 12)
        assert checkout.reconcile(order_id) == OrderState.PAID
        assert shop.order(order_id).payment_ref == payment


def test_the_clock_that_counts_is_the_databases(database: Path) -> None:
    order_id, _ = shop.at_processor()
    with unit_of_work() as session:
        now = session.scalar(select(now_ms())) or 0
    held = shop.order(order_id).held_until_ms or 0
    assert 0 < held - now <= checkout.HOLD_MS
