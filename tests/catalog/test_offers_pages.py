"""The card under a clip, what became of it, a creator's own offers, and the same for programs."""

import re

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select

from catalog.offers import results
from models.account import Role
from models.base import reading, unit_of_work
from models.license import License, LicenseState
from models.membership import Membership
from models.offer import ContentSession, Offer, OfferAnswer, OfferView
from models.order import Order
from tests import member_factories as members
from tests import offer_factories as offers
from tests import order_factories as shop
from tests import people

MAIL = "lena@example.org"


@pytest.fixture
def clip(client: TestClient) -> str:
    """Lena, who has a kept method, is signed in; the creator makes one offer."""
    account_id = people.sign_in(client, MAIL)
    with unit_of_work() as session:
        members.method(session, account_id)
    [made] = offers.clips()
    offers.make("keep")
    return made


def card(client: TestClient, clip: str, **query: object) -> Response:
    return client.get(
        f"/clips/{clip}/offers", params={"part": "card", "offset": offers.noon(), **query}
    )


def view() -> OfferView:
    with reading() as session:
        return session.scalars(select(OfferView).order_by(OfferView.at_ms.desc())).first()  # type: ignore[return-value]


def accept(client: TestClient, cents: int = 900, **fields: object) -> Response:
    said = {"cents": cents, "currency": "USD", **fields}
    return people.post(client, f"/offers/{view().id}/accept", **said)


def test_the_card_says_price_reason_data_and_three_ways_to_say_no(
    client: TestClient, clip: str
) -> None:
    text = card(client, clip).text
    assert "$9.00" in text
    assert "in full, paid once. Nothing renews." in text
    assert "You have this clip in front of you." in text
    assert "what you have here, so that it is left out" in text
    for word in ("No, thanks", "Not this again", "No offers at all", "Why you see this:"):
        assert word in text
    assert "take it back for 24 hours" in text
    assert "countdown" not in text


def test_nothing_is_ticked_in_advance_anywhere(client: TestClient, clip: str) -> None:
    pages = [card(client, clip).text, client.get(f"/offers/{view().id}").text]
    pages.append(client.get("/offers-none").text)
    accept(client)
    pages.append(client.get(f"/offers/{view().id}").text)
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    pages.append(client.get("/offers").text)
    for text in pages:
        assert "<h1" in text or "<section" in text
        assert not re.search(r"<input[^>]*\bchecked", text)
        assert 'type="checkbox"' not in text


def test_declining_is_as_easy_as_accepting(client: TestClient, clip: str) -> None:
    text = card(client, clip).text
    do = text[text.index('class="offer-do"') :]
    forms = re.findall(r"<form[^>]*action=\"(/offers/[^\"]+)\"", do)
    assert [one.rpartition("/")[2] for one in forms[:2]] == ["accept", "decline"]
    answer = people.post(client, f"/offers/{view().id}/decline")
    assert (answer.status_code, view().answer) == (303, OfferAnswer.DECLINED)
    assert "You said no" in client.get(answer.headers["location"]).text
    assert card(client, clip).status_code == 204


def test_a_deadline_is_shown_only_where_there_is_one(client: TestClient, clip: str) -> None:
    assert "Offered until" not in card(client, clip).text
    [other] = offers.clips()
    offers.make("keep", ends_ms=offers.now() + offers.DAY_MS)
    people.sign_in(client, "mara@example.org")
    assert "Offered until <time" in card(client, other).text


def test_where_none_fits_the_page_stays_as_it_is(client: TestClient, clip: str) -> None:
    people.post(client, "/offers-none")
    answer = card(client, clip)
    assert (answer.status_code, answer.text) == (204, "")
    assert "You wanted no offers" in client.get(f"/clips/{clip}/offers").text


def test_without_scripts_a_link_leads_to_the_offer(client: TestClient, clip: str) -> None:
    page = client.get(f"/clips/{clip}").text
    assert f'<a href="/clips/{clip}/offers" rel="nofollow">Offers for this clip</a>' in page
    answer = client.get(f"/clips/{clip}/offers", params={"offset": offers.noon()})
    assert "Keep this clip" in answer.text
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    assert "Offers for this clip" not in client.get(f"/clips/{clip}").text


def test_looking_at_the_head_of_it_counts_nothing(client: TestClient, clip: str) -> None:
    client.head(f"/clips/{clip}/offers")
    with reading() as session:
        assert session.scalars(select(OfferView)).all() == []


def test_one_click_then_the_way_back(client: TestClient, clip: str) -> None:
    card(client, clip)
    answer = accept(client)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/offers/{view().id}")
    page = client.get(f"/offers/{view().id}").text
    assert "Bought for $9.00" in page
    assert "Take it back" in page
    people.post(client, f"/offers/{view().id}/undo")
    shop.pay_back()
    page = client.get(f"/offers/{view().id}").text
    assert "All of the $9.00 USD goes back" in page
    with reading() as session:
        assert session.scalars(select(License)).one().state == LicenseState.REVOKED
    assert shop.net() == 0


def test_another_price_is_told_on_the_page_and_nothing_is_bought(
    client: TestClient, clip: str
) -> None:
    card(client, clip)
    answer = accept(client, cents=100)
    assert answer.status_code == 409
    assert "It costs $9.00 USD now" in answer.text
    assert "Nothing was bought" in answer.text
    assert shop.net() == 0


def test_never_again_and_none_at_all_from_the_card(client: TestClient, clip: str) -> None:
    card(client, clip)
    answer = people.post(client, f"/offers/{view().id}/never", headers={"HX-Request": "true"})
    assert "You do not see this offer again" in answer.text
    answer = people.post(client, "/offers-none", headers={"HX-Request": "true"})
    assert "No more offers" in answer.text
    assert "You see no offers" in client.get("/offers-none").text
    assert "You wanted no offers" in client.get(f"/clips/{clip}/offers").text
    people.post(client, "/offers-again")
    assert "You see no offers" not in client.get("/offers-none").text


def test_every_change_asks_for_the_pages_token(client: TestClient, clip: str) -> None:
    card(client, clip)
    for path in ("accept", "decline", "never", "undo"):
        fields = {"cents": "900", "currency": "USD"}
        assert client.post(f"/offers/{view().id}/{path}", data=fields).status_code == 400
    assert client.post("/offers-none").status_code == 400
    assert client.post(f"/clips/{clip}/played").status_code == 400
    assert view().answer == OfferAnswer.NONE


def test_somebody_elses_offer_is_not_there(client: TestClient, clip: str) -> None:
    card(client, clip)
    mine = view().id
    people.sign_in(client, "mara@example.org")
    assert client.get(f"/offers/{mine}").status_code == 404
    for path in ("accept", "decline", "never", "undo"):
        fields = {"cents": 900, "currency": "USD"}
        assert people.post(client, f"/offers/{mine}/{path}", **fields).status_code == 404


def test_a_played_clip_is_a_visit_and_nobodys_gets_no_cookie(client: TestClient, clip: str) -> None:
    for _ in range(2):
        people.post(client, f"/clips/{clip}/played")
    client.cookies.clear()
    for _ in range(2):
        answer = people.post(client, f"/clips/{clip}/played")
        assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)
    with reading() as session:
        visits = session.scalars(select(ContentSession.clips)).all()
    assert sorted(visits) == [2, 2]


def test_after_a_purchase_the_order_asks_for_the_next_card(client: TestClient, clip: str) -> None:
    offers.make("tip")
    card(client, clip)
    accept(client)
    with reading() as session:
        order_id = session.scalars(select(Order.id)).one()
    page = client.get(f"/orders/{order_id}").text
    assert f'data-offer="/clips/{clip}/offers?moment=bought"' in page


# A creator's own.


def test_a_creator_switches_an_offer_on_changes_it_and_ends_it(
    client: TestClient, owner: str
) -> None:
    offers.clips()
    assert client.get("/offers").text.count("Not made") == 6
    answer = people.post(client, "/offers/of/keep", creator="ada")
    assert answer.headers["location"] == "/offers?creator=ada&said=made#keep"
    fields = {"title": "Yours to keep", "holdout": "20", "last_day": ""}
    people.post(client, "/offers/of/keep", creator="ada", **fields)
    with reading() as session:
        rows = session.scalars(select(Offer).order_by(Offer.created_ms)).all()
        assert [(row.title, row.holdout) for row in rows] == [
            ("Keep this clip", 10),
            ("Yours to keep", 20),
        ]
        assert [row.retired_ms is None for row in rows] == [False, True]
    people.post(client, "/offers/of/keep/end", creator="ada")
    assert client.get("/offers").text.count("Not made") == 6


@pytest.mark.parametrize(
    ("key", "fields", "said"),
    [
        ("tip", {"cents": "0.10"}, "Amount: from 0.50 to 9.99"),
        ("tip", {"cents": "10.00"}, "Amount: from 0.50 to 9.99"),
        ("tip", {"cents": "soon"}, "This is no amount"),
        ("keep", {"holdout": "91"}, "not shown to: 0 to 90"),
        ("keep", {"holdout": "x"}, "a whole number"),
        ("keep", {"last_day": "2020-01-01"}, "from today on"),
        ("keep", {"last_day": "tomorrow"}, "2027-01-31"),
        ("scene", {"percent": "99", "most": "3"}, "Percent off: a whole number from 5 to 90"),
    ],
)
def test_what_can_not_be_offered_is_said_and_nothing_changes(
    client: TestClient, owner: str, key: str, fields: dict[str, str], said: str
) -> None:
    offers.clips()
    given = {"title": "A title", "holdout": "10", "last_day": "", **fields}
    answer = people.post(client, f"/offers/of/{key}", creator="ada", **given)
    assert answer.status_code == 400
    assert said in answer.text
    with reading() as session:
        assert session.scalars(select(Offer)).all() == []


def test_another_creators_offers_are_not_there(client: TestClient, owner: str) -> None:
    offers.clips()
    people.sign_in(client, "eve@example.org", Role.CREATOR, creator="eve")
    assert client.get("/offers?creator=ada").status_code == 404
    assert people.post(client, "/offers/of/keep", creator="ada").status_code == 404
    people.sign_in(client, MAIL)
    assert client.get("/offers").status_code == 404


def test_figures_say_what_an_offer_brought_and_whether_the_comparison_may_stop(
    client: TestClient, owner: str
) -> None:
    [clip] = offers.clips()
    offer_id = offers.make("keep", holdout=10)
    at_ms = offers.now()
    with unit_of_work() as session:
        for number in range(400):
            held_out = number % 2 == 1
            bought = number % 4 == 0 if not held_out else number % 20 == 1
            put_view(session, offer_id, clip, held_out, bought, at_ms - 3 * offers.DAY_MS)
        put_view(session, offer_id, clip, False, True, at_ms)  # its answer does not stand yet
    with reading() as session:
        found = results.of_offer(session, session.get_one(Offer, offer_id), at_ms)
    assert (found.shown, found.held_out, found.accepted) == (201, 200, 101)
    assert (found.with_it.visits, found.with_it.bought) == (200, 100)
    assert (found.without.visits, found.without.bought) == (200, 20)
    assert found.more is not None
    assert found.more.low < found.more.value == 0.4 < found.more.high
    page = client.get("/offers").text
    assert "<td>200</td><td>100</td><td>50.0</td>" in page
    assert "40.0 more</strong> buy something with the offer" in page
    assert "It works: with this offer more visits buy something, and that is no chance." in page
    assert "The comparison can be stopped: set the people who are left out to 0." in page


def put_view(session, offer_id, clip, held_out, bought, at_ms) -> None:  # type: ignore[no-untyped-def]
    creator_id = session.get_one(Offer, offer_id).creator_id
    visit = ContentSession(
        whose=f"{session.info.setdefault('n', 0):064x}",
        creator_id=creator_id,
        held_out=held_out,
        bought_cents=900 if bought else 0,
        begun_ms=at_ms,
        seen_ms=at_ms,
    )
    session.info["n"] += 1
    session.add(visit)
    session.flush()
    answer = OfferAnswer.ACCEPTED if bought and not held_out else OfferAnswer.NONE
    session.add(
        OfferView(
            offer_id=offer_id,
            whose=visit.whose,
            session_id=visit.id,
            clip_id=clip,
            held_out=held_out,
            cents=900,
            currency="USD",
            reason="-",
            data_used=[],
            answer=answer,
            at_ms=at_ms,
        )
    )


# For programs.


def test_a_program_takes_an_offer_and_takes_it_back(client: TestClient, clip: str) -> None:
    account_id = people.account(MAIL)
    people.sign_out(client)
    token = people.token(account_id, "orders:write", "orders:read")
    fit = {"moment": "end", "offset_minutes": offers.noon()}
    answer = client.post(f"/api/v1/clips/{clip}/offers", json=fit, headers=token)
    offer = answer.json()["offer"]
    assert (offer["cents"], offer["now_cents"], offer["renews"]) == (900, 900, "")
    assert offer["charged_to"] == "Sandbox card"
    path = f"/api/v1/offers/{offer['id']}"
    price = {"cents": 899, "currency": "USD"}
    refused = client.post(f"{path}/accept", json=price, headers=token)
    assert (refused.status_code, refused.json()["code"]) == (409, "price_changed")
    assert refused.json()["cents"] == 900
    price["cents"] = 900
    taken = client.post(f"{path}/accept", json=price, headers=token).json()
    assert (taken["state"], taken["pay_url"]) == ("accepted", "")
    assert client.post(f"{path}/undo", headers=token).json()["state"] == "undone"
    assert client.get(path, headers=token).json()["state"] == "undone"
    reads = people.token(account_id, "orders:read")
    assert client.post(f"{path}/accept", json=price, headers=reads).status_code == 403


def test_a_program_wants_no_offers(client: TestClient, clip: str) -> None:
    account_id = people.account(MAIL)
    people.sign_out(client)
    token = people.token(account_id, "orders:write")
    fit = {"moment": "end", "offset_minutes": offers.noon()}
    assert client.delete("/api/v1/offers", headers=token).status_code == 204
    answer = client.post(f"/api/v1/clips/{clip}/offers", json=fit, headers=token)
    assert answer.json() == {"offer": None}
    assert client.put("/api/v1/offers", headers=token).status_code == 204
    answer = client.post(f"/api/v1/clips/{clip}/offers", json=fit, headers=token).json()
    declined = client.post(f"/api/v1/offers/{answer['offer']['id']}/never", headers=token)
    assert declined.json()["state"] == "declined"


def test_a_creators_program_makes_offers(client: TestClient, owner: str) -> None:
    offers.clips()
    with reading() as session:
        from models.creator import Creator

        creator_id = session.scalars(select(Creator.id).filter_by(slug="ada")).one()
    people.sign_out(client)
    token = people.token(owner, "recordings:read", "recordings:write")
    path = f"/api/v1/creators/{creator_id}/offers"
    made = client.put(f"{path}/tip", json={"facts": {"cents": 300}}, headers=token).json()
    assert (made["made"], made["facts"], made["holdout"]) == (True, {"cents": 300}, 10)
    wrong = client.put(f"{path}/tip", json={"facts": {"cents": 3000}}, headers=token)
    assert wrong.status_code == 400
    listed = client.get(path, headers=token).json()["offers"]
    assert [one["key"] for one in listed if one["made"]] == ["tip"]
    assert client.delete(f"{path}/tip", headers=token).json()["made"] is False
    assert client.put(f"{path}/other", json={}, headers=token).status_code == 404
    stranger = people.token(people.account("eve@example.org"), "recordings:read")
    assert client.get(path, headers=stranger).status_code == 404


def test_a_trial_on_its_page(client: TestClient, clip: str) -> None:
    with unit_of_work() as session:
        members.tiers(session)
    with unit_of_work() as session:
        creator_id = session.scalars(select(Offer.creator_id)).first()
        from catalog.offers import desk

        desk.end(session, offers.STAFF, creator_id or "", "keep")
    offers.make("trial")
    text = card(client, clip).text
    assert "today, then $3.00 USD on" in text
    assert "Leave before that day and nothing is charged." in text
    accept(client, cents=300)
    page = client.get(f"/offers/{view().id}").text
    assert "Your trial has begun" in page
    people.post(client, f"/offers/{view().id}/undo")
    assert "Nothing was charged" in client.get(f"/offers/{view().id}").text
    with reading() as session:
        assert session.scalars(select(Membership)).one().state == "ended"
