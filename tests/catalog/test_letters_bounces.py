"""What comes back: only what is for good, about the mailbox, and of a mail of ours."""

import email
from email.message import EmailMessage

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as some
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import mail
from catalog.letters import bounces, stops, subscribers
from models.base import new_id, unit_of_work
from models.consent import Stopped
from tests import factories
from tests import letter_factories as letters
from tests.letter_factories import LENA

ID = "0" * 31 + "f"
QMAIL = """From: MAILER-DAEMON@mx.example.org\r
Subject: failure notice\r
\r
Hi. This is the qmail-send program at mx.example.org.\r
I'm afraid I wasn't able to deliver your message to the following addresses.\r
\r
<lena@example.org>:\r
SAID\r
\r
--- Below this line is a copy of the message.\r
\r
Return-Path: <no-reply@reelyard.local>\r
Message-ID: <ID@reelyard.local>\r
Subject: Three new clips\r
\r
Hello,\r
"""


def ada(session: Session) -> str:
    return factories.creator(session).id


def qmail(said: str) -> bytes:
    return QMAIL.replace("SAID", said).replace("ID@", f"{ID}@").encode()


@pytest.mark.parametrize(
    ("status", "code", "gone"),
    [
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", True),
        ("5.4.1", "", False),
        ("5.4.1", "550 5.4.1 relaying denied for this recipient", False),
        ("5.1.1", "550 5.1.1 no such user", True),
        ("5.1.2", "", True),
        ("5.2.1", "550 5.2.1 mailbox disabled", True),
        ("5.4.4", "", True),
        ("5.0.0", "550 user unknown", True),
        ("5.0.0", "554 rejected: listed as spam", False),
        ("5.3.2", "5.1.1.20 says: no", False),
        ("5.7.1", "550 5.7.1 relaying denied", False),
        ("5.7.26", "550 5.7.26 DMARC", False),
        ("5.1.8", "501 5.1.8 sender's domain", False),
        ("5.3.4", "552 too big", False),
        ("4.4.7", "delivery time expired", False),
        ("2.1.5", "", False),
        ("", "", False),
    ],
)
def test_a_delivery_report_counts_where_the_mailbox_is_gone(
    status: str, code: str, gone: bool
) -> None:
    found = bounces.read(letters.dsn(ID, status=status, code=code))
    assert (found == bounces.Report(stops.BOUNCED, ID)) == gone
    assert (found is None) == (not gone)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Sorry, no mailbox here by that name. (#5.1.1)", "bounced"),
        ("5.1.1.20 does not like recipient.\r\nRemote host said: 550 user unknown", "bounced"),
        ("Mailbox is full. (#5.2.2)", "full"),
        ("5.1.1.20 failed.\r\nRemote host said: 554 5.7.1 blocked", ""),
        ("I'm not going to try again; this message has been in the queue too long.", ""),
    ],
)
def test_it_reads_what_qmail_writes(said: str, kind: str) -> None:
    found = bounces.read(qmail(said))
    assert found == (bounces.Report(kind, ID) if kind else None)
    assert bounces.read(qmail(said).replace(b"Hi. This is the", b"> Hi. This is the")) is None


def test_it_reads_reports_on_addresses_in_any_script() -> None:
    """RFC 6533: of a type that the parser does not know."""
    raw = letters.dsn(ID, kind="message/global-delivery-status")
    assert bounces.read(raw) == bounces.Report(stops.BOUNCED, ID)
    delayed = letters.dsn(ID, kind="message/global-delivery-status", action="delayed")
    assert bounces.read(delayed) is None


def test_what_makes_the_parser_stumble_is_no_report() -> None:
    assert bounces.read(letters.POISON) is None


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("days", "stopped"), [([0, 0, 0, 0], False), ([0, 1], False), ([0, 1, 2], True)]
)
def test_a_mailbox_that_stays_full_is_one_that_nobody_reads(days: list[int], stopped: bool) -> None:
    with unit_of_work() as session:
        letters.wish(session)
        of = mail.write(session, LENA, "look", what="x", order_id="")
        row = None
        for before, day in zip([0, *days], days, strict=False):
            if row is not None:
                row.at_ms -= (day - before) * letters.DAY_MS
            assert bounces.heard(session, letters.dsn(of.id, status="5.2.2")) == "full"
            row = session.scalars(select(Stopped)).one()
        assert stops.reason(session, LENA) == ("bounced" if stopped else "")
        assert stops.among(session, [LENA]) == ({LENA} if stopped else set())
        assert row
        if not stopped:
            row.at_ms -= 90 * letters.DAY_MS
            bounces.heard(session, letters.dsn(of.id, status="5.2.2"))
            assert (row.reason, row.count) == ("full", 1), "what was long ago counts no more"


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_what_is_delayed_or_delivered_is_no_bounce(action: str) -> None:
    assert bounces.read(letters.dsn(ID, action=action)) is None


@pytest.mark.parametrize(
    ("kind", "counts"),
    [("abuse", True), ("fraud", True), ("not-spam", False), ("auth-failure", False), ("", False)],
)
def test_a_complaint_counts_where_somebody_complains(kind: str, counts: bool) -> None:
    found = bounces.read(letters.complaint(ID, kind))
    assert (found == bounces.Report(stops.COMPLAINED, ID)) == counts


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("550 no such mailbox", True),
        ("550 5.1.1 <(address)>: user unknown", True),
        ("553 mailbox name not allowed", True),
        ("554 transaction failed", False),
        ("550 relay not permitted", False),
        ("550 blocked by policy", False),
        ("550 5.7.1 rejected", False),
        ("the server 5.1.1.20 does not like it", False),
        ("451 4.1.1 later", False),
        ("", False),
    ],
)
def test_a_refusal_counts_where_it_is_about_the_mailbox(said: str, gone: bool) -> None:
    """A relay that is set up wrongly refuses everybody: that must not make the whole list mute."""
    assert bounces._follows(said) == (stops.BOUNCED if gone else "")


@pytest.mark.usefixtures("database")
def test_it_counts_for_the_address_that_we_wrote_to_whatever_it_says() -> None:
    with unit_of_work() as session:
        letters.wish(session)
        letters.wish(session, "sam@example.org")
        of = mail.write(session, LENA, "look", what="x", order_id="")
        assert bounces.heard(session, letters.dsn(of.id, to="sam@example.org")) == "bounced"
        assert not subscribers.wants(session, LENA, "news", ada(session))
        assert subscribers.wants(session, "sam@example.org", "news", ada(session))
        assert bounces.heard(session, letters.complaint(of.id)) == "complained"
        assert stops.reason(session, LENA) == "complained"
        assert [one.state for one in subscribers.of_email(session, LENA)] == ["ended"]


@pytest.mark.usefixtures("database")
def test_nobody_can_make_an_address_mute_without_a_mail_that_it_got() -> None:
    with unit_of_work() as session:
        letters.wish(session)
        mail.write(session, LENA, "look", what="x", order_id="")
        for raw in (letters.dsn(new_id()), letters.complaint(new_id()), letters.dsn("x")):
            assert bounces.heard(session, raw) == ""
        assert subscribers.wants(session, LENA, "news", ada(session))


def test_a_mail_that_holds_ours_is_no_report() -> None:
    """Somebody answers, or forwards it."""
    made = EmailMessage()
    made["Message-ID"] = f"<{ID}@reelyard.local>"
    made["Subject"] = "Re: Three new clips"
    made.set_content("Action: failed\nStatus: 5.1.1\nFeedback-Type: abuse\n")
    assert bounces.read(made.as_bytes()) is None
    made.add_attachment(email.message_from_bytes(made.as_bytes()))
    assert bounces.read(made.as_bytes()) is None


@hypothesis(max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    raw=some.binary(max_size=400)
    | some.tuples(some.integers(0, 1_200), some.binary(max_size=8)).map(
        lambda cut: letters.dsn(ID)[: cut[0]] + cut[1] + letters.dsn(ID)[cut[0] + 3 :]
    )
)
def test_damaged_reports_are_read_as_far_as_they_go(raw: bytes) -> None:
    found = bounces.read(raw)
    assert found is None or found.mail_id == ID or len(found.mail_id) == 32


def test_what_is_too_large_or_too_deep_is_not_read() -> None:
    assert bounces.read(letters.dsn(ID) + b"x" * bounces.MOST_BYTES) is None
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3_000)
    )
    assert bounces.read(deep) is None


def test_it_reads_what_the_standard_shows() -> None:
    """RFC 3464, appendix E: a report of two recipients, one of them failed."""
    raw = letters.dsn(ID).replace(
        b"Reporting-MTA: dns; mx.example.org\r\n\r\n",
        b"Reporting-MTA: dns; mx.example.org\r\n\r\n"
        b"Original-Recipient: rfc822;a@b.example\r\nAction: delivered\r\nStatus: 2.0.0\r\n\r\n",
    )
    assert bounces.read(raw) == bounces.Report(stops.BOUNCED, ID)
