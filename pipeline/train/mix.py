"""Scenes with known contents: a room, people talking, music, machines, and now and then a crowd."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.audio import RATE, Samples, decode_pcm
from pipeline.curves import STEP_MS, Rows, rows
from pipeline.sounds import SOUNDS
from pipeline.train import crowds, synth, tunes, voices
from pipeline.train.rooms import (
    at_speed,
    echoing,
    equalised,
    faded,
    looped,
    part,
    recorded,
    stretched,
    varied,
)
from pipeline.train.synth import Random

SCENE_S = 16
REVOICED = 0.6
"""Share of talk in another voice than its speaker's."""
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
    vowels: list[Samples] = field(default_factory=list)
    """Cut from the speech, for crowds that are made of voices."""
    speakers: dict[str, list[Samples]] = field(default_factory=dict)
    """Pieces of speech by the start of their file's name: one voice, or one recording of some."""

    def any(self, random: Random, *categories: str) -> Samples | None:
        found = [piece for name in categories for piece in self.pieces.get(name, [])]
        return found[int(random.integers(len(found)))] if found else None

    def line(self, random: Random) -> Samples | None:
        """Of any speaker, as likely of one with few pieces as of one with many."""
        if not self.speakers:
            return None
        pieces = list(self.speakers.values())[int(random.integers(len(self.speakers)))]
        return pieces[int(random.integers(len(pieces)))]


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
SPEECH = ("speech", "speech_untranscribed", "diarisation")


def load(folder: Path, without: frozenset[str] = frozenset()) -> Corpus:
    """Reads `folder`/manifest.csv (columns file, category); `without` names files to leave out."""
    corpus = Corpus()
    with (folder / "manifest.csv").open(newline="") as lines:
        for line in csv.DictReader(lines):
            sound = line["category"] in CATEGORIES and not line["file"].endswith(".rttm")
            if sound and line["file"] not in without:
                piece = trimmed(decode_pcm(folder / line["file"]))
                corpus.pieces.setdefault(line["category"], []).append(piece)
                if line["category"] in SPEECH:
                    speaker = Path(line["file"]).stem.split("-")[0]
                    corpus.speakers.setdefault(speaker, []).append(piece)
    random = np.random.default_rng(0)
    for category, each in (("speech", 12), ("speech_untranscribed", 60), ("diarisation", 60)):
        for piece in corpus.pieces.get(category, []):
            corpus.vowels += voices.vowels(random, piece, each)
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
    if random.random() < 0.45:
        stage.put("room", _bed(random, corpus, stage.count), random.uniform(-52, -34))
    talk_db = random.uniform(-30, -22)
    if random.random() < 0.4:
        _moment(random, corpus, stage, talk_db)
        return stage.finish()
    if random.random() < 0.8:
        _talk(random, corpus, stage, talk_db)
    if random.random() < 0.1:
        _talk(random, corpus, stage, talk_db + random.uniform(-8, 2))
    if random.random() < 0.3:
        _lasting(
            random, stage, "music", _music(random, corpus, stage.count), random.uniform(-30, -12)
        )
    if random.random() < 0.45:
        _lasting(
            random, stage, "noise", _noise(random, corpus, stage.count), random.uniform(-36, -8)
        )
    if random.random() < 0.45:
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
        return described, self.truth(len(described))

    def truth(self, count: int) -> NDArray[np.float32]:
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


def _moment(random: Random, corpus: Corpus, stage: _Stage, talk_db: float) -> None:
    """Talk, a louder line, and what breaks into it: people who react, or something loud."""
    at = _talk(random, corpus, stage, talk_db, until_s=random.uniform(0, 6))
    line = corpus.line(random)
    if line is not None and random.random() < 0.85:
        line = part(random, line, int(random.uniform(1.5, 7) * RATE))
        line = equalised(random, at_speed(np.tanh(line * 0.7), random.uniform(0.95, 1.25)))
        at = max(0, min(at, stage.count - 6 * RATE))
        stage.put("speech", line, talk_db + random.uniform(0, 11), at)
        at += int(len(line) * random.uniform(0.5, 1.05))
    at = max(0, min(at, stage.count - 3 * RATE))
    length = min(stage.count - at, int(random.uniform(2.5, 11) * RATE))
    what = random.random()
    if what < 0.65:
        _crowd(random, corpus, stage, talk_db, at, length)
    elif what < 0.85:
        noise = faded(random, _noise(random, corpus, length), 0.02, 1.0)
        stage.put("noise", noise, talk_db + random.uniform(-6, 18), at)
    else:
        tune = faded(random, _music(random, corpus, length), 0.02, 1.5)
        stage.put("music", tune, talk_db + random.uniform(-6, 12), at)
    if random.random() < 0.6:
        _talk(random, corpus, stage, talk_db, from_s=(at + length) / RATE)


def _talk(
    random: Random,
    corpus: Corpus,
    stage: _Stage,
    gain_db: float,
    *,
    from_s: float = 0,
    until_s: float = SCENE_S - 1,
) -> int:
    """Answers the sample after the last line."""
    at = int((from_s + random.uniform(0, 3)) * RATE) if from_s + 3 < until_s else int(from_s * RATE)
    voice, pace = random.uniform(0.82, 1.25), 1.0
    if random.random() < REVOICED:
        # Somebody else, deeper or higher, who speaks no slower or faster for it.
        voice = float(np.exp(random.uniform(-0.36, 0.34)))
        pace = voice * random.uniform(0.85, 1.2)
    while at < until_s * RATE:
        line = corpus.line(random)
        if line is None:
            break
        start = int(random.uniform(0, max(1, len(line) - 6 * RATE)))
        line = line[start : start + int(random.uniform(1.5, 12) * RATE)]
        line = at_speed(stretched(line, pace) if pace != 1 else line, voice)
        excited = random.random() < 0.3
        if excited:
            line = at_speed(np.tanh(line * 0.7), random.uniform(1.05, 1.25))
        line = equalised(random, line)
        if random.random() < 0.3:
            line = echoing(random, line)
        if random.random() < 0.1:
            hiss = synth.unit_power(synth.coloured(random, len(line), random.uniform(0, 0.7)))
            line = unit(line) + hiss * random.uniform(0.01, 0.1)
        higher = random.uniform(2, 12) if excited else random.uniform(-4, 4)
        stage.put("speech", line, gain_db + higher, at)
        at += len(line) + int(random.exponential(1.0) * RATE)
    return at


def _lasting(random: Random, stage: _Stage, kind: str, samples: Samples, gain_db: float) -> None:
    """All of the scene or a part of it, faded at both ends."""
    whole = random.random() < 0.35
    length = stage.count if whole else int(random.uniform(2, 13) * RATE)
    at = 0 if whole else int(random.uniform(0, stage.count - length))
    stage.put(kind, faded(random, samples[:length], 0.02, 1.5), gain_db, at)


def _music(random: Random, corpus: Corpus, count: int) -> Samples:
    piece = corpus.any(random, "music") if random.random() < 0.55 else None
    if piece is None:
        made = equalised(random, tunes.music(random, count))
        return echoing(random, made) if random.random() < 0.4 else made
    return equalised(
        random,
        looped(random, at_speed(part(random, piece, count), random.uniform(0.7, 1.4)), count),
    )


def _noise(random: Random, corpus: Corpus, count: int) -> Samples:
    kind = random.random()
    piece = corpus.any(random, "noise") if kind < 0.45 else None
    if piece is not None:
        out = looped(random, varied(random, piece), count)
        if random.random() < 0.2 and (other := corpus.any(random, "noise")) is not None:
            out = out + looped(random, varied(random, other), count) * random.uniform(0.2, 1)
        return out
    if kind < 0.55:
        babble = random.random() < 0.7
        return (
            _babble(random, corpus, count)
            if babble
            else crowds.murmur(random, count, corpus.vowels)
        )
    make = synth.NOISES[int(random.integers(len(synth.NOISES)))]
    made = equalised(random, make(random, count))
    return echoing(random, made) if random.random() < 0.3 else made


def _bed(random: Random, corpus: Corpus, count: int) -> Samples:
    """What is heard behind all else: people far off, a street, a machine in the next room."""
    kind = random.random()
    real = corpus.any(random, "ambience")
    if real is not None and kind < 0.4:
        return looped(random, varied(random, real), count)
    if kind < 0.6:
        return _babble(random, corpus, count)
    if kind < 0.8:
        return crowds.murmur(random, count, corpus.vowels)
    return _noise(random, corpus, count)


def _babble(random: Random, corpus: Corpus, count: int) -> Samples:
    """Many people who talk at once, none of them excited."""
    out = np.zeros(count, np.float32)
    for _ in range(int(random.integers(3, 14))):
        line = corpus.line(random)
        if line is None:
            return synth.steady(random, count)
        out += looped(random, at_speed(line, random.uniform(0.8, 1.3)), count) * random.uniform(
            0.3, 1
        )
    return echoing(random, equalised(random, out))


def _crowd(
    random: Random,
    corpus: Corpus,
    stage: _Stage,
    talk_db: float,
    at: int | None = None,
    length: int = 0,
) -> None:
    kind = ("cheer", "applause", "laughter", "laughter")[int(random.integers(4))]
    gain = talk_db + random.uniform(-7, 14)
    if at is None:
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
    """A real crowd, several of it, one made of nothing, or of both."""
    names = (kind, "laughter_short") if kind == "laughter" else (kind,)
    made_up = corpus.any(random, *names) is None or random.random() < 0.5
    out = np.zeros(count, np.float32)
    if made_up or random.random() < 0.1:
        made = equalised(random, crowds.CROWDS[kind](random, count, corpus.vowels))
        out += synth.unit_power(made)
    if not made_up:
        for _ in range(1 if random.random() < 0.6 else int(random.integers(2, 6))):
            piece = corpus.any(random, *names)
            assert piece is not None
            out += looped(random, varied(random, piece), count) * random.uniform(0.4, 1)
    return echoing(random, out) if random.random() < 0.45 else out
