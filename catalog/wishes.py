"""Wishes: asking for other terms than a quote's, and the answers; every step is kept."""

from typing import Any

from sqlalchemy.orm import Session

from catalog import mail, pricing, quotes, throttle
from catalog import terms as terms_of
from catalog.auth import Visitor, needs
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members.perks import discount
from catalog.pricing import Line
from catalog.quotes import GOOD_DAYS
from catalog.uses import DAY_MS, Use
from models import event
from models.account import Account
from models.quote import Quote, QuoteNote, QuoteState
from models.settings import settings

LONGEST_DAYS = 90
LEAST_CENTS, MOST_CENTS = 100, 100_000_000
WORDS = 2_000
MOST_A_WHILE, WHILE_S = 30, 3_600


def ask(
    session: Session,
    visitor: Visitor,
    quote_id: str,
    *,
    price_cents: int | None,
    use: dict[str, Any] | None,
    text: str,
) -> Quote:
    """The buyer wants another price, another use, or both. Only for people who are signed in."""
    needs(visitor)
    _slowly(session, visitor)
    row = _mine(session, visitor, quote_id, QuoteState.OPEN, QuoteState.COUNTERED)
    quotes.alive(session, row)
    changed = _changed(session, row, price_cents, use, text)
    _note(session, row, "licensee", "asked", changed, text)
    row.state, row.expires_ms = QuoteState.ASKED, quotes.now(session) + GOOD_DAYS * DAY_MS
    _tell(session, row, "quote_asked", _creator_address(row), text)
    return row


def counter(
    session: Session,
    visitor: Visitor,
    quote_id: str,
    *,
    price_cents: int | None,
    use: dict[str, Any] | None,
    days: int,
    text: str,
) -> Quote:
    """The creator names another price or use; nothing holds until the buyer accepts it."""
    row = _theirs_to_answer(session, visitor, quote_id)
    if not 1 <= days <= LONGEST_DAYS:
        raise BadRequest(f"days: an offer is good for 1 to {LONGEST_DAYS} days.")
    changed = _changed(session, row, price_cents, use, "")
    _note(session, row, "creator", "countered", changed, text)
    row.state, row.expires_ms = QuoteState.COUNTERED, quotes.now(session) + days * DAY_MS
    _tell(session, row, "quote_countered", _asker_address(session, row), text)
    return row


def accept(session: Session, visitor: Visitor, quote_id: str, text: str = "") -> Quote:
    """The creator what was asked for, or the buyer what was countered: the last word then holds."""
    row = quotes.get(session, visitor, quote_id, lock=True)
    quotes.alive(session, row)
    if row.state == QuoteState.ASKED and quotes.may_answer(row, visitor):
        by, whom = "creator", _asker_address(session, row)
    elif row.state == QuoteState.COUNTERED and quotes.is_theirs(row, visitor):
        by, whom = "licensee", _creator_address(row)
    else:
        raise Refusal(quotes.standing(row), code=f"quote_{row.state}")
    last = row.notes[-1]
    _agree(session, row, last)
    _note(session, row, by, "accepted", (row.price_cents, row.use), text)
    row.state = QuoteState.OPEN
    row.expires_ms = max(row.expires_ms, quotes.now(session) + GOOD_DAYS * DAY_MS)
    row.agreed_until_ms = row.expires_ms
    _tell(session, row, "quote_accepted", whom, text)
    return row


def decline(session: Session, visitor: Visitor, quote_id: str, text: str) -> Quote:
    row = _theirs_to_answer(session, visitor, quote_id)
    _note(session, row, "creator", "declined", (None, {}), text)
    row.state = QuoteState.DECLINED
    _tell(session, row, "quote_declined", _asker_address(session, row), text)
    return row


def withdraw(session: Session, visitor: Visitor, quote_id: str, text: str = "") -> Quote:
    """The buyer no longer wants other terms: the price of before is good again, and no longer than
    it was: asking keeps no price alive.
    """
    _slowly(session, visitor)
    row = _mine(session, visitor, quote_id, QuoteState.ASKED, QuoteState.COUNTERED)
    _note(session, row, "licensee", "withdrawn", (None, {}), text)
    row.state = QuoteState.OPEN
    row.expires_ms = min(row.expires_ms, _good_until(row))
    _tell(session, row, "quote_withdrawn", _creator_address(row), text)
    return row


def _slowly(session: Session, visitor: Visitor) -> None:
    """Each of these steps sends a mail. Raises TooMany."""
    throttle.take(session, "wish", visitor.account_id or visitor.guest, MOST_A_WHILE, WHILE_S)


def _good_until(row: Quote) -> int:
    agreed = [note.at_ms for note in row.notes if note.verb == "accepted"]
    return row.agreed_until_ms or max(agreed, default=row.created_ms) + GOOD_DAYS * DAY_MS


def _mine(session: Session, visitor: Visitor, quote_id: str, *states: QuoteState) -> Quote:
    row = quotes.get(session, visitor, quote_id, lock=True)
    if not quotes.is_theirs(row, visitor):
        raise NotFound("There is no quote of yours at this address.")
    if row.state not in states:
        raise Refusal(quotes.standing(row), code=f"quote_{row.state}")
    return row


def _theirs_to_answer(session: Session, visitor: Visitor, quote_id: str) -> Quote:
    needs(visitor)
    row = quotes.get(session, visitor, quote_id, lock=True)
    if not quotes.may_answer(row, visitor):
        raise NotFound("There is no quote for you to answer at this address.")
    if row.state != QuoteState.ASKED:
        raise Refusal(quotes.standing(row), code=f"quote_{row.state}")
    quotes.alive(session, row)
    return row


def _changed(
    session: Session, row: Quote, price_cents: int | None, use: dict[str, Any] | None, text: str
) -> tuple[int | None, dict[str, Any]]:
    """What is proposed; what is not named stays as it was asked for last."""
    if price_cents is not None and not LEAST_CENTS <= price_cents <= MOST_CENTS:
        raise BadRequest("price: name a price between 1 and 1,000,000.")
    last = next((note for note in reversed(row.notes) if note.verb in ("asked", "countered")), None)
    fields = terms_of.fields(row.terms)
    before: dict[str, Any] = (last.use if last else None) or row.use
    wanted = quotes.wanted(session, fields, {**before, **(use or {})}).model_dump()
    cents = price_cents if price_cents is not None else (last.price_cents if last else None)
    if not last and cents is None and wanted == row.use and not text.strip():
        raise BadRequest("Name another price, another use, or say what you need.")
    return cents, wanted


def _agree(session: Session, row: Quote, last: QuoteNote) -> None:
    """The named price, or the price of the use that was agreed to."""
    use = Use.model_validate(last.use or row.use)
    row.use = use.model_dump()
    if last.price_cents is not None:
        row.price_cents, row.rule_id = last.price_cents, None
        agreed = Line("Agreed between you and the creator", cents=last.price_cents)
        row.breakdown = [{"what": agreed.what, "factor": "", "cents": agreed.cents}]
        return
    off = discount.percent(session, row.account_id, row.listing.creator_id, quotes.now(session))
    priced = pricing.price(session, row.listing, row.terms, use, member_percent=off)
    row.price_cents, row.rule_id = priced.price_cents, priced.rule_id
    row.breakdown = priced.as_row()


def _note(
    session: Session,
    row: Quote,
    by: str,
    verb: str,
    said: tuple[int | None, dict[str, Any]],
    text: str,
) -> None:
    note = QuoteNote(
        quote_id=row.id,
        number=len(row.notes) + 1,
        by=by,
        verb=verb,
        price_cents=said[0],
        use=said[1],
        text=text.strip()[:WORDS],
    )
    session.add(note)
    session.flush()
    session.expire(row, ["notes"])
    event.record(session, f"quote.{verb}", row.id, by=by, price_cents=said[0])


def _tell(session: Session, row: Quote, template: str, whom: str, text: str) -> None:
    if whom:
        address = f"{settings().base_url}/quotes/{row.id}"
        mail.write(session, whom, template, quote=row, address=address, note=text.strip()[:WORDS])


def _creator_address(row: Quote) -> str:
    account = row.listing.clip.recording.creator.account
    return account.email if account else settings().operator


def _asker_address(session: Session, row: Quote) -> str:
    account = session.get(Account, row.account_id) if row.account_id else None
    return account.email if account else ""
