"""Every mail of the house, as it leaves: what its reader may count on, whatever it is about."""

import re
from collections.abc import Iterator
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog import mail, mail_lines
from catalog.app import create_app
from models.base import reading
from models.mail import Mail
from models.settings import settings
from tests import mail_factories, people
from tests.conftest import forget
from tests.databases import migrated
from workers import mail as mails

ADDRESS = re.compile(r"https?://\S+")
LETTERS = ("digest", "onboarding-", "told")
"""How the names of templates begin that are letters: wished for, and ended with one click."""
SELLS = re.compile(r"offer|discount|upgrade|only today|hurry|don't miss|% off", re.IGNORECASE)
MONEY = re.compile(r"[$€£]\d[\d,.]*\d")
DATE = re.compile(r"\b\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}\b")
IDS = re.compile(r"[0-9a-f]{32,}|[RC]\d{4}-\d{6}")
PARTNERS = "https://partner.example/reelyard/in"
"""A partner's own address, told and not linked."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Mail]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REELYARD_DATA", str(tmp_path_factory.mktemp("mails")))
        patch.setenv("REELYARD_KEEP_FREE_MB", "0")
        patch.setenv("REELYARD_OPERATOR", mail_factories.SAM)
        forget()
        migrated()
        mail_factories.write_all()
        with reading() as session:
            found = list(session.scalars(select(Mail).order_by(Mail.created_ms, Mail.id)))
        yield found
        forget()


def is_letter(one: Mail) -> bool:
    return one.purpose.startswith(LETTERS)


def text_of(raw: EmailMessage) -> str:
    body = raw.get_body(("plain",))
    assert body
    return str(body.get_content())


class Read(HTMLParser):
    """What a mail program would show, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.lang, self.title, self.words = "", "", ""
        self.tags, self.links = set[str](), list[str]()
        self.open = list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.open.append(tag)
        self.lang = said.get("lang", self.lang)
        self.links += [said["href"]] if "href" in said else []
        assert not {"src", "background", "srcset", "poster"} & set(said)
        assert "url(" not in said.get("style", ""), "it would tell when it is read"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "title" and not self.title:
            self.title = data
        self.words += data


def test_every_template_is_among_them(house: list[Mail]) -> None:
    assert {one.purpose for one in house} == {path.stem for path in mail.TEMPLATES.glob("*.txt")}


def test_it_says_all_that_it_wants_to_say(house: list[Mail]) -> None:
    for one in house:
        said = f"{one.subject}\n{one.text}"
        for left in ("{", "}", "None", "Undefined", "!", "\n\n\n", " \n\n", "  ", "..", " ,", ":."):
            assert left not in said.replace("\n-- \n", "\n"), (one.purpose, left)
        assert 4 < len(one.subject) <= 130, one.subject
        for line in one.text.splitlines():
            begins = line.split()[0] if line.split() else ""
            assert not begins[:1].islower() or ADDRESS.match(begins) or "@" in begins, line


def test_a_sum_has_its_currency_and_a_time_its_zone(house: list[Mail]) -> None:
    for one in house:
        said = f"{one.subject}\n{one.text}"
        for found in MONEY.finditer(said):
            assert said[found.end() :].startswith(" USD"), (one.purpose, found[0])
        assert "USD USD" not in said
        for found in DATE.finditer(said):
            assert re.match(r", \d\d:\d\d UTC", said[found.end() :]), (one.purpose, found[0])


def test_it_has_two_parts_that_any_program_shows(house: list[Mail]) -> None:
    for one in house:
        raw = mails.message(one)
        parts = [part.get_content_type() for part in raw.iter_parts()]
        assert parts == ["text/plain", "text/html"], one.purpose
        told = text_of(raw)
        for line in told.splitlines():
            assert len(line) < 78 or ADDRESS.fullmatch(line.strip()), (one.purpose, line)
        assert mail_lines.whole(told) == one.text, one.purpose
        assert all(len(line) < 998 for line in raw.as_bytes().splitlines())


def test_its_html_is_for_everybody_and_loads_nothing(house: list[Mail]) -> None:
    for one in house:
        read = Read(one.html)
        assert read.lang == "en"
        assert read.title == one.subject
        assert "table" not in read.tags, "what is laid out by a table is read as one"
        assert not read.tags & {"img", "script", "link", "iframe", "form", "style", "base"}
        told = set(re.findall(r"\w+", re.sub(ADDRESS, "", one.text)))
        assert told <= set(re.findall(r"\w+", read.words)), one.purpose


def test_a_letter_can_be_ended_and_a_service_mail_sells_nothing(house: list[Mail]) -> None:
    for one in house:
        raw = mails.message(one)
        foot = one.text.rpartition(mail.FOOTER)[2]
        assert bool(one.subscriber_id) == is_letter(one), one.purpose
        if is_letter(one):
            ends = raw["List-Unsubscribe"].strip("<>")
            assert raw["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            assert f"Stop these letters: {ends}" in foot
            assert "You get this because you asked for" in foot
        else:
            assert not [name for name in raw if name.startswith("List-")], one.purpose
            assert "because you asked" not in one.text
            body = one.text.removesuffix(foot)
            if one.purpose not in ("confirm-letters", "quote_countered", "quote_asked"):
                assert not SELLS.search(body), (one.purpose, SELLS.search(body))


def test_each_link_is_the_houses_own_and_opens_for_its_reader(house: list[Mail]) -> None:
    """Also on another device, where it first asks who they are. One of each kind in a mail."""
    home, opened, app = settings().base_url, set[tuple[str, str]](), create_app()
    stranger = TestClient(app, base_url="http://127.0.0.1")
    readers = {
        email: TestClient(app, base_url="http://127.0.0.1") for email in mail_factories.ROLES
    }
    for email, client in readers.items():
        people.sign_in(client, email)
    for one in house:
        found = {link.rstrip(".") for link in ADDRESS.findall(one.text)} - {PARTNERS}
        assert found >= set(Read(one.html).links)
        for link in sorted(found):
            assert link.startswith(home), (one.purpose, link)
            kind = (one.purpose, IDS.sub("ID", link))
            if kind in opened or (one.to, link) in opened:
                continue
            opened |= {kind, (one.to, link)}
            path = link.removeprefix(home) or "/"
            answer = readers[one.to].get(path)
            assert answer.status_code == 200, (one.purpose, link)
            assert "back=" not in str(answer.url), "it stops at a form"
            assert stranger.get(path).status_code == 200, (one.purpose, link)
    assert len(opened) > 60
