"""From curves to ranked moments: where a reaction is, where its set-up began, its worth and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.curves import FINE, STEP_MS
from pipeline.sounds import SOUNDS, Heard
from pipeline.timeline import Highlight, Span

Curve = NDArray[Any]

KINDS = ("cheer", "applause", "laughter")
PARTS = (*KINDS, "excited speech", "loudness", "motion")
WEIGHTS = {"reaction": 0.82, "excited speech": 0.07, "loudness": 0.06, "motion": 0.05}
CHOSEN = 0.35
"""The least score of a moment that becomes a clip."""

FINE_MS = STEP_MS // FINE
PAUSE_MS = 450
SETUP_MS, AFTER_MS = 20_000, 8_000
"""How far before and after a reaction its line of speech may reach."""


@dataclass(frozen=True)
class Activity:
    """What happens, a value 0..1 for each STEP_MS."""

    kinds: dict[str, Curve]
    reaction: Curve
    speech: Curve
    music: Curve
    noise: Curve
    excited: Curve
    loudness: Curve
    motion: Curve
    talking: NDArray[np.bool_]
    """FINE values a step: is somebody heard above the room just then."""

    @property
    def parts(self) -> dict[str, Curve]:
        return {
            **self.kinds,
            "excited speech": self.excited,
            "loudness": self.loudness,
            "motion": self.motion,
        }


def activity(heard: Heard, motion: Curve) -> Activity:
    """`motion` has a value per second, or is empty where there is no picture."""
    told = {name: heard.likelihoods[:, column] for column, name in enumerate(SOUNDS)}
    count = len(heard.level_db)
    loud = heard.level_db
    reaction = _smooth(told["reaction"], 5)
    talk = (told["speech"] > 0.6) & (reaction < 0.3) & (loud > -55)
    usual = float(np.median(loud[talk])) if talk.sum() > 20 else _usual(loud)
    over = np.clip((loud - usual - 2) / 10, 0, 1) if count else loud
    reaction = reaction * _heard(loud, usual)
    seconds = np.arange(count) * STEP_MS // 1000
    return Activity(
        kinds={name: _smooth(told[name], 5) for name in KINDS},
        reaction=reaction,
        speech=_smooth(told["speech"], 3),
        music=_smooth(told["music"], 9),
        noise=_smooth(told["noise"], 9),
        excited=_smooth(told["speech"] * over, 5),
        loudness=_smooth(over, 5),
        motion=motion[np.minimum(seconds, len(motion) - 1)]
        if len(motion)
        else np.zeros(count, np.float32),
        talking=_talking(heard.voice_db, told["speech"]),
    )


def _heard(loud: Curve, usual: float) -> Curve:
    """0..1: a crowd far below the talk, or no louder than ever, murmurs; it does not react."""
    if not len(loud):
        return loud
    near = 15_000 // STEP_MS
    floor = np.array(
        [np.percentile(loud[max(0, i - near) : i + near + 1], 15) for i in range(0, len(loud), 4)]
    )
    over_floor = loud - np.repeat(floor, 4)[: len(loud)]
    return np.asarray(_step(loud - usual, -11, 3) * _step(over_floor, 2, 3), np.float32)


def _step(value: Curve, at: float, width: float) -> Curve:
    return np.asarray(np.clip((value - at) / width + 0.5, 0, 1))


def _usual(loud: Curve) -> float:
    heard = loud[loud > -70]
    return float(np.median(heard)) if len(heard) else 0.0


def _smooth(curve: Curve, width: int) -> Curve:
    if len(curve) < width:
        return curve
    padded = np.pad(curve, width // 2, mode="edge")
    return np.convolve(padded, np.ones(width) / width, "valid").astype(np.float32)


def _talking(voice_db: Curve, speech: Curve) -> NDArray[np.bool_]:
    """Above a third of the way from the quietest to the loudest of the 8 s around."""
    if not len(voice_db):
        return np.zeros(0, np.bool_)
    near = 4_000 // FINE_MS
    low, high = _running(voice_db, near, 10), _running(voice_db, near, 92)
    above = voice_db > low + 0.36 * (high - low)
    # Where there are no pauses to measure by, the likelihood alone decides.
    unbroken = (high - low <= 6) & (np.repeat(speech, FINE) > 0.6)
    return np.asarray((above & (high - low > 6) | unbroken) & (voice_db > -70))


def _running(curve: Curve, half: int, percent: float) -> Curve:
    """A percentile of what is around, taken every 500 ms."""
    every = 500 // FINE_MS
    windows = [curve[max(0, at - half) : at + half] for at in range(0, len(curve), every)]
    return np.repeat([np.percentile(part, percent) for part in windows], every)[: len(curve)]


def speech_spans(now: Activity) -> tuple[Span, ...]:
    """Where somebody speaks, without the pauses; a little wider, so that no sound is lost."""
    spoken = (np.repeat(now.speech, FINE) > 0.5) & now.talking[: len(now.speech) * FINE]
    runs = [(a, b) for a, b in _runs(_closed(spoken, 300 // FINE_MS)) if (b - a) * FINE_MS >= 250]
    wide = np.zeros(len(spoken), np.bool_)
    for a, b in runs:
        wide[max(0, a - 2) : b + 2] = True
    return tuple(Span(a * FINE_MS, b * FINE_MS) for a, b in _runs(wide))


def _runs(on: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.diff(np.concatenate([[0], on.astype(np.int8), [0]]))
    return list(
        zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True)
    )


def _closed(on: NDArray[np.bool_], gap: int) -> NDArray[np.bool_]:
    """Holes of at most `gap` filled."""
    filled = on.copy()
    for a, b in _runs(~on):
        if b - a <= gap and a > 0 and b < len(on):
            filled[a:b] = True
    return filled


def rank(now: Activity, duration_ms: int, limit: int) -> tuple[Highlight, ...]:
    """Chosen and rejected moments, best first; those of equal score in order of time."""
    found = [_highlight(now, core, duration_ms) for core in _cores(now)]
    found.sort(key=lambda one: (-one.score, one.span.start_ms))
    return tuple(_judged(found, limit, now))


def _cores(now: Activity) -> list[tuple[int, int]]:
    """Reactions by two thresholds, and, for what is to be rejected with a reason, the loud rest."""
    cores = []
    wide = _closed(now.reaction > 0.3, 4)
    for a, b in _runs(wide):
        if now.reaction[a:b].max() > 0.4 and b - a >= 4:
            cores.append((a, b))
    loud = _closed(now.loudness > 0.35, 6)
    for a, b in _runs(loud):
        if (b - a) * STEP_MS >= 2_000 and not any(a < d and c < b for c, d in cores):
            cores.append((a, b))
    return cores


def _highlight(now: Activity, core: tuple[int, int], duration_ms: int) -> Highlight:
    a, b = core
    reasons = _reasons(now, a, b)
    peak = a + int(np.argmax(now.reaction[a:b] + 0.1 * now.loudness[a:b]))
    start_ms, end_ms = _edges(now, a, b)
    return Highlight(
        span=Span(start_ms, min(end_ms, duration_ms)),
        peak_ms=min(peak * STEP_MS + STEP_MS // 2, duration_ms),
        score=round(sum(reasons.values()), 4),
        reasons=reasons,
    )


def _reasons(now: Activity, a: int, b: int) -> dict[str, float]:
    """Parts of 0..1 together, rounded so that they sum to the score."""
    best = np.sort(now.reaction[a:b])[::-1][: 2_500 // STEP_MS]
    reaction = float(best.sum()) / (2_500 // STEP_MS)
    shares = {name: float(now.kinds[name][a:b].mean()) ** 2 for name in KINDS}
    whole = sum(shares.values()) + 1e-9
    before = max(0, a - 4_000 // STEP_MS)
    reasons = {
        name: WEIGHTS["reaction"] * reaction * share / whole for name, share in shares.items()
    }
    for name in ("excited speech", "loudness", "motion"):
        # Company, not a cause: without a reaction these count a quarter.
        company = 0.25 + 0.75 * reaction
        reasons[name] = WEIGHTS[name] * company * float(now.parts[name][before:b].max())
    return {name: round(part, 4) for name, part in reasons.items() if part >= 0.00005}


def _edges(now: Activity, a: int, b: int) -> tuple[int, int]:
    """From the start of the line that led to it to the end of the reaction or its line."""
    spoken = _closed(now.talking, PAUSE_MS // FINE_MS)
    start, end = a * FINE, b * FINE
    line = _line_before(now, spoken, start)
    if line is not None:
        start = min(start, line)
    last = end
    while (
        last < len(spoken)
        and spoken[last]
        and (last - end) * FINE_MS < AFTER_MS
        and now.speech[last // FINE] > 0.5
    ):
        last += 1
    return start * FINE_MS, max(end, last) * FINE_MS


def _line_before(now: Activity, spoken: NDArray[np.bool_], core: int) -> int | None:
    """The start of the run of speech that reaches the core's start, or ended shortly before it."""
    near = max(0, core - 2_000 // FINE_MS)
    said = spoken & (np.repeat(now.speech, FINE) + np.repeat(now.excited, FINE) > 0.3)
    inside = np.flatnonzero(said[near : core + 1])
    if not len(inside):
        return None
    at = near + int(inside[-1])
    while at > 0 and spoken[at - 1] and (core - at) * FINE_MS < SETUP_MS:
        at -= 1
    return at


def _judged(found: Sequence[Highlight], limit: int, now: Activity) -> list[Highlight]:
    judged: list[Highlight] = []
    taken = 0
    for one in found:
        why_not = ""
        if one.score < CHOSEN:
            why_not = _too_weak(one, now)
        elif taken >= limit:
            why_not = f"There are {limit} better moments in this recording."
        taken += not why_not
        judged.append(
            Highlight(one.span, one.peak_ms, one.score, one.reasons, not why_not, why_not)
        )
    return judged


def _too_weak(one: Highlight, now: Activity) -> str:
    a, b = (
        one.span.start_ms // STEP_MS,
        max(one.span.end_ms // STEP_MS, one.span.start_ms // STEP_MS + 1),
    )
    heard = {
        "steady noise": float(now.noise[a:b].mean()),
        "music": float(now.music[a:b].mean()),
        "a loud line": float(now.speech[a:b].mean()),
    }
    what = max(heard, key=lambda name: heard[name])
    if sum(one.reasons.get(name, 0) for name in KINDS) >= 0.15:
        return (
            f"Perhaps a reaction, but too weak or too short to be sure; it sounds more like {what}."
        )
    if heard[what] > 0.4:
        return f"Loud, but it is {what}: nobody reacts to it."
    return "Louder than the rest, but nobody reacts to it."
