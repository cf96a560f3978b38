"""Who wants which letters. Nobody is written to who did not confirm it from the mailbox itself."""

from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from catalog import mail, throttle
from catalog.errors import BadRequest, CatalogError, NotFound, TooMany
from catalog.letters import links, stops
from catalog.letters.purposes import PURPOSES, RHYTHMS
from models import event
from models.account import Account
from models.base import new_id, now_ms
from models.consent import Subscriber, SubscriberState
from models.creator import Creator

DAY_MS = 86_400_000
CONFIRM_MS = 7 * DAY_MS
UNCONFIRMED_MS, ENDED_MS = 30 * DAY_MS, 30 * DAY_MS
"""So long rows are kept that no letter goes to."""
MAILS, MAILS_S = 3, 86_400
"""Confirming mails to one address in a day, whoever asks."""
Wish = tuple[str, str]
"""A purpose and a creator's id."""


class LinkOver(CatalogError):
    status = 410
    title = "This link no longer works"


def ask(
    session: Session, email: str, purpose: str, creator_id: str = "", source: str = ""
) -> Subscriber | None:
    """See ask_all()."""
    return next(iter(ask_all(session, email, [(purpose, creator_id)], source)), None)


def ask_all(
    session: Session, email: str, wishes: Sequence[Wish], source: str
) -> Sequence[Subscriber]:
    """One mail asks to confirm all that is not confirmed yet. Where whoever acts in this
    transaction (`unit_of_work(actor)`) is the account of this address, and the address is known
    to be theirs, it is confirmed at once. What was confirmed before mail to it bounced is confirmed
    anew. Nothing comes of it for an address from which somebody complained, nor when the address
    was written to too often today.
    """
    email = mail.address(email)
    for purpose, creator_id in wishes:
        _check(session, purpose, creator_id)
    bounced = stops.reason(session, email) == stops.BOUNCED
    own = not bounced and _is_own(session, email)
    if not own and not _may_be_asked(session, email):
        return []
    rows = [_row(session, email, wish, source) for wish in dict.fromkeys(wishes)]
    now = _now(session)
    asked = [one for one in rows if bounced or one.state != SubscriberState.CONFIRMED]
    for one in asked:
        one.state = SubscriberState.ASKED
        one.asked_ms, one.source = now, source[:60]
        one.confirmed_ms = one.ended_ms = None
        event.record(session, "letters.asked", one.id, purpose=one.purpose, source=source[:60])
    session.flush()
    if own:
        _confirmed(session, asked, now, "account")
    elif asked:
        _write(session, asked)
    return rows


def asked_with(session: Session, word: str) -> Sequence[Subscriber]:
    """What a confirming link is about, confirmed or not yet. Raises LinkOver."""
    first = links.confirms(session, word)
    rows: Sequence[Subscriber] = []
    if first is not None and first.state != SubscriberState.ENDED:
        together = select(Subscriber).where(
            Subscriber.email == first.email,
            Subscriber.asked_ms == first.asked_ms,
            Subscriber.state != SubscriberState.ENDED,
        )
        rows = session.scalars(together.order_by(Subscriber.purpose)).all()
    fresh = [one for one in rows if _now(session) - one.asked_ms < CONFIRM_MS]
    if not fresh and not any(one.state == SubscriberState.CONFIRMED for one in rows):
        raise LinkOver("It is older than 7 days, or you asked again since. Ask for a new one.")
    return fresh or rows


def confirm(session: Session, word: str) -> Sequence[Subscriber]:
    """Twice is as good as once. The mail arrived, so an earlier bounce is over. Raises LinkOver."""
    rows = asked_with(session, word)
    asked = [one for one in rows if one.state == SubscriberState.ASKED]
    _confirmed(session, asked, _now(session), "link")
    if asked:
        stops.arrived(session, asked[0].email)
    return rows


def end(session: Session, email: str, purpose: str = "", creator_id: str | None = None) -> int:
    """Of this address: one purpose or (empty) all, of one creator or (None) all. Again is fine."""
    wanted = select(Subscriber).where(
        Subscriber.email == email.strip().lower(), Subscriber.state != SubscriberState.ENDED
    )
    if purpose:
        wanted = wanted.where(Subscriber.purpose == purpose)
    if creator_id is not None:
        wanted = wanted.where(Subscriber.creator_id == creator_id)
    rows = session.scalars(wanted.with_for_update()).all()
    for one in rows:
        one.state, one.ended_ms = SubscriberState.ENDED, _now(session)
        event.record(session, "letters.ended", one.id, purpose=one.purpose)
    session.flush()
    return len(rows)


def wants(session: Session, email: str, purpose: str, creator_id: str = "") -> bool:
    return wanted(session, email, purpose, creator_id) is not None


def wanted(session: Session, email: str, purpose: str, creator_id: str = "") -> Subscriber | None:
    """The confirmed wish, where no bounce or complaint stands against it."""
    found = session.scalars(
        select(Subscriber).where(
            Subscriber.email == email.strip().lower(),
            Subscriber.purpose == purpose,
            Subscriber.creator_id == creator_id,
            Subscriber.state == SubscriberState.CONFIRMED,
        )
    ).one_or_none()
    return found if found and not stops.reason(session, found.email) else None


def of_email(session: Session, email: str) -> Sequence[Subscriber]:
    wanted = select(Subscriber).where(Subscriber.email == email.strip().lower())
    return session.scalars(wanted.order_by(Subscriber.creator_id, Subscriber.purpose)).all()


def choose(session: Session, email: str, wish: Wish, on: bool, rhythm: str = "") -> None:
    """To begin is for the account of a verified address, which needs no mail for it."""
    _check(session, *wish)
    if not on:
        end(session, email, *wish)
        return
    row = _row(session, email, wish, "preferences")
    if rhythm in RHYTHMS:
        row.rhythm = rhythm
    if row.state != SubscriberState.CONFIRMED:
        row.state, row.asked_ms, row.source = SubscriberState.ASKED, _now(session), "preferences"
        _confirmed(session, [row], row.asked_ms, "preferences")


def forget(session: Session, email: str) -> int:
    """For an erasure. That letters are stopped for the address stays known, by its hash alone."""
    gone = delete(Subscriber).where(Subscriber.email == email.strip().lower())
    return len(session.execute(gone.returning(Subscriber.id)).all())


def sweep(session: Session) -> None:
    """What was never confirmed, and what ended long ago."""
    never = (Subscriber.state == SubscriberState.ASKED) & (
        Subscriber.asked_ms < now_ms() - UNCONFIRMED_MS
    )
    over = (Subscriber.state == SubscriberState.ENDED) & (Subscriber.ended_ms < now_ms() - ENDED_MS)
    session.execute(delete(Subscriber).where(never | over))


def _check(session: Session, purpose: str, creator_id: str) -> None:
    if purpose not in PURPOSES:
        raise BadRequest("There are no letters of this kind.")
    if creator_id and session.get(Creator, creator_id) is None:
        raise NotFound("There is no such creator.")
    if not creator_id:
        raise BadRequest("Letters are of one creator.")


def _is_own(session: Session, email: str) -> bool:
    actor = session.info.get("actor", "")
    found = session.get(Account, actor) if actor else None
    if found is None or found.verified_ms is None or found.closed_ms is not None:
        return False
    return found.email == email


def _may_be_asked(session: Session, email: str) -> bool:
    if stops.reason(session, email) == stops.COMPLAINED:
        return False
    try:
        throttle.take(session, "letters to", email, MAILS, MAILS_S)
    except TooMany:
        return False
    return True


def _row(session: Session, email: str, wish: Wish, source: str) -> Subscriber:
    purpose, creator_id = wish
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    values = {
        "id": new_id(),
        "email": email,
        "purpose": purpose,
        "creator_id": creator_id,
        "state": SubscriberState.ENDED,
        "source": source[:60],
        "rhythm": "week",
        "asked_ms": now_ms(),
    }
    session.execute(insert(Subscriber).values(**values).on_conflict_do_nothing())
    found = select(Subscriber).filter_by(email=email, purpose=purpose, creator_id=creator_id)
    return session.scalars(found.with_for_update()).one()


def _confirmed(session: Session, rows: Sequence[Subscriber], now: int, by: str) -> None:
    for one in rows:
        changed = (
            update(Subscriber)
            .where(Subscriber.id == one.id, Subscriber.state == SubscriberState.ASKED)
            .values(state=SubscriberState.CONFIRMED, confirmed_ms=now, ended_ms=None)
        )
        session.execute(changed)
        event.record(session, "letters.confirmed", one.id, purpose=one.purpose, by=by)
    session.flush()


def _write(session: Session, rows: Sequence[Subscriber]) -> None:
    named = select(Creator.id, Creator.name).where(Creator.id.in_([one.creator_id for one in rows]))
    names = {row.id: row.name for row in session.execute(named)}
    mail.write(
        session,
        rows[0].email,
        "confirm-letters",
        link=links.confirm(session, rows[0]),
        wishes=[
            (PURPOSES[one.purpose].title, names.get(one.creator_id, ""), PURPOSES[one.purpose].says)
            for one in rows
        ],
    )


def _now(session: Session) -> int:
    return session.scalar(select(now_ms())) or 0
