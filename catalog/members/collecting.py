"""Charges and processors. No transaction is open while a processor is asked; whatever is cut off
between is asked for again under the same key, which is the same payment.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.entitlements import now_of
from catalog.members import charge_rows, charges, methods
from catalog.payments import ledger, sandbox
from catalog.payments.facts import (
    Begun,
    Bill,
    PaymentFact,
    ProcessorRefused,
    house,
)
from catalog.payments.processors import by_name
from models.account import Account
from models.base import reading, unit_of_work
from models.membership import Charge, ChargeKind, ChargeState, PaymentMethod
from models.payment import PaymentKind
from models.settings import settings

HOLD_MS = 30 * 60_000
"""So long a payment on a processor's page may take."""
ASK_MS = 2 * 60_000
"""From so long after it was begun the processor is asked: its webhook may be lost."""
NO_METHOD = "No payment method is kept. Nothing was taken."
NOT_MADE = "The payment was not made in time. Nothing was taken."
FROM_PAGE = (ChargeKind.JOIN, ChargeKind.CHANGE, ChargeKind.RENEWAL)
"""What is paid on a processor's page for these is kept there for what comes after."""


@dataclass(frozen=True)
class Way:
    """Where the payer goes on; `url` is empty where nothing is to be done any more."""

    charge_id: str
    url: str = ""


def collect(charge_id: str, at_ms: int) -> str:
    """Take it from the kept method. Its state after. Raises ProcessorDown."""
    with unit_of_work() as session:
        asked = _asked(session, charge_id, at_ms)
    if isinstance(asked, str):
        return asked
    try:
        facts = by_name(asked["processor"]).charge(*asked["what"])
    except ProcessorRefused as error:
        with unit_of_work() as session:
            _declined(session, charge_id, asked["key"], str(error), at_ms)
    else:
        ledger.hear_all(facts)
    return state(charge_id)


def collect_in(session: Session, charge_id: str, at_ms: int) -> str:
    """The same at the sandbox, in a transaction that is open, at a time of its own."""
    asked = _asked(session, charge_id, at_ms)
    if isinstance(asked, str):
        return asked
    key, ref, customer, _, lines, currency, _ = asked["what"]
    cents = sum(one for _, one in lines)
    try:
        facts = sandbox.charge_in(session, key, ref, customer, cents, currency, at_ms)
    except ProcessorRefused as error:
        _declined(session, charge_id, key, str(error), at_ms)
        facts = []
    for fact in facts:
        ledger.heard(session, fact, at_ms)
    charge: Charge = asked["charge"]
    return str(charge.state)


def on_page(charge_id: str) -> Way:
    """To the processor's page for it; the same one, however often it is asked for."""
    with unit_of_work() as session:
        charge = charge_rows.locked(session, charge_id)
        if charge is None or charge.state != ChargeState.ASKED:
            return Way(charge_id)
        if charge.held_until_ms is None:
            charge.held_until_ms = now_of(session) + HOLD_MS
        bill, processor = _bill(session, charge), charge.processor
    try:
        begun = by_name(processor).begin(bill)
    except ProcessorRefused as error:
        with unit_of_work() as session:
            _declined(session, charge_id, bill.key, str(error), now_of(session))
        raise
    _begun(charge_id, bill.key, begun)
    return Way(charge_id, begun.url)


def waiting(at_ms: int) -> list[str]:
    """Charges at a processor's page of which it should have told by now."""
    with reading() as session:
        held = select(Charge.id).where(
            Charge.state == ChargeState.ASKED, Charge.held_until_ms <= at_ms + HOLD_MS - ASK_MS
        )
        return list(session.scalars(held.order_by(Charge.held_until_ms, Charge.id)))


def reconcile(charge_id: str, at_ms: int) -> str:
    """Ask the processor what became of it; one whose time is over can't be paid from then on."""
    with reading() as session:
        charge = session.get_one(Charge, charge_id)
        held, ref, processor = charge.held_until_ms, charge.payment_ref, charge.processor
        if charge.state != ChargeState.ASKED or held is None:
            return str(charge.state)
    if at_ms >= held:
        return close(charge_id, NOT_MADE)
    if ref:
        ledger.hear_all(by_name(processor).ask(ref))
    return state(charge_id)


def close(charge_id: str, why: str) -> str:
    """No payment is taken on its page from now on; it ends as the processor knows it."""
    with unit_of_work() as session:
        charge = charge_rows.locked(session, charge_id)
        if charge is None or charge.state != ChargeState.ASKED:
            return str(charge.state) if charge else ""
        ref, processor, bill = charge.payment_ref, charge.processor, _bill(session, charge)
        held = charge.held_until_ms is not None
    if held and not ref:  # the answer was lost; asking again finds the payment that was begun
        try:
            ref = by_name(processor).begin(bill).ref
            _begun(charge_id, bill.key, Begun(ref, ""))
        except ProcessorRefused:
            ref = ""
    if held and ref:
        facts: list[PaymentFact] = by_name(processor).close(ref)
        wanted = (PaymentKind.PAID, PaymentKind.KEPT)
        ledger.hear_all([fact for fact in facts if fact.kind in wanted])
    with unit_of_work() as session:
        _declined(session, charge_id, bill.key, why, now_of(session))
    return state(charge_id)


def state(charge_id: str) -> str:
    with reading() as session:
        return str(session.get_one(Charge, charge_id).state)


def _asked(session: Session, charge_id: str, at_ms: int) -> dict[str, Any] | str:
    """What the processor is asked; or the state of one that is not to be collected. Asked for by
    two at once, it is one payment: the key is the same.
    """
    charge = charge_rows.locked(session, charge_id)
    if charge is None:
        return ""
    if charge.state != ChargeState.ASKED or charge.held_until_ms is not None:
        return str(charge.state)
    if charge.next_try_ms is None or charge.next_try_ms > at_ms:
        return str(charge.state)
    method = _method(session, charge)
    if method is None:
        charges.declined(session, charge, NO_METHOD, at_ms)
        return str(charge.state)
    charge.next_try_ms = at_ms + ASK_MS
    key = charge_rows.key_of(charge)
    lines = [(one["what"], one["cents"]) for one in charge.lines]
    what = (
        *(key, charge.id, method.customer_ref, method.method_ref),
        *(lines, charge.currency, house(session)),
    )
    return {"processor": method.processor, "key": key, "what": what, "charge": charge}


def _method(session: Session, charge: Charge) -> PaymentMethod | None:
    found = methods.stored(session, charge.account_id)
    if found is not None:
        charge.processor = found.processor
    return found


def _declined(session: Session, charge_id: str, key: str, why: str, at_ms: int) -> None:
    """Of this try alone: another one may be under way by now."""
    charge = charge_rows.locked(session, charge_id)
    if charge is not None and charge_rows.key_of(charge) == key:
        charges.declined(session, charge, why, at_ms)


def _begun(charge_id: str, key: str, begun: Begun) -> None:
    with unit_of_work() as session:
        charge = charge_rows.locked(session, charge_id)
        waits = charge is not None and charge.state == ChargeState.ASKED
        if charge is not None and waits and charge_rows.key_of(charge) == key:
            charge.payment_ref = begun.ref


def _bill(session: Session, charge: Charge) -> Bill:
    account = session.get_one(Account, charge.account_id)
    known = methods.stored(session, charge.account_id)
    back = address(session, charge)
    return Bill(
        key=charge_rows.key_of(charge),
        order_id=charge.id,
        house=house(session),
        lines=_lines(charge),
        currency=charge.currency,
        email=account.email,
        back_url=f"{back}?back=1",
        cancel_url=back,
        held_ms=(charge.held_until_ms or 0) - HOLD_MS,
        keep=charge.kind in FROM_PAGE,
        customer=known.customer_ref if known and known.processor == charge.processor else "",
    )


def _lines(charge: Charge) -> tuple[tuple[str, int], ...]:
    """A page of a processor's shows no line below nothing."""
    lines = [(str(one["what"]), int(one["cents"])) for one in charge.lines if one["cents"]]
    if all(cents > 0 for _, cents in lines):
        return tuple(lines)
    return ((lines[0][0], charge.amount_cents),) if charge.amount_cents else ()


def address(session: Session, charge: Charge) -> str:
    """The page of ours that shows what became of it."""
    if charge.membership_id is not None:
        return f"{settings().base_url}/memberships/{charge.membership_id}"
    return f"{settings().base_url}/charges/{charge.id}"
