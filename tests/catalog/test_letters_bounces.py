"""What comes back: only what is for good, about the mailbox, and of a mail of ours."""

import email
from email.message import EmailMessage

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as some

from catalog import mail
from catalog.letters import bounces, stops, subscribers
from models.base import new_id, unit_of_work
from tests import letter_factories as letters
from tests.letter_factories import LENA

ID = "0" * 31 + "f"


@pytest.mark.parametrize(
    ("status", "code", "gone"),
    [
        ("5.1.1", "550 5.1.1 no such user", True),
        ("5.1.2", "", True),
        ("5.2.1", "550 5.2.1 mailbox disabled", True),
        ("5.4.4", "", True),
        ("5.0.0", "550 user unknown", True),
        ("5.0.0", "554 rejected: listed as spam", False),
        ("5.2.2", "552 5.2.2 mailbox full", False),
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
        ("552 5.2.2 over quota", False),
        ("451 4.1.1 later", False),
        ("", False),
    ],
)
def test_a_refusal_counts_where_it_is_about_the_mailbox(said: str, gone: bool) -> None:
    """A relay that is set up wrongly refuses everybody: that must not make the whole list mute."""
    assert bounces._is_gone(said) == gone


@pytest.mark.usefixtures("database")
def test_it_counts_for_the_address_that_we_wrote_to_whatever_it_says() -> None:
    with unit_of_work() as session:
        letters.wish(session)
        letters.wish(session, "sam@example.org")
        of = mail.write(session, LENA, "look", what="x", order_id="")
        assert bounces.heard(session, letters.dsn(of.id, to="sam@example.org")) == "bounced"
        assert not subscribers.wants(session, LENA, "news")
        assert subscribers.wants(session, "sam@example.org", "news")
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
        assert subscribers.wants(session, LENA, "news")


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
