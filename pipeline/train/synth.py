"""Sounds made of nothing that nobody reacts with: machines, weather, animals, blows.

Each answers `count` samples at 16 kHz; only the shape matters, the mix sets the level.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.audio import RATE, Samples

Random = np.random.Generator
Gain = Callable[[NDArray[Any]], NDArray[Any]]


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
    return unit_power(tones) * random.uniform(0.1, 1) + unit_power(
        rotor.astype(np.float32)
    ) * random.uniform(0.1, 1)


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
    out = sounded(hits, kernel.astype(np.float32))
    return unit_power(out) + coloured(random, count, random.uniform(0, 1)) * random.uniform(0, 0.02)


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


def unit_power(samples: Samples) -> Samples:
    return samples / np.float32(np.sqrt(np.mean(samples**2)) + 1e-9)


def struck(random: Random, count: int) -> Samples:
    """Ratchets, hammers, steps, clocks, dripping: the same hit again and again, evenly."""
    rate = np.exp(random.uniform(np.log(0.8), np.log(30)))
    uneven = random.choice([0.0, 0.01, 0.05, 0.15])
    gaps = random.normal(1 / rate, uneven / rate, int(count / RATE * rate * 1.3) + 3)
    at = (np.cumsum(np.maximum(gaps, 0.2 / rate)) * RATE).astype(int)
    hits = np.zeros(count, np.float32)
    at = at[at < count]
    pattern = random.uniform(0.3, 1, int(random.integers(1, 5)))
    hits[at] = np.resize(pattern, len(at)) * random.uniform(0.8, 1, len(at))
    out = sounded(hits, ring(random))
    if random.random() < 0.5:
        out = unit_power(out) + unit_power(machine(random, count)) * random.uniform(0.1, 1)
    return out


def rattle(random: Random, count: int) -> Samples:
    """Rails, chains, carts, machines that shake: a rumble in uneven fits, and metal that is hit."""
    rough = np.abs(wander(random, count, np.exp(random.uniform(np.log(4), np.log(60)))))
    swell = 1 + 0.5 * wander(random, count, random.uniform(0.3, 3))
    depth = random.uniform(0.1, 1)
    out = unit_power(coloured(random, count, random.uniform(0, 1))) * swell
    out = out * (1 - depth + 2 * depth * rough ** random.uniform(0.7, 2.5))
    hits = np.zeros(count, np.float32)
    rate = np.exp(random.uniform(np.log(0.7), np.log(15)))
    at = random.integers(0, count, max(2, int(count / RATE * rate)))
    hits[at] = random.uniform(0.2, 1, len(at))
    out = unit_power(out.astype(np.float32))
    for _ in range(int(random.integers(1, 4))):
        out = out + unit_power(sounded(hits, ring(random))) * random.uniform(0, 0.7)
    return np.asarray(out, np.float32)


def sounded(hits: Samples, sound: Samples) -> Samples:
    """The sound at each hit."""
    size = quick(len(hits) + len(sound))
    made = np.fft.irfft(np.fft.rfft(hits, size) * np.fft.rfft(sound, size), size)
    return np.asarray(made[: len(hits)], np.float32)


def ring(random: Random) -> Samples:
    """One hit on wood, metal or glass: a few modes that die away, and a click."""
    length = int(RATE * random.uniform(0.03, 0.4))
    time = np.arange(length) / RATE
    out = random.standard_normal(length) * np.exp(-time / random.uniform(0.0005, 0.01))
    out *= random.uniform(0.1, 1)
    for _ in range(int(random.integers(1, 7))):
        hz = np.exp(random.uniform(np.log(150), np.log(7000)))
        out += (
            np.sin(2 * np.pi * hz * time)
            * np.exp(-time / (random.uniform(0.003, 0.12)))
            * random.uniform(0.2, 1)
        )
    return out.astype(np.float32)


def typing(random: Random, count: int) -> Samples:
    """Keys, cutlery, things put down: single clicks, two close together, in runs."""
    hits = np.zeros(count, np.float32)
    at = 0.0
    pace = random.uniform(0.06, 0.25)
    while (place := int(at * RATE)) < count - RATE // 4:
        hits[place] = random.uniform(0.2, 1)
        hits[place + int(random.uniform(0.02, 0.1) * RATE)] = random.uniform(0.1, 0.8)
        at += random.exponential(pace) + 0.04 + (random.random() < 0.06) * random.uniform(0.3, 1.5)
    kinds = [
        sounded(hits * (random.random(count) < 0.5).astype(np.float32), ring(random))
        for _ in range(3)
    ]
    return np.asarray(np.sum(kinds, axis=0), np.float32)


def animal(random: Random, count: int) -> Samples:
    """Barks, chirps, crows, bleats: one throat, calls of a kind, with rests."""
    out = np.zeros(count, np.float32)
    pitch = np.exp(random.uniform(np.log(150), np.log(4500)))
    length_s = np.exp(random.uniform(np.log(0.04), np.log(0.9)))
    rest_s = np.exp(random.uniform(np.log(0.05), np.log(1.5)))
    turn = random.uniform(0.6, 1.6, 3)
    breath, at = random.uniform(0, 0.6), 0
    while (length := int(length_s * random.uniform(0.7, 1.3) * RATE)) < count - at:
        glide = np.interp(np.arange(length), [0, length / 2, length], turn)
        phase = np.cumsum(pitch * glide * random.uniform(0.95, 1.05) / RATE)
        tone = np.sin(2 * np.pi * phase) if pitch > 1000 else 2 * (phase % 1) - 1
        call = (tone + breath * random.standard_normal(length)) * np.hanning(length)
        out[at : at + length] += call.astype(np.float32)
        at += length + int(random.exponential(rest_s) * RATE)
    if pitch < 1000:
        centres = tuple(random.uniform(400, 3500, 3))
        out = shaped(out, lambda hz: peaks(hz, centres, random.uniform(1, 4), 0.05))
    return out + coloured(random, count, 0.5) * 1e-3


def gusts(random: Random, count: int) -> Samples:
    """Wind, surf, cars that pass, pouring water: noise that swells and changes its colour."""
    low, high = (coloured(random, count, slope) for slope in (1.0, random.uniform(0, 0.5)))
    swell = np.maximum(0.02, wander(random, count, random.uniform(0.08, 1.2)) + 0.7)
    share = random.uniform(0.05, 1) * np.maximum(0, wander(random, count, 0.5) + 0.5)
    return np.asarray(
        (unit_power(low) * random.uniform(0.2, 1) + unit_power(high) * share)
        * swell ** random.uniform(1, 2.5),
        np.float32,
    )


NOISES = (
    steady, machine, drops, signal, boom, struck, typing, animal, gusts, rattle, steady, machine,
    drops, gusts, struck, rattle,
)  # fmt: skip
