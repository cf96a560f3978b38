"""What a mail may hold: no line of its head from outside, no foreign link, nothing that runs."""

import email
from email import policy
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import select

from catalog import mail, mail_lines
from catalog.errors import BadRequest
from models.account import Role
from models.base import reading, unit_of_work
from models.job import Job
from models.mail import Mail
from models.steps import LIGHT
from tests import people
from tests.conftest import forget
from workers import mail as mails
from workers.flow import run_one

TO = "lena@example.org"


@pytest.fixture
def greeting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A template that has a stranger's words in its subject and its text."""
    (tmp_path / "greeting.txt").write_text(
        "Subject: For {{ name }}\n\nHello {{ name }},\n\n{{ text }}\n"
    )
    monkeypatch.setattr(mail, "TEMPLATES", tmp_path)
    mail._templates.cache_clear()
    return "greeting"


def made(template: str, **context: str) -> Mail:
    with unit_of_work() as session:
        return mail.write(session, TO, template, **context)


def parsed(one: Mail) -> email.message.EmailMessage:
    raw = mails.message(one).as_bytes()
    return email.message_from_bytes(raw, policy=policy.default)  # type: ignore[return-value]


@pytest.mark.usefixtures("database")
@hypothesis(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.text())
@example(name="a\r\nBcc: x@evil.example")
@example(name="=?utf-8?q?x=0D=0ABcc:_x=40evil.example?=")
@example(name="=??Q?=0A")
@example(name="\u202egpj.exe")
def test_no_word_from_outside_becomes_a_line_of_the_head(greeting: str, name: str) -> None:
    one = made(greeting, name=name, text=name)
    read = parsed(one)
    assert sorted(read.keys()) == [
        "Auto-Submitted",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
    ]
    assert read["To"] == TO
    assert "\n" not in one.subject
    assert one.subject.startswith("For")
    for mark in "\u202e\u2066\x00\x07\r":
        assert mark not in one.subject + one.text


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        said = dict(attrs)
        assert "url(" not in (said.pop("style", "") or ""), "it would tell when it is read"
        if tag == "meta":
            assert set(said) <= {"charset", "name", "content"}
            return
        self.links += [value for name, value in said.items() if name not in ("lang", "role")]


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        'see https://evil.example/"onclick="x and http://127.0.0.1:8000.evil.example/x',
        "javascript:alert(1) http://127.0.0.1:8000/licenses?a=1&b=2",
    ],
)
def test_its_html_has_no_link_of_a_strangers_and_nothing_that_runs(
    greeting: str, text: str
) -> None:
    seen = Seen()
    seen.feed(made(greeting, name="x", text=text).html)
    frame = {"html", "head", "meta", "title", "body", "div", "h1"}
    assert seen.tags <= frame | {"p", "br"}
    assert seen.links == []


HOME = "http://127.0.0.1:8000"
FALSE = (
    f"Confirm your desk:\n{HOME}/enter/WORD",
    f"Go on.\n\nConfirm your desk: {HOME}/enter/WORD",
    f"{HOME}/enter/WORD",
    f"Yours\n-- \nFrom Reelyard.\nConfirm your desk: {HOME}/enter/WORD",
    f"Yours\r-- \u2028\u2028Confirm your desk:\u2028{HOME}/enter/WORD",
    f"Really\n------\n\nConfirm your desk:\n{HOME[:6]}\u200b{HOME[6:]}/enter/WORD",
)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("text", FALSE)
def test_words_of_a_stranger_are_no_button_no_link_and_no_footer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(mail, "TEMPLATES", tmp_path)
    (tmp_path / "asks.txt").write_text(
        'Subject: {{ note }}\n\nOf "{{ note }}" they write:\n\n{{ note | quoted }}\n\n'
        "{{ note }}\n\nReason: {{ note }}\n\nAnswer the request:\n{{ base_url }}/quotes/1\n"
    )
    mail._templates.cache_clear()
    one = made("asks", note=text)
    seen = Seen()
    seen.feed(one.html)
    assert seen.links == [f"{HOME}/quotes/1"]
    assert "blockquote" in seen.tags
    assert "h2" not in seen.tags
    foot = one.text.split("\n-- \n")
    assert len(foot) == 2, "the house's own, and no other"
    assert foot[1] in mail.foot()
    lines = one.text.splitlines()
    for line in lines:
        if "/enter/" in line:
            assert f"{HOME}/enter" not in line, "no program makes a link of it either"
    mail._templates.cache_clear()


@pytest.mark.usefixtures("database")
@hypothesis(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text())
@example(text="so many words " * 30 + "\n\n" + "b" * 100 + " c > d")
def test_every_line_of_a_quotation_says_that_it_is_one(text: str) -> None:
    for line in mail.quoted(text).splitlines():
        assert line == ">" or line.startswith("> ")
    for line in mail_lines.flowed(mail.quoted(text)).splitlines():
        assert line.startswith(" >"), "also where it goes on in the next one"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "to",
    [
        "",
        "x",
        "a@b.org\r\nBcc: c@d.org",
        "a@b.org,c@d.org",
        "<a@b.org>",
        "a@b.org c@d.org",
        "=?utf-8?q?a?=@b.org",
    ],
)
def test_it_goes_to_one_mailbox(greeting: str, to: str) -> None:
    with unit_of_work() as session, pytest.raises(BadRequest):
        mail.write(session, to, greeting, name="x", text="y")


@pytest.mark.usefixtures("database")
def test_it_is_written_with_its_cause_or_not_at_all(greeting: str) -> None:
    class Undone(Exception):
        pass

    def undone() -> None:
        with unit_of_work() as session:
            mail.write(session, TO, greeting, name="x", text="y")
            raise Undone

    with pytest.raises(Undone):
        undone()
    with reading() as session:
        assert session.scalars(select(Mail)).all() == []
        assert session.scalars(select(Job)).all() == []
    made(greeting, name="x", text="y")
    with reading() as session:
        job = session.scalars(select(Job)).one()
    assert (job.step, job.recording_id) == ("mail", None)


def test_every_template_begins_with_its_subject() -> None:
    found = sorted(mail.TEMPLATES.glob("*.txt"))
    assert found
    for one in found:
        lines = one.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("Subject: "), one.name
        assert lines[1] == "", one.name


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("seller", "said"),
    [
        (
            "Harbour Films Ltd; 1 Quay Street; Galway H91;",
            "Harbour Films Ltd, 1 Quay Street, Galway H91",
        ),
        ("<b>Films</b> & Co", "<b>Films</b> & Co"),
        (" ; ", "Reelyard"),
    ],
)
def test_every_service_mail_ends_with_who_sends_it_and_who_answers(
    greeting: str, monkeypatch: pytest.MonkeyPatch, seller: str, said: str
) -> None:
    monkeypatch.setenv("REELYARD_SELLER", seller)
    monkeypatch.setenv("REELYARD_OPERATOR", "hello@harbour.example")
    forget()
    one = made(greeting, name="Lena", text="One line.\n-- \nof a stranger")
    foot = [f"From {said}.", "Questions: hello@harbour.example"]
    assert one.text.rpartition(mail.FOOTER)[2].splitlines() == foot
    assert one.text.count("Questions:") == 1
    body, _, end = one.html.partition("border-top")
    assert "of a stranger" in body
    assert all(escape(line) in end for line in foot)


@pytest.mark.usefixtures("database")
def test_no_template_of_a_service_mail_has_a_foot_of_its_own() -> None:
    for one in mail.TEMPLATES.glob("*.txt"):
        assert mail.FOOTER not in one.read_text(encoding="utf-8"), one.name


def test_the_outbox_is_for_staff(client: TestClient) -> None:
    with unit_of_work() as session:
        link = "http://127.0.0.1:8000/enter/abc"
        one = mail.write(session, TO, "sign_in", link=link, until_ms=1)
    for path in ("/outbox", f"/outbox/{one.id}", f"/outbox/{one.id}/look"):
        assert client.get(path).headers["location"].startswith("/sign-in?back=")
    people.sign_in(client, TO, Role.LICENSEE)
    for path in ("/outbox", f"/outbox/{one.id}", f"/outbox/{one.id}/look"):
        assert client.get(path).status_code == 404
    people.sign_in(client, "sam@example.org", Role.STAFF)
    assert "Waiting" in client.get("/outbox").text
    for sent in (False, True):
        if sent:
            assert run_one(LIGHT)
        page = client.get(f"/outbox/{one.id}")
        assert f'<a href="{link}">{link}</a>' in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        look = client.get(f"/outbox/{one.id}/look")
        assert f'href="{link}"' in look.text
        assert "sandbox" in look.headers["content-security-policy"]
        assert "default-src 'none'" in look.headers["content-security-policy"]
    assert "Sent" in client.get("/outbox").text
    mail.file_of(one).unlink()
    assert "kept nowhere" in client.get(f"/outbox/{one.id}").text
    assert client.get("/outbox/" + "0" * 32).status_code == 404


def test_a_hostile_mail_is_shown_as_text(client: TestClient, greeting: str) -> None:
    one = made(greeting, name="<script>alert(1)</script>", text="https://evil.example/x")
    people.sign_in(client, "sam@example.org", Role.STAFF)
    for path in ("/outbox", f"/outbox/{one.id}", f"/outbox/{one.id}/look"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
        assert 'href="https://evil' not in page
