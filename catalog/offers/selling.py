"""Personal licenses at an offer's price: by one click where a method is kept, else by the cart."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sqlalchemy.orm import Session

from catalog import licenses, listings, orders, pricing, quotes, reservations
from catalog import terms as terms_of
from catalog.auth import Visitor
from catalog.errors import CatalogError, NotFound
from catalog.members import billing, downloads, methods, oneclick
from catalog.members.perks import discount
from catalog.offers.deals import Deal, Onward, Way
from catalog.pricing import Line, Priced
from catalog.uses import DAY_MS, Fields, Use
from models import event
from models.listing import Listing
from models.offer import Offer, OfferView
from models.order import Order, OrderState
from models.quote import Quote
from models.terms import PriceRule, Terms

KIND = "personal"
Ground = tuple[Terms, Fields, Use, int, dict[str, PriceRule]]
MOST = 6
"""Clips that are bought together."""


def prices(
    session: Session, visitor: Visitor, wanted: Sequence[Listing], most: int = MOST
) -> dict[str, Priced]:
    """By listing, of personal licenses for this visitor: the first of one creator's clips, without
    what can't be had or is had already. What is the same for all of them is read once.
    """
    if not wanted:
        return {}
    ground = _ground(session, visitor, wanted[0].creator_id)
    if ground is None:
        return {}
    terms, fields, use, off, rules = ground
    on_sale = quotes.on_sale(session, [one.id for one in wanted])
    kept = reservations.kept_of(session, [one.clip_id for one in wanted])
    found: dict[str, Priced] = {}
    for one in wanted:
        if len(found) == most:
            break
        if one.id not in on_sale or licenses.alive_for(session, visitor, one.clip_id) is not None:
            continue
        try:
            terms_of.fits(one, fields)
            taken = quotes.blocked(session, one, use, fields, kept=kept)
            if taken is None or taken.code == quotes.TEMPORARY:
                found[one.id] = pricing.price_by(rules, one, terms, use, member_percent=off)
        except CatalogError:
            continue
    return found


def _ground(session: Session, visitor: Visitor, creator_id: str) -> Ground | None:
    """What all prices of a creator rest on for this visitor, read once in a transaction: each offer
    that is tried asks for it. None: nothing is sold to them."""
    kept: dict[tuple[str, ...], Ground | None] = session.info.setdefault("offers' ground", {})
    name = (visitor.account_id or "", creator_id)
    if name not in kept:
        kept[name] = _read(session, visitor, creator_id)
    return kept[name]


def _read(session: Session, visitor: Visitor, creator_id: str) -> Ground | None:
    at_ms = quotes.now(session)
    month = downloads.left(session, visitor, creator_id, at_ms)
    if month is not None and month.left:  # free as a member: it is not sold to them
        return None
    try:
        terms = terms_of.of_kind(session, KIND)
        fields = terms_of.fields(terms)
        use = quotes.wanted(session, fields, {})
    except CatalogError:
        return None
    off = discount.percent(session, visitor.account_id, creator_id, at_ms)
    return terms, fields, use, off, pricing.rules(session, creator_id)


def less(priced: Priced, percent: int, why: str) -> Priced:
    """Exact, and a part of a cent is the buyer's."""
    if not percent:
        return priced
    factor = Fraction(100 - percent, 100)
    cents = math.floor(priced.price_cents * factor)
    line = Line(f"{why} {percent} %", factor=f"{float(factor):g}")
    return replace(priced, price_cents=cents, breakdown=[*priced.breakdown, line])


def together(
    wanted: Sequence[Listing], known: Mapping[str, Priced], percent: int, why: str
) -> Deal | None:
    """All of them, or None where one of them can't be had. `known`: of prices()."""
    if not wanted or any(one.id not in known for one in wanted):
        return None
    found = [(one, less(known[one.id], percent, why)) for one in wanted]
    if not all(priced.price_cents for _, priced in found):
        return None
    cents = sum(priced.price_cents for _, priced in found)
    whole = sum(known[one.id].price_cents for one in wanted)
    count = len(found)
    discounts = {
        line.what
        for _, priced in found
        for line in priced.breakdown
        if line.what.startswith(pricing.MEMBER)
    }
    files = "The clean file, full quality" if count == 1 else f"{count} clean files, full quality"
    return Deal(
        cents=cents,
        currency=found[0][1].currency,
        gives=(
            files,
            "A personal license that does not end: for yourself, nothing public",
            *(f"{one} is in this price" for one in sorted(discounts)),
        ),
        used=("your membership here, for its discount",) if discounts else (),
        what={"clips": [one.clip_id for one, _ in found], "percent": percent},
        saves_cents=max(whole - cents, 0),
        clips=tuple((one.clip_id, one.clip.title) for one, _ in found),
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


def _quote(
    session: Session, visitor: Visitor, offer: Offer, listing: Listing, percent: int, why: str
) -> Quote:
    """Good as long as any quote, and no longer than the offer."""
    row = quotes.open_quote(session, visitor, listing.id, KIND, {})
    found = less(prices(session, visitor, [listing])[listing.id], percent, why)
    row.price_cents, row.breakdown = found.price_cents, found.as_row()
    row.expires_ms = min(row.expires_ms, offer.ends_ms or row.created_ms + 365 * DAY_MS)
    session.flush()
    event.record(session, "quote.offered", row.id, offer_id=offer.id, cents=row.price_cents)
    return row
