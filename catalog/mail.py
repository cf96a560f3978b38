"""A mail is a row, written in the transaction of its cause; the step `mail` sends it."""

import email
import functools
import re
import unicodedata
from datetime import UTC, datetime
from email import policy
from html import escape
from pathlib import Path
from typing import Any

import jinja2
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.errors import BadRequest, NotFound
from catalog.paged import Page, page_of
from catalog.web import words
from models.mail import Mail
from models.settings import settings
from models.steps import ask

TEMPLATES = Path(__file__).parent / "web" / "templates" / "mail"
SUBJECT = "Subject:"
_ADDRESS = re.compile(
    r"[a-z0-9.!#$%&'*+/=^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"[a-z0-9-]{2,63}"
)


def address(text: str) -> str:
    """In lower case. Raises BadRequest for what is no address of one mailbox."""
    found = text.strip().lower()
    if len(found) > 254 or not _ADDRESS.fullmatch(found):
        raise BadRequest("This is no e-mail address; it looks like name@example.org.")
    return found


def write(session: Session, to: str, template: str, **context: Any) -> Mail:
    """The template's first line is its subject. No value can begin a line of the head: the subject
    and the text are rendered apart, and what breaks lines is taken out of the subject.
    """
    subject, text = _templates(template)
    given = {"base_url": settings().base_url, **context}
    body = _plain(text.render(given)).strip() + "\n"
    made = Mail(
        to=address(to),
        purpose=template,
        subject=_one_line(subject.render(given))[:300],
        text=body,
        html=_html(body),
    )
    session.add(made)
    session.flush()
    ask(session, "mail", made.id, None)
    return made


@functools.cache
def _templates(name: str) -> tuple[jinja2.Template, jinja2.Template]:
    made = jinja2.Environment(  # plain text: what is written is escaped where it becomes HTML
        autoescape=False, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters.update(words.FILTERS)
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


def _html(text: str) -> str:
    """Paragraphs and lines as they are; of addresses only this house's own become links."""
    paragraphs = (
        "<br>\n".join(map(_line, one.splitlines())) for one in re.split(r"\n{2,}", text.strip())
    )
    inside = "\n".join(f"<p>{one}</p>" for one in paragraphs)
    return f'<!doctype html>\n<html lang="en">\n<body>\n{inside}\n</body>\n</html>\n'


def _line(text: str) -> str:
    own = re.escape(settings().base_url)
    parts = re.split(rf"({own}/[^\s<>\"']*)", text)
    return "".join(
        f'<a href="{escape(part)}">{escape(part)}</a>' if i % 2 else escape(part)
        for i, part in enumerate(parts)
    )


def home() -> str:
    return settings().base_url


def outbox() -> Path:
    return settings().data / "outbox"


def file_of(mail: Mail) -> Path:
    """Named by when it was written, so that a listing of the folder is in order."""
    written_at = datetime.fromtimestamp(mail.created_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S")
    return outbox() / f"{written_at}-{mail.id}.eml"


def written(session: Session, offset: int) -> Page[Mail]:
    """Newest first."""
    return page_of(session, select(Mail).order_by(Mail.created_ms.desc(), Mail.id), offset)


def get(session: Session, mail_id: str) -> Mail:
    found = session.get(Mail, mail_id)
    if found is None:
        raise NotFound("There is no such mail.")
    return found


def text_of(mail: Mail) -> str:
    """From its row while it waits, then from the outbox folder of this machine; "" where it left
    by another way.
    """
    if mail.sent_ms is None:
        return mail.text
    try:
        raw = file_of(mail).read_bytes()
    except OSError:
        return ""
    body = email.message_from_bytes(raw, policy=policy.default).get_body(("plain",))
    return str(body.get_content()) if body else ""
