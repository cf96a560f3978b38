"""Moments worth a look: a crowd's reactions, and what stands out where there is no crowd."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline import edges, reactions
from pipeline.activity import Activity
from pipeline.cues import Cue
from pipeline.curves import FINE, STEP_MS
from pipeline.kinds import CROWD, Profile
from pipeline.reactions import PAUSE_MS
from pipeline.series import Curve, closed, percentile_around, runs, smooth
from pipeline.timeline import Moment, Span

FELT = 2_500 // STEP_MS
"""Steps that evidence must fill to count in full: a single blow or word is little."""
ANSWERS, RAISED, PLAIN = 6.0, 0.4, 0.15
"""What excited speech up to RAISED counts for a reaction, and less than PLAIN against it; chosen
on recordings of sounds that the model was not trained on."""
AGAINST, USUAL_NOISE = 3.0, 0.25
HARDLY = 0.13
"""What sounds so little like a crowd is none, whoever shouted before."""
LEAST = 0.15
"""Interest below this is not even a rejected moment."""
CUE_BEFORE_MS, CUE_AFTER_MS = 2_000, 4_000
"""Around a phrase: how long it speaks for what is said."""
SETUP_MS, AFTER_MS = 4_000, 2_500
"""Of action, which has no sentences to begin and end with."""
SENTENCE_GAP_MS = 1_500
LOUD_MS = 2_000


@dataclass(frozen=True)
class Said:
    """What the words tell; empty where nothing was transcribed."""

    cues: Sequence[Cue] = ()
    chapters: Sequence[int] = field(default=())
    """ms; a moment does not reach across one."""


NOTHING = Said()


def evidence(now: Activity, said: Said = NOTHING) -> dict[str, Curve]:
    """By part, 0..1 a step: how much of it is felt around that step."""
    felt = {name: smooth(curve, FELT) for name, curve in now.parts.items()}
    whole = sum(now.kinds[name] ** 2 for name in CROWD) + 1e-9
    for name in CROWD:
        felt[name] = smooth(now.reaction * now.kinds[name] ** 2 / whole, FELT)
    felt["impact"] = _beyond_usual(np.clip(2 * felt["impact"], 0, 1))
    for part in ("cue words", "question"):
        felt[part] = _spread([cue for cue in said.cues if cue.part == part], said, now.steps)
    return felt


def _beyond_usual(curve: Curve) -> Curve:
    """Where blows never stop, one more is nothing."""
    usual = percentile_around(curve, 240_000 // STEP_MS, 60, 40)
    return np.asarray(np.clip((curve - usual) / np.maximum(1 - usual, 0.2), 0, 1), np.float32)


def _spread(cues: Sequence[Cue], said: Said, steps: int) -> Curve:
    missing = np.ones(steps, np.float32)
    for cue in cues:
        begun = max((one for one in said.chapters if one <= cue.start_ms), default=0)
        first = max(begun, cue.start_ms - CUE_BEFORE_MS) // STEP_MS
        missing[first : (cue.end_ms + CUE_AFTER_MS) // STEP_MS] *= 1 - cue.value
    return np.asarray(1 - missing, np.float32)


def interest(felt: dict[str, Curve], profile: Profile) -> Curve:
    """0..1 a step: the chance that any of its parts makes it a highlight."""
    crowd = np.sum([profile.weights[name] * felt[name] for name in CROWD], axis=0)
    missing = 1 - np.minimum(crowd, 0.99)
    for name, curve in felt.items():
        if name not in CROWD:
            missing = missing * (1 - profile.weights[name] * curve)
    return np.asarray(1 - missing, np.float32)


def find(
    now: Activity, profile: Profile, duration_ms: int, said: Said = NOTHING
) -> tuple[Moment, ...]:
    """In order of time. Those of a crowd as they are; of the rest, what stands out and is apart."""
    felt = evidence(now, said)
    worth = interest(felt, profile)
    crowd = crowd_of(now)
    found = [_crowd_moment(now, felt, one, duration_ms) for one in crowd]
    taken = np.zeros(now.steps, np.bool_)
    for one in crowd:
        # Its evidence is felt a little before and after it, and is no moment of its own there.
        first, last = one.start_ms // STEP_MS - FELT, one.end_ms // STEP_MS + 1 + FELT
        taken[max(0, first) : last] = True
    for first, last in [*_peaks(np.where(taken, 0, worth)), *_loud(now, taken)]:
        peak = first + int(np.argmax(worth[first:last] + 0.01 * now.loudness[first:last]))
        span = _span(now, said, profile, first, last, duration_ms)
        # What goes on for minutes is a moment around its best.
        span = edges.widen(span, 0, profile.most_ms, duration_ms, peak * STEP_MS)
        if not any(span.overlap_ms(other.span) > span.length_ms / 2 for other in found):
            found.append(_moment(now, felt, span, peak, first, last))
    return tuple(sorted(found, key=lambda one: (one.span.start_ms, one.peak_ms)))


def crowd_of(now: Activity) -> list[reactions.Reaction]:
    return reactions.find(now.reaction, now.speech, now.excited + now.loudness, now.talking)


def _crowd_moment(
    now: Activity, felt: dict[str, Curve], one: reactions.Reaction, duration_ms: int
) -> Moment:
    a, b = one.first, one.last
    shares = {name: float(now.kinds[name][a:b].mean()) ** 2 for name in CROWD}
    whole = sum(shares.values()) + 1e-9
    before = max(0, a - 4_000 // STEP_MS)
    rest = {
        name: float(curve[before:b].max(initial=0))
        for name, curve in felt.items()
        if name not in CROWD
    }
    likeness = _likeness(now, one.start_ms // STEP_MS, b)
    strength = _answering(
        one.strength, rest.get("excited speech", 0.0), likeness.get("steady noise", 0.0)
    )
    parts = {name: strength * share / whole for name, share in shares.items()}
    peak = a + int(np.argmax(now.reaction[a:b] + 0.1 * now.loudness[a:b]))
    return Moment(
        span=Span(one.start_ms, min(one.end_ms, duration_ms)),
        peak_ms=min(peak * STEP_MS + STEP_MS // 2, duration_ms),
        evidence=_rounded({**parts, **rest}),
        likeness=likeness,
    )


def _answering(strength: float, excited: float, noise: float) -> float:
    """0..1. A crowd answers somebody: a raised line before it speaks for it, noise against it.

    Added to the log odds, so that it decides where the sound alone leaves doubt.
    """
    doubt = min(max(strength, 0.001), 0.999)
    odds = math.log(doubt / (1 - doubt))
    odds += ANSWERS * (min(excited, RAISED) - PLAIN) - AGAINST * max(0.0, noise - USUAL_NOISE)
    told = 1 / (1 + math.exp(-odds))
    return told if strength > HARDLY else min(told, strength)


def _peaks(worth: Curve) -> list[tuple[int, int]]:
    """Stretches around each high point, down to half of it; the highest take theirs first."""
    left = worth.copy()
    found = []
    while len(left) and (peak := int(np.argmax(left))) >= 0 and left[peak] >= LEAST:
        level = float(worth[peak]) / 2
        first = last = peak
        while first > 0 and left[first - 1] > level:
            first -= 1
        while last < len(left) and left[last] > level:
            last += 1
        last = max(last, peak + 1)
        left[first:last] = 0
        # What is left at its flanks belongs to it.
        for way, edge in ((-1, first - 1), (1, last)):
            at = edge
            while 0 <= at < len(left) and 0 < left[at] <= level:
                left[at] = 0
                at += way
        found.append((first, last))
    return found


def _loud(now: Activity, taken: Curve) -> list[tuple[int, int]]:
    """The loud rest, so that it can be said why it is none."""
    loud = closed(now.loudness > 0.35, 6)
    return [(a, b) for a, b in runs(loud) if (b - a) * STEP_MS >= LOUD_MS and not taken[a:b].any()]


def _moment(
    now: Activity, felt: dict[str, Curve], span: Span, peak: int, first: int, last: int
) -> Moment:
    a, b = span.start_ms // STEP_MS, max(span.end_ms // STEP_MS, span.start_ms // STEP_MS + 1)
    inside = slice(max(a, first - FELT), min(b, last + FELT))
    parts = {name: float(curve[inside].max(initial=0)) for name, curve in felt.items()}
    peak_ms = min(max(peak * STEP_MS + STEP_MS // 2, span.start_ms), span.end_ms)
    likeness = _likeness(now, a, b)
    crowd = min(1.0, sum(parts[name] for name in CROWD))
    strength = _answering(crowd, parts["excited speech"], likeness.get("steady noise", 0.0))
    parts.update({name: parts[name] * strength / max(crowd, 1e-6) for name in CROWD})
    return Moment(span, peak_ms, _rounded(parts), likeness)


def _span(
    now: Activity, said: Said, profile: Profile, first: int, last: int, duration_ms: int
) -> Span:
    """Whole sentences where somebody talks, with what led there; else a little around."""
    start, end = first * STEP_MS, min(last * STEP_MS, duration_ms)
    lines = _lines(now, said.chapters)
    here = [at for at, (a, b) in enumerate(lines) if a < end and b > start]
    if not here:
        return Span(max(0, start - SETUP_MS), min(duration_ms, end + AFTER_MS))
    one, other = here[0], here[-1]
    while one > 0 and _follows(lines, one, said) and _room(lines[one - 1][0], start, profile):
        one -= 1
    begin, finish = min(start, lines[one][0]), max(end, lines[other][1])
    while (
        other + 1 < len(lines)
        and finish - begin < profile.least_ms
        and _follows(lines, other + 1, said)
        and lines[other + 1][1] - end <= profile.after_ms
    ):
        other += 1
        finish = lines[other][1]
    # A line without a pause may have begun minutes ago.
    begin, finish = max(begin, start - profile.before_ms), min(finish, end + profile.after_ms)
    return Span(max(0, begin), min(duration_ms, finish))


def _room(start_ms: int, core_ms: int, profile: Profile) -> bool:
    return core_ms - start_ms <= profile.before_ms / 2


def _follows(lines: Sequence[tuple[int, int]], at: int, said: Said) -> bool:
    """Does line `at` go on where the one before it ended?"""
    before, here = lines[at - 1], lines[at]
    between = any(before[0] < chapter <= here[0] for chapter in said.chapters)
    return here[0] - before[1] <= SENTENCE_GAP_MS and not between


def _lines(now: Activity, chapters: Sequence[int]) -> list[tuple[int, int]]:
    """Stretches of talk between pauses and chapters, in ms."""
    fine = STEP_MS // FINE
    spoken = closed(now.talking, PAUSE_MS // fine) & np.repeat(now.speech > 0.4, FINE)
    spoken[[at // fine for at in chapters if at // fine < len(spoken)]] = False
    return [(a * fine, b * fine) for a, b in runs(spoken) if (b - a) * fine >= PAUSE_MS]


def _likeness(now: Activity, a: int, b: int) -> dict[str, float]:
    """What the stretch sounds like, for the words that reject it."""
    b = max(b, a + 1)
    heard = {"steady noise": now.noise, "music": now.music, "a loud line": now.speech}
    return _rounded({name: float(curve[a:b].mean()) for name, curve in heard.items()})


def _rounded(parts: dict[str, float]) -> dict[str, float]:
    return {name: round(min(1.0, value), 4) for name, value in parts.items() if value >= 0.001}
