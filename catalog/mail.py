"""A mail is a row, written in the transaction of its cause; the step `mail` sends it."""

import email
import functools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import jinja2
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import mail_lines, mail_sheet
from catalog.errors import BadRequest, NotFound
from catalog.paged import Page, page_of
from catalog.web import words
from models.base import now_ms
from models.mail import Mail
from models.settings import settings
from models.steps import ask

TEMPLATES = Path(__file__).parent / "web" / "templates" / "mail"
SUBJECT = "Subject:"
ADDRESSES = frozenset({"base_url", "clips", "leave", "link", "page", "what"})
"""What the house itself says with addresses of its own in it. In nothing else that a template is
given does an address lead anywhere: a stranger may have written it.
"""
_ADDRESS = re.compile(
    r"[a-z0-9.!#$%&'*+/=^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"[a-z0-9-]{2,63}"
)


ERASED = "@erased.invalid"
"""The end of addresses that stand for nobody: of people who were erased. No mail goes there."""


def address(text: str) -> str:
    """In lower case. Raises BadRequest for what is no address of one mailbox."""
    found = text.strip().lower()
    if len(found) > 254 or not _ADDRESS.fullmatch(found):
        raise BadRequest("This is no e-mail address; it looks like name@example.org.")
    return found


class Ours(str):
    """Words of the house, which may be lines and addresses of its own."""


@dataclass(frozen=True)
class Composed:
    subject: str
    text: str


def write(
    session: Session,
    to: str,
    template: str,
    *,
    headers: Mapping[str, str] | None = None,
    send_after_ms: int | None = None,
    **context: Any,
) -> Mail:
    """At once, or not before `send_after_ms`."""
    made = composed(template, **context)
    return keep(session, to, template, made, headers=headers, send_after_ms=send_after_ms)


def composed(template: str, **context: Any) -> Composed:
    """The template's first line is its subject. No value can begin a line of the head: the subject
    and the text are rendered apart, and what breaks lines is taken out of the subject. In the text
    a value is one line too; words of several lines are given through the filter `quoted`.
    """
    subject, text = _templates(template)
    given = {"base_url": settings().base_url, **context}
    ours = {name for name, value in given.items() if name in ADDRESSES and isinstance(value, str)}
    given |= {name: Ours(given[name]) for name in ours}
    body = re.sub(r"\n{3,}", "\n\n", _plain(text.render(given)).strip()) + "\n"
    return Composed(_one_line(subject.render(given))[:300], body)


def keep(
    session: Session,
    to: str,
    template: str,
    made: Composed,
    *,
    headers: Mapping[str, str] | None = None,
    send_after_ms: int | None = None,
    subscriber_id: str = "",
    made_of: Mapping[str, Any] | None = None,
    of: str = "",
) -> Mail:
    """The row, and the job that sends it. `of`: whose letter it is, as its head says. A letter
    brings its own foot, which says how to stop it.
    """
    text = made.text if subscriber_id else made.text + foot()
    row = Mail(
        to=address(to),
        purpose=template,
        subject=made.subject,
        text=text,
        html=mail_sheet.html(made.subject, text, _one_line(of)),
        headers={name: _one_line(value)[:900] for name, value in (headers or {}).items()},
        send_after_ms=send_after_ms,
        subscriber_id=subscriber_id,
        made_of=dict(made_of or {}),
    )
    if row.to.endswith(ERASED):
        row.text = row.html = ""
        row.sent_ms = session.scalar(select(now_ms()))
    session.add(row)
    session.flush()
    if row.sent_ms is None:
        ask(session, "mail", row.id, None, run_after_ms=send_after_ms)
    return row


@functools.cache
def _templates(name: str) -> tuple[jinja2.Template, jinja2.Template]:
    made = jinja2.Environment(  # plain text: what is written is escaped where it becomes HTML
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_value,
    )
    made.filters.update({**words.FILTERS, "line": _one_line, "quoted": quoted})
    source = (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")
    first, _, rest = source.partition("\n\n")
    assert first.startswith(SUBJECT), name
    return made.from_string(first.removeprefix(SUBJECT).strip()), made.from_string(rest)


def _plain(text: str) -> str:
    """Without what is not seen: control and direction marks; lines stay lines."""
    kept = (one for one in text if one == "\n" or unicodedata.category(one) not in ("Cc", "Cf"))
    return "".join(kept)


def _one_line(text: str) -> str:
    """What looks like an encoded word is broken up: it may decode to the end of a line."""
    return " ".join(_plain(text).split()).replace("=?", "= ?")


def _value(value: Any) -> Any:
    """As it stands in a line. An address of this house in a stranger's words is broken up: it
    would become a link, which its reader takes for the house's.
    """
    if isinstance(value, Ours) or not isinstance(value, str):
        return value
    home = settings().base_url
    line = " ".join(re.split(r"\s+", _plain(value)))
    return line.replace(home, home.replace("://", ":// "))


def quoted(text: str) -> Ours:
    """What a stranger wrote, line by line behind "> ": it can't look like words of the house."""
    lines = (_value(one).strip() for one in text.strip().splitlines())
    return Ours("\n".join(f"> {one}".rstrip() for one in lines))


FOOTER = mail_sheet.FOOTER


def foot() -> str:
    """Of every mail that is no letter: who sends it, where they are, and who answers."""
    lines = (_one_line(one) for one in settings().seller.split(";"))
    sender = ", ".join(one for one in lines if one) or "Reelyard"
    return f"{FOOTER}From {sender}.\nQuestions: {settings().operator}\n"


def domain() -> str:
    """Of the sender."""
    return parseaddr(settings().mail_from)[1].rpartition("@")[2] or "localhost"


def home() -> str:
    return settings().base_url


def outbox() -> Path:
    return settings().data / "outbox"


def file_of(mail: Mail) -> Path:
    """Named by when it was written, so that a listing of the folder is in order."""
    written_at = datetime.fromtimestamp(mail.created_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S")
    return outbox() / f"{written_at}-{mail.id}.eml"


STATES = {"": "All", "sent": "Sent", "waiting": "Waiting", "failed": "Not sent"}


def written(session: Session, offset: int, *, to: str = "", state: str = "") -> Page[Mail]:
    """Newest first. `to`: a part of the address; `state`: of STATES."""
    wanted = select(Mail).order_by(Mail.created_ms.desc(), Mail.id)
    if to:
        wanted = wanted.where(Mail.to.contains(to.lower(), autoescape=True))
    if state == "sent":
        wanted = wanted.where(Mail.sent_ms.is_not(None))
    elif state:
        failed = Mail.error != ""
        wanted = wanted.where(Mail.sent_ms.is_(None), failed if state == "failed" else ~failed)
    return page_of(session, wanted, offset)


def get(session: Session, mail_id: str) -> Mail:
    found = session.get(Mail, mail_id)
    if found is None:
        raise NotFound("There is no such mail.")
    return found


def text_of(mail: Mail) -> str:
    """From its row while it waits, then from the outbox folder of this machine; "" where it left
    by another way.
    """
    return mail.text if mail.sent_ms is None else _filed(mail, "plain")


def html_of(mail: Mail) -> str:
    return mail.html if mail.sent_ms is None else _filed(mail, "html")


def head_of(mail: Mail) -> list[tuple[str, str]]:
    """As it left; what is added to its row's own where it did not leave into the folder."""
    filed = _message(mail)
    lines = filed.items() if filed else mail.headers.items()
    return [(name, str(value)) for name, value in lines]


def _message(mail: Mail) -> EmailMessage | None:
    try:
        raw = file_of(mail).read_bytes()
    except OSError:
        return None
    return email.message_from_bytes(raw, policy=policy.default)


def _filed(mail: Mail, kind: str) -> str:
    filed = _message(mail)
    body = filed.get_body((kind,)) if filed else None
    if body is None:
        return ""
    told = str(body.get_content())
    return mail_lines.whole(told) if body.get_param("format") == "flowed" else told
