"""What orders, charges and their undoing tell of: which offer led to it, and what a visit brought.

They call this in their own transaction; so it knows nothing of them but their rows. What settled is
left as it is, however late a payment is confirmed: figures of a day that is over stay the same.
"""

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.offers import hashes
from models import event
from models.base import now_ms
from models.listing import Listing
from models.membership import Charge, ChargeKind
from models.offer import ContentSession, Offer, OfferAnswer, OfferView
from models.order import Order, OrderLine, OrderState
from models.terms import Terms

DAY_MS = 86_400_000
ANSWER_MS = DAY_MS
"""So long after it was shown an answer counts; what was bought can be taken back a day longer."""
SETTLED_MS = ANSWER_MS + DAY_MS
"""From then on nothing changes that figures are made of: showings, answers, visits."""
SECOND_MS = 1_000
"""Processors tell of whole seconds."""
COUNTED = (ChargeKind.TIP, ChargeKind.JOIN)
SMALL = "personal"
"""The license that offers are for; a larger one is no fruit of an offer."""


def order_paid(session: Session, order: Order) -> None:
    lines = _small(order)
    _order_brought(session, order, 1)
    view = session.get(OfferView, order.offer_view_id) if order.offer_view_id else None
    if view is not None and _lines_of(view, lines):
        _accepted(session, view, order)


def charge_paid(session: Session, charge: Charge) -> None:
    if charge.kind not in COUNTED:
        return
    _charge_brought(session, charge, 1)
    view = session.get(OfferView, charge.offer_view_id) if charge.offer_view_id else None
    if view is not None:
        _accepted(session, view)


def bought_since(session: Session, guest: str, creator_id: str, since_ms: int) -> tuple[int, str]:
    """By a guest who has no account: what they paid for small licenses of this creator's clips."""
    wanted = (
        select(func.sum(OrderLine.price_cents), func.max(Order.currency))
        .join(Order, Order.id == OrderLine.order_id)
        .join(Listing, Listing.id == OrderLine.listing_id)
        .join(Terms, Terms.id == OrderLine.terms_id)
        .where(
            Order.guest == guest,
            Order.account_id.is_(None),
            Order.state == OrderState.PAID,
            Order.paid_ms >= since_ms,
            Listing.creator_id == creator_id,
            Terms.kind == SMALL,
        )
    )
    cents, currency = session.execute(wanted).one()
    return int(cents or 0), currency or ""


def order_undone(session: Session, order: Order) -> None:
    """By its buyer. The visit that it was bought in brought so much less, held back or not."""
    _order_brought(session, order, -1)
    _undone(session, order.offer_view_id)


def charge_undone(session: Session, charge: Charge) -> None:
    if charge.kind in COUNTED:
        _charge_brought(session, charge, -1)
    _undone(session, charge.offer_view_id)


def first_ms(session: Session, visit: ContentSession) -> int | None:
    """When it was first decided in this visit whether an offer is shown."""
    theirs = select(Offer.id).where(Offer.creator_id == visit.creator_id)
    wanted = select(func.min(OfferView.at_ms)).where(
        OfferView.session_id == visit.id,
        OfferView.offer_id.in_(theirs),  # an index leads to these
        OfferView.at_ms >= visit.begun_ms,
    )
    return session.scalar(wanted) if visit.held_out is not None else None


def _undone(session: Session, view_id: str | None) -> None:
    view = session.get(OfferView, view_id) if view_id else None
    at_ms = session.scalar(select(now_ms())) or 0
    if view is None or view.answer != OfferAnswer.ACCEPTED or at_ms - view.at_ms >= SETTLED_MS:
        return
    _answered(session, view, OfferAnswer.UNDONE, at_ms)


def _accepted(session: Session, view: OfferView, order: Order | None = None) -> None:
    at_ms = session.scalar(select(now_ms())) or 0
    if at_ms - view.at_ms >= ANSWER_MS or view.answer in (
        OfferAnswer.ACCEPTED,
        OfferAnswer.UNDONE,
    ):
        return
    if order is not None:
        view.order_id = order.id
    _answered(session, view, OfferAnswer.ACCEPTED, at_ms)


def _answered(session: Session, view: OfferView, answer: OfferAnswer, at_ms: int) -> None:
    view.answer, view.answered_ms = answer, at_ms
    event.record(session, f"offer.{answer}", view.id, offer_id=view.offer_id)


def _lines_of(view: OfferView, lines: list[OrderLine]) -> bool:
    """Something of what was offered is in it: the rest of a cart is not the offer's."""
    return bool(set(view.what.get("clips", ())) & {line.listing.clip_id for line in lines})


def _small(order: Order) -> list[OrderLine]:
    return [line for line in order.lines if line.terms.kind == SMALL]


def _order_brought(session: Session, order: Order, sign: int) -> None:
    lines, whose = _small(order), (order.account_id, order.guest)
    for creator_id in {line.listing.creator_id for line in lines}:
        cents = sum(one.price_cents for one in lines if one.listing.creator_id == creator_id)
        visit = _visit(session, *whose, creator_id, order.paid_ms)
        _brought(session, visit, sign * cents, order.currency, order.paid_ms)


def _charge_brought(session: Session, charge: Charge, sign: int) -> None:
    """A trial costs nothing yet and is what the offer is for: it counts with its later price."""
    cents = charge.amount_cents
    if not cents and charge.kind == ChargeKind.JOIN and charge.membership is not None:
        cents = charge.membership.price_cents
    visit = _visit(session, charge.account_id, "", charge.creator_id, charge.paid_ms)
    _brought(session, visit, sign * cents, charge.currency, charge.paid_ms)


def _visit(
    session: Session, account_id: str | None, guest: str, creator_id: str, paid_ms: int | None
) -> ContentSession | None:
    """Of the day on which it was paid, however late that is heard of: once the day's key is gone
    a visit is found by what was decided in it, shown or held back."""
    at_ms = paid_ms or 0
    key = hashes.visit_still(session, account_id, guest, creator_id, at_ms)
    wanted = select(ContentSession).where(ContentSession.whose == key)
    if not key:
        whose = hashes.known(session, Visitor(account_id=account_id, guest=guest))
        day_ms = at_ms // DAY_MS * DAY_MS
        wanted = (
            select(ContentSession)
            .join(OfferView, OfferView.session_id == ContentSession.id)
            .where(
                OfferView.whose == whose,
                ContentSession.creator_id == creator_id,
                ContentSession.begun_ms >= day_ms,
                ContentSession.begun_ms < day_ms + DAY_MS,
            )
            .order_by(ContentSession.begun_ms.desc())
            .limit(1)
        )
        if not whose:
            return None
    return session.scalars(wanted).first()


def _brought(
    session: Session, visit: ContentSession | None, cents: int, currency: str, paid_ms: int | None
) -> None:
    """Only after it was decided whether an offer is shown: what came before is no fruit of it."""
    at_ms = session.scalar(select(now_ms())) or 0
    if visit is None or not cents or at_ms - visit.begun_ms >= SETTLED_MS:
        return
    decided_ms = first_ms(session, visit)
    if decided_ms is not None and (paid_ms or 0) + SECOND_MS <= decided_ms:
        return
    sum_ = ContentSession.bought_cents + cents
    session.execute(
        update(ContentSession)
        .where(ContentSession.id == visit.id)
        .values(bought_cents=case((sum_ > 0, sum_), else_=0), currency=currency)
        .execution_options(synchronize_session=False)
    )
    session.refresh(visit)
