"""What is kept for guests: not without end, and not for a program that throws its cookies away."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.requests import Request
from starlette.testclient import TestClient

from catalog import lightboxes, quotes
from catalog.auth import Visitor
from catalog.errors import TooMany
from catalog.web import visitors
from models.account import Role
from models.base import now_ms, reading, unit_of_work
from models.quote import Quote
from tests import order_factories as shop
from tests import people
from tests.people import form_token, post, sign_in
from workers.periodic import forget_old

DOORS = ("/api/v1/quotes", "/api/v1/listings/x/price", "/api/v1/lightboxes")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """So few an hour, that nobody has to make hundreds."""
    monkeypatch.setattr(quotes, "MOST_AT_ONE_ADDRESS", 3)
    monkeypatch.setattr(lightboxes, "MOST_AT_ONE_ADDRESS", 3)
    return 3


def new_browser(client: TestClient) -> None:
    client.cookies.clear()


def quoted(client: TestClient, clip: str, **changed: Any) -> int:
    given = {"kind": "editorial", "shown": "editorial", "media": "web", **changed}
    return post(client, f"/clips/{clip}/quote", **given).status_code


def api_quoted(client: TestClient, clip: str) -> int:
    body = {"listing_id": clip, "kind": "personal"}
    headers = {"X-Form-Token": form_token(client)}
    return client.post("/api/v1/quotes", json=body, headers=headers).status_code


def test_quotes_are_counted_by_address_too(client: TestClient, few: int) -> None:
    clip = shop.listed()
    for _ in range(few):
        new_browser(client)
        assert quoted(client, clip) == 303
    new_browser(client)
    assert quoted(client, clip) == 429
    client.get("/sign-in")  # gives a cookie
    assert api_quoted(client, clip) == 429
    sign_in(client, "lena@example.org", Role.LICENSEE)
    assert quoted(client, clip) == 303, "an account is counted by itself"
    with reading() as session:
        assert len(session.scalars(select(Quote)).all()) == few + 1


def test_lightboxes_are_counted_by_address_too(client: TestClient, few: int) -> None:
    clip = shop.listed()
    for path in ("/lightboxes", "/lightboxes/add", "/lightboxes"):
        new_browser(client)
        assert post(client, path, name="Goals", clip=clip).status_code == 303
    for path in ("/lightboxes", "/lightboxes/add"):
        new_browser(client)
        assert post(client, path, name="Goals", clip=clip).status_code == 429


def test_this_machines_own_address_is_everybodys(few: int, database: object) -> None:
    class Near:
        client = type("Address", (), {"host": "127.0.0.1"})
        state = type("State", (), {"visitor": Visitor(guest="g" * 64)})

    with unit_of_work() as session:
        for _ in range(few + 1):
            visitors.guests_share(session, Near(), "quote", few)  # type: ignore[arg-type]
        Near.client.host = "192.0.2.1"
        with pytest.raises(TooMany):
            visitors.guests_share(session, Near(), "quote", 0)  # type: ignore[arg-type]


def test_expired_quotes_are_forgotten_a_month_later_but_for_what_was_ordered(
    database: object,
) -> None:
    lena = Visitor(account_id=people.account("lena@example.org"))
    shop.in_cart(shop.GUEST)
    with unit_of_work() as session:
        gone = [shop.quote(session, shop.GUEST).id for _ in range(2)]
        young, mine = shop.quote(session, shop.GUEST).id, shop.quote(session, lena).id
        old = now_ms() - quotes.KEPT_MS - 1
        session.execute(update(Quote).where(Quote.id != young).values(expires_ms=old))
        session.execute(update(Quote).where(Quote.id == young).values(expires_ms=now_ms()))
    forget_old()
    with reading() as session:
        left = set(session.scalars(select(Quote.id)))
    assert left.isdisjoint(gone)
    assert {young, mine} < left
    assert len(left) == 3, "and what is in a cart"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("body", [None, {}, {"kind": "personal"}])
def test_a_program_that_sends_nothing_is_told_of_tokens(
    client: TestClient, door: str, body: Any
) -> None:
    answer = client.post(door, json=body)
    assert answer.status_code == 401
    assert "token" in answer.json()["detail"]
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::1", "::1"),
        ("testclient", "testclient"),
    ],
)
def test_who_has_many_addresses_of_one_network_is_counted_once(host: str, counted: str) -> None:
    asked = Request({"type": "http", "client": (host, 1)})
    assert visitors.address_of(asked) == counted
