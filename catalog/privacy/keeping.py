"""What is forgotten by age: a table that the page shows and the timer `forget_old` works through.

A rule answers how many rows it changed. What answers MOST or more is asked again at once, so that
no write lock is held for long.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from catalog import accounts, hooks, mail, quotes, segments, throttle
from catalog.letters import subscribers
from catalog.members import consents, tried
from catalog.offers import hashes
from catalog.privacy import erasure, traces
from models.mail import Mail
from models.offer import OfferView, Watched
from models.order import Order, OrderState

DAY_MS = 86_400_000
MONTHS_13_MS = 396 * DAY_MS
"""A year and a month: what happened this time last year can still be seen."""
MOST = 500


@dataclass(frozen=True)
class Age:
    what: str
    after: str
    """In words, for the page."""
    then: str
    sweep: Callable[[Session, int], int]
    """With the moment that it is now."""


def forget(session: Session, age: Age, at_ms: int) -> bool:
    """One step of it. Whether there may be more."""
    return age.sweep(session, at_ms) >= MOST


def _counts(session: Session, at_ms: int) -> int:
    throttle.sweep(session)
    return 0


def _ways_in(session: Session, at_ms: int) -> int:
    accounts.sweep(session)
    return 0


def _wishes(session: Session, at_ms: int) -> int:
    subscribers.sweep(session)
    return 0


def _visits(session: Session, at_ms: int) -> int:
    hashes.forget(session, at_ms)
    return 0


def _quotes(session: Session, at_ms: int) -> int:
    return MOST if quotes.sweep(session) >= quotes.SWEPT else 0


def _unpaid(session: Session, at_ms: int) -> int:
    """A guest's is found by nobody after that: their browser has forgotten it too."""
    begun = (Order.state == OrderState.CART) | (Order.state == OrderState.CANCELLED)
    guests = Order.account_id.is_(None) & (Order.changed_ms < at_ms - 30 * DAY_MS)
    old = (
        select(Order.id)
        .where(begun, Order.paid_ms.is_(None))
        .where(guests | (Order.changed_ms < at_ms - MONTHS_13_MS))
        .where((Order.email != "") | (Order.name != "") | (Order.guest != ""))
        .limit(MOST)
    )
    emptied = update(Order).where(Order.id.in_(old)).values(email="", name="", country="", guest="")
    gone = session.execute(emptied.returning(Order.id), execution_options=_UNSYNCED)
    return len(gone.all())


def _messages(session: Session, at_ms: int) -> int:
    return MOST if hooks.sweep(session) >= hooks.SWEPT else 0


def _watched(session: Session, at_ms: int) -> int:
    """Too old, or of somebody whose consent is over: withdrawing removes them too, at once."""
    old = Watched.last_ms < at_ms - MONTHS_13_MS
    without = Watched.account_id.not_in(consents.givers("history"))
    gone = delete(Watched).where(or_(old, without))
    session.execute(gone, execution_options=_UNSYNCED)
    return 0


def _views(session: Session, at_ms: int) -> int:
    """Without the account, and under a hash that nothing leads to; one person's stay one's."""
    old = (
        select(OfferView.id, OfferView.whose)
        .where(OfferView.account_id.is_not(None), OfferView.at_ms < at_ms - MONTHS_13_MS)
        .order_by(OfferView.at_ms)
        .limit(MOST)
    )
    rows = session.execute(old).all()
    fresh = {row.whose: secrets.token_hex(32) for row in rows}
    for whose, made in fresh.items():
        ids = [row.id for row in rows if row.whose == whose]
        emptied = update(OfferView).where(OfferView.id.in_(ids))
        session.execute(emptied.values(account_id=None, whose=made), execution_options=_UNSYNCED)
    return len(rows)


def _mails(session: Session, at_ms: int) -> int:
    return _without_mails(session, Mail.created_ms < at_ms - MONTHS_13_MS)


def _receipts(session: Session, at_ms: int) -> int:
    old = Mail.created_ms < at_ms - erasure.RECEIPT_MS
    return _without_mails(session, (Mail.purpose == erasure.ERASED) & old)


def _without_mails(session: Session, which: object) -> int:
    rows = session.scalars(select(Mail).where(which).limit(MOST)).all()  # type: ignore[arg-type]
    for row in rows:
        traces.forget(mail.file_of(row))
        session.delete(row)
    return len(rows)


def _reports(session: Session, at_ms: int) -> int:
    old = [one for one in traces.aside() if one.stat().st_mtime * 1000 < at_ms - 30 * DAY_MS]
    for path in old:
        traces.forget(path)
    return 0


def _tried(session: Session, at_ms: int) -> int:
    tried.forget(session, at_ms)
    return 0


def _segments(session: Session, at_ms: int) -> int:
    segments.close_unused(session, at_ms)
    return 0


_UNSYNCED = {"synchronize_session": False}
AGES: tuple[Age, ...] = (
    Age("How often an address did something", "2 days", "Gone", _counts),
    Age("The key that ties visits to a day's visitor", "1 day", "Nobody can tell whose it was",
        _visits),
    Age("Links to sign in, and sign-ins, that ended", "30 days", "Gone", _ways_in),
    Age("Guests' quotes that expired", "30 days", "Gone", _quotes),
    Age("Who began an order and never paid it", "30 days for a guest, 13 months with an account",
        "Address, name and country go", _unpaid),
    Age("Letters that you never confirmed, or ended", "30 days", "Your address goes", _wishes),
    Age("Mails that came back and could not be read", "30 days", "Gone", _reports),
    Age("Messages to webhooks", "90 days", "Gone", _messages),
    Age("The receipt of an erasure", "7 days", "The last that holds the address goes", _receipts),
    Age("Mails written to you: to whom, when, about what", "13 months", "Gone", _mails),
    Age("Series you watched", "13 months, or the end of your consent", "Gone", _watched),
    Age("Offers you were shown", "13 months", "Numbers without you", _views),
    Age("Whose member an erased address was, by a hash", "3 years", "Gone", _tried),
    Age("Segments that nobody used", "12 months", "Closed", _segments),
)  # fmt: skip
