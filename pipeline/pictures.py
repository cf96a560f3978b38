"""What the picture does, second by second, and where it is cut: one reading of it answers both."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from pipeline import frames, looks, motion, shots
from pipeline.frames import Frame
from pipeline.probe import Probe, probe
from pipeline.timeline import Span

PARTS = ("motion", "camera", "cuts", "faces", "text")
Second = dict[str, float]
"""All of PARTS, 0..1."""

SWEPT = 0.04
"""Share of the picture that things sweep over in 200 ms when they move as much as one mostly sees:
1 - 1/e on the scale of "motion"."""
PANNED_PX = 2.0
"""The same for "camera", at a width of 96."""
FACES_EVERY_MS = 4_000
SHOWN_MS = 10_000
"""How long a picture stands for what is shown when no other follows."""
DISSOLVING_MS = shots.GRADUAL_MS[-1] // 2

_Move = tuple[int, motion.Moved]


class Seen(NamedTuple):
    cuts: list[int]
    """First frames of new shots, ms; inside a dissolve or fade, one time each."""
    seconds: list[Second]
    """From the span's start on."""


class _Look(NamedTuple):
    time_ms: int
    faces: float
    text: float


def describe(pictures: Iterable[tuple[int, Frame]], span: Span | None = None) -> Seen:
    """Small coloured frames in order of time, as frames.pictures gives them.

    Grey ones among them are larger and are looked at for faces and text. Only what lies in the
    span is answered; frames up to shots.CONTEXT_MS around it let its ends be judged as its middle.
    Holds some hundred frames at a time.
    """
    noted: list[_Look] = []
    cuts: list[int] = []
    moves: list[_Move] = []
    end_ms = 0
    for block, first, last in shots.blocks(_small(pictures, noted)):
        hard, soft = shots.changes(block)
        cuts += sorted(at for at in (*hard, *soft) if first <= at < last)
        moves += (move for move in _moves(block, hard, soft) if first <= move[0] < last)
        end_ms = block[-1][0] + 1
    if not end_ms:
        return Seen([], [])
    span = span or Span(0, end_ms)
    within = [cut for cut in cuts if span.start_ms <= cut < span.end_ms]
    return Seen(within, _seconds(span, end_ms, within, moves, noted))


def look(path: Path, span: Span | None = None, about: Probe | None = None) -> Seen:
    """The same of a file: the span is decoded in full, with what its ends need around it.

    `about` saves a probe. A file without a picture answers no cuts and no seconds.
    """
    video = (about or probe(path)).video
    return describe(frames.pictures(path, span, video), span) if video else Seen([], [])


def _small(pictures: Iterable[tuple[int, Frame]], noted: list[_Look]) -> Iterator[shots.Timed]:
    """The small frames; the larger ones are noted in passing."""
    last: Frame | None = None
    slot = -1
    for time_ms, picture in pictures:
        if picture.ndim != 2:
            yield time_ms, picture
        elif looks.same(picture, last):
            noted.append(noted[-1]._replace(time_ms=time_ms))
        else:
            # By the clock. To look for faces costs ten times what letters do, and they stay longer.
            before, slot = slot, time_ms // FACES_EVERY_MS
            faces = looks.faces(picture) if slot != before else noted[-1].faces
            noted.append(_Look(time_ms, faces, looks.text(picture)))
            last = picture


def _moves(block: Sequence[shots.Timed], hard: Sequence[int], soft: Sequence[int]) -> list[_Move]:
    """At every fifth of a second by the clock; nothing while one shot dissolves into another."""
    stamps = np.array([time_ms for time_ms, _ in block])
    places = np.unique(stamps // motion.STEP_MS, return_index=True)[1]
    times = [int(stamps[i]) for i in places]
    gray = [cv2.cvtColor(block[i][1], cv2.COLOR_BGR2GRAY) for i in places]
    parted = [False]
    for before, after in pairwise(times):
        cut = any(before < at <= after for at in hard)
        parted.append(
            cut or any(before - DISSOLVING_MS < at < after + DISSOLVING_MS for at in soft)
        )
    told = motion.moved(gray, times, parted)
    return [(at, move) for at, move in zip(times[1:], told, strict=True) if move is not None]


def _seconds(
    span: Span, end_ms: int, cuts: Sequence[int], moves: Sequence[_Move], noted: Sequence[_Look]
) -> list[Second]:
    count = -(-span.length_ms // 1000)
    swept: list[list[float]] = [[] for _ in range(count)]
    panned: list[list[float]] = [[] for _ in range(count)]
    number = [0] * count
    for at_ms, move in moves:
        if 0 <= (i := (at_ms - span.start_ms) // 1000) < count:
            swept[i].append(1 - math.exp(-move.area / SWEPT))
            panned[i].append(1 - math.exp(-move.camera_px / PANNED_PX))
    for cut in cuts:
        number[(cut - span.start_ms) // 1000] += 1
    shown = _shown(span, end_ms, noted)
    return [
        {
            "motion": _mean(swept[i]),
            "camera": _mean(panned[i]),
            "cuts": 1 - 0.5 ** number[i],
            "faces": round(shown[i].faces, 3),
            "text": round(shown[i].text, 3),
        }
        for i in range(count)
    ]


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 3) if values else 0.0


def _shown(span: Span, end_ms: int, noted: Sequence[_Look]) -> list[_Look]:
    """For each second the last look before its end; nothing after the last frame."""
    nothing, found = _Look(0, 0.0, 0.0), []
    stamps = [one.time_ms for one in noted]
    for start_ms in range(span.start_ms, span.end_ms, 1000):
        i = bisect_left(stamps, start_ms + 1000) - 1
        stands = i >= 0 and start_ms - stamps[i] < SHOWN_MS and start_ms < end_ms
        found.append(noted[i] if stands else nothing)
    return found
