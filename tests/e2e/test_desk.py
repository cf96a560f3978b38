"""The creator's desk in a real browser: ask why not, promote it, discard, undo, trim."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from models.account import Role
from models.base import unit_of_work
from models.clip import AssetKind
from tests import factories, people
from tests.browsing import enter
from tests.commands import running, until
from tests.databases import migrated
from tests.e2e.test_story import answers, drop
from tests.servers import free_port

AXE = Path(__file__).parents[1] / "assets/vendor/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MADE_S = 120


@functools.cache
def program() -> dict[str, str]:
    """The header of a program that may read all recordings."""
    return people.token(people.account("sam@example.org", Role.STAFF), "recordings:read")


@pytest.fixture
def house(match: Path, home: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a house at work that has one recording, done: of its goals one is a clip."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "REELYARD_DATA": str(home),
        "REELYARD_RENDITIONS": "false",
        "REELYARD_CLIP_LIMIT": "1",
    }
    with running("up", "--port", str(port), log=tmp_path / "log", **settings):
        until(lambda: answers(f"{url}/"), 30, "the catalogue answers")
        drop(match, home / "inbox")

        def done() -> bool:
            rows = httpx.get(f"{url}/api/v1/recordings", headers=program()).json()["recordings"]
            return [row["state"] for row in rows] == ["done"]

        until(done, MADE_S, "the recording is done")
        yield url


def by_tab(page: Page, there: str) -> None:
    """Until the focus is on what `there` selects."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("there => document.activeElement.matches(there)", there):
            return
    raise AssertionError(f"no Tab leads to {there}")


def rejected(page: Page) -> tuple[str, int]:
    """The id of a rejected moment and a second inside it."""
    block = page.locator(".block-rejected").first
    peak_ms = int(block.get_attribute("data-peak") or 0)
    return str(block.get_attribute("data-block")), peak_ms // 1000


def row_of(page: Page, moment: str) -> Callable[[], bool]:
    return lambda: page.locator(f"#moment-{moment} a[href^='/clips/']").count() > 0


@pytest.mark.timeout(500)
def test_ask_why_not_and_promote_it(page: Page, house: str, home: Path) -> None:
    listed = httpx.get(f"{house}/api/v1/recordings", headers=program()).json()
    recording = listed["recordings"][0]
    enter(page, house, REELYARD_DATA=str(home))
    page.goto(f"{house}/recordings/{recording['id']}")
    moment, second = rejected(page)
    ask_by_keyboard(page, second)
    promote_by_keyboard(page)
    until(row_of(page, moment), MADE_S, "the page shows the clip by itself")
    clip = page.locator(f"#moment-{moment} a[href^='/clips/']").get_attribute("href")
    assert httpx.get(f"{house}{clip}").status_code == 200
    assert httpx.get(f"{house}/api/v1/listings").json()["total"] == 2
    expect(page.locator("#state")).to_contain_text("Ready", timeout=30_000)
    expect(page.locator("section.taught")).to_contain_text("after 1 choice")
    discard_and_undo(page, house, moment, str(clip))
    trim(page, house, moment, str(clip))


def ask_by_keyboard(page: Page, second: int) -> None:
    by_tab(page, "[data-range]")
    page.keyboard.press("Home")
    for _ in range(second):
        page.keyboard.press("ArrowRight")
    answer = page.locator("#why")
    expect(answer).to_contain_text("which was not chosen:")
    expect(answer).to_contain_text("The nearest chosen moment is")
    assert page.evaluate("document.activeElement.matches('[data-range]')"), "nothing took the focus"


def promote_by_keyboard(page: Page) -> None:
    by_tab(page, "#why form[action$='/promote'] button")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("is being made")
    expect(page.locator("#state")).to_contain_text("Working")


def discard_and_undo(page: Page, house: str, moment: str, clip: str) -> None:
    work = page.locator(f"#work-{moment}")
    work.get_by_role("button", name="Discard").click()
    said = page.locator("#said")
    expect(said).to_contain_text("Discarded")
    assert httpx.get(f"{house}{clip}").status_code == 404
    assert page.evaluate("document.activeElement.closest('#said') !== null"), "Undo is next"
    said.get_by_role("button", name="Undo").click()
    expect(said).to_contain_text("on sale again")
    assert httpx.get(f"{house}{clip}").status_code == 200


def trim(page: Page, house: str, moment: str, clip: str) -> None:
    before = httpx.get(f"{house}/api/v1/listings/{clip.split('/')[-1]}").json()
    work = page.locator(f"#work-{moment}")
    work.locator("summary").click()
    for _ in range(2):
        work.get_by_role("button", name="Start +1 s").click()
    work.get_by_role("button", name="Trim to these edges").click()
    expect(page.locator("#said")).to_contain_text("the old one stays on sale")

    def replaced() -> bool:
        return httpx.get(f"{house}{clip}").status_code == 404

    until(replaced, MADE_S, "the trimmed clip took its place")
    listed = httpx.get(f"{house}/api/v1/listings").json()["listings"]
    starts = {one["start_ms"]: one["end_ms"] for one in listed}
    wanted = before["start_ms"] + 2_000
    found = [start for start in starts if wanted <= start < wanted + 50]
    assert found, "on the first frame from there"
    assert abs(starts[found[0]] - before["end_ms"]) < 50


def seeded(home: Path) -> tuple[str, str]:
    """A recording with every kind of moment, and a clip: their addresses."""
    migrated()
    with unit_of_work() as session:
        recording = factories.recording(session, duration_ms=120_000)
        curve = [{"score": i % 40 / 40, "cheer": i % 40 / 50, "speech": 0.5} for i in range(120)]
        words = [[i * 500, i * 500 + 400, "word", 0.9] for i in range(200)]
        factories.analysis(session, recording, curve, least=0.35, words=words)
        factories.chunk(session, recording, "720p", 0)
        factories.pictures(session, recording, 0, cuts=[5_000], seconds=[{"faces": 0.5}] * 32)
        chosen = factories.candidate(session, recording, start_ms=10_000, end_ms=30_000)
        clip = factories.clip(session, recording, candidate_id=chosen.id)
        factories.transcript(session, clip, "and it is in", "listen to this")
        factories.asset(session, clip, AssetKind.MASTER, b"no film")
        factories.listing(session, clip)
        spans = ((1, {}), (2, {"asked_ms": 1}), (3, {"asked_ms": 1, "exact": True}))
        for rank, values in spans:
            at_ms = rank * 30_000 + 10_000
            span = {"start_ms": at_ms, "end_ms": at_ms + 8_000, "peak_ms": at_ms + 4_000}
            why_not = "Nobody reacts to it."
            given = {"rank": rank, "chosen": False, "why_not": why_not, **span, **values}
            factories.candidate(session, recording, **given)
    return f"/recordings/{recording.id}", f"/clips/{clip.id}"


@pytest.mark.timeout(120)
def test_the_pages_are_accessible_light_and_dark(
    browser: Browser, home: Path, tmp_path: Path
) -> None:
    desk, clip = seeded(home)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running("serve", "--port", str(port), log=tmp_path / "log", REELYARD_DATA=str(home)):
        until(lambda: answers(f"{url}/"), 30, "the catalogue answers")
        for theme in ("light", "dark"):
            context = browser.new_context(color_scheme=theme)
            enter(context.new_page(), url, REELYARD_DATA=str(home))
            for path in (desk, f"{desk}?at=20", f"{desk}?at=45", clip):
                assert violations(context.new_page(), url + path) == [], (theme, path)
            context.close()


def violations(page: Page, address: str, closed: str = "details.menu") -> list[str]:
    """With everything open but the account's menu, which lies over what is below it."""
    page.goto(address)
    opens = (
        "but => document.querySelectorAll('details').forEach(one => one.open = !one.matches(but))"
    )
    page.evaluate(opens, closed)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"]]


@pytest.mark.timeout(120)
def test_the_desk_works_without_scripts(browser: Browser, home: Path, tmp_path: Path) -> None:
    desk, _ = seeded(home)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running("serve", "--port", str(port), log=tmp_path / "log", REELYARD_DATA=str(home)):
        until(lambda: answers(f"{url}/"), 30, "the catalogue answers")
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        enter(page, url, REELYARD_DATA=str(home))
        page.goto(url + desk)
        page.get_by_role("link", name="Why not").first.click()
        expect(page.locator("#why")).to_contain_text("Nobody reacts to it.")
        page.locator("#why").get_by_role("button", name="Make a clip").first.click()
        expect(page.locator("#said")).to_contain_text("is being made")
        expect(page.locator("#why")).to_contain_text("being made into a clip")
        page.locator("#said").get_by_role("button", name="Undo").click()
        expect(page.locator("#said")).to_contain_text("taken back")
        context.close()
