"""API tokens: hashed, scoped, expiring, revocable; and no scope has a way around it."""

import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog import throttle, tokens
from catalog.api import access
from models.account import Account, Role, Token
from models.base import reading, unit_of_work
from models.event import Event
from tests import factories, people

EMAIL = "ada@example.org"


@pytest.fixture
def ada(client: TestClient) -> str:
    """A creator; nobody is signed in."""
    return people.account(EMAIL, Role.CREATOR, creator="ada")


def token_row() -> Token:
    with reading() as session:
        return session.scalars(select(Token)).one()


def changed(**values: object) -> None:
    with unit_of_work() as session:
        row = session.scalars(select(Token)).one()
        for name, value in values.items():
            setattr(row, name, value)


def test_a_token_acts_within_its_scopes(client: TestClient, ada: str) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
    program = people.token(ada, "recordings:read")
    assert client.get("/api/v1/recordings", headers=program).json()["total"] == 1
    assert client.get(f"/api/v1/recordings/{recording.id}", headers=program).status_code == 200
    who = client.get("/api/v1/me", headers=program).json()
    assert who == {
        "account_id": ada,
        "email": EMAIL,
        "name": "Ada",
        "roles": ["creator"],
        "creators": ["ada"],
        "scopes": ["recordings:read"],
    }
    narrow = people.token(ada, "pools:read")
    for path in ("", f"/{recording.id}", f"/{recording.id}/timeline"):
        answer = client.get(f"/api/v1/recordings{path}", headers=narrow)
        assert answer.status_code == 403
        assert "recordings:read" in answer.json()["detail"]


def test_a_token_sees_no_more_than_its_account(client: TestClient, ada: str) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
    bob = people.account("bob@example.org", Role.CREATOR, creator="bob")
    program = people.token(bob, *tokens.SCOPES)
    assert client.get("/api/v1/recordings", headers=program).json()["total"] == 0
    assert client.get(f"/api/v1/recordings/{recording.id}", headers=program).status_code == 404


@pytest.mark.parametrize(
    "values", [{"expires_ms": 1}, {"revoked_ms": 1}], ids=["expired", "revoked"]
)
def test_what_is_over_opens_nothing(client: TestClient, ada: str, values: dict[str, int]) -> None:
    program = people.token(ada, "recordings:read")
    changed(**values)
    answer = client.get("/api/v1/me", headers=program)
    assert answer.status_code == 401
    assert "unknown, expired or revoked" in answer.json()["detail"]


def test_a_closed_account_has_no_programs(client: TestClient, ada: str) -> None:
    program = people.token(ada, "recordings:read")
    with unit_of_work() as session:
        session.get_one(Account, ada).closed_ms = 1
    assert client.get("/api/v1/me", headers=program).status_code == 401


@pytest.mark.parametrize("word", ["", "rly_", "rly_" + "x" * 43, "x" * 4_000, "ä", "' OR 1=1 --"])
def test_what_is_no_token_is_nobodys(client: TestClient, ada: str, word: str) -> None:
    people.token(ada, "recordings:read")
    headers = {"Authorization": f"Bearer {word}".encode("latin-1", "ignore")}
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_a_wrong_token_is_refused_even_beside_a_sign_in(client: TestClient, ada: str) -> None:
    people.sign_in(client, EMAIL)
    wrong = {"Authorization": "Bearer rly_wrong"}
    assert client.get("/api/v1/me", headers=wrong).status_code == 401


def test_a_token_opens_no_page_and_sends_no_form(client: TestClient, ada: str) -> None:
    """Pages know no scopes."""
    with unit_of_work() as session:
        recording = factories.recording(session)
        chosen = factories.candidate(session, recording)
        clip = factories.clip(session, recording, candidate_id=chosen.id)
        factories.listing(session, clip)
    program = people.token(ada, *tokens.SCOPES)
    for path in ("/account", f"/recordings/{recording.id}", "/staff"):
        assert client.get(path, headers=program).status_code == 303
    assert client.post(f"/clips/{clip.id}/discard", headers=program).status_code == 303
    listed = client.get("/api/v1/listings").json()["listings"]
    assert [one["clip_id"] for one in listed] == [clip.id]


def test_it_is_shown_once_and_kept_as_a_hash(client: TestClient, ada: str, database: Path) -> None:
    people.sign_in(client, EMAIL)
    fields = {"name": "Nightly copy", "scope": ["recordings:read", "pools:read"], "days": "30"}
    made = people.post(client, "/account/tokens", **fields)
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    word = made.text.split("<code>rly_")[1].split("</code>")[0]
    assert len(word) == 43
    page = client.get("/account").text
    assert word not in page
    assert f"rly_{word[:8]}" in page
    assert "Nightly copy" in page
    assert "recordings:read, pools:read" in page
    stored = b"".join(one.read_bytes() for one in database.glob("reelyard.db*"))
    assert word.encode() not in stored
    row = token_row()
    assert 0 <= row.created_ms + 30 * 86_400_000 - row.expires_ms < 5_000
    program = {"Authorization": f"Bearer rly_{word}"}
    assert client.get("/api/v1/me", headers=program).status_code == 200


def test_last_used_is_noted_but_not_at_each_request(client: TestClient, ada: str) -> None:
    program = people.token(ada, "recordings:read")
    assert token_row().used_ms is None
    client.get("/api/v1/me", headers=program)
    first = token_row().used_ms
    assert first
    assert abs(first - time.time() * 1000) < 10_000
    client.get("/api/v1/me", headers=program)
    assert token_row().used_ms == first
    changed(used_ms=first - 3_700_000)
    client.get("/api/v1/me", headers=program)
    assert (token_row().used_ms or 0) >= first


def test_revoked_it_is_refused_at_once_and_on_record(client: TestClient, ada: str) -> None:
    program = people.token(ada, "recordings:read")
    people.sign_in(client, EMAIL)
    path = f"/account/tokens/{token_row().id}/revoke"
    assert people.post(client, path).headers["location"] == "/account?done=revoked"
    people.sign_out(client)
    assert client.get("/api/v1/me", headers=program).status_code == 401
    with reading() as session:
        told = {one.kind: one.actor for one in session.scalars(select(Event))}
    assert told["token.revoked"] == ada


def test_somebody_else_can_not_revoke_it(client: TestClient, ada: str) -> None:
    program = people.token(ada, "recordings:read")
    row = token_row()
    people.sign_in(client, "bob@example.org")
    assert people.post(client, f"/account/tokens/{row.id}/revoke").status_code == 404
    token = {"X-Form-Token": people.form_token(client)}
    assert client.delete(f"/api/v1/tokens/{row.id}", headers=token).status_code == 404
    people.sign_out(client)
    assert client.get("/api/v1/me", headers=program).status_code == 200


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": " ", "scope": "pools:read"}, "Give the token a name"),
        ({"name": "x"}, "it needs one scope"),
        ({"name": "x", "scope": ["pools:read", "all:write"]}, "it needs one scope"),
        ({"name": "x" * 101, "scope": "pools:read"}, "100 characters"),
    ],
)
def test_a_form_that_can_not_be_is_told_in_place(
    client: TestClient, ada: str, fields: dict[str, str], says: str
) -> None:
    people.sign_in(client, EMAIL)
    answer = people.post(client, "/account/tokens", **fields)
    assert answer.status_code == 400
    assert says in answer.text
    with reading() as session:
        assert session.scalars(select(Token)).all() == []


@pytest.mark.parametrize("days", [0, -1, 366, 10**12, "soon"])
def test_no_token_lives_for_ever(client: TestClient, ada: str, days: object) -> None:
    people.sign_in(client, EMAIL)
    fields = {"name": "x", "scope": "pools:read", "days": str(days)}
    assert people.post(client, "/account/tokens", **fields).status_code == 422


def test_by_the_api_a_browser_makes_one_and_a_program_none(client: TestClient, ada: str) -> None:
    wanted = {"name": "A", "scopes": ["pools:read"], "days": 7}
    program = people.token(ada, *tokens.SCOPES)
    assert client.post("/api/v1/tokens", json=wanted, headers=program).status_code == 403
    assert client.get("/api/v1/tokens", headers=program).status_code == 403
    assert client.post("/api/v1/tokens", json=wanted).status_code == 401
    people.sign_in(client, EMAIL)
    for headers in (
        {},
        {"X-Form-Token": "0" * 64},
        {"X-Form-Token": people.form_token(client), "Origin": "https://evil.example"},
    ):
        refused = client.post("/api/v1/tokens", json=wanted, headers=headers)
        assert refused.status_code == 400
    ours = {"X-Form-Token": people.form_token(client)}
    made = client.post("/api/v1/tokens", json=wanted, headers=ours)
    assert made.status_code == 201
    listed = client.get("/api/v1/tokens").json()
    assert {one["name"] for one in listed} == {"A", "a test"}
    assert "token" not in listed[0]
    assert client.delete(f"/api/v1/tokens/{made.json()['id']}").status_code == 400
    gone = client.delete(f"/api/v1/tokens/{made.json()['id']}", headers=ours)
    assert gone.status_code == 204
    assert len(client.get("/api/v1/tokens").json()) == 1


def test_a_token_that_asks_too_often_waits(
    client: TestClient, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "MOST", 3)
    throttle._glances.clear()
    program = people.token(ada, "recordings:read")
    codes = [client.get("/api/v1/recordings", headers=program).status_code for _ in range(5)]
    assert codes in ([200, 200, 200, 429, 429], [200] * 5), "the window may have turned"
    other = people.token(ada, "recordings:read")
    assert client.get("/api/v1/recordings", headers=other).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/orders", "/api/v1/licenses", "/api/v1/recordings"])
def test_each_door_has_its_scope(client: TestClient, ada: str, path: str) -> None:
    assert client.get(path, headers=people.token(ada, "pools:read")).status_code == 403
    assert client.get(path, headers=people.token(ada, *tokens.SCOPES)).status_code == 200
