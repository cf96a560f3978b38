"""A recording's timeline as shapes: x in percent of its length, curve heights 0..100."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from catalog import why
from catalog.moments import Fate
from catalog.recordings import Detail
from catalog.web.words import clock

STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
MOST_TICKS = 8
MOST_POINTS = 1000
"""A curve drawn finer than the widest screen only costs bytes."""
ALL = 43_200
"""No curve is longer: a recording lasts 12 hours at most."""
MOST_MARKS = 2000
MOST_PARTS = 14
BIG_LANES, LANES = 2, 3


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Block:
    moment: Fate
    left: float
    width: float
    big: bool
    """A clip, or what was one; the others are drawn smaller."""
    lane: int
    """From 0, of its size."""

    @property
    def look(self) -> str:
        if not self.big:
            return "rejected"
        if self.moment.standing in ("discarded", "replaced"):
            return "discarded"
        return "asked" if self.moment.candidate.asked_ms is not None else "chosen"


@dataclass(frozen=True)
class Timeline:
    duration_ms: int
    ticks: Sequence[Tick]
    points: str
    """The score curve as an area, for a box of 1000 x 100."""
    parts: Sequence[str]
    """Curves that can be drawn beside the score."""
    blocks: Sequence[Block]
    shots: str
    """A path with a mark at each cut, for a box of 1000 x 10."""
    cuts: int

    @property
    def looks(self) -> set[str]:
        return {block.look for block in self.blocks}

    def lanes(self, *, big: bool) -> int:
        return max((block.lane + 1 for block in self.blocks if block.big == big), default=0)


def drawn(detail: Detail) -> Timeline | None:
    """None where the length isn't known yet."""
    recording = detail.recording
    if not recording.duration_ms:
        return None
    curve = recording.analysis.curve if recording.analysis else []
    cuts = cuts_of(detail)
    return Timeline(
        duration_ms=recording.duration_ms,
        ticks=_ticks(recording.duration_ms),
        points=_area([float(second.get("score", 0.0)) for second in curve]),
        parts=_parts(detail),
        blocks=_blocks(detail, recording.duration_ms),
        shots=_marks(cuts, recording.duration_ms),
        cuts=len(cuts),
    )


def cuts_of(detail: Detail) -> list[int]:
    return sorted({cut for chunk in detail.recording.pictures for cut in chunk.cuts})


def thinned(
    curve: Sequence[dict[str, Any]], start_s: int, end_s: int, most: int
) -> tuple[int, dict[str, list[float]]]:
    """Seconds a step, and the highest of each step by part; peaks survive."""
    wanted = curve[start_s:end_s]
    step = -(-len(wanted) // most) if wanted else 1
    by_part = columns(wanted)
    if step == 1:
        return 1, by_part
    return step, {
        name: [max(column[i : i + step]) for i in range(0, len(column), step)]
        for name, column in by_part.items()
    }


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


def _parts(detail: Detail) -> list[str]:
    """Those that are ever more than nothing, the strongest first."""
    highest: dict[str, float] = {}
    for second in why.curve(detail):
        for name, value in second.items():
            if value > highest.get(name, why.HEARD):
                highest[name] = value
    highest.pop("score", None)
    return sorted(highest, key=lambda name: (-highest[name], name))[:MOST_PARTS]


def _marks(cuts: Sequence[int], duration_ms: int) -> str:
    places = sorted({min(cut * MOST_MARKS // duration_ms, MOST_MARKS) for cut in cuts})
    return " ".join(f"M{place * 1000 / MOST_MARKS:g} 0v10" for place in places)


def _blocks(detail: Detail, duration_ms: int) -> list[Block]:
    ends = {True: [0] * BIG_LANES, False: [0] * LANES}
    blocks = []
    for moment in sorted(detail.moments, key=lambda one: (one.start_ms, one.candidate.rank)):
        big = moment.standing != "not chosen"
        end_ms = min(moment.end_ms, duration_ms)
        blocks.append(
            Block(
                moment=moment,
                left=moment.start_ms / duration_ms * 100,
                width=max(end_ms - moment.start_ms, 0) / duration_ms * 100,
                big=big,
                lane=_lane(ends[big], moment),
            )
        )
    return blocks


def _lane(ends: list[int], moment: Fate) -> int:
    """The first row that is free by then, else the one that is free soonest."""
    lane = next((i for i, end in enumerate(ends) if end <= moment.start_ms), None)
    lane = ends.index(min(ends)) if lane is None else lane
    ends[lane] = max(ends[lane], moment.end_ms)
    return lane
