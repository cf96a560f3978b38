"""One letter to one person: only if it is wished for, in its hours, one a day of each purpose.

All of that, and what the letter is made of (catalog.letters.basis), is asked when it is written and
again when it leaves: a letter that waited for its hour or for a mail server may be one that nobody
wants any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.orm import Session, aliased

from catalog import mail
from catalog.auth import Visitor
from catalog.letters import basis, hours, links, stops, subscribers
from catalog.letters.basis import NOTHING, Basis
from catalog.letters.purposes import PURPOSES
from catalog.web import words
from models.account import Account
from models.consent import Letter, Subscriber, SubscriberState
from models.creator import Creator
from models.mail import Mail
from models.settings import settings

STALE_MS = 2 * 86_400_000
BEFORE = "before"
"""Of Mail.made_of: when each of its wishes had a letter before, to say so again if it stays."""


@dataclass(frozen=True)
class Leaving:
    """Of a letter whose turn it is: how long it still waits, or why it is not sent at all."""

    wait_ms: int = 0
    why_not: str = ""


def send(
    session: Session,
    to: str,
    purpose: str,
    template: str,
    at_ms: int,
    creator_id: str = "",
    made_of: Basis = NOTHING,
    **context: Any,
) -> Mail | None:
    """None: not wished for, stopped, one was sent today, or it shows what its reader can't see."""
    one = subscribers.wanted(session, to, purpose, creator_id)
    return send_to(session, [one], template, at_ms, made_of, **context) if one else None


def send_to(
    session: Session,
    of: Sequence[Subscriber],
    template: str,
    at_ms: int,
    made_of: Basis = NOTHING,
    **context: Any,
) -> Mail | None:
    """For wishes of one address and one purpose. See send()."""
    first, leaves_ms = of[0], hours.next_open(at_ms)
    last = _last_sent(session, first)
    if last is not None and hours.same_day(last, leaves_ms):
        return None
    reader = reader_of(session, first.email)
    if basis.why_not(session, made_of, reader, template, at_ms):
        return None
    creator = session.get(Creator, first.creator_id) if first.creator_id else None
    name = one_line(creator.name) if creator else ""
    made = mail.composed(template, reader=one_line(reader.name), creator=name, **context)
    made = mail.Composed(made.subject, made.text + _footer(session, of, name))
    before = {one.id: one.last_sent_ms for one in of}
    for one in of:
        one.last_sent_ms = leaves_ms
    return mail.keep(
        session,
        first.email,
        template,
        made,
        headers=_headers(session, first, creator),
        send_after_ms=leaves_ms,
        subscriber_id=first.id,
        made_of={**made_of.kept(), BEFORE: before},
        of=name if len(of) == 1 else "",
    )


def leaving(session: Session, one: Mail, at_ms: int) -> Leaving:
    """Asked for a letter right before it goes out. One without a text was called off."""
    if not one.text:
        return Leaving(why_not=one.error or "it was called off")
    found = session.get(Subscriber, one.subscriber_id)
    if (
        found is None
        or found.state != SubscriberState.CONFIRMED
        or found.email != one.to
        or stops.reason(session, one.to)
    ):
        return Leaving(why_not="it is no longer wished for")
    if at_ms > (one.send_after_ms or one.created_ms) + STALE_MS:
        return Leaving(why_not="it waited too long to be of use")
    reader = reader_of(session, one.to)
    why_not = basis.why_not(session, basis.of(one), reader, one.purpose, at_ms)
    if why_not:
        return Leaving(why_not=why_not)
    opens_ms = hours.next_open(max(at_ms, one.send_after_ms or 0))
    return Leaving(wait_ms=opens_ms - at_ms)


def not_sent(session: Session, one: Mail, why: str) -> None:
    """Its text is kept nowhere. What it would have told may be told by the next one: it is as if it
    had never been written.
    """
    kept = session.get_one(Mail, one.id)
    before: dict[str, int | None] = kept.made_of.get(BEFORE, {})
    told_to = [one.subscriber_id, basis.of(kept).membership]
    kept.error, kept.text, kept.html, kept.made_of = why, "", "", {}
    for row in session.scalars(
        select(Subscriber)
        .where(Subscriber.id.in_(before))
        .order_by(Subscriber.id)
        .with_for_update()
    ):
        if row.last_sent_ms == one.send_after_ms:
            row.last_sent_ms = before[row.id]
    session.execute(delete(Letter).where(Letter.subject_id.in_(told_to), Letter.mail_id == one.id))


def had_one(at_ms: int) -> ColumnElement[bool]:
    """Of subscribers: a letter of this purpose went to this address today, whoever wrote it."""
    other = aliased(Subscriber)
    return exists().where(
        other.email == Subscriber.email,
        other.purpose == Subscriber.purpose,
        other.last_sent_ms >= hours.same_day_from(at_ms),
    )


def reader_of(session: Session, email: str) -> Visitor:
    """As a page would know whoever opens this mailbox: a member by a verified address, no more. A
    letter shows nothing by the reader's other roles.
    """
    found = session.scalars(
        select(Account).where(
            Account.email == email, Account.verified_ms.is_not(None), Account.closed_ms.is_(None)
        )
    ).one_or_none()
    return Visitor(account_id=found.id, email=email, name=found.name) if found else Visitor()


def one_line(text: str) -> str:
    """Words from outside, where they stand in a line of a letter: they can't begin another."""
    return " ".join(text.split())


def _footer(session: Session, of: Sequence[Subscriber], name: str) -> str:
    first, kind = of[0], PURPOSES[of[0].purpose]
    whose = f" by {name}" if name and len(of) == 1 else ""
    since = words.moment(first.confirmed_ms or first.asked_ms)
    lines = [
        f"You get this because you asked for {kind.asked}{whose} on {since}.",
        f"Choose what you get: {links.preferences(session, first.id)}",
        f"Stop these letters: {links.unsubscribe(session, first.id, whole=kind.whole)}",
        one_line(settings().seller.replace(";", ", ")),
    ]
    return mail.FOOTER + "\n".join(lines) + "\n"


def _headers(session: Session, of: Subscriber, creator: Creator | None) -> dict[str, str]:
    """RFC 8058: one click, without a page. RFC 2919: what a mail program may sort by."""
    address = links.unsubscribe(session, of.id, whole=PURPOSES[of.purpose].whole)
    whose = f"{creator.id}." if creator and not PURPOSES[of.purpose].whole else ""
    return {
        "List-Unsubscribe": f"<{address}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": f"<{of.purpose}.{whose}{mail.domain()}>",
    }


def _last_sent(session: Session, of: Subscriber) -> int | None:
    """Of this purpose, of any creator. Locked: of two that write at once, one waits."""
    sent = [row.last_sent_ms for row in _alike(session, of) if row.last_sent_ms is not None]
    return max(sent, default=None)


def _alike(session: Session, of: Subscriber) -> Sequence[Subscriber]:
    alike = select(Subscriber).where(Subscriber.email == of.email, Subscriber.purpose == of.purpose)
    fresh = alike.order_by(Subscriber.id).with_for_update()
    return session.scalars(fresh.execution_options(populate_existing=True)).all()
