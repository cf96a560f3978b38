"""Asking Stripe, by its own client library, and its money in cents."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import stripe
from stripe import RequestsClient, StripeClient

from catalog.payments.facts import ProcessorDown, ProcessorRefused
from models.settings import settings

TIMEOUT_S = 20
NO_CENTS = {
    *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
}
"""Currencies that Stripe counts in whole units; ours are cents throughout."""
Answer = TypeVar("Answer")


def theirs(cents: int, currency: str) -> int:
    if currency not in NO_CENTS:
        return cents
    if cents % 100:
        raise ProcessorRefused(f"{currency} has no cents.")
    return cents // 100


def ours(amount: int, currency: str) -> int:
    return amount * 100 if currency in NO_CENTS else amount


def asked(call: Callable[[StripeClient], Answer]) -> Answer:
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
