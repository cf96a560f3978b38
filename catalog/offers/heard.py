"""What orders, charges and their undoing tell of: which offer led to it, and what a visit brought.

They call this in their own transaction; so it knows nothing of them but their rows.
"""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.offers import hashes
from models import event
from models.base import now_ms
from models.membership import Charge, ChargeKind
from models.offer import ContentSession, OfferAnswer, OfferView
from models.order import Order, OrderLine

COUNTED = (ChargeKind.TIP, ChargeKind.JOIN)
SMALL = "personal"
"""The license that offers are for; a larger one is no fruit of an offer."""


def order_paid(session: Session, order: Order) -> None:
    lines = [line for line in order.lines if line.terms.kind == SMALL]
    for creator_id in {line.listing.creator_id for line in lines}:
        cents = sum(one.price_cents for one in lines if one.listing.creator_id == creator_id)
        _bought(session, order.account_id, order.guest, creator_id, cents, order.currency)
    view = session.get(OfferView, order.offer_view_id) if order.offer_view_id else None
    if view is not None and _lines_of(view, lines):
        view.order_id = order.id
        _answered(session, view, OfferAnswer.ACCEPTED)


def charge_paid(session: Session, charge: Charge) -> None:
    if charge.kind not in COUNTED:
        return
    _bought(session, charge.account_id, "", charge.creator_id, charge.amount_cents, charge.currency)
    view = session.get(OfferView, charge.offer_view_id) if charge.offer_view_id else None
    if view is not None:
        _answered(session, view, OfferAnswer.ACCEPTED)


def undone(session: Session, view_id: str | None, cents: int) -> None:
    """By its buyer. The visit that it was bought in brought so much less."""
    view = session.get(OfferView, view_id) if view_id else None
    if view is None or view.answer != OfferAnswer.ACCEPTED:
        return
    _answered(session, view, OfferAnswer.UNDONE)
    if view.session_id is not None:
        visit = session.get_one(ContentSession, view.session_id)
        visit.bought_cents = max(visit.bought_cents - cents, 0)


def _answered(session: Session, view: OfferView, answer: OfferAnswer) -> None:
    if view.answer in (answer, OfferAnswer.UNDONE):
        return
    view.answer, view.answered_ms = answer, session.scalar(select(now_ms()))
    event.record(session, f"offer.{answer}", view.id, offer_id=view.offer_id)


def _lines_of(view: OfferView, lines: list[OrderLine]) -> bool:
    """Something of what was offered is in it: the rest of a cart is not the offer's."""
    return bool(set(view.what.get("clips", ())) & {line.listing.clip_id for line in lines})


def _bought(
    session: Session,
    account_id: str | None,
    guest: str,
    creator_id: str,
    cents: int,
    currency: str,
) -> None:
    if cents <= 0:
        return
    at_ms = session.scalar(select(now_ms())) or 0
    visit = hashes.visit(session, account_id, guest, creator_id, at_ms)
    session.execute(
        update(ContentSession)
        .where(ContentSession.whose == visit)
        .values(bought_cents=ContentSession.bought_cents + cents, currency=currency)
        .execution_options(synchronize_session=False)
    )
