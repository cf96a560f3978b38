"""The main story as a person sees it: drop a file, find its clip, play it, read it."""

import shutil
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import enter
from tests.buying import buy_and_prove
from tests.commands import running, until
from tests.scaled import scaled
from tests.servers import free_port

FIRST_CLIP_S = 120
PLAYS = "async v => { v.muted = true; await v.play(); }"


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}healthz").status_code == 200
    except httpx.TransportError:
        return False


def drop(match: Path, inbox: Path) -> None:
    """As an upload does it: under another name, then renamed."""
    folder = inbox / "ada"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(match, folder / "Harbour Cup.mp4.part")
    (folder / "Harbour Cup.yml").write_text("releases: [drawn, nobody is in it]\n")
    (folder / "Harbour Cup.mp4.part").rename(folder / "Harbour Cup.mp4")


def tell_the_story(page: Page, url: str, match: Path, inbox: Path, **settings: str) -> None:
    enter(page, url, **settings)
    page.goto(url)
    expect(page.locator("main")).to_contain_text("inbox")  # nothing yet: it says what to do
    drop(match, inbox)

    def has_clip() -> bool:
        page.goto(url)
        return page.locator("main a[href^='/clips/']").count() > 0

    until(has_clip, FIRST_CLIP_S, "a clip is on sale")
    page.locator("main a[href^='/clips/']").first.click()
    expect(page.locator("h1")).not_to_be_empty()
    plays(page)
    captions_show(page)
    expect(page.locator("main")).to_contain_text("Why it was chosen")
    page.get_by_role("link", name="Harbour Cup").first.click()
    recording = page.url

    def recording_plays() -> bool:
        page.goto(recording)
        return page.locator("video[data-hls], video[data-player]").count() > 0

    until(recording_plays, FIRST_CLIP_S, "the whole recording can be watched")
    plays(page)


def plays(page: Page) -> None:
    video = page.locator("video").first
    video.evaluate(PLAYS)
    until(lambda: video.evaluate("v => v.currentTime > 1"), 30, "it plays")
    assert video.evaluate("v => v.videoWidth") > 0


def captions_show(page: Page) -> None:
    """Asked in turns: the page's CSP forbids what Playwright's own waiting would need."""
    video = page.locator("video").first
    shown = "v => v.textTracks[0] && v.textTracks[0].mode === 'showing'"
    until(lambda: video.evaluate(shown), 10, "captions are on")
    until(lambda: video.evaluate("v => v.textTracks[0].cues.length > 0"), 10, "they have cues")
    video.evaluate("v => { v.currentTime = v.textTracks[0].cues[0].startTime + 0.1; }")
    active = "v => v.textTracks[0].activeCues.length > 0"
    until(lambda: video.evaluate(active), 10, "a caption shows")


@pytest.mark.timeout(600)
def test_the_embedded_house(
    browser: Browser, page: Page, match: Path, home: Path, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    house = {"REELYARD_DATA": str(home)}
    with running("up", "--port", str(port), log=tmp_path / "log", **house):
        until(lambda: answers(url), 30, "the catalogue answers")
        tell_the_story(page, url, match, home / "inbox", **house)
        buy_and_prove(browser, url, tmp_path, **house)


@pytest.mark.timeout(700)
def test_the_house_at_scale(
    browser: Browser, page: Page, match: Path, home: Path, tmp_path: Path
) -> None:
    """Watch, workers and web are processes of their own; media travels through the store alone."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with scaled(home) as house:
        elsewhere = {**house, "REELYARD_DATA": str(tmp_path / "another machine")}
        keys = {"REELYARD_KEYS": str(tmp_path / "keys")}
        with (
            running("serve", "--port", str(port), log=tmp_path / "serve.log", **house, **keys),
            running("watch", log=tmp_path / "watch.log", **house, **keys),
            running(
                "work",
                "--processes",
                "2",
                "--threads",
                "1",
                log=tmp_path / "work.log",
                **elsewhere,
                **keys,
            ),
        ):
            until(lambda: answers(url), 60, "the catalogue answers")
            tell_the_story(page, url, match, home / "inbox", **house, **keys)
            buy_and_prove(browser, url, tmp_path, **house, **keys)
