"""A desk is its creator's own: another creator and a stranger find nothing there."""

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from models.account import Role
from models.base import reading, unit_of_work
from models.clip import Asset, AssetKind, Clip
from models.event import Event
from models.listing import Listing, ListingState
from models.recording import Recording, RecordingState
from tests import factories, people

HX = {"HX-Request": "true"}
Person = Callable[[TestClient], object]


def ada(client: TestClient) -> str:
    return people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")


def bob(client: TestClient) -> str:
    return people.sign_in(client, "bob@example.org", Role.CREATOR, creator="bob")


def licensee(client: TestClient) -> str:
    return people.sign_in(client, "lena@example.org", Role.LICENSEE)


def staff(client: TestClient) -> str:
    return people.sign_in(client, "sam@example.org", Role.STAFF)


@pytest.fixture
def recording(client: TestClient) -> Recording:
    """Ada's, playable, with a clip, a moment that was not chosen, and something to undo."""
    with unit_of_work() as session:
        made = factories.recording(session, duration_ms=120_000, state=RecordingState.DONE)
        factories.analysis(session, made, [{"score": 0.2}] * 120)
        for rung in ("720p", "audio"):
            factories.chunk(session, made, rung, 0)
        chosen = factories.candidate(session, made)
        factories.candidate(session, made, rank=1, chosen=False, start_ms=1_000, end_ms=9_000)
        factories.listing(session, factories.clip(session, made, candidate_id=chosen.id))
        return made


def readable(recording: Recording) -> list[str]:
    home, api = f"/recordings/{recording.id}", f"/api/v1/recordings/{recording.id}"
    with reading() as session:
        chunk = session.query(Asset).filter_by(kind=AssetKind.CHUNK).first()
        assert chunk
    pages = ["", "/status", "/why?at=3", "/hls/master.m3u8", "/hls/720p.m3u8"]
    return [
        *(home + one for one in pages),
        *(api + one for one in ("", "/timeline", "/timeline/3")),
        f"/media/{chunk.id}/chunk.mp4",
    ]


def changes(client: TestClient, recording: Recording) -> set[str]:
    """The addresses of all forms that her page shows, Undo among them."""
    with reading() as session:
        clip = session.query(Clip).filter_by(recording_id=recording.id).one()
    done = people.post(client, f"/clips/{clip.id}/keep").headers["location"]
    page = client.get(done).text
    found = set(re.findall(r'<form[^>]* action="(/[^"]+)" method="post" hx-', page))
    assert len({path.split("/")[1] for path in found}) == 4, found
    assert any("/undo" in path for path in found)
    return {*found, f"/recordings/{recording.id}/forget"}


@pytest.mark.parametrize("person", [ada, staff])
def test_the_owner_and_staff_read_it(
    client: TestClient, recording: Recording, person: Person
) -> None:
    person(client)
    for path in readable(recording):
        assert client.get(path).status_code == 200, path
    assert recording.id in client.get("/recordings").text
    assert client.get("/api/v1/recordings").json()["total"] == 1


@pytest.mark.parametrize("person", [bob, licensee])
def test_for_somebody_else_it_is_as_absent_as_what_never_was(
    client: TestClient, recording: Recording, person: Person
) -> None:
    person(client)
    for path in readable(recording):
        answer = client.get(path)
        never = client.get(path.replace(recording.id, "0" * 32))
        assert (answer.status_code, never.status_code) == (404, 404), path
        assert recording.title not in answer.text


def test_a_list_has_only_ones_own(client: TestClient, recording: Recording) -> None:
    bob(client)
    assert recording.id not in client.get("/recordings").text
    assert client.get("/api/v1/recordings").json() == {
        "recordings": [],
        "total": 0,
        "next_cursor": None,
    }
    licensee(client)
    assert client.get("/recordings").status_code == 404
    assert client.get("/api/v1/recordings").status_code == 404


@pytest.mark.parametrize("person", [bob, licensee])
def test_somebody_else_changes_nothing(
    client: TestClient, recording: Recording, person: Person
) -> None:
    ada(client)
    forms = changes(client, recording)
    before = facts()
    person(client)
    span = {"start": "0:01", "end": "0:09"}
    for path in forms:
        for headers in ({}, HX):
            assert people.post(client, path, headers, **span).status_code == 404, path
    assert facts() == before


def test_a_form_without_the_token_of_this_browser_changes_nothing(
    client: TestClient, recording: Recording
) -> None:
    bob(client)
    foreign = people.form_token(client)
    ada(client)
    forms = changes(client, recording)
    before = facts()
    span = {"start": "0:01", "end": "0:09"}
    for path in (*forms, "/account/name", "/account/password", "/account/tokens", "/sign-out"):
        for token in ({}, {"form_token": ""}, {"form_token": "0" * 64}, {"form_token": foreign}):
            answer = client.post(path, data={**span, "wanted": "a long one 9", **token})
            assert answer.status_code == 400, (path, token)
            assert "out of date" in answer.text
    assert facts() == before


def facts() -> list[tuple[str, str]]:
    with reading() as session:
        listed = session.query(Listing).one()
        assert listed.state == ListingState.PUBLIC
        return [(one.kind, one.subject) for one in session.query(Event).order_by(Event.at_ms)]


def test_who_did_it_is_on_record(client: TestClient, recording: Recording) -> None:
    her = ada(client)
    changes(client, recording)
    with reading() as session:
        kept = session.query(Event).filter_by(kind="moment.kept").one()
    assert kept.actor == her


def test_nobody_is_led_to_sign_in_and_back(client: TestClient, recording: Recording) -> None:
    for path in readable(recording):
        answer = client.get(path)
        if path.startswith("/api/"):
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"
        elif path.startswith("/media/"):
            assert answer.status_code == 404, "a player can't sign in"
        else:
            assert led(answer) == path
    assert led(client.get("/recordings")) == "/recordings"
    within = {**HX, "HX-Current-URL": f"http://127.0.0.1/recordings/{recording.id}?at=9"}
    answer = client.get(f"/recordings/{recording.id}/status", headers=within)
    assert answer.headers["hx-redirect"].endswith(f"back=%2Frecordings%2F{recording.id}%3Fat%3D9")
    came = {"Referer": f"http://127.0.0.1/recordings/{recording.id}"}
    answer = people.post(client, f"/recordings/{recording.id}/forget", came)
    assert led(answer) == f"/recordings/{recording.id}"
    foreign = {"Referer": "https://evil.example/there"}
    assert led(people.post(client, f"/recordings/{recording.id}/forget", foreign)) == "/there"


def led(answer: Response) -> str:
    from urllib.parse import parse_qs, urlsplit

    assert answer.status_code == 303
    target = urlsplit(answer.headers["location"])
    assert (target.scheme, target.netloc, target.path) == ("", "", "/sign-in")
    return parse_qs(target.query)["back"][0]
