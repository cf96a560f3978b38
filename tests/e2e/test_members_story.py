"""A member's whole story in one browser: asks for letters, joins for $3, sees a clip a day before
the public, is offered a small thing with its reason, buys it with one click and takes it back, goes
up a tier, reads the mails, leaves in two clicks, takes the data along and has it erased.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from catalog import mail
from catalog.members import tiers
from models.account import Role
from models.base import reading, unit_of_work
from models.clip import AssetKind, Clip
from models.mail import Mail
from models.membership import MemberEvent, Membership
from tests import factories, people
from tests import member_factories as members
from tests import offer_factories as offers
from tests.commands import running, until
from tests.databases import migrated
from tests.e2e.test_offer import CARD, preview, to_the_end
from tests.e2e.test_story import answers
from tests.servers import free_port

LIN = "lin@example.org"
WAIT_S = 60
House = tuple[str, tuple[str, str, str], str]


@pytest.fixture
def house(home: Path, tmp_path: Path) -> Iterator[House]:
    """Its address, three public clips of Ada's, and one that is public in six hours."""
    migrated()
    people.account("ada@example.org", Role.CREATOR, creator="ada")
    free, other, public = offers.clips(3)
    offers.make("keep")
    with unit_of_work() as session:
        members.tiers(session)
        clip = session.get_one(Clip, public)
        factories.asset(session, clip, AssetKind.PREVIEW, preview(tmp_path / "preview.mp4"))
        early = factories.clip(session, clip.recording, title="Tomorrow's goal", start_ms=900_000)
        soon = tiers.now_of(session) + 6 * members.HOUR_MS
        factories.listing(session, early).visible_from_ms = soon
        found = early.id
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    given = {
        "REELYARD_DATA": str(home),
        "REELYARD_LETTERS_HOURS": "0-24",
        "REELYARD_LETTERS_EVERY_S": "2",
    }
    with running("up", "--port", str(port), log=tmp_path / "log", **given):
        until(lambda: answers(f"{url}/"), WAIT_S, "the catalogue answers")
        yield url, (free, other, public), found


@pytest.mark.timeout(400)
def test_from_a_visit_to_an_erased_account(browser: Browser, house: House) -> None:
    url, clips, early = house
    hours = offers.noon() // 60
    zone = f"Etc/GMT{-hours:+d}" if hours else "UTC"
    context = browser.new_context(timezone_id=zone, accept_downloads=True)
    page = context.new_page()
    asks_for_letters(page, url)
    joins(page, url)
    sees_early(browser, page, url, early)
    keeps_two_as_a_member(page, url, clips[:2])
    takes_an_offer_and_gives_it_back(page, url, clips[2])
    goes_up(page, url)
    reads_the_mails(url)
    leaves_in_two_clicks(page, url)
    takes_the_data_along(page, url)
    is_erased(context, page, url)


def asks_for_letters(page: Page, url: str) -> None:
    """Nothing is ticked before; the address is asked once more by mail."""
    page.goto(f"{url}/letters?creator=ada")
    form = page.locator("main form").first
    assert form.locator("input[type=checkbox]:checked").count() == 0
    form.locator("input[type=email]").fill(LIN)
    form.locator("input[type=checkbox]").first.check()
    form.locator("button").click()
    page.goto(url + link_in(r"/letters/confirm/[\w.~-]+"))
    page.locator("main form button").first.click()
    expect(page.locator("main")).to_contain_text(re.compile("confirmed|You get", re.IGNORECASE))


def joins(page: Page, url: str) -> None:
    page.goto(f"{url}/creators/ada/join")
    page.locator("a[href*='tier=early']:not([href$='#tiers'])").first.click()
    expect(page.locator("#pay")).to_contain_text("$3.00 USD")
    assert page.locator("input:checked").count() == 0
    page.locator("#letters-onboarding").check()
    page.locator("#email").fill(LIN)
    page.locator("#pay button").click()
    page.goto(url + link_in(r"/enter/[\w-]+"))
    page.locator("main button").first.click()
    page.locator("#pay button").click()
    page.locator("button[value='pay']").click()
    expect(page.locator("h1")).to_have_text("You are a member of Ada")


def sees_early(browser: Browser, page: Page, url: str, early: str) -> None:
    page.goto(f"{url}/clips/{early}")
    expect(page.locator("#deal")).to_contain_text("Early for you")
    stranger = browser.new_page()
    answer = stranger.goto(f"{url}/clips/{early}")
    assert answer
    assert answer.status == 404
    stranger.close()


def keeps_two_as_a_member(page: Page, url: str, clips: tuple[str, ...]) -> None:
    """What the tier gives in a month; as long as that lasts, a clip is not sold to a member."""
    for clip_id in clips:
        page.goto(f"{url}/clips/{clip_id}")
        page.locator("form[action$='/personal'] button").click()
        expect(page.locator("main")).to_contain_text("Personal")


def takes_an_offer_and_gives_it_back(page: Page, url: str, public: str) -> None:
    page.goto(f"{url}/clips/{public}")
    to_the_end(page)
    expect(page.locator(CARD)).to_contain_text("Why you see this")
    page.locator(CARD).get_by_role("button", name=re.compile("^Buy for")).click()
    expect(page.locator("h1")).to_contain_text("Bought for $")
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("h1")).to_have_text("Taken back")


def goes_up(page: Page, url: str) -> None:
    page.goto(f"{url}/memberships")
    page.locator("main h2 a").first.click()
    page.locator("a[href*='change?tier='][href*='period=month']").first.click()
    expect(page.locator(".sum")).to_contain_text("$6.00 USD")
    page.locator("main form button").first.click()
    expect(page.get_by_role("status")).to_contain_text("Your membership is changed")


def reads_the_mails(url: str) -> None:
    """The first letter comes by itself, and says where the early clips are and how to stop."""
    until(lambda: mails("onboarding-"), WAIT_S, "the first onboarding letter is written")
    [first, *_] = mails("onboarding-")
    text = mail.text_of(first)
    assert f"{url}/" in text.replace("http://127.0.0.1:8000", url)
    assert "unsubscribe" in text.lower()
    assert "List-Unsubscribe" in first.headers
    assert len(mails("membership-")) >= 2


def leaves_in_two_clicks(page: Page, url: str) -> None:
    page.goto(f"{url}/memberships")
    page.locator("main h2 a").first.click()
    page.locator("a[href$='/leave']").first.click()
    button = page.locator("main form button").first
    expect(button).to_have_text(re.compile(r"Leave on \d+ \w+ \d{4}"))
    button.click()
    expect(page.get_by_role("status")).to_contain_text("You leave on")
    assert mails("membership-leaving")


def takes_the_data_along(page: Page, url: str) -> None:
    page.goto(f"{url}/account/data")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download everything").click()
    kept = zipfile.ZipFile(io.BytesIO(started.value.path().read_bytes()))
    text = "".join(kept.read(name).decode() for name in kept.namelist() if "." in name)
    assert any(name.endswith(".csv") for name in kept.namelist())
    assert LIN in text
    assert "membership" in " ".join(kept.namelist())


def is_erased(context: BrowserContext, page: Page, url: str) -> None:
    """The figures stay as they were; the person is gone from them."""
    with reading() as session:
        before = len(session.scalars(select(MemberEvent.id)).all())
    page.get_by_role("link", name="See what an erasure does").click()
    page.get_by_role("button", name="Erase my account for good").click()
    expect(page.locator("h1")).to_have_text("Your account is erased")
    with reading() as session:
        assert len(session.scalars(select(MemberEvent.id)).all()) >= before
        [row] = session.scalars(select(Membership))
        assert row.state == "ended"
    page.goto(f"{url}/memberships")
    expect(page).to_have_url(re.compile("/sign-in"))
    context.close()


def link_in(pattern: str) -> str:
    """Of the newest mail that has it; once sent, its text is in the outbox folder alone."""
    found: list[str] = []

    def written() -> bool:
        with reading() as session:
            rows = session.scalars(select(Mail).filter_by(to=LIN).order_by(Mail.created_ms.desc()))
            texts = [mail.text_of(row) for row in rows]
        found[:] = [one[0] for one in (re.search(pattern, text) for text in texts) if one]
        return bool(found)

    until(written, WAIT_S, f"a mail with {pattern}")
    return found[0]


def mails(purpose: str) -> list[Mail]:
    with reading() as session:
        wanted = select(Mail).where(Mail.purpose.startswith(purpose)).order_by(Mail.created_ms)
        return list(session.scalars(wanted))
