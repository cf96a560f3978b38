"""Money of members that goes back: the row first, then the step `refund`, as with orders."""

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from catalog import refunds
from catalog.errors import Refusal
from catalog.payments.facts import MONEY_OUT, PaymentFact
from models import event
from models.base import now_ms
from models.membership import Charge
from models.payment import PaymentEvent, PaymentKind, Refund, RefundState
from models.steps import ask as ask_for

# By the payment alone: SQLite, left to choose, would walk all that the processor ever told.
_OF_PAYMENT = select(PaymentEvent.processor, PaymentEvent.kind, PaymentEvent.amount_cents).where(
    PaymentEvent.payment_ref.in_((bindparam("payment"), bindparam("movement"))),
    PaymentEvent.counted,
)


def of_movement(
    session: Session,
    charge: Charge,
    processor: str,
    movement_ref: str,
    cents: int,
    currency: str,
    why: str,
) -> Refund:
    """Of one payment, whether or not the charge was granted for it. The charge is locked."""
    made = Refund(
        charge_id=charge.id,
        processor=processor,
        payment_ref=movement_ref,
        amount_cents=cents,
        currency=currency,
        lines=[],
        why=why[:300],
    )
    session.add(made)
    session.flush()
    ask_for(session, "refund", made.id, None)
    event.record(session, "refund.asked", made.id, charge_id=charge.id, cents=cents, why=why)
    return made


def of_paid(session: Session, charge: Charge, cents: int, why: str) -> Refund:
    """Of what the charge was granted for. Raises Refusal where nothing was paid for it."""
    paid = _paid(session, charge)
    if paid is None:
        raise Refusal("Nothing was paid that could go back.", "nothing_paid")
    to = paid.processor, paid.movement_ref
    return of_movement(session, charge, *to, cents, paid.currency, why)


def left_of(session: Session, charge: Charge) -> int:
    """Cents that were paid for it and neither went back nor are going."""
    paid = _paid(session, charge)
    return _left(session, paid.movement_ref) if paid is not None else 0


def spare(session: Session, charge: Charge) -> list[tuple[PaymentEvent, int]]:
    """Payments for it that gave nothing and are here: a refund of theirs failed or came back. Each
    with its cents that are not on their way.
    """
    granted = _paid(session, charge)
    wanted = select(PaymentEvent).where(
        PaymentEvent.charge_id == charge.id,
        PaymentEvent.kind == PaymentKind.PAID,
        PaymentEvent.counted,
    )
    found = []
    for one in session.scalars(wanted.order_by(PaymentEvent.received_ms)):
        here = _left(session, one.movement_ref) if one is not granted else 0
        if here > 0:
            found.append((one, here))
    return found


def is_paid_by(session: Session, charge: Charge, movement_ref: str) -> bool:
    paid = _paid(session, charge)
    return paid is not None and paid.movement_ref == movement_ref


def went_back(session: Session, fact: PaymentFact) -> int:
    """Cents of this payment that went back before it was told of."""
    named = {"payment": fact.payment_ref, "movement": fact.movement_ref}
    went = 0
    for processor, kind, cents in session.execute(_OF_PAYMENT, named):
        if processor == fact.processor and kind in MONEY_OUT:
            went += cents
        elif processor == fact.processor and kind == PaymentKind.RESTORED:
            went -= cents
    return went


def done(session: Session, refund: Refund) -> None:
    if refund.state != RefundState.DONE:
        refund.state, refund.done_ms = RefundState.DONE, session.scalar(select(now_ms()))


def came_back(session: Session, charge: Charge, refund_id: str) -> None:
    """The bank sent back what had gone: it is not done, and may be asked for again."""
    refund = session.get(Refund, refund_id) if refund_id else None
    if refund is not None and refund.charge_id == charge.id:
        refund.state, refund.done_ms = RefundState.FAILED, None
        refund.error = "The bank sent it back."
        event.record(session, "refund.failed", refund.id, error=refund.error)


def refused(session: Session, refund_id: str, error: str) -> None:
    """The processor refused for good. What is left of the payment is tried; else staff look."""
    refund = session.get_one(Refund, refund_id)
    if refund.charge_id is None:
        refunds.failed(session, refund_id, error)
        return
    if refund.state != RefundState.ASKED:
        return
    refund.state, refund.error = RefundState.FAILED, error[:300]
    event.record(session, "refund.failed", refund.id, error=error)
    left = refunds.left_of(session, refund.payment_ref)
    charge = session.get_one(Charge, refund.charge_id)
    if 0 < left < refund.amount_cents:
        to = refund.processor, refund.payment_ref
        of_movement(session, charge, *to, left, refund.currency, refund.why)
    elif left > 0:
        refunds.tell_staff(session, f"A refund to a member was refused: {error}", None)


def of_charge(session: Session, charge_id: str) -> Sequence[Refund]:
    wanted = select(Refund).filter_by(charge_id=charge_id).order_by(Refund.asked_ms, Refund.id)
    return session.scalars(wanted).all()


def _left(session: Session, movement_ref: str) -> int:
    going = select(func.sum(Refund.amount_cents)).where(
        Refund.payment_ref == movement_ref, Refund.state == RefundState.ASKED
    )
    return refunds.left_of(session, movement_ref) - int(session.scalar(going) or 0)


def _paid(session: Session, charge: Charge) -> PaymentEvent | None:
    """The movement that it was granted for."""
    if charge.paid_ms is None:
        return None
    wanted = select(PaymentEvent).where(
        PaymentEvent.charge_id == charge.id,
        PaymentEvent.kind == PaymentKind.PAID,
        PaymentEvent.counted,
        PaymentEvent.payment_ref == charge.payment_ref,
    )
    return session.scalars(wanted).first()
