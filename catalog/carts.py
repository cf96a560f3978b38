"""The cart: the one order of a buyer that is not begun yet."""

from typing import Any

from sqlalchemy import ColumnElement, Select, false, select
from sqlalchemy.orm import Session, selectinload

from catalog.auth import Visitor
from models.base import now_ms
from models.clip import Clip
from models.listing import Listing
from models.order import Order, OrderLine, OrderState
from models.quote import Quote
from models.recording import Recording
from models.turns import take_turn

MOST_LINES = 50


def cart(session: Session, visitor: Visitor, *, locked: bool = False) -> Order | None:
    """The visitor's one cart. Two that a sign-in brought together become one."""
    if locked:  # two at once, and no cart yet: the second finds what the first one made
        take_turn(session, f"cart {visitor.account_id or visitor.guest}")
    wanted = whole(select(Order)).where(Order.state == OrderState.CART, own(visitor))
    wanted = wanted.order_by(Order.created_ms, Order.id)
    if locked:
        wanted = wanted.with_for_update(of=Order)
    found = list(session.scalars(wanted).unique())
    if not found:
        return None
    if locked:
        for other in found[1:]:
            _merge(session, found[0], other)
    return found[0]


def counted(session: Session, order: Order) -> None:
    order.total_cents = sum(line.price_cents for line in order.lines)
    order.changed_ms = session.scalar(select(now_ms())) or 0
    session.flush()


def line_of(quote: Quote, number: int) -> OrderLine:
    return OrderLine(
        number=number,
        quote_id=quote.id,
        listing_id=quote.listing_id,
        terms_id=quote.terms_id,
        use=quote.use,
        price_cents=quote.price_cents,
        quote=quote,
        listing=quote.listing,
        terms=quote.terms,
    )


def same(order: Order, quote: Quote) -> OrderLine | None:
    """The line for the same clip and the same use: one that begins now began earlier there."""
    for line in order.lines:
        alike = (line.listing_id, line.terms_id) == (quote.listing_id, quote.terms_id)
        if alike and _timeless(line.quote) == _timeless(quote):
            return line
    return None


def _timeless(quote: Quote) -> dict[str, Any]:
    at_once = quote.use["starts_ms"] <= quote.created_ms
    return {**quote.use, "starts_ms": 0 if at_once else quote.use["starts_ms"]}


def next_number(order: Order) -> int:
    return max((line.number for line in order.lines), default=0) + 1


def _merge(session: Session, into: Order, other: Order) -> None:
    for line in list(other.lines):
        other.lines.remove(line)
        same_money = not into.lines or into.currency == other.currency
        before = same(into, line.quote)
        if before is not None and before.quote.created_ms < line.quote.created_ms:
            into.lines.remove(before)
            into.lines.append(line_of(line.quote, before.number))
        elif before is None and same_money and len(into.lines) < MOST_LINES:
            into.currency = other.currency
            into.lines.append(line_of(line.quote, next_number(into)))
    into.offer_view_id = into.offer_view_id or other.offer_view_id
    session.delete(other)
    counted(session, into)


def own(visitor: Visitor) -> ColumnElement[bool]:
    if visitor.account_id is not None:
        return Order.account_id == visitor.account_id
    if visitor.guest:
        return (Order.guest == visitor.guest) & Order.account_id.is_(None)
    return false()


def whole(wanted: Select[Order]) -> Select[Order]:
    clip = selectinload(Order.lines).joinedload(OrderLine.listing).joinedload(Listing.clip)
    return wanted.options(
        selectinload(Order.lines).joinedload(OrderLine.quote),
        selectinload(Order.lines).joinedload(OrderLine.terms),
        selectinload(Order.lines).selectinload(OrderLine.license),
        clip.selectinload(Clip.assets),
        clip.joinedload(Clip.recording).joinedload(Recording.creator),
    )
