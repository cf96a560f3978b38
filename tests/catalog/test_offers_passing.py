"""Offers to somebody without an account and without a cookie: nothing is set before they ask, their
network is known until the day ends, and what they buy counts in both groups alike."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select

from catalog import checkout
from catalog.auth import Visitor
from catalog.errors import SignInNeeded
from catalog.offers import answers, choosing, hashes, moments, sessions
from catalog.offers.choosing import Shown
from catalog.payments import sandbox
from models.account import Secret
from models.base import reading, unit_of_work
from models.clip import Clip
from models.offer import ContentSession, OfferAnswer, OfferChoice, OfferView
from models.order import Order
from tests import offer_factories as offers
from tests import order_factories as shop
from tests import people
from tests.conftest import forget

HOME, OTHER = "192.0.2.7", "198.51.100.9"


def passer(address: str = HOME, guest: str = "") -> Visitor:
    return hashes.passing(Visitor(guest=guest), address)


def shown(clip: str, address: str = HOME, at_ms: int = 0) -> Shown | None:
    return offers.shown(passer(address), clip, at_ms=at_ms)


def rows(kind: type) -> list:  # type: ignore[type-arg]  # of any kind of row
    with reading() as session:
        return list(session.scalars(select(kind)))


def plays(visitor: Visitor, clip: str, at_ms: int = 0) -> None:
    with unit_of_work() as session:
        sessions.touch(session, visitor, session.get_one(Clip, clip), at_ms or offers.now())


def card(client: TestClient, clip: str, **query: object) -> Response:
    said = {"part": "card", "offset": offers.noon(), **query}
    return client.get(f"/clips/{clip}/offers", params=said)


@pytest.fixture
def clip(client: TestClient) -> str:
    [made] = offers.clips()
    offers.make("keep")
    return made


def test_the_reason_is_the_page_and_no_person(database: Path) -> None:
    [first], [part] = offers.clips(), offers.clips(series="Harbour Cup")
    offers.make("keep")
    found = offers.surely(shown(first))
    assert found.view.reason == "You have this clip in front of you."
    assert found.view.data_used == ["this clip", *moments.PASSING, moments.CLOCK]
    assert (found.view.account_id, found.passing, found.method) == (None, True, "")
    offers.make("next")
    offers.make("tip")
    other = shown(part, OTHER)
    assert other is None or "watched" not in other.view.reason


def test_what_is_kept_is_no_address_and_its_key_is_gone_tomorrow(database: Path) -> None:
    [clip] = offers.clips()
    offers.make("keep")
    found = offers.surely(shown(clip))
    plays(passer(), clip)
    with reading() as session:
        kept = [one.whose for one in session.scalars(select(OfferView))]
        kept += [one.whose for one in session.scalars(select(ContentSession))]
        assert not any(HOME in one for one in kept)
        assert all(len(one) == 64 for one in kept)
        assert session.scalars(select(Secret.name).where(Secret.name == hashes.OFFERS)).all()
    with unit_of_work() as session:
        answers.never(session, passer(), found.view.id)
        [said] = session.scalars(select(OfferChoice))
        assert said.whose.startswith(hashes.TODAY)
    plays(passer(OTHER), clip, offers.now() + offers.DAY_MS)
    assert rows(OfferChoice) == [], "with the key goes what was said under it"
    with reading() as session:
        keys = session.scalars(select(Secret.name).where(Secret.name.startswith(hashes.VISITS)))
        assert len(keys.all()) == 1


def test_the_limits_hold_for_a_network_in_a_day(database: Path) -> None:
    made = offers.clips(5)
    offers.make("keep")
    start = offers.now() // offers.DAY_MS * offers.DAY_MS + 12 * offers.HOUR_MS
    at = [start + number * offers.HOUR_MS for number in range(5)]
    with unit_of_work() as session:
        found = [
            choosing.fitting(session, passer(), "end", session.get_one(Clip, clip), at_ms)
            for clip, at_ms in zip(made, at, strict=True)
        ]
        assert [one is not None for one in found] == [True, True, False, False, False]
        clip = session.get_one(Clip, made[0])
        assert choosing.fitting(session, passer(OTHER), "end", clip, at[4]) is not None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2:a::1", "2001:db8:1:2:b::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
    ],
)
def test_a_household_is_one_network(database: Path, one: str, other: str, same: bool) -> None:
    with unit_of_work() as session:
        found = [hashes.whose(session, passer(address)) for address in (one, other)]
    assert (found[0] == found[1]) == same


def test_held_back_holds_for_the_day_and_the_visit_is_one(database: Path) -> None:
    made = offers.clips(2)
    offers.make("keep", holdout=50)
    networks = [f"203.0.113.{number}" for number in range(40)]
    held = [address for address in networks if shown(made[0], address) is None]
    assert 8 <= len(held) <= 32
    for address in networks:
        for clip in made:
            plays(passer(address), clip)
    assert all(shown(made[0], address) is None for address in held)
    visits = rows(ContentSession)
    assert len(visits) == 40
    assert [one.held_out for one in visits].count(True) == len(held)


@pytest.mark.parametrize("holdout", [0, 90])
def test_who_buys_is_counted_in_both_groups_alike(database: Path, holdout: int) -> None:
    """The cookie comes in the course of the visit: with the card, or with the usual license."""
    [clip] = offers.clips()
    offers.make("keep", holdout=holdout)
    address = HOME
    while holdout and shown(clip, address) is not None:
        address = f"{address}1"
    plays(passer(address), clip)
    found = shown(clip, address)
    assert (found is None) == bool(holdout)
    before = [one for one in rows(ContentSession) if one.held_out == bool(holdout)]
    who = passer(address, guest="b" * 64)
    if found is not None:
        with pytest.raises(SignInNeeded):
            answers.accept(passer(address), found.view.id, cents=900, currency="USD")
        way = answers.accept(who, found.view.id, cents=900, currency="USD")
        assert way.url == "/checkout"
        assert offers.view(found.view.id).whose == offers.views(who)[0].whose
        [order] = rows(Order)
        checkout.begin(who, order.id, shop.BUYER, agreed=True, cents=900, currency="USD")
        payment = shop.order(order.id).payment_ref
    else:
        _, payment = shop.at_processor(who, 900, kind="personal", use={"media": ["internal"]})
    shop.tell(payment, sandbox.answered(payment, "pay")[1])
    bought(who, clip)
    bought(who, clip)
    visits = {one.id: one for one in rows(ContentSession)}
    assert [visits[one.id].bought_cents for one in before] == [900]
    assert sum(one.bought_cents for one in visits.values()) == 900


def bought(who: Visitor, clip: str) -> None:
    """The order's page asks what fits after a purchase."""
    with unit_of_work() as session:
        creator_id = session.get_one(Clip, clip).recording.creator_id
        sessions.carried(session, who, creator_id, offers.now())


def test_an_older_cookie_takes_nobodys_visit(database: Path) -> None:
    [clip] = offers.clips()
    offers.make("keep")
    who = Visitor(guest="b" * 64)
    with unit_of_work() as session:
        shop.quote(session, who)
    offers.change(Order, _cart(who), created_ms=1)
    plays(passer(), clip)
    plays(passer(guest="b" * 64), clip)
    assert len(rows(ContentSession)) == 2


def _cart(who: Visitor) -> str:
    with unit_of_work() as session:
        made = Order(guest=who.guest, currency="USD")
        session.add(made)
        session.flush()
        return made.id


# The pages.


def test_no_cookie_until_they_buy_and_then_the_carts_own(client: TestClient, clip: str) -> None:
    answer = card(client, clip)
    assert "$9.00" in answer.text
    assert "This site does not know you" in answer.text
    assert "forgotten at midnight UTC" in answer.text
    assert "set-cookie" not in answer.headers
    [view] = rows(OfferView)
    answer = people.post(client, f"/offers/{view.id}/accept", cents=900, currency="USD")
    assert (answer.status_code, answer.headers["location"]) == (303, "/checkout")
    assert set(answer.cookies) == {"guest"}
    assert "$9.00" in client.get("/checkout").text
    client.cookies.clear()
    assert client.get(f"/offers/{view.id}").status_code == 404, "it is the buyer's now"


def test_no_and_not_this_again_set_no_cookie(client: TestClient, clip: str) -> None:
    card(client, clip)
    [view] = rows(OfferView)
    head = {"HX-Request": "true"}
    said = people.post(client, f"/offers/{view.id}/never", headers=head)
    assert "not see this offer again today" in said.text
    assert "set-cookie" not in said.headers
    assert offers.view(view.id).answer == OfferAnswer.DECLINED
    assert card(client, clip).status_code == 204


def test_none_at_all_is_one_cookie_that_names_nobody(client: TestClient, clip: str) -> None:
    card(client, clip)
    answer = people.post(client, "/offers-none")
    assert answer.headers["set-cookie"].startswith("offers=none; HttpOnly; Max-Age=31536000")
    assert "One cookie in this browser says so and nothing else" in client.get("/offers-none").text
    assert card(client, clip).status_code == 204
    assert rows(OfferChoice) == []
    people.sign_in(client, "lena@example.org")
    assert card(client, clip).status_code == 204, "this browser said so"
    people.post(client, "/offers-again")
    assert "offers" not in client.cookies
    assert card(client, clip).status_code == 200


def test_behind_a_proxy_that_hides_everybody_nothing_is_offered(
    client: TestClient, clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"base_url": "http://127.0.0.1", "client": ("127.0.0.1", 50_000)}
    with TestClient(client.app, **there) as one:
        assert card(one, clip).status_code == 200, "the house is on this machine alone"
        monkeypatch.setenv("REELYARD_PUBLIC_URL", "https://clips.example.org")
        forget()
        [other] = offers.clips()
        assert card(one, other).status_code == 204
        assert "it knows neither" in one.get(f"/clips/{other}/offers").text
