"""A recording's timeline as shapes: x in percent of its length, curve heights 0..100."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from catalog.recordings import Detail
from catalog.web.words import clock
from models.analysis import Candidate

STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
MOST_TICKS = 8
MOST_POINTS = 1000
"""A curve drawn finer than the widest screen only costs bytes."""
LANES = 3


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Block:
    candidate: Candidate
    number: int
    left: float
    width: float
    lane: int
    """0 for the chosen; the others share LANES rows."""


@dataclass(frozen=True)
class Timeline:
    duration_ms: int
    ticks: Sequence[Tick]
    points: str
    """The score curve as an area, for a box of 1000 x 100."""
    blocks: Sequence[Block]

    @property
    def lanes(self) -> int:
        return max((block.lane for block in self.blocks), default=0)


def drawn(detail: Detail) -> Timeline | None:
    """None where the length isn't known yet."""
    recording = detail.recording
    if not recording.duration_ms:
        return None
    curve = recording.analysis.curve if recording.analysis else []
    return Timeline(
        duration_ms=recording.duration_ms,
        ticks=_ticks(recording.duration_ms),
        points=_area([float(second.get("score", 0.0)) for second in curve]),
        blocks=_blocks(detail, recording.duration_ms),
    )


def columns(curve: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """The curve by part instead of by second: a tenth of the bytes for a browser."""
    names = dict.fromkeys(name for second in curve for name in second)
    return {name: [round(float(s.get(name, 0.0)), 3) for s in curve] for name in names}


def _ticks(duration_ms: int) -> list[Tick]:
    fitting = (step for step in STEPS_S if duration_ms / step / 1000 <= MOST_TICKS)
    step_ms = next(fitting, STEPS_S[-1]) * 1000
    return [Tick(at / duration_ms * 100, clock(at)) for at in range(0, duration_ms, step_ms)]


def _area(scores: Sequence[float]) -> str:
    """Peaks survive the thinning: each point is the highest second of its stretch."""
    if not scores:
        return ""
    points = min(len(scores), MOST_POINTS)
    edges = [round(i * len(scores) / points) for i in range(points + 1)]
    tops = [max(scores[a:b]) for a, b in pairwise(edges)]
    step = 1000 / points
    shape = [
        f"{i * step + step / 2:.1f},{100 - min(max(top, 0.0), 1.0) * 100:.1f}"
        for i, top in enumerate(tops)
    ]
    first, last = shape[0].split(",")[1], shape[-1].split(",")[1]
    return " ".join(["0,100", f"0,{first}", *shape, f"1000,{last}", "1000,100"])


def _blocks(detail: Detail, duration_ms: int) -> list[Block]:
    ends = [0] * LANES
    blocks = []
    for candidate in sorted(detail.recording.candidates, key=lambda c: (c.start_ms, c.rank)):
        lane = 0 if candidate.chosen else _lane(ends, candidate)
        end_ms = min(candidate.end_ms, duration_ms)
        blocks.append(
            Block(
                candidate=candidate,
                number=candidate.rank + 1,
                left=candidate.start_ms / duration_ms * 100,
                width=max(end_ms - candidate.start_ms, 0) / duration_ms * 100,
                lane=lane,
            )
        )
    return blocks


def _lane(ends: list[int], candidate: Candidate) -> int:
    """The first row that is free by then, else the one that is free soonest."""
    lane = next((i for i, end in enumerate(ends) if end <= candidate.start_ms), None)
    lane = ends.index(min(ends)) if lane is None else lane
    ends[lane] = max(ends[lane], candidate.end_ms)
    return lane + 1
