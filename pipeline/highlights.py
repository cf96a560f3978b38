"""From moments to highlights: one score with its parts, what is chosen, and what beat the rest."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.kinds import CROWD, PARTS, Profile
from pipeline.timeline import Highlight, Moment, Span

CHOSEN = 0.35
"""The least score of a moment that becomes a clip."""
SAME = 0.3
"""Two moments that share so much of the shorter one are one."""
NEAR_MS = 60_000
PARTICLES = 10_000
"""Scores and their parts are counted in 1/PARTICLES."""
SIGNS = {
    "excited speech": "excited talk",
    "impact": "a blow or a burst",
    "cue words": "a phrase that may mark a moment",
    "question": "a question",
    "chat": "a stir in the chat",
    "rating": "a good rating",
}
"""Parts as a sentence names them; the others as they are."""
CROWDED = 0.25
"""What a moment loses, at most, beside a chosen one, where there are more good ones than room."""


@dataclass(frozen=True)
class Rating:
    """What a language model thinks of what is said in a span."""

    span: Span
    value: float
    """0..1"""


def choose(
    moments: Sequence[Moment], profile: Profile, limit: int, ratings: Sequence[Rating] = ()
) -> tuple[Highlight, ...]:
    """Chosen and rejected, best first; those of equal score in order of time.

    The same moments, profile and ratings always give the same highlights.
    """
    scored = [_scored(one, profile, ratings) for one in moments]
    scored.sort(key=_order)
    taken: list[Highlight] = []
    told: dict[int, str] = {}
    for number, (moment, one) in enumerate(scored):
        if one.score < CHOSEN:
            told[number] = _too_weak(moment, one)
        elif other := _same(one, taken):
            told[number] = f"It is the same moment as {_named(other)}, which scored more."
        else:
            taken.append(one)
    kept = _spread(taken, limit)
    judged = []
    for number, (_, one) in enumerate(scored):
        why_not = told.get(number, "")
        if not why_not and id(one) not in kept:
            why_not = _beaten(one, [other for other in taken if id(other) in kept], limit)
        judged.append(
            Highlight(one.span, one.peak_ms, one.score, one.reasons, not why_not, why_not)
        )
    return tuple(judged)


def weigh(evidence: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """Parts that sum to 1 - product of (1 - weight x evidence): the chance that any of them tells.

    A crowd's kinds are one sign, split by what it does. Each part is its share of the whole by the
    logarithm of its factor. Rounded in such a way that the score is their sum.
    """
    told = {name: weights.get(name, 0.0) * evidence.get(name, 0.0) for name in PARTS}
    crowd = min(0.99, sum(told[name] for name in CROWD))
    shares = {name: -math.log1p(-min(0.99, told[name])) for name in PARTS if name not in CROWD}
    for name in CROWD:
        shares[name] = -math.log1p(-crowd) * told[name] / crowd if crowd > 0 else 0.0
    whole = sum(shares.values())
    if whole <= 0:
        return {}
    counts = _shared(round(-math.expm1(-whole) * PARTICLES), shares)
    return {name: round(count / PARTICLES, 4) for name, count in counts.items() if count}


def _shared(total: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers that sum to `total`, by largest remainders.

    Each rounded by itself, eleven parts may sum to more than 1, or to less with more evidence.
    """
    whole = sum(shares.values())
    exact = {name: total * share / whole for name, share in shares.items()}
    counts = {name: math.floor(value) for name, value in exact.items()}
    missing = total - sum(counts.values())
    for name in sorted(exact, key=lambda name: counts[name] - exact[name])[:missing]:
        counts[name] += 1
    return counts


def _order(pair: tuple[Moment, Highlight]) -> tuple[Any, ...]:
    """Best first, then by all that tells two apart: the order they came in is no reason."""
    moment, one = pair
    told = sorted(one.reasons.items()), sorted(moment.likeness.items())
    return (-one.score, one.span.start_ms, one.span.end_ms, one.peak_ms, *told)


def _scored(
    moment: Moment, profile: Profile, ratings: Sequence[Rating]
) -> tuple[Moment, Highlight]:
    evidence = dict(moment.evidence)
    rated = [one for one in ratings if one.span.overlap_ms(moment.span) * 2 > one.span.length_ms]
    if rated:
        evidence["rating"] = max(one.value for one in rated)
    reasons = weigh(evidence, profile.weights)
    score = round(math.fsum(reasons.values()), 4)
    return moment, Highlight(moment.span, moment.peak_ms, score, reasons)


def _same(one: Highlight, others: Sequence[Highlight]) -> Highlight | None:
    for other in others:
        shorter = max(1, min(one.span.length_ms, other.span.length_ms))
        if one.span.overlap_ms(other.span) > SAME * shorter:
            return other
    return None


def _spread(good: Sequence[Highlight], limit: int) -> set[int]:
    """The best `limit`; where there are more, those beside a better one yield to others."""
    if len(good) <= limit:
        return {id(one) for one in good}
    kept: list[Highlight] = []
    left = list(good)
    while left and len(kept) < limit:
        best = max(left, key=lambda one: (one.score - _crowding(one, kept), -one.span.start_ms))
        kept.append(best)
        left.remove(best)
    return {id(one) for one in kept}


def _crowding(one: Highlight, kept: Sequence[Highlight]) -> float:
    gap = min((abs(one.peak_ms - other.peak_ms) for other in kept), default=NEAR_MS)
    return CROWDED * max(0.0, 1 - gap / NEAR_MS)


def _beaten(one: Highlight, kept: Sequence[Highlight], limit: int) -> str:
    better = [other for other in kept if other.score >= one.score]
    if len(better) == len(kept):
        many = f"are {limit} better moments" if limit != 1 else "is a better moment"
        return f"There {many} in this recording."
    near = min(better, key=lambda other: abs(other.peak_ms - one.peak_ms))
    return (
        f"There is room for {limit}, spread over the recording, "
        f"and {_named(near)} near by scored more."
    )


def _too_weak(moment: Moment, one: Highlight) -> str:
    like = moment.likeness
    what = max(like, key=lambda name: like[name]) if like else ""
    if sum(one.reasons.get(name, 0) for name in CROWD) >= 0.15:
        said = "Perhaps a reaction, but too weak or too short to be sure"
        return f"{said}; it sounds more like {what}." if what else f"{said}."
    strongest = max(one.reasons, key=lambda name: one.reasons[name], default="")
    if strongest and strongest != "loudness" and one.score >= 0.15:
        return f"Only {SIGNS.get(strongest, strongest)}, and too little of it to be sure."
    if what and like[what] > 0.4:
        return f"Loud, but it is {what}: nobody reacts to it."
    return "Louder than the rest, but nobody reacts to it."


def _named(one: Highlight) -> str:
    return f"{_clock(one.span.start_ms)} to {_clock(one.span.end_ms)} ({one.score:.2f})"


def _clock(ms: int) -> str:
    seconds = ms // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    start = f"{hours}:{minutes:02}" if hours else str(minutes)
    return f"{start}:{seconds % 60:02}"
