"""What an offer is for one visitor, at one clip, now; and what follows when it is taken."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from catalog.errors import BadRequest

UNDER_CENTS = 1_000
"""What costs as much or more is no small thing, and is not offered."""


@dataclass(frozen=True)
class Deal:
    cents: int
    """In full; of a trial what it costs a month after it."""
    currency: str
    gives: tuple[str, ...]
    what: dict[str, Any]
    """Kept with the view: at the click it is the same."""
    saves_cents: int = 0
    now_cents: int | None = None
    """What is paid at the click, where that is not `cents`."""
    renews: str = ""
    """What is charged later, and how to be charged nothing."""
    clips: tuple[tuple[str, str], ...] = field(default=())
    """Ids and titles."""
    used: tuple[str, ...] = ()
    """What of the visitor made its price, as the card says it."""


@dataclass(frozen=True)
class Way:
    """`url`: where it is paid; empty: nothing is to be done any more, or the payment is heard of
    in a moment."""

    view_id: str
    url: str = ""


Onward = Callable[[], Way]
"""What is done after the transaction that began it."""


NAMES = {
    "percent": "Percent off",
    "most": "Clips at most",
    "cents": "Amount",
    "days": "Days without a charge",
    "tier": "Tier",
}
"""Fields of offers, as their form and its refusals name them."""


def number(said: dict[str, Any], name: str, least: int, most: int) -> None:
    """Raises BadRequest for what is no whole number in between."""
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        if name == "cents":
            raise BadRequest(f"{NAMES[name]}: from {least / 100:.2f} to {most / 100:.2f}.")
        raise BadRequest(f"{NAMES[name]}: a whole number from {least} to {most}.")


def only(said: dict[str, Any], *names: str) -> None:
    unknown = set(said) - set(names)
    if unknown:
        raise BadRequest(f"{min(unknown)[:40]}: this kind of offer has no such field.")
