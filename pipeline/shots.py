"""Cuts: where one shot ends and the next begins. Small frames in, times out."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.frames import Frame, small_frames
from pipeline.timeline import Span

Gray = NDArray[np.float32]

NEAR = 6
"""Frames at each side whose unrest a cut must stand out from."""
RETURN_MS = 500
"""A flash is over, and the picture the same again, within this time."""
BLACK, BLANK = 28.0, 5.0
"""Brightest twentieth of a black frame, and deviation of an empty one (of 255)."""
SAME = 0.8
"""Correlation above which two pictures show one shot: only light, or some thing, has changed."""
SHIFTED = 0.5
"""Share of a difference that a shift must explain to be called motion."""
LONG_BLACK_MS = 500
GRADUAL_STEP_MS = 80
GRADUAL_MS = (640, 1_120)
"""Lengths of dissolve that are looked for."""
BLOCK, KEPT = 400, 100
"""Frames looked at together, and those looked at again with the next block."""


def cuts_in(path: Path, span: Span | None = None) -> tuple[int, ...]:
    """The time of the first frame of each new shot in the span; every frame of it is decoded."""
    return tuple(find_cuts(small_frames(path, span)))


def find_cuts(frames: Iterable[tuple[int, Frame]]) -> list[int]:
    """Times (ms) of first frames of new shots; of a dissolve or fade, one time inside it.

    Frames are (height, width) or (height, width, 3), any small size, in order of time. Flashes,
    explosions and whip pans are no cuts. Holds some hundred frames at a time.
    """
    found: list[int] = []
    for block, first, last in _blocks(frames):
        for time_ms in _cuts_of(block):
            if first <= time_ms < last:
                found.append(time_ms)
    return sorted(set(found))


def _blocks(
    frames: Iterable[tuple[int, Frame]],
) -> Iterator[tuple[Sequence[tuple[int, Frame]], float, float]]:
    """Overlapping blocks, each with the times between which it is the one that decides."""
    held: deque[tuple[int, Frame]] = deque()
    decided = -np.inf
    for frame in frames:
        held.append(frame)
        if len(held) == BLOCK:
            last = held[-KEPT // 2][0]
            yield list(held), decided, last
            decided = last
            while len(held) > KEPT:
                held.popleft()
    if held:
        yield list(held), decided, np.inf


@dataclass(frozen=True)
class _Block:
    times: NDArray[np.int64]
    small: NDArray[np.float32]
    """(frames, pixels) with colours."""
    gray: Gray
    """(frames, pixels)"""
    shape: tuple[int, int]
    """Rows and columns of `gray`."""
    change: NDArray[np.float32]
    """Mean difference to the frame before; 0 for the first."""


def _cuts_of(frames: Sequence[tuple[int, Frame]]) -> list[int]:
    if len(frames) < 3:
        return []
    block = _prepared(frames)
    sudden = _sudden(block)
    hard = [i for i in sudden if not _returns(block, i)]
    empty = _empty(block)
    faded = _fades(block, empty, sudden)
    soft = _dissolves(block, [*hard, *np.flatnonzero(empty)])
    return [int(block.times[i]) for i in sorted({*hard, *faded, *soft})]


def _prepared(frames: Sequence[tuple[int, Frame]]) -> _Block:
    stack = np.stack([frame for _, frame in frames]).astype(np.float32)
    if stack.ndim == 3:
        stack = stack[..., None]
    change = np.concatenate([[0], np.abs(np.diff(stack, axis=0)).mean((1, 2, 3))]).astype(
        np.float32
    )
    count, high, wide, colours = stack.shape
    halves = stack[:, : high // 2 * 2, : wide // 2 * 2].reshape(
        count, high // 2, 2, wide // 2, 2, colours
    )
    halved = halves.mean((2, 4))
    return _Block(
        times=np.array([time for time, _ in frames]),
        small=halved.reshape(count, -1),
        gray=halved.mean(3).reshape(count, -1),
        shape=(high // 2, wide // 2),
        change=change,
    )


def _sudden(block: _Block) -> list[int]:
    """Frames that differ from the one before far more than those around them do from theirs."""
    change, found = block.change, []
    for i in np.flatnonzero(change >= 5):
        before, after = change[max(1, i - NEAR) : i], change[i + 1 : i + 1 + NEAR]
        beside = max([*before[-2:], *after[:2], 0.0])
        if change[i] < beside:
            continue
        # The third highest: one or two more cuts may be near, a run of unrest may not.
        near = np.sort(np.concatenate([before, after]))
        usual = float(near[-3]) if len(near) >= 3 else 0.0
        alike = float(_alike(block.gray[i - 1 : i], block.gray[i : i + 1])[0, 0])
        alone = change[i] >= (1.9 * usual + 4) * (1 + max(0.0, alike - 0.3))
        # Out of a quiet shot into a wild one, or back.
        calm = min(float(np.max(side, initial=0)) for side in (before, after))
        edge = change[i] >= 4 * calm + 10 and change[i] >= 1.2 * beside and alike < 0.4
        if alone or edge:
            found.append(int(i))
    return found


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

    def normed(gray: Gray) -> Gray:
        centred = gray - gray.mean(1, keepdims=True)
        return np.asarray(centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-3))

    return np.asarray(normed(some) @ normed(others).T)


def _empty(block: _Block) -> NDArray[np.bool_]:
    """Frames that are black, or of one colour."""
    spread = block.gray.std(1)
    black = (np.percentile(block.gray, 95, axis=1) < BLACK) & (spread < BLANK * 2)
    return np.asarray(black | (spread < BLANK))


def _fades(block: _Block, empty: NDArray[np.bool_], sudden: Sequence[int]) -> list[int]:
    """One time in each run of empty frames that a picture fades into, or out of, or both."""
    spread = block.gray.std(1)
    edges = np.flatnonzero(np.diff(empty.astype(np.int8))).tolist()
    found = []
    for a, b in pairwise(edges):
        seen = [
            np.max(part, initial=0)
            for part in (spread[max(0, a - 25) : a + 1], spread[b + 1 : b + 26])
        ]
        if not empty[a + 1] or min(seen) < 3 * BLANK or _still_there(block, a, b):
            continue
        into, out_of = (any(abs(i - edge) <= 3 for i in sudden) for edge in (a, b))
        alone = block.times[b] - block.times[a] >= LONG_BLACK_MS
        if not into and not out_of:
            found.append((a + 1 + b) // 2)
        elif alone and not (into and out_of):
            # The black is a shot of its own: a cut at one end of it, a fade at the other.
            found.append(b + 1 if into else a + 1)
    return found


def _still_there(block: _Block, a: int, b: int) -> bool:
    """A short loss of light in one shot is no cut."""
    before, after = block.gray[max(0, a - 8) : a + 1], block.gray[b + 1 : b + 9]
    short = block.times[b] - block.times[a] <= RETURN_MS
    return bool(short and (_alike(before, after) > 0.9).any())


def _dissolves(block: _Block, taken: Sequence[int]) -> list[int]:
    """Stretches where the picture between two moments is a mixture of both."""
    found: list[tuple[float, int]] = []
    step = max(1, round(GRADUAL_STEP_MS / max(1.0, float(np.median(np.diff(block.times))))))
    stops = block.times[list(taken)] if taken else np.zeros(0)
    for length in GRADUAL_MS:
        for i in range(0, len(block.times), step):
            if np.abs(stops - block.times[i]).min(initial=GRADUAL_MS[-1]) < GRADUAL_MS[-1]:
                continue
            if (score := _mixture(block, i, length)) > 0:
                found.append((score, i))
    kept: list[int] = []
    for _, i in sorted(found, reverse=True):
        if all(abs(block.times[j] - block.times[i]) >= GRADUAL_MS[-1] for j in kept):
            kept.append(i)
    return kept


def _mixture(block: _Block, i: int, length_ms: int) -> float:
    a = int(np.searchsorted(block.times, block.times[i] - length_ms // 2))
    b = int(np.searchsorted(block.times, block.times[i] + length_ms // 2))
    if a == 0 or b >= len(block.times) - 1 or b - a < 6:
        return 0.0
    first, last = block.small[a], block.small[b]
    apart = last - first
    distance = float(np.abs(apart).mean())
    ends = block.gray[[a, b]]
    if distance < 12 or ends.std(1).min() < 2 * BLANK:
        return 0.0
    between = [block.small[a + (b - a) * k // 4] for k in (1, 2, 3)]
    shares = [float(((frame - first) * apart).sum() / (apart * apart).sum()) for frame in between]
    left = [
        np.abs(frame - first - s * apart).mean() for frame, s in zip(between, shares, strict=True)
    ]
    if not (0.05 < shares[0] < shares[1] - 0.08 and shares[1] + 0.08 < shares[2] < 0.95):
        return 0.0
    alike = float(_alike(block.gray[a : a + 1], block.gray[b : b + 1])[0, 0])
    mixed = 0.30 - float(np.mean(left)) / distance
    # A slow pan can look like a mixture, but its ends are near to each other and alike.
    score = distance / 100 + mixed - 0.35 * alike - 0.23 if mixed > 0 else 0.0
    return score if score > 0 and alike < SAME and not _moved(block, a, (a + b) // 2) else 0.0


def _moved(block: _Block, a: int, b: int) -> bool:
    """Is frame b mostly frame a shifted, in whatever light?"""
    pair = block.gray[[a, b]]
    pair = (pair - pair.mean(1, keepdims=True)) / (pair.std(1, keepdims=True) + 1)
    first, second = pair.reshape(2, *block.shape)
    rows, columns = block.shape
    still = float(np.abs(second - first).mean())
    for down in range(-rows // 8, rows // 8 + 1):
        for right in range(-columns // 5, columns // 5 + 1):
            here = second[
                max(0, down) : rows + min(0, down), max(0, right) : columns + min(0, right)
            ]
            there = first[
                max(0, -down) : rows + min(0, -down), max(0, -right) : columns + min(0, -right)
            ]
            if float(np.abs(here - there).mean()) < SHIFTED * still:
                return True
    return False
