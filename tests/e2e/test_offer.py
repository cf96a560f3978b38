"""A clip ends, a card comes below it, one click buys, one takes it back: in a real browser."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from catalog import auth
from catalog.web.visitors import SIGN_IN
from models.account import Account, Role
from models.base import unit_of_work
from models.clip import AssetKind, Clip
from tests import factories, people
from tests import member_factories as members
from tests import offer_factories as offers
from tests.commands import running, until
from tests.databases import migrated
from tests.e2e.test_desk import violations
from tests.e2e.test_story import answers
from tests.servers import free_port

CARD = "[data-offer-card]"


@pytest.fixture
def house(home: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Its address, and a clip of ada's that plays for a second."""
    migrated()
    people.account("ada@example.org", Role.CREATOR, creator="ada")
    [clip_id] = offers.clips()
    offers.make("keep")
    with unit_of_work() as session:
        clip = session.get_one(Clip, clip_id)
        factories.asset(session, clip, AssetKind.PREVIEW, preview(tmp_path / "preview.mp4"))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running("serve", "--port", str(port), log=tmp_path / "log", REELYARD_DATA=str(home)):
        until(lambda: answers(f"{url}/"), 60, "the catalogue answers")
        yield url, clip_id


@pytest.mark.timeout(240)
def test_a_card_below_the_clip(browser: Browser, house: tuple[str, str]) -> None:
    bought_and_taken_back(browser, *house)
    no_is_said_in_the_cards_place(browser, *house)
    without_scripts(browser, *house)
    without_a_cookie(browser, *house)
    pages_hold(browser, *house)


def bought_and_taken_back(browser: Browser, url: str, clip_id: str) -> None:
    """It comes when the clip has ended."""
    context = person(browser, url, "lena@example.org")
    page = context.new_page()
    page.goto(f"{url}/clips/{clip_id}")
    assert page.locator(CARD).count() == 0
    to_the_end(page)
    card = page.locator(CARD)
    expect(card).to_contain_text("$9.00")
    assert card.bounding_box()["y"] >= bottom(page), "it covers nothing of the player"  # type: ignore[index]
    page.get_by_role("button", name="Buy for $9.00").click()
    expect(page.locator("h1")).to_have_text("Bought for $9.00 USD")
    assert violations(page, page.url) == []
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("h1")).to_have_text("Taken back")
    context.close()


def no_is_said_in_the_cards_place(browser: Browser, url: str, clip_id: str) -> None:
    """And none comes back."""
    context = person(browser, url, "mara@example.org")
    page = context.new_page()
    page.goto(f"{url}/clips/{clip_id}")
    to_the_end(page)
    page.get_by_role("button", name="Not this again").click()
    expect(page.locator("[data-offer]")).to_contain_text("You do not see this offer again")
    assert page.url == f"{url}/clips/{clip_id}"
    page.goto(f"{url}/clips/{clip_id}/offers")
    expect(page.locator("main")).to_contain_text("There is no offer for you here just now")
    context.close()


def without_scripts(browser: Browser, url: str, clip_id: str) -> None:
    """By the link, and through the usual checkout."""
    context = person(browser, url, "nora@example.org", method=False, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{url}/clips/{clip_id}")
    expect(page.get_by_role("link", name="Offers for this clip")).to_be_visible()
    page.goto(f"{url}/clips/{clip_id}/offers?offset={offers.noon()}")
    expect(page.locator(CARD)).to_contain_text("Why you see this")
    page.get_by_role("button", name="Buy for $9.00").click()
    expect(page).to_have_url(f"{url}/checkout")
    expect(page.locator("main")).to_contain_text("$9.00")
    context.close()


def without_a_cookie(browser: Browser, url: str, clip_id: str) -> None:
    """Offered for the page's sake; the first cookie is the one that was asked for."""
    context = browser.new_context(timezone_id=zone())
    page = context.new_page()
    page.goto(f"{url}/clips/{clip_id}")
    to_the_end(page)
    expect(page.locator(CARD)).to_contain_text("This site does not know you")
    assert context.cookies() == []
    page.get_by_role("button", name="No offers at all").click()
    expect(page.locator("[data-offer]")).to_contain_text("One cookie says so and nothing else")
    assert [(one["name"], one["value"]) for one in context.cookies()] == [("offers", "none")]
    assert violations(page, f"{url}/offers-none") == []
    page.get_by_role("button", name="Show me offers again").click()
    expect(page.get_by_role("button", name="No offers at all")).to_be_visible()
    assert context.cookies() == []
    assert violations(page, f"{url}/clips/{clip_id}/offers?offset={offers.noon()}") == []
    expect(page.locator(CARD)).to_contain_text("Not this again today")
    context.close()


def pages_hold(browser: Browser, url: str, clip_id: str) -> None:
    """For who uses a screen reader or the keyboard."""
    context = person(browser, url, "olga@example.org")
    page = context.new_page()
    assert violations(page, f"{url}/clips/{clip_id}/offers?offset={offers.noon()}") == []
    expect(page.locator(CARD)).to_be_visible()
    assert violations(page, f"{url}/offers-none") == []
    context.close()
    context = person(browser, url, "ada@example.org", method=False)
    assert violations(context.new_page(), f"{url}/offers") == []
    context.close()


def person(
    browser: Browser, url: str, email: str, *, method: bool = True, **options: bool
) -> BrowserContext:
    """Signed in, where it is about noon."""
    account_id = people.account(email)
    with unit_of_work() as session:
        if method:
            members.method(session, account_id)
        word = auth.begin_sign_in(session, session.get_one(Account, account_id))
    context = browser.new_context(timezone_id=zone(), **options)  # type: ignore[arg-type]
    context.add_cookies([{"name": SIGN_IN, "value": word, "url": url}])
    return context


def zone() -> str:
    hours = offers.noon() // 60
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"


def to_the_end(page: Page) -> None:
    page.locator("video").evaluate("video => { video.muted = true; return video.play(); }")
    expect(page.locator(CARD)).to_be_visible(timeout=30_000)


def bottom(page: Page) -> float:
    box = page.locator("video").bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def preview(path: Path) -> bytes:
    made = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi"]
    made += ["-i", "testsrc=s=320x180:d=1:r=25", "-c:v", "libx264", "-pix_fmt", "yuv420p"]
    subprocess.run([*made, str(path)], check=True)
    return path.read_bytes()
