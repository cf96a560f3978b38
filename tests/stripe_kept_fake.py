"""Stripe's customers, kept methods, off-session payments and portal, in Stripe's shapes: a part of
tests.stripe_fake.
"""

import time
from typing import Any

Answer = tuple[int, dict[str, Any]]


def customer(books: Any, known: str = "") -> str:
    """With a card of its own."""
    name = known or f"cus_{len(books.customers) + 1}"
    books.customers.setdefault(
        name,
        {"id": name, "object": "customer", "invoice_settings": {"default_payment_method": None}},
    )
    if not any(one["customer"] == name for one in books.methods.values()):
        card(books, name)
    return name


def card(books: Any, owner: str, last4: str = "4242") -> dict[str, Any]:
    made = {
        "id": f"pm_{len(books.methods) + 1}",
        "object": "payment_method",
        "type": "card",
        "customer": owner,
        "card": {"brand": "visa", "last4": last4},
    }
    books.methods[made["id"]] = made
    return made


def answer(books: Any, verb: str, path: list[str], given: dict[str, str]) -> Answer:
    match [verb, *path]:
        case ["GET", "payment_intents"]:
            return 200, _list(list(reversed(books.intents.values())))
        case ["POST", "payment_intents"]:
            return _taken(books, given)
        case ["GET", "payment_intents", name]:
            return 200, _whole(books, books.intents[name])
        case ["GET", "setup_intents", name]:
            return 200, _whole(books, books.setups[name])
        case ["GET", "customers", name]:
            return 200, books.customers[name]
        case ["DELETE", "customers", name]:
            if books.customers.pop(name, None) is None:
                return 404, _error(f"No such customer: '{name}'")
            for one in books.methods.values():
                one["customer"] = None if one["customer"] == name else one["customer"]
            return 200, {"id": name, "object": "customer", "deleted": True}
        case ["GET", "payment_methods"]:
            own = [one for one in books.methods.values() if one["customer"]]
            return 200, _list(list(reversed(own)))
        case ["GET", "payment_methods", name]:
            return 200, books.methods[name]
        case ["POST", "payment_methods", name, "detach"]:
            if not books.methods[name]["customer"]:
                return 400, _error("The payment method you provided is not attached to a customer")
            books.methods[name]["customer"] = None
            return 200, books.methods[name]
        case ["POST", "billing_portal", "sessions"]:
            url = f"https://billing.stripe.com/p/session/{given['customer']}"
            return 200, {"id": "bps_1", "object": "billing_portal.session", "url": url}
    return 404, _error(f"Unrecognized request URL ({verb}: {'/'.join(path)})")


def _taken(books: Any, given: dict[str, str]) -> Answer:
    """Off-session and confirmed at once; a declined one stays, and is told of in the error."""
    assert (given["off_session"], given["confirm"]) == ("True", "True") or (
        given["off_session"].lower() == given["confirm"].lower() == "true"
    )
    declined = books.methods[given["payment_method"]]["card"]["last4"] == "0341"
    made = {
        "id": f"pi_{len(books.intents) + 1}",
        "object": "payment_intent",
        "amount": int(given["amount"]),
        "currency": given["currency"],
        "created": int(time.time()),
        "customer": given["customer"],
        "payment_method": given["payment_method"],
        "metadata": {
            name[9:-1]: value for name, value in given.items() if name.startswith("metadata[")
        },
        "status": "requires_payment_method" if declined else "succeeded",
        "left": 0 if declined else int(given["amount"]),
    }
    books.intents[made["id"]] = made
    if not declined:
        return 200, made
    made["last_payment_error"] = {"code": "card_declined", "message": "Your card was declined."}
    told = {**_error("Your card was declined.")["error"], "type": "card_error"}
    return 402, {"error": {**told, "code": "card_declined", "payment_intent": made}}


def _whole(books: Any, found: dict[str, Any]) -> dict[str, Any]:
    method = found.get("payment_method")
    return {**found, "payment_method": books.methods[method]} if method else found


def _list(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": found, "has_more": False, "url": "/v1/"}


def _error(message: str) -> dict[str, Any]:
    return {"error": {"type": "invalid_request_error", "message": message}}
