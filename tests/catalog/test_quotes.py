"""Quotes: priced by the database, one's own, good for a week; other terms can be agreed on."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select, update

from catalog import quotes, wishes
from catalog.errors import NotFound, Refusal, SignInNeeded
from models.account import Role
from models.base import now_ms, unit_of_work
from models.event import Event
from models.mail import Mail
from models.quote import Quote, QuoteNote, QuoteState
from tests import people
from tests import rights_factories as rights

FORM = {"kind": "social", "shown": "social", "media": "web", "term": "365", "audience": "100000"}


@pytest.fixture
def clip(client: TestClient) -> str:
    """By ada, with cleared releases."""
    people.account("ada@example.org", Role.CREATOR, creator="ada")
    with unit_of_work() as session:
        rights.publish(session)
        return rights.listing(session).clip_id


def opened(client: TestClient, clip: str, **changed: Any) -> str:
    answer = people.post(client, f"/clips/{clip}/quote", **{**FORM, **changed})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]


def call(client: TestClient, path: str, body: dict[str, Any]) -> Response:
    """The JSON door, as a browser's page asks at it."""
    headers = {"X-Form-Token": people.form_token(client)}
    return client.post(f"/api/v1{path}", json=body, headers=headers)


def row(quote_id: str) -> Quote:
    with unit_of_work() as session:
        found = session.get_one(Quote, quote_id)
        assert [note.number for note in found.notes] == list(range(1, len(found.notes) + 1))
        return found


def counts() -> tuple[int, ...]:
    with unit_of_work() as session:
        tables = (Quote, QuoteNote, Event, Mail)
        return tuple(session.scalar(select(func.count()).select_from(one)) or 0 for one in tables)


def test_a_guest_sees_the_price_takes_a_quote_and_finds_it_again(
    client: TestClient, clip: str
) -> None:
    page = client.get(f"/clips/{clip}?kind=social").text
    assert "License this clip" in page
    quote_id = opened(client, clip)
    page = client.get(f"/quotes/{quote_id}").text
    assert "Add to cart" in page
    assert "Up to 100,000 people" in page
    assert "1. Grant" in page
    cents = row(quote_id).price_cents
    assert f"${cents / 100:,.2f}" in page
    assert quote_id in client.get("/quotes").text


def test_the_price_is_the_same_in_the_panel_the_quote_and_the_api(
    client: TestClient, clip: str
) -> None:
    people.sign_in(client, "lin@example.org", Role.LICENSEE)
    panel = people.post(client, f"/clips/{clip}/price", {"hx-request": "true"}, **FORM).text
    shown = re.search(r'deal-total"><strong class="figure">\$([\d.,]+)<', panel)
    assert shown
    use = {"media": ["web"], "term_days": 365, "audience": 100_000}
    answer = call(client, f"/listings/{clip}/price", {"kind": "social", "use": use})
    assert answer.status_code == 200, answer.text
    assert f"{answer.json()['price_cents'] / 100:,.2f}" == shown[1]
    assert row(opened(client, clip)).price_cents == answer.json()["price_cents"]


def test_without_scripts_the_price_is_a_page_whose_address_says_the_use(
    client: TestClient, clip: str
) -> None:
    answer = people.post(client, f"/clips/{clip}/price", **{**FORM, "term": "30"})
    assert answer.status_code == 303
    assert "form_token" not in answer.headers["location"]
    page = client.get(answer.headers["location"]).text
    assert '<option value="30" selected>' in page


BAD_FIELDS: list[tuple[dict[str, str], str]] = [
    ({"term": "-5"}, "no whole number"),
    ({"term": "99999999999"}, "9125"),
    ({"audience": "0"}, "greater than or equal to 1"),
    ({"starts": "soon"}, "first day"),
    ({"kind": "standard", "shown": "standard", "seats": "11"}, "10 at most"),
    ({"kind": "standard", "shown": "standard", "seats": "0.5"}, "no whole number"),
    ({"kind": "standard", "shown": "standard", "where": "only"}, "at least one country"),
    (
        {"kind": "standard", "shown": "standard", "where": "only", "country": "ATLANTIS"},
        "no country",
    ),
    ({"kind": "standard", "shown": "standard", "media": ""}, "at least one medium"),
]


def test_bad_fields_are_told_in_the_panel_and_change_nothing(client: TestClient, clip: str) -> None:
    for changed, said in BAD_FIELDS:
        before = counts()
        form = {**FORM, **changed}
        panel = people.post(client, f"/clips/{clip}/price", {"hx-request": "true"}, **form)
        answer = people.post(client, f"/clips/{clip}/quote", **form)
        assert panel.status_code == 200
        assert said in panel.text
        assert "notice-warn" in panel.text
        assert answer.status_code == 400
        assert counts() == before


TAMPERED: list[dict[str, Any]] = [
    {"kind": "social", "price_cents": 1},
    {"kind": "social", "currency": "XXX"},
    {"kind": "social", "use": {"price_cents": 1}},
    {"kind": "social", "use": {"term_days": -1}},
    {"kind": "social", "use": {"term_days": 10**40}},
    {"kind": "social", "use": {"starts_ms": 4_000_000_000_000}},
    {"kind": "social", "use": {"territory": ["DE"]}},
    {"kind": "standard", "use": {"territory": ["ZZ"]}},
    {"kind": "standard", "use": {"territory": ["DE", "\u202e"]}},
    {"kind": "nope"},
    {"kind": "social", "use": []},
]


def test_a_tampered_request_is_a_clear_problem_and_changes_nothing(
    client: TestClient, clip: str
) -> None:
    people.sign_in(client, "lin@example.org", Role.LICENSEE)
    before = counts()
    for body in TAMPERED:
        for path in (f"/listings/{clip}/price", "/quotes"):
            answer = call(client, path, {**body, "listing_id": clip} if "q" in path else body)
            assert answer.status_code in (400, 404, 422), answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"]
    assert counts() == before


def test_what_was_sent_as_a_price_is_no_price(client: TestClient, clip: str) -> None:
    honest = row(opened(client, clip)).price_cents
    sent = opened(client, clip, price="1", price_cents="1", currency="XXX")
    assert (row(sent).price_cents, row(sent).currency) == (honest, "USD")


def test_a_quote_is_its_askers_and_the_creators_alone(client: TestClient, clip: str) -> None:
    quote_id = opened(client, clip)
    verbs = ("ask", "counter", "accept", "decline", "withdraw", "take")
    mine = dict(client.cookies)

    def look() -> Response:
        return client.get(f"/quotes/{quote_id}")

    assert look().status_code == 200
    client.cookies.clear()
    assert look().status_code == 404
    people.sign_in(client, "eve@example.org", Role.LICENSEE)
    assert look().status_code == 404
    assert client.get(f"/api/v1/quotes/{quote_id}").status_code == 404
    before = counts()
    for verb in verbs:
        answer = people.post(client, f"/quotes/{quote_id}/{verb}", price="5", text="mine")
        assert answer.status_code == 404, verb
    assert counts() == before
    people.sign_in(client, "ada@example.org")
    assert look().status_code == 200
    assert "Add to cart" not in look().text
    with unit_of_work() as session, pytest.raises(NotFound):
        quotes.orderable(session, rights.guest(), quote_id)
    assert mine


def test_an_expired_quote_can_be_read_and_nothing_else(client: TestClient, clip: str) -> None:
    people.sign_in(client, "lin@example.org", Role.LICENSEE)
    quote_id = opened(client, clip)
    with unit_of_work() as session:
        session.execute(update(Quote).values(expires_ms=now_ms() - 1))
    page = client.get(f"/quotes/{quote_id}").text
    assert "has expired" in page
    assert "Add to cart" not in page
    before = counts()
    assert people.post(client, f"/quotes/{quote_id}/ask", price="5").status_code == 409
    problem = call(client, f"/quotes/{quote_id}/ask", {"price_cents": 500}).json()
    assert problem["code"] == "quote_expired"
    assert counts() == before


@pytest.fixture
def asked(client: TestClient, clip: str) -> str:
    """A quote of lin's, for which lin asked other terms; ada is signed in."""
    people.sign_in(client, "lin@example.org", Role.LICENSEE)
    quote_id = opened(client, clip)
    answer = people.post(
        client, f"/quotes/{quote_id}/ask", price="9.50", text="For a school\u202e film <b>"
    )
    assert answer.status_code == 303, answer.text
    people.sign_in(client, "ada@example.org")
    return quote_id


def mails(to: str) -> list[str]:
    with unit_of_work() as session:
        wanted = select(Mail.purpose).where(Mail.to == to).order_by(Mail.created_ms, Mail.id)
        return list(session.scalars(wanted))


def test_the_creator_accepts_and_the_buyer_orders_at_that_price(
    client: TestClient, asked: str
) -> None:
    page = client.get(f"/quotes/{asked}").text
    assert "$9.50" in page
    assert "For a school" in page
    assert "&lt;b&gt;" in page
    assert asked in client.get("/quotes").text
    assert people.post(client, f"/quotes/{asked}/accept").status_code == 303
    found = row(asked)
    assert (found.state, found.price_cents, found.rule_id) == (QuoteState.OPEN, 950, None)
    assert [note.verb for note in found.notes] == ["asked", "accepted"]
    assert mails("ada@example.org") == ["quote_asked"]
    assert mails("lin@example.org") == ["quote_accepted"]
    people.sign_in(client, "lin@example.org")
    assert "Add to cart" in client.get(f"/quotes/{asked}").text


def test_a_counter_holds_only_when_the_buyer_accepts_it(client: TestClient, asked: str) -> None:
    first = row(asked).price_cents
    wish = {**FORM, "term": "30", "price": "12", "days": "3", "text": "For a month"}
    assert people.post(client, f"/quotes/{asked}/counter", **wish).status_code == 303
    assert (row(asked).state, row(asked).price_cents) == (QuoteState.COUNTERED, first)
    assert people.post(client, f"/quotes/{asked}/accept").status_code == 409, "not her own offer"
    people.sign_in(client, "lin@example.org")
    page = client.get(f"/quotes/{asked}").text
    assert "Accept this offer" in page
    assert "$12.00" in page
    assert people.post(client, f"/quotes/{asked}/accept").status_code == 303
    found = row(asked)
    assert (found.state, found.price_cents, found.use["term_days"]) == (QuoteState.OPEN, 1_200, 30)
    assert mails("lin@example.org") == ["quote_countered"]
    assert mails("ada@example.org") == ["quote_asked", "quote_accepted"]


def test_a_counter_with_another_use_and_no_price_costs_what_that_use_costs(
    client: TestClient, clip: str
) -> None:
    people.sign_in(client, "lin@example.org", Role.LICENSEE)
    dear, cheap = opened(client, clip), opened(client, clip, term="30")
    people.post(client, f"/quotes/{dear}/ask", text="What would a month cost?")
    people.sign_in(client, "ada@example.org")
    people.post(client, f"/quotes/{dear}/counter", **{**FORM, "term": "30"})
    people.sign_in(client, "lin@example.org")
    people.post(client, f"/quotes/{dear}/accept")
    assert row(dear).price_cents == row(cheap).price_cents
    assert row(dear).breakdown == row(cheap).breakdown


def test_declined_is_told_and_can_not_be_ordered(client: TestClient, asked: str) -> None:
    assert people.post(client, f"/quotes/{asked}/decline", text="Too little").status_code == 303
    assert mails("lin@example.org") == ["quote_declined"]
    people.sign_in(client, "lin@example.org")
    page = client.get(f"/quotes/{asked}").text
    assert "Too little" in page
    assert "Add to cart" not in page
    assert people.post(client, f"/quotes/{asked}/withdraw").status_code == 409


def test_a_wish_that_is_withdrawn_leaves_the_first_price(client: TestClient, asked: str) -> None:
    first = row(asked).price_cents
    people.sign_in(client, "lin@example.org")
    assert "Add to cart" not in client.get(f"/quotes/{asked}").text
    assert people.post(client, f"/quotes/{asked}/withdraw").status_code == 303
    assert (row(asked).state, row(asked).price_cents) == (QuoteState.OPEN, first)
    people.sign_in(client, "ada@example.org")
    assert people.post(client, f"/quotes/{asked}/accept").status_code == 409


def test_an_answer_that_can_not_be_is_refused(client: TestClient, asked: str) -> None:
    before = counts()
    for price, days in (("0", 7), ("0.99", 7), ("-5", 7), ("1e9", 7), ("5", 0), ("5", 91)):
        answer = people.post(client, f"/quotes/{asked}/counter", price=price, days=days)
        assert answer.status_code == 400
    assert counts() == before


def test_other_terms_are_for_people_who_are_signed_in(client: TestClient, clip: str) -> None:
    quote_id = opened(client, clip)
    answer = people.post(client, f"/quotes/{quote_id}/ask", price="5")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    with unit_of_work() as session, pytest.raises(SignInNeeded):
        wishes.ask(session, rights.guest(), quote_id, price_cents=500, use=None, text="")


def test_the_whole_talk_by_the_api_in_both_roles(client: TestClient, clip: str) -> None:
    def said(verb: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = call(client, f"/quotes{verb}", body)
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found

    people.sign_in(client, "lin@example.org", Role.LICENSEE)
    made = said("", {"listing_id": clip, "kind": "standard", "use": {"media": ["ads"]}})
    path = f"/{made['id']}"
    said(f"{path}/ask", {"price_cents": 5_000, "use": {"term_days": 30}, "text": "Short film"})
    people.sign_in(client, "ada@example.org")
    (waiting,) = client.get("/api/v1/quotes?to_answer=true").json()["quotes"]
    assert waiting["state"] == "asked"
    said(f"{path}/counter", {"price_cents": 6_000, "days": 2})
    people.sign_in(client, "lin@example.org")
    agreed = said(f"{path}/accept", {})
    assert (agreed["price_cents"], agreed["use"]["term_days"]) == (6_000, 30)
    assert [(note["by"], note["verb"]) for note in agreed["notes"]] == [
        ("licensee", "asked"),
        ("creator", "countered"),
        ("licensee", "accepted"),
    ]


def test_commercial_kinds_of_an_editorial_clip_are_refused_with_the_reason(
    client: TestClient,
) -> None:
    with unit_of_work() as session:
        rights.publish(session)
        clip = rights.listing(session, cleared=False).clip_id
    page = client.get(f"/clips/{clip}").text
    assert page.count("Not for this clip") == 3
    assert 'value="editorial" checked' in page
    assert "no cleared releases" in client.get(f"/clips/{clip}?kind=exclusive").text
    before = counts()
    answer = people.post(client, f"/clips/{clip}/quote", **{**FORM, "kind": "standard"})
    assert answer.status_code == 409
    problem = call(client, f"/listings/{clip}/price", {"kind": "exclusive"}).json()
    assert problem["code"] == "release_needed"
    assert counts() == before


def test_what_another_has_for_themselves_is_told_with_the_next_free_day(
    client: TestClient, clip: str
) -> None:
    from catalog import reservations

    with unit_of_work() as session:
        listing = quotes.listings.get(session, clip)
        line = rights.line(session, listing, "exclusive", media=["web"], term_days=30)
        reservations.confirm(session, line)
    page = client.get(f"/clips/{clip}?kind=social").text
    assert "Somebody else has this clip" in page
    begin = re.search(r'name="starts" value="([\d-]+)">Begin on', page)
    assert begin
    answer = people.post(client, f"/clips/{clip}/quote", **FORM)
    assert answer.status_code == 409
    wanted = {"kind": "social", "use": {"media": ["web"]}}
    problem = call(client, f"/listings/{clip}/price", wanted).json()
    assert problem["blocked"]["code"] == "exclusive_sold"
    opened(client, clip, media="social")
    opened(client, clip, starts=begin[1])


def test_nobody_can_order_what_is_not_theirs_or_not_open(client: TestClient, asked: str) -> None:
    with unit_of_work() as session:
        lin = people.account("lin@example.org")
        visitor = quotes.Visitor(account_id=lin, email="lin@example.org")
        with pytest.raises(Refusal) as refused:
            quotes.orderable(session, visitor, asked)
        assert refused.value.code == "quote_asked"


def test_hundreds_of_quotes_in_an_hour_are_too_many(client: TestClient, clip: str) -> None:
    visitor = rights.guest()
    with unit_of_work() as session:
        for _ in range(quotes.MOST_A_WHILE):
            quotes.throttle.take(
                session, "quote", visitor.guest, quotes.MOST_A_WHILE, quotes.WHILE_S
            )
        with pytest.raises(quotes.throttle.TooMany):
            quotes.open_quote(session, visitor, clip, "social", {})
