"""Crowds made of voices: vowels cut from speech, or made up, that are held, shouted and laughed.

Each answers `count` samples at 16 kHz; only the shape matters, the mix sets the level.
"""

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.audio import RATE, Samples
from pipeline.train.synth import Random, peaks, shaped, sounded, unit_power, wander

Timbre = Callable[[Samples], Samples]
"""From a row of pulses (or noise) to a voice."""

_VOWELS = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (570, 840, 2410),
    (300, 870, 2240),
    (660, 1720, 2410),
    (850, 1250, 2700),
)


def vowels(random: Random, line: Samples, count: int) -> list[Samples]:
    """Two periods each from where a line of speech is loud and periodic."""
    hop = RATE // 50
    level = np.mean(line[: len(line) // hop * hop].reshape(-1, hop) ** 2, axis=1)
    loud = np.flatnonzero(level > np.percentile(level, 65))
    found: list[Samples] = []
    for _ in range(4 * count):
        at = int(random.choice(loud)) * hop
        part = line[at : at + 1024]
        if len(part) < 1024 or len(found) == count:
            continue
        periodic = np.fft.irfft(np.abs(np.fft.rfft(part * np.hanning(1024), 2048)) ** 2)
        period = 40 + int(np.argmax(periodic[40:220]))
        if periodic[period] < 0.45 * periodic[0]:
            continue
        middle = 300 + int(np.argmax(np.abs(part[300:700])))
        grain = part[middle - period : middle + period] * np.hanning(2 * period)
        found.append((grain / (np.sqrt(np.sum(grain**2)) + 1e-9)).astype(np.float32))
    return found


def timbre(random: Random, grains: Sequence[Samples]) -> Timbre:
    """Of somebody who spoke, now taller or shorter, or of nobody."""
    if grains and random.random() < 0.7:
        grain = grains[int(random.integers(len(grains)))]
        at = np.arange(0, len(grain) - 1, np.exp(random.normal(0.05, 0.12)))
        grain = np.interp(at, np.arange(len(grain)), grain).astype(np.float32)
        return lambda source: sounded(source, grain)
    vowel = _VOWELS[int(random.integers(len(_VOWELS)))]
    stretch, tilt = random.uniform(0.85, 1.35), random.uniform(0.5, 1.2)
    centres = tuple(c * stretch * random.uniform(0.92, 1.08) for c in vowel)
    width = random.uniform(1.0, 1.8)
    return lambda source: shaped(
        source, lambda hz: peaks(hz, centres, width) * (200 / np.maximum(hz, 100)) ** tilt
    )


def pulses(random: Random, hz: Samples, breath: float) -> Samples:
    """A row of pulses of the given pitch, with as much noise as `breath` says."""
    phase = np.cumsum(hz / RATE) + random.uniform()
    out = np.diff(np.floor(phase), prepend=np.floor(phase[0])).astype(np.float32)
    # As loud as the pulses, whatever their pitch.
    noise = random.standard_normal(len(hz)).astype(np.float32) * np.sqrt(hz / RATE)
    rough = 1 + random.uniform(0, 0.5) * wander(random, len(hz), 60)
    return np.asarray(out * rough + breath * noise, np.float32)


def held(
    random: Random,
    count: int,
    grains: Sequence[Samples],
    *,
    people: int,
    pitch: tuple[float, float],
    held_s: tuple[float, float],
    breath: float,
    rest_s: float = 0.5,
    together: bool = False,
) -> Samples:
    """People who hold vowels at gliding pitches; `together`: all begin within a quarter second."""
    out = np.zeros(count, np.float32)
    groups = min(6, people)
    common = int(random.uniform(0, 0.3) * RATE)
    for _ in range(groups):
        source = np.zeros(count, np.float32)
        for _ in range(-(-people // groups)):
            base = np.exp(random.uniform(*np.log(pitch)))
            at = int((random.uniform(0, 0.25) if together else random.uniform(-0.5, 1.0)) * RATE)
            at += common if together else 0
            while at < count:
                length = int(random.uniform(*held_s) * RATE)
                a, b = max(0, at), min(count, at + length)
                if b - a > RATE // 20:
                    source[a:b] += _call(random, b - a, base * random.uniform(0.85, 1.2), breath)
                at += length + int(random.exponential(rest_s) * RATE)
        out += unit_power(timbre(random, grains)(source)) * random.uniform(0.5, 1)
    return out


def _call(random: Random, count: int, pitch: float, breath: float) -> Samples:
    """One held vowel: it rises and falls, or (woo) only rises, or (yeah) only falls."""
    ends = ((0.85, 1, 0.75), (0.6, 0.9, 1.2), (1.2, 1.0, 0.7), (1, 1, 1))[int(random.integers(4))]
    glide = np.interp(np.arange(count), [0, count * random.uniform(0.15, 0.6), count], ends)
    hz = (pitch * glide * (1 + 0.03 * wander(random, count, 8))).astype(np.float32)
    envelope = np.interp(
        np.arange(count), [0, count * random.uniform(0.05, 0.3), count * 0.7, count], [0, 1, 0.8, 0]
    )
    return np.asarray(pulses(random, hz, breath) * envelope * random.uniform(0.3, 1), np.float32)


def shouts(random: Random, count: int, grains: Sequence[Samples]) -> Samples:
    """The voices of a cheer: woo and yeah and all at once, children or men, few or many."""
    young = random.random() < 0.25
    together = random.random() < 0.35
    return held(
        random,
        count,
        grains,
        people=int(np.exp(random.uniform(np.log(3), np.log(60)))),
        pitch=(260, 750) if young else ((110, 420), (160, 650))[int(random.integers(2))],
        held_s=(0.5, 1.8) if together else (0.3, 2.5),
        breath=random.uniform(0.1, 1.0),
        rest_s=np.exp(random.uniform(np.log(0.15), np.log(1.5))),
        together=together,
    )


def laughs(random: Random, count: int, grains: Sequence[Samples]) -> Samples:
    """Bouts of short syllables of one or many people: ha, hee, slow and wicked, wheezed."""
    out = np.zeros(count, np.float32)
    people = 1 if random.random() < 0.4 else int(np.exp(random.uniform(np.log(2), np.log(70))))
    groups = min(6, people)
    for _ in range(groups):
        source = np.zeros(count, np.float32)
        for _ in range(-(-people // groups)):
            _laugh_into(random, source)
        out += unit_power(timbre(random, grains)(source)) * random.uniform(0.4, 1)
    return out


def _laugh_into(random: Random, out: Samples) -> None:
    count, at = len(out), int(random.uniform(0, 0.8) * RATE)
    wicked = random.random() < 0.35
    rate = random.uniform(1.8, 4.5) if wicked else random.uniform(3.0, 7.0)
    pitch = np.exp(random.uniform(np.log(75), np.log(260 if wicked else 520)))
    breath, share = random.uniform(0.1, 1.2), random.uniform(0.35, 0.8)
    fall, fade = random.uniform(-0.02, 0.05), random.uniform(0.88, 1.0)
    # Some do not stop between the syllables: the voice goes up and down with them.
    through = random.uniform(0.1, 0.7) if random.random() < 0.3 else 0.0
    while at < count:
        swing = random.uniform(0.02, 0.35)
        for k in range(int(random.integers(2, 14))):
            length = int(RATE / rate * (1.0 if through else share) * random.uniform(0.9, 1.1))
            if at + length >= count:
                return
            high = pitch * max(0.5, 1.15 - fall * k) * random.uniform(0.93, 1.07)
            hz = high * np.interp(
                np.arange(length), [0, length * 0.3, length], [1, 1 + swing, 1 - swing / 2]
            )
            rise = np.interp(np.arange(length), [0, length * 0.25, length], [through, 1, through])
            sound = pulses(random, hz.astype(np.float32), breath) * rise * fade**k
            out[at : at + length] += sound.astype(np.float32)
            at += length if through else int(RATE / rate * random.uniform(0.9, 1.1))
        at += int(random.uniform(0.1, 1.3) * RATE)
