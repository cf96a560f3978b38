"""What tape, rooms, microphones and cameras do to a sound."""

import numpy as np
from numpy.typing import NDArray

from pipeline.audio import RATE, Samples
from pipeline.train import synth
from pipeline.train.synth import Random, shaped


def varied(random: Random, samples: Samples) -> Samples:
    return equalised(random, at_speed(samples, float(np.exp(random.normal(0, 0.13)))))


def at_speed(samples: Samples, speed: float) -> Samples:
    """Faster is higher, as on tape."""
    at = np.arange(0.0, len(samples) - 1.0, speed)
    return np.asarray(np.interp(at, np.arange(len(samples)), samples), np.float32)


def stretched(samples: Samples, longer: float) -> Samples:
    """At another pace, not pitch: overlapped pieces, each moved to where it fits (WSOLA)."""
    size, step, slack = 512, 256, 128
    if len(samples) < 4 * size:
        return samples
    window = np.hanning(size).astype(np.float32)
    count = int(len(samples) * longer - size) // step
    out = np.zeros(count * step + size, np.float32)
    at = 0
    for number in range(count):
        out[number * step : number * step + size] += samples[at : at + size] * window
        wanted = samples[at + step : at + step + size]
        near = max(0, int((number + 1) * step / longer) - slack)
        near = min(near, len(samples) - size - 2 * slack)
        if len(wanted) < size or near < 0:
            break
        fits = np.correlate(samples[near : near + size + 2 * slack], wanted, "valid")
        at = near + int(np.argmax(fits))
    return out


def equalised(random: Random, samples: Samples) -> Samples:
    """A microphone's and a room's own colour: a random smooth gain, seldom a telephone's band."""
    knots = np.log2(np.array([40, 120, 350, 900, 2200, 4500, 8000]))
    gains = random.normal(0, 3.5, len(knots)) + random.normal(0, 2) * (knots - knots.mean())
    low, high = (
        (random.uniform(80, 350), random.uniform(2800, 6500))
        if random.random() < 0.15
        else (0, 9e9)
    )

    def gain(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        smooth = 10 ** (np.interp(np.log2(np.maximum(hz, 30)), knots, gains) / 20)
        return np.asarray(smooth / (1 + (low / np.maximum(hz, 1)) ** 4) / (1 + (hz / high) ** 8))

    return shaped(samples, gain)


def echoing(random: Random, samples: Samples) -> Samples:
    length = int(RATE * (random.uniform(0.1, 1.2) if random.random() < 0.8 else 2.5))
    room = random.standard_normal(length) * np.exp(-np.arange(length) / (length / 5))
    room /= np.sqrt(np.sum(room**2)) + 1e-9
    size = synth.quick(len(samples) + length)
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(room, size), size)[: len(samples)]
    return (samples + random.uniform(0.1, 1.2) * wet).astype(np.float32)


def recorded(random: Random, samples: Samples) -> Samples:
    """As a camera keeps it: any volume, sometimes a second, late, microphone, clipped or dull."""
    if random.random() < 0.4:
        late = int(random.uniform(0.001, 0.015) * RATE)
        again = np.concatenate([np.zeros(late, np.float32), samples[:-late]])
        samples = np.asarray(samples + random.uniform(0.3, 1) * again, np.float32)
    gain = np.float32(10 ** (random.uniform(-12, 6) / 20))
    samples = np.asarray(np.tanh(samples * gain), np.float32)
    if random.random() < 0.2:
        high = random.uniform(3500, 7500)
        samples = shaped(samples, lambda hz: 1 / (1 + (hz / high) ** 12))
    return samples


def looped(random: Random, samples: Samples, count: int) -> Samples:
    """From a random point on, as often as it takes, each seam crossfaded."""
    samples = (
        samples[int(random.uniform(0, 0.4) * len(samples)) :]
        if len(samples) > 3 * RATE
        else samples
    )
    out = np.zeros(count + len(samples), np.float32)
    fade = min(RATE // 10, len(samples) // 4)
    shape = np.ones(len(samples), np.float32)
    shape[:fade] = np.linspace(0, 1, fade)
    shape[len(shape) - fade :] = np.linspace(1, 0, fade)
    for at in range(0, count, max(1, len(samples) - fade)):
        out[at : at + len(samples)] += samples * shape
    return out[:count]


def faded(random: Random, samples: Samples, least_s: float, most_s: float) -> Samples:
    samples = samples.copy()
    into, outof = (
        min(int(random.uniform(least_s, most_s) * RATE), len(samples) // 2) for _ in range(2)
    )
    if into and outof:
        samples[:into] *= np.linspace(0, 1, into, dtype=np.float32)
        samples[-outof:] *= np.linspace(1, 0, outof, dtype=np.float32)
    return samples


def part(random: Random, samples: Samples, count: int) -> Samples:
    start = int(random.uniform(0, max(1, len(samples) - count)))
    return samples[start : start + count]
