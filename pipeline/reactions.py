"""Where a crowd reacts: cheering, applause, laughter, with the line that led to it."""

from dataclasses import dataclass

import numpy as np

from pipeline.curves import FINE, STEP_MS
from pipeline.series import Curve, Flags, closed, percentile_around, ramp, runs, smooth

FINE_MS = STEP_MS // FINE
PAUSE_MS = 450
SETUP_MS, AFTER_MS = 20_000, 8_000
"""How far before and after a reaction its line of speech may reach."""


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

    A crowd far below the talk, or no louder than ever, murmurs; it does not react.
    """
    return np.asarray(smooth(likelihood, 5) * _heard(level_db, usual_db), np.float32)


def _heard(level_db: Curve, usual_db: float) -> Curve:
    if not len(level_db):
        return level_db
    floor = percentile_around(level_db, 15_000 // STEP_MS, 15, 4)
    return ramp(level_db - usual_db, -11, 3) * ramp(level_db - floor, 2, 3)


def find(reacting: Curve, speech: Curve, excited: Curve, talking: Flags) -> list[Reaction]:
    """In order of time. `talking` has FINE values a step, the others one."""
    spoken = closed(talking, PAUSE_MS // FINE_MS)
    found = []
    for a, b in cores(reacting):
        best = np.sort(reacting[a:b])[::-1][: 2_500 // STEP_MS]
        strength = float(best.sum()) / (2_500 // STEP_MS)
        start_ms, end_ms = _edges(spoken, speech, excited, a, b)
        found.append(Reaction(a, b, start_ms, end_ms, strength))
    return found


def cores(reacting: Curve) -> list[tuple[int, int]]:
    """By two thresholds: sure somewhere, likely throughout."""
    wide = closed(reacting > 0.3, 4)
    return [(a, b) for a, b in runs(wide) if reacting[a:b].max() > 0.4 and b - a >= 4]


def _edges(spoken: Flags, speech: Curve, excited: Curve, a: int, b: int) -> tuple[int, int]:
    """From the start of the line that led to it to the end of the reaction or its line."""
    start, end = a * FINE, b * FINE
    line = _line_before(spoken, speech, excited, start)
    if line is not None:
        start = min(start, line)
    last = end
    while (
        last < len(spoken)
        and spoken[last]
        and (last - end) * FINE_MS < AFTER_MS
        and speech[last // FINE] > 0.5
    ):
        last += 1
    return start * FINE_MS, max(end, last) * FINE_MS


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
