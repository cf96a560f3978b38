"""Stripe, by its own client library: against localstripe for payments and refunds, against
recorded shapes for Checkout, with its own check of signatures.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe as library
from sqlalchemy import select
from starlette.testclient import TestClient

from catalog import auth, checkout
from catalog.payments import ledger, stripe, stripe_client
from catalog.payments.facts import Forged, ProcessorDown, ProcessorRefused
from catalog.web import visitors
from models.base import unit_of_work
from models.license import LicenseState
from models.mail import Mail
from models.order import OrderState
from models.payment import PaymentKind, RefundState
from tests import order_factories as shop
from tests.conftest import forget
from tests.people import post
from tests.servers import _child, _folder, _port_answers, free_port
from tests.stripe_fake import Books, stripe_fake

SECRET = "whsec_for_the_tests"
WORD = "a-guests-cookie"
GUEST = auth.Visitor(guest=auth.sha256(WORD))


def configured(patch: pytest.MonkeyPatch, url: str) -> None:
    patch.setenv("REELYARD_PAYMENTS", "stripe")
    patch.setenv("REELYARD_STRIPE_KEY", "sk_test_12345")
    patch.setenv("REELYARD_STRIPE_WEBHOOK_SECRET", SECRET)
    patch.setenv("REELYARD_STRIPE_URL", url)
    forget()


@pytest.fixture
def fake(database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    with stripe_fake() as books:
        configured(monkeypatch, books.url)
        monkeypatch.setattr(library, "max_network_retries", 0)
        yield books


@pytest.fixture
def real(database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    port = free_port()
    command = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
    with _folder(None) as data, _child(command, data, lambda: _port_answers(port)):
        configured(monkeypatch, f"http://127.0.0.1:{port}")
        yield


def header(body: bytes, secret: str = SECRET, at_s: int | None = None) -> dict[str, str]:
    stamp = int(time.time()) if at_s is None else at_s
    mark = library.WebhookSignature._compute_signature(f"{stamp}.{body.decode()}", secret)
    return {stripe.HEADER: f"t={stamp},v1={mark}"}


def tell(body: bytes) -> list[str]:
    return ledger.receive("stripe", body, header(body))


def ask_refund(order_id: str) -> None:
    shop.ask_refund(order_id)
    for row in shop.refunds(order_id):
        ledger.hear_all(stripe.refund(row.id, order_id, row.payment_ref, row.amount_cents))


class TestCheckout:
    def test_is_begun_once_for_one_order(self, fake: Books) -> None:
        order_id, session = shop.at_processor(shop.GUEST, 12_000, 5_000)
        urls = {checkout.resume(shop.GUEST, order_id).url for _ in range(3)}
        assert urls == {f"https://checkout.stripe.com/c/pay/{session}"}
        [made] = fake.sessions.values()
        assert made["amount_total"] == 17_000
        assert made["metadata"]["order"] == order_id

    def test_leads_to_another_site_by_a_page_of_ours(self, client: TestClient, fake: Books) -> None:
        """The policy of our pages lets no form lead to another site."""
        client.cookies.set(visitors.GUEST, WORD)
        order_id, session = shop.at_processor(GUEST)
        answer = post(client, f"/orders/{order_id}/pay")
        assert answer.status_code == 200
        assert answer.headers["refresh"] == f"0; url=https://checkout.stripe.com/c/pay/{session}"

    def test_that_stripe_does_not_answer_can_be_gone_on_with(
        self, fake: Books, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order_id = shop.in_cart()
        fake.down = True
        with pytest.raises(ProcessorDown):
            checkout.begin(
                shop.GUEST, order_id, shop.BUYER, agreed=True, cents=12_000, currency="USD"
            )
        assert shop.order(order_id).state == OrderState.HELD
        fake.down = False
        assert checkout.resume(shop.GUEST, order_id).url

    def test_that_is_paid_grants_once_though_two_events_and_an_asking_tell_of_it(
        self, fake: Books
    ) -> None:
        order_id, session = shop.at_processor()
        paid = fake.pay(session)
        assert tell(fake.event("checkout.session.completed", paid)) == [ledger.GRANTED]
        assert tell(fake.event("checkout.session.completed", paid)) == [ledger.KNOWN]
        other = fake.event("checkout.session.async_payment_succeeded", paid, "evt_2")
        assert tell(other) == ["another event told of it before"]
        ledger.hear_all(stripe.ask(session))
        assert len(shop.licenses()) == 1
        assert shop.net() == 12_000
        assert shop.order(order_id).state == OrderState.PAID

    def test_whose_webhook_is_lost_is_asked_for(self, fake: Books) -> None:
        order_id, session = shop.at_processor()
        fake.pay(session)
        shop.grow_old(order_id, 3)
        assert checkout.reconcile(order_id) == OrderState.PAID

    def test_that_is_over_is_closed_at_stripe_first(self, fake: Books) -> None:
        order_id, session = shop.at_processor()
        shop.grow_old(order_id, 12)
        assert checkout.reconcile(order_id) == OrderState.CANCELLED
        assert fake.sessions[session]["status"] == "expired"

    def test_not_paid_yet_or_expired_grants_nothing(self, fake: Books) -> None:
        order_id, session = shop.at_processor()
        unpaid = fake.sessions[session]
        assert tell(fake.event("checkout.session.completed", unpaid)) == []
        assert tell(fake.event("checkout.session.expired", unpaid, "evt_2")) == ["cancelled"]
        assert shop.order(order_id).state == OrderState.CANCELLED
        assert shop.licenses() == []

    def test_of_another_house_at_the_same_account_is_left_alone(self, fake: Books) -> None:
        _, session = shop.at_processor()
        paid = fake.pay(session) | {"metadata": {"order": "1", "house": "another"}}
        assert "another house" in tell(fake.event("checkout.session.completed", paid))[0]
        unmarked = paid | {"metadata": {}}
        told = tell(fake.event("checkout.session.completed", unmarked, "evt_2"))
        assert "another house" in told[0]
        assert shop.licenses() == []
        assert shop.net() == 0


class TestMoneyThatGoesBack:
    def test_goes_once_and_ends_the_license(self, fake: Books) -> None:
        order_id, session = shop.at_processor()
        tell(fake.event("checkout.session.completed", fake.pay(session)))
        ask_refund(order_id)
        [refund] = fake.refunds.values()
        for kind in ("refund.created", "refund.updated", "charge.refund.updated"):
            tell(fake.event(kind, refund, kind))
        assert shop.net() == 0
        assert [one.state for one in shop.licenses()] == [LicenseState.REVOKED]
        assert [one.state for one in shop.refunds(order_id)] == [RefundState.DONE]

    def test_by_hand_at_stripe_finds_its_order_by_the_payment(self, fake: Books) -> None:
        order_id, session = shop.at_processor()
        paid = fake.pay(session)
        tell(fake.event("checkout.session.completed", paid))
        refund = {
            **{"id": "re_9", "object": "refund", "amount": 12_000, "currency": "usd"},
            **{"status": "succeeded", "metadata": {}, "payment_intent": paid["payment_intent"]},
        }
        tell(fake.event("refund.created", refund, "evt_9"))
        assert shop.order(order_id).state == OrderState.REFUNDED
        failed = {**refund, "status": "failed"}
        tell(fake.event("refund.failed", failed, "evt_10"))
        assert shop.net() == 12_000, "the bank sent it back"

    def test_by_a_dispute_ends_the_license(self, fake: Books) -> None:
        order_id, session = shop.at_processor()
        paid = fake.pay(session)
        tell(fake.event("checkout.session.completed", paid))
        dispute = {
            **{"id": "dp_1", "object": "dispute", "amount": 12_000, "currency": "usd"},
            **{"status": "needs_response", "metadata": {}},
            "payment_intent": paid["payment_intent"],
        }
        tell(fake.event("charge.dispute.created", dispute, "evt_9"))
        assert [one.state for one in shop.licenses()] == [LicenseState.REVOKED]
        assert shop.net() == 0
        tell(fake.event("charge.dispute.closed", {**dispute, "status": "won"}, "evt_10"))
        assert shop.net() == 12_000
        with unit_of_work() as session_:
            assert len(session_.scalars(select(Mail).filter_by(purpose="look")).all()) == 2
        assert shop.order(order_id).state == OrderState.REFUNDED


class TestItsWebhooks:
    @pytest.mark.parametrize("what", ["changed", "other key", "old", "none"])
    def test_are_believed_by_their_signature_alone(self, fake: Books, what: str) -> None:
        _, session = shop.at_processor()
        body = fake.event("checkout.session.completed", fake.pay(session))
        marks: dict[str, Any] = {
            "changed": header(body.replace(b"usd", b"eur")),
            "other key": header(body, "whsec_of_another_endpoint"),
            "old": header(body, at_s=int(time.time()) - 600),
            "none": {},
        }
        with pytest.raises(Forged):
            ledger.receive("stripe", body, marks[what])
        assert shop.events() == []

    def test_of_other_things_are_heard_and_lead_to_nothing(self, fake: Books) -> None:
        body = fake.event("customer.created", {"id": "cus_1", "object": "customer"})
        assert tell(body) == []


@pytest.mark.usefixtures("real")
class TestAgainstLocalstripe:
    def test_a_refund_is_made_and_read_as_ours(self) -> None:
        api = stripe_client._client("sk_test_12345", stripe_client.settings().stripe_url)
        card: Any = {
            "type": "card",
            "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"},
        }
        method = api.v1.payment_methods.create(card)
        wanted: Any = {
            "amount": 12_000,
            "currency": "usd",
            "payment_method": method.id,
            "metadata": {"order": "a" * 32, "house": "h"},
        }
        unpaid = api.v1.payment_intents.create({"amount": 100, "currency": "usd"})
        intent = api.v1.payment_intents.create(wanted)
        api.v1.payment_intents.confirm(intent.id)
        facts = stripe.refund("k" * 32, "a" * 32, intent.id, 5_000)
        [fact] = facts
        assert (fact.kind, fact.amount_cents) == (PaymentKind.REFUNDED, 5_000)
        assert (fact.payment_ref, fact.order_id) == (intent.id, "a" * 32)
        assert (fact.house, fact.refund_id) == ("h", "k" * 32)
        with pytest.raises(ProcessorRefused):
            stripe.refund("l" * 32, "a" * 32, unpaid.id, 100)

    def test_what_it_does_not_know_is_a_refusal_and_no_crash(self) -> None:
        with pytest.raises((ProcessorRefused, ProcessorDown)):
            stripe.refund("m" * 32, "a" * 32, "pi_unknown", 100)


def test_a_port_that_nobody_answers_is_stripe_being_down(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(monkeypatch, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(library, "max_network_retries", 0)
    with pytest.raises(ProcessorDown):
        stripe.ask("cs_test_1")
