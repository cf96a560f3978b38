"""Crowds that react, made of nothing or of voices, for the model to find; and one that does not.

Each answers `count` samples at 16 kHz; only the shape matters, the mix sets the level.
"""

from collections.abc import Sequence

import numpy as np

from pipeline.audio import RATE, Samples
from pipeline.train.synth import Random, coloured, peaks, shaped, sounded, unit_power, wander
from pipeline.train.voices import held, laughs, shouts

Grains = Sequence[Samples]
"""Vowels of people who spoke, for the voices."""


def applause(random: Random, count: int, grains: Grains = ()) -> Samples:
    """Many hands: each a train of short bursts with its own resonance and its own, uneven, rate."""
    out = np.zeros(count, np.float32)
    sparse = random.random() < 0.35
    people = int(np.exp(random.uniform(np.log(2), np.log(8 if sparse else 300))))
    beat = random.uniform(2.2, 5.5)
    spread = random.uniform(0.03, 0.25)
    dull = random.uniform(0.5, 1.2)
    for _ in range(groups := min(12, people)):
        hits = np.zeros(count, np.float32)
        for _ in range(max(1, people // groups)):
            rate = beat * np.exp(random.normal(0, spread))
            gaps = random.normal(
                1 / rate, random.uniform(0.03, 0.12) / rate, int(count / RATE * rate * 1.4) + 3
            )
            at = ((np.cumsum(gaps) + random.uniform(-1, 0.5)) * RATE).astype(int)
            at = at[(at >= 0) & (at < count)]
            # Some stop before the rest, and begin again.
            if random.random() < 0.3:
                at = at[np.abs(at - random.uniform(0, count)) > random.uniform(0, 0.3) * count]
            near = random.uniform(0.15, 1.0)
            hits[at] += near * random.uniform(0.5, 1.0, len(at)).astype(np.float32)
        out += sounded(hits, clap(random, dull))
    if people > 40 and random.random() < 0.5:
        far = shaped(
            random.standard_normal(count).astype(np.float32),
            lambda hz: peaks(hz, (random.uniform(800, 2500),), random.uniform(3, 9), 0.05),
        )
        out = unit_power(out) + unit_power(far) * random.uniform(0.1, 0.8)
    return out.astype(np.float32)


def clap(random: Random, dull: float = 1.0) -> Samples:
    """Flat hands are sharp and high, cupped ones low and hollow."""
    length = int(RATE * random.uniform(0.02, 0.08))
    attack = RATE * random.uniform(0.0002, 0.002)
    time = np.arange(length)
    burst = random.standard_normal(length) * np.exp(-time / (RATE * random.uniform(0.002, 0.014)))
    burst *= np.minimum(1, (time + 1) / attack)
    centre = random.uniform(500, 3000) * dull
    return shaped(
        burst.astype(np.float32),
        lambda hz: peaks(
            hz, (centre, centre * random.uniform(1.6, 2.6)), random.uniform(1.5, 6), 0.1
        ),
    )


def cheer(random: Random, count: int, grains: Grains = ()) -> Samples:
    """Shouts near, a roar behind, now and then whistles and hands."""
    near = unit_power(shouts(random, count, grains))
    centres = (random.uniform(350, 1100), random.uniform(1200, 3000))
    far = shaped(
        random.standard_normal(count).astype(np.float32),
        lambda hz: peaks(hz, centres, random.uniform(2, 6), random.uniform(0.01, 0.15)),
    )
    swell = (
        1
        + 0.5 * wander(random, count, random.uniform(0.3, 1.5))
        + 0.3 * wander(random, count, random.uniform(3, 8))
    )
    out = near * random.uniform(0.2, 1) + unit_power(far * swell) * random.choice(
        [0.0, random.uniform(0.05, 1.2)]
    )
    if random.random() < 0.5:
        out += unit_power(applause(random, count)) * random.uniform(0.1, 0.8)
    if random.random() < 0.3:
        out += unit_power(whistles(random, count)) * random.uniform(0.1, 0.4)
    return np.asarray(out, np.float32)


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


def laughter(random: Random, count: int, grains: Grains = ()) -> Samples:
    """People who laugh, in a few of them a hall behind."""
    near = unit_power(laughs(random, count, grains))
    if random.random() < 0.3:
        near = near + unit_power(laughs(random, count, grains)) * random.uniform(0.2, 1)
    if random.random() < 0.15:
        near = near + unit_power(applause(random, count)) * random.uniform(0.05, 0.4)
    return np.asarray(near, np.float32)


def murmur(random: Random, count: int, grains: Grains = ()) -> Samples:
    """Many people who talk low: syllables, no held vowels."""
    low = held(
        random,
        count,
        grains,
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


CROWDS = {"cheer": cheer, "applause": applause, "laughter": laughter}
