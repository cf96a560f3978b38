"""A crowd made of voices, claps and whistles. Sounds are stereo, shape (n, 2), at RATE."""

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]

RATE = 48_000
_VOICE_RATE = 16_000
_VOWELS = {
    "ah": ((820, 1.0), (1250, 0.8), (2750, 0.5), (3700, 0.28), (5200, 0.14)),
    "eh": ((620, 0.8), (1850, 0.9), (2600, 0.6), (3800, 0.3), (5400, 0.12)),
    "ee": ((480, 0.6), (2250, 0.9), (3050, 0.8), (3900, 0.35), (5600, 0.15)),
    "oh": ((560, 1.0), (980, 0.7), (2600, 0.22), (3500, 0.12), (4800, 0.05)),
}
"""Formants in Hz with their weights, of people who shout: first ones higher than in talk."""


def level(sound: Sound, dbfs: float) -> Sound:
    """Scaled to this RMS, over all of it."""
    rms = float(np.sqrt(np.mean(sound**2)))
    return np.asarray(sound * (10 ** (dbfs / 20) / max(rms, 1e-9)))


def curve(rng: np.random.Generator, n: int, per_second: float, rate: int = RATE) -> Sound:
    """A smooth random curve around 0 with deviation 1 and about that many turns a second."""
    knots = rng.standard_normal(int(n / rate * per_second) + 4)
    at = np.arange(n) * (per_second / rate)
    left = at.astype(np.int64)
    ease = (1 - np.cos((at - left) * np.pi)) / 2
    return np.asarray(knots[left] * (1 - ease) + knots[left + 1] * ease)


def band(sound: Sound, low: float, high: float, rate: int = RATE) -> Sound:
    """Soft-edged band-pass along the first axis."""
    spectrum = np.fft.rfft(sound, axis=0)
    hz = np.fft.rfftfreq(len(sound), 1 / rate)
    gain = 1 / (1 + (low / np.maximum(hz, 1)) ** 4) / (1 + (hz / high) ** 4)
    shape = (-1,) + (1,) * (sound.ndim - 1)
    return np.asarray(np.fft.irfft(spectrum * gain.reshape(shape), len(sound), axis=0))


def cheer(seed: int, seconds: float, voices: int = 44) -> Sound:
    """Attack of 0.4 s, then shouting that goes on, then a decay over the last third."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    shouts = level(_choir(rng, seconds, voices, talk=False), -20)
    roar = level(_roar(rng, n), -26)
    claps = level(_claps(rng, n, 260), -24.5)
    whistles = level(_whistles(rng, n, 5), -37)
    time = np.arange(n) / RATE
    claps *= np.interp(time, [0, 0.5, 1.4, seconds], [0, 0.1, 1.0, 1.1])[:, None]
    together = (1 + 0.3 * curve(rng, n, 12) + 0.16 * curve(rng, n, 4)).clip(0.3)
    swell = np.interp(time, [0, 0.4, 1.2, 0.62 * seconds, seconds], [-38, -1, 0, -2.5, -26])
    mix = (shouts + roar + whistles) * together[:, None] + claps
    return np.asarray(mix * (10 ** (swell / 20))[:, None])


def murmur(seed: int, seconds: float) -> Sound:
    """Many people who talk low, no word of which can be told."""
    rng = np.random.default_rng(seed)
    voices = _choir(rng, seconds, 26, talk=True)
    return band(level(voices, -20) + level(_roar(rng, len(voices)), -32), 150, 1800)


def _choir(rng: np.random.Generator, seconds: float, voices: int, *, talk: bool) -> Sound:
    """Glottal pulses of many people, summed per vowel, each sum shaped by its formants."""
    n = int(seconds * _VOICE_RATE)
    sums = {vowel: np.zeros((n, 2)) for vowel in _VOWELS}
    for _ in range(voices):
        source, opening = _person(rng, n, talk)
        side = rng.uniform(0.15, 0.85)
        near = rng.uniform(0.4, 1.0) ** 2
        pan = np.array([np.cos(side * np.pi / 2), np.sin(side * np.pi / 2)]) * near
        first, second = rng.permutation(["ah", "ah", "eh", "oh", "ee"])[:2]
        sums[first] += (source * opening)[:, None] * pan
        sums[second] += (source * (1 - opening))[:, None] * pan
    return sum((_shape(sums[vowel], seconds, vowel) for vowel in _VOWELS), np.zeros((1, 2)))


def _shape(source: Sound, seconds: float, vowel: str) -> Sound:
    hz = np.fft.rfftfreq(len(source), 1 / _VOICE_RATE)
    gain = np.zeros(len(hz))
    for center, weight in _VOWELS[vowel]:
        gain += weight / (1 + ((hz - center) / (60 + center * 0.07)) ** 2)
    gain *= (1 + hz / 900) / (1 + (180 / np.maximum(hz, 1)) ** 4)
    full = int(seconds * RATE)
    spectrum = np.fft.rfft(source, axis=0) * gain[:, None]
    return np.asarray(np.fft.irfft(spectrum, full, axis=0) * (full / len(source)))


def _person(rng: np.random.Generator, n: int, talk: bool) -> tuple[Sound, Sound]:
    """A row of shouts (or syllables): the pulses, and how open the mouth is, 0..1."""
    base = (
        rng.uniform(105, 230)
        if talk
        else rng.choice([rng.uniform(190, 330), rng.uniform(300, 560)])
    )
    at, knots_at, loud, pitch, open_ = rng.uniform(0, 0.5), [0.0], [0.0], [1.0], [0.5]
    while at < n / _VOICE_RATE:
        length = (
            rng.uniform(0.1, 0.28)
            if talk
            else rng.choice([0.22, 0.4, 0.9, 1.5]) * rng.uniform(0.7, 1.3)
        )
        rest = (
            rng.choice([0.03, 0.06, 0.7], p=[0.5, 0.35, 0.15]) if talk else rng.uniform(0.06, 0.3)
        )
        top, high = rng.uniform(0.4, 1.0), rng.uniform(0.85, 1.3)
        knots_at += [at, at + 0.2 * length, at + 0.7 * length, at + length]
        loud += [0.0, top, 0.8 * top, 0.0]
        pitch += [0.8 * high, high, 0.97 * high, 0.72 * high]
        open_ += [rng.uniform(0, 0.4), 1.0, 1.0, rng.uniform(0, 0.6)]
        at += length + rest
    time = np.arange(n) / _VOICE_RATE
    shake = 1 + 0.025 * np.sin(2 * np.pi * rng.uniform(4.8, 7.2) * time + rng.uniform(0, 6))
    rough = 1 + 0.02 * curve(rng, n, 40, _VOICE_RATE)
    phase = np.cumsum(base * np.interp(time, knots_at, pitch) * shake * rough) / _VOICE_RATE
    saw = 2 * (phase % 1.0) - 1
    breath = rng.standard_normal(n) * 0.3
    loudness = np.interp(time, knots_at, loud)
    return (saw + breath) * loudness, np.interp(time, knots_at, open_)


def _roar(rng: np.random.Generator, n: int) -> Sound:
    """The far rows: no single voice, breath shaped like a shout."""
    noise = rng.standard_normal((n, 2))
    shaped = band(noise, 520, 2600)
    return np.asarray(shaped * (1 + 0.4 * curve(rng, n, 6)).clip(0.2)[:, None])


def _claps(rng: np.random.Generator, n: int, per_second: int) -> Sound:
    """Impulses of many hands, convolved with a few kinds of clap."""
    kinds = 6
    out = np.zeros((n, 2))
    for _ in range(kinds):
        train = np.zeros((n, 2))
        count = int(n / RATE * per_second / kinds)
        at = rng.integers(0, n, count)
        strength = rng.uniform(0.2, 1.0, count) ** 3
        side = rng.uniform(0.1, 0.9, count)
        np.add.at(train[:, 0], at, strength * (1 - side))
        np.add.at(train[:, 1], at, strength * side)
        time = np.arange(RATE // 40) / RATE
        burst = rng.standard_normal(len(time)) * np.exp(-time * rng.uniform(180, 380))
        center = rng.uniform(1100, 2300)
        clap = np.zeros(n)
        clap[: len(time)] = band(burst, center * 0.7, center * 1.7)
        spectrum = np.fft.rfft(clap)[:, None] * np.fft.rfft(train, axis=0)
        out += np.fft.irfft(spectrum, n, axis=0)
    return out


def _whistles(rng: np.random.Generator, n: int, count: int) -> Sound:
    out = np.zeros((n, 2))
    for _ in range(count):
        length = int(rng.uniform(0.35, 0.9) * RATE)
        at = int(rng.integers(RATE // 3, max(RATE // 3 + 1, n - length)))
        time = np.linspace(0, 1, min(length, n - at))
        hz = rng.uniform(2100, 2700) + rng.uniform(300, 900) * np.sin(
            time * np.pi * rng.uniform(0.5, 1.3)
        )
        tone = np.sin(2 * np.pi * np.cumsum(hz) / RATE) * np.sin(np.pi * time) ** 0.5
        side = rng.uniform(0.2, 0.8)
        out[at : at + len(time)] += tone[:, None] * np.array([1 - side, side])
    return out
