"""Bytes over HTTP: whole, one range a request, and never what isn't public."""

import time

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.base import unit_of_work
from models.clip import Asset, AssetKind, Clip
from models.listing import ListingState
from models.recording import Recording
from models.storage import store
from tests import factories

CONTENT = bytes(range(256)) * 40


def preview_of(*, visible_from_ms: int | None = None) -> Asset:
    with unit_of_work() as session:
        clip = factories.clip(session)
        asset = factories.asset(session, clip, AssetKind.PREVIEW, CONTENT)
        factories.listing(session, clip, visible_from_ms=visible_from_ms)
    return asset


def address(asset: Asset) -> str:
    return f"/media/{asset.id}/{asset.kind}{asset.suffix}"


def test_the_whole_file(client: TestClient) -> None:
    asset = preview_of()
    answer = client.get(address(asset))
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == f'"{asset.sha256}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=10000-", 10_000, 10_240),
        ("bytes=-16", 10_224, 10_240),
        ("bytes=10200-99999", 10_200, 10_240),
        ("bytes=-99999", 0, 10_240),
    ],
)
def test_one_range(client: TestClient, asked: str, start: int, end: int) -> None:
    asset = preview_of()
    for method in ("GET", "HEAD"):
        answer = client.request(method, address(asset), headers={"Range": asked})
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/10240"
        assert answer.headers["content-length"] == str(end - start)
        assert answer.content == (CONTENT[start:end] if method == "GET" else b"")


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=10240-",
        "bytes=5-4",
        "bytes=-0",
        "bytes=-",
        "bytes=a-b",
        "items=0-1",
        "bytes=0-1,4-5",
        "bytes=" + ",".join(f"{i}-{i}" for i in range(10_000)),
        "bytes=" + "9" * 30 + "-",
    ],
)
def test_a_range_that_cannot_be_sent_is_416(client: TestClient, asked: str) -> None:
    answer = client.get(address(preview_of()), headers={"Range": asked})
    if len(asked) > 8_000:  # refused before it is read at all
        assert answer.status_code == 431
        return
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */10240"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=st.integers(0, 10_239), length=st.integers(1, 12_000))
def test_any_range_is_that_slice(client: TestClient, first: int, length: int) -> None:
    if "asset" not in client.__dict__:
        client.__dict__["asset"] = preview_of()
    last = first + length - 1
    answer = client.get(
        address(client.__dict__["asset"]), headers={"Range": f"bytes={first}-{last}"}
    )
    assert answer.content == CONTENT[first : first + length]


def test_validators(client: TestClient) -> None:
    asset = preview_of()
    etag = f'"{asset.sha256}"'
    for seen in (etag, f"W/{etag}", f'"other", {etag}'):
        answer = client.get(address(asset), headers={"If-None-Match": seen})
        assert (answer.status_code, answer.content) == (304, b"")
    part = {"Range": "bytes=0-9"}
    assert client.get(address(asset), headers={**part, "If-Range": etag}).status_code == 206
    assert client.get(address(asset), headers={**part, "If-Range": '"old"'}).status_code == 200


def test_several_ranges_are_refused_with_what_to_do(client: TestClient) -> None:
    answer = client.get(address(preview_of()), headers={"Range": "bytes=0-1,4-5"})
    assert "one range in each request" in answer.text


def test_wrong_names_and_ids_are_404(client: TestClient) -> None:
    asset = preview_of()
    for path in (
        f"/media/{asset.id}/poster.jpg",
        f"/media/{asset.id}/..%2fpreview.mp4",
        f"/media/{'0' * 32}/preview.mp4",
        f"/media/{asset.key}",
    ):
        assert client.get(path).status_code == 404


def test_files_are_read_and_nothing_else(client: TestClient) -> None:
    path = address(preview_of())
    for method in ("POST", "PUT", "DELETE"):
        answer = client.request(method, path)
        assert answer.status_code == 405
        assert sorted(answer.headers["allow"].split(", ")) == ["GET", "HEAD"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    for wrong in ("/media/", f"{path}/", f"{path}/more", path.rpartition("/")[0]):
        answer = client.get(wrong)
        assert (answer.status_code, "text/html" in answer.headers["content-type"]) == (404, True)


def test_a_token_that_opens_nothing_opens_no_public_file_either(client: TestClient) -> None:
    """Whoever sends it learns that it is over, and not only when it is needed."""
    path = address(preview_of())
    answer = client.get(path, headers={"Authorization": "Bearer unknown"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert client.get(path).status_code == 200


def test_an_original_leaves_by_no_door(client: TestClient) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        asset = factories.asset(session, recording, AssetKind.ORIGINAL, CONTENT)
    assert client.get(address(asset)).status_code == 404


def test_media_of_a_clip_that_is_not_public_is_404(client: TestClient) -> None:
    embargoed = preview_of(visible_from_ms=int(time.time() * 1000) + factories.DAY_MS)
    assert client.get(address(embargoed)).status_code == 404
    withdrawn = preview_of()
    assert client.get(address(withdrawn)).status_code == 200
    with unit_of_work() as session:
        clip = session.get_one(Clip, withdrawn.clip_id)
        assert clip.listing is not None
        clip.listing.state = ListingState.WITHDRAWN
    assert client.get(address(withdrawn)).status_code == 404
    assert client.get(f"/clips/{withdrawn.clip_id}/manifest.json").status_code == 404
    with unit_of_work() as session:
        unlisted = factories.asset(
            session, factories.clip(session), AssetKind.POSTER, b"x", suffix=".jpg"
        )
    assert client.get(address(unlisted)).status_code == 404


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("mime", ["text/html", "image/svg+xml", "application/xhtml+xml"])
def test_what_a_browser_might_run_is_only_a_download(client: TestClient, mime: str) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        asset = factories.asset(session, recording, AssetKind.CHUNK, b"<script>", mime=mime)
    answer = client.get(address(asset))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"


def test_a_lost_object_is_told_before_any_byte(client: TestClient) -> None:
    asset = preview_of()
    store().delete(asset.key)
    answer = client.get(address(asset))
    assert answer.status_code == 404
    assert "missing from the store" in answer.text


def test_the_manifest_of_a_clip(client: TestClient) -> None:
    with unit_of_work() as session:
        recording: Recording = factories.recording(session)
        clip = factories.clip(session, recording)
        factories.asset(
            session,
            clip,
            AssetKind.MANIFEST,
            b'{"active_manifest":"urn:c2pa:1"}',
            suffix=".json",
            mime="application/json",
        )
        factories.listing(session, clip)
    for path in (f"/clips/{clip.id}/manifest.json", f"/api/v1/clips/{clip.id}/manifest"):
        answer = client.get(path)
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == {"active_manifest": "urn:c2pa:1"}
