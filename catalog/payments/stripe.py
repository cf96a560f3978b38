"""Stripe: Checkout Sessions, webhooks, refunds, by its own client library."""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import stripe
from stripe import RequestsClient, StripeClient

from catalog.payments.facts import (
    Begun,
    Bill,
    Forged,
    PaymentFact,
    ProcessorDown,
    ProcessorRefused,
)
from models.payment import PaymentKind
from models.settings import settings

NAME = "stripe"
HEADER = "stripe-signature"
SESSION_MS = 31 * 60_000
"""Stripe's shortest life of a session is 30 min; ours are closed when their hold ends."""
TIMEOUT_S = 20
LONGEST_NAME = 250
PAID = {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
OVER = {
    "checkout.session.async_payment_failed": PaymentKind.FAILED,
    "checkout.session.expired": PaymentKind.EXPIRED,
}
WENT = ("succeeded", "pending")
"""A refund that is on its way; one that fails later is told as restored."""
NO_CENTS = {
    *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
}
"""Currencies that Stripe counts in whole units; ours are cents throughout."""
Answer = TypeVar("Answer")


def begin(bill: Bill) -> Begun:
    marks = {"order": bill.order_id, "house": bill.house}
    items = [
        {
            "quantity": 1,
            "price_data": {
                "currency": bill.currency.lower(),
                "unit_amount": _theirs(cents, bill.currency),
                "product_data": {"name": what[:LONGEST_NAME]},
            },
        }
        for what, cents in bill.lines
    ]
    params: Any = {
        "mode": "payment",
        "line_items": items,
        "client_reference_id": bill.order_id,
        "customer_email": bill.email,
        "success_url": bill.back_url,
        "cancel_url": bill.cancel_url,
        "expires_at": (bill.held_ms + SESSION_MS) // 1000,
        "metadata": marks,
        "payment_intent_data": {"metadata": marks},
    }
    made = _asked(
        lambda api: api.v1.checkout.sessions.create(params, {"idempotency_key": bill.key})
    )
    return Begun(made.id, made.url or "")


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
    found = _asked(lambda api: api.v1.checkout.sessions.retrieve(payment_ref)).to_dict()
    if found.get("payment_status") == "paid":
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
        _asked(lambda api: api.v1.checkout.sessions.expire(payment_ref))
    except ProcessorRefused:  # paid or expired since
        known = ask(payment_ref)
        if not known:
            raise
    return known or ask(payment_ref)


def refund(key: str, order_id: str, movement_ref: str, cents: int) -> list[PaymentFact]:
    def make(api: StripeClient) -> Any:
        payment = api.v1.payment_intents.retrieve(movement_ref)
        params: Any = {
            "payment_intent": movement_ref,
            "amount": _theirs(cents, payment.currency.upper()),
            "metadata": {**_marks(payment), "order": order_id, "refund": key},
        }
        return api.v1.refunds.create(params, {"idempotency_key": key})

    found = _asked(make).to_dict()
    facts = _facts("refund.created", found, f"asked:{found['id']}", int(found["created"]) * 1000)
    if not facts or facts[0].kind != PaymentKind.REFUNDED:
        raise ProcessorRefused(f"The refund did not succeed: {found.get('failure_reason')}.")
    return facts


def _facts(kind: str, found: dict[str, Any], event_id: str, at_ms: int) -> list[PaymentFact]:
    """Nothing for events that say nothing of money."""
    if kind in PAID and found.get("payment_status") == "paid":
        intent = _id(found.get("payment_intent")) or found["id"]
        return [_of_session(PaymentKind.PAID, found, intent, event_id, at_ms)]
    if kind in OVER:
        return [_of_session(OVER[kind], found, found["id"], event_id, at_ms)]
    if kind in ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"):
        went = found.get("status") in WENT
        return [
            _moved(PaymentKind.REFUNDED if went else PaymentKind.RESTORED, found, event_id, at_ms)
        ]
    if kind == "charge.dispute.created":
        return [_moved(PaymentKind.DISPUTED, found, event_id, at_ms)]
    if kind == "charge.dispute.closed" and found.get("status") == "won":
        return [_moved(PaymentKind.RESTORED, found, event_id, at_ms)]
    return []


def _of_session(
    kind: PaymentKind, found: dict[str, Any], movement: str, event_id: str, at_ms: int
) -> PaymentFact:
    marks = found.get("metadata") or {}
    currency = str(found["currency"]).upper()
    return PaymentFact(
        processor=NAME,
        event_id=event_id,
        kind=kind,
        payment_ref=str(found["id"]),
        movement_ref=movement,
        order_id=str(marks.get("order", ""))[:32],
        amount_cents=_ours(int(found["amount_total"]), currency),
        currency=currency,
        happened_ms=at_ms,
        house=str(marks.get("house", "")),
        told={"live": bool(found.get("livemode"))},
    )


def _moved(kind: PaymentKind, found: dict[str, Any], event_id: str, at_ms: int) -> PaymentFact:
    """A refund or a dispute. One made by hand at Stripe has no marks: its payment has them."""
    marks = found.get("metadata") or {}
    payment = _id(found.get("payment_intent")) or _id(found.get("charge"))
    if not marks.get("order") and payment.startswith("pi_"):
        marks = _marks(_asked(lambda api: api.v1.payment_intents.retrieve(payment))) | marks
    currency = str(found["currency"]).upper()
    return PaymentFact(
        processor=NAME,
        event_id=event_id,
        kind=kind,
        payment_ref=payment,
        movement_ref=str(found["id"]),
        order_id=str(marks.get("order", ""))[:32],
        amount_cents=_ours(int(found["amount"]), currency),
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


def _theirs(cents: int, currency: str) -> int:
    if currency not in NO_CENTS:
        return cents
    if cents % 100:
        raise ProcessorRefused(f"{currency} has no cents.")
    return cents // 100


def _ours(amount: int, currency: str) -> int:
    return amount * 100 if currency in NO_CENTS else amount


def _asked(call: Callable[[StripeClient], Answer]) -> Answer:
    try:
        return call(_client(settings().stripe_key, settings().stripe_url))
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.IdempotencyError) as error:
        raise ProcessorDown("Stripe does not answer just now. Nothing was paid.") from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise ProcessorDown("Stripe does not take this house's key.") from error
    except stripe.StripeError as error:
        if error.http_status is None or error.http_status >= 500:
            raise ProcessorDown("Stripe has a fault just now. Nothing was paid.") from error
        raise ProcessorRefused(error.user_message or "Stripe refused the request.") from error


@functools.cache
def _client(key: str, url: str) -> StripeClient:
    addresses: Any = {"api": url.rstrip("/")} if url else None
    return StripeClient(
        key or "none",
        base_addresses=addresses,
        max_network_retries=2,
        http_client=RequestsClient(timeout=TIMEOUT_S),
    )
