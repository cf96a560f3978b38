"""Refunds: a row first, then the processor, then what it means: licenses revoked, clips free."""

from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from catalog import invoices, licenses, mail, orders
from catalog.auth import Visitor, needs
from catalog.errors import NotFound, Refusal
from catalog.payments.balance import left_of_line
from catalog.payments.processors import NAMES
from catalog.web.words import counted
from models import event
from models.account import Role
from models.base import now_ms
from models.order import Order, OrderLine, OrderState
from models.payment import PaymentEvent, PaymentKind, Refund, RefundState
from models.settings import settings
from models.steps import ask as ask_for

UNDER_WAY = (RefundState.ASKED, RefundState.DONE)


def ask(
    session: Session, visitor: Visitor, order_id: str, line_ids: Sequence[str], why: str
) -> Refund:
    """Of these lines; of all that are left where none is named. By staff, or by the creator whose
    clips they are. Raises NotFound, Refusal; a refund that was asked for before is not asked twice.
    """
    needs(visitor)
    order = orders.locked(session, order_id)
    if order is None:
        raise NotFound("There is no such order.")
    lines = _chosen(visitor, order, line_ids)
    if order.state != OrderState.PAID:
        raise Refusal(
            "Nothing is left to refund: this order is not paid, or not any more.", "not_paid"
        )
    under_way = {
        line for one in of_order(session, order.id) if one.state in UNDER_WAY for line in one.lines
    }
    left = [line for line in lines if line.id not in under_way and left_of_line(line)]
    if not left:
        raise Refusal("This was refunded already, or is being refunded.", "refunded")
    paid = paid_by(session, order)
    cents = min(sum(map(left_of_line, left)), left_of(session, paid))
    if cents <= 0:
        raise Refusal("All of this payment went back already.", "refunded")
    return add(
        session,
        order,
        paid,
        cents,
        lines=[line.id for line in left],
        why=" ".join(why.split())[:300] or "Refunded by the seller",
    )


def add(
    session: Session, order: Order, movement_ref: str, cents: int, *, lines: list[str], why: str
) -> Refund:
    """The row and the job that does it. The order is locked."""
    made = Refund(
        order_id=order.id,
        processor=order.processor,
        payment_ref=movement_ref,
        amount_cents=cents,
        currency=order.currency,
        lines=lines,
        why=why[:300],
    )
    session.add(made)
    session.flush()
    ask_for(session, "refund", made.id, None)
    event.record(session, "refund.asked", made.id, order_id=order.id, cents=cents, why=why)
    return made


def settled(session: Session, order: Order, refund: Refund | None, cents: int) -> str:
    """Money went back. Answers what it led to. The order is locked.

    A refund that was made at the processor names no line; it is matched where there is no doubt.
    Where nothing is left of the payment, every license has ended.
    """
    if refund is not None and refund.state != RefundState.DONE:
        refund.state, refund.done_ms = RefundState.DONE, session.scalar(select(now_ms()))
    why = refund.why if refund else "Refunded at the payment processor"
    if order.state != OrderState.PAID or (refund is not None and not refund.lines):
        if refund is not None:
            mail.write(session, order.email, "money-back", order=order, cents=cents, why=why)
        return "money returned; nothing was granted for it"
    here = left_of(session, paid_by(session, order)) - cents
    lines = _lines_of(order, refund, cents, here)
    if not lines:
        return "partly refunded at the processor; staff decide which license it is for"
    revoke_lines(session, order, lines, why)
    parts = {line.id: left_of_line(line) for line in lines}
    for line in lines:
        line.refunded_cents = line.price_cents
    note = invoices.credit(session, order, lines, sum(parts.values()), why, parts=parts)
    mail.write(
        session, order.email, "refunded", order=order, lines=lines, cents=cents, why=why, note=note
    )
    return revoked(lines)


def revoke_lines(session: Session, order: Order, lines: Sequence[OrderLine], why: str) -> None:
    """The licenses of these lines end now; with the last of them the order is over."""
    for line in lines:
        if line.license is not None:
            licenses.revoke(session, line.license.id, why)
    session.flush()
    gone = {line.id for line in lines}
    gone |= {line.id for line in order.lines if line.price_cents and not left_of_line(line)}
    if gone >= {line.id for line in order.lines if line.price_cents}:
        order.state, order.reason = OrderState.REFUNDED, why[:300]
        order.changed_ms = session.scalar(select(now_ms())) or 0
        event.record(session, "order.refunded", order.id, why=why)


def revoked(lines: Sequence[OrderLine]) -> str:
    return f"{counted(len(lines), 'license')} revoked"


def failed(session: Session, refund_id: str, error: str) -> None:
    """The processor refused for good. What is left of the payment is tried; else staff look."""
    refund = session.get_one(Refund, refund_id)
    if refund.state != RefundState.ASKED:
        return
    refund.state, refund.error = RefundState.FAILED, error[:300]
    event.record(session, "refund.failed", refund.id, error=error)
    order = orders.locked(session, refund.order_id or "")
    left = left_of(session, refund.payment_ref)
    if order is not None and 0 < left < refund.amount_cents:  # a part went back by another way
        rest = add(session, order, refund.payment_ref, left, lines=refund.lines, why=refund.why)
        rest.processor, rest.currency = refund.processor, refund.currency
    elif left > 0:
        tell_staff(session, f"A refund was refused: {error}", refund.order_id)


def of_order(session: Session, order_id: str) -> Sequence[Refund]:
    return of_orders(session, [order_id])


def of_orders(session: Session, order_ids: Sequence[str]) -> Sequence[Refund]:
    wanted = select(Refund).where(Refund.order_id.in_(order_ids))
    return session.scalars(wanted.order_by(Refund.asked_ms, Refund.id)).all()


def left_of(session: Session, movement_ref: str) -> int:
    """Cents of this payment that have not gone back, as far as the ledger knows."""
    # Named with its processor, a movement is found by an index.
    moved = and_(PaymentEvent.processor.in_(NAMES), PaymentEvent.movement_ref == movement_ref)
    wanted = select(PaymentEvent.kind, func.sum(PaymentEvent.amount_cents)).where(
        PaymentEvent.counted, or_(PaymentEvent.payment_ref == movement_ref, moved)
    )
    rows = session.execute(wanted.group_by(PaymentEvent.kind))
    sums = {kind: int(cents) for kind, cents in rows}
    out = sums.get(PaymentKind.REFUNDED, 0) + sums.get(PaymentKind.DISPUTED, 0)
    return sums.get(PaymentKind.PAID, 0) + sums.get(PaymentKind.RESTORED, 0) - out


def tell_staff(session: Session, what: str, order_id: str | None) -> None:
    event.record(session, "payment.needs_a_look", order_id or "", what=what)
    mail.write(session, settings().operator, "look", what=what, order_id=order_id or "")


def _chosen(visitor: Visitor, order: Order, line_ids: Sequence[str]) -> list[OrderLine]:
    staff = visitor.has(Role.STAFF)
    mine = [
        line
        for line in order.lines
        if staff or line.listing.clip.recording.creator_id in visitor.creator_ids
    ]
    chosen = [line for line in mine if not line_ids or line.id in line_ids]
    if not chosen or len(chosen) < len(set(line_ids)):
        raise NotFound("There is no such order.")
    return chosen


def paid_by(session: Session, order: Order) -> str:
    """The movement that the order was granted for. Raises Refusal where there is none."""
    wanted = select(PaymentEvent).where(
        PaymentEvent.order_id == order.id,
        PaymentEvent.kind == PaymentKind.PAID,
        PaymentEvent.counted,
        PaymentEvent.payment_ref == order.payment_ref,
    )
    found = session.scalars(wanted).first()
    if found is None:
        raise Refusal("Nothing was paid for this order.", "nothing_paid")
    return found.movement_ref


def _lines_of(order: Order, refund: Refund | None, cents: int, here: int) -> list[OrderLine]:
    """`here`: what is left of the payment after it."""
    left = [line for line in order.lines if left_of_line(line)]
    if here <= 0 or cents >= sum(map(left_of_line, left)):
        return left
    if refund is not None:
        return [line for line in left if line.id in refund.lines]
    same = [line for line in left if left_of_line(line) == cents]
    return same if len(same) == 1 else []
