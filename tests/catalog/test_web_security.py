"""The web part of the security checklist: one line of it, one test or more."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as some

from catalog import csvs, limits
from catalog.web import files, media
from models.account import Role
from models.base import Base, new_id, unit_of_work
from models.clip import AssetKind
from models.listing import Listing
from tests import factories, people
from workers.names import clean

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}'
BIDI = "\u202eevil\u2066\u200f\u0000\u0007"
ANY = some.text(max_size=12) | some.sampled_from("=+-@\t\r\n").flatmap(
    lambda sign: some.text(max_size=12).map(lambda rest: sign + rest)
)


@pytest.fixture
def house(client: TestClient) -> dict[str, str]:
    """A value for every name in an address: each row's own words are hostile ones."""
    with unit_of_work() as session:
        recording = factories.recording(
            session,
            title=HOSTILE,
            name=HOSTILE,
            creator_id=factories.creator(session, HOSTILE).id,
            sidecar={"description": HOSTILE, "series": HOSTILE},
        )
        candidate = factories.candidate(session, recording, why_not=HOSTILE, chosen=False)
        words = [[0, 600_000, HOSTILE, 0.9]]
        factories.analysis(session, recording, [{"score": 0.5, HOSTILE: 0.5}], words=words)
        clip = factories.clip(session, recording, title=HOSTILE, tags=[HOSTILE])
        factories.transcript(session, clip, HOSTILE, quality_note=HOSTILE, model=HOSTILE)
        asset = factories.asset(session, clip, AssetKind.PREVIEW, b"preview")
        listing = factories.listing(session, clip)
    return {
        "recording_id": recording.id,
        "clip_id": clip.id,
        "listing_id": listing.id,
        "candidate_id": candidate.id,
        "asset_id": asset.id,
        "kind": "standard",
        "number": "1",
        "second": "3",
    }


def addresses(client: TestClient, known: dict[str, str]) -> Iterator[str]:
    """Of everything that can be read here, pages and data; what is not known is named hostile."""
    assert isinstance(client.app, FastAPI)
    paths = [route.path for route in media.ROUTES]
    for context in iter_route_contexts(client.app.routes):
        if isinstance(context.original_route, APIRoute) and "GET" in (context.methods or ()):
            paths.append(str(context.path_format))
    for path in paths:
        if not path.startswith("/static"):
            yield re.sub(r"\{(\w+)(?::\w+)?\}", lambda name: known.get(name[1], "<b>x"), path)


@pytest.mark.parametrize("role", [None, Role.LICENSEE, Role.STAFF])
def test_hostile_words_stay_words_on_every_page(
    client: TestClient, house: dict[str, str], role: Role | None
) -> None:
    if role:
        people.sign_in(client, "someone@example.org", role)
    seen = 0
    for path in addresses(client, house):
        answer = client.get(path, params={"q": HOSTILE, "back": HOSTILE, "url": HOSTILE})
        assert answer.status_code < 500, path
        kind = answer.headers.get("content-type", "")
        if "html" in kind:
            seen += 1
            assert "<script>alert" not in answer.text, path
            assert "<img src=x" not in answer.text, path
            assert "<b>x" not in answer.text, path
        if "xml" in kind:
            ElementTree.fromstring(answer.content)
    assert seen > 10


def test_no_page_holds_inline_scripts_styles_or_handlers(
    client: TestClient, house: dict[str, str]
) -> None:
    people.sign_in(client, "staff@example.org", Role.STAFF)
    for path in addresses(client, house):
        answer = client.get(path)
        if "html" not in answer.headers.get("content-type", ""):
            continue
        tags = re.findall(r"<[a-z][^>]*>", answer.text)
        for tag in tags:
            data = 'type="application/ld+json"' in tag  # read by search engines, run by nobody
            assert data or not re.match(r"<script(?![^>]*\ssrc=)", tag), (path, tag)
            names = re.sub(r'"[^"]*"', "", tag)
            assert not re.search(r"<style|\sstyle=|\son[a-z]+=", names), (path, tag)
            assert not re.search(r'(?:href|src|action)="\s*(?:javascript|data):', tag), (path, tag)


def test_every_kind_of_answer_carries_the_security_headers(
    client: TestClient, house: dict[str, str]
) -> None:
    asset = f"/media/{house['asset_id']}/preview.mp4"
    kinds: list[tuple[int, str, str, dict[str, Any]]] = [
        (200, "GET", "/", {}),
        (200, "GET", "/api/v1/listings", {}),
        (200, "GET", files.url("app.js"), {}),
        (200, "GET", "/sitemap.xml", {}),
        (200, "GET", asset, {}),
        (206, "GET", asset, {"headers": {"Range": "bytes=0-1"}}),
        (304, "GET", "/docs", {"headers": {"If-None-Match": "*"}}),
        (308, "GET", f"/clips/{house['listing_id']}", {}),
        (400, "GET", "/", {"headers": {"Host": "rebound.example"}}),
        (401, "GET", "/api/v1/recordings", {}),
        (404, "GET", "/nope", {}),
        (405, "POST", "/api/v1/listings", {"json": {}}),
        (413, "POST", "/theme", {"data": {"to": "x" * limits.MOST_BYTES}}),
        (414, "GET", "/", {"params": {"q": "x" * limits.ADDRESS_BYTES}}),
        (416, "GET", asset, {"headers": {"Range": "bytes=90-"}}),
        (431, "GET", "/", {"headers": {"X-Long": "x" * limits.HEADER_BYTES}}),
    ]
    for status, method, path, asked in kinds:
        answer = client.request(method, path, **asked)
        assert answer.status_code == status, path
        policy = answer.headers["content-security-policy"]
        for part in ("default-src 'self'", "object-src 'none'", "base-uri 'none'"):
            assert part in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"


def test_reading_sets_no_cookie(client: TestClient, house: dict[str, str]) -> None:
    for path in ("/", f"/clips/{house['clip_id']}", f"/embed/{house['clip_id']}", "/docs"):
        assert "set-cookie" not in client.get(path).headers


@pytest.mark.parametrize("mime", ["text/html", "image/svg+xml", "application/xhtml+xml"])
def test_what_a_browser_would_run_is_sent_as_a_download(client: TestClient, mime: str) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session)
        body = b"<script>alert(1)</script>"
        asset = factories.asset(session, clip, AssetKind.POSTER, body, suffix=".htm", mime=mime)
        factories.listing(session, clip)
    answer = client.get(f"/media/{asset.id}/poster.htm")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"


def test_ten_thousand_ranges_in_one_header_are_refused(
    client: TestClient, house: dict[str, str]
) -> None:
    path = f"/media/{house['asset_id']}/preview.mp4"
    for count, status in ((2, 416), (100, 416), (10_000, 431)):
        ranges = "bytes=" + ",".join(f"{i}-{i}" for i in range(count))
        answer = client.get(path, headers={"Range": ranges})
        assert (answer.status_code, len(answer.content) < 10_000) == (status, True)


def test_public_ids_hold_128_random_bits() -> None:
    made = {new_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in made)
    for mapper in Base.registry.mappers:
        key = mapper.local_table.primary_key.columns.get("id")  # type: ignore[attr-defined]
        if key is not None and key.default is not None:
            assert key.default.is_callable, mapper
            assert len(key.default.arg(None)) == 32, mapper


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("[::1]:8000", True),
        ("rebound.example", False),
        ("127.0.0.1.rebound.example", False),
        ("", False),
    ],
)
def test_foreign_names_of_this_server_are_refused(
    client: TestClient, host: str, answered: bool
) -> None:
    answer = client.get("/healthz", headers={"Host": host})
    assert (answer.status_code == 200) == answered


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_no_form_leads_to_another_site(client: TestClient, back: str) -> None:
    answer = client.post("/theme", data={"to": "dark", "back": back})
    assert answer.headers["location"] == "/"


@given(some.text(alphabet=some.characters() | some.sampled_from(BIDI)))
def test_names_are_cleaned_at_the_door(name: str) -> None:
    kept = clean(name)
    assert 1 <= len(kept) <= 300
    assert not set(kept) & set(BIDI.replace("evil", ""))
    assert kept == clean(kept)


def test_names_of_people_are_kept_apart_from_the_text_around_them(client: TestClient) -> None:
    """A title that runs from right to left does not turn the sentence that it stands in."""
    title = "\u05e9\u05dc\u05d5\u05dd 2024"
    with unit_of_work() as session:
        recording = factories.recording(session, title=title)
        clip = factories.clip(session, recording, title=title)
        factories.listing(session, clip)
    for path in ("/", f"/clips/{clip.id}", f"/embed/{clip.id}"):
        assert f"<bdi>{title}</bdi>" in client.get(path).text, path


@given(some.lists(some.lists(ANY, min_size=2, max_size=4), max_size=5))
def test_no_cell_of_a_table_is_taken_for_a_formula(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(csvs.rows_as_csv(["a", "b"], rows), newline="")))
    assert read[0] == ["a", "b"]
    for wanted, found in zip(rows, read[1:], strict=True):
        for text, cell in zip(wanted, found, strict=True):
            assert not cell.lstrip(" \u00a0\ufeff").startswith(tuple("=+-@\t\r\n"))
            assert cell.removeprefix("'") == text.replace("\0", "").removeprefix("'")


def test_numbers_in_a_table_stay_numbers() -> None:
    text = csvs.rows_as_csv(["cents", "share", "note"], [[-250, -0.5, None], [True, 3, "=1+1"]])
    assert text == "cents,share,note\r\n-250,-0.5,\r\nTrue,3,'=1+1\r\n"


def test_a_fault_tells_the_visitor_nothing_of_the_house(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Listing:
        raise RuntimeError("postgresql://reelyard:hunter2@db/prod in /srv/reelyard")

    for name in ("get", "seen"):
        monkeypatch.setattr(f"catalog.listings.{name}", broken)
    for path in ("/clips/x", "/api/v1/listings/x", "/embed/x"):
        answer = client.get(path)
        assert answer.status_code == 500
        for word in ("hunter2", "/srv", "RuntimeError", "Traceback", "postgresql"):
            assert word not in answer.text
