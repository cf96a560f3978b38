"""One letter to one person: only if it is wished for, in its hours, one a day of each purpose.

All of that is asked when it is written and again when it leaves: a letter that waited for its hour
or for a mail server may be one that nobody wants any more.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import entitlements, mail
from catalog.auth import Visitor
from catalog.letters import hours, links, stops, subscribers
from catalog.letters.purposes import PURPOSES
from catalog.web import words
from models.account import Account
from models.consent import Subscriber, SubscriberState
from models.creator import Creator
from models.listing import Listing
from models.mail import Mail
from models.membership import Membership, MembershipState
from models.settings import settings

STALE_MS = 2 * 86_400_000
CLIP = re.compile(r"/clips/([0-9a-f]{32})")
HERE = (MembershipState.ACTIVE, MembershipState.GRACE)


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
    **context: Any,
) -> Mail | None:
    """None: not wished for, stopped, one was sent today, or it shows what its reader can't see."""
    one = subscribers.wanted(session, to, purpose, creator_id)
    return send_to(session, [one], template, at_ms, **context) if one else None


def send_to(
    session: Session, of: Sequence[Subscriber], template: str, at_ms: int, **context: Any
) -> Mail | None:
    """For wishes of one address and one purpose. See send()."""
    first, leaves_ms = of[0], hours.next_open(at_ms)
    last = _last_sent(session, first)
    if last is not None and hours.same_day(last, leaves_ms):
        return None
    creator = session.get(Creator, first.creator_id) if first.creator_id else None
    name = one_line(creator.name) if creator else ""
    made = mail.composed(template, reader=_name(session, first.email), creator=name, **context)
    made = mail.Composed(made.subject, made.text + _footer(session, of, name))
    if not _may_see_all(session, first.email, made.text, at_ms):
        return None
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
        of=name if len(of) == 1 else "",
    )


def leaving(session: Session, one: Mail, at_ms: int) -> Leaving:
    """Asked for a letter right before it goes out."""
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
    if found.purpose == "onboarding" and not _is_member(session, found):
        return Leaving(why_not="the membership ended or rests")
    if not _may_see_all(session, one.to, one.text, at_ms):
        return Leaving(why_not="it shows what its reader may not see any more")
    opens_ms = hours.next_open(max(at_ms, one.send_after_ms or 0))
    return Leaving(wait_ms=opens_ms - at_ms)


def not_sent(session: Session, one: Mail, why: str) -> None:
    """Its text is kept nowhere. What it would have told may be told by the next one."""
    kept = session.get_one(Mail, one.id)
    kept.error, kept.text, kept.html = why, "", ""
    found = session.get(Subscriber, one.subscriber_id)
    if found is not None and found.purpose == "digest":
        for row in _alike(session, found):
            if row.last_sent_ms == one.send_after_ms:
                row.last_sent_ms = None


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


def _name(session: Session, email: str) -> str:
    return one_line(reader_of(session, email).name)


def _is_member(session: Session, of: Subscriber) -> bool:
    found = (
        select(Membership.id)
        .join(Account, Account.id == Membership.account_id)
        .where(
            Account.email == of.email,
            Membership.creator_id == of.creator_id,
            Membership.state.in_(HERE),
        )
    )
    return session.scalars(found).first() is not None


def _may_see_all(session: Session, email: str, text: str, at_ms: int) -> bool:
    """Every clip that the letter links to."""
    named = set(CLIP.findall(text))
    if not named:
        return True
    seen = select(Listing.clip_id).where(
        Listing.clip_id.in_(named), entitlements.seen_by(reader_of(session, email), at_ms)
    )
    return set(session.scalars(seen)) == named
