"""Curves of equal steps: smoothing, runs, holes. Arrays in, arrays out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[Any]
"""A value for each STEP_MS of pipeline.curves."""
Flags = NDArray[np.bool_]


def smooth(curve: Curve, width: int) -> Curve:
    """The mean of `width` values around each; a curve shorter than that stays as it is."""
    if len(curve) < width:
        return curve
    padded = np.pad(curve, (width // 2, (width - 1) // 2), mode="edge")
    return np.convolve(padded, np.ones(width) / width, "valid").astype(np.float32)


def runs(on: Flags) -> list[tuple[int, int]]:
    """First and one past the last of each stretch that is on."""
    edges = np.diff(np.concatenate([[0], on.astype(np.int8), [0]]))
    return list(
        zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True)
    )


def closed(on: Flags, gap: int) -> Flags:
    """Holes of at most `gap` filled; what is off at the ends stays off."""
    filled = on.copy()
    for a, b in runs(~on):
        if b - a <= gap and a > 0 and b < len(on):
            filled[a:b] = True
    return filled


def ramp(value: Curve, at: float, width: float) -> Curve:
    """0..1: half at `at`, rising over `width`."""
    return np.asarray(np.clip((value - at) / width + 0.5, 0, 1))


def percentile_around(curve: Curve, half: int, percent: float, every: int) -> Curve:
    """Of what is at most `half` steps away, taken every `every` steps."""
    if not len(curve):
        return curve
    at = np.arange(0, len(curve), every)
    found = np.empty(len(at), np.float32)
    whole = (at >= half) & (at + half < len(curve))
    if whole.any():
        windows = np.lib.stride_tricks.sliding_window_view(curve, 2 * half + 1)
        # Some at a time: all windows of hours at once would be the most that a scout holds.
        for some in np.array_split(np.flatnonzero(whole), 1 + len(at) // 200):
            found[some] = np.percentile(windows[at[some] - half], percent, axis=1)
    for number in np.flatnonzero(~whole):
        near = curve[max(0, at[number] - half) : at[number] + half + 1]
        found[number] = np.percentile(near, percent)
    return np.repeat(found, every)[: len(curve)]
