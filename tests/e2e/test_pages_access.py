"""Every page of a house in use, for people who can't see it, or see it small, or in the dark."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from models.migrations import migrate
from tests import full_house
from tests.commands import running, until
from tests.conftest import forget
from tests.e2e.test_desk import AXE, RULES
from tests.e2e.test_story import answers
from tests.full_house import Pages
from tests.servers import free_port

COLOURS = "color-contrast"
SEEN = (
    ((390, 844), "light", {"runOnly": RULES}),
    ((834, 1112), "dark", {"runOnly": [COLOURS]}),
    ((1440, 900), "light", {"runOnly": RULES, "rules": {COLOURS: {"enabled": False}}}),
)
"""Sizes that pages are laid out for, and what is asked there: colours do not hang on the size."""
ASK = "asked => axe.run(document, { ...asked, resultTypes: ['violations'] })"
OPEN = "for (const one of document.querySelectorAll('details:not(.menu)')) one.open = true"
ERRORS = {"missing": 404, "verify unknown": 404, "sign in used": 410}
LONG = ("docs",)
"""Asked at one size: it takes as long as ten others."""
WIDE = ("home", "clip", "checkout", "quote", "certificate", "pool", "pool rule", "earnings")
"""Of those that are laid out otherwise where there is room, one each is asked there too."""
STEADY = ("home", "search", "clip", "terms", "cart", "checkout", "quote")
HEADS = (
    *(320, 360, 361, 390, 480, 560, 561, 600, 640),
    *(641, 720, 834, 960, 961, 994, 1040, 1100, 1101),
)
"""Where the head is laid out otherwise, and in between."""
MOST_SHIFT = 0.01
SHIFTS = """() => new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => {
    for (const one of list.getEntries()) sum += one.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 150);
})"""


@dataclass(frozen=True)
class House:
    url: str
    pages: Pages
    words: dict[str, str]


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
        pages, port = full_house.fill(), free_port()
        url = f"http://127.0.0.1:{port}"
        with running("serve", "--port", str(port), log=folder / "log"):
            until(lambda: answers(f"{url}/"), 60, "the catalogue answers")
            yield House(url, pages, full_house.words_of_sign_in())
        forget()


@pytest.fixture
def visit(browser: Browser, house: House, who: str) -> Iterator[Page]:
    """A page of the browser of `who`, on which an error in a script fails the test."""
    context = browser.new_context(reduced_motion="reduce")  # no colour is half way
    if who in house.words:
        cookie = {"name": "sign_in", "value": house.words[who], "url": house.url}
        context.add_cookies([cookie])  # type: ignore[list-item]
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize("who", full_house.PEOPLE)
def test_every_page_is_accessible_and_fits(visit: Page, house: House, who: str) -> None:
    found = []
    for name, path in house.pages[who].items():
        visit.set_viewport_size({"width": 390, "height": 844})
        answer = visit.goto(house.url + path)
        assert (answer.status if answer else 0) == ERRORS.get(name, 200), name
        visit.evaluate(OPEN)
        visit.evaluate(axe())
        for (width, height), theme, asked in SEEN:
            visit.set_viewport_size({"width": width, "height": height})
            visit.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            asks = width == 390 or (name in WIDE if width > 834 else name not in LONG)
            wrong = visit.evaluate(ASK, asked)["violations"] if asks else []
            found += [(name, width, one["id"], one["nodes"][0]["html"][:200]) for one in wrong]
            wide = visit.evaluate("document.documentElement.scrollWidth")
            found += [(name, width, "wider than the screen", str(wide))] if wide > width else []
    assert found == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("who", full_house.PEOPLE)
def test_the_head_of_a_page_fits_at_every_width(visit: Page, house: House, who: str) -> None:
    """Whatever stands in it: staff have the most places, who buys has a cart with a number."""
    visit.goto(f"{house.url}/terms")
    for width in HEADS:
        visit.set_viewport_size({"width": width, "height": 800})
        assert visit.evaluate("document.documentElement.scrollWidth") <= width, width


@pytest.mark.timeout(120)
@pytest.mark.parametrize("who", ["guest", full_house.LIN])
def test_nothing_moves_while_a_page_loads(visit: Page, house: House, who: str) -> None:
    for name in STEADY:
        path = house.pages[who].get(name)
        for (width, height), *_ in SEEN[::2] if path else ():
            visit.set_viewport_size({"width": width, "height": height})
            visit.goto(f"{house.url}{path}")
            assert visit.evaluate(SHIFTS) < MOST_SHIFT, (name, width)


def axe() -> str:
    return Path(AXE).read_text(encoding="utf-8")
