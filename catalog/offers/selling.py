"""Personal licenses at an offer's price: by one click where a method is kept, else by the cart."""

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sqlalchemy.orm import Session

from catalog import licenses, listings, orders, pricing, quotes
from catalog import terms as terms_of
from catalog.auth import Visitor
from catalog.errors import CatalogError, NotFound
from catalog.members import billing, downloads, methods, oneclick
from catalog.members.perks import discount
from catalog.offers.deals import Deal, Onward, Way
from catalog.pricing import Line, Priced
from catalog.uses import DAY_MS
from models import event
from models.listing import Listing
from models.offer import Offer, OfferView
from models.order import Order, OrderState
from models.quote import Quote

KIND = "personal"


def price(
    session: Session, visitor: Visitor, listing: Listing, percent: int = 0, why: str = ""
) -> Priced | None:
    """Of a personal license for this visitor. None for what can't be had, or is had already."""
    if licenses.alive_for(session, visitor, listing.clip_id) is not None:
        return None
    at_ms = quotes.now(session)
    month = downloads.left(session, visitor, listing.creator_id, at_ms)
    if month is not None and month.left:  # free as a member: it is not sold to them
        return None
    try:
        listings.licensable(session, visitor, listing.id)
        terms = terms_of.of_kind(session, KIND)
        use = quotes.offered(session, listing, terms, {})
        off = discount.percent(session, visitor.account_id, listing.creator_id, at_ms)
        return less(pricing.price(session, listing, terms, use, member_percent=off), percent, why)
    except CatalogError:
        return None


def less(priced: Priced, percent: int, why: str) -> Priced:
    """Exact, and a part of a cent is the buyer's."""
    if not percent:
        return priced
    factor = Fraction(100 - percent, 100)
    cents = math.floor(priced.price_cents * factor)
    line = Line(f"{why} {percent} %", factor=f"{float(factor):g}")
    return replace(priced, price_cents=cents, breakdown=[*priced.breakdown, line])


def together(
    session: Session, visitor: Visitor, wanted: Sequence[Listing], percent: int, why: str
) -> Deal | None:
    """All of them, or None where one of them can't be had."""
    found = [(one, price(session, visitor, one, percent, why)) for one in wanted]
    if not found or any(priced is None or not priced.price_cents for _, priced in found):
        return None
    known = [(one, priced) for one, priced in found if priced is not None]
    cents = sum(priced.price_cents for _, priced in known)
    whole = sum(_apart(session, visitor, one) for one in wanted) if percent else cents
    count = len(known)
    files = "The clean file, full quality" if count == 1 else f"{count} clean files, full quality"
    return Deal(
        cents=cents,
        currency=known[0][1].currency,
        gives=(files, "A personal license that does not end: for yourself, nothing public"),
        what={"clips": [one.clip_id for one, _ in known], "percent": percent},
        saves_cents=max(whole - cents, 0),
        clips=tuple((one.clip_id, one.clip.title) for one, _ in known),
    )


def shown_before(
    session: Session, visitor: Visitor, what: dict[str, Any], at_ms: int
) -> list[Listing]:
    """The clips of a view; fewer where one is not there for this visitor any more."""
    found = []
    for clip_id in what.get("clips", ()):
        try:
            found.append(listings.seen(session, visitor, clip_id, at_ms))
        except NotFound:
            continue
    return found


def under_way(session: Session, visitor: Visitor, view: OfferView) -> Onward | None:
    """The order that was begun with one click, where it did not end without a payment."""
    found = session.get(Order, view.order_id) if view.order_id else None
    if found is None or found.state == OrderState.CANCELLED:
        return None
    return go_on(visitor, view, found)


def begin(
    session: Session, visitor: Visitor, offer: Offer, view: OfferView, deal: Deal, why: str
) -> Onward:
    percent = int(deal.what["percent"])
    wanted = shown_before(session, visitor, view.what, quotes.now(session))
    made = [_quote(session, visitor, offer, one, percent, why) for one in wanted]
    if visitor.account_id and methods.stored(session, visitor.account_id) is not None:
        order = orders.of_quotes(session, visitor, [one.id for one in made])
        order.offer_view_id = view.id
        session.flush()
        oneclick.hold(session, visitor, order)
        view.order_id = order.id
        return go_on(visitor, view, order)
    for one in made:
        cart = orders.add(session, visitor, one.id)
        cart.offer_view_id = view.id
    return lambda: Way(view.id, "/checkout")


def go_on(visitor: Visitor, view: OfferView, order: Order) -> Onward:
    """The key is the same each time: asked for twice it is taken once."""

    def pay() -> Way:
        return Way(view.id, billing.pay_order(visitor, order.id).url)

    return pay


def _apart(session: Session, visitor: Visitor, listing: Listing) -> int:
    found = price(session, visitor, listing)
    return found.price_cents if found else 0


def _quote(
    session: Session, visitor: Visitor, offer: Offer, listing: Listing, percent: int, why: str
) -> Quote:
    """Good as long as any quote, and no longer than the offer."""
    row = quotes.open_quote(session, visitor, listing.id, KIND, {})
    found = price(session, visitor, listing, percent, why)
    assert found is not None
    row.price_cents, row.breakdown = found.price_cents, found.as_row()
    row.expires_ms = min(row.expires_ms, offer.ends_ms or row.created_ms + 365 * DAY_MS)
    session.flush()
    event.record(session, "quote.offered", row.id, offer_id=offer.id, cents=row.price_cents)
    return row
