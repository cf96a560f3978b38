"""Sounds made of nothing: crowds for the model to find, machines, weather and music to leave alone.

Each answers `count` samples at 16 kHz; only the shape matters, the mix sets the level.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.audio import RATE, Samples

Random = np.random.Generator
Gain = Callable[[NDArray[Any]], NDArray[Any]]

_VOWELS = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (570, 840, 2410),
    (300, 870, 2240),
    (660, 1720, 2410),
)


def shaped(samples: Samples, gain_of: Gain) -> Samples:
    """Filtered by a gain per frequency in Hz."""
    size = quick(len(samples))
    spectrum = np.fft.rfft(samples, size)
    return np.fft.irfft(spectrum * gain_of(np.fft.rfftfreq(size, 1 / RATE)), size)[
        : len(samples)
    ].astype(np.float32)


def quick(count: int) -> int:
    """The next length that an FFT is quick with."""
    power = 1 << max(0, count - 1).bit_length()
    return min(size for size in (power, power * 3 // 4, power * 5 // 8) if size >= count)


def peaks(
    hz: NDArray[Any], centres: tuple[float, ...], width: float, floor: float = 0.02
) -> NDArray[Any]:
    gains = [
        0.6**i * np.exp(-0.5 * ((hz - c) / (width * c**0.5 * 4)) ** 2)
        for i, c in enumerate(centres)
    ]
    return np.asarray(floor + np.sum(gains, axis=0))


def coloured(random: Random, count: int, slope: float) -> Samples:
    """Noise whose amplitude goes with f ** -slope: 0 white, 0.5 pink, 1 brown."""
    white = random.standard_normal(count).astype(np.float32)
    return shaped(white, lambda hz: np.maximum(hz, 30.0) ** -slope)


def wander(random: Random, count: int, hz: float) -> Samples:
    """A slow random curve around 0, about -1..1, with nothing faster than `hz`."""
    knots = max(4, int(count / RATE * hz * 2) + 3)
    at = np.linspace(0, knots - 1, count)
    return np.interp(at, np.arange(knots), random.uniform(-1, 1, knots)).astype(np.float32)


def applause(random: Random, count: int) -> Samples:
    """Many hands: each a train of short bursts with its own resonance and its own, uneven, rate."""
    out = np.zeros(count, np.float32)
    people = int(np.exp(random.uniform(np.log(2), np.log(250))))
    for _ in range(groups := min(10, people)):
        hits = np.zeros(count, np.float32)
        for _ in range(max(1, people // groups)):
            rate = random.uniform(2.5, 5.5)
            times = np.cumsum(
                random.normal(1 / rate, 0.08 / rate, int(count / RATE * rate * 1.3) + 2)
            )
            times += random.uniform(0, 0.5)
            at = (times * RATE).astype(int)
            at = at[(at >= 0) & (at < count)]
            hits[at] += random.uniform(0.2, 1.0) * random.uniform(0.6, 1.0, len(at)).astype(
                np.float32
            )
        out += np.convolve(hits, clap(random))[:count]
    return out


def clap(random: Random) -> Samples:
    length = int(RATE * random.uniform(0.02, 0.06))
    burst = random.standard_normal(length) * np.exp(
        -np.arange(length) / (RATE * random.uniform(0.003, 0.012))
    )
    centre = random.uniform(700, 2800)
    return shaped(
        burst.astype(np.float32),
        lambda hz: peaks(hz, (centre, centre * 2.1), random.uniform(2, 5), 0.08),
    )


def voices(
    random: Random,
    count: int,
    *,
    people: int,
    pitch: tuple[float, float],
    held_s: tuple[float, float],
    breath: float,
    rest_s: float = 0.5,
) -> Samples:
    """People who hold vowels at gliding pitches, not together."""
    out = np.zeros(count, np.float32)
    for vowel in _VOWELS:
        source = np.zeros(count, np.float32)
        for _ in range(max(1, people // len(_VOWELS))):
            base = np.exp(random.uniform(*np.log(pitch)))
            at = int(random.uniform(-0.5, 1.0) * RATE)
            while at < count:
                length = int(random.uniform(*held_s) * RATE)
                a, b = max(0, at), min(count, at + length)
                if b - a > RATE // 20:
                    source[a:b] += _call(random, b - a, base * random.uniform(0.85, 1.2), breath)
                at += length + int(random.exponential(rest_s) * RATE)
        stretch = random.uniform(0.95, 1.2)
        out += shaped(source, _formants(vowel, stretch))
    return out


def _formants(vowel: tuple[int, int, int], stretch: float) -> Gain:
    return lambda hz: peaks(hz, tuple(centre * stretch for centre in vowel), 1.3)


def _call(random: Random, count: int, pitch: float, breath: float) -> Samples:
    rise = np.interp(
        np.arange(count),
        [0, count * 0.3, count],
        [random.uniform(0.8, 1), 1, random.uniform(0.6, 1)],
    )
    hz = pitch * rise * (1 + 0.02 * wander(random, count, 8))
    phase = np.cumsum(hz / RATE) + random.uniform()
    voiced = (2 * (phase % 1) - 1).astype(np.float32)
    envelope = np.interp(np.arange(count), [0, count * 0.15, count * 0.7, count], [0, 1, 0.8, 0])
    noise = random.standard_normal(count).astype(np.float32)
    return np.asarray((voiced + breath * noise) * envelope * random.uniform(0.3, 1), np.float32)


def cheer(random: Random, count: int) -> Samples:
    """Shouts near, a roar behind, now and then whistles and hands."""
    near = _unit(
        voices(
            random,
            count,
            people=int(random.integers(5, 40)),
            pitch=(160, 650),
            held_s=(0.4, 2.5),
            breath=random.uniform(0.1, 0.8),
        )
    )
    low, high = random.uniform(350, 1100), random.uniform(1200, 3000)
    far = shaped(
        random.standard_normal(count).astype(np.float32),
        lambda hz: peaks(hz, (low, high), random.uniform(2, 6), random.uniform(0.01, 0.15)),
    )
    swell = (
        1
        + 0.5 * wander(random, count, random.uniform(0.3, 1.5))
        + 0.3 * wander(random, count, random.uniform(3, 8))
    )
    out = near * random.uniform(0.1, 1) + _unit(far * swell) * random.uniform(0.1, 1.2)
    if random.random() < 0.5:
        out += _unit(applause(random, count)) * random.uniform(0.1, 0.8)
    if random.random() < 0.3:
        out += _unit(whistles(random, count)) * random.uniform(0.1, 0.4)
    return out


def whistles(random: Random, count: int) -> Samples:
    out = np.zeros(count, np.float32)
    for _ in range(int(random.integers(1, 5))):
        length = min(count, int(random.uniform(0.2, 0.9) * RATE))
        at = int(random.integers(0, count - length + 1))
        hz = random.uniform(1200, 3200) * (1 + 0.25 * wander(random, length, 3))
        out[at : at + length] += (
            np.sin(2 * np.pi * np.cumsum(hz / RATE)) * np.hanning(length)
        ).astype(np.float32)
    return out


def laughter(random: Random, count: int) -> Samples:
    """Bouts of short falling syllables, 3 to 6 a second, of one to thirty people."""
    out = np.zeros(count, np.float32)
    people = int(np.exp(random.uniform(0, np.log(30))))
    for vowel in _VOWELS:
        source = np.zeros(count, np.float32)
        for _ in range(max(1, people // len(_VOWELS))):
            _laugh_into(random, source)
        out += shaped(source, _formants(vowel, 1.0))
        if people <= len(_VOWELS) and random.random() < 0.5:
            break
    return out


def _laugh_into(random: Random, out: Samples) -> None:
    count, at = len(out), int(random.uniform(0, 1.2) * RATE)
    pitch, rate, breath = (
        np.exp(random.uniform(np.log(80), np.log(480))),
        random.uniform(2.6, 6.5),
        random.uniform(0.2, 1),
    )
    while at < count:
        for k in range(int(random.integers(3, 12))):
            length = int(RATE / rate * random.uniform(0.4, 0.75))
            if at + length >= count:
                return
            hz = pitch * (1.15 - 0.03 * k) * np.linspace(1.1, 0.85, length)
            voiced = 2 * (np.cumsum(hz / RATE) % 1) - 1
            sound = (
                (voiced + breath * random.standard_normal(length)) * np.hanning(length) * 0.93**k
            )
            out[at : at + length] += sound.astype(np.float32)
            at += int(RATE / rate * random.uniform(0.9, 1.1))
        at += int(random.uniform(0.2, 1.2) * RATE)


def murmur(random: Random, count: int) -> Samples:
    """Many people who talk low: syllables, no held vowels."""
    low = voices(
        random,
        count,
        people=int(random.integers(8, 40)),
        pitch=(85, 240),
        held_s=(0.08, 0.3),
        rest_s=0.12,
        breath=random.uniform(0.1, 0.5),
    )
    dull = random.uniform(700, 4000)
    return shaped(low, lambda hz: 1 / (1 + (hz / dull) ** 4)) + coloured(
        random, count, 0.5
    ) * random.uniform(0, 0.01)


def steady(random: Random, count: int) -> Samples:
    """Rooms, static, fans, wind and surf: noise of any colour, still or slowly swelling."""
    out = coloured(random, count, random.uniform(-0.3, 1.2))
    if random.random() < 0.6:
        centre = np.exp(random.uniform(np.log(150), np.log(5000)))
        out = shaped(
            out,
            lambda hz: peaks(hz, (centre,), random.uniform(1, 10), random.uniform(0.02, 0.5)),
        )
    if random.random() < 0.5:
        out = out * (1.1 + wander(random, count, random.uniform(0.1, 1.0)))
    return out


def machine(random: Random, count: int) -> Samples:
    """Engines, saws, rotors: harmonics that wobble little, and noise that beats with them."""
    hz = np.exp(random.uniform(np.log(20), np.log(400))) * (
        1 + random.uniform(0.002, 0.1) * wander(random, count, random.uniform(0.2, 3))
    )
    phase = np.cumsum(hz / RATE)
    saw = (2 * (phase % 1) - 1).astype(np.float32)
    tones = shaped(
        saw,
        lambda f: peaks(f, tuple(random.uniform(60, 3000, 3)), random.uniform(2, 10), 0.05),
    )
    beat = 1 + random.uniform(0, 1) * np.sin(2 * np.pi * phase * random.choice([0.5, 1, 0.25]))
    rotor = coloured(random, count, random.uniform(0, 1)) * (
        np.maximum(0, beat) ** random.uniform(1, 4)
    )
    return _unit(tones) * random.uniform(0.1, 1) + _unit(rotor.astype(np.float32)) * random.uniform(
        0.1, 1
    )


def drops(random: Random, count: int) -> Samples:
    """Rain, fire, keys, gravel: separate small hits, no two people's hands."""
    rate = np.exp(random.uniform(np.log(3), np.log(3000)))
    at = random.integers(0, count, max(2, int(count / RATE * rate)))
    hits = np.zeros(count, np.float32)
    hits[at] = random.exponential(1, len(at)).astype(np.float32) ** 2
    length = int(RATE * random.uniform(0.002, 0.05))
    kernel = random.standard_normal(length) * np.exp(
        -np.arange(length) / (RATE * random.uniform(0.0005, 0.01))
    )
    out = np.convolve(hits, kernel)[:count].astype(np.float32)
    return _unit(out) + coloured(random, count, random.uniform(0, 1)) * random.uniform(0, 0.02)


def signal(random: Random, count: int) -> Samples:
    """Beeps, horns, sirens, rings."""
    slow = np.sin(2 * np.pi * random.uniform(0.2, 8) * np.arange(count) / RATE)
    hz = np.exp(random.uniform(np.log(200), np.log(3000))) * (1 + random.uniform(0, 0.4) * slow)
    tone = np.sin(2 * np.pi * np.cumsum(hz / RATE)) ** random.choice([1, 3])
    if random.random() < 0.6:
        period = random.uniform(0.2, 1.5) * RATE
        tone = tone * ((np.arange(count) % period) < period * random.uniform(0.2, 0.8))
    return np.asarray(tone, np.float32)


def boom(random: Random, count: int) -> Samples:
    """Explosions, slams, thunder, hits: one or a few sudden noises that die away."""
    out = np.zeros(count, np.float32)
    for _ in range(int(random.integers(1, 4))):
        at = int(random.integers(0, max(1, count * 3 // 4)))
        length = count - at
        noise = coloured(random, length, random.uniform(0.2, 1.3))
        out[at:] += noise * np.exp(-np.arange(length) / (RATE * random.uniform(0.05, 1.5))).astype(
            np.float32
        )
    return out


def music(random: Random, count: int) -> Samples:
    """Chords, a line, a bass and drums on a beat; each may be missing."""
    beat = int(RATE * 60 / random.uniform(60, 170))
    root = random.uniform(90, 260)
    scale = np.array([0, 2, 4, 5, 7, 9, 11] if random.random() < 0.5 else [0, 2, 3, 5, 7, 8, 10])
    out = np.zeros(count + 8 * beat, np.float32)
    parts = random.random(4) < (0.7, 0.7, 0.5, 0.6)
    timbre = random.uniform(0.3, 0.9)
    for number, at in enumerate(range(0, count, beat)):
        if parts[0] and number % 4 == 0:
            degree = int(random.integers(0, 7))
            for step in (0, 2, 4):
                _note(random, out, at, 4 * beat, root * _ratio(scale, degree + step), timbre, 0.5)
        if parts[1]:
            for half in range(int(random.integers(1, 5))):
                pitch = root * 2 * _ratio(scale, int(random.integers(0, 14)))
                _note(random, out, at + half * beat // 4, beat, pitch, timbre, 0.6)
        if parts[2]:
            _note(
                random,
                out,
                at,
                beat,
                root / 2 * _ratio(scale, int(random.integers(0, 5))),
                0.6,
                0.8,
            )
        if parts[3]:
            hit = clap(random) if number % 2 else boom(random, beat // 3) * 0.5
            out[at : at + len(hit)] += hit * 0.8
    if not out.any():
        _note(random, out, 0, count, root, timbre, 1)
    return out[:count]


def _ratio(scale: NDArray[np.int64], degree: int) -> float:
    return float(2 ** ((scale[degree % 7] + 12 * (degree // 7)) / 12))


def _note(
    random: Random, out: Samples, at: int, count: int, hz: float, timbre: float, gain: float
) -> None:
    count = min(count, len(out) - at)
    if count < 10:
        return
    time = np.arange(count) / RATE
    vibrato = hz * (1 + 0.004 * np.sin(2 * np.pi * 5 * time))
    phase = 2 * np.pi * np.cumsum(vibrato / RATE)
    sound = sum(timbre**h * np.sin(h * phase) for h in range(1, 9) if h * hz < 7500)
    envelope = np.minimum(1, time / random.uniform(0.005, 0.1)) * np.exp(
        -time / random.uniform(0.15, 2)
    )
    out[at : at + count] += (gain * sound * envelope).astype(np.float32)


def _unit(samples: Samples) -> Samples:
    return samples / np.float32(np.sqrt(np.mean(samples**2)) + 1e-9)


CROWDS = {"cheer": cheer, "applause": applause, "laughter": laughter}
NOISES = (steady, machine, drops, signal, boom, murmur, steady, machine, drops)
