"""Wishes for letters, as rows; what mail servers send back; the time of day of a test."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.letters import hours
from models.base import now_ms, reading, unit_of_work
from models.consent import Subscriber, SubscriberState
from models.creator import Creator
from models.mail import Mail
from tests import factories

HOUR_MS, DAY_MS = hours.HOUR_MS, hours.DAY_MS
LENA = "lena@example.org"
POISON = b"Content-Type: multipart/x; a*=1; a*0*=b\r\n\r\nhello"
"""The parser of the standard library raises TypeError for it."""


def noon(days: int = 0) -> int:
    """Of today, by the database: letters leave at that hour."""
    with reading() as session:
        now = session.scalar(select(now_ms())) or 0
    return now - now % DAY_MS + 12 * HOUR_MS + days * DAY_MS


def wish(
    session: Session,
    email: str = LENA,
    purpose: str = "news",
    of: Creator | None = None,
    **values: Any,
) -> Subscriber:
    """Confirmed long ago, of Ada where nobody is named."""
    given = {
        "email": email,
        "purpose": purpose,
        "creator_id": (of or factories.creator(session)).id,
        "state": SubscriberState.CONFIRMED,
        "source": "test",
        "asked_ms": 1,
        "confirmed_ms": 1,
    }
    return factories._kept(session, Subscriber(**{**given, **values}))


def mails(to: str = "") -> list[Mail]:
    """Oldest first."""
    wanted = select(Mail).order_by(Mail.created_ms, Mail.id)
    with reading() as session:
        return list(session.scalars(wanted.where(Mail.to == to) if to else wanted))


def only(to: str = "") -> Mail:
    found = mails(to)
    assert len(found) == 1, [one.subject for one in found]
    return found[0]


def link(one: Mail, what: str) -> str:
    """The path in its text."""
    start = one.text.index(f"/letters/{what}/")
    return one.text[start:].split()[0]


def forget_mails() -> None:
    with unit_of_work() as session:
        for one in session.scalars(select(Mail)):
            session.delete(one)


def dsn(
    message_id: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    code: str = "",
    to: str = LENA,
    kind: str = "message/delivery-status",
) -> bytes:
    """A delivery report as a mail server writes it (RFC 3464)."""
    said = f"Diagnostic-Code: smtp; {code}\r\n" if code else ""
    return (
        "From: MAILER-DAEMON@mx.example.org\r\nTo: no-reply@reelyard.local\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
        "Message-ID: <20261122.1@mx.example.org>\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"\r\n\r\n'
        "--b1\r\nContent-Type: text/plain\r\n\r\nI'm sorry to have to tell you.\r\n"
        f"--b1\r\nContent-Type: {kind}\r\n\r\n"
        "Reporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; {to}\r\nAction: {action}\r\nStatus: {status}\r\n{said}\r\n"
        "--b1\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        f"From: Reelyard <no-reply@reelyard.local>\r\nMessage-ID: <{message_id}@reelyard.local>\r\n"
        f"To: {to}\r\nSubject: Three new clips\r\n\r\n--b1--\r\n"
    ).encode()


def complaint(message_id: str, kind: str = "abuse") -> bytes:
    """As a mail provider reports it (RFC 5965), the address taken out as most do."""
    return (
        "From: feedback@mail.example\r\nTo: no-reply@reelyard.local\r\nSubject: FW: Three\r\n"
        "MIME-Version: 1.0\r\nMessage-ID: <fbl-1@mail.example>\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b2"\r\n\r\n'
        "--b2\r\nContent-Type: text/plain\r\n\r\nThis is an abuse report.\r\n"
        "--b2\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: {kind}\r\nUser-Agent: Provider/1\r\nVersion: 1\r\n\r\n"
        "--b2\r\nContent-Type: message/rfc822\r\n\r\n"
        f"From: Reelyard <no-reply@reelyard.local>\r\nMessage-ID: <{message_id}@reelyard.local>\r\n"
        "To: redacted\r\nSubject: Three new clips\r\n\r\nHello,\r\n\r\n--b2--\r\n"
    ).encode()
