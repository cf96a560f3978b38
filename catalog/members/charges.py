"""What becomes of a charge when a processor tells of it: what is paid is granted in the transaction
that hears of it, or goes back. The rows: catalog.members.charge_rows.
"""

from collections.abc import Callable

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog import invoices, refunds
from catalog.entitlements import now_of
from catalog.errors import CatalogError, Refusal
from catalog.members import (
    charge_rows,
    dunning,
    granting,
    methods,
    notices,
    paybacks,
    taking_back,
)
from catalog.payments.facts import PaymentFact
from models import event
from models.membership import Charge, ChargeKind, ChargeState
from models.payment import PaymentKind, Refund
from models.settings import settings

GRANTED = "granted"
NOT_ANY_MORE = {
    ChargeState.PAID: "This was paid already.",
    ChargeState.FAILED: "This was given up before the payment arrived.",
    ChargeState.REFUNDED: "This was paid and refunded before.",
    ChargeState.VOID: "This was taken back before the payment arrived.",
}
DECLINED = "The payment was declined. Nothing was taken."
EXPIRED = "The payment was not made in time, or given up. Nothing was taken."


def settle(session: Session, charge: Charge, at_ms: int) -> None:
    """What costs nothing, as if it were paid. Raises Refusal."""
    assert charge.amount_cents == 0
    try:
        with session.begin_nested():
            granting.grant(session, charge, at_ms)
    except IntegrityError as error:  # another one was paid meanwhile
        if charge.kind != ChargeKind.JOIN:
            raise
        raise Refusal(granting.ALREADY, "already_member") from error
    charge.state, charge.paid_ms, charge.next_try_ms = ChargeState.PAID, at_ms, None
    charge.held_until_ms = None
    session.flush()
    granting.told(session, charge, None)


def heard(session: Session, charge: Charge, fact: PaymentFact, at_ms: int | None = None) -> str:
    """What it led to. The charge is locked, and the fact was not heard before."""
    return EFFECTS[fact.kind](session, charge, fact, at_ms or now_of(session))


def _paid(session: Session, charge: Charge, fact: PaymentFact, at_ms: int) -> str:
    before = paybacks.went_back(session, fact)
    if before:  # told out of order
        problem = "The payment went back before it was told of."
    else:
        problem = _granted(session, charge, fact, at_ms)
    if not problem:
        return GRANTED
    if charge.state == ChargeState.ASKED:
        _not_paid(session, charge, problem, at_ms)
    left = fact.amount_cents - before
    if left > 0:
        to = fact.processor, fact.movement_ref
        paybacks.of_movement(session, charge, *to, left, fact.currency, problem)
    return f"refunded: {problem}"


def _granted(session: Session, charge: Charge, fact: PaymentFact, at_ms: int) -> str:
    """Empty where it was; else why not, and nothing of it happened."""
    if charge.state != ChargeState.ASKED:
        return NOT_ANY_MORE[ChargeState(charge.state)]
    if (fact.amount_cents, fact.currency) != (charge.amount_cents, charge.currency):
        return "The amount that arrived is not the one that was asked for."
    try:
        with session.begin_nested():
            granting.grant(session, charge, at_ms)
    except (CatalogError, IntegrityError) as error:
        session.refresh(charge)
        why = "it is there already" if isinstance(error, IntegrityError) else error
        return f"It could not be granted any more: {why}"
    charge.state, charge.paid_ms, charge.next_try_ms = ChargeState.PAID, fact.happened_ms, None
    charge.processor, charge.payment_ref = fact.processor, fact.payment_ref
    charge.held_until_ms, charge.error = None, ""
    if fact.kept is not None:
        methods.keep(session, charge.account_id, fact.processor, fact.kept, at_ms)
    session.flush()
    invoice = invoices.issue_charge(session, charge, at_ms)
    event.record(session, "charge.paid", charge.id, cents=charge.amount_cents)
    granting.told(session, charge, invoice)
    return ""


def _kept(session: Session, charge: Charge, fact: PaymentFact, at_ms: int) -> str:
    """A method without money: a trial begins."""
    assert fact.kept is not None
    if charge.state != ChargeState.ASKED or charge.amount_cents:
        return "nothing was waiting for it"
    try:
        with session.begin_nested():
            settle(session, charge, at_ms)
    except CatalogError as error:
        session.refresh(charge)
        _not_paid(session, charge, str(error), at_ms)
        return f"not kept: {error}"
    charge.processor, charge.payment_ref = fact.processor, fact.payment_ref
    methods.keep(session, charge.account_id, fact.processor, fact.kept, at_ms)
    return GRANTED


def _failed(session: Session, charge: Charge, fact: PaymentFact, at_ms: int) -> str:
    """Declined or expired. An older try's end is not the charge's."""
    if charge.state != ChargeState.ASKED:
        return "nothing was waiting for it"
    if fact.key and fact.key != charge_rows.key_of(charge):
        return "of a try before; nothing was done"
    if charge.payment_ref not in ("", fact.payment_ref):
        return "of a try before; nothing was done"
    _not_paid(session, charge, DECLINED if fact.kind == PaymentKind.FAILED else EXPIRED, at_ms)
    return "declined"


def declined(session: Session, charge: Charge, why: str, at_ms: int) -> None:
    """As if the processor had told it: there is nothing to take it from."""
    if charge.state == ChargeState.ASKED:
        _not_paid(session, charge, why, at_ms)


def _not_paid(session: Session, charge: Charge, why: str, at_ms: int) -> None:
    if charge.kind == ChargeKind.RENEWAL:
        dunning.declined(session, charge, why, at_ms)
        return
    charge_rows.over(charge, ChargeState.FAILED, why)
    event.record(session, "charge.failed", charge.id, why=why)
    if charge.kind == ChargeKind.JOIN and charge.membership_id is not None:
        granting.not_joined(session, charge_rows.membership_of(charge), at_ms)


def _refunded(session: Session, charge: Charge, fact: PaymentFact, at_ms: int) -> str:
    refund = session.get(Refund, fact.refund_id) if fact.refund_id else None
    if refund is not None and refund.charge_id != charge.id:
        refund = None
    if refund is not None:
        paybacks.done(session, refund)
    if not paybacks.is_paid_by(session, charge, fact.payment_ref):
        if refund is not None:
            what = {"cents": fact.amount_cents, "currency": fact.currency, "why": refund.why}
            notices.of_charge(session, charge, "charge-money-back", **what)
        return "money returned; nothing was granted for it"
    reason = refund.why if refund else "Refunded at the payment processor"
    _went_back(session, charge, fact.amount_cents, reason, at_ms)
    if refund is not None:  # what it means was done when it was asked for
        return "returned"
    if _all_gone(session, charge, fact, at_ms):
        return "returned; what it paid for has ended"
    _tell_staff(session, charge, "A payment of a member was partly refunded elsewhere.")
    return "partly refunded at the processor; staff decide what it means"


def _went_back(session: Session, charge: Charge, cents: int, why: str, at_ms: int) -> None:
    _less(charge, cents)
    # What came back after it had gone was credited then.
    noted = sum(
        one.facts["cents"]
        for one in invoices.of_charge(session, charge.id)
        if one.kind == invoices.CREDIT
    )
    due = min(cents, charge.amount_cents - noted)
    note = invoices.credit_charge(session, charge, due, why, at_ms) if due > 0 else None
    event.record(session, "charge.refunded", charge.id, cents=cents, why=why)
    notices.of_charge(session, charge, "charge-refunded", cents=cents, why=why, note=note)


def _less(charge: Charge, cents: int) -> None:
    charge.refunded_cents = min(charge.amount_cents, charge.refunded_cents + cents)
    if charge.refunded_cents == charge.amount_cents:
        charge.state = ChargeState.REFUNDED


def _disputed(session: Session, charge: Charge, fact: PaymentFact, at_ms: int) -> str:
    _tell_staff(session, charge, "A payment of a member is disputed by their bank.")
    if not paybacks.is_paid_by(session, charge, fact.payment_ref):
        return "disputed; nothing was granted for it"
    _less(charge, fact.amount_cents)
    event.record(session, "charge.disputed", charge.id, cents=fact.amount_cents)
    if _all_gone(session, charge, fact, at_ms):
        return "disputed; what it paid for has ended"
    return "partly disputed; staff decide what it means"


def _all_gone(session: Session, charge: Charge, fact: PaymentFact, at_ms: int) -> bool:
    """With this, which the ledger has not counted yet, and with what is on its way."""
    if paybacks.left_of(session, charge) > fact.amount_cents:
        return False
    _less(charge, charge.amount_cents)
    taking_back.taken_back(session, charge, at_ms)
    return True


def _restored(session: Session, charge: Charge, fact: PaymentFact, at_ms: int) -> str:
    """Nothing begins again by itself: staff give it back, or leave it where it is due."""
    _tell_staff(session, charge, "Money that had gone back to a member is here again.")
    paybacks.came_back(session, charge, fact.refund_id)
    if paybacks.is_paid_by(session, charge, fact.payment_ref):
        charge.refunded_cents = max(0, charge.refunded_cents - fact.amount_cents)
        if charge.refunded_cents < charge.amount_cents:
            charge.state = ChargeState.PAID
        event.record(session, "charge.restored", charge.id, cents=fact.amount_cents)
    return "money is here again; a person has to look"


def _tell_staff(session: Session, charge: Charge, what: str) -> None:
    refunds.tell_staff(session, f"{what} {settings().base_url}/charges/{charge.id}", None)


EFFECTS: dict[PaymentKind, Callable[[Session, Charge, PaymentFact, int], str]] = {
    PaymentKind.PAID: _paid,
    PaymentKind.KEPT: _kept,
    PaymentKind.FAILED: _failed,
    PaymentKind.EXPIRED: _failed,
    PaymentKind.REFUNDED: _refunded,
    PaymentKind.DISPUTED: _disputed,
    PaymentKind.RESTORED: _restored,
}
