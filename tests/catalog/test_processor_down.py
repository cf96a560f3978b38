"""Checkout while the payment processor does not answer: an order stands, and holds nothing long."""

from collections.abc import Iterator
from typing import Any

import pytest
import stripe as library
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select

from catalog import checkout
from catalog.api import orders as door
from catalog.auth import Visitor
from catalog.errors import Refusal
from catalog.payments.facts import ProcessorDown
from models.account import Role
from models.base import reading, unit_of_work
from models.order import OrderState
from models.reservation import Reservation
from tests import order_factories as shop
from tests.conftest import forget
from tests.people import form_token, post, sign_in
from tests.stripe_fake import Books, stripe_fake

AGREED: Any = {"agreed": True, "cents": 12_000, "currency": "USD"}


@pytest.fixture
def stripe(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    """Down, until a test says otherwise."""
    with stripe_fake() as books:
        monkeypatch.setenv("REELYARD_PAYMENTS", "stripe")
        monkeypatch.setenv("REELYARD_STRIPE_KEY", "sk_test_12345")
        monkeypatch.setenv("REELYARD_STRIPE_URL", books.url)
        monkeypatch.setattr(library, "max_network_retries", 0)
        forget()
        books.down = True
        yield books


def quoted(visitor: Visitor, listing_id: str = "") -> str:
    shop.open_shop()
    with unit_of_work() as session:
        return shop.quote(session, visitor, kind="exclusive", listing_id=listing_id).id


def ordered(client: TestClient, *quote_ids: str) -> Response:
    asked = {
        **{"quote_ids": quote_ids, "name": "Lena", "email": "lena@example.org", "country": "FR"},
        **{"agree": True, "total_cents": 12_000 * len(quote_ids), "currency": "USD"},
    }
    headers = {"X-Form-Token": form_token(client)}
    return client.post("/api/v1/orders", json=asked, headers=headers)


def held_until_ms() -> int:
    with reading() as session:
        return session.scalars(select(Reservation.expires_ms)).one() or 2**62


def test_the_order_is_made_and_is_paid_when_it_answers_again(
    client: TestClient, stripe: Books
) -> None:
    lena = Visitor(account_id=sign_in(client, "lena@example.org", Role.LICENSEE))
    made = ordered(client, quoted(lena))
    assert (made.status_code, made.json()["state"]) == (201, "held")
    assert not made.json()["pay_url"]
    here = f"/orders/{made.json()['id']}"
    headers = {"X-Form-Token": form_token(client)}
    refused = client.post(f"/api/v1{here}/pay", headers=headers)
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["title"] == "The payment processor does not answer"
    assert "Nothing was paid" in refused.json()["detail"]
    page = post(client, f"{here}/pay")
    assert (page.status_code, "Nothing was paid" in page.text) == (503, True)
    assert "Nothing was taken so far" in client.get(here).text
    stripe.down = False
    again = client.post(f"/api/v1{here}/pay", headers=headers)
    assert again.json()["pay_url"].startswith("https://checkout.stripe.com/")
    assert len(stripe.sessions) == 1


def test_its_clip_is_somebody_elses_after_the_hold_though_nobody_answered(
    client: TestClient, stripe: Books
) -> None:
    listing_id = shop.listed()
    way = checkout.order(shop.GUEST, [quoted(shop.GUEST, listing_id)], shop.BUYER, **AGREED)
    assert (way.url, shop.order(way.order_id).state) == ("", OrderState.HELD)
    assert held_until_ms() <= (shop.order(way.order_id).held_until_ms or 0) + checkout.NET_MS
    theirs = quoted(shop.OTHER, listing_id)
    with pytest.raises(Refusal, match="Somebody else is paying"):
        checkout.order(shop.OTHER, [theirs], shop.BUYER, **AGREED)
    shop.grow_old(way.order_id, 16)
    shop.let_holds_end()
    with pytest.raises(ProcessorDown):
        checkout.reconcile(way.order_id)
    second = checkout.order(shop.OTHER, [theirs], shop.BUYER, **AGREED)
    assert shop.order(second.order_id).state == OrderState.HELD
    stripe.down = False
    assert checkout.reconcile(way.order_id) == OrderState.CANCELLED
    assert shop.order(way.order_id).reason == (
        "The payment was not made in time. Nothing was taken."
    )
    assert shop.kept() == 1, "the second buyer's hold alone"
    assert {one["status"] for one in stripe.sessions.values()} <= {"expired"}, "none can be paid"


def test_of_one_account_so_many_orders_an_hour_are_taken(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds clips that others then can't have."""
    monkeypatch.setattr(door, "ORDERS_AN_HOUR", 2)
    lena = Visitor(account_id=sign_in(client, "lena@example.org", Role.LICENSEE))
    for _ in range(2):
        assert ordered(client, quoted(lena)).status_code == 201
    held = shop.kept()
    answer = ordered(client, quoted(lena))
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert 0 < int(answer.headers["retry-after"]) <= 3_600
    assert shop.kept() == held
    ben = Visitor(account_id=sign_in(client, "ben@example.org", Role.LICENSEE))
    assert ordered(client, quoted(ben)).status_code == 201, "another buyer is not kept waiting"
