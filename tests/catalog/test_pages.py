"""Pages: safe with hostile words, kind when empty or wrong, the same facts as their JSON twins."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from catalog.web import files
from models import base
from models.account import Role
from models.base import unit_of_work
from models.clip import AssetKind
from tests import factories, people

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}\u202e'


def test_hostile_words_stay_words(client: TestClient) -> None:
    people.sign_in(client, "eve@example.org", Role.CREATOR, creator=HOSTILE)
    with unit_of_work() as session:
        recording = factories.recording(
            session,
            title=HOSTILE,
            name=HOSTILE,
            reason=HOSTILE,
            creator_id=factories.creator(session, HOSTILE).id,
            sidecar={"description": HOSTILE, "series": HOSTILE},
        )
        factories.candidate(session, recording, why_not=HOSTILE, chosen=False)
        span = {"start_ms": 0, "end_ms": 600_000}
        rating = {**span, "rating": 0.5, "why": HOSTILE, "model": HOSTILE}
        curve = [{"score": 0.5, HOSTILE: 0.5}]
        words = [[0, 600_000, HOSTILE, 0.9]]
        factories.analysis(session, recording, curve, words=words, ratings=[rating])
        clip = factories.clip(
            session, recording, title=HOSTILE, tags=[HOSTILE], reasons={HOSTILE: 0.9}
        )
        factories.transcript(session, clip, HOSTILE, quality_note=HOSTILE, model=HOSTILE)
        factories.listing(session, clip)
    pages = [
        "/",
        f"/clips/{clip.id}",
        "/recordings",
        f"/recordings/{recording.id}",
        f"/recordings/{recording.id}/status",
        f"/recordings/{recording.id}/why?at=0",
        f"/recordings/{recording.id}?at=1:10",
    ]
    for path in pages:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "&lt;script&gt;alert" in answer.text, path
        assert "<script>alert" not in answer.text, path
        assert "<img src=x" not in answer.text, path
        assert "{{7*7}}" in answer.text, path
    answer = client.get("/", params={"q": HOSTILE, "tag": [HOSTILE, HOSTILE + "2"]})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


@pytest.mark.usefixtures("owner")
def test_no_page_holds_inline_scripts_styles_or_handlers(client: TestClient) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        factories.candidate(session, recording)
        factories.analysis(session, recording, [{"score": 0.5}])
        clip = factories.clip(session, recording)
        factories.transcript(session, clip, "and it is in")
        factories.listing(session, clip)
    desk = f"/recordings/{recording.id}"
    for path in ("/", f"/clips/{clip.id}", desk, f"{desk}?at=9", f"{desk}/why", "/docs", "/nope"):
        text = client.get(path).text
        assert re.findall(r"<script(?![^>]*(?:\ssrc=|ld\+json))[^>]*>", text) == []
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text) == []
        body = text.partition("<body")[2] or text
        assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", body) == []


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/nope", "/api/v1/listings", "/api/v1/nope", files.url("app.js"), "/healthz"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "referrer-policy" in headers


@pytest.mark.usefixtures("owner")
def test_first_run_says_what_to_do(client: TestClient) -> None:
    page = client.get("/").text
    assert "Nothing is on sale yet" in page
    assert "<code>data/inbox</code>" in page
    assert "No recording has come in yet" in client.get("/recordings").text


def test_no_absolute_path_is_shown(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    page = client.get("/").text
    assert str(tmp_path) not in page
    assert "<code>inbox</code>" in page


def test_an_empty_search_offers_what_would_find_something(client: TestClient) -> None:
    with unit_of_work() as session:
        factories.listing(session, title="The winning goal", tags=["crowd"])
    page = client.get("/?q=winning+xylophone&tag=crowd").text
    assert "No clip has all of these" in page
    assert 'href="/?q=winning&amp;tag=crowd"' in page
    assert "xylophone”: 1 clip" in page
    assert "Nothing on sale matches any of it" in client.get("/?q=zzz+yyy").text


def test_the_catalogue_keeps_every_filter_in_its_links(client: TestClient) -> None:
    with unit_of_work() as session:
        for i in range(30):
            factories.listing(session, title=f"Goal {i}", tags=["crowd", f"t{i}"], score=i / 100)
    page = client.get("/?q=goal&tag=crowd&order=score").text
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following
    second = client.get(following[1].replace("&amp;", "&"))
    assert second.status_code == 200
    shown = [set(re.findall(r"Goal \d+", text)) for text in (page, second.text)]
    assert len(shown[0]) == 24
    assert len(shown[1]) == 6
    assert not shown[0] & shown[1]
    assert "First page" in second.text


def test_a_clip_page_tells_why_what_is_said_and_where_from(client: TestClient) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session, title="Cup Final")
        clip = factories.clip(session, recording, reasons={"cheer": 0.7, "applause": 0.2})
        factories.transcript(session, clip, "and it is in", "listen to this")
        for kind, suffix, mime in (
            (AssetKind.PREVIEW, ".mp4", "video/mp4"),
            (AssetKind.POSTER, ".jpg", "image/jpeg"),
            (AssetKind.CAPTIONS, ".vtt", "text/vtt"),
            (AssetKind.MANIFEST, ".json", "application/json"),
        ):
            factories.asset(session, clip, kind, kind.encode(), suffix=suffix, mime=mime)
        listing = factories.listing(session, clip)
    page = client.get(f"/clips/{clip.id}").text
    for said in ("Cheering", "+0.70", "Applause", "+0.20", "0.90", "pocketsphinx", "Rough"):
        assert said in page
    assert '<track kind="captions"' in page
    assert 'href="?t=3.0#player"' in page, "a line seeks without scripts too"
    assert f"/clips/{clip.id}/manifest.json" in page
    assert 'property="og:image" content="http://127.0.0.1:8000/media/' in page
    assert '#t=3.0"' in client.get(f"/clips/{clip.id}?t=3").text
    moved = client.get(f"/clips/{listing.id}")
    assert (moved.status_code, moved.headers["location"]) == (308, f"/clips/{clip.id}")


def test_a_clip_without_extras_still_has_its_page(client: TestClient) -> None:
    with unit_of_work() as session:
        bare = factories.clip(session, reasons={}, score=0.0, tags=[], width=0, height=0)
        factories.listing(session, bare)
        silent = factories.clip(session, signed_by="")
        factories.transcript(session, silent)
        factories.listing(session, silent)
    page = client.get(f"/clips/{bare.id}").text
    assert "No words were written down" in page
    assert "Not signed" in page
    assert "not in the store" in page
    assert "Nobody was heard speaking" in client.get(f"/clips/{silent.id}").text
    assert client.get("/").status_code == 200


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/nope", 404),
        ("/clips/nope", 404),
        ("/recordings/nope", 404),
        ("/recordings/nope/status", 404),
        ("/?order=price", 422),
        ("/?cursor=damaged", 400),
        ("/recordings?cursor=damaged", 400),
        ("/static/old/nope.js", 404),
        ("/static/x/../../app.py", 404),
    ],
)
def test_errors_are_pages_that_say_what_to_do(client: TestClient, path: str, code: int) -> None:
    answer = client.get(path)
    assert answer.status_code == code
    assert "Go to the catalogue" in answer.text
    assert client.get("/api/v1" + path).headers["content-type"] == "application/problem+json"


def test_a_fault_shows_no_trace(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.search.find", lambda *_, **__: 1 / 0)
    for path in ("/", "/api/v1/listings"):
        answer = client.get(path)
        assert answer.status_code == 500
        assert "This page failed" in answer.text
        assert "ZeroDivision" not in answer.text
        assert "Traceback" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_database_that_is_away_is_a_503(client: TestClient, database: Path) -> None:
    base.engine().dispose()
    (database / "reelyard.db").rename(database / "away.db")
    (database / "reelyard.db").mkdir()
    for path in ("/", "/healthz", "/api/v1/listings"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("[::1]:8000", 200),
        ("192.168.1.20", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("[", 400),
        ("", 400),
    ],
)
def test_only_our_own_names_are_answered(client: TestClient, host: str, code: int) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == code


def test_static_files_are_named_by_content_and_kept(client: TestClient) -> None:
    answer = client.get(files.url("house.css"), headers={"Accept-Encoding": "gzip"})
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    etag = answer.headers["etag"]
    again = client.get(files.url("house.css"), headers={"If-None-Match": etag})
    assert again.status_code == 304
    old = client.get("/static/0000000000/house.css")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")


def test_every_icon_in_use_is_in_the_sprite(client: TestClient) -> None:
    sprite = files.files()["vendor/lucide/icons.svg"].body.decode()
    known = set(re.findall(r'id="([^"]+)"', sprite))
    templates = (files.FOLDER.parent / "templates").glob("*.html")
    text = "".join(path.read_text(encoding="utf-8") for path in templates)
    named = set(re.findall(r"icon\('([^']+)'", text)) | set(
        re.findall(r"badge\('[a-z]+', '([a-z-]+)'", text)
    )
    assert len(named) > 40
    assert named <= known


def test_the_theme_without_scripts(client: TestClient) -> None:
    def to(back: str, origin: str = "http://127.0.0.1") -> tuple[int, str | None]:
        answer = client.post(
            "/theme", data={"to": "dark", "back": back}, headers={"Origin": origin}
        )
        return answer.status_code, answer.headers.get("location")

    assert to("/recordings?x=1") == (303, "/recordings?x=1")
    assert 'data-theme="dark"' in client.get("/").text
    assert to("https://evil.example/") == (303, "/")
    assert to("//evil.example/") == (303, "/")
    assert to("/\\evil.example/") == (303, "/")
    assert to("/", origin="https://evil.example")[0] == 400


def test_pages_are_packed_and_media_is_not(client: TestClient) -> None:
    asked = {"Accept-Encoding": "gzip"}
    assert client.get("/", headers=asked).headers["content-encoding"] == "gzip"
    with unit_of_work() as session:
        clip = factories.clip(session)
        captions = factories.asset(
            session, clip, AssetKind.CAPTIONS, b"WEBVTT\n" * 1_000, suffix=".vtt", mime="text/vtt"
        )
        factories.listing(session, clip)
    answer = client.get(f"/media/{captions.id}/captions.vtt", headers=asked)
    assert "content-encoding" not in answer.headers
