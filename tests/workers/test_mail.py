"""A mail leaves once, by SMTP or into the outbox; what can't be sent waits; its end is told."""

import email
import socket
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import mail
from models.base import reading, unit_of_work
from models.job import Job
from models.mail import Mail
from models.settings import settings
from models.steps import LIGHT
from tests.mailbox import Mailbox, certificate, mailbox
from tests.servers import free_port
from workers import mail as mails
from workers.flow import run_one

pytestmark = pytest.mark.usefixtures("database")
TO = "lena@example.org"
LINK = "http://127.0.0.1:8000/enter/abcdef"
DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is due at once, so that no test sleeps."""
    monkeypatch.setattr(mails, "LEAST_WAIT_MS", 0)
    monkeypatch.setattr(mails, "MOST_WAIT_MS", 0)


def written(link: str = LINK) -> Mail:
    with unit_of_work() as session:
        return mail.write(session, TO, "sign_in", link=link, until_ms=1_795_355_760_000)


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REELYARD_SMTP_URL", url)
    settings.cache_clear()


def row() -> Mail:
    with reading() as session:
        return session.scalars(select(Mail)).one()


def job() -> Job:
    with reading() as session:
        return session.scalars(select(Job)).one()


def outbox() -> list[EmailMessage]:
    files = sorted(mail.outbox().glob("*"))
    return [email.message_from_bytes(one.read_bytes(), policy=policy.default) for one in files]  # type: ignore[misc]


def check(one: EmailMessage, of: Mail) -> None:
    """As it shall leave this house, whatever the way."""
    assert one["To"] == TO
    assert one["From"] == "Reelyard <no-reply@reelyard.local>"
    assert one["Subject"] == "Your link to sign in to Reelyard"
    assert one["Message-ID"] == f"<{of.id}@reelyard.local>"
    assert one["Auto-Submitted"] == "auto-generated"
    assert one["Date"].datetime.timestamp() == of.created_ms // 1000
    assert one.get_content_type() == "multipart/alternative"
    text, html = (one.get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert html
    assert LINK in text.get_content()
    assert f'href="{LINK}">Sign in to Reelyard</a>' in html.get_content()


def test_without_a_server_it_stays_in_the_outbox() -> None:
    of = written()
    assert run_one(LIGHT)
    (one,) = outbox()
    check(one, of)
    assert mail.outbox().stat().st_mode & 0o077 == 0, "it holds links that sign in"
    assert not run_one(LIGHT)


def test_once_sent_no_row_has_its_text() -> None:
    written()
    assert "/enter/" in row().text
    run_one(LIGHT)
    sent = row()
    assert sent.sent_ms
    assert (sent.text, sent.html, sent.error) == ("", "", "")
    assert sent.subject == "Your link to sign in to Reelyard"


def test_by_smtp(monkeypatch: pytest.MonkeyPatch) -> None:
    of = written()
    with mailbox() as box:
        use(monkeypatch, f"smtp://127.0.0.1:{box.port}")
        run_one(LIGHT)
    check(box.mails[0], of)
    assert (box.to, box.secure) == ([TO], [False])
    assert row().sent_ms
    assert outbox() == []


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_by_tls_with_a_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scheme: str
) -> None:
    of = written()
    folder = certificate(tmp_path / "tls")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "cert.pem"))
    with mailbox(tls=folder, starttls=scheme == "smtp") as box:
        use(monkeypatch, f"{scheme}://lena:open%2Fsesame@127.0.0.1:{box.port}")
        run_one(LIGHT)
    check(box.mails[0], of)
    assert box.secure == [True]
    assert box.logins == [("lena", "open/sesame")]


def test_a_certificate_that_nobody_vouches_for_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written()
    with mailbox(tls=certificate(tmp_path / "tls")) as box:
        use(monkeypatch, f"smtp://lena:open%2Fsesame@127.0.0.1:{box.port}")
        run_one(LIGHT)
    assert box.mails == []
    assert box.logins == [], "nor does it get the password"
    assert "certificate" in row().error.lower()


def test_a_password_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    written()
    with mailbox(host="127.0.0.2") as box:
        use(monkeypatch, f"smtp://lena:secret@127.0.0.2:{box.port}")
        run_one(LIGHT)
    assert box.logins == []
    assert "no TLS" in row().error


@pytest.mark.parametrize("said", ["421 4.3.2 closing", "500 what?"])
def test_what_the_server_took_is_sent_whatever_it_says_at_the_end(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    async def quit_(*given: object) -> str:
        return said

    monkeypatch.setattr(Mailbox, "handle_QUIT", quit_, raising=False)
    written()
    with mailbox() as box:
        use(monkeypatch, f"smtp://127.0.0.1:{box.port}")
        run_one(LIGHT)
        assert not run_one(LIGHT)
    assert len(box.mails) == 1
    assert (bool(row().sent_ms), row().error) == (True, "")


def test_a_server_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    of = written()
    port = free_port()
    use(monkeypatch, f"smtp://127.0.0.1:{port}")
    for _ in range(5):
        assert run_one(LIGHT)
    waits = job()
    assert (waits.state, waits.attempt) == ("ready", 0), "no try is burnt"
    assert waits.waiting.startswith("the mail server: ")
    assert row().error
    with mailbox(port=port) as box:
        run_one(LIGHT)
    check(box.mails[0], of)
    assert (job().state, row().error) == ("done", "")


def test_a_server_that_says_nothing_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mails, "TIMEOUT_S", 0.2)
    written()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(monkeypatch, f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        run_one(LIGHT)
    assert job().state == "ready"
    assert "timed out" in row().error


def test_not_now_is_not_never(monkeypatch: pytest.MonkeyPatch) -> None:
    written()
    with mailbox() as box:
        use(monkeypatch, f"smtp://127.0.0.1:{box.port}")
        box.answers.append("451 try again later")
        run_one(LIGHT)
        assert (job().state, row().error) == ("ready", "451 try again later")
        run_one(LIGHT)
        assert len(box.mails) == 1
        written()
        box.answers.append("550 no such mailbox")
        run_one(LIGHT)
        assert not run_one(LIGHT)
    with reading() as session:
        given_up = session.scalars(select(Job).where(Job.state == "quarantined")).one()
        refused = session.get_one(Mail, given_up.subject)
    assert given_up.error == f"Mail {refused.id} was given up: 550 no such mailbox"
    assert (refused.sent_ms, refused.error) == (None, "550 no such mailbox")


@pytest.mark.parametrize("said_as", [TO, TO.upper()])
def test_the_address_that_a_server_repeats_is_kept_in_no_error(
    monkeypatch: pytest.MonkeyPatch, said_as: str
) -> None:
    """A job's error is read by staff and stands in logs."""
    of = written()
    with mailbox() as box:
        use(monkeypatch, f"smtp://127.0.0.1:{box.port}")
        box.answers.append(f"451 <{said_as}>: greylisted, try again later")
        run_one(LIGHT)
        told = [row().error, job().waiting]
        box.answers.append(f"550 5.1.1 <{said_as}>: no such mailbox")
        run_one(LIGHT)
        told += [row().error, job().error, job().waiting]
    assert job().state == "quarantined"
    assert told[3] == f"Mail {of.id} was given up: 550 5.1.1 <(address)>: no such mailbox"
    assert told[0] == "451 <(address)>: greylisted, try again later"
    assert TO not in " ".join(told).lower()


def test_after_three_days_it_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    of = written()
    use(monkeypatch, f"smtp://127.0.0.1:{free_port()}")
    with unit_of_work() as session:
        session.get_one(Mail, of.id).created_ms -= 3 * DAY_MS - 60_000
    run_one(LIGHT)
    assert job().state == "ready"
    with unit_of_work() as session:
        session.get_one(Mail, of.id).created_ms -= 120_000
    run_one(LIGHT)
    assert job().state == "quarantined"
    assert "was given up" in job().error
    assert row().text, "so that staff can see what did not arrive"


def test_it_waits_as_long_again_as_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mails, "LEAST_WAIT_MS", 5_000)
    monkeypatch.setattr(mails, "MOST_WAIT_MS", 3_600_000)
    of = written()
    waited = []
    for age_ms in (0, 10_000, 600_000, DAY_MS):
        with pytest.raises(mails.Waits) as told:
            mails._again(of, OSError("away"), of.created_ms + age_ms)
        waited.append(told.value.wait_ms)
    assert waited == [5_000, 10_000, 600_000, 3_600_000]


def test_what_was_sent_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies after it sent leaves the row as it was: the mail is the same one then."""
    of = written()
    with mailbox() as box:
        use(monkeypatch, f"smtp://127.0.0.1:{box.port}")
        mails._send(of)  # and died
        run_one(LIGHT)
        with unit_of_work() as session:
            again = session.scalars(select(Job)).one()
            again.state = "ready"  # type: ignore[assignment]
        run_one(LIGHT)
    assert len(box.mails) == 2
    assert len({one["Message-ID"] for one in box.mails}) == 1
