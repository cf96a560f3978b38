"""Members join, are charged, and the ledger hears of it: once, whatever is clicked and told."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import invoices
from catalog.errors import NotFound, Refusal
from catalog.members import (
    billing,
    charge_rows,
    collecting,
    leaving,
    memberevents,
    memberships,
    tiers,
)
from catalog.payments import sandbox
from catalog.payments.facts import ProcessorDown
from models.account import Account
from models.base import reading, unit_of_work
from models.mail import Mail
from models.membership import (
    Charge,
    ChargeState,
    Membership,
    MembershipState,
    PaymentMethod,
    Tier,
)
from models.payment import SandboxPayment
from tests import member_factories as members
from tests import order_factories as shop
from tests.both import BOTH, database_of, server_of
from workers.books import money_adds_up


def person_and_tier(key: str = "early", card: str = "") -> tuple[Account, Tier]:
    with unit_of_work() as session:
        account, tier = members.person(session), members.tier(session, key)
        members.tiers(session)
        if card:
            members.method(session, account.id, card)
    return account, tier


def answered(way: billing.Way, answer: sandbox.Answer = "pay") -> list[str]:
    """On the sandbox's page, and told."""
    payment = way.url.rpartition("/")[2]
    return shop.tell(payment, sandbox.answered(payment, answer)[1])


def mails() -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Mail.purpose).order_by(Mail.created_ms, Mail.id)))


def everything(row: type) -> list:  # type: ignore[type-arg]
    with reading() as session:
        return list(session.scalars(select(row)))


def test_who_joins_pays_on_the_processors_page_and_is_a_member(database: Path) -> None:
    account, tier = person_and_tier()
    way = billing.join(members.visitor_of(account), tier.id, "month", cents=300, currency="USD")
    [row] = everything(Membership)
    assert row.state == MembershipState.PENDING
    assert not memberships.has_perks(row, row.period_start_ms)
    assert answered(way) == ["granted"]
    charge = members.charge_of(way.charge_id)
    with reading() as session:
        found = memberships.alive(session, account.id, tier.creator_id)
        assert found is not None
        [event] = memberevents.of_membership(session, found.id)
        [invoice] = invoices.of_charge(session, charge.id)
    assert (charge.state, found.state) == (ChargeState.PAID, MembershipState.ACTIVE)
    assert memberships.has_perks(found, found.period_end_ms - 1)
    assert (event.kind, event.before_mrr, event.after_mrr) == ("joined", 0, 300_000)
    assert (invoice.facts["cents"], invoice.facts["email"]) == (300, account.email)
    assert everything(PaymentMethod)[0].account_id == account.id
    assert "membership-began" in mails()
    assert shop.net() == 300
    assert list(money_adds_up()) == []


def test_a_kept_card_joins_with_one_click_and_two_clicks_are_one(database: Path) -> None:
    account, tier = person_and_tier(card="works")
    who = members.visitor_of(account)
    ways = [billing.join(who, tier.id, "month", cents=300, currency="USD") for _ in range(2)]
    assert ways[0] == ways[1]
    assert ways[0].url == ""
    assert len(everything(Membership)) == len(everything(SandboxPayment)) == 1
    with pytest.raises(Refusal, match="member of this creator already"):
        billing.join(who, tier.id, "year", cents=3_000, currency="USD")


def test_two_tabs_lead_to_the_same_payment_and_another_tier_closes_it(database: Path) -> None:
    account, tier = person_and_tier()
    who = members.visitor_of(account)
    ways = {billing.join(who, tier.id, "month", cents=300, currency="USD") for _ in range(2)}
    assert len(ways) == 1
    with reading() as session:
        other = next(one for one in tiers.current(session, tier.creator_id) if one.key == "drops")
    dearer = billing.join(who, other.id, "month", cents=900, currency="USD")
    [first] = ways
    assert members.charge_of(first.charge_id).state == ChargeState.FAILED
    assert answered(dearer) == ["granted"]
    states = sorted(one.state for one in everything(Membership))
    assert states == [MembershipState.ACTIVE, MembershipState.ENDED]
    assert list(money_adds_up()) == []


def test_a_tab_that_was_paid_unheard_wins_over_the_next_one(database: Path) -> None:
    account, tier = person_and_tier()
    who = members.visitor_of(account)
    first = billing.join(who, tier.id, "month", cents=300, currency="USD")
    sandbox.answered(first.url.rpartition("/")[2], "pay")
    second = billing.join(who, tier.id, "year", cents=3_000, currency="USD")
    assert second == billing.Way(first.charge_id)
    assert shop.net() == 300
    assert list(money_adds_up()) == []


def test_what_is_paid_after_it_was_given_up_goes_back(database: Path) -> None:
    account, tier = person_and_tier()
    way = billing.join(members.visitor_of(account), tier.id, "month", cents=300, currency="USD")
    with unit_of_work() as session:
        assert leaving.end_all(session, account.id, "erased", 1) == 1
    [outcome] = answered(way)
    assert outcome == "refunded: This was taken back before the payment arrived."
    assert members.pay_back() == ["money returned; nothing was granted for it"]
    assert shop.net() == 0
    assert "charge-money-back" in mails()
    assert list(money_adds_up()) == []


@pytest.mark.parametrize("kind", BOTH)
def test_ten_clicks_at_once_are_one_membership_and_one_payment(kind: str, home: Path) -> None:
    with server_of(kind) as server, database_of(kind, server, home):
        account, tier = person_and_tier(card="works")
        who = members.visitor_of(account)
        gate, failed = threading.Barrier(10), []

        def click() -> None:
            gate.wait()
            try:
                billing.join(who, tier.id, "month", cents=300, currency="USD")
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=click) for _ in range(10)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert failed == []
        paid = [one for one in everything(Charge) if one.state == ChargeState.PAID]
        assert len(paid) == len(everything(SandboxPayment)) == 1
        assert [one.state for one in everything(Membership)] == [MembershipState.ACTIVE]
        assert list(money_adds_up()) == []


def test_a_year_is_twelve_payments_and_leaving_ends_it(database: Path) -> None:
    who, membership_id = members.member()
    start = members.of(membership_id).period_start_ms
    for number in range(1, 12):
        at = members.of(membership_id).period_end_ms
        with unit_of_work() as session:
            assert list(billing.due(session, at - 1, 10)) == []
            assert list(billing.due(session, at, 10)) == [membership_id]
            charge_id = billing.advance(session, membership_id, at)
            assert charge_id
            assert billing.advance(session, membership_id, at) is None
            assert billing.collect_in(session, charge_id, at) == ChargeState.PAID
            assert list(billing.due(session, at, 10)) == []
        assert members.of(membership_id).periods == number + 1
    ends = billing.cancel(who, membership_id)
    assert ends == members.of(membership_id).period_end_ms
    with unit_of_work() as session:
        assert billing.advance(session, membership_id, ends) is None
    row = members.of(membership_id)
    assert (row.state, row.ended_ms, row.end_reason) == ("ended", ends, "cancelled")
    assert 364 <= (ends - start) / members.DAY_MS <= 366
    assert shop.net() == 12 * 300
    assert list(money_adds_up()) == []


def test_a_card_that_is_declined_at_joining_leads_to_the_payment_page(database: Path) -> None:
    account, tier = person_and_tier(card="declines")
    way = billing.join(members.visitor_of(account), tier.id, "month", cents=300, currency="USD")
    assert "/sandbox/pay/" in way.url
    assert answered(way) == ["granted"]
    assert shop.net() == 300
    assert list(money_adds_up()) == []


@pytest.mark.parametrize("answer", ["decline", "abandon"])
def test_who_does_not_pay_is_no_member_and_may_try_again(
    database: Path, answer: sandbox.Answer
) -> None:
    account, tier = person_and_tier()
    who = members.visitor_of(account)
    way = billing.join(who, tier.id, "month", cents=300, currency="USD")
    answered(way, answer)
    assert everything(Membership)[0].state == MembershipState.ENDED
    with reading() as session:
        assert memberships.of_account(session, account.id) == []
        assert memberevents.of_membership(session, everything(Membership)[0].id) == []
    again = billing.join(who, tier.id, "month", cents=300, currency="USD")
    assert answered(again) == ["granted"]
    assert list(money_adds_up()) == []


def test_a_trial_keeps_the_card_and_takes_nothing_until_it_is_over(database: Path) -> None:
    account, tier = person_and_tier()
    way = billing.join(
        members.visitor_of(account), tier.id, "month", cents=300, currency="USD", trial_days=14
    )
    assert answered(way) == ["granted"]
    [row] = everything(Membership)
    assert row.trial_until_ms == row.period_end_ms == row.joined_ms + 14 * members.DAY_MS
    assert (memberships.has_perks(row, row.joined_ms), memberships.mrr(row)) == (True, 0)
    assert shop.net() == 0
    with unit_of_work() as session:
        charge_id = billing.advance(session, row.id, row.period_end_ms)
        assert charge_id
        billing.collect_in(session, charge_id, row.period_end_ms)
        kinds = [one.kind for one in memberevents.of_membership(session, row.id)]
    assert kinds == ["trial", "joined"]
    after = members.of(row.id)
    assert (after.anchor_ms, memberships.mrr(after)) == (row.period_end_ms, 300_000)
    assert shop.net() == 300
    assert list(money_adds_up()) == []


def test_a_trial_is_had_once(database: Path) -> None:
    account, tier = person_and_tier(card="works")
    who = members.visitor_of(account)
    wanted = {"cents": 300, "currency": "USD", "trial_days": 7}
    assert billing.join(who, tier.id, "month", **wanted).url == ""
    [row] = everything(Membership)
    billing.withdraw(who, row.id)
    with pytest.raises(Refusal, match="was not a member here before"):
        billing.join(who, tier.id, "month", **wanted)


def test_nobody_joins_what_is_closed_retired_or_past_its_trial(database: Path) -> None:
    account, tier = person_and_tier()
    who = members.visitor_of(account)
    staff = shop.STAFF
    with unit_of_work() as session:
        dearer = tiers.change(session, staff, tier.id, month_cents=400)
        tested = tiers.start_test(session, staff, dearer.id, days=1)
    wanted = {"cents": 400, "currency": "USD"}
    with pytest.raises(Refusal, match="has changed"):
        billing.join(who, tier.id, "month", cents=300, currency="USD")
    with unit_of_work() as session:
        session.get_one(Tier, tested.id).test_until_ms = 1
    with pytest.raises(Refusal, match="has changed"):
        billing.join(who, tested.id, "month", **wanted)
    with unit_of_work() as session:
        tiers.close_for(session, staff, tier.creator_id)
    with pytest.raises(Refusal, match="takes no members"):
        billing.join(who, tested.id, "month", **wanted)
    with pytest.raises(NotFound):
        billing.join(who, "f" * 32, "month", **wanted)


def test_a_member_keeps_the_price_that_was_agreed_to(database: Path) -> None:
    _, membership_id = members.member()
    row = members.of(membership_id)
    with unit_of_work() as session:
        tiers.change(session, shop.STAFF, row.tier_id, month_cents=500)
        charge_id = billing.advance(session, membership_id, row.period_end_ms)
        assert charge_id
        assert session.get_one(Charge, charge_id).amount_cents == 300


def test_a_processor_that_is_away_is_asked_again_and_takes_it_once(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, tier = person_and_tier(card="works")

    def away(*_: object) -> None:
        raise ProcessorDown("nobody answers")

    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "charge", away)
        way = billing.join(members.visitor_of(account), tier.id, "month", cents=300, currency="USD")
    charge = members.charge_of(way.charge_id)
    assert (way.url, charge.state) == ("", ChargeState.ASKED)
    assert charge.next_try_ms
    assert collecting.collect(charge.id, charge.next_try_ms - 1) == ChargeState.ASKED
    assert collecting.collect(charge.id, charge.next_try_ms) == ChargeState.PAID
    assert shop.net() == 300


def test_others_see_nothing_of_it(database: Path) -> None:
    _, membership_id = members.member()
    with unit_of_work() as session:
        stranger = members.visitor_of(members.person(session))
    charge = everything(Charge)[0]
    for ask in (
        lambda: billing.cancel(stranger, membership_id),
        lambda: billing.withdraw(stranger, membership_id),
        lambda: billing.pause(stranger, membership_id, 1),
        lambda: billing.pay(stranger, membership_id),
        lambda: billing.undo_charge(stranger, charge.id),
    ):
        with pytest.raises(NotFound):
            ask()
    with reading() as session, pytest.raises(NotFound):
        charge_rows.visible(session, stranger, charge.id)
