"""What is here of the payment that an order was granted for, beside what its licenses stand for.

The two differ where a refund at the processor names no license, where a dispute was won, or where
a bank sent a refund back. Then a person has to look: catalog/settling.py has the doors.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from catalog.payments.facts import MONEY_IN
from models.order import Order, OrderLine, OrderState
from models.payment import PaymentEvent, PaymentKind

MOVED = (PaymentKind.REFUNDED, PaymentKind.DISPUTED, PaymentKind.RESTORED)


@dataclass(frozen=True)
class Balance:
    """`unassigned_cents`: went back, and nobody has said for which license. `spare_cents`: is here,
    and no license stands for it.
    """

    unassigned_cents: int = 0
    spare_cents: int = 0


EVEN = Balance()


def left_of_line(line: OrderLine) -> int:
    """Cents of its price that were not refunded."""
    return line.price_cents - line.refunded_cents


def of_order(session: Session, order: Order) -> Balance:
    rows = session.scalars(select(PaymentEvent).filter_by(order_id=order.id, counted=True))
    return _balance(order, list(rows))


def unsettled(session: Session, of: Select[str] | None = None) -> dict[str, Balance]:
    """By order, where the two differ; `of`: ids of the orders that are looked at."""
    moved = select(PaymentEvent.order_id).where(
        PaymentEvent.counted, PaymentEvent.kind.in_(MOVED), PaymentEvent.order_id.is_not(None)
    )
    if of is not None:
        moved = moved.where(PaymentEvent.order_id.in_(of))
    events: dict[str, list[PaymentEvent]] = defaultdict(list)
    told = select(PaymentEvent).where(PaymentEvent.counted, PaymentEvent.order_id.in_(moved))
    for row in session.scalars(told):
        events[row.order_id or ""].append(row)
    orders = select(Order).where(Order.id.in_(moved)).options(selectinload(Order.lines))
    found = {order.id: _balance(order, events[order.id]) for order in session.scalars(orders)}
    return {order_id: one for order_id, one in found.items() if one != EVEN}


def _balance(order: Order, events: Iterable[PaymentEvent]) -> Balance:
    if order.state not in (OrderState.PAID, OrderState.REFUNDED):
        return EVEN
    rows = list(events)
    paid = next(
        (
            row.movement_ref
            for row in rows
            if row.kind == PaymentKind.PAID and row.payment_ref == order.payment_ref
        ),
        None,
    )
    if paid is None:
        return EVEN
    here = sum(
        row.amount_cents if row.kind in MONEY_IN else -row.amount_cents
        for row in rows
        if paid == (row.movement_ref if row.kind == PaymentKind.PAID else row.payment_ref)
    )
    granted = sum(map(left_of_line, order.lines)) if order.state == OrderState.PAID else 0
    return Balance(max(granted - here, 0), max(here - granted, 0))
