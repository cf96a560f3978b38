"""The desk by the API: a token does what its creator's pages do, and no other creator's does."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from models.account import Role
from models.analysis import Candidate
from models.base import reading, unit_of_work
from models.clip import Asset, AssetKind, Clip
from models.job import Job
from models.listing import Listing, ListingState
from models.recording import Recording, RecordingState
from tests import factories, people

API = "/api/v1"
Headers = dict[str, str]


@pytest.fixture
def recording(client: TestClient) -> Recording:
    """Ada's, playable: a clip on sale, and a moment that was not chosen."""
    with unit_of_work() as session:
        made = factories.recording(session, duration_ms=120_000, state=RecordingState.DONE)
        factories.analysis(session, made, [{"score": 0.2}] * 120)
        for rung in ("720p", "audio"):
            factories.chunk(session, made, rung, 0)
        chosen = factories.candidate(session, made)
        factories.candidate(session, made, rank=1, chosen=False, start_ms=1_000, end_ms=9_000)
        clip = factories.clip(session, made, candidate_id=chosen.id)
        factories.listing(session, clip)
        return made


def token(creator: str, *scopes: str) -> Headers:
    account_id = people.account(f"{creator}@example.org", Role.CREATOR, creator=creator)
    return people.token(account_id, *(scopes or ("recordings:read", "recordings:write")))


@pytest.fixture
def ada(recording: Recording) -> Headers:
    return token("ada")


def clip_of(recording: Recording) -> str:
    with reading() as session:
        return session.scalars(select(Clip.id).filter_by(recording_id=recording.id)).one()


def moment_of(recording: Recording) -> str:
    with reading() as session:
        wanted = select(Candidate.id).filter_by(recording_id=recording.id, rank=1)
        return session.scalars(wanted).one()


def on_sale(clip_id: str) -> bool:
    with reading() as session:
        listing = session.scalars(select(Listing).filter_by(clip_id=clip_id)).one()
        return listing.state == ListingState.PUBLIC


def asked() -> list[tuple[str, str]]:
    with reading() as session:
        return [(one.step, one.subject) for one in session.scalars(select(Job))]


def test_what_was_discarded_is_told_and_comes_back(
    client: TestClient, recording: Recording, ada: Headers
) -> None:
    clip_id = clip_of(recording)
    done = client.post(f"{API}/clips/{clip_id}/discard", headers=ada)
    assert done.status_code == 200, done.text
    assert (done.json()["verdict"], done.json()["clip_id"]) == ("discarded", clip_id)
    assert not on_sale(clip_id)
    detail = client.get(f"{API}/recordings/{recording.id}", headers=ada).json()
    (discarded,) = [one for one in detail["candidates"] if one["standing"] == "discarded"]
    assert discarded["review_id"] == done.json()["id"]
    undone = client.post(f"{API}/reviews/{discarded['review_id']}/undo", headers=ada)
    assert undone.json()["undone_ms"] is not None
    assert on_sale(clip_id)


def test_a_moment_and_a_span_are_asked_for_once_however_often_one_asks(
    client: TestClient, recording: Recording, ada: Headers
) -> None:
    moment = moment_of(recording)
    span = {"start_ms": 30_000, "end_ms": 42_000}
    for _ in range(2):
        spanned = client.post(f"{API}/recordings/{recording.id}/clips", json=span, headers=ada)
        assert spanned.status_code == 202, spanned.text
    promoted = client.post(f"{API}/moments/{moment}/promote", headers=ada)
    assert promoted.status_code == 202
    assert (spanned.json()["start_ms"], spanned.json()["clip_id"]) == (30_000, None)
    wanted = [("clip", spanned.json()["candidate_id"]), ("clip", moment)]
    assert sorted(one for one in asked() if one[0] == "clip") == sorted(wanted)


def test_a_clip_is_kept_and_trimmed(client: TestClient, recording: Recording, ada: Headers) -> None:
    clip_id = clip_of(recording)
    kept = client.post(f"{API}/clips/{clip_id}/keep", headers=ada).json()
    assert (kept["verdict"], kept["recording_id"]) == ("kept", recording.id)
    span = {"start_ms": 61_000, "end_ms": 80_000}
    trimmed = client.post(f"{API}/clips/{clip_id}/trim", json=span, headers=ada)
    assert trimmed.status_code == 202
    assert ("clip", trimmed.json()["candidate_id"]) in asked()
    assert on_sale(clip_id), "until the new one is"
    outside = client.post(
        f"{API}/clips/{clip_id}/trim", json={"start_ms": 0, "end_ms": 10**12}, headers=ada
    )
    assert outside.status_code == 409


def test_what_was_taught_is_forgotten_and_recalled(
    client: TestClient, recording: Recording, ada: Headers
) -> None:
    home = f"{API}/recordings/{recording.id}"
    client.post(f"{API}/clips/{clip_of(recording)}/keep", headers=ada)

    def choices() -> int:
        return int(client.get(home, headers=ada).json()["taught"]["choices"])

    assert choices() == 1
    forgot = client.post(f"{home}/forget", headers=ada).json()
    assert choices() == 0
    again = {"forgotten_ms": forgot["forgotten_ms"]}
    assert client.post(f"{home}/recall", json=again, headers=ada).json() == forgot
    assert choices() == 1


def test_another_creator_and_a_token_that_only_reads_change_nothing(
    client: TestClient, recording: Recording, ada: Headers
) -> None:
    clip_id, span = clip_of(recording), {"start_ms": 30_000, "end_ms": 42_000}
    review = client.post(f"{API}/clips/{clip_id}/keep", headers=ada).json()["id"]
    before = asked()
    for headers, status in ((token("bob"), 404), (token("ada", "recordings:read"), 403)):
        for path, body in (
            (f"/recordings/{recording.id}/clips", span),
            (f"/recordings/{recording.id}/forget", None),
            (f"/recordings/{recording.id}/recall", {"forgotten_ms": 1}),
            (f"/moments/{moment_of(recording)}/promote", None),
            (f"/clips/{clip_id}/keep", None),
            (f"/clips/{clip_id}/discard", None),
            (f"/clips/{clip_id}/trim", span),
            (f"/reviews/{review}/undo", None),
        ):
            answer = client.post(f"{API}{path}", json=body, headers=headers)
            assert answer.status_code == status, path
    assert on_sale(clip_id)
    assert asked() == before


def test_a_stream_opens_for_its_creators_token_to_the_last_segment(
    client: TestClient, recording: Recording, ada: Headers
) -> None:
    detail = client.get(f"{API}/recordings/{recording.id}", headers=ada).json()
    master = detail["stream_url"][detail["stream_url"].find("/api") :]
    with reading() as session:
        chunks = session.scalars(select(Asset.id).filter_by(kind=AssetKind.CHUNK)).all()
    playlist = client.get(master, headers=ada)
    assert playlist.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    rungs = [line for line in playlist.text.splitlines() if not line.startswith("#")]
    assert rungs == ["720p.m3u8"]
    addresses = [master, master.replace("master", "720p"), master.replace("master", "audio")]
    segments = [f"/media/{chunk}/chunk.mp4" for chunk in chunks]
    for rung in addresses[1:]:
        assert any(segment in client.get(rung, headers=ada).text for segment in segments)
    shut = (token("bob"), token("ada", "licenses:read"), {})
    for path in (*addresses, *segments):
        assert client.get(path, headers=ada).status_code == 200, path
        for headers in shut:
            assert client.get(path, headers=headers).status_code in (401, 403, 404), path
    assert client.get(master.replace("master", "9000p"), headers=ada).status_code == 404
