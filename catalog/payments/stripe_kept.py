"""Stripe: methods that are kept, and what is taken from them while their owner is away."""

from collections.abc import Sequence
from typing import Any

import stripe
from stripe import StripeClient

from catalog.payments.facts import Kept, PaymentFact, ProcessorRefused
from catalog.payments.stripe_client import asked, ours, theirs
from models.payment import PaymentKind

NAME = "stripe"
LOOKED_AT = 100
"""A customer's payments that are looked through for one that was asked for before."""
LEAST = {
    **{"USD": 50, "EUR": 50, "GBP": 30, "AUD": 50, "CAD": 50, "CHF": 50, "NZD": 50, "SGD": 50},
    **{"DKK": 250, "NOK": 300, "SEK": 300, "PLN": 200, "CZK": 1_500, "HUF": 17_500, "RON": 200},
    **{"BGN": 100, "MXN": 1_000, "HKD": 400, "MYR": 200, "THB": 1_000, "AED": 200, "JPY": 5_000},
}
"""Stripe's smallest charges, docs.stripe.com/currencies, in our cents."""


def charge(
    key: str,
    ref: str,
    customer_ref: str,
    method_ref: str,
    lines: Sequence[tuple[str, int]],
    currency: str,
    house: str,
) -> list[PaymentFact]:
    """Stripe forgets a key after a day; the payment carries it too, and is looked for first."""
    params: Any = {
        "amount": theirs(sum(cents for _, cents in lines), currency),
        "currency": currency.lower(),
        "customer": customer_ref,
        "payment_method": method_ref,
        "off_session": True,
        "confirm": True,
        "description": ", ".join(what for what, _ in lines)[:500],
        "metadata": {"order": ref, "house": house, "key": key, "off": "1"},
    }

    def once(api: StripeClient) -> Any:
        known = api.v1.payment_intents.list({"customer": customer_ref, "limit": LOOKED_AT})
        for one in known.data:
            if (one.to_dict().get("metadata") or {}).get("key") == key:
                return one
        try:
            return api.v1.payment_intents.create(params, {"idempotency_key": key})
        except stripe.CardError as error:
            declined = getattr(error.error, "payment_intent", None)
            if declined is None:
                raise
            return api.v1.payment_intents.retrieve(declined["id"])

    made = asked(once).to_dict()
    return of_intent(made, f"asked:{made['id']}", int(made["created"]) * 1000)


def of_intent(found: dict[str, Any], event_id: str, at_ms: int) -> list[PaymentFact]:
    """Of a payment that was taken while its owner was away; those of a Checkout Session are told
    of by the session. Nothing while it is not known how it ends.
    """
    marks, status = found.get("metadata") or {}, found.get("status")
    if marks.get("off") != "1":
        return []
    if status == "succeeded":
        kind = PaymentKind.PAID
    elif status in ("requires_payment_method", "requires_action", "canceled"):
        kind = PaymentKind.FAILED  # a bank that wants to see its owner says no as well
    else:
        return []
    currency = str(found["currency"]).upper()
    problem = found.get("last_payment_error") or {}
    fact = PaymentFact(
        processor=NAME,
        event_id=event_id if event_id.startswith("evt_") else f"{event_id}:{kind}",
        kind=kind,
        payment_ref=str(found["id"]),
        movement_ref=str(found["id"]),
        order_id=str(marks.get("order", ""))[:32],
        amount_cents=ours(int(found["amount"]), currency),
        currency=currency,
        happened_ms=at_ms,
        house=str(marks.get("house", "")),
        key=str(marks.get("key", "")),
        told={"code": str(problem.get("code", ""))[:40]},
    )
    return [fact]


def method_of(session: dict[str, Any]) -> Kept | None:
    """What a Checkout Session that is complete kept."""

    def look(api: StripeClient) -> Any:
        more: Any = {"expand": ["payment_method"]}
        if session.get("mode") == "setup":
            return api.v1.setup_intents.retrieve(_id(session["setup_intent"]), more)
        return api.v1.payment_intents.retrieve(_id(session["payment_intent"]), more)

    found = asked(look).to_dict()
    customer, method = _id(found.get("customer")), found.get("payment_method")
    if not customer or not isinstance(method, dict):
        return None
    return Kept(customer, str(method["id"]), _label(method))


def kept(customer_ref: str) -> Kept | None:
    """Its owner's choice in the portal; else the newest."""

    def look(api: StripeClient) -> dict[str, Any] | None:
        customer = api.v1.customers.retrieve(customer_ref).to_dict()
        if customer.get("deleted"):
            return None
        chosen = _id((customer.get("invoice_settings") or {}).get("default_payment_method"))
        if chosen:
            return dict(api.v1.payment_methods.retrieve(chosen).to_dict())
        methods = api.v1.payment_methods.list({"customer": customer_ref, "limit": 1})
        return methods.data[0].to_dict() if methods.data else None

    found = asked(look)
    return Kept(customer_ref, str(found["id"]), _label(found)) if found else None


def portal(customer_ref: str, back_url: str) -> str:
    params: Any = {"customer": customer_ref, "return_url": back_url}
    return str(asked(lambda api: api.v1.billing_portal.sessions.create(params)).url)


def forget(customer_ref: str, method_ref: str) -> None:
    try:
        asked(lambda api: api.v1.payment_methods.detach(method_ref))
    except ProcessorRefused:  # it is kept no more, which is what was asked for
        return


def forget_customer(customer_ref: str) -> None:
    """Stripe detaches all of a customer's methods with it, those it kept in its portal too."""
    try:
        asked(lambda api: api.v1.customers.delete(customer_ref))
    except ProcessorRefused:  # deleted before
        return


def least_cents(currency: str) -> int:
    return LEAST.get(currency, 50)


def _label(method: dict[str, Any]) -> str:
    card = method.get("card")
    if not card:
        return str(method.get("type", "A payment method")).replace("_", " ").capitalize()
    return f"{str(card.get('brand', 'card')).capitalize()} ending {card.get('last4', '')}"


def _id(named: Any) -> str:
    """Stripe gives an object by its id, or whole."""
    return str(named["id"]) if isinstance(named, dict) else str(named or "")
