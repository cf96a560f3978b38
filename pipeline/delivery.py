"""How something is said: where somebody speaks, and where louder, higher and faster than usual."""

from dataclasses import dataclass

import numpy as np

from pipeline.curves import FINE, STEP_MS
from pipeline.series import Curve, Flags, closed, percentile_around, runs, smooth
from pipeline.sounds import Heard
from pipeline.timeline import Span

FINE_MS = STEP_MS // FINE
AROUND = 40_000 // STEP_MS
"""What is usual for a speaker is measured within 40 s at each side."""
OVER_DB, OVER_WIDTH_DB, RAISED_WIDTH_DB = 2.0, 10.0, 6.0
"""Above plain talk: where it begins, how many dB more are loud, and how many a raised voice."""
HIGHER, HIGHER_WIDTH = 1.0, 2.5
"""Semitones above the usual pitch where excitement begins, and how many more make it full."""
FASTER, FASTER_WIDTH = 1.08, 0.3
"""The same for syllables a second, as a ratio."""
SLOWEST = 1.0 * FINE_MS / 1000
"""Peaks a fine step: where fewer are usual, it is no talk whose pace could be measured."""
LOUD_ALONE = 0.3
"""What a raised voice counts that is neither higher nor faster: it may be the microphone."""
REGISTERS_APART = 4.0
"""Semitones between the usual pitches of two voices, at least: less is one voice's melody."""
LOWER_SHARE = 0.6
"""Of the way from the lower to the higher register: what is below is a lower voice, raised."""


@dataclass(frozen=True)
class Delivery:
    """A value 0..1 for each STEP_MS."""

    louder: Curve
    excited: Curve
    """Louder, and higher or faster with it: one alone is a microphone, a guest with a higher voice,
    or a hurry."""
    talking: Flags
    """FINE values a step: is somebody heard above the room just then."""
    usual_db: float
    """The level of plain talk; without talk, of whatever is heard."""


def delivery(heard: Heard, speech: Curve, reaction: Curve) -> Delivery:
    """`speech` and `reaction` are likelihoods a step, not yet smoothed."""
    level = heard.level_db
    plain = (speech > 0.6) & (reaction < 0.3) & (level > -55)
    usual_db = float(np.median(level[plain])) if plain.sum() > 20 else _usual(level)
    louder = np.clip((level - usual_db - OVER_DB) / OVER_WIDTH_DB, 0, 1) if len(level) else level
    talking = _talking(heard.voice_db, speech)
    raised = np.clip((level - usual_db - OVER_DB) / RAISED_WIDTH_DB, 0, 1)
    signs = np.clip(_higher(heard, plain) + _faster(heard.voice_db, talking, speech), 0, 1)
    felt = raised * (LOUD_ALONE + (1 - LOUD_ALONE) * signs)
    excited = smooth(speech * (1 - reaction) * felt, 9)
    return Delivery(louder, np.asarray(excited, np.float32), talking, usual_db)


def _usual(level: Curve) -> float:
    audible = level[level > -70]
    return float(np.median(audible)) if len(audible) else 0.0


def _higher(heard: Heard, plain: Flags) -> Curve:
    """0..1, against the usual pitch of the register that the voice belongs to."""
    pitch = heard.pitch_hz
    if not len(pitch):
        return np.zeros(len(heard.level_db), np.float32)
    tones = np.where((pitch > 0) & plain, 12 * np.log2(np.maximum(pitch, 1) / 55), np.nan)
    low, high = _registers(tones[~np.isnan(tones)])
    now = _around(tones, 50, half=6, every=2)
    usual = np.where(now < low + LOWER_SHARE * (high - low), low, high)
    return np.asarray(np.clip(np.nan_to_num((now - usual - HIGHER) / HIGHER_WIDTH), 0, 1))


def _registers(tones: Curve) -> tuple[float, float]:
    """The usual pitch of the lower and of the higher voices; twice the same for one voice alone."""
    if len(tones) < 40:
        return (float(np.median(tones)),) * 2 if len(tones) else (0.0, 0.0)
    low, high = (float(value) for value in np.percentile(tones, [20, 80]))
    for _ in range(12):
        lower = tones < (low + high) / 2
        if lower.all() or not lower.any():
            break
        low, high = float(np.median(tones[lower])), float(np.median(tones[~lower]))
    share = float(np.mean(tones < (low + high) / 2))
    if high - low < REGISTERS_APART or not 0.15 < share < 0.85:
        return (float(np.median(tones)),) * 2
    return low, high


def _faster(voice_db: Curve, talking: Flags, speech: Curve) -> Curve:
    """0..1, by the peaks of the voice's level: about one a syllable."""
    count = len(speech)
    if len(voice_db) < 3 or not count:
        return np.zeros(count, np.float32)
    before, here, after = voice_db[:-2], voice_db[1:-1], voice_db[2:]
    peak = np.zeros(len(voice_db), np.float32)
    peak[1:-1] = (here > before + 0.5) & (here >= after) & talking[1 : len(voice_db) - 1]
    said = talking[: len(peak)].astype(np.float32)
    width = 3_000 // FINE_MS + 1
    peaks, spoken = smooth(peak, width)[::FINE], smooth(said, width)[::FINE]
    rate = np.where(spoken > 0.4, peaks / np.maximum(spoken, 0.4), np.nan)[:count]
    rate = np.pad(rate, (0, count - len(rate)), constant_values=np.nan)
    ratio = rate / np.maximum(_around(rate, 50), SLOWEST)
    return np.asarray(np.clip((np.nan_to_num(ratio) - FASTER) / FASTER_WIDTH, 0, 1), np.float32)


def _around(values: Curve, percent: float, half: int = AROUND, every: int = 8) -> Curve:
    """A percentile of the known values around; NaN where there are fewer than 8."""
    usual = np.full(len(values), np.nan)
    for at in range(0, len(values), every):
        near = values[max(0, at - half) : at + half + 1]
        known = near[~np.isnan(near)]
        if len(known) >= min(8, half):
            usual[at : at + every] = np.percentile(known, percent)
    return usual


def _talking(voice_db: Curve, speech: Curve) -> Flags:
    """Above a third of the way from the quietest to the loudest of the 8 s around."""
    if not len(voice_db):
        return np.zeros(0, np.bool_)
    near, every = 4_000 // FINE_MS, 500 // FINE_MS
    low = percentile_around(voice_db, near, 10, every)
    high = percentile_around(voice_db, near, 92, every)
    above = voice_db > low + 0.36 * (high - low)
    # Where there are no pauses to measure by, the likelihood alone decides.
    unbroken = (high - low <= 6) & (np.repeat(speech, FINE) > 0.6)
    return np.asarray((above & (high - low > 6) | unbroken) & (voice_db > -70))


def speech_spans(speech: Curve, talking: Flags) -> tuple[Span, ...]:
    """Where somebody speaks, without the pauses; a little wider, so that no sound is lost."""
    spoken = (np.repeat(speech, FINE) > 0.5) & talking[: len(speech) * FINE]
    long = [(a, b) for a, b in runs(closed(spoken, 300 // FINE_MS)) if (b - a) * FINE_MS >= 250]
    wide = np.zeros(len(spoken), np.bool_)
    for a, b in long:
        wide[max(0, a - 2) : b + 2] = True
    return tuple(Span(a * FINE_MS, b * FINE_MS) for a, b in runs(wide))
