"""Where a crowd reacts: cheering, applause, laughter, with the line that led to it."""

from dataclasses import dataclass

import numpy as np

from pipeline.curves import FINE, STEP_MS
from pipeline.series import Curve, Flags, closed, percentile_around, ramp, runs, smooth

FINE_MS = STEP_MS // FINE
PAUSE_MS = 450
SETUP_MS, AFTER_MS = 20_000, 2_500
"""How far before and after a reaction its line of speech may reach."""
FELT = 2_500 // STEP_MS
DOUBT = 0.4
"""What is taken from the strength of a reaction that is as surely speech."""
LULL_MS, SILENT_LULL_MS = 1_000, 2_500
AROUND_MS = 25_000
"""At each side: what is usual there."""
USUAL, SHARE, MOST = -2.5, 0.5, 1.5
"""A usual likelihood above the first (log odds) is held against all around it, by the second
part of what it is above and by no more than the third."""


@dataclass(frozen=True)
class Reaction:
    """Steps of STEP_MS: the reaction itself, and all of the moment with its set-up in ms."""

    first: int
    last: int
    """Not inside."""
    start_ms: int
    end_ms: int
    strength: float
    """0..1, how sure it is that a crowd reacts."""


def curve(likelihood: Curve, level_db: Curve, usual_db: float) -> Curve:
    """0..1 a step. `usual_db` is how loud talk is in this recording.

    A crowd far below the talk, or no louder than ever, murmurs; it does not react. Where talk
    itself sounds somewhat like a crowd (a new voice, a murmur behind), a reaction must be surer.
    """
    told = smooth(_outstanding(likelihood), 5)
    return np.asarray(told * _heard(level_db, usual_db), np.float32)


def _outstanding(likelihood: Curve) -> Curve:
    if not len(likelihood):
        return likelihood
    sure = np.clip(likelihood, 1e-4, 1 - 1e-4)
    odds = np.log(sure / (1 - sure))
    usual = smooth(percentile_around(odds, AROUND_MS // STEP_MS, 50, 8), 9)
    against = np.clip(SHARE * (usual - USUAL), 0, MOST)
    return np.asarray(1 / (1 + np.exp(against - odds)), np.float32)


def _heard(level_db: Curve, usual_db: float) -> Curve:
    if not len(level_db):
        return level_db
    floor = percentile_around(level_db, 15_000 // STEP_MS, 15, 4)
    return ramp(level_db - usual_db, -11, 3) * ramp(level_db - floor, 2, 3)


def find(reacting: Curve, speech: Curve, excited: Curve, talking: Flags) -> list[Reaction]:
    """In order of time. `talking` has FINE values a step, the others one."""
    spoken = closed(talking, PAUSE_MS // FINE_MS)
    found = []
    for a, b in cores(reacting, speech):
        strength = _strength(reacting[a:b], speech[a:b])
        start_ms, end_ms = _edges(spoken, speech, excited, a, b)
        found.append(Reaction(a, b, start_ms, end_ms, strength))
    return found


def _strength(reacting: Curve, speech: Curve) -> float:
    """Of the best 2.5 s; less where these are plainly speech: a voice may sound like a crowd."""
    best = np.argsort(-reacting, kind="stable")[:FELT]
    doubt = ramp(speech[best].mean(), 0.77, 0.14)
    return float(reacting[best].sum() / FELT * (1 - DOUBT * doubt))


def cores(reacting: Curve, speech: Curve) -> list[tuple[int, int]]:
    """By two thresholds: sure somewhere, likely throughout. A lull in which nobody speaks, as
    between a few people's claps, may be longer."""
    wide = closed(reacting > 0.3, LULL_MS // STEP_MS)
    for a, b in runs(~wide):
        inside = a > 0 and b < len(wide) and b - a <= SILENT_LULL_MS // STEP_MS
        if inside and speech[a:b].max() < 0.3:
            wide[a:b] = True
    return [(a, b) for a, b in runs(wide) if reacting[a:b].max() > 0.4 and b - a >= 4]


def _edges(spoken: Flags, speech: Curve, excited: Curve, a: int, b: int) -> tuple[int, int]:
    """From the start of the line that led to it to the end of the reaction or its line."""
    start, end = a * FINE, b * FINE
    line = _line_before(spoken, speech, excited, start)
    if line is not None:
        start = min(start, line)
    return start * FINE_MS, max(end, _line_after(spoken, speech, end)) * FINE_MS


def _line_after(spoken: Flags, speech: Curve, core: int) -> int:
    """The end of the line that is being said as the reaction ends; of one that goes on, none."""
    last = core
    while last < len(spoken) and spoken[last] and speech[last // FINE] > 0.5:
        last += 1
        if (last - core) * FINE_MS > AFTER_MS:
            return core
    return last


def _line_before(spoken: Flags, speech: Curve, excited: Curve, core: int) -> int | None:
    """The start of the run of speech that reaches the core's start, or ended shortly before it."""
    near = max(0, core - 2_000 // FINE_MS)
    said = spoken & (np.repeat(speech, FINE) + np.repeat(excited, FINE) > 0.3)
    inside = np.flatnonzero(said[near : core + 1])
    if not len(inside):
        return None
    at = near + int(inside[-1])
    while at > 0 and spoken[at - 1] and (core - at) * FINE_MS < SETUP_MS:
        at -= 1
    return at
