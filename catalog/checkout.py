"""Checkout: from a cart to the processor and back. Each part may be repeated: a double click, a
second tab, a reload and a lost answer make one order and one payment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import mail, orders, reservations, territories
from catalog.auth import Visitor
from catalog.errors import BadRequest, Refusal
from catalog.payments import ledger
from catalog.payments.facts import (
    Begun,
    Bill,
    PaymentFact,
    ProcessorDown,
    ProcessorRefused,
    house,
)
from catalog.payments.processors import by_name, chosen
from catalog.rules import clean
from catalog.web.words import money
from models import event
from models.base import now_ms, reading, unit_of_work
from models.order import Order, OrderState
from models.payment import PaymentKind
from models.settings import settings

HOLD_MS = 10 * 60_000
NET_MS = 5 * 60_000
"""How much longer the clips stay held while the processor is asked what became of the payment."""
ASK_MS = 2 * 60_000
"""From so long after checkout began the processor is asked: its webhook may be lost."""
MOST_NAME = 200
REFUSED = "The payment processor did not take this order. Nothing was taken."


@dataclass(frozen=True)
class Buyer:
    """Who is licensed."""

    name: str
    email: str
    country: str


@dataclass(frozen=True)
class Way:
    """Where the buyer goes on; `url` is empty where nothing is to be paid any more."""

    order_id: str
    url: str = ""


def buyer_of(name: str, email: str, country: str) -> Buyer:
    """Raises BadRequest: the field, and what is wrong with it."""
    said = clean(name)
    if not said or len(said) > MOST_NAME:
        raise BadRequest(f"name: who is licensed, in {MOST_NAME} characters at most.")
    code = country.strip().upper()
    if code not in territories.names():
        raise BadRequest("country: choose one of the list.")
    return Buyer(said, mail.address(email), code)


def begin(
    visitor: Visitor, order_id: str, buyer: Buyer, *, agreed: bool, cents: int, currency: str
) -> Way:
    """Hold every clip of the cart, then ask the processor. `cents`: the total that was shown.

    Raises Refusal where a right, a quote or the price is not as it was shown; then nothing is held.
    """
    if not agreed:
        raise BadRequest("agree: the license terms have to be agreed to before you pay.")
    with unit_of_work(actor=visitor.actor) as session:
        order = orders.visible(session, visitor, order_id, locked=True)
        if order.state == OrderState.CART:
            hold(session, visitor, order, buyer, cents, currency)
    return resume(visitor, order_id)


def order(
    visitor: Visitor,
    quote_ids: Sequence[str],
    buyer: Buyer,
    *,
    agreed: bool,
    cents: int,
    currency: str,
) -> Way:
    """The same without a cart: these quotes, at once. Raises as `begin` does."""
    if not agreed:
        raise BadRequest("agree: the license terms have to be agreed to before you pay.")
    with unit_of_work(actor=visitor.actor) as session:
        made = orders.of_quotes(session, visitor, quote_ids)
        hold(session, visitor, made, buyer, cents, currency)
    try:
        return resume(visitor, made.id)
    except ProcessorDown:  # the order is there and held: it can be paid in a moment
        return Way(made.id)


def resume(visitor: Visitor, order_id: str) -> Way:
    """To the payment of an order that waits for it; the same one, however often it is asked for.

    Raises ProcessorDown: the order stays as it is.
    """
    with unit_of_work(actor=visitor.actor) as session:
        order = orders.visible(session, visitor, order_id, locked=True)
        if order.state != OrderState.HELD or order.undo_until_ms is not None:
            return Way(order.id)  # of one click: it is being taken from the kept method
        bill, processor = _bill(session, order), order.processor
    try:
        begun = by_name(processor).begin(bill)
    except ProcessorRefused:
        _give_back(order_id, REFUSED)
        raise
    _begun(order_id, begun)
    return Way(order_id, begun.url)


def give_up(visitor: Visitor, order_id: str) -> str:
    """The buyer does not want to pay. What was paid meanwhile is heard of and stands."""
    with reading() as session:
        order = orders.visible(session, visitor, order_id)
        if order.state != OrderState.HELD:
            return order.id
    close(order_id, "You gave the payment up. Nothing was taken.")
    return order_id


def waiting() -> list[str]:
    """Orders that the processor should have told of by now."""
    with reading() as session:
        now = session.scalar(select(now_ms())) or 0
        held = select(Order.id).where(
            Order.state == OrderState.HELD,
            Order.changed_ms <= now - ASK_MS,
            Order.undo_until_ms.is_(None),
        )
        return list(session.scalars(held.order_by(Order.changed_ms)))


def reconcile(order_id: str) -> str:
    """Ask the processor what became of it. An order whose hold is over is cancelled, but not
    before the processor has said that it was not paid and can't be any more.
    """
    with reading() as session:
        order = session.get_one(Order, order_id)
        if order.state != OrderState.HELD:
            return str(order.state)
        now = session.scalar(select(now_ms())) or 0
        over = now >= (order.held_until_ms or 0)
        ref, processor = order.payment_ref, order.processor
    if over:
        return close(order_id, "The payment was not made in time. Nothing was taken.")
    if ref:
        ledger.hear_all(by_name(processor).ask(ref))
    return _state(order_id)


def close(order_id: str, reason: str) -> str:
    """No payment is taken from now on; the order ends as the processor knows it. Its state."""
    with unit_of_work() as session:
        order = orders.locked(session, order_id)
        if order is None or order.state != OrderState.HELD or order.undo_until_ms is not None:
            return str(order.state) if order else ""
        ref, processor, bill = order.payment_ref, order.processor, _bill(session, order)
    if not ref:  # the answer was lost; asking again finds the payment that was begun
        try:
            ref = by_name(processor).begin(bill).ref
            _begun(order_id, Begun(ref, ""))
        except ProcessorRefused:
            return _give_back(order_id, reason)
    facts: list[PaymentFact] = by_name(processor).close(ref)
    ledger.hear_all([fact for fact in facts if fact.kind == PaymentKind.PAID])
    return _give_back(order_id, reason)


def hold(
    session: Session, visitor: Visitor, order: Order, buyer: Buyer, cents: int, currency: str
) -> None:
    """Its clips, until it is paid. Raises Refusal where something is not as it was shown."""
    if not order.lines:
        raise Refusal("The cart is empty.", "cart_empty")
    for one in orders.standing(session, visitor, order):
        if one.problem:
            title = one.line.listing.clip.title
            raise Refusal(f"“{title}”: {one.problem} Look at your cart.", one.code)
    if (cents, currency) != (order.total_cents, order.currency):
        raise Refusal(
            f"The total is {money(order.total_cents, order.currency)} now, which is not what this "
            "page showed. Nothing was ordered. Look at your cart, then go on.",
            "price_changed",
        )
    now = session.scalar(select(now_ms())) or 0
    order.name, order.email, order.country = buyer.name, buyer.email, buyer.country
    order.attempt += 1
    order.processor, order.payment_ref, order.reason = chosen(), "", ""
    order.changed_ms = now
    agreed = sorted({line.terms_id for line in order.lines})
    event.record(session, "order.agreed", order.id, terms=agreed, attempt=order.attempt)
    order.state, order.held_until_ms = OrderState.HELD, now + HOLD_MS
    if not order.total_cents:
        orders.fulfil(session, order, now)
        return
    reservations.hold_all(session, order.lines, now + HOLD_MS + NET_MS)
    event.record(session, "order.held", order.id, cents=order.total_cents, currency=currency)


def _bill(session: Session, order: Order) -> Bill:
    here = f"{settings().base_url}/orders/{order.id}"
    lines = [
        (f"{line.terms.title} license: {line.listing.clip.title}", line.price_cents)
        for line in order.lines
        if line.price_cents
    ]
    return Bill(
        key=f"{order.id}-{order.attempt}",
        order_id=order.id,
        house=house(session),
        lines=tuple(lines),
        currency=order.currency,
        email=order.email,
        back_url=f"{here}?back=1",
        cancel_url=here,
        held_ms=(order.held_until_ms or 0) - HOLD_MS,
    )


def _begun(order_id: str, begun: Begun) -> None:
    with unit_of_work() as session:
        order = orders.locked(session, order_id)
        if order is not None and order.state == OrderState.HELD:
            order.payment_ref = begun.ref


def _give_back(order_id: str, reason: str) -> str:
    with unit_of_work() as session:
        order = orders.locked(session, order_id)
        assert order is not None
        orders.cancel(session, order, reason)
        return str(order.state)


def _state(order_id: str) -> str:
    with reading() as session:
        return str(session.get_one(Order, order_id).state)
