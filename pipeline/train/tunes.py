"""Music made of nothing: instruments of many kinds, alone or together, with and without drums."""

import numpy as np
from numpy.typing import NDArray

from pipeline.audio import RATE, Samples
from pipeline.train.synth import Random, boom, ring, shaped, unit_power


def music(random: Random, count: int) -> Samples:
    """Chords, a line, a bass and drums on a beat; each may be missing."""
    beat = int(RATE * 60 / random.uniform(55, 175))
    root = random.uniform(80, 280)
    minor = random.random() < 0.5
    scale = np.array([0, 2, 3, 5, 7, 8, 10] if minor else [0, 2, 4, 5, 7, 9, 11])
    parts = random.random(4) < (0.6, 0.65, 0.45, 0.5)
    if not parts.any():
        parts[int(random.integers(4))] = True
    out = np.zeros(count, np.float32)
    for part, play in zip(parts, (_chords, _line, _bass, _drums), strict=True):
        if part:
            out += unit_power(play(random, count, beat, root, scale)) * random.uniform(0.25, 1)
    return out


class _Instrument:
    """How a note sounds, drawn once and kept for a part."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.plucked = random.random() < 0.3
        self.attack_s = np.exp(random.uniform(np.log(0.003), np.log(0.3)))
        self.decay_s = np.exp(random.uniform(np.log(0.1), np.log(4)))
        self.strength = random.uniform(0.2, 0.95)
        self.stretch = random.choice([0.0, 0.0, random.uniform(0.001, 0.05)])
        self.odd = random.random() < 0.3
        self.vibrato = random.choice([0.0, random.uniform(0.002, 0.012)])
        self.tremolo = random.choice([0.0, 0.0, random.uniform(0.2, 0.9)])
        self.beats_hz = random.uniform(3.5, 8)

    def note(self, hz: float, count: int) -> Samples:
        if count < RATE // 50:
            return np.zeros(count, np.float32)
        time = np.arange(count) / RATE
        if self.plucked:
            return self._string(hz, count)
        turn = 1 + self.vibrato * np.sin(2 * np.pi * self.beats_hz * time)
        phase = 2 * np.pi * np.cumsum(hz * turn) / RATE
        out = np.zeros(count)
        for h in range(1, 13, 2 if self.odd else 1):
            ratio = h * (1 + self.stretch * h * h)
            if hz * ratio < 7500:
                out += self.strength**h * np.sin(ratio * phase)
        shape = np.minimum(1, time / self.attack_s) * np.exp(-time / self.decay_s)
        shape *= 1 - self.tremolo * 0.5 * (1 + np.sin(2 * np.pi * self.beats_hz * time))
        shape[-RATE // 100 :] *= np.linspace(1, 0, len(shape[-RATE // 100 :]))
        return np.asarray(out * shape, np.float32)

    def _string(self, hz: float, count: int) -> Samples:
        """A plucked string: a burst that runs round and is dulled each time."""
        period = max(4, round(RATE / hz))
        turn = self.random.standard_normal(period)
        rounds = -(-count // period)
        keep = np.exp(-period / RATE / self.decay_s)
        spectrum = np.fft.rfft(turn)
        dull = np.cos(np.pi * np.arange(len(spectrum)) / period / 2) ** (1 + 3 * self.strength)
        turns = spectrum * (dull * keep) ** np.arange(rounds)[:, None]
        return np.fft.irfft(turns, period).ravel()[:count].astype(np.float32)


def _chords(
    random: Random, count: int, beat: int, root: float, scale: NDArray[np.int64]
) -> Samples:
    out, sound = np.zeros(count + 8 * beat, np.float32), _Instrument(random)
    per = int(random.choice([1, 2, 4, 4, 8]))
    hit = 1 if random.random() < 0.4 else per
    for at in range(0, count, per * beat):
        degree = int(random.integers(0, 7))
        for start in range(at, at + per * beat, hit * beat):
            for step in (0, 2, 4):
                _put(out, sound.note(root * _ratio(scale, degree + step), hit * beat), start)
    return out[:count]


def _line(random: Random, count: int, beat: int, root: float, scale: NDArray[np.int64]) -> Samples:
    out, sound = np.zeros(count + 8 * beat, np.float32), _Instrument(random)
    at, degree = 0, 7
    lengths = np.array([1, 2, 2, 4, 8])[int(random.integers(0, 2)) : int(random.integers(3, 6))]
    while at < count:
        degree = int(np.clip(degree + random.integers(-3, 4), 0, 16))
        length = int(random.choice(lengths)) * beat // 4
        if random.random() < 0.85:
            _put(out, sound.note(root * 2 * _ratio(scale, degree), int(length * 1.2)), at)
        at += max(length, RATE // 20)
    return out[:count]


def _bass(random: Random, count: int, beat: int, root: float, scale: NDArray[np.int64]) -> Samples:
    out, sound = np.zeros(count + 8 * beat, np.float32), _Instrument(random)
    for at in range(0, count, beat):
        _put(out, sound.note(root / 2 * _ratio(scale, int(random.integers(0, 5))), beat), at)
    return out[:count]


def _drums(random: Random, count: int, beat: int, root: float, scale: NDArray[np.int64]) -> Samples:
    """A pattern of sixteenths that comes again: a low drum, a snare, cymbals or shakers."""
    out = np.zeros(count + 4 * beat, np.float32)
    low = boom(random, max(beat // 2, 800))
    snare = shaped(
        boom(random, max(beat // 3, 800)), lambda hz: np.minimum(1, hz / random.uniform(300, 1500))
    )
    hiss = random.standard_normal(RATE // 5) * np.exp(
        -np.arange(RATE // 5) / (RATE * random.uniform(0.005, 0.06))
    )
    hat = shaped(hiss.astype(np.float32), lambda hz: (hz / 8000) ** random.uniform(0.5, 3))
    kit = [low, snare, hat, ring(random)]
    loud = random.uniform(0.2, 1, 4)
    chance = ((0.3, 0.15, 0.5, 0.1), (0.1, 0.05, 0.8, 0.3))[int(random.integers(2))]
    pattern = random.random((16, 4)) < chance
    for number, at in enumerate(range(0, count, max(1, beat // 4))):
        for k in np.flatnonzero(pattern[number % 16]):
            _put(out, unit_power(kit[k]) * np.float32(loud[k] * random.uniform(0.7, 1)), at)
    return out[:count]


def _ratio(scale: NDArray[np.int64], degree: int) -> float:
    return float(2 ** ((scale[degree % 7] + 12 * (degree // 7)) / 12))


def _put(out: Samples, sound: Samples, at: int) -> None:
    part = sound[: len(out) - at]
    out[at : at + len(part)] += part
