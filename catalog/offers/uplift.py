"""What offers bring beyond what people would have bought anyway: pure statistics of two shares.

People who were shown an offer are compared with a random part who fitted and were not shown it.
The intervals of one look are Wilson's and Newcombe's. Who looks every day and stops when it looks
good is fooled by them: for that there is the mixture sequential test, which holds at every look.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

CONFIDENCE = 0.95
MIXED_OVER = 0.02
"""Effects of this size, two points of a hundred, are what the sequential test is sharpest for."""
LEAST_THAT_MATTERS = 0.005
"""An effect below half a point of a hundred is not worth being looked for any longer."""
LONGEST = 1_000_000
"""Visits beyond which nobody waits."""
Verdict = Literal["more", "better", "worse", "same"]


@dataclass(frozen=True)
class Interval:
    """A share, or a difference of two, and where it lies with the confidence of this module."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Test:
    """`verdict`: "better" or "worse" where that is certain, "same" where what is left to be found
    does not matter; "more": it goes on. `low` and `high` hold at every look at once.
    """

    verdict: Verdict
    value: float
    low: float
    high: float
    p: float
    """Always valid: it may be looked at as often as wished."""

    @property
    def may_stop(self) -> bool:
        return self.verdict != "more"


def share(hits: float, of: float) -> Interval | None:
    """Wilson's score interval (E. B. Wilson, Probable inference, the law of succession, and
    statistical inference, JASA 22, 1927). None of nothing.
    """
    if of <= 0:
        return None
    z, p = _z(), hits / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return Interval(p, max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half)))


def difference(hits: float, of: float, hits_without: float, of_without: float) -> Interval | None:
    """The first share less the second: method 10 of R. G. Newcombe, Interval estimation for the
    difference between independent proportions, Statistics in Medicine 17, 1998. None where one of
    them is of nothing.
    """
    one, other = share(hits, of), share(hits_without, of_without)
    if one is None or other is None:
        return None
    value = one.value - other.value
    below = math.hypot(one.value - one.low, other.high - other.value)
    above = math.hypot(one.high - one.value, other.value - other.low)
    return Interval(value, max(-1.0, value - below), min(1.0, value + above))


def together(
    strata: Iterable[tuple[int, int, int, int]],
) -> tuple[float, float, float, float] | None:
    """(hits, of, hits_without, of_without) of several comparisons as of one, so that only like is
    compared with like: shares with the weights of W. G. Cochran and of N. Mantel and W. Haenszel,
    and as many visits as one comparison of the same variance had. Of one it is that one. None where
    none has both arms.
    """
    both = [one for one in strata if one[1] and one[3]]
    if not both:
        return None
    weights = [of * without / (of + without) for _, of, _, without in both]
    pooled = [(one[0] + one[2] + 1) / (one[1] + one[3] + 2) for one in both]
    whole = sum(weights)

    def mean(values: Iterable[float]) -> float:
        return sum(w * value for w, value in zip(weights, values, strict=True)) / whole

    def visits(arm: int) -> float:
        spread = zip(weights, pooled, both, strict=True)
        variance = sum(w * w * p * (1 - p) / one[arm] for w, p, one in spread) / whole**2
        return mean(pooled) * (1 - mean(pooled)) / variance

    of, without = visits(1), visits(3)
    hits, beside = (mean(one[arm] / one[arm + 1] for one in both) for arm in (0, 2))
    return hits * of, of, beside * without, without


def tested(hits: float, of: float, hits_without: float, of_without: float) -> Test | None:
    """The mixture sequential probability ratio test with a normal mixture (H. Robbins, Statistical
    methods related to the law of the iterated logarithm, Ann. Math. Stat. 41, 1970), in the form of
    R. Johari, L. Pekelis and D. Walsh, Always valid inference, Operations Research 70, 2022:

    L = sqrt(V / (V + t2)) exp(t2 d2 / (2 V (V + t2))), p = min(1, 1 / L), and d is certain within
    sqrt((V (V + t2) / t2) (2 ln(1 / a) + ln((V + t2) / V))).

    V is the variance of d as if both shares were the same, one hit and one miss more than there
    were: without any it would be nothing.
    """
    if of <= 0 or of_without <= 0:
        return None
    value = hits / of - hits_without / of_without
    pooled = (hits + hits_without + 1) / (of + of_without + 2)
    variance = pooled * (1 - pooled) * (1 / of + 1 / of_without)
    mixed, wrong = MIXED_OVER**2, 1 - CONFIDENCE
    whole = variance + mixed
    log_ratio = mixed * value**2 / (2 * variance * whole) - math.log(whole / variance) / 2
    spread = 2 * math.log(1 / wrong) + math.log(whole / variance)
    half = math.sqrt(variance * whole / mixed * spread)
    low, high = value - half, value + half
    return Test(_verdict(low, high), value, low, high, min(1.0, math.exp(-min(log_ratio, 700.0))))


def still(hits: int, of: int, hits_without: int, of_without: int) -> int | None:
    """How many visits more until it is certain, if both shares stay as they are. 0: it is; None:
    that is not to be waited for."""

    def is_certain(times: float) -> bool:
        found = tested(*(one * times for one in (hits, of, hits_without, of_without)))
        return found is not None and found.may_stop

    visits, times = of + of_without, 1.0
    if min(of, of_without) <= 0:
        return None
    while not is_certain(times):
        times *= 2
        if visits * times > LONGEST:
            return None
    low = times / 2
    while times > 1 and times - low > 0.01 * times:
        middle = (low + times) / 2
        low, times = (low, middle) if is_certain(middle) else (middle, times)
    return round(visits * (times - 1))


def _verdict(low: float, high: float) -> Verdict:
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "same" if max(high, -low) < LEAST_THAT_MATTERS else "more"


def _z() -> float:
    return NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2)
