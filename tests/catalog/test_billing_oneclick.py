"""One click: a tip, a small order; taken back as easily, unless a file was downloaded."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from catalog import orders
from catalog.auth import Visitor
from catalog.errors import BadRequest, NotFound, Refusal, SignInNeeded
from catalog.members import billing, oneclick, paybacks, returning
from catalog.payments import sandbox
from catalog.payments.facts import ProcessorDown
from models import event
from models.account import Account, Role
from models.base import reading, unit_of_work
from models.membership import Charge, ChargeState
from models.order import Order, OrderState
from models.payment import SandboxCustomer
from tests import factories, people
from tests import member_factories as members
from tests import order_factories as shop
from workers import members as steps
from workers.books import money_adds_up


def somebody(card: str = "works") -> Visitor:
    with unit_of_work() as session:
        account = members.person(session)
        if card:
            members.method(session, account.id, card)
    return members.visitor_of(account)


def creator_id() -> str:
    with unit_of_work() as session:
        return factories.creator(session).id


def small_order(who: Visitor, cents: int = 500) -> str:
    """Not begun yet, as an offer makes it."""
    shop.open_shop()
    with unit_of_work() as session:
        quote = shop.quote(session, who, kind="personal", cents=cents)
        return orders.of_quotes(session, who, [quote.id]).id


def test_a_tip_is_one_click_and_two_clicks_are_one_tip(database: Path) -> None:
    who, to = somebody(), creator_id()
    ways = {billing.tip(who, to, 200, "USD") for _ in range(3)}
    assert len(ways) == 1
    charge = members.charge_of(next(iter(ways)).charge_id)
    assert (charge.state, charge.kind) == (ChargeState.PAID, "tip")
    assert shop.net() == 200
    assert list(money_adds_up()) == []


def test_it_is_taken_back_within_a_day_once(database: Path) -> None:
    who, to = somebody(), creator_id()
    way = billing.tip(who, to, 200, "USD")
    for _ in range(2):
        billing.undo_charge(who, way.charge_id)
    assert members.pay_back() == ["returned"]
    billing.undo_charge(who, way.charge_id)
    assert members.charge_of(way.charge_id).state == ChargeState.REFUNDED
    assert shop.net() == 0
    later = billing.tip(who, to, 300, "USD")
    with unit_of_work() as session:
        session.execute(update(Charge).values(undo_until_ms=1))
    with pytest.raises(Refusal, match="day in which"):
        billing.undo_charge(who, later.charge_id)
    assert list(money_adds_up()) == []


def test_after_a_part_went_back_the_rest_is_taken_back_all_the_same(database: Path) -> None:
    who, to = somebody(), creator_id()
    way = billing.tip(who, to, 200, "USD")
    with unit_of_work() as session:
        returning.give_back(session, shop.STAFF, way.charge_id, 50, "A round sum")
    members.pay_back()
    for _ in range(2):
        billing.undo_charge(who, way.charge_id)
    assert sorted(one.amount_cents for one in members.refunds()) == [50, 150]
    members.pay_back()
    billing.undo_charge(who, way.charge_id)
    assert shop.net() == 0
    assert list(money_adds_up()) == []


def test_a_refund_that_failed_is_asked_for_again(database: Path) -> None:
    who, to = somebody(), creator_id()
    tip, order_id = billing.tip(who, to, 200, "USD").charge_id, small_order(who)
    billing.pay_order(who, order_id)
    billing.undo_charge(who, tip)
    billing.undo_order(who, order_id)
    with unit_of_work() as session:
        for one in (*members.refunds(), *shop.refunds(order_id)):
            paybacks.refused(session, one.id, "The bank is closed.")
    for _ in range(2):
        billing.undo_charge(who, tip)
        billing.undo_order(who, order_id)
    members.pay_back()
    shop.pay_back()
    assert shop.net() == 0
    assert shop.order(order_id).state == OrderState.REFUNDED
    assert list(money_adds_up()) == []


def test_without_a_card_a_tip_is_paid_on_the_page_and_no_card_is_kept(database: Path) -> None:
    who, to = somebody(""), creator_id()
    way = billing.tip(who, to, 200, "USD")
    payment = way.url.rpartition("/")[2]
    assert shop.tell(payment, sandbox.answered(payment, "pay")[1]) == ["granted"]
    with reading() as session:
        assert session.scalars(select(SandboxCustomer)).all() == []
    assert shop.net() == 200


@pytest.mark.parametrize("cents", [49, 10_001, -200, 0, True])
def test_what_is_no_tip_is_refused(database: Path, cents: int) -> None:
    with pytest.raises(BadRequest, match="a tip is from"):
        billing.tip(somebody(), creator_id(), cents, "USD")


def test_a_tip_needs_an_account_a_creator_and_the_houses_currency(database: Path) -> None:
    with pytest.raises(SignInNeeded):
        billing.tip(shop.GUEST, creator_id(), 200, "USD")
    with pytest.raises(NotFound):
        billing.tip(somebody(), "f" * 32, 200, "USD")
    with pytest.raises(BadRequest, match="currency"):
        billing.tip(somebody(), creator_id(), 200, "EUR")


def test_a_declined_tip_is_nothing(database: Path) -> None:
    who = somebody("declines")
    with pytest.raises(Refusal, match="Nothing was taken"):
        billing.tip(who, creator_id(), 200, "USD")
    assert shop.net() == 0
    assert list(money_adds_up()) == []


def test_a_small_order_is_paid_and_licensed_with_one_click(database: Path) -> None:
    who = somebody()
    order_id = small_order(who)
    assert billing.pay_order(who, order_id) == billing.Way(order_id)
    assert billing.pay_order(who, order_id) == billing.Way(order_id)
    order = shop.order(order_id)
    assert (order.state, order.email) == (OrderState.PAID, who.email)
    assert len(shop.licenses_of(order_id)) == 1
    assert shop.net() == 500
    assert list(money_adds_up()) == []


def test_it_is_taken_back_unless_its_file_was_downloaded(database: Path) -> None:
    who = somebody()
    taken, kept = small_order(who), small_order(who)
    for one in (taken, kept):
        billing.pay_order(who, one)
    with unit_of_work() as session:
        license_id = shop.licenses_of(kept)[0].id
        event.record(session, "license.downloaded", license_id, asset="x")
    with pytest.raises(Refusal, match="was downloaded"):
        billing.undo_order(who, kept)
    for _ in range(2):
        billing.undo_order(who, taken)
    shop.pay_back()
    assert shop.order(taken).state == OrderState.REFUNDED
    assert shop.order(kept).state == OrderState.PAID
    assert shop.net() == 500
    assert list(money_adds_up()) == []


def test_only_its_buyer_pays_or_takes_back_an_order(database: Path) -> None:
    who = somebody()
    order_id = small_order(who)
    staff = Visitor(account_id=somebody("").account_id, roles=shop.STAFF.roles)
    for other in (staff, somebody("")):
        with pytest.raises(NotFound):
            billing.pay_order(other, order_id)
    billing.pay_order(who, order_id)
    with pytest.raises(NotFound):
        billing.undo_order(staff, order_id)


def test_an_order_that_is_declined_is_not_bought(database: Path) -> None:
    who = somebody("declines")
    order_id = small_order(who)
    with pytest.raises(Refusal, match="declined"):
        billing.pay_order(who, order_id)
    assert shop.order(order_id).state == OrderState.CANCELLED
    assert shop.net() == 0


def test_without_a_card_it_is_paid_on_the_page(database: Path) -> None:
    who = somebody("")
    order_id = small_order(who)
    way = billing.pay_order(who, order_id)
    payment = way.url.rpartition("/")[2]
    assert shop.tell(payment, sandbox.answered(payment, "pay")[1]) == ["granted"]
    assert shop.order(order_id).undo_until_ms is None


def test_an_order_whose_processor_is_away_is_paid_once_when_it_is_back(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = somebody()
    order_id = small_order(who)

    def away(*_: object) -> None:
        raise ProcessorDown("nobody answers")

    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "charge", away)
        assert billing.pay_order(who, order_id) == billing.Way(order_id)
    assert shop.order(order_id).state == OrderState.HELD
    shop.grow_old(order_id, 3)
    assert oneclick.waiting_orders() == [order_id]
    steps.reconcile()
    assert shop.order(order_id).state == OrderState.PAID
    assert shop.net() == 500


def test_a_silent_card_is_heard_of_when_it_is_asked(database: Path) -> None:
    who = somebody("silent")
    order_id = small_order(who)
    billing.pay_order(who, order_id)
    assert shop.order(order_id).state == OrderState.HELD
    with unit_of_work() as session:
        session.execute(update(Order).values(changed_ms=1))
    steps.reconcile()
    assert shop.order(order_id).state == OrderState.PAID
    assert list(money_adds_up()) == []


def test_the_page_of_a_silent_one_says_that_it_is_being_confirmed(client: TestClient) -> None:
    account_id = people.sign_in(client, "buyer@example.org")
    with unit_of_work() as session:
        members.method(session, account_id, "silent")
        who = members.visitor_of(session.get_one(Account, account_id))
    order_id = small_order(who)
    billing.pay_order(who, order_id)
    page = client.get(f"/orders/{order_id}").text
    assert "Your payment is being confirmed" in page
    assert "Nothing was taken so far" not in page
    for way in ("pay", "give-up"):
        assert f"/orders/{order_id}/{way}" not in page, "neither does anything for it"


def test_the_page_of_a_tip_shows_it_gives_its_invoice_and_takes_it_back(
    client: TestClient,
) -> None:
    account_id = people.sign_in(client, "tipper@example.org")
    with unit_of_work() as session:
        members.method(session, account_id)
        who = members.visitor_of(session.get_one(Account, account_id))
    way = billing.tip(who, creator_id(), 200, "USD")
    address = f"/charges/{way.charge_id}"
    page = client.get(address)
    assert "$2.00 went to Ada" in page.text
    number = page.text.partition("/papers/")[2].partition(".pdf")[0]
    assert client.get(f"{address}/papers/{number}.pdf").content[:5] == b"%PDF-"
    assert people.post(client, f"{address}/undo").status_code == 303
    assert "is on its way back to you" in client.get(address).text
    people.sign_out(client)
    people.sign_in(client, "other@example.org")
    assert client.get(address).status_code == 404
    assert client.get(f"{address}/papers/{number}.pdf").status_code == 404
    assert people.post(client, f"{address}/undo").status_code == 404


def test_the_sandboxes_card_page_changes_what_the_card_does(client: TestClient) -> None:
    who = somebody()
    with reading() as session:
        customer = session.scalars(select(SandboxCustomer.id)).one()
    address = f"/sandbox/cards/{customer}"
    assert "It works" in client.get(f"{address}?back=/memberships").text
    people.sign_in(client, who.email)
    answer = people.post(client, address, card="declines", back="https://elsewhere.example/x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/x")
    assert sandbox.kept(customer) is not None
    people.post(client, address, card="removed")
    assert sandbox.kept(customer) is None
    assert client.get("/sandbox/cards/none").status_code == 404


def test_staff_give_a_part_back_and_all_of_it_ends_the_membership(client: TestClient) -> None:
    _, membership_id = members.member()
    [charge] = members.charges(membership_id)
    address = f"/charges/{charge.id}"
    people.sign_in(client, "staff@example.org", Role.STAFF)
    assert "Refund it" in client.get(address).text
    assert people.post(client, f"{address}/refund", amount="1.00", why="Sorry").status_code == 303
    assert members.pay_back() == ["returned"]
    assert members.of(membership_id).state == "active"
    assert people.post(client, f"{address}/refund", amount="2.01").status_code == 400
    assert people.post(client, f"{address}/refund").status_code == 303
    members.pay_back()
    row = members.of(membership_id)
    assert (row.state, row.end_reason) == ("ended", "refunded")
    assert people.post(client, f"{address}/refund").status_code == 409
    assert shop.net() == 0
    assert list(money_adds_up()) == []
    people.sign_out(client)
    people.sign_in(client, "other@example.org")
    assert people.post(client, f"{address}/refund").status_code == 404
