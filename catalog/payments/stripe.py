"""Stripe: Checkout Sessions, webhooks, refunds. Kept methods: stripe_kept."""

import json
from collections.abc import Mapping
from typing import Any

import stripe
from stripe import StripeClient

from catalog.payments.facts import (
    Begun,
    Bill,
    Forged,
    PaymentFact,
    ProcessorRefused,
)
from catalog.payments.stripe_client import asked, ours, theirs
from catalog.payments.stripe_kept import (
    NAME,
    charge,
    forget,
    forget_customer,
    kept,
    least_cents,
    method_of,
    of_intent,
    portal,
)
from models.payment import PaymentKind
from models.settings import settings

__all__ = [
    "NAME", "ask", "begin", "charge", "close", "facts_of",
    "forget", "forget_customer", "kept", "least_cents", "portal", "refund", "refunded",
]  # fmt: skip

HEADER = "stripe-signature"
SESSION_MS = 31 * 60_000
"""Stripe's shortest life of a session is 30 min; ours are closed when their hold ends."""
SKEW_S = 300
"""So far Stripe's clock may be from ours."""
LONGEST_NAME = 250
PAID = {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
INTENTS = {"payment_intent.succeeded", "payment_intent.payment_failed"}
OVER = {
    "checkout.session.async_payment_failed": PaymentKind.FAILED,
    "checkout.session.expired": PaymentKind.EXPIRED,
}
REFUNDS = {
    "succeeded": PaymentKind.REFUNDED,
    "failed": PaymentKind.RESTORED,
    "canceled": PaymentKind.RESTORED,
}
"""What a refund's status means. One that is pending or requires_action has moved no money yet."""
TOLD_OF_REFUNDS = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
INQUIRY = "warning_"
"""A dispute's status begins so while the bank only asks: no money is taken."""


def begin(bill: Bill) -> Begun:
    marks = {"order": bill.order_id, "house": bill.house, "key": bill.key}
    if bill.keep:
        marks["keep"] = "1"
    params: Any = {
        "client_reference_id": bill.order_id,
        "success_url": bill.back_url,
        "cancel_url": bill.cancel_url,
        "expires_at": (bill.held_ms + SESSION_MS) // 1000,
        "metadata": marks,
        **_payer(bill),
        **(_paying(bill, marks) if bill.lines else _keeping(bill, marks)),
    }

    def once(api: StripeClient) -> Any:
        try:
            return api.v1.checkout.sessions.create(params, {"idempotency_key": bill.key})
        except stripe.IdempotencyError:  # its payer has another address or card since it was begun
            known = _begun_before(api, bill)
            if known is None:
                raise
            return known

    made = asked(once)
    return Begun(made.id, made.url or "")


def _begun_before(api: StripeClient, bill: Bill) -> Any:
    """By the key that it carries. One that is paid or over has no address."""
    since: Any = {"limit": 100, "created": {"gte": bill.held_ms // 1000 - SKEW_S}}
    for one in api.v1.checkout.sessions.list(since).auto_paging_iter():
        if (one.to_dict().get("metadata") or {}).get("key") == bill.key:
            return one
    return None


def _payer(bill: Bill) -> dict[str, Any]:
    if bill.customer:
        return {"customer": bill.customer}
    made = {"customer_creation": "always"} if bill.keep else {}
    return {"customer_email": bill.email, **made}


def _paying(bill: Bill, marks: dict[str, str]) -> dict[str, Any]:
    items = [
        {
            "quantity": 1,
            "price_data": {
                "currency": bill.currency.lower(),
                "unit_amount": theirs(cents, bill.currency),
                "product_data": {"name": what[:LONGEST_NAME]},
            },
        }
        for what, cents in bill.lines
    ]
    later = {"setup_future_usage": "off_session"} if bill.keep else {}
    intent = {"metadata": marks, **later}
    return {"mode": "payment", "line_items": items, "payment_intent_data": intent}


def _keeping(bill: Bill, marks: dict[str, str]) -> dict[str, Any]:
    """The method alone: nothing is paid."""
    intent = {"metadata": marks}
    return {"mode": "setup", "currency": bill.currency.lower(), "setup_intent_data": intent}


def facts_of(body: bytes, headers: Mapping[str, str]) -> list[PaymentFact]:
    key = settings().stripe_webhook_secret
    if not key:
        raise Forged("No webhook secret is set (REELYARD_STRIPE_WEBHOOK_SECRET).")
    try:
        event = stripe.Webhook.construct_event(body, headers.get(HEADER), key)
    except (stripe.SignatureVerificationError, ValueError) as error:
        raise Forged(f"The message can't be believed: {error}"[:200]) from None
    told = json.loads(body)
    try:
        return _facts(event.type, told["data"]["object"], event.id, int(told["created"]) * 1000)
    except (KeyError, TypeError, ValueError):
        raise Forged("The message is signed, but is no event that can be read.") from None


def ask(payment_ref: str) -> list[PaymentFact]:
    if payment_ref.startswith("pi_"):
        intent = asked(lambda api: api.v1.payment_intents.retrieve(payment_ref)).to_dict()
        return of_intent(intent, f"asked:{payment_ref}", int(intent["created"]) * 1000)
    found = asked(lambda api: api.v1.checkout.sessions.retrieve(payment_ref)).to_dict()
    if found.get("payment_status") == "paid" or _keeps(found):
        kind = "checkout.session.completed"
    elif found.get("status") == "expired":
        kind = "checkout.session.expired"
    else:
        return []
    # Named after what it says: asked again, it is the same event.
    return _facts(kind, found, f"asked:{payment_ref}:{kind}"[:200], int(found["created"]) * 1000)


def close(payment_ref: str) -> list[PaymentFact]:
    known = ask(payment_ref)
    if known:
        return known
    try:
        asked(lambda api: api.v1.checkout.sessions.expire(payment_ref))
    except ProcessorRefused:  # paid or expired since
        known = ask(payment_ref)
        if not known:
            raise
    return known or ask(payment_ref)


def refund(key: str, order_id: str, movement_ref: str, cents: int) -> list[PaymentFact]:
    """Nothing for one that takes its time: a webhook tells how it ended."""

    def make(api: StripeClient) -> Any:
        payment = api.v1.payment_intents.retrieve(movement_ref)
        params: Any = {
            "payment_intent": movement_ref,
            "amount": theirs(cents, payment.currency.upper()),
            "metadata": {**_marks(payment), "order": order_id, "refund": key},
        }
        return api.v1.refunds.create(params, {"idempotency_key": key})

    found = asked(make).to_dict()
    facts = _facts("refund.created", found, f"asked:{found['id']}", int(found["created"]) * 1000)
    if facts and facts[0].kind != PaymentKind.REFUNDED:
        raise ProcessorRefused(f"The refund did not succeed: {found.get('failure_reason')}.")
    return facts


def refunded(key: str, movement_ref: str) -> list[PaymentFact]:
    params: Any = {"payment_intent": movement_ref, "limit": 100}
    for one in asked(lambda api: list(api.v1.refunds.list(params).auto_paging_iter())):
        found = one.to_dict()
        if (found.get("metadata") or {}).get("refund") == key:
            named = f"asked:{found['id']}:{found.get('status')}"[:200]
            return _facts("refund.updated", found, named, int(found["created"]) * 1000)
    return []


def _facts(kind: str, found: dict[str, Any], event_id: str, at_ms: int) -> list[PaymentFact]:
    """Nothing for events that say nothing of money."""
    if kind in INTENTS:
        return of_intent(found, event_id, at_ms)
    if kind in PAID and _keeps(found):
        return [_of_session(PaymentKind.KEPT, found, found["id"], event_id, at_ms)]
    if kind in PAID and found.get("payment_status") == "paid":
        intent = _id(found.get("payment_intent")) or found["id"]
        return [_of_session(PaymentKind.PAID, found, intent, event_id, at_ms)]
    if kind in OVER:
        return [_of_session(OVER[kind], found, found["id"], event_id, at_ms)]
    moved = _moved_by(kind, str(found.get("status")))
    return [_moved(moved, found, event_id, at_ms)] if moved else []


def _keeps(session: dict[str, Any]) -> bool:
    return session.get("mode") == "setup" and session.get("status") == "complete"


def _moved_by(kind: str, status: str) -> PaymentKind | None:
    """Two events may tell of one movement: it has one name, and is counted once."""
    if kind in TOLD_OF_REFUNDS:
        return REFUNDS.get(status)
    taken = kind == "charge.dispute.created" and not status.startswith(INQUIRY)
    if taken or kind == "charge.dispute.funds_withdrawn":
        return PaymentKind.DISPUTED
    won = kind == "charge.dispute.closed" and status == "won"
    if won or kind == "charge.dispute.funds_reinstated":
        return PaymentKind.RESTORED
    return None


def _of_session(
    kind: PaymentKind, found: dict[str, Any], movement: str, event_id: str, at_ms: int
) -> PaymentFact:
    marks = found.get("metadata") or {}
    currency = str(found["currency"]).upper()
    in_hand = kind in (PaymentKind.PAID, PaymentKind.KEPT) and marks.get("keep")
    return PaymentFact(
        processor=NAME,
        event_id=event_id,
        kind=kind,
        payment_ref=str(found["id"]),
        movement_ref=movement,
        order_id=str(marks.get("order", ""))[:32],
        amount_cents=ours(int(found.get("amount_total") or 0), currency),
        currency=currency,
        happened_ms=at_ms,
        house=str(marks.get("house", "")),
        key=str(marks.get("key", "")),
        kept=method_of(found) if in_hand else None,
        told={"live": bool(found.get("livemode"))},
    )


def _moved(kind: PaymentKind, found: dict[str, Any], event_id: str, at_ms: int) -> PaymentFact:
    """A refund or a dispute. One made by hand at Stripe has no marks: its payment has them."""
    marks = found.get("metadata") or {}
    payment = _id(found.get("payment_intent")) or _id(found.get("charge"))
    if not marks.get("order") and payment.startswith("pi_"):
        marks = _marks(asked(lambda api: api.v1.payment_intents.retrieve(payment))) | marks
    currency = str(found["currency"]).upper()
    return PaymentFact(
        processor=NAME,
        event_id=event_id,
        kind=kind,
        payment_ref=payment,
        movement_ref=str(found["id"]),
        order_id=str(marks.get("order", ""))[:32],
        amount_cents=ours(int(found["amount"]), currency),
        currency=currency,
        happened_ms=at_ms,
        house=str(marks.get("house", "")),
        refund_id=str(marks.get("refund", "")),
        told={"status": str(found.get("status", ""))[:40]},
    )


def _marks(payment: stripe.PaymentIntent) -> dict[str, str]:
    marks: dict[str, str] = payment.to_dict().get("metadata") or {}
    return marks


def _id(named: Any) -> str:
    """Stripe gives an object by its id, or whole."""
    return str(named["id"]) if isinstance(named, dict) else str(named or "")
