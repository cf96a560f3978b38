"""How often anybody is offered anything: rules over what a person saw before, no rows."""

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.offer import OfferAnswer

FILE = Path(__file__).parent / "defaults.toml"
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


@dataclass(frozen=True)
class Limits:
    day: int
    week: int
    same_week: int
    gap_minutes: int
    decline_hours: int
    decline_days: int
    quiet: tuple[int, int]
    again_days: int

    @property
    def memory_ms(self) -> int:
        """How far back something counts."""
        return max(7, self.decline_days) * DAY_MS


@dataclass(frozen=True)
class Seen:
    """One showing, also one that was held out: both count alike."""

    at_ms: int
    offer: str
    """The same for all versions of an offer."""
    answer: str = OfferAnswer.NONE
    answered_ms: int | None = None


@functools.cache
def defaults() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@functools.cache
def limits() -> Limits:
    said = defaults()["limits"]
    return Limits(**{**said, "quiet": tuple(said["quiet"])})


def is_full(before: Sequence[Seen], at_ms: int, of: Limits) -> bool:
    """No other card, whatever it is of. One that waits for its answer may be seen again."""
    if _within(before, at_ms, DAY_MS) >= of.day or _within(before, at_ms, 7 * DAY_MS) >= of.week:
        return True
    return _within(before, at_ms, of.gap_minutes * MINUTE_MS) > 0


def rests(before: Sequence[Seen], at_ms: int, of: Limits) -> bool:
    """After a no nothing is shown, no card that waits either."""
    return any(
        one.answer == OfferAnswer.DECLINED
        and at_ms - (one.answered_ms or one.at_ms) < of.decline_hours * HOUR_MS
        for one in before
    )


def enough(before: Sequence[Seen], offer: str, at_ms: int, of: Limits) -> bool:
    """Of this one."""
    same = [one for one in before if one.offer == offer]
    if _within(same, at_ms, 7 * DAY_MS) >= of.same_week:
        return True
    return any(
        one.answer == OfferAnswer.DECLINED
        and at_ms - (one.answered_ms or one.at_ms) < of.decline_days * DAY_MS
        for one in same
    )


def is_quiet(at_ms: int, offset_min: int, of: Limits) -> bool:
    """`offset_min`: the person's clock before UTC, as their browser says it."""
    hour = (at_ms + offset_min * MINUTE_MS) // HOUR_MS % 24
    first, last = of.quiet
    return first <= hour < last if first <= last else hour >= first or hour < last


def _within(before: Sequence[Seen], at_ms: int, span_ms: int) -> int:
    return sum(1 for one in before if one.at_ms > at_ms - span_ms)
