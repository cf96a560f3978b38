"""Somebody who looks around for the first time: no cookie, nothing kept in the browser, no other
host asked. Then the pages on what is kept, up to the erasure, in a real browser.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from catalog import auth
from models.account import Account, Role
from models.base import unit_of_work
from models.migrations import migrate
from tests import factories, member_factories, people
from tests.commands import running, until
from tests.conftest import forget
from tests.e2e.test_desk import AXE, RULES
from tests.e2e.test_story import answers
from tests.servers import free_port

SHOP = "ada@example.org"
ASK = "rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })"


@dataclass(frozen=True)
class House:
    url: str
    pages: list[str]
    """That a first visit may begin with."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with pytest.MonkeyPatch.context() as patch:
        for name in [one for one in os.environ if one.startswith("REELYARD_")]:
            patch.delenv(name)
        patch.setenv("REELYARD_DATA", str(folder / "data"))
        patch.setenv("REELYARD_KEEP_FREE_MB", "0")
        forget()
        migrate()
        pages, port = filled(), free_port()
        url = f"http://127.0.0.1:{port}"
        with running("serve", "--port", str(port), log=folder / "log"):
            until(lambda: answers(f"{url}/"), 60, "the catalogue answers")
            yield House(url, pages)
        forget()


def filled() -> list[str]:
    with unit_of_work() as session:
        clip_id = factories.listing(session).clip_id
        tiers = member_factories.tiers(session)
        for number in range(24):
            account = member_factories.person(session, f"lena{number}@example.org")
            member_factories.membership(session, account.id, of=tiers[0])
    people.account(SHOP, Role.CREATOR, creator="ada")
    creator = ["/creators/ada", "/creators/ada/join"]
    return ["/", f"/clips/{clip_id}", *creator, "/letters", "/privacy"]


def enter(page: Page, house: House, email: str) -> None:
    with unit_of_work() as session:
        account = session.query(Account).filter_by(email=email).one()
        word = auth.begin_sign_in(session, account)
    page.context.add_cookies([{"name": "sign_in", "value": word, "url": house.url}])


def violations(page: Page) -> list[str]:
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.evaluate(Path(AXE).read_text(encoding="utf-8"))
    found = page.evaluate(ASK, RULES)
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"]]


@pytest.mark.timeout(240)
def test_a_first_visit_leaves_nothing_behind_and_asks_nobody_else(
    browser: Browser, house: House
) -> None:
    visit = browser.new_context()
    asked: list[str] = []
    page = visit.new_page()
    page.on("request", lambda one: asked.append(one.url))
    for path in house.pages:
        page.goto(f"{house.url}{path}", wait_until="networkidle")
        assert visit.cookies() == [], path
        assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0], path
    hosts = {urlsplit(one).netloc for one in asked if not one.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(house.url).netloc}
    visit.close()


@pytest.mark.timeout(240)
def test_agreeing_taking_back_downloading_and_erasing(page: Page, house: House) -> None:
    enter(page, house, "lena0@example.org")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{house.url}/account/data")
    page.get_by_role("button", name=re.compile("Agree.*Series you watch")).click()
    expect(page.get_by_role("status")).to_contain_text("you agreed")
    assert violations(page) == []
    page.get_by_role("button", name=re.compile("Take it back.*Series")).click()
    expect(page.get_by_role("status")).to_contain_text("Taken back")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download everything").click()
    assert started.value.suggested_filename.endswith(".zip")
    page.get_by_role("link", name="See what an erasure does").click()
    page.wait_for_url("**/erase")
    assert violations(page) == []
    page.get_by_role("button", name="Erase my account for good").click()
    expect(page.get_by_role("heading", name="Your account is erased")).to_be_visible()
    assert violations(page) == []
    assert page.context.cookies() == []


@pytest.mark.timeout(240)
def test_privacy_and_segments_are_for_everyone(page: Page, house: House) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{house.url}/privacy")
    assert violations(page) == []
    enter(page, house, SHOP)
    page.goto(f"{house.url}/members/segments")
    page.get_by_role("checkbox", name="Early").check()
    page.get_by_role("button", name="Show the size").click()
    expect(page.get_by_role("status")).to_contain_text("20 or more people")
    assert violations(page) == []
    page.get_by_label("Name").fill("All of them")
    page.get_by_role("button", name="Save the segment").click()
    expect(page.get_by_role("status")).to_contain_text("saved")
    assert violations(page) == []
