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
    with unit_of_work() as session:
        creator = factories.creator(session).slug
    given = {"purpose": ["digest"], "creator": creator}
    return people.post(client, "/letters", email=email, **{**given, **fields})


def test_the_form_has_no_box_ticked_and_says_what_is_kept(client: TestClient, ada: Creator) -> None:
    page = client.get(f"/letters?creator={ada.slug}")
    assert re.findall(r'name="purpose" value="(\w+)"', page.text) == ["digest"]
    assert " checked" not in page.text
    assert "30 days after you end it" in page.text
    assert "set-cookie" not in page.headers, "asking for letters needs no cookie"
    assert client.get("/letters?creator=nobody").status_code == 404


def test_from_the_form_to_the_first_letter(client: TestClient, ada: Creator) -> None:
    page = asked(client, purpose=["digest", "news"])
    assert "Look into your mail" in page.text
    path = letters.link(letters.only(LENA), "confirm")
    look = client.get(path)
    assert look.status_code == 200
    assert "New clips by" in look.text
    assert set(states().values()) == {"asked"}, "a GET confirms nothing"
    assert look.headers["referrer-policy"] == "no-referrer"
    done = people.post(client, path)
    assert "Your letters are confirmed" in done.text
    assert states() == {("digest", ada.id): "confirmed"}, "news is for members"
    assert people.post(client, path).status_code == 200
    again = client.get(path).text
    assert "Your letters are confirmed" in again
    assert "nothing comes without" not in again
    over = client.get("/letters/confirm/" + "0" * 64)
    assert over.status_code == 410
    assert 'href="/letters">Ask for a new one' in over.text


def test_the_answer_does_not_tell_who_is_known(client: TestClient) -> None:
    with unit_of_work() as session:
        letters.wish(session, "known@example.org", "digest")
        letters.wish(session, "angry@example.org", "digest", state=SubscriberState.ENDED)
        stops.stop(session, "angry@example.org", stops.COMPLAINED)
        letters.wish(session, "asked@example.org", "digest", state=SubscriberState.ASKED)
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
        ({"purpose": ["onboarding", "news"]}, "Tick what you would like"),
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
        bea = factories.creator(session, "bea")
        letters.wish(session, purpose="news", of=bea)
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
        ("news", bea.id): "confirmed",
        ("digest", ada.id): "confirmed",
    }
    again = client.get(path).text
    assert "These letters are ended" in again
    assert "End them" not in again


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
    digest, news = f"digest.{ada.id}", f"news.{ada.id}"
    with unit_of_work() as session:
        one = letters.wish(session, purpose="digest", of=ada)
        letters.wish(session, purpose="news", state=SubscriberState.ASKED)
        path = path_of(links.preferences(session, one.id))
    page = client.get(path)
    assert boxes(page.text) == {digest: True, news: False}
    assert LENA not in page.text, "a letter that was passed on does not tell the address"
    assert "le…@example.org" in page.text
    done = people.post(client, path, on=[digest], rhythm=[f"{digest}=day"], do="save")
    assert "Saved" in done.text
    assert f'value="{digest}=day" selected' in done.text
    assert states() == {("digest", ada.id): "confirmed", ("news", ada.id): "ended"}
    people.post(client, path, on=["nonsense.x"], do="save")
    assert set(states().values()) == {"ended"}
    assert 'value="none"' not in client.get(path).text, "there is nothing left to end"
    none = people.post(client, path, do="none", on=[news])
    assert "No letters at all from now on" in none.text
    assert set(states().values()) == {"ended"}
    assert letters.mails() == []


def test_a_link_ends_letters_at_once_and_begins_none_without_a_mail(
    client: TestClient, ada: Creator
) -> None:
    """It is good for ever, and a letter may have been passed on."""
    digest = f"digest.{ada.id}"
    with unit_of_work() as session:
        one = letters.wish(session, purpose="digest", of=ada, state=SubscriberState.ENDED)
        path = path_of(links.preferences(session, one.id))
    done = people.post(client, path, on=[digest], rhythm=[f"{digest}=day"], do="save")
    assert "Look into your mail" in done.text
    assert states() == {("digest", ada.id): "asked"}
    people.post(client, letters.link(letters.only(LENA), "confirm"))
    assert states() == {("digest", ada.id): "confirmed"}
    assert f'value="{digest}=day" selected' in client.get(path).text


def test_a_link_lifts_no_complaint_and_the_account_does(client: TestClient, ada: Creator) -> None:
    with unit_of_work() as session:
        path = path_of(links.preferences(session, letters.wish(session, purpose="digest").id))
        stops.stop(session, LENA, stops.COMPLAINED)
    page = client.get(path).text
    assert "reported as unwanted" in page
    assert "/sign-in?back=/account/letters" in page
    assert "reported as unwanted" in people.post(client, path, do="lift").text
    people.post(client, path, on=[f"news.{ada.id}"], do="save")
    assert letters.mails() == [], "nor does it make the house write to it"
    account_id = people.sign_in(client, LENA, Role.MEMBER)
    with unit_of_work() as session:
        session.get_one(Account, account_id).verified_ms = 1
    done = people.post(client, "/account/letters", do="lift")
    assert "reported as unwanted" not in done.text
    with unit_of_work() as session:
        assert stops.reason(session, LENA) == ""


@pytest.mark.parametrize("how", ["form", "link", "account"])
def test_after_a_bounce_a_mail_that_arrives_begins_them_again(
    client: TestClient, ada: Creator, how: str
) -> None:
    with unit_of_work() as session:
        path = path_of(links.preferences(session, letters.wish(session, purpose="digest").id))
        stops.stop(session, LENA, stops.BOUNCED)
    if how == "account":
        account_id = people.sign_in(client, LENA, Role.MEMBER)
        with unit_of_work() as session:
            session.get_one(Account, account_id).verified_ms = 1
    asking = people.post(client, path, do="lift") if how == "link" else asked(client)
    assert "Look into your mail" in asking.text
    people.post(client, letters.link(letters.only(LENA), "confirm"))
    with unit_of_work() as session:
        assert subscribers.wants(session, LENA, "digest", ada.id)


def test_letters_are_of_one_creator(client: TestClient, ada: Creator) -> None:
    assert "no letters to ask for" in client.get("/letters").text
    with unit_of_work() as session:
        factories.listing(session)
    assert f"/letters?creator={ada.slug}" in client.get("/letters").text
    assert asked(client, creator="").status_code == 400


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
        bea = factories.creator(session, "bea")
        other = path_of(links.preferences(session, letters.wish(session, of=bea).id))
    assert f"onboarding.{ada.id}" in boxes(client.get("/account/letters").text)
    passed_on = client.get(other).text
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


def test_the_door_for_bounces(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, ada: Creator
) -> None:
    with unit_of_work() as session:
        letters.wish(session)
        subscribers.ask(session, LENA, "digest", ada.id)
    raw = letters.dsn(letters.only(LENA).id)
    shown = {"Authorization": f"Bearer {TOKEN}"}
    assert client.post("/letters/bounces", content=raw, headers=shown).status_code == 404
    monkeypatch.setenv("REELYARD_BOUNCE_TOKEN", TOKEN)
    settings.cache_clear()
    for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {TOKEN}"}):
        assert client.post("/letters/bounces", content=raw, headers=wrong).status_code == 401
    with unit_of_work() as session:
        assert subscribers.wants(session, LENA, "news", ada.id)
    answer = client.post("/letters/bounces", content=raw, headers=shown)
    assert (answer.status_code, answer.text) == (200, "bounced\n")
    for raw in (b"hello", letters.POISON):
        nothing = client.post("/letters/bounces", content=raw, headers=shown)
        assert (nothing.status_code, nothing.text) == (200, "nothing follows\n")
    with unit_of_work() as session:
        assert not subscribers.wants(session, LENA, "news", ada.id)
