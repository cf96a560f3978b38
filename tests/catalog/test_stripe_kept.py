"""Members' methods at Stripe: kept by Checkout, charged while nobody is there, changed in its
portal. In recorded shapes, and what localstripe has of it (it lists no customer's payments).
"""

from typing import Any

import pytest

from catalog.members import billing, changes, leaving, memberships, methods
from catalog.payments import ledger, stripe, stripe_client
from catalog.payments.facts import ProcessorDown
from models.base import reading, unit_of_work
from models.membership import ChargeState, MembershipState, Period
from models.payment import PaymentKind
from models.settings import settings
from tests import member_factories as members
from tests import order_factories as shop
from tests import stripe_kept_fake
from tests.catalog.test_stripe import fake, header, real
from tests.stripe_fake import Books

__all__ = ["fake", "real"]
DECLINES = "0341"


def joined(books: Books, trial_days: int = 0) -> tuple[Any, str]:
    """A member by Checkout, told by webhook; and the membership's id."""
    who, tier_id = members.stranger("")
    way = billing.join(who, tier_id, "month", cents=300, currency="USD", trial_days=trial_days)
    assert way.url.startswith("https://checkout.stripe.com/")
    session = books.pay(way.url.rpartition("/")[2])
    body = books.event("checkout.session.completed", session)
    assert ledger.receive("stripe", body, header(body)) == ["granted"]
    membership_id = members.charge_of(way.charge_id).membership_id
    assert membership_id
    return who, membership_id


def renewed(membership_id: str) -> str:
    """Its next period is asked for and taken, at that time. The charge's id."""
    at_ms = members.of(membership_id).period_end_ms
    with unit_of_work() as session:
        charge_id = billing.advance(session, membership_id, at_ms)
    assert charge_id
    billing.collect(charge_id, at_ms)
    return charge_id


def test_checkout_keeps_the_method_and_renewals_are_taken_from_it(fake: Books) -> None:
    who, membership_id = joined(fake)
    with reading() as session:
        kept = methods.stored(session, who.account_id or "")
    assert kept is not None
    assert (kept.label, kept.customer_ref) == ("Visa ending 4242", "cus_1")
    assert members.charge_of(renewed(membership_id)).state == ChargeState.PAID
    assert members.of(membership_id).state == MembershipState.ACTIVE
    assert [one["amount"] for one in fake.intents.values()] == [300, 300]
    assert shop.net() == 600


def test_a_trial_keeps_the_method_and_takes_nothing(fake: Books) -> None:
    who, membership_id = joined(fake, trial_days=14)
    row = members.of(membership_id)
    assert row.trial_until_ms is not None
    assert memberships.has_perks(row, row.period_start_ms + 1)
    with reading() as session:
        assert methods.stored(session, who.account_id or "") is not None
    assert fake.intents == {}
    assert shop.net() == 0


def test_asked_again_after_stripe_forgot_the_key_it_is_the_same_payment(fake: Books) -> None:
    owner = stripe_kept_fake.customer(fake)
    told = []
    for _ in range(3):
        told.append(stripe.charge("k-1", "a" * 32, owner, "pm_1", [("Early", 300)], "USD", "h"))
        fake.keys.clear()
    assert len(fake.intents) == 1
    assert [[(one.kind, one.amount_cents, one.key) for one in facts] for facts in told] == [
        [(PaymentKind.PAID, 300, "k-1")]
    ] * 3


def test_a_declined_card_is_told_and_its_webhook_says_nothing_new(fake: Books) -> None:
    who, membership_id = joined(fake)
    for one in fake.methods.values():
        one["card"]["last4"] = DECLINES
    owed = members.charge_of(renewed(membership_id))
    assert owed.state == ChargeState.ASKED
    assert members.of(membership_id).state == MembershipState.GRACE
    [declined] = [one for one in fake.intents.values() if one["status"] != "succeeded"]
    body = fake.event("payment_intent.payment_failed", declined, "evt_9")
    ledger.receive("stripe", body, header(body))
    assert members.of(membership_id).state == MembershipState.GRACE
    assert shop.net() == 300
    # A new card in the portal: what is owed is taken at once.
    stripe_kept_fake.card(fake, "cus_1", "1111")
    assert methods.portal(who, "http://testserver/").startswith("https://billing.stripe.com/")
    assert methods.refresh(who)
    with reading() as session:
        kept = methods.stored(session, who.account_id or "")
    assert kept is not None
    assert kept.label == "Visa ending 1111"
    billing.collect(owed.id, members.of(membership_id).period_end_ms)
    assert members.charge_of(owed.id).state == ChargeState.PAID
    assert members.of(membership_id).state == MembershipState.ACTIVE


def test_the_webhook_of_a_checkout_payment_is_not_counted_twice(fake: Books) -> None:
    joined(fake)
    [intent] = fake.intents.values()
    body = fake.event("payment_intent.succeeded", intent, "evt_2")
    assert ledger.receive("stripe", body, header(body)) == []
    assert shop.net() == 300


def test_a_removed_method_is_let_go_of_once_and_again(fake: Books) -> None:
    who, _ = joined(fake)
    with reading() as session:
        kept = methods.stored(session, who.account_id or "")
    assert kept is not None
    methods.remove(who, kept.id)
    stripe.forget(kept.customer_ref, kept.method_ref)
    assert fake.methods[kept.method_ref]["customer"] is None
    assert not methods.refresh(who)


def test_while_stripe_is_down_nothing_is_known(fake: Books) -> None:
    owner = stripe_kept_fake.customer(fake)
    fake.down = True
    with pytest.raises(ProcessorDown):
        stripe.charge("k-1", "a" * 32, owner, "pm_1", [("Early", 300)], "USD", "h")


@pytest.mark.usefixtures("real")
def test_localstripe_keeps_a_card_and_lets_go_of_it() -> None:
    api = stripe_client._client("sk_test_12345", stripe.settings().stripe_url)
    card: Any = {
        "type": "card",
        "card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"},
    }
    owner = api.v1.customers.create({"email": "mara@example.org"})
    method = api.v1.payment_methods.create(card)
    api.v1.payment_methods.attach(method.id, {"customer": owner.id})
    api.v1.customers.update(owner.id, {"invoice_settings": {"default_payment_method": method.id}})
    kept = stripe.kept(owner.id)
    assert kept is not None
    assert kept.label == "Visa ending 4242"
    stripe.forget(owner.id, method.id)
    assert not api.v1.payment_methods.retrieve(method.id).customer


def test_in_a_currency_without_cents_every_sum_is_whole(
    fake: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step up in the middle is taken, and a withdrawal gives back what its receipt says."""
    monkeypatch.setenv("REELYARD_CURRENCY", "JPY")
    settings.cache_clear()
    with unit_of_work() as session:
        account = members.person(session)
        low = members.tier(session, currency="JPY", month_cents=50_000)
        high = members.tier(session, "drops", currency="JPY", month_cents=150_000)
    way = billing.join(members.visitor_of(account), low.id, "month", cents=50_000, currency="JPY")
    body = fake.event("checkout.session.completed", fake.pay(way.url.rpartition("/")[2]))
    assert ledger.receive("stripe", body, header(body)) == ["granted"]
    membership_id = members.charge_of(way.charge_id).membership_id or ""
    at_ms = members.of(membership_id).period_start_ms + 10 * members.DAY_MS
    with unit_of_work() as session:
        charge = changes.ask(session, membership_id, high.id, Period.MONTH, at_ms)
        assert charge is not None
    assert charge.amount_cents % 100 == 0
    assert billing.collect(charge.id, at_ms) == ChargeState.PAID
    with unit_of_work() as session:
        told = leaving.withdraw(session, membership_id, at_ms + members.HOUR_MS)
    assert told.refund_cents % 100 == 0
    back = members.refunds()
    assert sum(one.amount_cents for one in back) == told.refund_cents
    for one in back:
        assert stripe.refund(one.id, one.charge_id or "", one.payment_ref, one.amount_cents)
