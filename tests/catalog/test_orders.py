"""Cart, checkout and orders, as a browser and as a program use them."""

from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from catalog import adopting, auth
from catalog.auth import Visitor
from catalog.payments import sandbox
from catalog.web import visitors
from models.account import Account, Role
from models.base import now_ms, unit_of_work
from models.license import LicenseState
from models.order import OrderState
from models.quote import Quote
from tests import order_factories as shop
from tests.people import account, form_token, post, sign_in, sign_out

WORD = "a-guests-cookie"
GUEST = Visitor(guest=auth.sha256(WORD))
BUYER = {"name": "Film & Co", "email": "Buyer@Example.org", "country": "DE", "agree": "yes"}
RTL = "\u202e"


def as_guest(client: TestClient) -> None:
    client.cookies.set(visitors.GUEST, WORD)


def quoted(visitor: Visitor = GUEST, cents: int = 12_000, **values: Any) -> str:
    shop.open_shop()
    with unit_of_work() as session:
        return shop.quote(session, visitor, cents=cents, **values).id


def checkout(client: TestClient, order_id: str, cents: int = 12_000, **changed: Any) -> Any:
    given = {**BUYER, "order_id": order_id, "cents": cents, "currency": "USD", **changed}
    return post(client, "/checkout", **given)


def paid_by(client: TestClient, visitor: Visitor = GUEST, *cents: int) -> str:
    order_id, _ = shop.paid(visitor, *cents)
    return order_id


class TestACart:
    def test_shows_each_clip_with_its_price_in_full_and_what_may_be_done(
        self, client: TestClient
    ) -> None:
        as_guest(client)
        for cents in (12_000, 5_050):
            assert post(client, "/cart/add", quote_id=quoted(cents=cents)).status_code == 303
        page = client.get("/cart").text
        for words in ("$120.00", "$50.50", "$170.50", "USD", "Editorial license", "365 days"):
            assert words in page
        assert "worldwide" in page

    def test_holds_a_quote_once(self, client: TestClient) -> None:
        as_guest(client)
        quote_id = quoted()
        for _ in range(3):
            post(client, "/cart/add", quote_id=quote_id)
        assert "1 clip." in client.get("/cart").text

    def test_takes_nothing_of_others(self, client: TestClient) -> None:
        as_guest(client)
        foreign = quoted(shop.OTHER)
        assert post(client, "/cart/add", quote_id=foreign).status_code == 404
        order_id = shop.in_cart(shop.OTHER)
        line = shop.order(order_id).lines[0].id
        assert post(client, "/cart/remove", line_id=line).status_code == 404
        assert checkout(client, order_id).status_code == 404
        assert len(shop.order(order_id).lines) == 1

    def test_says_that_a_quote_expired_and_asks_for_the_price_of_now(
        self, client: TestClient
    ) -> None:
        as_guest(client)
        order_id = shop.in_cart(GUEST)
        expire()
        page = client.get("/cart").text
        assert "expired" in page
        assert "Go to checkout" not in page
        assert client.get("/checkout").status_code == 303
        assert checkout(client, order_id).status_code == 409
        assert shop.order(order_id).state == OrderState.CART
        post(client, "/cart/quote", line_id=shop.order(order_id).lines[0].id)
        assert "Go to checkout" in client.get("/cart").text

    def test_is_empty_with_a_way_out(self, client: TestClient) -> None:
        page = client.get("/cart")
        assert page.status_code == 200
        assert "Find a clip" in page.text


class TestCheckout:
    def test_shows_three_steps_the_terms_and_an_unticked_agreement(
        self, client: TestClient
    ) -> None:
        as_guest(client)
        shop.in_cart(GUEST)
        page = client.get("/checkout").text
        for words in ("Who is licensed", "What you may do", "Pay $120.00", "legal text"):
            assert words in page
        assert " checked" not in page.partition('id="agree"')[2].partition(">")[0]

    def test_leads_to_one_payment_however_often_it_is_sent(self, client: TestClient) -> None:
        as_guest(client)
        order_id = shop.in_cart(GUEST)
        places = {checkout(client, order_id).headers["location"] for _ in range(3)}
        assert len(places) == 1
        assert shop.order(order_id).attempt == 1
        assert shop.kept() == 1
        post(client, places.pop(), answer="pay")
        again = checkout(client, order_id)
        assert again.headers["location"] == f"/orders/{order_id}", "paid: there is nothing to pay"
        assert len(shop.events()) == 1

    @pytest.mark.parametrize(
        "changed",
        [
            {"cents": 1},
            {"cents": -1},
            {"currency": "EUR"},
            {"currency": "X" * 50},
            {"agree": ""},
            {"name": ""},
            {"name": RTL * 3},
            {"name": "x" * 201},
            {"email": "no address"},
            {"email": "a@example.org\nBcc: b@example.org"},
            {"country": "ZZ"},
            {"country": ""},
            {"order_id": "f" * 32},
            {"order_id": "' OR 1=1"},
        ],
    )
    def test_refuses_what_was_tampered_with_and_changes_nothing(
        self, client: TestClient, changed: dict[str, Any]
    ) -> None:
        as_guest(client)
        order_id = shop.in_cart(GUEST)
        answer = post(
            client,
            "/checkout",
            **{**BUYER, "order_id": order_id, "cents": 12_000, "currency": "USD"} | changed,
        )
        assert 400 <= answer.status_code < 500
        assert shop.order(order_id).state == OrderState.CART
        assert shop.kept() == 0

    def test_keeps_a_name_as_text(self, client: TestClient) -> None:
        as_guest(client)
        order_id = shop.in_cart(GUEST)
        given = f"<b>Ann</b>{RTL} \x00& Söhne 🎬"
        answer = checkout(client, order_id, name=given)
        assert answer.status_code == 303
        assert shop.order(order_id).name == "<b>Ann</b> & Söhne 🎬"
        page = client.get(f"/orders/{order_id}").text
        assert "&lt;b&gt;Ann&lt;/b&gt; &amp; Söhne" in page

    def test_without_the_forms_token_does_nothing(self, client: TestClient) -> None:
        as_guest(client)
        order_id = shop.in_cart(GUEST)
        given = {**BUYER, "order_id": order_id, "cents": 12_000, "currency": "USD"}
        assert client.post("/checkout", data=given).status_code == 400
        foreign = {"Origin": "https://evil.example"}
        token = {"form_token": form_token(client)}
        assert client.post("/checkout", data=given | token, headers=foreign).status_code == 400
        assert shop.order(order_id).state == OrderState.CART

    def test_of_several_clips_holds_all_or_none(self, client: TestClient) -> None:
        as_guest(client)
        taken = shop.listed()
        order_id = shop.in_cart(GUEST, 12_000, kind="exclusive")
        with unit_of_work() as session:
            row = shop.quote(session, GUEST, kind="exclusive", listing_id=taken)
            quote_id = row.id
        post(client, "/cart/add", quote_id=quote_id)
        shop.at_processor(shop.OTHER, kind="exclusive", listing_id=taken)
        answer = checkout(client, order_id, 24_000)
        assert answer.status_code == 409
        assert "Somebody else is paying" in answer.text
        assert shop.kept() == 1, "the other buyer's hold alone"

    def test_of_what_is_free_asks_for_no_payment(self, client: TestClient) -> None:
        buyer = sign_in(client, "lena@example.org", Role.LICENSEE)
        order_id = shop.in_cart(Visitor(account_id=buyer), 0, kind="comp")
        answer = checkout(client, order_id, 0)
        assert answer.headers["location"] == f"/orders/{order_id}"
        assert shop.order(order_id).state == OrderState.PAID
        assert len(shop.licenses_of(order_id)) == 1
        assert shop.papers(order_id) == []

    def test_of_what_is_free_leads_a_guest_to_the_sign_in(self, client: TestClient) -> None:
        as_guest(client)
        answer = post(client, "/cart/add", quote_id=quoted(cents=0, kind="comp"))
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in")


class TestAnOrder:
    def test_says_what_became_of_it_and_what_now(self, client: TestClient) -> None:
        as_guest(client)
        order_id, payment = shop.at_processor(GUEST)
        here = f"/orders/{order_id}"
        assert "waits for your payment" in client.get(here).text
        assert "being confirmed" in client.get(f"{here}?back=1").text
        shop.tell(payment, sandbox.answered(payment, "decline")[1])
        page = client.get(here).text
        assert "declined" in page
        assert "back in the cart" in page
        assert post(client, f"{here}/again").headers["location"] == "/cart"
        assert "$120.00" in client.get("/cart").text

    def test_that_is_paid_has_licenses_and_an_invoice(self, client: TestClient) -> None:
        as_guest(client)
        order_id = paid_by(client)
        page = client.get(f"/orders/{order_id}").text
        assert "Paid." in page
        assert f"/licenses/{shop.licenses_of(order_id)[0].id}" in page
        paper = client.get(f"/orders/{order_id}/invoice.pdf")
        assert paper.headers["content-type"] == "application/pdf"
        assert paper.content.startswith(b"%PDF-")

    def test_is_its_buyers_and_staffs_alone(self, client: TestClient) -> None:
        order_id = paid_by(client)
        number = "R2026-000001"
        paths = [
            f"/orders/{order_id}{tail}" for tail in ("", "/invoice.pdf", f"/papers/{number}.pdf")
        ]
        for who in ("nobody", "stranger@example.org"):
            if "@" in who:
                sign_in(client, who, Role.LICENSEE)
            assert {client.get(path).status_code for path in paths} == {404}
            for verb in ("pay", "give-up", "again"):
                assert post(client, f"/orders/{order_id}/{verb}").status_code == 404
        sign_out(client)
        sign_in(client, "staff@example.org", Role.STAFF)
        assert client.get(paths[0]).status_code == 200

    def test_given_up_frees_its_clips(self, client: TestClient) -> None:
        as_guest(client)
        order_id, payment = shop.at_processor(GUEST, kind="exclusive")
        post(client, f"/orders/{order_id}/give-up")
        assert shop.order(order_id).state == OrderState.CANCELLED
        assert shop.kept() == 0
        assert sandbox.answered(payment, "pay")[1] == 0

    def test_given_up_after_it_was_paid_stays_paid(self, client: TestClient) -> None:
        as_guest(client)
        order_id, payment = shop.at_processor(GUEST)
        sandbox.answered(payment, "pay")
        post(client, f"/orders/{order_id}/give-up")
        assert shop.order(order_id).state == OrderState.PAID

    def test_of_a_guest_is_theirs_after_they_sign_in(self, client: TestClient) -> None:
        order_id = paid_by(client)
        mine = sign_in(client, "buyer@example.org", Role.LICENSEE)
        with unit_of_work() as session:
            row = session.get_one(Account, mine)
            row.verified_ms = session.scalar(select(now_ms()))
            adopting.adopt(session, row, GUEST.guest)
        assert client.get(f"/orders/{order_id}").status_code == 200
        assert "The winning goal" in client.get("/licenses").text


class TestARefund:
    def test_is_asked_once_by_staff_and_ends_the_license(self, client: TestClient) -> None:
        order_id = paid_by(client)
        sign_in(client, "staff@example.org", Role.STAFF)
        assert post(client, f"/orders/{order_id}/refund", why="Wrong clip").status_code == 303
        assert post(client, f"/orders/{order_id}/refund").status_code == 409, "a double click"
        shop.pay_back()
        assert [one.state for one in shop.licenses_of(order_id)] == [LicenseState.REVOKED]
        assert "Wrong clip" in client.get(f"/orders/{order_id}").text
        assert len(shop.refunds(order_id)) == 1

    def test_may_be_asked_by_the_clips_creator_and_by_no_other(self, client: TestClient) -> None:
        order_id = paid_by(client)
        line = shop.order(order_id).lines[0].id
        account("other@example.org", Role.CREATOR, creator="ben")
        sign_in(client, "other@example.org", Role.CREATOR)
        path = f"/orders/{order_id}/refund"
        assert post(client, path, line_id=line).status_code == 404
        sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
        assert client.get(f"/orders/{order_id}").status_code == 404, "the buyer's name is theirs"
        assert post(client, path, line_id=line, back="/earnings").status_code == 303
        assert len(shop.refunds(order_id)) == 1

    def test_is_not_for_the_buyer_to_ask(self, client: TestClient) -> None:
        buyer = sign_in(client, "lena@example.org", Role.LICENSEE)
        order_id = paid_by(client, Visitor(account_id=buyer))
        assert post(client, f"/orders/{order_id}/refund").status_code == 404
        assert shop.refunds(order_id) == []


class TestTheApi:
    def test_orders_quotes_and_says_where_to_pay(self, client: TestClient) -> None:
        buyer = sign_in(client, "lena@example.org", Role.LICENSEE)
        mine = Visitor(account_id=buyer)
        quotes = [quoted(mine), quoted(mine, 5_000)]
        headers = {"X-Form-Token": form_token(client)}
        asked = {
            **{"quote_ids": quotes, "name": "Lena", "email": "lena@example.org", "country": "FR"},
            **{"agree": True, "total_cents": 17_000, "currency": "USD"},
        }
        for changed in ({"total_cents": 1}, {"agree": False}, {"quote_ids": [quoted()]}):
            refused = client.post("/api/v1/orders", json={**asked, **changed}, headers=headers)
            assert 400 <= refused.status_code < 500
            assert refused.headers["content-type"] == "application/problem+json"
        assert client.get("/api/v1/orders").json()["orders"] == []
        made = client.post("/api/v1/orders", json=asked, headers=headers)
        assert made.status_code == 201
        order = made.json()
        assert order["state"] == "held"
        assert order["pay_url"].startswith("http")
        payment = order["pay_url"].rpartition("/")[2]
        shop.tell(payment, sandbox.answered(payment, "pay")[1])
        seen = client.get(f"/api/v1/orders/{order['id']}").json()
        assert seen["state"] == "paid"
        paper = client.get(f"/api/v1/orders/{order['id']}/papers/{seen['papers'][0]['number']}")
        assert paper.content.startswith(b"%PDF-")
        assert client.get("/api/v1/licenses").json()["total"] == 2

    def test_grants_what_is_free_to_an_account(self, client: TestClient) -> None:
        buyer = sign_in(client, "lena@example.org", Role.LICENSEE)
        free = quoted(Visitor(account_id=buyer), 0, kind="comp")
        headers = {"X-Form-Token": form_token(client)}
        for _ in range(2):
            made = client.post("/api/v1/licenses", json={"quote_id": free}, headers=headers)
            assert made.status_code == 201
        assert len(shop.licenses()) == 1
        paid = quoted(Visitor(account_id=buyer))
        assert (
            client.post("/api/v1/licenses", json={"quote_id": paid}, headers=headers).status_code
            == 409
        )


class TestTheSandbox:
    def test_pays_once_whatever_is_pressed_next(self, client: TestClient) -> None:
        as_guest(client)
        order_id, payment = shop.at_processor(GUEST)
        path = f"/sandbox/pay/{payment}"
        assert "no money moves" in client.get(path).text.lower()
        for answer in ("pay", "pay", "decline", "abandon"):
            assert post(client, path, answer=answer).status_code == 303
        assert shop.order(order_id).state == OrderState.PAID
        assert len(shop.events()) == 1
        assert post(client, path, answer="steal").status_code == 422
        assert client.get("/sandbox/pay/none").status_code == 404

    def test_tells_late_where_it_is_asked_to(self, client: TestClient) -> None:
        as_guest(client)
        order_id, payment = shop.at_processor(GUEST)
        post(client, f"/sandbox/pay/{payment}", answer="late")
        assert shop.order(order_id).state == OrderState.HELD
        assert "being confirmed" in client.get(f"/orders/{order_id}?back=1").text
        wait_ms = sandbox.message(payment, 1)[2]
        assert 10_000 < wait_ms <= sandbox.LATE_MS


def expire() -> None:
    with unit_of_work() as session:
        session.execute(update(Quote).values(expires_ms=now_ms() - 1))
