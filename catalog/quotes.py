"""Quotes: a price for one clip and one use, good for a week. Asking for other terms: wishes.py."""

from typing import Any

from sqlalchemy import ColumnElement, false, func, or_, select
from sqlalchemy.orm import Session, joinedload

from catalog import listings, pricing, reservations, throttle
from catalog import terms as terms_of
from catalog.auth import Visitor
from catalog.errors import NotFound, Refusal, SignInNeeded
from catalog.uses import DAY_MS, Fields, Use, completed, interval, soon
from models import event
from models.base import now_ms
from models.clip import Clip
from models.creator import Creator
from models.listing import Listing
from models.quote import Quote, QuoteNote, QuoteState
from models.recording import Recording
from models.terms import Terms

GOOD_DAYS = 7
MOST_A_WHILE, WHILE_S = 200, 3_600
TEMPORARY = "on_hold"
"""What may be free again in minutes is quoted all the same."""


def open_quote(
    session: Session, visitor: Visitor, listing_id: str, kind: str, use_dict: dict[str, Any]
) -> Quote:
    """The price is the database's; what the buyer sends says only what is wanted.

    Raises NotFound, BadRequest for a use that these terms do not know, Refusal where it is taken.
    """
    who = visitor.account_id or visitor.guest
    if not who:
        raise SignInNeeded(
            "A quote belongs to somebody: sign in, or ask for it on the clip's page."
        )
    throttle.take(session, "quote", who, MOST_A_WHILE, WHILE_S)
    listing = listings.get(session, listing_id)
    terms = terms_of.of_kind(session, kind)
    use = offered(session, listing, terms, use_dict)
    priced = pricing.price(session, listing, terms, use)
    row = Quote(
        listing_id=listing.id,
        terms_id=terms.id,
        rule_id=priced.rule_id,
        account_id=visitor.account_id,
        guest="" if visitor.account_id else visitor.guest,
        use=use.model_dump(),
        price_cents=priced.price_cents,
        currency=priced.currency,
        breakdown=priced.as_row(),
        expires_ms=now(session) + GOOD_DAYS * DAY_MS,
    )
    session.add(row)
    session.flush()
    facts = {"clip_id": listing.clip_id, "license": kind, "price_cents": row.price_cents}
    event.record(session, "quote.opened", row.id, **facts)
    return row


def offered(session: Session, listing: Listing, terms: Terms, given: dict[str, Any]) -> Use:
    """What is wanted, complete, where it can be had at all. Raises BadRequest and Refusal."""
    fields = terms_of.fields(terms)
    terms_of.fits(listing, fields)
    use = wanted(session, fields, given)
    found = blocked(session, listing, use, fields)
    if found and found.code != TEMPORARY:
        raise found.refusal()
    return use


def wanted(session: Session, fields: Fields, given: dict[str, Any]) -> Use:
    """Within these terms, from now on or later. Raises BadRequest."""
    at_ms = now(session)
    return soon(completed(fields, given, at_ms), at_ms)


def blocked(
    session: Session, listing: Listing, use: Use, fields: Fields
) -> reservations.Collision | None:
    starts, ends = interval(use, now(session))
    return reservations.collision(session, listing.clip_id, use, fields, starts, ends)


def get(session: Session, visitor: Visitor, quote_id: str, *, lock: bool = False) -> Quote:
    """For whoever asked for it, the clip's creator and staff; for all others it is not there."""
    wanted = (
        select(Quote)
        .join(Quote.listing)
        .join(Listing.clip)
        .join(Clip.recording)
        .where(Quote.id == quote_id, or_(_asked_by(visitor), _answered_by(visitor)))
    )
    if lock:
        wanted = wanted.with_for_update(of=Quote).execution_options(populate_existing=True)
    found = session.scalars(wanted).one_or_none()
    if found is None:
        raise NotFound("There is no quote at this address, or it is somebody else's.")
    return found


def orderable(session: Session, visitor: Visitor, quote_id: str) -> Quote:
    """One's own, at its price, now. Raises Refusal where it expired or was declined."""
    row = get(session, visitor, quote_id)
    if not is_theirs(row, visitor):
        raise NotFound("There is no quote at this address, or it is somebody else's.")
    alive(session, row)
    if row.state != QuoteState.OPEN:
        raise Refusal(standing(row), code=f"quote_{row.state}")
    if not session.scalar(
        select(func.count()).where(Listing.id == row.listing_id, listings.is_public())
    ):
        raise Refusal("This clip is no longer on sale.", code="not_on_sale")
    return row


def of_visitor(session: Session, visitor: Visitor, limit: int = 100) -> list[Quote]:
    """What they asked for, newest first."""
    return _listed(session, _asked_by(visitor), limit)


def to_answer(session: Session, visitor: Visitor, limit: int = 100) -> list[Quote]:
    """Wishes for other terms on clips of theirs: those that wait first."""
    talked = select(QuoteNote.quote_id)
    found = _listed(session, _answered_by(visitor) & Quote.id.in_(talked), limit)
    return sorted(found, key=lambda row: row.state != QuoteState.ASKED)


def is_theirs(row: Quote, visitor: Visitor) -> bool:
    if visitor.account_id is not None and row.account_id == visitor.account_id:
        return True
    return bool(visitor.guest) and row.guest == visitor.guest


def may_answer(row: Quote, visitor: Visitor) -> bool:
    return visitor.works_for(row.listing.clip.recording.creator_id)


def ordered(session: Session, quote: Quote) -> None:
    """Its license was granted: it can't be asked about or ordered again.

    Raises Refusal where it was ordered before: of two payments of one quote one goes back.
    """
    session.refresh(quote, with_for_update=True)
    if quote.state == QuoteState.ORDERED:
        raise Refusal(standing(quote), code="quote_ordered")
    quote.state = QuoteState.ORDERED
    event.record(session, "quote.ordered", quote.id)


def is_expired(session: Session, row: Quote) -> bool:
    return row.expires_ms <= now(session)


def alive(session: Session, row: Quote) -> None:
    """Raises Refusal for one that expired."""
    if is_expired(session, row):
        raise Refusal(
            "This quote has expired. Ask for the price again on the clip's page.",
            code="quote_expired",
            expires_ms=row.expires_ms,
        )


def standing(row: Quote) -> str:
    """Why it can't be done, by where it stands."""
    return {
        QuoteState.OPEN: "Nobody asked for other terms here; the quote is good at its price.",
        QuoteState.ASKED: "The creator has been asked for other terms and has not answered yet.",
        QuoteState.COUNTERED: "The creator named other terms: accept them or withdraw first.",
        QuoteState.DECLINED: "The creator declined. The clip's page has the price without a wish.",
        QuoteState.ORDERED: "This quote was ordered already.",
    }[row.state]


def _asked_by(visitor: Visitor) -> ColumnElement[bool]:
    if visitor.account_id is not None:
        return Quote.account_id == visitor.account_id
    return Quote.guest == visitor.guest if visitor.guest else false()


def _answered_by(visitor: Visitor) -> ColumnElement[bool]:
    if visitor.has():
        return Quote.id.is_not(None)
    return Recording.creator_id.in_(visitor.creator_ids)


def _listed(session: Session, whose: ColumnElement[bool], limit: int) -> list[Quote]:
    wanted = (
        select(Quote)
        .join(Quote.listing)
        .join(Listing.clip)
        .join(Clip.recording)
        .where(whose)
        .options(
            joinedload(Quote.terms),
            joinedload(Quote.listing)
            .joinedload(Listing.clip)
            .options(
                joinedload(Clip.recording).joinedload(Recording.creator).joinedload(Creator.account)
            ),
        )
        .order_by(Quote.created_ms.desc(), Quote.id)
        .limit(limit)
    )
    return list(session.scalars(wanted))


def now(session: Session) -> int:
    return session.scalar(select(now_ms())) or 0
