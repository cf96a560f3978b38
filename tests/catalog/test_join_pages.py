"""Joining in a browser: choose, a link by mail, pay, be welcome; and all that may go wrong."""

import re

import pytest
from httpx2 import Response
from sqlalchemy import func, select
from starlette.testclient import TestClient

from catalog.members import announcements, consents, tiers
from models.account import Account
from models.base import reading, unit_of_work
from models.consent import Consent, Subscriber
from models.creator import Creator
from models.mail import Mail
from models.membership import Charge, ChargeState, Membership, MembershipState, Tier
from models.payment import SandboxPayment
from tests import factories, people
from tests import member_factories as members
from tests.people import post

LIN = "lin@example.org"
JOIN = "/creators/ada/join"


@pytest.fixture
def ladder(client: TestClient) -> dict[str, str]:
    """The three tiers of Ada, by key."""
    with unit_of_work() as session:
        return {one.key: one.id for one in members.tiers(session)}


def ask(client: TestClient, tier_id: str, cents: int = 300, **fields: object) -> Response:
    given = {"tier_id": tier_id, "period": "month", "cents": cents, "currency": "USD", **fields}
    return post(client, JOIN, **given)


def paid(client: TestClient, answer: str = "pay") -> Response:
    """The one payment that waits at the sandbox, answered; where that leads."""
    with reading() as session:
        waits = select(SandboxPayment.id).filter_by(state="open")
        payment = session.scalars(waits.order_by(SandboxPayment.created_ms.desc())).first()
    return post(client, f"/sandbox/pay/{payment}", answer=answer)


def rows() -> list[Membership]:
    with reading() as session:
        return list(session.scalars(select(Membership)))


def count(row: type) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(row)) or 0


def test_the_tiers_stand_side_by_side_with_their_full_price(
    client: TestClient, ladder: dict[str, str]
) -> None:
    page = client.get(JOIN).text
    for price, lead in (("$3.00", 24), ("$9.00", 48), ("$25.00", 72)):
        assert price in page
        assert f"Clips {lead} hours before everybody sees them" in page
    assert page.count("Announced here when there is one") == 0  # no tier here has drops
    chosen = client.get(f"{JOIN}?tier=early").text
    assert "$3.00 USD</strong>, for the time until" in chosen
    assert "then again each month until you leave" in chosen
    assert "Two clicks" in chosen
    assert "$30.00" in client.get(f"{JOIN}?tier=early&period=year").text


def test_no_box_is_ticked_and_each_says_what_is_kept(
    client: TestClient, ladder: dict[str, str]
) -> None:
    page = client.get(f"{JOIN}?tier=early&said=digest.c-history&mark=x").text
    assert "checked" not in page
    assert consents.PURPOSES["history"].how_long in page
    people.sign_in(client, LIN)
    page = client.get(f"{JOIN}?tier=early&said=digest.c-history&mark=x").text
    assert 'value="digest"' in page
    assert "checked" not in page


def test_what_is_announced_has_its_day_and_what_is_not_is_said_plainly(
    client: TestClient, owner: str
) -> None:
    with unit_of_work() as session:
        creator = factories.creator(session)
        who = members.visitor_of(session.get_one(Account, owner))
        visitor = type(who)(**{**who.__dict__, "creator_ids": frozenset([creator.id])})
        tiers.open_for(session, visitor, creator.id)
        now = tiers.now_of(session)
        at_ms = now + 40 * members.DAY_MS
        said = {"kind": "drop", "title": "Harbour print", "summary": "", "rank": 2}
        announcements.announce(session, visitor, creator.id, at_ms=at_ms, now_ms=now, **said)
    people.sign_out(client)
    page = client.get(JOIN).text
    assert page.count("Harbour print") == 2
    assert page.count("Announced here when there is one") == 1


def test_a_visitor_joins_by_a_link_and_keeps_what_was_chosen(
    client: TestClient, ladder: dict[str, str]
) -> None:
    sent = ask(client, ladder["early"], email=LIN, letters="digest", consent="history")
    assert "You are not a member yet" in sent.text
    assert (count(Membership), count(Subscriber), count(Account)) == (0, 0, 0)
    with reading() as session:
        link = re.search(r"/enter/[\w-]+", session.scalars(select(Mail)).one().text)
    assert link
    client.get(link[0])
    back = post(client, link[0]).headers["location"]
    page = client.get(back).text
    assert f"You join as <strong>{LIN}</strong>" in page
    assert page.count("checked") == 2
    people_word = re.search(r'name="form_token" value="(\w+)"', page)
    assert people_word
    answer = ask(client, ladder["early"], letters="digest", consent="history")
    assert answer.headers["location"].startswith("/sandbox/pay/")
    back = paid(client).headers["location"]
    welcome = client.get(back).headers["location"]
    page = client.get(welcome).text
    assert "You are a member of Ada" in page
    assert "You asked for: new clips" in page
    with reading() as session:
        assert session.scalars(select(Membership)).one().state == MembershipState.ACTIVE
        assert session.scalars(select(Subscriber)).one().state == "confirmed"
        assert session.scalars(select(Consent)).one().source == "join"


def test_an_address_made_by_another_ticks_nothing(
    client: TestClient, ladder: dict[str, str]
) -> None:
    """The mark belongs to one mail address."""
    ask(client, ladder["early"], email="mallory@example.org", letters="news")
    with reading() as session:
        mail = session.scalars(select(Mail)).one().text
    word = re.search(r"/enter/([\w-]+)", mail)
    assert word
    client.get(f"/enter/{word[1]}")
    back = post(client, f"/enter/{word[1]}").headers["location"]
    assert "checked" in client.get(back).text
    people.sign_in(client, LIN)
    assert "checked" not in client.get(back).text


def test_a_form_filled_by_a_bot_does_nothing(client: TestClient, ladder: dict[str, str]) -> None:
    answer = ask(client, ladder["early"], email=LIN, website="https://spam.example")
    assert "Look into your mail" in answer.text
    assert count(Mail) == 0
    people.sign_in(client, LIN)
    assert ask(client, ladder["early"], website="x").status_code == 303
    assert count(Membership) == 0


def test_too_many_tries_are_told_to_wait(client: TestClient, ladder: dict[str, str]) -> None:
    statuses = [ask(client, ladder["early"], email=LIN).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]


def test_a_double_click_and_two_tabs_make_one_membership(
    client: TestClient, ladder: dict[str, str]
) -> None:
    people.sign_in(client, LIN)
    first = ask(client, ladder["early"]).headers["location"]
    assert ask(client, ladder["early"]).headers["location"] == first
    paid(client)
    again = ask(client, ladder["early"])
    assert again.headers["location"].endswith("/welcome")
    other = ask(client, ladder["drops"], 900)
    assert other.status_code == 409
    assert "You are a member of this creator already" in other.text
    assert [one.state for one in rows()] == [MembershipState.ACTIVE]
    assert count(Charge) == 1


def test_another_tier_in_another_tab_takes_the_place_of_the_first(
    client: TestClient, ladder: dict[str, str]
) -> None:
    people.sign_in(client, LIN)
    ask(client, ladder["early"])
    ask(client, ladder["drops"], 900)
    paid(client)
    alive = [one for one in rows() if one.state == MembershipState.ACTIVE]
    assert [one.tier_id for one in alive] == [ladder["drops"]]


def test_a_price_that_changed_meanwhile_takes_nothing_and_shows_the_new_one(
    client: TestClient, ladder: dict[str, str]
) -> None:
    people.sign_in(client, LIN)
    answer = ask(client, ladder["early"], 200)
    assert answer.status_code == 409
    assert "It costs $3.00 now" in answer.text
    assert 'name="cents" value="300"' in answer.text
    assert count(Charge) == 0


def test_a_tier_that_was_retired_meanwhile_shows_what_there_is_now(
    client: TestClient, ladder: dict[str, str], owner: str
) -> None:
    with unit_of_work() as session:
        old = session.get_one(Tier, ladder["early"])
        creator_ids = frozenset([old.creator_id])
        visitor = type(members.visitor_of(session.get_one(Account, owner)))(
            account_id=owner, creator_ids=creator_ids
        )
        tiers.change(session, visitor, old.id, month_cents=400)
    people.sign_in(client, LIN)
    answer = ask(client, ladder["early"])
    assert answer.status_code == 409
    assert "This tier has changed since the page was shown" in answer.text
    assert 'name="cents" value="400"' in answer.text


def test_a_declined_card_leaves_no_membership_and_says_so(
    client: TestClient, ladder: dict[str, str]
) -> None:
    people.sign_in(client, LIN)
    ask(client, ladder["early"])
    here = paid(client, "decline").headers["location"]
    page = client.get(here).text
    assert "You did not join. Nothing was taken." in page
    assert "The payment was declined" in page
    assert f'href="{JOIN}?tier=early&amp;period=month#pay"' in page, "what was chosen is kept"
    again = client.get(f"{JOIN}?tier=early&period=month").text
    assert "Join and pay $3.00" in again
    assert " checked" not in again
    with reading() as session:
        assert session.scalars(select(Charge)).one().state == ChargeState.FAILED


def test_whoever_walks_away_can_go_on_or_give_up(
    client: TestClient, ladder: dict[str, str]
) -> None:
    people.sign_in(client, LIN)
    payment = ask(client, ladder["early"]).headers["location"]
    here = f"/memberships/{rows()[0].id}"
    page = client.get(here).text
    assert "no payment is known of here so far" in page
    assert post(client, f"{here}/pay").headers["location"] == payment
    post(client, f"{here}/give-up")
    assert "You did not join" in client.get(here).text
    assert "over" in client.get(payment).text


def test_a_creator_who_takes_nobody_says_so(client: TestClient) -> None:
    with unit_of_work() as session:
        factories.creator(session)
    assert "takes no members at the moment" in client.get(JOIN).text
    with unit_of_work() as session:
        tier = members.tier(session)
        session.get_one(Creator, tier.creator_id).members_ms = None
    people.sign_in(client, LIN)
    answer = ask(client, tier.id)
    assert answer.status_code == 409
    assert "takes no members" in answer.text
    assert client.get("/creators/nobody/join").status_code == 404


def test_the_public_page_of_a_creator_has_clips_series_and_a_way_to_join(
    client: TestClient, ladder: dict[str, str]
) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session, factories.recording(session), title="The winning goal")
        factories.listing(session, clip, visible_from_ms=1).series = "Harbour Cup"
        later = factories.clip(session, factories.recording(session), title="Not yet out")
        soon = tiers.now_of(session) + members.HOUR_MS
        factories.listing(session, later).visible_from_ms = soon
    page = client.get("/creators/ada").text
    assert "The winning goal" in page
    assert "Not yet out" not in page
    assert "Harbour Cup" in page
    assert f'href="{JOIN}"' in page
    assert f'href="{JOIN}"' in client.get(f"/clips/{clip.id}").text
    who = people.sign_in(client, LIN)
    with unit_of_work() as session:
        members.membership(session, who)
    assert f'href="{JOIN}"' not in client.get(f"/clips/{clip.id}").text
    page = client.get("/creators/ada").text
    assert "Not yet out" in page
    assert "You are a member" in page
