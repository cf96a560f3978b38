"""What comes back: a mailbox that does not exist, a reader who calls it junk.

Read are delivery reports (RFC 3464, RFC 6533, and qmail's own) and complaints (RFC 5965). Anybody
can make one up, so it counts only where it names a mail of ours by its Message-ID, 128 random bits;
and it counts for the address that this mail went to, whatever the report says.
"""

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import Message

from sqlalchemy.orm import Session

from catalog.letters import stops, subscribers
from models import event
from models.mail import Mail

MOST_BYTES = 1_000_000
PARTS = 50
OUR_ID = re.compile(r"<([0-9a-f]{32})@")
_STATUS = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\w)")
_GAP = re.compile(r"\r?\n[ \t]*\r?\n")
_CODE = re.compile(r"\A\s*(\d{3})\b")
GONE = {(0, 0), (2, 1), (4, 4)}
"""Of enhanced status codes 5.x.y (RFC 3463): failed without a reason, mailbox switched off, no such
domain. 5.1.y is the address as well, but for the sender's (7, 8, 9)."""
FULL = ("2", "2")
UNKNOWN = (4, 1)
"""5.4.1, "no answer from host", is what Exchange says of a recipient that it does not know."""
OURS = re.compile(
    r"relay|spam|junk|block|reject list|blacklist|polic|spf|dkim|dmarc|denied|auth|reputation", re.I
)
"""Words of a refusal that is about the sender: the mailbox may well exist."""
UNWANTED = ("abuse", "fraud", "opt-out", "opt-out-list")
FAILED = ("message/delivery-status", "message/global-delivery-status")
QMAIL = "Hi. This is the "
QMAIL_COPY = "\n--- Below this line is a copy of the message"
QMAIL_SAID = "Remote host said: "


@dataclass(frozen=True)
class Report:
    kind: str
    mail_id: str


def heard(session: Session, raw: bytes) -> str:
    """What it was taken for: bounced, complained, or "" where nothing follows from it."""
    report = read(raw)
    of = session.get(Mail, report.mail_id) if report else None
    if report is None or of is None:
        return ""
    _stop(session, of, report.kind)
    return report.kind


def refused(session: Session, of: Mail, said: str) -> None:
    """By the server that was to take it, for good, as it said itself."""
    kind = _follows(said)
    if kind:
        _stop(session, of, kind)


def read(raw: bytes) -> Report | None:
    """None for what is no report, tells of no lasting failure, or names no mail of ours."""
    if len(raw) > MOST_BYTES:
        return None
    try:
        return _read(email.message_from_bytes(raw, policy=policy.compat32))
    except Exception:  # a damaged mail makes the parser raise whatever it likes
        return None


def _read(whole: Message) -> Report | None:
    parts = list(_parts(whole))
    kind = _kind(parts)
    named = _named(parts) if kind else ""
    if not kind and whole.get_content_type() == "text/plain":
        kind, named = _of_qmail(str(whole.get_payload()).replace("\r\n", "\n"))
    return Report(kind, named) if kind and named else None


def _of_qmail(text: str) -> tuple[str, str]:
    """A paragraph for each address, then the mail that it is about."""
    told, mark, copy = text.partition(QMAIL_COPY)
    if not told.startswith(QMAIL) or not mark:
        return "", ""
    failed = [one for one in told.split("\n\n") if one.lstrip().startswith("<")]
    kinds = [_follows(one.rpartition(QMAIL_SAID)[2]) for one in failed]
    head = email.message_from_string(copy.partition("\n")[2].lstrip("\n"))
    found = OUR_ID.search(str(head.get("Message-ID", "")))
    return next(filter(None, kinds), ""), found[1] if found else ""


def _parts(whole: Message) -> Iterator[Message]:
    for number, part in enumerate(whole.walk()):
        if number > PARTS:
            return
        yield part


def _kind(parts: list[Message]) -> str:
    """A part of either type says it; what holds it need not be labelled well."""
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            said = _fields(part)
            wanted = any(one.get("feedback-type", "").lower() in UNWANTED for one in said)
            return stops.COMPLAINED if wanted else ""
        if part.get_content_type() in FAILED:
            return next(filter(None, map(_failed, _fields(part))), "")
    return ""


def _failed(one: dict[str, str]) -> str:
    status = _STATUS.search(one.get("status", ""))
    if one.get("action", "").lower() != "failed" or status is None:
        return ""
    return _follows(f"{status[0]} {one.get('diagnostic-code', '')}")


def _follows(said: str) -> str:
    """Of a refusal that was the last word: bounced, full, or "" where it is not the mailbox's."""
    status = _STATUS.search(said)
    if status and (status[2], status[3]) == FULL:
        return stops.FULL
    return stops.BOUNCED if _is_gone(said, status) else ""


def _is_gone(said: str, status: re.Match[str] | None) -> bool:
    if status:
        subject, detail = int(status[2]), int(status[3])
        if (subject, detail) == UNKNOWN:
            return status[1] == "5" and "recipient" in said.lower() and "relay" not in said.lower()
        address = subject == 1 and detail not in (7, 8, 9)
        gone = status[1] == "5" and (address or (subject, detail) in GONE)
        return gone and not ((subject, detail) == (0, 0) and OURS.search(said))
    code = _CODE.match(said)
    return code is not None and code[1] in ("550", "551", "553") and not OURS.search(said)


def _fields(part: Message) -> list[dict[str, str]]:
    """Its groups of fields, names in lower case. The parser reads each as a message of its own; of
    a type that it does not know (RFC 6533), the first, with the others as its text.
    """
    payload = part.get_payload()
    groups = payload if isinstance(payload, list) else [email.message_from_string(str(payload))]
    whole = [group for group in groups if isinstance(group, Message)][:PARTS]
    more = [
        email.message_from_string(block)
        for group in whole
        if isinstance(group.get_payload(), str)
        for block in _GAP.split(str(group.get_payload()).strip(), maxsplit=PARTS)
    ]
    return [
        {name.lower(): " ".join(str(value).split()) for name, value in group.items()}
        for group in [*whole, *more]
    ]


def _named(parts: list[Message]) -> str:
    """The Message-ID of what was sent: in the copy or the head that a report gives back."""
    for part in parts[1:]:
        found = OUR_ID.search(str(part.get("Message-ID", "")))
        if not found and part.get_content_type() == "text/rfc822-headers":
            head = email.message_from_bytes(bytes(part.get_payload(decode=True) or b""))
            found = OUR_ID.search(str(head.get("Message-ID", "")))
        if found:
            return found[1]
    return ""


def _stop(session: Session, of: Mail, kind: str) -> None:
    stops.stop(session, of.to, kind)
    if kind == stops.COMPLAINED:
        subscribers.end(session, of.to)
    event.record(session, f"letters.{kind}", of.id)
