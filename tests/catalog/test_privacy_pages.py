"""The pages on what is kept, and their twins for programs; segments' pages; traps for programs."""

import io
import re
import zipfile
from typing import Any

import pytest
from fastapi.testclient import TestClient
from markupsafe import escape
from sqlalchemy import select

from catalog.auth import Visitor
from catalog.members import consents
from catalog.privacy import cookies, keeping
from catalog.privacy.kinds import KINDS
from catalog.segments import MONTH_MS
from catalog.web import honeypot, privacy, segments
from models.account import Account, Role
from models.base import reading, unit_of_work
from models.consent import Consent
from models.creator import Creator
from models.membership import Membership
from models.offer import Segment
from tests import factories, letter_factories, member_factories, people, privacy_factories

LENA = "lena@example.org"


def signed_in(client: TestClient) -> Visitor:
    who = privacy_factories.somebody()
    people.sign_in(client, who.email)
    return who


def test_everything_is_shown_with_its_count_reason_and_time(client: TestClient) -> None:
    signed_in(client)
    shown = client.get("/account/data")
    assert shown.status_code == 200
    for one in KINDS:
        assert escape(one.title) in shown.text
    for age in keeping.AGES:
        assert escape(age.what) in shown.text
    assert re.search(r"Memberships</th><td[^>]*>1<", shown.text)
    assert "Desks you work at" in shown.text.split("of which nothing is kept")[1]


def test_nobody_else_gets_to_any_of_it(client: TestClient) -> None:
    for path in ("/account/data", "/account/data/export", "/account/data/erase"):
        assert client.get(path).headers["location"].startswith("/sign-in")
    for path in ("/account/data/erase", "/account/data/agree", "/account/data/withdraw"):
        assert people.post(client, path, sure="yes", purpose="history").status_code in (303, 401)
    assert client.get("/api/v1/account/data").status_code == 401
    assert client.get("/members/segments").headers["location"].startswith("/sign-in")


def test_one_click_agrees_and_one_takes_it_back(client: TestClient) -> None:
    me = people.sign_in(client, LENA)
    before = client.get("/account/data").text
    assert " checked" not in before
    assert before.count("/account/data/agree") == len(consents.PURPOSES)
    assert people.post(client, "/account/data/agree", purpose="history").status_code == 303
    with reading() as session:
        row = session.scalars(select(Consent)).one()
        assert (row.account_id, row.purpose, row.source) == (me, "history", "account")
    assert "Take it back" in client.get("/account/data?done=agreed").text
    for _ in range(2):
        assert people.post(client, "/account/data/withdraw", purpose="history").status_code == 303
    with reading() as session:
        assert not consents.has(session, me, "history")
    assert people.post(client, "/account/data/agree", purpose="all").status_code == 400
    forged = client.post("/account/data/agree", data={"purpose": "history", "form_token": "x"})
    assert forged.status_code == 400


def test_the_file_comes_at_once_and_not_too_often(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(client)
    monkeypatch.setattr(privacy, "EXPORTS", 1)
    answer = client.get("/account/data/export")
    assert answer.headers["content-type"] == "application/zip"
    assert re.search(
        r'filename="reelyard-my-data-[\d-]+\.zip"', answer.headers["content-disposition"]
    )
    assert answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as read:
        assert "README.txt" in read.namelist()
    assert client.get("/account/data/export").status_code == 429


def test_erasing_takes_a_look_and_one_button(client: TestClient) -> None:
    who = signed_in(client)
    look = client.get("/account/data/erase")
    assert "Your membership of" in look.text
    assert "goes back the way it came" in look.text
    assert people.post(client, "/account/data/erase").status_code == 400, "not by chance"
    done = people.post(client, "/account/data/erase", sure="yes")
    assert done.status_code == 200
    assert "Your account is erased" in done.text
    assert "sign_in=; Path=/; Max-Age=0" in done.headers["set-cookie"]
    assert client.get("/account").headers["location"].startswith("/sign-in")
    assert [one.purpose for one in letter_factories.mails(who.email)] == ["erased"]


def test_who_has_a_desk_is_told_what_to_do(client: TestClient, owner: str) -> None:
    look = client.get("/account/data/erase")
    assert "Not yet." in look.text
    assert "desk of Ada" in look.text
    assert "Erase my account for good" not in look.text
    refused = people.post(client, "/account/data/erase", sure="yes")
    assert refused.status_code == 409
    with reading() as session:
        assert session.get_one(Account, owner).closed_ms is None


def test_programs_do_the_same_with_the_scope_for_it(client: TestClient) -> None:
    who = privacy_factories.somebody()
    me = str(who.account_id)
    reads, writes = people.token(me, "account:read"), people.token(me, "account:write")
    found = client.get("/api/v1/account/data", headers=reads).json()
    assert {one["key"] for one in found["kinds"]} == {one.key for one in KINDS}
    assert next(one for one in found["kinds"] if one["key"] == "memberships")["rows"] == 1
    assert {one["purpose"] for one in found["consents"]} == set(consents.PURPOSES)
    assert client.get("/api/v1/account/data/export", headers=reads).content[:2] == b"PK"
    path = "/api/v1/account/consents/history"
    assert client.delete(path, headers=reads).status_code == 403
    assert client.delete(path, headers=writes).json()["given_ms"] is None
    assert client.put(path, headers=writes).json()["given_ms"] > 0
    assert client.post("/api/v1/account/erase", headers=writes, json={}).status_code == 422
    sure = {"sure": True}
    assert client.post("/api/v1/account/erase", headers=reads, json=sure).status_code == 403
    once = {**writes, "Idempotency-Key": "0123456789abcdef"}
    done = client.post("/api/v1/account/erase", headers=once, json=sure).json()
    assert done["receipt_to"] == who.email
    assert [one["tier"] for one in done["memberships"]] == ["Events"]
    assert client.get("/api/v1/account/data", headers=reads).status_code == 401


@pytest.fixture
def many(client: TestClient, owner: str) -> Creator:
    with unit_of_work() as session:
        creator = factories.creator(session)
        tier = member_factories.tier(session, "early", creator)
        for _ in range(23):
            row = member_factories.membership(session, of=tier)
            row.joined_ms -= MONTH_MS
        return creator


def all_agree() -> None:
    """To be handed out."""
    with unit_of_work() as session:
        for account_id in session.scalars(select(Membership.account_id)):
            consents.give(session, account_id, "export", "account")


def test_a_segment_is_sized_saved_handed_out_and_closed(client: TestClient, many: Creator) -> None:
    assert client.get("/members/segments").headers["location"] == "/members/ada/segments"
    path = "/members/ada/segments"
    assert "There is none yet" in client.get(path).text
    sized = people.post(client, path, tier="early", do="count")
    assert "20 or more people" in sized.text
    assert "23" not in re.sub(r"[0-9a-f]{32,}", "", sized.text)
    with reading() as session:
        assert session.scalars(select(Segment)).all() == [], "looked at, not saved"
    assert people.post(client, path, tier="early", do="save", name="Early").status_code == 303
    listed = client.get(path).text
    assert "Contract: you give them what the tier promises." in listed
    with reading() as session:
        made = session.scalars(select(Segment)).one()
    refused = people.post(client, f"{path}/{made.id}/export")
    assert refused.status_code == 409
    assert "Fewer than 20 of them agreed" in refused.text
    all_agree()
    handed = people.post(client, f"{path}/{made.id}/export")
    assert len(handed.text.splitlines()) == 24
    assert people.post(client, f"{path}/{made.id}/close").status_code == 303
    assert "There is none yet" in client.get(path).text


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({}, 400, "Choose one fact at least"),
        ({"tenure": "4"}, 400, "made of the facts that are listed"),
        ({"tenure": "²"}, 400, "made of the facts that are listed"),
        ({"tier": "early", "tenure": "24"}, 200, "Fewer than 20 people"),
        ({"tier": "early", "tenure": "24", "do": "save", "name": "x"}, 409, "Fewer than 20 people"),
        ({"tier": "early", "do": "save"}, 400, "Give the segment a name"),
    ],
)
def test_what_can_t_be_is_said_and_nothing_of_the_form_is_lost(
    client: TestClient, many: Creator, fields: dict[str, Any], status: int, says: str
) -> None:
    answer = people.post(client, "/members/ada/segments", **fields)
    assert answer.status_code == status
    assert says in answer.text
    if fields.get("tenure") == "24":
        assert '<option value="24" selected>' in answer.text


def test_another_creator_s_segments_are_absent(client: TestClient, many: Creator) -> None:
    people.sign_in(client, "mara@example.org", Role.CREATOR, creator="mara")
    assert client.get("/members/ada/segments").status_code == 404
    assert people.post(client, "/members/ada/segments", tier="early").status_code == 404
    token = people.token(people.account("mara@example.org"), "members:read", "members:write")
    api = "/api/v1/segments"
    assert client.get(f"{api}?creator=ada", headers=token).status_code == 404
    asked = {"creator": "ada", "rule": {"tiers": ["early"]}}
    assert client.post(f"{api}/size", headers=token, json=asked).status_code == 404


def test_programs_size_and_save_segments(
    client: TestClient, many: Creator, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = people.token(owner, "members:read", "members:write")
    api, asked = "/api/v1/segments", {"creator": "ada", "rule": {"tiers": ["early"]}}
    sized = client.post(f"{api}/size", headers=token, json=asked).json()
    assert sized == {"size_least": 20, "said": "20 or more people"}
    made = client.post(api, headers=token, json={**asked, "name": "Early"})
    assert made.status_code == 201
    assert list(made.json()["bases"]) == ["tiers"]
    (listed,) = client.get(f"{api}?creator=ada", headers=token).json()
    assert listed == made.json()
    one = f"{api}/{listed['id']}"
    assert client.post(f"{one}/export", headers=token).json()["code"] == "too_few"
    all_agree()
    assert len(client.post(f"{one}/export", headers=token).text.splitlines()) == 24
    assert client.delete(one, headers=token).status_code == 204
    assert client.delete(one, headers=token).status_code == 404
    monkeypatch.setattr("catalog.api.segments.SIZES", 0)
    assert client.post(f"{api}/size", headers=token, json=asked).status_code == 429
    assert segments.SIZES


def test_looking_around_sets_no_cookie_and_each_that_is_set_is_listed(client: TestClient) -> None:
    with unit_of_work() as session:
        listing = factories.listing(session)
        member_factories.tiers(session)
        pages = ["/", f"/clips/{listing.clip_id}", "/creators/ada", "/creators/ada/join"]
    for path in [*pages, "/privacy", "/letters", "/terms", "/verify", "/cart"]:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "set-cookie" not in answer.headers, path
    shown = client.get("/privacy").text
    for one in cookies.COOKIES:
        assert f"<code>{one.name}</code>" in shown
    known = {one.name for one in cookies.COOKIES}
    set_now = [client.get("/sign-in"), client.post("/theme", data={"to": "dark", "back": "/"})]
    assert {name for answer in set_now for name in answer.cookies} == {"guest", "theme"} <= known
    assert 'href="/privacy"' in client.get("/").text


def test_a_form_that_a_program_fills_in_does_nothing(client: TestClient) -> None:
    assert honeypot.fell_in("https://spam.example")
    assert not honeypot.fell_in("  ")
    with unit_of_work() as session:
        factories.creator(session)
    shown = client.get("/letters?creator=ada").text
    assert 'name="website" type="text" tabindex="-1"' in shown
    given = {"email": LENA, "creator": "ada", "purpose": "digest", "website": "x"}
    for _ in range(20):
        answer = people.post(client, "/letters", **given)
        assert answer.status_code == 200
    assert people.post(client, "/letters", **given).status_code == 429
    assert letter_factories.mails() == []
