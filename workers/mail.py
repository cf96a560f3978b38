"""Step `mail`: one mail leaves, by SMTP or into the outbox folder. Its text stays in no row."""

import os
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import select

from catalog import mail_lines
from catalog.letters import bounces, sending
from catalog.mail import domain, file_of
from models.base import now_ms, reading, unit_of_work
from models.mail import Mail
from models.settings import settings
from pipeline.errors import Refused
from workers.lease import Lease, Waits

TIMEOUT_S = 30
GIVE_UP_MS = 3 * 86_400_000
LEAST_WAIT_MS, MOST_WAIT_MS = 5_000, 3_600_000
NEAR = ("localhost", "127.0.0.1", "::1")


class NotTaken(Exception):
    """`final`: the server refused this mail for good."""

    def __init__(self, text: str, *, final: bool = False) -> None:
        super().__init__(text)
        self.final = final


def run(lease: Lease) -> None:
    """Once its row says so it was sent; a worker that dies before that sends it again, and it has
    the same Message-ID then.
    """
    with reading() as session:
        mail = session.get(Mail, lease.job.subject)
        now = session.scalar(select(now_ms())) or 0
    if mail is None or mail.sent_ms is not None:
        with lease.saving():
            return
    if mail.subscriber_id and not _leaves(lease, mail, now):
        return
    try:
        _send(mail)
    except (NotTaken, OSError) as error:
        _again(mail, error, now)
    with lease.saving() as session:
        sent = session.get_one(Mail, mail.id)
        sent.sent_ms, sent.error = now, ""
        sent.text = sent.html = ""  # it may hold a link that signs in
        sent.made_of = {}


def _leaves(lease: Lease, mail: Mail, now: int) -> bool:
    """Whether a letter is still to be sent. Raises Waits outside of its hours."""
    with reading() as session:
        found = sending.leaving(session, mail, now)
    if found.wait_ms:
        raise Waits("the hours in which letters leave", found.wait_ms)
    if not found.why_not:
        return True
    with lease.saving() as session:
        sending.not_sent(session, mail, found.why_not)
    return False


class _Whole(policy.EmailPolicy):
    """Addresses in List-* stay in one piece: folded, they would be encoded as words are, and no
    mail program would find them.
    """

    def fold(self, name: str, value: Any) -> str:
        if name.startswith("List-"):
            return f"{name}: {value}{self.linesep}"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("ascii", "surrogateescape")


def message(mail: Mail) -> EmailMessage:
    made = EmailMessage(policy=_Whole(linesep="\r\n"))
    made["From"] = settings().mail_from
    made["To"] = mail.to
    made["Subject"] = mail.subject
    made["Date"] = format_datetime(datetime.fromtimestamp(mail.created_ms // 1000, UTC))
    made["Message-ID"] = f"<{mail.id}@{domain()}>"
    made["Auto-Submitted"] = "auto-generated"
    for name, value in mail.headers.items():
        made[name] = value
    text = mail_lines.flowed(mail.text)
    made.set_content(text, cte="quoted-printable", params={"format": "flowed"})
    made.add_alternative(mail.html, subtype="html")
    return made


def _send(mail: Mail) -> None:
    if settings().smtp_url:
        _by_smtp(mail)
    else:
        _into_outbox(mail)


def _again(mail: Mail, error: Exception, now: int) -> None:
    """Waits as long again as the mail is old. Raises Waits, or Refused when it is given up."""
    said = " ".join(str(error).split())[:300] or type(error).__name__
    text = re.sub(re.escape(mail.to), "(address)", said, flags=re.IGNORECASE)
    with unit_of_work() as session:
        session.get_one(Mail, mail.id).error = text
        if isinstance(error, NotTaken) and error.final:
            bounces.refused(session, mail, said)
    age_ms = now - (mail.send_after_ms or mail.created_ms)
    if age_ms > GIVE_UP_MS or (isinstance(error, NotTaken) and error.final):
        raise Refused(f"Mail {mail.id} was given up: {text}") from error
    wait_ms = min(max(age_ms, LEAST_WAIT_MS), MOST_WAIT_MS)
    raise Waits(f"the mail server: {text}", wait_ms) from error


def _into_outbox(mail: Mail) -> None:
    target = file_of(mail)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o700)
    making = target.with_suffix(f".{os.getpid()}")
    making.write_bytes(message(mail).as_bytes())
    making.replace(target)


def _by_smtp(mail: Mail) -> None:
    url = urlsplit(settings().smtp_url)
    host, secure = url.hostname or "localhost", url.scheme == "smtps"
    context = ssl.create_default_context()
    try:
        with _connected(host, url.port, secure, context) as server:
            server.ehlo_or_helo_if_needed()
            if not secure and server.has_extn("starttls"):
                server.starttls(context=context)
                secure = True
            if url.username:
                if not secure and host not in NEAR:
                    raise NotTaken("it offers no TLS, and a password is not sent without it")
                server.login(unquote(url.username), unquote(url.password or ""))
            server.send_message(message(mail))
    except smtplib.SMTPRecipientsRefused as error:
        code, says = next(iter(error.recipients.values()))
        raise NotTaken(_said(code, says), final=code >= 500) from error
    except smtplib.SMTPDataError as error:
        raise NotTaken(
            _said(error.smtp_code, error.smtp_error), final=error.smtp_code >= 500
        ) from error
    except smtplib.SMTPResponseException as error:
        raise NotTaken(_said(error.smtp_code, error.smtp_error)) from error
    except smtplib.SMTPException as error:
        raise NotTaken(str(error)) from error


@contextmanager
def _connected(
    host: str, port: int | None, secure: bool, context: ssl.SSLContext
) -> Iterator[smtplib.SMTP]:
    """What the server took is sent, whatever it says to the end of the talk."""
    server: smtplib.SMTP = (
        smtplib.SMTP_SSL(host, port or 465, timeout=TIMEOUT_S, context=context)
        if secure
        else smtplib.SMTP(host, port or 25, timeout=TIMEOUT_S)
    )
    try:
        yield server
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        server.close()


def _said(code: int, says: bytes | str) -> str:
    text = says.decode(errors="replace") if isinstance(says, bytes) else says
    return f"{code} {text}"
