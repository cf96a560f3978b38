"""Money of members that goes back: the row first, then the step `refund`, as with orders."""

from collections.abc import Sequence

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from catalog import refunds
from catalog.errors import Refusal
from catalog.payments.facts import MONEY_OUT, PaymentFact
from models import event
from models.base import now_ms
from models.membership import Charge
from models.payment import PaymentEvent, PaymentKind, Refund, RefundState
from models.steps import ask as ask_for


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
    if paid is None:
        return 0
    going = select(func.sum(Refund.amount_cents)).where(
        Refund.payment_ref == paid.movement_ref, Refund.state == RefundState.ASKED
    )
    return refunds.left_of(session, paid.movement_ref) - int(session.scalar(going) or 0)


def under_way(session: Session, charge: Charge) -> bool:
    wanted = select(Refund.id).where(
        Refund.charge_id == charge.id, Refund.state.in_(refunds.UNDER_WAY)
    )
    return session.scalars(wanted).first() is not None


def is_paid_by(session: Session, charge: Charge, movement_ref: str) -> bool:
    paid = _paid(session, charge)
    return paid is not None and paid.movement_ref == movement_ref


def went_back(session: Session, fact: PaymentFact) -> int:
    """Cents of this payment that went back before it was told of."""
    moved = case(
        (PaymentEvent.kind.in_(MONEY_OUT), PaymentEvent.amount_cents),
        else_=-PaymentEvent.amount_cents,
    )
    wanted = select(func.sum(moved)).where(
        PaymentEvent.processor == fact.processor,
        PaymentEvent.kind.in_((*MONEY_OUT, PaymentKind.RESTORED)),
        PaymentEvent.payment_ref.in_((fact.payment_ref, fact.movement_ref)),
        PaymentEvent.counted,
    )
    return int(session.scalar(wanted) or 0)


def done(session: Session, refund: Refund) -> None:
    if refund.state != RefundState.DONE:
        refund.state, refund.done_ms = RefundState.DONE, session.scalar(select(now_ms()))


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
