"""Quotes: a price for one clip and one use, good for a week. Asking for other terms: wishes.py."""

from collections.abc import Collection, Set
from typing import Any

from sqlalchemy import ColumnElement, delete, false, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from catalog import listings, pricing, reservations, throttle
from catalog import terms as terms_of
from catalog.auth import Visitor
from catalog.collisions import Collision
from catalog.errors import NotFound, Refusal, SignInNeeded
from catalog.members.perks import discount
from catalog.reservations import NOBODY, Asker, Kept
from catalog.uses import DAY_MS, Fields, Use, completed, interval, soon
from models import event
from models.base import now_ms
from models.clip import Clip
from models.creator import Creator
from models.listing import Listing
from models.order import OrderLine
from models.quote import Quote, QuoteNote, QuoteState
from models.recording import Recording
from models.terms import Terms

GOOD_DAYS = 7
MOST_A_WHILE, WHILE_S = 200, 3_600
MOST_AT_ONE_ADDRESS = 400
"""Guests' in an hour."""
KEPT_MS = 30 * DAY_MS
SWEPT = 1_000
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
    listing = listings.licensable(session, visitor, listing_id)
    terms = terms_of.of_kind(session, kind)
    use = offered(session, listing, terms, use_dict)
    off = discount.percent(session, visitor.account_id, listing.creator_id, now(session))
    priced = pricing.price(session, listing, terms, use, member_percent=off)
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
    session: Session,
    listing: Listing,
    use: Use,
    fields: Fields,
    visitor: Visitor | None = None,
    kept: Kept | None = None,
) -> Collision | None:
    """`visitor`: their own payments under way are named as theirs. `kept`: where it was read for
    many clips at once.
    """
    asker = Asker(visitor.account_id, visitor.guest) if visitor else NOBODY
    starts, ends = interval(use, kept.now if kept else now(session))
    return reservations.collision(session, listing.clip_id, use, fields, starts, ends, asker, kept)


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
    needs_orderable(row, visitor, now(session), on_sale(session, [row.listing_id]))
    return row


def needs_orderable(row: Quote, visitor: Visitor, at_ms: int, on_sale: Set[str]) -> None:
    """As `orderable`, of what was read for many at once. `on_sale`: listings."""
    if not is_theirs(row, visitor):
        raise NotFound("There is no quote at this address, or it is somebody else's.")
    _alive_at(row, at_ms)
    if row.state != QuoteState.OPEN:
        raise Refusal(standing(row), code=f"quote_{row.state}")
    if row.listing_id not in on_sale:
        raise Refusal("This clip is no longer on sale.", code="not_on_sale")


def on_sale(session: Session, listing_ids: Collection[str]) -> Set[str]:
    public = select(Listing.id).where(Listing.id.in_(listing_ids), listings.is_public())
    return set(session.scalars(public))


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
    _alive_at(row, now(session))


def _alive_at(row: Quote, at_ms: int) -> None:
    if row.expires_ms <= at_ms:
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
            selectinload(Quote.notes),
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


def sweep(session: Session) -> int:
    """Guests' that expired long ago and were never ordered: their browser has forgotten them too.
    How many; SWEPT at most.
    """
    ordered = select(OrderLine.id).where(OrderLine.quote_id == Quote.id).exists()
    talked = select(QuoteNote.quote_id).where(QuoteNote.quote_id == Quote.id).exists()
    old = select(Quote.id).where(
        Quote.account_id.is_(None), Quote.expires_ms < now_ms() - KEPT_MS, ~ordered, ~talked
    )
    gone = delete(Quote).where(Quote.id.in_(old.limit(SWEPT))).returning(Quote.id)
    return len(session.execute(gone, execution_options={"synchronize_session": False}).all())


def now(session: Session) -> int:
    return session.scalar(select(now_ms())) or 0
