"""What time is worth, to the smallest unit of its currency. Pure: plain numbers in and out.

A period of a price is worth, at each moment, its rest; what was used between two moments is the
difference of the two. So whatever is changed and whenever, what was used and what is left always
sum to what was paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Sum:
    """Lines that sum to what is charged, and by how much the credit changes with it."""

    amount_cents: int
    credit_change: int
    lines: tuple[dict[str, Any], ...]
    let_go_cents: int = 0
    """Too little to be taken."""


def worth(price_cents: int, start_ms: int, end_ms: int, at_ms: int, unit_cents: int = 1) -> int:
    """Of what is left of a period at a moment: all of it before it begins, nothing after its end.
    Half a unit is rounded up; the price is in whole units.
    """
    length = end_ms - start_ms
    if length <= 0:
        return 0
    left = min(max(end_ms - at_ms, 0), length)
    whole = length * unit_cents
    return (2 * price_cents * left + whole) // (2 * whole) * unit_cents


def summed(
    wanted: Sequence[tuple[str, int]],
    unused: tuple[str, int],
    credit_cents: int,
    least_cents: int = 1,
) -> Sum:
    """Never below nothing: what is too much stays as credit. What is too little to be taken by a
    processor is let go.
    """
    lines = [_line(what, cents) for what, cents in wanted]
    what, cents = unused
    if cents:
        lines.append(_line(what, -cents))
    due = sum(cents for _, cents in wanted) - cents
    change = -min(credit_cents, due)  # of less than nothing it grows
    if change:
        said = "Kept for your next payment" if change > 0 else "Kept from before"
        lines.append({**_line(said, change), "credit": True})
    amount, let_go = due + change, 0
    if 0 < amount < least_cents:
        lines.append(_line("Too little to be charged", -amount))
        amount, let_go = 0, amount
    return Sum(amount, change, tuple(lines), let_go)


def credit_change(lines: Sequence[dict[str, Any]]) -> int:
    """By how much the credit changes once these lines are paid."""
    return sum(line["cents"] for line in lines if line.get("credit"))


def monthly(price_cents: int, months: int) -> int:
    """Thousandths of a cent a month, of a price for so many months."""
    return (2 * price_cents * 1000 + months) // (2 * months)


def _line(what: str, cents: int) -> dict[str, Any]:
    return {"what": what, "cents": cents}
