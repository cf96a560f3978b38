"""The JSON doors: the same facts as the pages, documented, with errors as problems."""

import re

import pytest
from fastapi.testclient import TestClient

from models.base import unit_of_work
from models.clip import AssetKind
from models.job import JobState
from models.recording import RecordingState
from tests import factories


def test_a_listing_has_everything_its_page_has(client: TestClient) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session, title="Cup Final")
        clip = factories.clip(session, recording, tags=["goal"])
        factories.transcript(session, clip, "and it is in")
        factories.asset(session, clip, AssetKind.MASTER, b"master")
        preview = factories.asset(session, clip, AssetKind.PREVIEW, b"preview")
        listing = factories.listing(session, clip)
        factories.listing(session, factories.clip(session, recording, title="Another"))
    answer = client.get(f"/api/v1/listings/{listing.id}").json()
    assert answer == client.get(f"/api/v1/listings/{clip.id}").json()
    assert answer["title"] == "The winning goal"
    assert answer["length_ms"] == 27_000
    assert sum(answer["reasons"].values()) == pytest.approx(answer["score"])
    assert answer["recording"]["title"] == "Cup Final"
    assert answer["transcript"]["text"] == "and it is in"
    assert answer["transcript"]["quality"] == "rough"
    assert [one["title"] for one in answer["similar"]] == ["Another"]
    files = {one["kind"]: one["url"] for one in answer["files"]}
    assert files == {"preview": f"http://127.0.0.1:8000/media/{preview.id}/preview.mp4"}
    assert answer["manifest_url"] is None


def test_pages_of_listings_lead_through_all_of_them(client: TestClient) -> None:
    with unit_of_work() as session:
        for i in range(7):
            factories.listing(session, visible_from_ms=1_000, title=f"Clip {i}")
    seen, cursor = [], None
    while True:
        params = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        answer = client.get("/api/v1/listings", params=params).json()
        assert answer["total"] == 7
        seen += [one["id"] for one in answer["listings"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.usefixtures("owner")
def test_a_recording_with_its_work(client: TestClient) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session, state=RecordingState.WORKING)
        factories.candidate(session, recording)
        factories.job(session, recording, "scout", JobState.DONE)
        factories.job(session, recording, "chunk", JobState.READY)
    answer = client.get(f"/api/v1/recordings/{recording.id}").json()
    assert answer["state"] == "working"
    assert answer["progress"]["working"] is True
    assert [(step["step"], step["state"]) for step in answer["progress"]["steps"]] == [
        ("scout", "done"),
        ("chunk", "waiting"),
    ]
    assert answer["candidates"][0]["chosen"] is True
    assert answer["stream_url"] is None
    listed = client.get("/api/v1/recordings").json()["recordings"]
    assert [one["id"] for one in listed] == [recording.id]


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/v1/listings/nope", 404),
        ("/api/v1/recordings/nope", 404),
        ("/api/v1/recordings/nope/timeline", 404),
        ("/api/v1/recordings/nope/timeline?most=0", 404),
        ("/api/v1/recordings/nope/timeline/3", 404),
        ("/api/v1/recordings/nope/timeline/now", 404),
        ("/api/v1/clips/nope/manifest", 404),
        ("/api/v1/listings?cursor=x", 400),
        ("/api/v1/listings?limit=0", 422),
        ("/api/v1/listings?limit=100000", 422),
        ("/api/v1/listings?order=price", 422),
        ("/api/v1/listings?q=" + "x" * 201, 422),
    ],
)
def test_errors_are_problems(client: TestClient, path: str, code: int) -> None:
    answer = client.get(path)
    assert answer.status_code == code
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == code
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == path.split("?")[0]


@pytest.mark.usefixtures("owner")
def test_of_a_recording_that_is_there_a_field_can_be_wrong(client: TestClient) -> None:
    with unit_of_work() as session:
        home = f"/api/v1/recordings/{factories.recording(session).id}/timeline"
    for path in (f"{home}?most=0", f"{home}?start_s=-1", f"{home}/now"):
        answer = client.get(path)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_only_reads_refuses_to_be_written_to(client: TestClient) -> None:
    answer = client.post("/api/v1/listings", json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


def test_the_document_describes_every_door_and_the_page_shows_it(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    page = client.get("/docs").text
    assert "/api/v1/listings" in document["paths"]
    for path, methods in document["paths"].items():
        assert path in page
        for operation in methods.values():
            assert operation["summary"]
    for answer in document["components"]["responses"].values():
        assert answer["content"].keys() == {"application/problem+json"}
    text = client.get("/api/v1/openapi.json").text
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in document["components"]["schemas"]
    assert "HTTPValidationError" not in text
