"""A processor that moves no money: books of its own, a page to pay on, signed webhooks.

It behaves as a real one: it is asked with keys, tells by webhooks that may be late or lost, and
knows nothing of orders but the word it was given.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import auth
from catalog.errors import NotFound, Refusal
from catalog.payments.facts import Begun, Bill, Forged, PaymentFact, ProcessorRefused, house
from models.base import now_ms, reading, unit_of_work
from models.payment import PaymentKind, SandboxPayment, SandboxState
from models.settings import settings
from models.steps import ask as ask_for
from models.turns import take_turn

NAME = "sandbox"
HEADER = "sandbox-signature"
TOLERANCE_S = 300
LATE_MS = 20_000
KINDS = {
    "payment.paid": PaymentKind.PAID,
    "payment.failed": PaymentKind.FAILED,
    "payment.expired": PaymentKind.EXPIRED,
    "refund.paid": PaymentKind.REFUNDED,
    "dispute.opened": PaymentKind.DISPUTED,
}
Answer = Literal["pay", "late", "decline", "abandon"]
ANSWERS: dict[Answer, tuple[SandboxState, str]] = {
    "pay": (SandboxState.PAID, "payment.paid"),
    "late": (SandboxState.PAID, "payment.paid"),
    "decline": (SandboxState.DECLINED, "payment.failed"),
    "abandon": (SandboxState.ABANDONED, "payment.expired"),
}


@dataclass(frozen=True)
class Sums:
    paid_cents: int
    refunded_cents: int


def begin(bill: Bill) -> Begun:
    with unit_of_work() as session:
        # Of two that ask at once the second waits here, and finds what the first one made.
        take_turn(session, f"sandbox {bill.key}")
        found = session.scalars(select(SandboxPayment).filter_by(idempotency_key=bill.key)).first()
        if found is None:
            found = SandboxPayment(
                idempotency_key=bill.key,
                order_ref=bill.order_id,
                amount_cents=bill.amount_cents,
                currency=bill.currency,
                back_url=bill.back_url,
                cancel_url=bill.cancel_url,
            )
            session.add(found)
            session.flush()
        return Begun(found.id, f"{settings().base_url}/sandbox/pay/{found.id}")


def shown(session: Session, payment_id: str) -> SandboxPayment:
    """For its page. Raises NotFound."""
    found = session.get(SandboxPayment, payment_id)
    if found is None:
        raise NotFound("The sandbox knows no such payment.")
    return found


def answered(payment_id: str, answer: Answer) -> tuple[SandboxPayment, int]:
    """What the buyer did on its page, once: then it is over. The number of the event that is to be
    told now; 0 where there is none.
    """
    with unit_of_work() as session:
        payment = _locked(session, payment_id)
        if payment.state != SandboxState.OPEN:
            return payment, 0
        payment.state, kind = ANSWERS[answer]
        late_ms = LATE_MS if answer == "late" else 0
        cents = payment.amount_cents
        number = _noted(session, payment, kind, cents, payment.id, late_ms=late_ms)
        return payment, 0 if late_ms else number


def disputed(payment_id: str) -> int:
    """The bank takes all of it back. The number of the event."""
    with unit_of_work() as session:
        payment = _locked(session, payment_id)
        left = payment.amount_cents - payment.refunded_cents
        payment.refunded_cents = payment.amount_cents
        return _noted(session, payment, "dispute.opened", left, f"dp_{payment.id}")


def message(payment_id: str, number: int) -> tuple[bytes, dict[str, str], int]:
    """Its event of this number, from 1, as a webhook: body, headers, how many ms too early."""
    with unit_of_work() as session:
        event = shown(session, payment_id).events[number - 1]
        wait_ms = max(0, event["tell_ms"] - (session.scalar(select(now_ms())) or 0))
        body = json.dumps(event, separators=(",", ":")).encode()
        return body, {HEADER: signature(_key(session), body)}, wait_ms


def signature(key: str, body: bytes, at_s: int | None = None) -> str:
    stamp = str(int(time.time()) if at_s is None else at_s)
    return f"t={stamp},v1={_hmac(key, stamp, body)}"


def facts_of(body: bytes, headers: Mapping[str, str]) -> list[PaymentFact]:
    with unit_of_work() as session:
        key = _key(session)
    _verify(key, body, headers.get(HEADER, ""))
    try:
        return [_fact(json.loads(body))]
    except (ValueError, KeyError, TypeError):
        raise Forged("The message is signed, but can't be read.") from None


def ask(payment_ref: str) -> list[PaymentFact]:
    with reading() as session:
        payment = session.get(SandboxPayment, payment_ref)
        return [_fact(event) for event in payment.events] if payment else []


def close(payment_ref: str) -> list[PaymentFact]:
    with unit_of_work() as session:
        payment = _locked(session, payment_ref)
        if payment.state == SandboxState.OPEN:
            payment.state = SandboxState.ABANDONED
            _noted(session, payment, "payment.expired", payment.amount_cents, payment.id)
        return [_fact(event) for event in payment.events]


def refund(key: str, order_id: str, movement_ref: str, cents: int) -> list[PaymentFact]:
    with unit_of_work() as session:
        payment = _locked(session, movement_ref)
        known = next((one for one in payment.events if one["refund"] == key), None)
        if known is not None:
            return [_fact(known)]
        if payment.state != SandboxState.PAID:
            raise ProcessorRefused("This payment was not paid.")
        if payment.refunded_cents + cents > payment.amount_cents:
            raise ProcessorRefused("That is more than is left of the payment.")
        payment.refunded_cents += cents
        _noted(session, payment, "refund.paid", cents, f"re_{key}", refund=key)
        return [_fact(payment.events[-1])]


def sums(session: Session) -> dict[str, Sums]:
    """By currency, from its own books."""
    paid = SandboxPayment.state == SandboxState.PAID
    rows = session.execute(
        select(
            SandboxPayment.currency,
            func.sum(SandboxPayment.amount_cents),
            func.sum(SandboxPayment.refunded_cents),
        )
        .where(paid)
        .group_by(SandboxPayment.currency)
    )
    return {currency: Sums(int(all_of_it), int(back)) for currency, all_of_it, back in rows}


def _noted(
    session: Session,
    payment: SandboxPayment,
    kind: str,
    cents: int,
    movement: str,
    *,
    refund: str = "",
    late_ms: int = 0,
) -> int:
    """The event's number. A job tells it too: who pays and leaves must be heard all the same."""
    now = session.scalar(select(now_ms())) or 0
    event = {
        "id": f"evt_{payment.id}_{len(payment.events) + 1}",
        "type": kind,
        "payment": payment.id,
        "movement": movement,
        "order": payment.order_ref,
        "house": house(session),
        "amount_cents": cents,
        "currency": payment.currency,
        "refund": refund,
        "at_ms": now,
        "tell_ms": now + late_ms,
    }
    payment.events = [*payment.events, event]
    number = len(payment.events)
    ask_for(session, "sandbox", payment.id, None, str(number), run_after_ms=now + late_ms)
    return number


def _fact(event: dict[str, Any]) -> PaymentFact:
    cents = event["amount_cents"]
    if not isinstance(cents, int) or cents < 0:
        raise ValueError("amount_cents")
    return PaymentFact(
        processor=NAME,
        event_id=str(event["id"])[:200],
        kind=KINDS[event["type"]],
        payment_ref=str(event["payment"])[:200],
        movement_ref=str(event["movement"])[:200],
        order_id=str(event["order"])[:32],
        amount_cents=cents,
        currency=str(event["currency"])[:3],
        happened_ms=int(event["at_ms"]),
        house=str(event["house"]),
        refund_id=str(event["refund"]),
    )


def _locked(session: Session, payment_id: str) -> SandboxPayment:
    found = session.get(SandboxPayment, payment_id, with_for_update=True)
    if found is None:
        raise Refusal("The sandbox knows no such payment.", "unknown_payment")
    return found


def _key(session: Session) -> str:
    return auth.secret(session, "sandbox")


def _hmac(key: str, stamp: str, body: bytes) -> str:
    return hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _verify(key: str, body: bytes, header: str) -> None:
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    stamp, given = parts.get("t", ""), parts.get("v1", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 15):
        raise Forged("The message carries no signature.")
    if not hmac.compare_digest(_hmac(key, stamp, body).encode(), given.encode()):
        raise Forged("The signature is not the processor's.")
    if abs(time.time() - int(stamp)) > TOLERANCE_S:
        raise Forged("The signature is too old: the message may have been recorded and sent again.")
