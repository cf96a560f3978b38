"""What is asked of Stripe twice: while it is at work on the first, or of somebody who has another
card or address by now. It is one payment.
"""

import pytest

from catalog import orders
from catalog.members import billing, returning
from catalog.payments import ledger, stripe
from catalog.payments.facts import ProcessorDown, ProcessorRefused
from catalog.payments.stripe_client import asked
from models.account import Account
from models.base import unit_of_work
from models.creator import Creator
from models.membership import ChargeState
from models.order import OrderState
from tests import member_factories as members
from tests import order_factories as shop
from tests import stripe_fake, stripe_kept_fake
from tests.catalog.test_stripe import fake, header
from tests.stripe_fake import Books
from workers.books import money_adds_up

__all__ = ["fake"]
BUSY = {
    409: {"type": "idempotency_error", "message": "There is another in-progress request"},
    429: {"type": "invalid_request_error", "code": "lock_timeout", "message": "Busy"},
}


def answers(monkeypatch: pytest.MonkeyPatch, status: int, path: str) -> None:
    """With this, until the patch is undone."""
    real = stripe_fake._reply

    def reply(books: Books, verb: str, at: str, *rest: object) -> object:
        if verb == "POST" and at.endswith(path):
            return status, {"error": BUSY[status]}
        return real(books, verb, at, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(stripe_fake, "_reply", reply)


@pytest.mark.parametrize("status", BUSY)
def test_a_click_while_the_first_is_being_paid_cancels_nothing(
    fake: Books, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    with unit_of_work() as session:
        account = members.person(session)
        owner = stripe_kept_fake.customer(fake)
        more = {"processor": "stripe", "customer_ref": owner, "method_ref": "pm_1"}
        members.method(session, account.id, **more)
    who = members.visitor_of(account)
    shop.open_shop()
    with unit_of_work() as session:
        quote = shop.quote(session, who, kind="personal", cents=900)
        order_id = orders.of_quotes(session, who, [quote.id]).id
    with monkeypatch.context() as patch:
        answers(patch, status, "/payment_intents")
        assert billing.pay_order(who, order_id) == billing.Way(order_id)
    assert shop.order(order_id).state == OrderState.HELD
    assert billing.pay_order(who, order_id) == billing.Way(order_id)
    assert shop.order(order_id).state == OrderState.PAID
    assert [one["amount"] for one in fake.intents.values()] == [900]
    assert shop.net() == 900


def test_only_what_stripe_says_for_good_is_a_refusal(
    fake: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ProcessorRefused):
        asked(lambda api: api.v1.customers.delete("nobody"))
    answers(monkeypatch, 409, "/billing_portal/sessions")
    with pytest.raises(ProcessorDown, match="still at work"):
        asked(lambda api: api.v1.billing_portal.sessions.create({"customer": "cus_1"}))


def paid(books: Books, way: billing.Way) -> list[str]:
    session = books.pay(way.url.rpartition("/")[2])
    body = books.event("checkout.session.completed", session, f"evt_{session['id']}")
    return ledger.receive("stripe", body, header(body))


@pytest.mark.parametrize("what", ["method", "address"])
def test_a_page_that_was_begun_is_found_with_another_card_or_address(
    fake: Books, what: str
) -> None:
    with unit_of_work() as session:
        account, tier = members.person(session), members.tier(session)
        bob = Creator(slug="bob", name="Bob")
        session.add(bob)
        session.flush()
        other = members.tier(session, "early", bob)
    who = members.visitor_of(account)
    first = billing.join(who, tier.id, "month", cents=300, currency="USD")
    if what == "method":
        way = billing.join(who, other.id, "month", cents=300, currency="USD")
        assert paid(fake, way) == ["granted"]
    else:
        with unit_of_work() as session:
            session.get_one(Account, account.id).email = "new@example.org"
    assert billing.open_page(who, first.charge_id) == first
    assert len([one for one in fake.sessions.values() if one["status"] == "open"]) == 1
    assert paid(fake, first) == ["granted"]
    assert members.charge_of(first.charge_id).state == ChargeState.PAID


def test_one_whose_answer_was_lost_is_closed_all_the_same(fake: Books) -> None:
    who, tier_id = members.stranger("")
    way = billing.join(who, tier_id, "month", cents=300, currency="USD")
    with unit_of_work() as session:
        account = session.get_one(Account, who.account_id)
        account.email = "new@example.org"
        charge = members.charge_rows.locked(session, way.charge_id)
        assert charge is not None
        charge.payment_ref = ""
    assert billing.give_up(who, way.charge_id) == ChargeState.FAILED
    assert [one["status"] for one in fake.sessions.values()] == ["expired"]


def test_a_dispute_that_was_won_can_be_given_back_there(fake: Books) -> None:
    who, tier_id = members.stranger("")
    way = billing.join(who, tier_id, "month", cents=300, currency="USD")
    assert paid(fake, way) == ["granted"]
    dispute = {
        **{"id": "dp_1", "object": "dispute", "amount": 300, "currency": "usd"},
        **{"status": "needs_response", "metadata": {}, "payment_intent": "pi_1"},
    }
    for kind, status in (("created", "needs_response"), ("closed", "won")):
        body = fake.event(f"charge.dispute.{kind}", {**dispute, "status": status}, f"evt_{kind}")
        ledger.receive("stripe", body, header(body))
    assert shop.net() == 300
    with unit_of_work() as session:
        asked_for = returning.give_back(session, shop.STAFF, way.charge_id, None, "")
    ledger.hear_all(stripe.refund(asked_for.id, way.charge_id, "pi_1", asked_for.amount_cents))
    assert members.charge_of(way.charge_id).state == ChargeState.REFUNDED
    assert shop.net() == 0
    assert list(money_adds_up()) == []
