"""What a picture shows: faces, and whether it is a card to be read. Grey in, 0..1 out."""

import functools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

SMALLEST_FACE, GROWN = 40, 1.25
"""Pixels, and how much larger the next size is that is looked for."""
CLOSE_FACE = 0.4
"""Share of the picture's height that a face in a close-up takes."""
FLAT, STRONG = 8, 48
"""Difference of a pixel's neighbours (of 255) in an even ground, and at the edge of a letter."""
UNCHANGED = 8
"""A smoothed difference (of 255) below which nothing came or went."""
CARD_FLAT = (0.62, 0.85)
"""Share of even ground below which a picture is no card, and above which it may be one."""
LETTERS = 0.012
"""Share of the picture that the lines of a card take at least."""


def faces(gray: Gray) -> float:
    """0 without a face; 0.5 for one far away to 1 for a close one."""
    least = (SMALLEST_FACE, SMALLEST_FACE)
    found = _cascade().detectMultiScale(gray, GROWN, 5, minSize=least)
    tallest = max((int(face[3]) for face in found), default=0)
    return 0.5 + 0.5 * min(1.0, tallest / (CLOSE_FACE * gray.shape[0])) if tallest else 0.0


@functools.cache
def _cascade() -> Any:
    folder = Path(cv2.data.haarcascades)  # type: ignore[attr-defined]  # set at run time
    return cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_alt2.xml"))


def same(gray: Gray, other: Gray | None) -> bool:
    """Is it so much the other picture that it shows the same faces and letters?"""
    if other is None or gray.shape != other.shape:
        return False
    return int(cv2.blur(cv2.absdiff(gray, other), (9, 9)).max()) < UNCHANGED


def text(gray: Gray) -> float:
    """How like a title card, credits or a slide: lines of letters on an even ground."""
    edges: Any = cv2.morphologyEx(gray, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    flat = float((edges < FLAT).mean())
    even = min(1.0, max(0.0, (flat - CARD_FLAT[0]) / (CARD_FLAT[1] - CARD_FLAT[0])))
    if even == 0:
        return 0.0
    return even * min(1.0, _letters(gray, edges) / LETTERS)


def _letters(gray: Gray, edges: Gray) -> float:
    """The share of the picture that lines of letters take, a line being a box of strokes."""
    high, wide = edges.shape
    strong = np.asarray(edges >= STRONG, np.uint8)
    joined = cv2.morphologyEx(strong, cv2.MORPH_CLOSE, np.ones((1, max(3, wide // 40)), np.uint8))
    boxes = cv2.connectedComponentsWithStats(joined)[2]
    area = 0.0
    for x, y, across, down, _ in boxes[1:]:
        line = 4 <= down <= high / 5 and across >= 2 * down
        if line and _written(gray, edges, (int(x), int(y), int(across), int(down))):
            area += float(across * down)
    return float(area / (high * wide))


def _written(gray: Gray, edges: Gray, box: tuple[int, int, int, int]) -> bool:
    """Light and dark take turns along the box, and above and below it is nothing."""
    x, y, across, down = box
    beside = [edges[row, x : x + across] for row in (y - 2, y + down + 1) if 0 <= row < len(edges)]
    if beside and float((np.concatenate(beside) >= 2 * FLAT).mean()) > 0.25:
        return False
    steps = np.diff(gray[y : y + down, x : x + across].astype(np.int16), axis=1)
    turns = []
    for row in steps:
        signs = np.sign(row[np.abs(row) >= STRONG // 3])
        turns.append(int((signs[1:] != signs[:-1]).sum()))
    # Two letters or more in a length that is the line's height, each with a stroke at least.
    return float(np.percentile(turns, 70)) >= max(8.0, 1.5 * across / down)
