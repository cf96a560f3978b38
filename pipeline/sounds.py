"""What is heard: rows of `curves` in, likelihoods of kinds of sound out. The model is our own."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.curves import FINE, LEVEL, ONSET, PITCH, SHAPES, VOICED, Rows

SOUNDS = ("cheer", "applause", "laughter", "speech", "music", "noise", "reaction")
"""`reaction` is any of the first three, learnt by itself: it is surer than its kinds."""

MODEL = Path(__file__).with_name("sounds.npz")
"""Made by `python -m pipeline.train`."""

_AROUND = (9, 25)
"""Rows averaged beside the row itself: 2 s and 6 s."""
_HALF = _AROUND[-1] // 2


def _unknown() -> NDArray[np.float32]:
    return np.zeros(0, np.float32)


@dataclass(frozen=True)
class Heard:
    """A recording's sound, a row for each STEP_MS."""

    likelihoods: NDArray[np.float32]
    """(rows, len(SOUNDS)), each 0..1 by itself: sounds may stand above each other."""
    level_db: NDArray[np.float32]
    voice_db: NDArray[np.float32]
    """FINE values a row."""
    pitch_hz: NDArray[np.float32] = field(default_factory=_unknown)
    """Median fundamental of a row's voiced frames, 0 where none is; empty where unknown."""
    voiced: NDArray[np.float32] = field(default_factory=_unknown)
    """0..1, the share of a row's frames; empty where unknown."""
    onset_db: NDArray[np.float32] = field(default_factory=_unknown)
    """The largest rise of the level within 50 ms; empty where unknown."""


def listen(blocks: Iterable[Rows]) -> Heard:
    """Keeps some numbers of each row and forgets the rest: memory grows by 4 MB an hour."""
    kept: list[tuple[Rows, ...]] = []
    held = np.zeros((0, 0), np.float32)
    told = 0
    for block in blocks:
        held = np.concatenate([held, block]) if len(held) else block
        # The last rows wait until all that surrounds them is known.
        ready = len(held) - _HALF
        if ready - told >= 4 * _HALF:
            kept.append(_tell(held, told, ready))
            held, told = held[max(0, ready - _HALF) :], min(ready, _HALF)
    if len(held) > told:
        kept.append(_tell(held, told, len(held)))
    if not kept:
        return Heard(np.zeros((0, len(SOUNDS)), np.float32), *np.zeros((5, 0), np.float32))
    return Heard(*(np.concatenate(part) for part in zip(*kept, strict=True)))


def _tell(rows: Rows, start: int, end: int) -> tuple[Rows, ...]:
    told = rows[start:end]
    return (
        likelihoods(rows)[start:end],
        told[:, LEVEL],
        told[:, -FINE:].ravel(),
        *(np.array(told[:, column]) for column in (PITCH, VOICED, ONSET)),
    )


def likelihoods(rows: Rows) -> Rows:
    model = _model()
    seen = np.clip((inputs(rows) - model["mean"]) / model["deviation"], -5, 5)
    votes = [_network(seen, model, member) for member in range(int(model["members"]))]
    return np.asarray(1 / (1 + np.exp(-np.clip(np.mean(votes, axis=0), -30, 30))), np.float32)


def inputs(rows: Rows) -> Rows:
    """What the network sees: the row, its surroundings, and how it stands out of them."""
    rows = rows[:, SHAPES]
    around = [_mean_around(rows, width) for width in _AROUND]
    level = [rows[:, LEVEL] - wide[:, LEVEL] for wide in around]
    shapes = [np.delete(part, LEVEL, axis=1) for part in (rows, *around)]
    return np.column_stack([*shapes, *level]).astype(np.float32)


def _mean_around(rows: Rows, width: int) -> Rows:
    half = width // 2
    total = np.cumsum(
        np.pad(rows.astype(np.float64), ((half + 1, half), (0, 0)), mode="edge"), axis=0
    )
    return np.asarray((total[width:] - total[:-width]) / width, np.float32)


def _network(seen: Rows, model: dict[str, NDArray[np.float32]], member: int) -> Rows:
    layer = 0
    while f"w{member}_{layer + 1}" in model:
        seen = np.maximum(0, seen @ model[f"w{member}_{layer}"] + model[f"b{member}_{layer}"])
        layer += 1
    return np.asarray(seen @ model[f"w{member}_{layer}"] + model[f"b{member}_{layer}"])


@cache
def _model() -> dict[str, NDArray[np.float32]]:
    with np.load(MODEL, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}
