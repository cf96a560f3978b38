"""The pages of letters and the doors of mail programs: by a link alone, and by a button."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog.letters import links, stops, subscribers
from models.account import Account, Role
from models.base import unit_of_work
from models.consent import Subscriber, SubscriberState
from models.creator import Creator
from models.membership import Membership
from models.settings import settings
from tests import factories, people
from tests import letter_factories as letters
from tests import member_factories as members
from tests.letter_factories import LENA

TOKEN = "a-long-secret-of-the-mail-server"


def path_of(address: str) -> str:
    return address.removeprefix(settings().base_url)


def states(email: str = LENA) -> dict[tuple[str, str], str]:
    with unit_of_work() as session:
        return {(one.purpose, one.creator_id): one.state for one in _rows(session, email)}


def _rows(session, email: str):  # type: ignore[no-untyped-def]
    return session.scalars(select(Subscriber).filter_by(email=email)).all()


@pytest.fixture
def ada(client: TestClient) -> Creator:
    with unit_of_work() as session:
        return factories.creator(session)


def asked(client: TestClient, email: str = LENA, **fields: object):  # type: ignore[no-untyped-def]
    return people.post(client, "/letters", email=email, **{"purpose": ["news"], **fields})


def test_the_form_has_no_box_ticked_and_says_what_is_kept(client: TestClient, ada: Creator) -> None:
    for path, purposes in (
        ("/letters", ["offers", "news"]),
        (f"/letters?creator={ada.slug}", ["digest", "offers", "news"]),
    ):
        page = client.get(path)
        assert re.findall(r'name="purpose" value="(\w+)"', page.text) == purposes
        assert " checked" not in page.text
        assert "30 days after you end it" in page.text
        assert "set-cookie" not in page.headers, "asking for letters needs no cookie"
    assert client.get("/letters?creator=nobody").status_code == 404


def test_from_the_form_to_the_first_letter(client: TestClient, ada: Creator) -> None:
    page = asked(client, creator=ada.slug, purpose=["digest", "news"])
    assert "Look into your mail" in page.text
    path = letters.link(letters.only(LENA), "confirm")
    look = client.get(path)
    assert look.status_code == 200
    assert "New clips by" in look.text
    assert set(states().values()) == {"asked"}, "a GET confirms nothing"
    assert look.headers["referrer-policy"] == "no-referrer"
    done = people.post(client, path)
    assert "Your letters are confirmed" in done.text
    assert states() == {("digest", ada.id): "confirmed", ("news", ada.id): "confirmed"}
    assert people.post(client, path).status_code == 200
    assert client.get("/letters/confirm/" + "0" * 64).status_code == 410


def test_the_answer_does_not_tell_who_is_known(client: TestClient) -> None:
    with unit_of_work() as session:
        letters.wish(session, "known@example.org")
        letters.wish(session, "angry@example.org", state=SubscriberState.ENDED)
        stops.stop(session, "angry@example.org", stops.COMPLAINED)
        letters.wish(session, "asked@example.org", state=SubscriberState.ASKED)
    people.account("member@example.org", Role.MEMBER)
    told = set()
    for name in ("known", "angry", "asked", "member", "nobody"):
        page = asked(client, f"{name}@example.org")
        told.add((page.status_code, page.text.replace(name, "NAME")))
    assert len(told) == 1


def test_a_bot_gets_the_same_answer_and_nothing_comes_of_it(client: TestClient) -> None:
    page = asked(client, website="https://spam.example")
    assert page.text == asked(client, "lena@example.org", website="x").text
    assert "Look into your mail" in page.text
    assert states() == {}
    assert letters.mails() == []


def test_a_form_that_can_not_be_taken_says_why_and_keeps_what_was_typed(
    client: TestClient, ada: Creator
) -> None:
    for fields, said in (
        ({"email": "lena"}, "no e-mail address"),
        ({"purpose": []}, "Tick what you would like"),
        ({"purpose": ["onboarding", "digest"]}, "Tick what you would like"),
    ):
        page = asked(client, **{"email": LENA, **fields})
        assert page.status_code == 400
        assert said in page.text
        assert f'value="{fields.get("email", LENA)}"' in page.text
    assert letters.mails() == []
    assert (
        client.post("/letters", data={}, headers={"Origin": "https://x.example"}).status_code == 400
    )


def test_twenty_an_hour_of_one_network_address(client: TestClient) -> None:
    codes = [asked(client, f"a{n}@example.org").status_code for n in range(21)]
    assert codes == [200] * 20 + [429]


def test_one_click_of_a_mail_provider_ends_it_and_again_is_fine(
    client: TestClient, ada: Creator
) -> None:
    with unit_of_work() as session:
        one = letters.wish(session, purpose="news", of=ada)
        letters.wish(session, purpose="news")
        letters.wish(session, purpose="digest", of=ada)
        path = path_of(links.unsubscribe(session, one.id))
    look = client.get(path)
    assert re.findall(r'action="(/letters[^"]*)"', look.text) == [path], "one button"
    assert "End them" in look.text
    client.head(path)
    assert set(states().values()) == {"confirmed"}, "scanners open links"
    for _ in range(2):
        done = client.post(
            path,
            data={"List-Unsubscribe": "One-Click"},
            headers={"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"},
        )
        assert done.status_code == 200, "no page before it, no cookie, and no redirect"
        assert "These letters are ended" in done.text
        assert "set-cookie" not in done.headers
    assert states() == {
        ("news", ada.id): "ended",
        ("news", ""): "confirmed",
        ("digest", ada.id): "confirmed",
    }


def test_a_digest_ends_for_every_creator_in_it(client: TestClient, ada: Creator) -> None:
    with unit_of_work() as session:
        one = letters.wish(session, purpose="digest", of=ada)
        bea = factories.creator(session, "bea")
        letters.wish(session, purpose="digest", of=bea)
        letters.wish(session, purpose="news", of=bea)
        path = path_of(links.unsubscribe(session, one.id, whole=True))
    assert client.post(path).status_code == 200
    assert [one for one, state in states().items() if state == "confirmed"] == [("news", bea.id)]


def test_after_an_erasure_an_old_link_is_still_answered(client: TestClient) -> None:
    with unit_of_work() as session:
        one = letters.wish(session)
        end = path_of(links.unsubscribe(session, one.id))
        choose = path_of(links.preferences(session, one.id))
        subscribers.forget(session, LENA)
    assert "Nothing of this kind is sent" in client.post(end).text
    assert client.get(choose).status_code == 410


def test_a_link_opens_only_what_it_is_for(client: TestClient) -> None:
    with unit_of_work() as session:
        one, other = letters.wish(session), letters.wish(session, "sam@example.org")
        words = {
            "confirm": links.confirm(session, one),
            "preferences": links.preferences(session, one.id),
            "unsubscribe": links.unsubscribe(session, one.id),
        }
    for made, address in words.items():
        word = address.rsplit("/", 1)[1]
        for wanted in words:
            for tried in (word, other.id + word[32:], word[:-1] + "x", word.upper()):
                ours = made == wanted and tried == word
                code = client.get(f"/letters/{wanted}/{tried}").status_code
                assert (code == 200) == ours, (made, wanted, tried)


def boxes(page: str) -> dict[str, bool]:
    found = re.findall(r'name="on" value="([^"]+)"( checked)?', page)
    return {name: bool(on) for name, on in found}


def test_preferences_by_a_link_without_signing_in(client: TestClient, ada: Creator) -> None:
    with unit_of_work() as session:
        one = letters.wish(session, purpose="digest", of=ada)
        letters.wish(session, purpose="news", state=SubscriberState.ASKED)
        path = path_of(links.preferences(session, one.id))
    page = client.get(path)
    assert boxes(page.text) == {
        f"digest.{ada.id}": True,
        f"offers.{ada.id}": False,
        f"news.{ada.id}": False,
        "offers.": False,
        "news.": False,
    }
    assert LENA not in page.text, "a letter that was passed on does not tell the address"
    assert "le…@example.org" in page.text
    name = f"digest.{ada.id}"
    done = people.post(client, path, on=[name, "news."], rhythm=[f"{name}=day"], do="save")
    assert boxes(done.text)[name]
    assert f'value="{name}=day" selected' in done.text
    wanted = {("digest", ada.id): "confirmed", ("news", ""): "confirmed"}
    assert states() == wanted
    again = people.post(client, path, on=["offers.", "nonsense.x"], do="save")
    assert [name for name, on in boxes(again.text).items() if on] == ["offers."]
    none = people.post(client, path, do="none", on=["offers."])
    assert "No letters at all" in none.text
    assert set(states().values()) == {"ended"}


def test_what_stopped_can_be_begun_again_by_its_reader(client: TestClient) -> None:
    with unit_of_work() as session:
        path = path_of(links.preferences(session, letters.wish(session).id))
        stops.stop(session, LENA, stops.COMPLAINED)
    assert "reported as unwanted" in client.get(path).text
    assert "reported as unwanted" not in people.post(client, path, do="lift").text
    with unit_of_work() as session:
        assert subscribers.wants(session, LENA, "news")


def letters_forgotten() -> None:
    with unit_of_work() as session:
        subscribers.forget(session, LENA)


def test_a_member_chooses_under_account(client: TestClient, ada: Creator) -> None:
    assert client.get("/account/letters").headers["location"].startswith("/sign-in")
    account_id = people.sign_in(client, LENA, Role.MEMBER)
    assert client.get("/account/letters").status_code == 409, "the address is not known to be hers"
    with unit_of_work() as session:
        session.get_one(Account, account_id).verified_ms = 1
        members.membership(session, account_id, members.tier(session, "early", ada))
        assert session.scalars(select(Membership)).one()
        house = path_of(links.preferences(session, letters.wish(session).id))
    assert f"onboarding.{ada.id}" in boxes(client.get("/account/letters").text)
    passed_on = client.get(house).text
    assert f"onboarding.{ada.id}" not in passed_on
    assert "Ada" not in passed_on, "a letter that was passed on does not tell whose member she is"
    letters_forgotten()
    done = people.post(client, "/account/letters", on=[f"onboarding.{ada.id}"], do="save")
    assert "Saved" in done.text
    assert states() == {("onboarding", ada.id): "confirmed"}
    page = asked(client, LENA, creator=ada.slug, purpose=["digest"])
    assert "You get these letters now" in page.text
    assert states()[("digest", ada.id)] == "confirmed"
    assert "Look into your mail" in asked(client, "sam@example.org").text


def test_the_door_for_bounces(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with unit_of_work() as session:
        letters.wish(session)
        subscribers.ask(session, LENA, "offers")
    raw = letters.dsn(letters.only(LENA).id)
    shown = {"Authorization": f"Bearer {TOKEN}"}
    assert client.post("/letters/bounces", content=raw, headers=shown).status_code == 404
    monkeypatch.setenv("REELYARD_BOUNCE_TOKEN", TOKEN)
    settings.cache_clear()
    for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {TOKEN}"}):
        assert client.post("/letters/bounces", content=raw, headers=wrong).status_code == 401
    with unit_of_work() as session:
        assert subscribers.wants(session, LENA, "news")
    answer = client.post("/letters/bounces", content=raw, headers=shown)
    assert (answer.status_code, answer.text) == (200, "bounced\n")
    nothing = client.post("/letters/bounces", content=b"hello", headers=shown)
    assert (nothing.status_code, nothing.text) == (200, "nothing follows\n")
    with unit_of_work() as session:
        assert not subscribers.wants(session, LENA, "news")
