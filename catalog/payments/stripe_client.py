"""Asking Stripe, by its own client library, and its money in cents."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import stripe
from stripe import RequestsClient, StripeClient

from catalog.currencies import unit_cents
from catalog.payments.facts import ProcessorDown, ProcessorRefused
from models.settings import settings

TIMEOUT_S = 20
LATER = (409, 429)
"""The same is being done just now, or too much at once: no word of what becomes of it."""
Answer = TypeVar("Answer")


def theirs(cents: int, currency: str) -> int:
    if cents % unit_cents(currency):
        raise ProcessorRefused(f"{currency} has no cents.")
    return cents // unit_cents(currency)


def ours(amount: int, currency: str) -> int:
    return amount * unit_cents(currency)


def asked(call: Callable[[StripeClient], Answer]) -> Answer:
    try:
        return call(_client(settings().stripe_key, settings().stripe_url))
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.IdempotencyError) as error:
        raise ProcessorDown("Stripe does not answer just now. Nothing was paid.") from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise ProcessorDown("Stripe does not take this house's key.") from error
    except stripe.StripeError as error:
        if error.http_status in LATER:
            raise ProcessorDown("Stripe is still at work on this. Look again soon.") from error
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
