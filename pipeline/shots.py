"""Cuts: where one shot ends and the next begins. Small frames in, times out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline import motion
from pipeline.frames import CONTEXT_MS, LONGEST_MS, Frame, small_frames
from pipeline.timeline import Span

Gray = NDArray[np.float32]
Timed = tuple[int, Frame]

CONTEXT_FRAMES = 12
"""At least so many frames, and CONTEXT_MS, are seen at each side of a moment that is decided."""
BLOCK = 400
"""Frames looked at together."""

NEAR = 6
"""Frames at each side whose unrest a cut must stand out from."""
RETURN_MS = 500
"""A flash is over, and the picture the same again, within this time."""
BLACK, BLANK = 28.0, 5.0
"""Brightest twentieth of a black frame, and deviation of an empty one (of 255)."""
SAME = 0.8
"""Correlation above which two pictures show one shot: only light, or some thing, has changed."""
WAY_MS, WAY_STEPS = 640, 13
EXPLAINED = 0.33
"""Share of the picture that may be new after WAY_MS where it is the camera that moved."""
TORN = 0.58
"""Share of colours beyond which a sudden unrest may be the same shot."""
SEEN_MS, OPENING_MS = 1_000, 500
LONG_BLACK_MS, FLASH_MS = 500, 160
GRADUAL_STEP_MS = 80
GRADUAL_MS = (640, 1_120)
"""Lengths of dissolve that are looked for."""
WIDE = 0.45
"""Share of the picture that a dissolve changes; a title that comes up changes less."""


def cuts_in(path: Path, span: Span | None = None) -> tuple[int, ...]:
    """The time of the first frame of each new shot in the span; every frame of it is decoded."""
    return tuple(find_cuts(small_frames(path, span)))


def find_cuts(frames: Iterable[Timed]) -> list[int]:
    """Times (ms) of first frames of new shots; of a dissolve or fade, one time inside it.

    Frames are (height, width) or (height, width, 3), any small size, in order of time. Flashes,
    explosions and whip pans are no cuts. Holds some hundred frames at a time.
    """
    found: list[int] = []
    for block, first, last in blocks(frames):
        found += sorted(at for kind in changes(block) for at in kind if first <= at < last)
    return found


def blocks(frames: Iterable[Timed]) -> Iterator[tuple[Sequence[Timed], float, float]]:
    """Overlapping blocks, each with the times between which it is the one that decides."""
    held: list[Timed] = []
    decided = -np.inf
    for frame in _in_order(frames):
        held.append(frame)
        if len(held) < BLOCK or frame[0] - held[0][0] < 4 * CONTEXT_MS:
            continue
        times = np.array([time_ms for time_ms, _ in held])
        at = _before(times, len(times) - 1)
        yield held, decided, held[at][0]
        decided = held[at][0]
        held = held[_before(times, at) :]
    if held:
        yield held, decided, np.inf


def _in_order(frames: Iterable[Timed]) -> Iterator[Timed]:
    """Times rise: of two frames that contradict each other one is left out."""
    last, held = -1, None
    for frame in frames:
        if not last < frame[0] < LONGEST_MS:
            continue
        if held is not None and held[0] < frame[0]:
            yield held
            last = held[0]
        # Else the held one's stamp lay ahead of all that follow it.
        held = frame
    if held is not None:
        yield held


def _before(times: NDArray[np.int64], i: int) -> int:
    """The frame that has the context between it and frame i."""
    return max(0, min(i - CONTEXT_FRAMES, int(np.searchsorted(times, times[i] - CONTEXT_MS)) - 1))


@dataclass(frozen=True)
class _Block:
    frames: Sequence[Timed]
    times: NDArray[np.int64]
    small: NDArray[np.float32]
    """(frames, pixels) with colours."""
    gray: Gray
    """(frames, pixels)"""
    change: NDArray[np.float32]
    """Mean difference to the frame before; 0 for the first."""


def changes(frames: Sequence[Timed]) -> tuple[list[int], list[int]]:
    """Hard cuts, and dissolves and fades; those of the first and last CONTEXT_MS may be wrong."""
    if len(frames) < 3:
        return [], []
    block = _prepared(frames)
    sudden = _sudden(block)
    hard = [i for i in sudden if not _returns(block, i)]
    empty = _empty(block)
    faded = _fades(block, empty, sudden)
    soft = _dissolves(block, [*hard, *np.flatnonzero(empty)])
    gradual = {*faded, *soft} - {*hard}
    return [int(block.times[i]) for i in hard], [int(block.times[i]) for i in gradual]


def _prepared(frames: Sequence[Timed]) -> _Block:
    high, wide = frames[0][1].shape[:2]
    stack = np.stack([frame for _, frame in frames]).reshape(len(frames), -1)
    change = np.zeros(len(frames), np.float32)
    differences = cv2.absdiff(stack[1:], stack[:-1])
    change[1:] = cv2.reduce(differences, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[:, 0]
    shape = (high // 2, wide // 2)
    halved = np.stack(
        [
            cv2.resize(
                frame[: high // 2 * 2, : wide // 2 * 2], shape[::-1], interpolation=cv2.INTER_AREA
            )
            for _, frame in frames
        ]
    ).astype(np.float32)
    gray = halved.mean(3) if halved.ndim == 4 else halved
    return _Block(
        frames=frames,
        times=np.array([time for time, _ in frames]),
        small=halved.reshape(len(frames), -1),
        gray=gray.reshape(len(frames), -1),
        change=change,
    )


def _sudden(block: _Block) -> list[int]:
    """Frames that differ from the one before far more than those around them do from theirs."""
    change, found = block.change, []
    for i in np.flatnonzero(change >= 5):
        before, after = change[max(1, i - NEAR) : i], change[i + 1 : i + 1 + NEAR]
        beside = max([*before[-2:], *after[:2], 0.0])
        alike = float(_alike(block.gray[i - 1 : i], block.gray[i : i + 1])[0, 0])
        calm = min(float(np.max(side, initial=0)) for side in (before, after))
        if change[i] < beside:
            # Out of a still shot into a wild one, or back; a whip pan goes on in its own colours.
            known = len(before) >= NEAR - 1 and len(after) == NEAR
            torn = known and change[i] >= max(20.0, 8 * calm) and alike < 0.3
            if torn and _colours_shared(block, int(i)) < TORN:
                found.append(int(i))
            continue
        # The third highest: one or two more cuts may be near, a run of unrest may not.
        near = np.sort(np.concatenate([before, after]))
        usual = float(near[-3]) if len(near) >= 3 else 0.0
        alone = change[i] >= (1.9 * usual + 4) * (1 + max(0.0, alike - 0.3))
        edge = change[i] >= 4 * calm + 10 and change[i] >= 1.2 * beside and alike < 0.4
        # One of many in a row: still most frames are like the one before.
        mostly = float(np.median(near)) if len(near) > NEAR else change[i]
        many = change[i] >= 6 * mostly + 8 and alike < 0.3
        if alone or edge or many:
            found.append(int(i))
    return found


def _colours_shared(block: _Block, i: int) -> float:
    """With the frame before: 1 where both have each colour as often."""
    shares = []
    for _, picture in block.frames[i - 1 : i + 1]:
        channels = [0, 1, 2] if picture.ndim == 3 else [0]
        bins, ends = ([6] * 3, [0, 256] * 3) if picture.ndim == 3 else ([24], [0, 256])
        counted = cv2.calcHist([picture], channels, None, bins, ends)
        shares.append(counted.ravel() / counted.sum())
    return float(np.minimum(*shares).sum())


def _grays(block: _Block, places: Iterable[int]) -> list[Any]:
    found: list[Any] = [block.frames[i][1] for i in places]
    return [cv2.cvtColor(one, cv2.COLOR_BGR2GRAY) if one.ndim == 3 else one for one in found]


def _returns(block: _Block, i: int) -> bool:
    """Is the picture soon what it was before, or the same picture in another light?"""
    before = block.gray[max(0, i - 2) : i]
    last = int(np.searchsorted(block.times, block.times[i] + RETURN_MS))
    after = block.gray[i : max(last, i + 4)]
    alike = _alike(before, after)
    apart = np.abs(before[:, None] - after[None]).mean(2)
    same = (alike > 0.85) & (apart < 0.4 * block.change[i])
    return bool(same[:, 1:].any() or alike[-1, 0] > SAME)


def _alike(some: Gray, others: Gray) -> NDArray[np.float32]:
    """Correlation of each with each: 1 for the same picture, however bright."""
    return np.asarray(_normed(some) @ _normed(others).T)


def _normed(gray: Gray) -> Gray:
    centred = gray - gray.mean(1, keepdims=True)
    return np.asarray(centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-3))


def _empty(block: _Block) -> NDArray[np.bool_]:
    """Frames that are black, or of one colour."""
    spread = block.gray.std(1)
    bright = np.partition(block.gray, -(block.gray.shape[1] // 20), axis=1)
    black = (bright[:, -(block.gray.shape[1] // 20)] < BLACK) & (spread < BLANK * 2)
    return np.asarray(black | (spread < BLANK))


def _fades(block: _Block, empty: NDArray[np.bool_], sudden: Sequence[int]) -> list[int]:
    """Where a picture fades into black or out of it: one time for a short black, else each end."""
    padded = np.concatenate([[False], empty, [False]]).astype(np.int8)
    starts, ends = np.flatnonzero(np.diff(padded) > 0), np.flatnonzero(np.diff(padded) < 0)
    found: list[int] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        into = start > 0 and _faded(block, start - 1, -1, sudden)
        out_of = end < len(empty) and _faded(block, end, 1, sudden)
        length_ms = block.times[min(end, len(empty) - 1)] - block.times[start]
        if start > 0 and end < len(empty) and length_ms < CONTEXT_MS:
            found += _short_black(block, start, end, into, out_of)
            continue
        if into and length_ms >= LONG_BLACK_MS:
            found.append(start)
        if out_of and (start > 0 or block.times[0] > OPENING_MS):
            found.append(end)
    return found


def _short_black(block: _Block, start: int, end: int, into: bool, out_of: bool) -> list[int]:
    if into and out_of:
        flash = block.gray[start].mean() > 128 and block.times[end] - block.times[start] < FLASH_MS
        return [] if flash or _still_there(block, start, end) else [(start + end) // 2]
    # The black is a shot of its own: a cut at one end of it, a fade at the other.
    if (into or out_of) and block.times[end] - block.times[start] >= LONG_BLACK_MS:
        return [start if into else end]
    return []


def _faded(block: _Block, i: int, way: int, sudden: Sequence[int]) -> bool:
    """Does a picture go by degrees at that side of an empty run? A flash is there at once."""
    a, b = sorted((block.times[i], block.times[i] + way * SEEN_MS))
    spread = block.gray[(block.times >= a) & (block.times <= b)].std(1)
    edge = i + 1 if way < 0 else i
    by_degrees = spread[-1 if way < 0 else 0] < 0.6 * spread.max(initial=0)
    uncut = all(abs(j - edge) > 3 for j in sudden)
    return bool(spread.max(initial=0) >= 3 * BLANK and by_degrees and uncut)


def _still_there(block: _Block, start: int, end: int) -> bool:
    """A short loss of light in one shot is no cut."""
    before, after = block.gray[max(0, start - 9) : start], block.gray[end : end + 8]
    short = block.times[end] - block.times[start] <= RETURN_MS
    return bool(short and (_alike(before, after) > 0.9).any())


def _dissolves(block: _Block, taken: Sequence[int]) -> list[int]:
    """Stretches where the picture between two moments is a mixture of both."""
    step = GRADUAL_STEP_MS
    # By the clock, so that pieces of a recording are looked at in the same places.
    grid = np.arange(-(-block.times[0] // step) * step, block.times[-1], step)
    places = np.unique(np.searchsorted(block.times, grid))
    stops = np.array([-9_999, *block.times[sorted(taken)], 2 * LONGEST_MS])
    after = np.searchsorted(stops, block.times[places])
    times = block.times[places]
    gaps = np.minimum(times - stops[after - 1], stops[after] - times)
    scores: dict[int, float] = {}
    for length in GRADUAL_MS:
        free = places[gaps >= length // 2 + step]
        ends = _ends(block, free, length)
        size = np.abs(block.small[ends[1]] - block.small[ends[0]]).mean(1)
        for i, a, b in zip(free[size >= 12], *ends[:, size >= 12], strict=True):
            scores[int(i)] = max(scores.get(int(i), 0.0), _mixture(block, int(a), int(b)))
    found = [i for i, score in scores.items() if score > 0]
    apart = GRADUAL_MS[-1] // 2

    def best(i: int) -> bool:
        rivals = [j for j in found if abs(block.times[j] - block.times[i]) <= apart]
        return i == max(rivals, key=lambda j: (scores[j], -j))

    return sorted(i for i in found if best(i) and not _moved(block, i))


def _ends(block: _Block, places: NDArray[np.int64], length_ms: int) -> NDArray[np.int64]:
    """Two rows: the frames half the length before and after each place."""
    times = block.times[places]
    first = np.searchsorted(block.times, times - length_ms // 2)
    last = np.searchsorted(block.times, times + length_ms // 2)
    return np.stack([first, np.minimum(last, len(block.times) - 1)])


def _mixture(block: _Block, a: int, b: int) -> float:
    """How clearly the frames between a and b are mixtures of these two; 0 where they are not."""
    if a == 0 or b >= len(block.times) - 1 or b - a < 6:
        return 0.0
    first, last = block.small[a], block.small[b]
    apart = last - first
    size = np.abs(apart)
    distance = float(size.mean())
    if float((size > distance / 2).mean()) < WIDE:
        return 0.0
    ends = block.gray[[a, b]]
    if ends.std(1).min() < 2 * BLANK:
        return 0.0
    between = block.small[[a + (b - a) * k // 4 for k in (1, 2, 3)]] - first
    shares = between @ apart / float(apart @ apart)
    left = np.abs(between - shares[:, None] * apart).mean(1)
    if not (0.05 < shares[0] < shares[1] - 0.08 and shares[1] + 0.08 < shares[2] < 0.95):
        return 0.0
    alike = float(_alike(ends[:1], ends[1:])[0, 0])
    mixed = 0.30 - float(np.mean(left)) / distance
    # A slow pan can look like a mixture, but its ends are near to each other and alike.
    score = distance / 100 + mixed - 0.35 * alike - 0.23 if mixed > 0 else 0.0
    return score if score > 0 and alike < SAME else 0.0


def _moved(block: _Block, i: int) -> bool:
    """Is it one picture that went by, in whatever light? Seen along the way, in small steps."""
    first, last = np.searchsorted(block.times, block.times[i] + np.array([-1, 1]) * WAY_MS // 2)
    steps = np.linspace(first, min(last, len(block.times) - 1), WAY_STEPS).astype(int)
    return motion.unexplained(_grays(block, np.unique(steps))) < EXPLAINED
