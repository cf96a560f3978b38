"""Scenes with known contents: a room, people talking, music, machines, and now and then a crowd."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.audio import RATE, Samples, decode_pcm
from pipeline.curves import STEP_MS, Rows, rows
from pipeline.sounds import SOUNDS
from pipeline.train import synth
from pipeline.train.synth import Random, shaped

SCENE_S = 16
IGNORED = -1.0
"""In a label: can't be told, don't learn from it."""

AUDIBLE_DB, HIDDEN_DB = -9.0, -18.0
"""A sound this far below the whole is there, or as good as not there; between: not learnt."""

MIXED = {
    "cheer": ("applause",),
    "applause": ("cheer",),
    "reaction": ("cheer", "applause", "laughter"),
    "scream": ("cheer", "applause", "laughter"),
}
"""Kinds that a recording of the key's kind may also hold: not learnt from it, either way."""


@dataclass
class Corpus:
    """Pieces of real sound by category, at 16 kHz mono, trimmed, of RMS 1."""

    pieces: dict[str, list[Samples]] = field(default_factory=dict)

    def any(self, random: Random, *categories: str) -> Samples | None:
        found = [piece for name in categories for piece in self.pieces.get(name, [])]
        return found[int(random.integers(len(found)))] if found else None


CATEGORIES = {
    "cheer",
    "applause",
    "laughter",
    "laughter_short",
    "reaction",
    "scream",
    "speech",
    "speech_untranscribed",
    "diarisation",
    "music",
    "noise",
    "ambience",
    "shutter",
}


def load(folder: Path, without: frozenset[str] = frozenset()) -> Corpus:
    """Reads `folder`/manifest.csv (columns file, category); `without` names files to leave out."""
    corpus = Corpus()
    with (folder / "manifest.csv").open(newline="") as lines:
        for line in csv.DictReader(lines):
            sound = line["category"] in CATEGORIES and not line["file"].endswith(".rttm")
            if sound and line["file"] not in without:
                corpus.pieces.setdefault(line["category"], []).append(
                    trimmed(decode_pcm(folder / line["file"]))
                )
    return corpus


def trimmed(samples: Samples) -> Samples:
    hop = RATE // 100
    level = np.sqrt(np.mean(samples[: len(samples) // hop * hop].reshape(-1, hop) ** 2, axis=1))
    loud = np.flatnonzero(level > level.max() * 0.03)
    samples = samples[loud[0] * hop : (loud[-1] + 1) * hop]
    return unit(samples)


def unit(samples: Samples) -> Samples:
    """RMS 1 where it sounds."""
    hop = RATE // 100
    if len(samples) < hop:
        return samples
    level = np.sqrt(np.mean(samples[: len(samples) // hop * hop].reshape(-1, hop) ** 2, axis=1))
    heard = level[level > level.max() * 0.1]
    return samples / np.float32(np.sqrt(np.mean(heard**2)) + 1e-9)


def scene(random: Random, corpus: Corpus) -> tuple[Rows, NDArray[np.float32]]:
    """Rows of one scene and the truth for each, (rows, len(SOUNDS))."""
    stage = _Stage(random)
    stage.put(
        "room", synth.coloured(random, stage.count, random.uniform(0, 1)), random.uniform(-75, -42)
    )
    if random.random() < 0.35 and (bed := corpus.any(random, "ambience")) is not None:
        stage.put(
            "room", looped(random, varied(random, bed), stage.count), random.uniform(-52, -34)
        )
    talk_db = random.uniform(-30, -22)
    if random.random() < 0.8:
        _talk(random, corpus, stage, talk_db)
    if random.random() < 0.3:
        _lasting(
            random, stage, "music", _music(random, corpus, stage.count), random.uniform(-30, -12)
        )
    if random.random() < 0.45:
        _lasting(
            random, stage, "noise", _noise(random, corpus, stage.count), random.uniform(-36, -8)
        )
    if random.random() < 0.55:
        _crowd(random, corpus, stage, talk_db)
    return stage.finish()


class _Stage:
    """Sums sounds while keeping each kind apart for the truth."""

    def __init__(self, random: Random) -> None:
        self.random, self.count = random, SCENE_S * RATE
        self.tracks: dict[str, Samples] = {}
        self.unsure: set[str] = set()

    def put(self, kind: str, samples: Samples, gain_db: float, at: int = 0) -> None:
        track = self.tracks.setdefault(kind, np.zeros(self.count, np.float32))
        samples = unit(samples)[: self.count - at]
        track[at : at + len(samples)] += samples * np.float32(10 ** (gain_db / 20))

    def finish(self) -> tuple[Rows, NDArray[np.float32]]:
        total = np.asarray(np.sum(list(self.tracks.values()), axis=0), np.float32)
        heard = recorded(self.random, total)
        described = np.concatenate(list(rows([heard])))
        return described, self._truth(len(described))

    def _truth(self, count: int) -> NDArray[np.float32]:
        power = {kind: _power(track, count) for kind, track in self.tracks.items()}
        total = np.sum(list(power.values()), axis=0) + 1e-12
        truth = np.zeros((count, len(SOUNDS)), np.float32)
        for kind, track in power.items():
            share = 10 * np.log10(track / total + 1e-9)
            label = np.where(share > AUDIBLE_DB, 1.0, np.where(share < HIDDEN_DB, 0.0, IGNORED))
            label[track < 10**-6.0] = 0
            for column in [c for c, name in enumerate(SOUNDS) if name == kind]:
                truth[:, column] = label
            if kind in ("cheer", "applause", "laughter", "reaction", "scream"):
                last = len(SOUNDS) - 1
                truth[:, last] = np.where(
                    label == 1,
                    1,
                    np.where(truth[:, last] == 1, 1, np.minimum(truth[:, last], label)),
                )
                for name in MIXED.get(kind, ()):
                    column = SOUNDS.index(name)
                    truth[(label != 0) & (truth[:, column] == 0), column] = IGNORED
        return truth


def _power(track: Samples, count: int) -> NDArray[np.float64]:
    """Mean power in the second around each row."""
    step = RATE * STEP_MS // 1000
    total = np.concatenate([[0.0], np.cumsum(track.astype(np.float64) ** 2)])
    middle = np.arange(count) * step + step // 2
    a, b = np.clip(middle - RATE // 2, 0, len(track)), np.clip(middle + RATE // 2, 0, len(track))
    return np.asarray((total[b] - total[a]) / RATE)


def _talk(random: Random, corpus: Corpus, stage: _Stage, gain_db: float) -> None:
    at = int(random.uniform(0, 4) * RATE)
    voice = random.uniform(0.82, 1.25)
    while at < stage.count - RATE:
        line = corpus.any(random, "speech", "speech", "speech_untranscribed", "diarisation")
        if line is None:
            return
        start = int(random.uniform(0, max(1, len(line) - 6 * RATE)))
        line = at_speed(line[start : start + int(random.uniform(1.5, 12) * RATE)], voice)
        excited = random.random() < 0.3
        if excited:
            line = at_speed(np.tanh(line * 0.7), random.uniform(1.05, 1.25))
        line = equalised(random, line)
        if random.random() < 0.3:
            line = echoing(random, line)
        stage.put(
            "speech",
            line,
            gain_db + (random.uniform(2, 12) if excited else random.uniform(-4, 4)),
            at,
        )
        at += len(line) + int(random.exponential(1.0) * RATE)


def _lasting(random: Random, stage: _Stage, kind: str, samples: Samples, gain_db: float) -> None:
    """All of the scene or a part of it, faded at both ends."""
    whole = random.random() < 0.35
    length = stage.count if whole else int(random.uniform(2, 13) * RATE)
    at = 0 if whole else int(random.uniform(0, stage.count - length))
    stage.put(kind, faded(random, samples[:length], 0.02, 1.5), gain_db, at)


def _music(random: Random, corpus: Corpus, count: int) -> Samples:
    piece = corpus.any(random, "music") if random.random() < 0.55 else None
    if piece is None:
        return equalised(random, synth.music(random, count))
    return equalised(
        random,
        looped(random, at_speed(_part(random, piece, count), random.uniform(0.7, 1.4)), count),
    )


def _noise(random: Random, corpus: Corpus, count: int) -> Samples:
    kind = random.random()
    piece = corpus.any(random, "noise") if kind < 0.55 else None
    if piece is not None:
        return looped(random, varied(random, piece), count)
    if kind < 0.63:
        return _babble(random, corpus, count)
    make = synth.NOISES[int(random.integers(len(synth.NOISES)))]
    return equalised(random, make(random, count))


def _babble(random: Random, corpus: Corpus, count: int) -> Samples:
    """Many people who talk at once, none of them excited."""
    out = np.zeros(count, np.float32)
    for _ in range(int(random.integers(3, 14))):
        line = corpus.any(random, "speech", "speech_untranscribed", "diarisation")
        if line is None:
            return synth.steady(random, count)
        out += looped(random, at_speed(line, random.uniform(0.8, 1.3)), count) * random.uniform(
            0.3, 1
        )
    return echoing(random, equalised(random, out))


def _crowd(random: Random, corpus: Corpus, stage: _Stage, talk_db: float) -> None:
    kind = ("cheer", "applause", "laughter", "laughter")[int(random.integers(4))]
    gain = talk_db + random.uniform(-7, 14)
    length = int(random.uniform(1.5, 11) * RATE)
    at = int(random.uniform(0, stage.count - length))
    stage.put(kind, faded(random, _crowd_of(random, corpus, kind, length), 0.1, 1.8), gain, at)
    if kind == "cheer" and random.random() < 0.3:
        stage.put(
            "applause",
            faded(random, _crowd_of(random, corpus, "applause", length), 0.1, 1.8),
            gain + random.uniform(-8, 2),
            at,
        )
    if random.random() < 0.08:
        other = ("reaction", "scream")[int(random.random() < 0.3)]
        if (piece := corpus.any(random, other)) is not None:
            stage.put(other, varied(random, piece), gain, int(random.uniform(0, stage.count // 2)))


def _crowd_of(random: Random, corpus: Corpus, kind: str, count: int) -> Samples:
    """A real crowd, several of it, or one made of nothing."""
    names = (kind, "laughter_short") if kind == "laughter" else (kind,)
    if corpus.any(random, *names) is None or random.random() < 0.4:
        made = synth.CROWDS[kind](random, count)
        return (
            echoing(random, equalised(random, made))
            if random.random() < 0.6
            else equalised(random, made)
        )
    out = np.zeros(count, np.float32)
    for _ in range(1 if random.random() < 0.6 else int(random.integers(2, 6))):
        piece = corpus.any(random, *names)
        assert piece is not None
        out += looped(random, varied(random, piece), count) * random.uniform(0.4, 1)
    return echoing(random, out) if random.random() < 0.35 else out


def varied(random: Random, samples: Samples) -> Samples:
    return equalised(random, at_speed(samples, float(np.exp(random.normal(0, 0.13)))))


def at_speed(samples: Samples, speed: float) -> Samples:
    """Faster is higher, as on tape."""
    at = np.arange(0.0, len(samples) - 1.0, speed)
    return np.asarray(np.interp(at, np.arange(len(samples)), samples), np.float32)


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
    length = int(RATE * random.uniform(0.1, 1.2))
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


def _part(random: Random, samples: Samples, count: int) -> Samples:
    start = int(random.uniform(0, max(1, len(samples) - count)))
    return samples[start : start + count]
