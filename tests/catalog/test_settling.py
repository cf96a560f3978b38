"""Money that moved at the processor, and what staff say about it; creators see every cent of it."""

import time
from itertools import count

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from catalog import earnings, settling
from catalog.auth import Visitor
from catalog.errors import NotFound, Refusal
from catalog.payments import balance, ledger
from catalog.payments.facts import PaymentFact, house
from models.account import Role
from models.base import reading, unit_of_work
from models.license import LicenseState
from models.mail import Mail
from models.order import OrderLine, OrderState
from models.payment import PaymentKind, RefundState
from tests import order_factories as shop
from tests.people import account, post, sign_in, token
from workers.books import money_adds_up

pytestmark = pytest.mark.usefixtures("database")
numbers = count(1)


def moved(
    kind: PaymentKind,
    order_id: str,
    payment: str,
    cents: int,
    movement: str = "",
    refund_id: str = "",
) -> str:
    """What the processor tells of a movement."""
    number = next(numbers)
    with unit_of_work() as session:
        ours = house(session)
    fact = PaymentFact(
        processor="sandbox",
        event_id=f"evt_{number}",
        kind=kind,
        payment_ref=payment,
        movement_ref=movement or f"re_{number}",
        order_id=order_id,
        amount_cents=cents,
        currency="USD",
        happened_ms=int(time.time() * 1000),
        house=ours,
        refund_id=refund_id,
    )
    return ledger.hear_all([fact])[0]


def refunded(order_id: str, payment: str, cents: int) -> str:
    return moved(PaymentKind.REFUNDED, order_id, payment, cents)


def moved_by_us(order_id: str, refund_id: str, payment: str, cents: int) -> str:
    """It did what was asked of it."""
    kind = PaymentKind.REFUNDED
    return moved(kind, order_id, payment, cents, f"re_{refund_id}", refund_id)


def disputed(order_id: str, payment: str, cents: int, *, won: bool) -> None:
    moved(PaymentKind.DISPUTED, order_id, payment, cents, "dp_1")
    if won:
        moved(PaymentKind.RESTORED, order_id, payment, cents, "dp_1")


def lines(order_id: str) -> dict[int, OrderLine]:
    """By price."""
    return {line.price_cents: line for line in shop.order(order_id).lines}


def states(order_id: str) -> dict[int, str]:
    return {one.price_cents: one.state for one in shop.licenses_of(order_id)}


def standing(order_id: str) -> balance.Balance:
    with reading() as session:
        return balance.of_order(session, shop.order(order_id))


def sold() -> list[earnings.Sale]:
    with reading() as session:
        return earnings.sales(session, shop.STAFF)


def purposes() -> list[str]:
    """Of the mails that were written."""
    with reading() as session:
        return list(session.scalars(select(Mail.purpose)))


def assign(order_id: str, line_id: str, cents: int, visitor: Visitor = shop.STAFF) -> None:
    with unit_of_work() as session:
        settling.assign(session, visitor, order_id, line_id, cents)


def grant_again(order_id: str) -> None:
    with unit_of_work() as session:
        settling.grant_again(session, shop.STAFF, order_id)


class TestARefundAtTheProcessor:
    def test_of_a_line_is_not_sent_once_more(self) -> None:
        order_id, payment = shop.paid(shop.GUEST, 10_000, 20_000)
        assert refunded(order_id, payment, 10_000) == "1 license revoked"
        with pytest.raises(Refusal, match="refunded already"):
            shop.ask_refund(order_id, [lines(order_id)[10_000].id])
        shop.ask_refund(order_id)
        assert [one.amount_cents for one in shop.refunds(order_id)] == [20_000], "what is left"

    def test_in_parts_ends_the_license_when_nothing_is_left(self) -> None:
        order_id, payment = shop.paid(shop.GUEST, 10_000)
        assert "staff decide" in refunded(order_id, payment, 3_000)
        assert states(order_id) == {10_000: LicenseState.ACTIVE}
        assert refunded(order_id, payment, 7_000) == "1 license revoked"
        assert shop.order(order_id).state == OrderState.REFUNDED
        assert shop.papers(order_id) == ["invoice", "credit"]
        assert [one.kept_cents for one in sold()] == [0] == [shop.net()]

    def test_of_a_part_and_then_by_us_ends_both_licenses(self) -> None:
        order_id, payment = shop.paid(shop.GUEST, 10_000, 20_000)
        refunded(order_id, payment, 25_000)
        shop.ask_refund(order_id, [lines(order_id)[10_000].id])
        [asked] = shop.refunds(order_id)
        assert asked.amount_cents == 5_000, "no more than is there"
        moved_by_us(order_id, asked.id, payment, 5_000)
        assert set(states(order_id).values()) == {LicenseState.REVOKED}

    def test_is_shown_with_the_earnings_until_it_is_assigned(self, client: TestClient) -> None:
        order_id, payment = shop.paid(shop.GUEST, 10_000)
        refunded(order_id, payment, 4_000)
        assert [one.unassigned_cents for one in sold()] == [4_000]
        sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
        page = client.get("/earnings").text
        assert "not assigned yet" in page
        assert "$40.00" in page
        [sums] = client.get("/api/v1/earnings").json()["sums"]
        assert (sums["kept_cents"], sums["not_assigned_cents"]) == (10_000, 4_000)
        assign(order_id, lines(order_id)[10_000].id, 4_000)
        assert [(one.kept_cents, one.unassigned_cents) for one in sold()] == [(6_000, 0)]
        assert "not assigned yet" not in client.get("/earnings").text


class TestAssigning:
    def test_a_part_leaves_the_license_and_the_rest_ends_it(self) -> None:
        order_id, payment = shop.paid(shop.GUEST, 10_000, 20_000)
        refunded(order_id, payment, 3_000)
        line = lines(order_id)[10_000].id
        assign(order_id, line, 3_000)
        assert states(order_id)[10_000] == LicenseState.ACTIVE
        shop.ask_refund(order_id, [line])
        [asked] = shop.refunds(order_id)
        assert asked.amount_cents == 7_000
        moved_by_us(order_id, asked.id, payment, 7_000)
        assert states(order_id) == {10_000: LicenseState.REVOKED, 20_000: LicenseState.ACTIVE}
        assert shop.papers(order_id) == ["invoice", "credit", "credit"]
        assert sum(one.kept_cents for one in sold()) == 20_000 == shop.net()
        assert standing(order_id) == balance.EVEN

    def test_all_of_a_price_ends_its_license(self) -> None:
        order_id, payment = shop.paid(shop.GUEST, 10_000, 20_000)
        refunded(order_id, payment, 15_000)
        assign(order_id, lines(order_id)[10_000].id, 10_000)
        assert states(order_id) == {10_000: LicenseState.REVOKED, 20_000: LicenseState.ACTIVE}
        assert standing(order_id).unassigned_cents == 5_000
        assert "part-refunded" in purposes()

    def test_takes_no_more_than_went_back_nor_more_than_the_price(self) -> None:
        order_id, payment = shop.paid(shop.GUEST, 10_000, 20_000)
        refunded(order_id, payment, 15_000)
        found = lines(order_id)
        for line, cents in ((10_000, 10_001), (20_000, 15_001), (10_000, 0), (10_000, -1)):
            with pytest.raises(Refusal):
                assign(order_id, found[line].id, cents)
        with pytest.raises(NotFound):
            assign(order_id, "f" * 32, 1)

    def test_is_for_staff_alone(self, client: TestClient) -> None:
        order_id, payment = shop.paid(shop.GUEST, 10_000)
        refunded(order_id, payment, 4_000)
        line = lines(order_id)[10_000].id
        doors = ("assign", "grant-again", "give-back")
        sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
        for door in doors:
            answer = post(client, f"/orders/{order_id}/{door}", line_id=line, amount="1")
            assert answer.status_code == 404
        sign_in(client, "staff@example.org", Role.STAFF)
        assert "needs a look" in client.get("/staff/ledger").text
        assert "Assign it" in client.get(f"/orders/{order_id}").text
        much = post(client, f"/orders/{order_id}/assign", line_id=line, amount="40.01")
        assert much.status_code == 409
        assert "At most $40.00" in much.text
        done = post(client, f"/orders/{order_id}/assign", line_id=line, amount="40.00")
        assert done.status_code == 303
        assert "Needs a look" not in client.get(f"/orders/{order_id}").text
        assert "needs a look" not in client.get("/staff/ledger").text


class TestADisputeThatWasWon:
    def test_leaves_the_money_to_a_person_and_the_earnings_say_so(self) -> None:
        order_id, payment = shop.paid(shop.GUEST, 10_000)
        disputed(order_id, payment, 10_000, won=False)
        assert [(one.standing, one.kept_cents) for one in sold()] == [("disputed", 0)]
        with pytest.raises(Refusal):
            grant_again(order_id)
        moved(PaymentKind.RESTORED, order_id, payment, 10_000, "dp_1")
        assert [(one.standing, one.kept_cents) for one in sold()] == [("restored", 10_000)]
        assert standing(order_id).spare_cents == 10_000 == shop.net()

    def test_may_grant_again_with_the_dates_that_were(self, client: TestClient) -> None:
        order_id, payment = shop.paid(shop.GUEST, 10_000, 20_000, kind="exclusive")
        before = {one.id: (one.starts_ms, one.ends_ms) for one in shop.licenses_of(order_id)}
        disputed(order_id, payment, 30_000, won=True)
        assert shop.kept() == 0
        sign_in(client, "staff@example.org", Role.STAFF)
        assert "Grant the licenses again" in client.get(f"/orders/{order_id}").text
        assert post(client, f"/orders/{order_id}/grant-again").status_code == 303
        assert post(client, f"/orders/{order_id}/grant-again").status_code == 409, "once"
        after = {one.id: (one.starts_ms, one.ends_ms) for one in shop.licenses_of(order_id)}
        assert after == before
        assert set(states(order_id).values()) == {LicenseState.ACTIVE}
        assert shop.order(order_id).state == OrderState.PAID
        assert shop.kept() == 2
        assert [one.standing for one in sold()] == ["licensed"] * 2
        assert sum(one.kept_cents for one in sold()) == 30_000 == shop.net()
        assert standing(order_id) == balance.EVEN
        assert "granted-again" in purposes()
        shop.ask_refund(order_id)
        assert [one.amount_cents for one in shop.refunds(order_id)] == [30_000]

    def test_grants_nothing_that_somebody_else_has_by_now(self) -> None:
        listing = shop.listed()
        order_id, payment = shop.paid(shop.GUEST, 10_000, kind="exclusive", listing_id=listing)
        disputed(order_id, payment, 10_000, won=True)
        shop.paid(shop.OTHER, 10_000, kind="exclusive", listing_id=listing)
        with pytest.raises(Refusal, match="Somebody else"):
            grant_again(order_id)
        assert states(order_id) == {10_000: LicenseState.REVOKED}
        assert shop.order(order_id).state == OrderState.REFUNDED

    def test_may_go_back_to_the_buyer_once(self, client: TestClient) -> None:
        order_id, payment = shop.paid(shop.GUEST, 10_000)
        disputed(order_id, payment, 10_000, won=True)
        sign_in(client, "staff@example.org", Role.STAFF)
        path = f"/orders/{order_id}/give-back"
        assert post(client, path, why="We were wrong").status_code == 303
        assert post(client, path).status_code == 409, "it is on its way"
        [asked] = shop.refunds(order_id)
        moved_by_us(order_id, asked.id, payment, 10_000)
        assert [one.state for one in shop.refunds(order_id)] == [RefundState.DONE]
        assert [one.kept_cents for one in sold()] == [0] == [shop.net()]
        assert standing(order_id) == balance.EVEN
        assert post(client, path).status_code == 409


def test_a_refund_that_the_bank_sent_back_can_be_sent_again() -> None:
    order_id, payment = shop.paid(shop.GUEST, 10_000, 20_000)
    moved(PaymentKind.REFUNDED, order_id, payment, 10_000, "re_x")
    moved(PaymentKind.RESTORED, order_id, payment, 10_000, "re_x")
    assert standing(order_id).spare_cents == 10_000
    with unit_of_work() as session:
        settling.give_back(session, shop.STAFF, order_id, "")
    [asked] = shop.refunds(order_id)
    assert (asked.amount_cents, asked.lines) == (10_000, [])
    moved_by_us(order_id, asked.id, payment, 10_000)
    assert states(order_id) == {10_000: LicenseState.REVOKED, 20_000: LicenseState.ACTIVE}
    assert standing(order_id) == balance.EVEN
    assert [line for line in money_adds_up() if "sandbox" not in line] == []


def test_a_second_payment_that_goes_back_ends_no_license() -> None:
    order_id, _ = shop.paid(shop.GUEST, 10_000)
    assert "paid already" in moved(PaymentKind.PAID, order_id, "p2", 10_000, "p2")
    [asked] = shop.refunds(order_id)
    moved_by_us(order_id, asked.id, "p2", 10_000)
    assert states(order_id) == {10_000: LicenseState.ACTIVE}
    assert shop.order(order_id).state == OrderState.PAID


def test_a_program_of_staff_settles_and_nobody_elses_does(client: TestClient) -> None:
    order_id, payment = shop.paid(shop.GUEST, 10_000, 20_000)
    refunded(order_id, payment, 4_000)
    said = {"line_id": lines(order_id)[10_000].id, "amount_cents": 4_000}
    path = f"/api/v1/orders/{order_id}"
    buyer = token(account("ben@buyer.example"), "orders:write")
    for door, body in (("assign", said), ("grant-again", None), ("give-back", {})):
        assert client.post(f"{path}/{door}", json=body, headers=buyer).status_code == 404
    staff = token(account("sam@house.example", Role.STAFF), "orders:write")
    done = client.post(f"{path}/assign", json=said, headers=staff)
    assert done.status_code == 200, done.text
    assert {one["price_cents"]: one["refunded_cents"] for one in done.json()["lines"]} == {
        10_000: 4_000,
        20_000: 0,
    }
    again = client.post(f"{path}/assign", json=said, headers=staff)
    assert (again.status_code, again.json()["code"]) == (409, "not_that_much")
    for door in ("grant-again", "give-back"):
        refused = client.post(f"{path}/{door}", json={}, headers=staff)
        assert (refused.status_code, refused.json()["code"]) == (409, "nothing_here")
    assert states(order_id) == {10_000: LicenseState.ACTIVE, 20_000: LicenseState.ACTIVE}
