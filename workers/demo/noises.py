"""Sounds of the arena that are no cheer: a sweeper, horns, a jingle, the ball. Stereo at RATE."""

import numpy as np

from workers.demo.crowd_sound import RATE, Sound, band, curve, level


def _time(seconds: float) -> Sound:
    return np.arange(int(seconds * RATE)) / RATE


def fade(sound: Sound, seconds: float) -> Sound:
    """In and out."""
    n = int(seconds * RATE)
    ramp = np.sin(np.linspace(0, np.pi / 2, n)) ** 2
    edges = np.ones(len(sound))
    edges[:n], edges[-n:] = ramp, ramp[::-1]
    return np.asarray(sound * edges[:, None])


def machine(seed: int, seconds: float) -> Sound:
    """A court sweeper: a motor's even harmonics over brush and fan noise, steady all through."""
    rng = np.random.default_rng(seed)
    time = _time(seconds)
    turn = np.cumsum(47.0 * (1 + 0.004 * curve(rng, len(time), 1.5))) / RATE
    motor = sum(np.sin(2 * np.pi * turn * k + k * k) / k**0.8 for k in (1, 2, 3, 4, 6, 8, 12, 18))
    whine = 0.35 * np.sin(2 * np.pi * turn * 31) + 0.2 * np.sin(2 * np.pi * turn * 44.5)
    fan = band(rng.standard_normal((len(time), 2)), 90, 3200)
    side = np.interp(time, [0, seconds], [0.25, 0.75])
    pan = np.stack([np.sqrt(1 - side), np.sqrt(side)], axis=1)
    mix = level((motor + whine)[:, None] * pan, -20) + level(fan, -18.5)
    return fade(mix, 0.7)


def horn(seconds: float) -> Sound:
    """An air horn: three reeds a little apart, without any change."""
    time = _time(seconds)
    sound = np.zeros(len(time))
    for hz in (371.0, 469.0, 557.0):
        for k in range(1, 15):
            sound += np.sin(2 * np.pi * hz * k * time) / k**0.9
    return fade(np.stack([sound, np.roll(sound, 90)], axis=1), 0.05)


def jingle(seconds: float) -> Sound:
    """Plucked chords over a bass and a soft beat."""
    time = _time(seconds)
    sound = np.zeros((len(time), 2))
    beat = seconds / 17
    chords = ((57, 60, 64, 69), (53, 57, 60, 65), (48, 55, 60, 64), (55, 59, 62, 67))
    for step in range(32):
        chord = chords[step // 8]
        _put(
            sound, step * beat / 2, _pluck(chord[(step * 3) % 4] + 12, 0.9), 0.3 + 0.4 * (step % 2)
        )
        if step % 4 == 0:
            for note in chord:
                _put(sound, step * beat / 2, 0.5 * _pluck(note, 1.6), 0.5)
        if step % 2 == 0:
            _put(sound, step * beat / 2, 1.1 * _pluck(chord[0] - 12, 0.6), 0.5)
            _put(sound, step * beat / 2, _kick(), 0.5)
        _put(sound, step * beat / 2, _hat(step), 0.5)
    for note in (57, 64, 69, 73, 76):
        _put(sound, 16 * beat, _pluck(note, 1.4), 0.5)
    return fade(sound, 0.04)


def _put(sound: Sound, at_s: float, part: Sound, side: float) -> None:
    start = int(at_s * RATE)
    part = part[: len(sound) - start]
    sound[start : start + len(part)] += part[:, None] * np.array([1 - side, side])


def _pluck(note: int, seconds: float) -> Sound:
    time = _time(seconds)
    hz = 440 * 2 ** ((note - 69) / 12)
    tone = sum(np.sin(2 * np.pi * hz * k * time) * np.exp(-time * 2.4 * k) / k for k in range(1, 6))
    return np.asarray(tone * np.minimum(1, time * 300) * np.minimum(1, (seconds - time) * 30))


def _kick() -> Sound:
    time = _time(0.22)
    return np.asarray(
        1.5 * np.sin(2 * np.pi * (48 * time - 4 * np.exp(-time * 28))) * np.exp(-time * 17)
    )


def _hat(seed: int) -> Sound:
    time = _time(0.06)
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return np.asarray(0.3 * band(noise, 6000, 12_000) * np.exp(-time * 70))


def stroke(seed: int, strength: float) -> Sound:
    """A racket meets the ball."""
    rng = np.random.default_rng(seed)
    time = _time(0.09)
    body = np.sin(2 * np.pi * rng.uniform(640, 760) * time) * np.exp(-time * 75)
    click = band(rng.standard_normal(len(time)), 900, 4000) * np.exp(-time * 220)
    return np.repeat((strength * (0.6 * body + 0.5 * click))[:, None], 2, axis=1)


def bounce(strength: float) -> Sound:
    time = _time(0.07)
    body = np.sin(2 * np.pi * (210 * time - 0.4 * np.exp(-time * 60))) * np.exp(-time * 85)
    return np.repeat((strength * body)[:, None], 2, axis=1)


def net(seed: int) -> Sound:
    """The ball stops in the goal's net: a thump and a rustle."""
    rng = np.random.default_rng(seed)
    time = _time(0.5)
    thump = np.sin(2 * np.pi * (70 * time - 0.8 * np.exp(-time * 30))) * np.exp(-time * 14)
    rustle = band(rng.standard_normal(len(time)), 1500, 6000) * np.exp(-time * 9) * 0.3
    return np.repeat((thump + rustle)[:, None], 2, axis=1)


def over_speakers(speech: Sound) -> Sound:
    """How a hall's loudspeakers sound: a narrow band, pressed, with echoes."""
    narrow = band(speech, 320, 3200)
    pressed = np.tanh(narrow / (np.abs(narrow).max() + 1e-9) * 4)
    out = np.stack([pressed, pressed], axis=1)
    for delay, gain, side in ((0.11, 0.4, 0), (0.17, 0.34, 1), (0.31, 0.2, 0), (0.43, 0.13, 1)):
        shift = int(delay * RATE)
        out[shift:, side] += gain * pressed[:-shift]
    return out
