"""A clip on somebody else's page, and its own page's linked data, in a real browser."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import uvicorn
from playwright.sync_api import Page, expect

from catalog.app import create_app
from models.base import unit_of_work
from models.clip import AssetKind
from tests import factories, media
from tests.commands import until
from tests.conftest import forget
from tests.databases import migrated
from tests.servers import free_port

VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (one) => violations.push(one.blockedURI));
"""
TITLE = 'Goal </script><script>alert("x")</script>'


@contextmanager
def serving(port: int) -> Iterator[str]:
    config = uvicorn.Config(create_app(), port=port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, 20, "the catalogue answers")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=20)


@contextmanager
def elsewhere(folder: Path) -> Iterator[str]:
    """Another site: another origin, with a page of its own."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("localhost", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join(timeout=20)


@pytest.fixture
def house(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Its address, and a public clip with a preview that plays."""
    port = free_port()
    monkeypatch.setenv("REELYARD_PORT", str(port))
    forget()
    migrated()
    preview = media.moving(tmp_path / "preview.mp4", "-c:a", "aac", "-movflags", "+faststart")
    with unit_of_work() as session:
        clip = factories.clip(session, title=TITLE, end_ms=63_000, width=320, height=180)
        factories.asset(session, clip, AssetKind.PREVIEW, preview.read_bytes())
        factories.listing(session, clip)
    with serving(port) as url:
        yield url, clip.id


def test_another_site_shows_the_preview_in_a_frame_and_no_other_page(
    page: Page, house: tuple[str, str], tmp_path: Path
) -> None:
    url, clip_id = house
    told = httpx.get(f"{url}/oembed", params={"url": f"{url}/clips/{clip_id}"}).json()
    (tmp_path / "page.html").write_text(f"<!doctype html><title>Blog</title>{told['html']}")
    with elsewhere(tmp_path) as site:
        page.add_init_script(VIOLATIONS)
        page.goto(f"{site}/page.html")
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("heading")).to_have_text(TITLE)
        link = frame.get_by_role("link", name="License on Reelyard")
        assert link.get_attribute("href") == f"{url}/clips/{clip_id}#deal"
        assert link.get_attribute("target") == "_blank"
        inner = page.frames[1]
        inner.wait_for_load_state("load")
        frame.locator("video").focus()
        page.keyboard.press("k")
        at = "document.querySelector('video').currentTime"
        until(lambda: inner.evaluate(at) > 0.2, 20, "the preview plays in the frame")
        page.keyboard.press("m")
        assert inner.evaluate("document.querySelector('video').muted") is True
        assert inner.evaluate("violations") == []
        assert page.context.cookies() == []
        with page.expect_console_message(lambda one: "frame-ancestors" in one.text):
            page.evaluate(f"document.querySelector('iframe').src = '{url}/clips/{clip_id}'")


def test_linked_data_breaks_no_rule_of_the_page_and_runs_nothing(
    page: Page, house: tuple[str, str]
) -> None:
    url, clip_id = house
    page.add_init_script(VIOLATIONS)
    page.goto(f"{url}/clips/{clip_id}")
    said = page.evaluate(
        "JSON.parse(document.querySelector('script[type=\"application/ld+json\"]').textContent)"
    )
    assert said["name"] == TITLE
    assert said["contentUrl"].startswith(f"{url}/media/")
    assert page.evaluate("violations") == []
    assert page.evaluate("document.scripts.length") == page.evaluate(
        "document.querySelectorAll('script[src], script[type=\"application/ld+json\"]').length"
    )
