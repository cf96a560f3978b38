"""A processor that moves no money: books of its own, a page to pay on, signed webhooks.

It behaves as a real one: it is asked with keys, tells by webhooks that may be late or lost, and
knows nothing of orders but the word it was given. A card that it keeps does as its owner chose on
the sandbox's page: it works, declines, is told of late, or never but to who asks.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import auth
from catalog.errors import NotFound, Refusal
from catalog.payments.facts import (
    Begun,
    Bill,
    Forged,
    Kept,
    PaymentFact,
    ProcessorRefused,
    house,
)
from models.base import new_id, now_ms, reading, unit_of_work
from models.payment import PaymentKind, SandboxCustomer, SandboxPayment, SandboxState
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
    "method.kept": PaymentKind.KEPT,
    "refund.paid": PaymentKind.REFUNDED,
    "dispute.opened": PaymentKind.DISPUTED,
}
Card = Literal["works", "declines", "late", "silent"]
CARDS: tuple[Card, ...] = get_args(Card)
LABEL = "Sandbox card"
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
                customer=_customer(session, bill.customer) if bill.keep else "",
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
        kept = payment.customer if payment.state == SandboxState.PAID else ""
        if kept:
            card = session.get_one(SandboxCustomer, kept, with_for_update=True)
            card.card, card.removed_ms = "works", None
            kind = kind if cents else "method.kept"
        number = _noted(session, payment, kind, cents, payment.id, late_ms=late_ms, kept=kept)
        return payment, 0 if late_ms else number


def charge(
    key: str,
    ref: str,
    customer_ref: str,
    method_ref: str,
    lines: Sequence[tuple[str, int]],
    currency: str,
    house: str,
) -> list[PaymentFact]:
    cents = sum(one for _, one in lines)
    with unit_of_work() as session:
        take_turn(session, f"sandbox {key}")
        now = session.scalar(select(now_ms())) or 0
        return charge_in(session, key, ref, customer_ref, cents, currency, now, tells=True)


def charge_in(
    session: Session,
    key: str,
    ref: str,
    customer_ref: str,
    cents: int,
    currency: str,
    at_ms: int,
    *,
    tells: bool = False,
) -> list[PaymentFact]:
    """The same in a transaction that is open, at a time of its own: a year can be tried out.
    `tells`: jobs send its webhooks.
    """
    found = session.scalars(select(SandboxPayment).filter_by(idempotency_key=key)).first()
    if found is not None:
        return [_fact(one) for one in found.events if one["tell_ms"] <= at_ms]
    card = session.get(SandboxCustomer, customer_ref)
    if card is None or card.removed_ms is not None:
        raise ProcessorRefused("The card is not kept any more.")
    declined = card.card == "declines"
    made = SandboxPayment(
        id=new_id(),
        events=[],
        idempotency_key=key,
        order_ref=ref,
        amount_cents=cents,
        currency=currency,
        customer=card.id,
        state=SandboxState.DECLINED if declined else SandboxState.PAID,
        back_url="",
        cancel_url="",
    )
    kind = "payment.failed" if declined else "payment.paid"
    late_ms = LATE_MS if card.card == "late" else 0
    silent = card.card == "silent"
    sent = tells and not silent
    _noted(session, made, kind, cents, made.id, late_ms=late_ms, at_ms=at_ms, tells=sent)
    session.add(made)
    return [] if late_ms or silent else [_fact(made.events[-1])]


def kept(customer_ref: str) -> Kept | None:
    with reading() as session:
        card = session.get(SandboxCustomer, customer_ref)
        return _kept(card.id) if card is not None and card.removed_ms is None else None


def portal(customer_ref: str, back_url: str) -> str:
    address = f"{settings().base_url}/sandbox/cards/{customer_ref}"
    return f"{address}?{urlencode({'back': back_url})}"


def forget(customer_ref: str, method_ref: str) -> None:
    with unit_of_work() as session:
        card = session.get(SandboxCustomer, customer_ref, with_for_update=True)
        if card is not None and card.removed_ms is None:
            card.removed_ms = session.scalar(select(now_ms()))


def forget_customer(customer_ref: str) -> None:
    forget(customer_ref, "")


def least_cents(currency: str) -> int:
    return 1


def card_of(session: Session, customer_ref: str) -> SandboxCustomer:
    """For its page. Raises NotFound."""
    found = session.get(SandboxCustomer, customer_ref)
    if found is None:
        raise NotFound("The sandbox knows no such card.")
    return found


def behave(customer_ref: str, card: Card) -> None:
    """As its owner chose on the sandbox's page; one that was removed is there again."""
    with unit_of_work() as session:
        found = card_of(session, customer_ref)
        found.card, found.removed_ms = card, None


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


def refunded(key: str, movement_ref: str) -> list[PaymentFact]:
    with unit_of_work() as session:
        payment = _locked(session, movement_ref)
        return [_fact(one) for one in payment.events if one["refund"] == key]


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
    kept: str = "",
    at_ms: int | None = None,
    tells: bool = True,
) -> int:
    """The event's number. A job tells it too: who pays and leaves must be heard all the same."""
    now = at_ms or session.scalar(select(now_ms())) or 0
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
        "key": payment.idempotency_key,
        "kept": kept,
        "at_ms": now,
        "tell_ms": now + late_ms,
    }
    payment.events = [*payment.events, event]
    number = len(payment.events)
    if tells:
        ask_for(session, "sandbox", payment.id, None, str(number), run_after_ms=now + late_ms)
    return number


def _customer(session: Session, known: str) -> str:
    found = session.get(SandboxCustomer, known) if known else None
    if found is None:
        found = SandboxCustomer()
        session.add(found)
        session.flush()
    return found.id


def _kept(customer_ref: str) -> Kept:
    return Kept(customer_ref, f"card_{customer_ref}", LABEL)


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
        key=str(event.get("key", "")),
        kept=_kept(str(event["kept"])[:40]) if event.get("kept") else None,
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
