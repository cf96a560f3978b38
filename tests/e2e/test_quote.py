"""A price that follows what is chosen, a quote, a wish and its answer, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from catalog import auth
from models.account import Account, Role
from models.base import unit_of_work
from tests import people
from tests import rights_factories as rights
from tests.commands import running, until
from tests.databases import migrated
from tests.e2e.test_desk import violations
from tests.e2e.test_story import answers
from tests.servers import free_port


@pytest.fixture
def shop(home: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The house's address and the path of a clip of ada's."""
    migrated()
    with unit_of_work() as session:
        rights.publish(session)
        clip = rights.listing(session).clip_id
    people.account("ada@example.org", Role.CREATOR, creator="ada")
    people.account("lin@example.org", Role.LICENSEE)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running("serve", "--port", str(port), log=tmp_path / "log", REELYARD_DATA=str(home)):
        until(lambda: answers(f"{url}/"), 60, "the catalogue answers")
        yield url, f"/clips/{clip}"


@pytest.mark.timeout(240)
def test_from_the_price_to_an_agreement(
    browser: Browser, page: Page, shop: tuple[str, str]
) -> None:
    url, clip = shop
    page.goto(url + clip)
    total = page.locator(".deal-total strong")
    expect(total).to_have_text("$80.00")
    page.get_by_label("For how long").select_option("30")
    expect(total).to_have_text("$48.00")
    page.get_by_label("Territory").select_option("only")
    expect(page.locator("#deal")).to_contain_text("Choose at least one country")
    page.locator("#deal").get_by_label("Kenya").check()
    expect(total).to_have_text("$29.00")
    assert page.url == url + clip, "the page was not loaded again"
    page.get_by_role("button", name="License this clip").click()
    expect(page.get_by_role("button", name="Add to cart")).to_be_visible()
    expect(page.locator(".quote-price")).to_contain_text("$29.00")
    without_scripts(browser, url, clip)
    agreement(browser, url, clip)


def without_scripts(browser: Browser, url: str, clip: str) -> None:
    """The same quote by buttons alone."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url + clip)
    page.get_by_label("Editorial").check()
    page.get_by_role("button", name="Show the price").click()
    expect(page.locator(".kind-on")).to_contain_text("Editorial")
    page.get_by_label("How many people see it").select_option("10000")
    page.get_by_role("button", name="Show the price").click()
    expect(page.locator(".deal-total strong")).to_have_text("$36.00")
    page.get_by_role("button", name="License this clip").click()
    expect(page.locator(".quote-price")).to_contain_text("$36.00")
    context.close()


def agreement(browser: Browser, url: str, clip: str) -> None:
    lin, ada = (browser.new_context() for _ in range(2))
    buyer = lin.new_page()
    signed_in(buyer, url, "lin@example.org")
    buyer.goto(url + clip)
    buyer.get_by_role("button", name="License this clip").click()
    quote = buyer.url
    buyer.get_by_text("Ask for other terms").click()
    buyer.get_by_label("The price you would pay").fill("50")
    buyer.get_by_role("button", name="Send to the creator").click()
    expect(buyer.get_by_role("status").first).to_contain_text("went to the creator")
    creator = ada.new_page()
    signed_in(creator, url, "ada@example.org")
    creator.goto(url + "/quotes")
    creator.locator(".quote-link").first.click()
    creator.get_by_role("button", name="Accept").click()
    buyer.goto(quote)
    expect(buyer.locator(".quote-price")).to_contain_text("$50.00")
    expect(buyer.get_by_role("button", name="Add to cart")).to_be_visible()
    for theme in ("light", "dark"):
        ada.add_cookies([{"name": "theme", "value": theme, "url": url}])
        for address in (quote, *(url + one for one in (clip, "/quotes", "/prices", "/terms"))):
            assert violations(ada.new_page(), address) == [], (theme, address)
        assert violations(ada.new_page(), f"{url}/terms/exclusive") == []
    lin.close()
    ada.close()


def signed_in(page: Page, url: str, email: str) -> None:
    with unit_of_work() as session:
        account_id = people.account(email)
        word = auth.begin_sign_in(session, session.get_one(Account, account_id))
    page.context.add_cookies([{"name": "sign_in", "value": word, "url": url}])
