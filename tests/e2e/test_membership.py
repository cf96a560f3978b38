"""A membership from the first click to the last in a real browser, by keyboard alone: join, see a
clip before everybody, go up a tier, leave in two clicks, and stay after all."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from catalog.members import tiers
from models.account import Role
from models.base import reading, unit_of_work
from models.mail import Mail
from models.membership import Tier
from tests import factories, people
from tests import member_factories as members
from tests.commands import running, until
from tests.databases import migrated
from tests.e2e.test_desk import by_tab
from tests.e2e.test_story import answers
from tests.servers import free_port

LIN = "lin@example.org"


@pytest.fixture
def shop(home: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The house's address and the path of a clip of Ada's that everybody sees in six hours."""
    migrated()
    people.account("ada@example.org", Role.CREATOR, creator="ada")
    with unit_of_work() as session:
        members.tiers(session)
        recording = factories.recording(session)
        factories.listing(session, factories.clip(session, recording, title="The winning goal"))
        clip = factories.clip(session, recording, title="Tomorrow's goal")
        soon = tiers.now_of(session) + 6 * members.HOUR_MS
        factories.listing(session, clip).visible_from_ms = soon
        found = f"/clips/{clip.id}"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running("serve", "--port", str(port), log=tmp_path / "log", REELYARD_DATA=str(home)):
        until(lambda: answers(f"{url}/"), 60, "the catalogue answers")
        yield url, found


def enter_on(page: Page, there: str) -> None:
    by_tab(page, there)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def mailed_link() -> str:
    with reading() as session:
        text = session.scalars(select(Mail).filter_by(to=LIN)).one().text
    found = re.search(r"/enter/[\w-]+", text)
    assert found
    return found[0]


def tier_id(key: str) -> str:
    with reading() as session:
        return session.scalars(select(Tier.id).filter_by(key=key)).one()


def subjects() -> list[str]:
    with reading() as session:
        return [one.subject for one in session.scalars(select(Mail).order_by(Mail.created_ms))]


@pytest.mark.timeout(240)
def test_join_see_early_go_up_and_leave_by_keyboard(
    browser: Browser, page: Page, shop: tuple[str, str]
) -> None:
    url, clip = shop
    answer = page.goto(url + clip)
    assert answer
    assert answer.status == 404
    page.goto(f"{url}/creators/ada")
    enter_on(page, "a[href='/creators/ada/join']")
    enter_on(page, "a[href*='tier=early']:not([href$='#tiers'])")
    expect(page.locator("#pay")).to_contain_text("$3.00 USD")
    assert page.locator("input:checked").count() == 0
    by_tab(page, "#email")
    page.keyboard.type(LIN)
    by_tab(page, "#letters-digest")
    page.keyboard.press("Space")
    enter_on(page, "#pay button")
    expect(page.locator("main")).to_contain_text("You are not a member yet")
    page.goto(url + mailed_link())
    enter_on(page, "main button")
    expect(page.locator("#letters-digest")).to_be_checked()
    expect(page.locator("#letters-news")).not_to_be_checked()
    enter_on(page, "#pay button")
    enter_on(page, "button[value='pay']")
    expect(page.locator("h1")).to_have_text("You are a member of Ada")
    sees_it_early(browser, page, url, clip)
    goes_up(page)
    leaves_and_stays(page)


def sees_it_early(browser: Browser, page: Page, url: str, clip: str) -> None:
    enter_on(page, f"a[href='{clip}']")
    expect(page.locator("#deal")).to_contain_text("Early for you")
    expect(page.locator("#deal")).to_contain_text("It can be licensed from then on")
    stranger = browser.new_page()
    answer = stranger.goto(url + clip)
    assert answer
    assert answer.status == 404
    stranger.close()


def goes_up(page: Page) -> None:
    enter_on(page, "a[href='/memberships']")
    enter_on(page, "main h2 a")
    enter_on(page, f"a[href*='change?tier={tier_id('drops')}'][href*='period=month']")
    expect(page.locator(".quote-lines")).to_contain_text("-$3.00")
    expect(page.locator(".sum")).to_contain_text("$6.00 USD")
    enter_on(page, "main form button")
    expect(page.get_by_role("status")).to_contain_text("Your membership is changed")
    expect(page.locator("main")).to_contain_text("Then $9.00 is charged")


def leaves_and_stays(page: Page) -> None:
    enter_on(page, "a[href$='/leave']")
    button = page.locator("main form button")
    expect(button).to_have_text(re.compile(r"Leave on \d+ \w+ \d{4}"))
    enter_on(page, "main form button")
    expect(page.get_by_role("status")).to_contain_text("You leave on")
    assert subjects()[-1].startswith("You leave Ada on")
    enter_on(page, "form[action$='/stay'] button")
    expect(page.get_by_role("status")).to_contain_text("You stay")
