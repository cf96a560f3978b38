"""Getting in with a real browser: a link from the outbox, a password, a token; and for everyone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from catalog import accounts, mail
from models.account import Role
from models.base import unit_of_work
from tests import factories, people
from tests.browsing import enter
from tests.commands import running, until
from tests.databases import migrated
from tests.e2e.test_desk import violations
from tests.e2e.test_story import answers
from tests.servers import free_port

EMAIL = "lena@example.org"
PASSWORD = "correct horse 7"


@pytest.fixture
def house(home: Path, tmp_path: Path) -> Iterator[str]:
    migrated()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running("up", "--port", str(port), log=tmp_path / "log", REELYARD_DATA=str(home)):
        until(lambda: answers(f"{url}/"), 30, "the catalogue answers")
        yield url


def mailed_link() -> str:
    def found() -> str:
        for one in mail.outbox().glob("*.eml"):
            link = re.search(r"/enter/[\w-]+", one.read_text())
            if link:
                return link[0]
        return ""

    return str(until(found, 30, "the mail is in the outbox"))


@pytest.mark.timeout(240)
def test_a_link_then_a_password_then_a_token(browser: Browser, page: Page, house: str) -> None:
    page.goto(f"{house}/account")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.locator("#email").fill(EMAIL)
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("A link is on its way")
    page.goto(house + mailed_link())
    expect(page.locator("main")).to_contain_text(EMAIL)
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Account")).to_be_visible()
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("status")).to_contain_text("Your password is set")
    page.get_by_text("Make a token").click()
    page.locator("#token-name").fill("Nightly copy")
    page.get_by_label("Read your orders and invoices").check()
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("status")).to_contain_text("It is not shown again")
    page.locator(".menu summary").click()
    page.locator(".menu").get_by_role("button", name="Sign out").click()
    expect(page.locator(".tools")).to_contain_text("Sign in")
    by_password_without_scripts(browser, house)


def by_password_without_scripts(browser: Browser, house: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{house}/sign-in?back=/account")
    page.get_by_text("Use a password instead").click()
    page.locator("#email-too").fill(EMAIL)
    page.locator("#password").fill("a wrong one")
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("fit together")
    page.locator("#password").fill(PASSWORD)
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(page.locator("main")).to_contain_text("Nightly copy")
    context.close()


@pytest.mark.timeout(240)
def test_the_pages_are_accessible_light_and_dark(browser: Browser, house: str, home: Path) -> None:
    with unit_of_work() as session:
        factories.creator(session)
        letter = mail.write(session, EMAIL, "sign_in", link=f"{house}/enter/x", until_ms=1)
    people.token(people.account("operator@reelyard.local", Role.STAFF), "pools:read")
    pages = ("/account", "/staff", "/staff/creators", "/staff/events", "/outbox")
    for theme in ("light", "dark"):
        context = browser.new_context(color_scheme=theme, viewport={"width": 390, "height": 844})
        with unit_of_work() as session:
            word = accounts.make_link(session, EMAIL, "/")
        for path in ("/sign-in", f"/enter/{word}", "/enter/used"):
            assert violations(context.new_page(), house + path) == [], (theme, path)
        enter(context.new_page(), house, REELYARD_DATA=str(home))
        for path in (*pages, f"/outbox/{letter.id}"):
            page = context.new_page()
            assert violations(page, house + path) == [], (theme, path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert violations(context.new_page(), f"{house}/account", closed="none") == [], theme
        context.close()
