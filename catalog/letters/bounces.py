"""What comes back: a mailbox that does not exist, a reader who calls it junk.

Read are delivery reports (RFC 3464) and complaints (RFC 5965). Anybody can make one up, so it
counts only where it names a mail of ours by its Message-ID, 128 random bits; and it counts for the
address that this mail went to, whatever the report says.
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
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_CODE = re.compile(r"\A\s*(\d{3})\b")
GONE = {(0, 0), (2, 1), (4, 4)}
"""Of enhanced status codes 5.x.y (RFC 3463): failed without a reason, mailbox switched off, no such
domain. 5.1.y is the address as well, but for the sender's (7, 8, 9)."""
OURS = re.compile(
    r"relay|spam|junk|block|reject list|blacklist|polic|spf|dkim|dmarc|denied|auth|reputation", re.I
)
"""Words of a refusal that is about the sender: the mailbox may well exist."""
UNWANTED = ("abuse", "fraud", "opt-out", "opt-out-list")


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
    if _is_gone(said):
        _stop(session, of, stops.BOUNCED)


def read(raw: bytes) -> Report | None:
    """None for what is no report, tells of no lasting failure, or names no mail of ours."""
    if len(raw) > MOST_BYTES:
        return None
    try:
        parts = list(_parts(email.message_from_bytes(raw, policy=policy.compat32)))
    except (RecursionError, ValueError, LookupError):
        return None
    kind = _kind(parts)
    named = _named(parts) if kind else ""
    return Report(kind, named) if named else None


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
        if part.get_content_type() == "message/delivery-status":
            return stops.BOUNCED if any(map(_failed, _fields(part))) else ""
    return ""


def _failed(one: dict[str, str]) -> bool:
    status = _STATUS.search(one.get("status", ""))
    if one.get("action", "").lower() != "failed" or status is None:
        return False
    said = f"{status[0]} {one.get('diagnostic-code', '')}"
    return _is_gone(said)


def _is_gone(said: str) -> bool:
    """Whether a refusal is for good, and about the mailbox."""
    status = _STATUS.search(said)
    if status:
        subject, detail = int(status[2]), int(status[3])
        address = subject == 1 and detail not in (7, 8, 9)
        gone = status[1] == "5" and (address or (subject, detail) in GONE)
        return gone and not ((subject, detail) == (0, 0) and OURS.search(said))
    code = _CODE.match(said)
    return code is not None and code[1] in ("550", "551", "553") and not OURS.search(said)


def _fields(part: Message) -> list[dict[str, str]]:
    """Its groups of fields, names in lower case. The parser reads each as a message of its own."""
    payload = part.get_payload()
    groups = payload if isinstance(payload, list) else [email.message_from_string(str(payload))]
    return [
        {name.lower(): " ".join(str(value).split()) for name, value in group.items()}
        for group in groups
        if isinstance(group, Message)
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
