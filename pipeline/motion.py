"""What moves between two small pictures: the camera, told apart from what is before it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Points = NDArray[Any]
Matrix = NDArray[np.float64]
"""2 x 3, from places in the earlier picture to places in the later one."""

STILL = 8
"""A smoothed difference (of 255) below this is noise, or the shimmer of compression."""
ALL_OVER = 0.6
"""Share of the picture beyond which no thing moves: the camera was swung too fast to follow."""
POINTS, ENOUGH, NEAR_PX = 80, 8, 0.7
SURE_PX, UNSEEN_PX = 0.3, 0.8
"""A camera that seems to move less stands; the latter where a still one explains all as well."""
LONGEST_MS = 1_000
"""Two pictures further apart say nothing about what moved between them."""
STEP_MS = 200


class Moved(NamedTuple):
    """Between two pictures, STEP_MS apart or scaled to that."""

    area: float
    """Share of the picture that things swept over, 0..1."""
    camera_px: float
    """How far the picture as a whole went, at a width of 96; 9.0 where it could not be followed."""


SWUNG = 9.0


def moved(
    pictures: Sequence[Gray], times: Sequence[int], parted: Sequence[bool]
) -> list[Moved | None]:
    """For each picture but the first: what moved since the one before; None where one can't say.

    `parted[i]`: between picture i - 1 and i lies a cut. A flash differs from what is before and
    after it, which are alike: a thing that moves has moved on.
    """
    steps = [
        None if i == 0 or parted[i] else _step(pictures[i - 1], pictures[i])
        for i in range(len(pictures))
    ]
    answers: list[Moved | None] = []
    for i in range(1, len(pictures)):
        step, apart_ms = steps[i], times[i] - times[i - 1]
        if step is None or apart_ms > LONGEST_MS:
            answers.append(None)
            continue
        matrix, area = step
        if area > 0:
            across = [
                _swept(pictures[j - 2], pictures[j], _joined(before[0], after[0]))
                for j in (i, i + 1)
                if 2 <= j < len(pictures)
                and (before := steps[j - 1]) is not None
                and (after := steps[j]) is not None
            ]
            area = min([area, *across])
        answers.append(_scaled(area, matrix, pictures[i].shape, apart_ms))
    return answers


def unlike(before: Gray, after: Gray) -> float:
    """The share of the picture that changed otherwise than by the camera; all of it at a cut."""
    return _step(before, after)[1]


def unexplained(pictures: Sequence[Gray]) -> float:
    """The share of the last that is not the first, moved with the camera on the way between."""
    way = _identity()
    lit = [_evenly_lit(picture) for picture in pictures]
    for before, after in pairwise(lit):
        matrix = _camera(before, after)
        if matrix is not None:
            way = _joined(way, matrix)
    return _swept(lit[0], lit[-1], way)


def _evenly_lit(picture: Gray) -> Any:
    """Points are found again by their own brightness: not in a picture that grows lighter."""
    mean, deviation = (float(one[0, 0]) for one in cv2.meanStdDev(picture))
    gain = min(4.0, 48 / (deviation + 1))
    return cv2.convertScaleAbs(picture, alpha=gain, beta=128 - gain * mean)


def _scaled(area: float, matrix: Matrix | None, shape: tuple[int, ...], apart_ms: int) -> Moved:
    part = STEP_MS / max(STEP_MS, apart_ms)
    if matrix is None or area > ALL_OVER:
        return Moved(0.0, SWUNG * part)
    return Moved(area * part, max(0.0, _length(matrix, shape) - SURE_PX) * part)


def _step(before: Gray, after: Gray) -> tuple[Matrix | None, float]:
    """How the camera moved, and the share of the picture that this does not explain."""
    difference = cv2.blur(cv2.absdiff(before, after), (3, 3))
    if int(difference.max()) < STILL:
        return _identity(), 0.0
    still = _swept(before, after, _identity())
    matrix = _camera(before, after)
    if matrix is None:
        return (None, still) if still > ALL_OVER else (_identity(), still)
    if still == 0 and _length(matrix, before.shape) < UNSEEN_PX:
        return _identity(), 0.0
    area = _swept(before, after, matrix)
    return (matrix, area) if area <= still else (_identity(), still)


def _identity() -> Matrix:
    return np.eye(2, 3)


def _joined(first: Matrix | None, then: Matrix | None) -> Matrix:
    if first is None or then is None:
        return _identity()
    return np.asarray((np.vstack([then, [0, 0, 1]]) @ np.vstack([first, [0, 0, 1]]))[:2])


def _length(matrix: Matrix, shape: tuple[int, ...]) -> float:
    """The mean way of the picture's corners: a zoom and a roll count as well as a shift."""
    high, wide = shape[:2]
    corners = np.array([[0, 0, 1], [wide, 0, 1], [0, high, 1], [wide, high, 1]], np.float64).T
    return float(np.linalg.norm(matrix @ corners - corners[:2], axis=0).mean()) * 96 / wide


def _camera(before: Gray, after: Gray) -> Matrix | None:
    """Shift, zoom and roll that most of the picture agrees on; None where there is none."""
    points = cv2.goodFeaturesToTrack(before, POINTS, 0.02, 4)
    if points is None or len(points) < ENOUGH:
        return None
    matrix = _agreed(before, after, points, points)
    if matrix is None and (shift := _shift(before, after)) is not None:
        matrix = _agreed(before, after, points, points + shift)
    return matrix


def _agreed(before: Gray, after: Gray, points: Points, guess: Points) -> Matrix | None:
    found, seen, _ = cv2.calcOpticalFlowPyrLK(
        before,
        after,
        points,
        guess.astype(np.float32),
        winSize=(9, 9),
        maxLevel=2,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    kept = seen[:, 0] == 1
    if kept.sum() < ENOUGH:
        return None
    here, there = points[kept][:, 0], found[kept][:, 0]
    matrix, agree = cv2.estimateAffinePartial2D(
        here, there, ransacReprojThreshold=NEAR_PX, maxIters=200, confidence=0.98
    )
    if matrix is None or not 0.5 < float(np.hypot(matrix[0, 0], matrix[1, 0])) < 2:
        return None
    agreeing = here[agree[:, 0] == 1]
    quarters = {_quarter(point, before.shape) for point in agreeing}
    most = len(agreeing) >= max(ENOUGH, 0.4 * len(here)) and len(quarters) >= 3
    return np.asarray(matrix, np.float64) if most else None


def _quarter(point: NDArray[np.float32], shape: tuple[int, ...]) -> tuple[bool, bool]:
    return bool(point[0] > shape[1] / 2), bool(point[1] > shape[0] / 2)


def _shift(before: Gray, after: Gray) -> Points | None:
    """The shift by phase correlation where it explains more than none."""
    high, wide = before.shape
    window = cv2.createHanningWindow((wide, high), cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(
        before.astype(np.float32), after.astype(np.float32), window
    )
    shift = np.array([[1, 0, right], [0, 1, down]], np.float64)
    there = cv2.warpAffine(before, shift, (wide, high), borderMode=cv2.BORDER_REPLICATE)
    better = cv2.norm(there, after, cv2.NORM_L1) < 0.8 * cv2.norm(before, after, cv2.NORM_L1)
    return np.array([right, down], np.float32) if better else None


def _swept(before: Gray, after: Gray, matrix: Matrix) -> float:
    """The share of the picture where the later is not the earlier, moved with the camera.

    A pixel counts that is brighter or darker than all its neighbours were: edges that went a part
    of a pixel do not.
    """
    size = before.shape[::-1]
    there = cv2.warpAffine(before, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    known = cv2.warpAffine(np.full_like(before, 255), matrix, size, flags=cv2.INTER_NEAREST)
    seen = cv2.countNonZero(known)
    if seen < 0.2 * known.size:
        return 1.0
    there = _lit_as(there, after, known)
    around = np.ones((3, 3), np.uint8)
    over = cv2.subtract(after, cv2.dilate(there, around))
    under = cv2.subtract(cv2.erode(there, around), after)
    left = cv2.blur(cv2.max(over, under), (3, 3))
    unlike = cv2.threshold(left, STILL - 1, 255, cv2.THRESH_BINARY)[1]
    return cv2.countNonZero(cv2.bitwise_and(unlike, known)) / seen


def _lit_as(picture: Any, other: Gray, known: Any) -> Any:
    """In the light of the other: a flash and a fade change all of a picture alike."""
    mean, deviation = (float(one[0, 0]) for one in cv2.meanStdDev(picture, mask=known))
    wanted, wanted_deviation = (float(one[0, 0]) for one in cv2.meanStdDev(other, mask=known))
    gain = min(2.5, max(0.4, (wanted_deviation + 1) / (deviation + 1)))
    return cv2.convertScaleAbs(picture, alpha=gain, beta=wanted - gain * mean)
