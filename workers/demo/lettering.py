"""A geometric alphabet drawn with round strokes: capitals, digits and a few signs."""

import functools

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.demo.paint import Color, Picture, tint

Stroke = list[tuple[float, float]]


def _arc(cx: float, cy: float, rx: float, ry: float, start: float, end: float) -> Stroke:
    """Degrees, clockwise from the right, as y goes down."""
    turns = np.radians(np.linspace(start, end, 28))
    return [(cx + rx * float(np.cos(a)), cy + ry * float(np.sin(a))) for a in turns]


_STEM: Stroke = [(0, 0), (0, 1)]
_BOWL: Stroke = [(0, 0), *_arc(0.3, 0.275, 0.27, 0.275, -90, 90), (0, 0.55)]

GLYPHS: dict[str, tuple[Stroke, ...]] = {
    "A": ([(0, 1), (0.34, 0), (0.68, 1)], [(0.12, 0.67), (0.56, 0.67)]),
    "B": (
        _STEM,
        [(0, 0), *_arc(0.3, 0.24, 0.25, 0.24, -90, 90), (0, 0.48)],
        [(0, 0.48), *_arc(0.32, 0.74, 0.28, 0.26, -90, 90), (0, 1)],
    ),
    "C": (_arc(0.37, 0.5, 0.37, 0.5, -48, -312),),
    "D": (_STEM, [(0, 0), *_arc(0.22, 0.5, 0.42, 0.5, -90, 90), (0, 1)]),
    "E": ([(0.5, 0), (0, 0), (0, 1), (0.5, 1)], [(0, 0.49), (0.42, 0.49)]),
    "F": ([(0.5, 0), (0, 0), (0, 1)], [(0, 0.5), (0.42, 0.5)]),
    "G": ([*_arc(0.37, 0.5, 0.37, 0.5, -48, -358), (0.42, 0.52)],),
    "H": (_STEM, [(0.6, 0), (0.6, 1)], [(0, 0.49), (0.6, 0.49)]),
    "I": (_STEM,),
    "J": ([(0.42, 0), *_arc(0.21, 0.74, 0.21, 0.26, 0, 165)],),
    "K": (_STEM, [(0.54, 0), (0, 0.6)], [(0.18, 0.42), (0.57, 1)]),
    "L": ([(0, 0), (0, 1), (0.48, 1)],),
    "M": ([(0, 1), (0, 0), (0.38, 0.62), (0.76, 0), (0.76, 1)],),
    "N": ([(0, 1), (0, 0), (0.6, 1), (0.6, 0)],),
    "O": (_arc(0.38, 0.5, 0.38, 0.5, 0, 360),),
    "P": (_STEM, _BOWL),
    "Q": (_arc(0.38, 0.5, 0.38, 0.5, 0, 360), [(0.48, 0.72), (0.74, 1.02)]),
    "R": (_STEM, _BOWL, [(0.28, 0.55), (0.57, 1)]),
    "S": ([*_arc(0.28, 0.255, 0.26, 0.255, -28, -262), *_arc(0.28, 0.745, 0.28, 0.255, -86, 152)],),
    "T": ([(0, 0), (0.6, 0)], [(0.3, 0), (0.3, 1)]),
    "U": ([(0, 0), *_arc(0.3, 0.69, 0.3, 0.31, 180, 0), (0.6, 0)],),
    "V": ([(0, 0), (0.33, 1), (0.66, 0)],),
    "W": ([(0, 0), (0.24, 1), (0.46, 0.2), (0.68, 1), (0.92, 0)],),
    "X": ([(0, 0), (0.58, 1)], [(0.58, 0), (0, 1)]),
    "Y": ([(0, 0), (0.31, 0.52), (0.62, 0)], [(0.31, 0.52), (0.31, 1)]),
    "Z": ([(0, 0), (0.56, 0), (0, 1), (0.56, 1)],),
    "0": (_arc(0.3, 0.5, 0.3, 0.5, 0, 360),),
    "1": ([(0.0, 0.2), (0.19, 0), (0.19, 1)],),
    "2": ([*_arc(0.28, 0.28, 0.28, 0.28, -168, 38), (0, 1), (0.58, 1)],),
    "3": (
        _arc(0.28, 0.255, 0.25, 0.255, -150, 92),
        _arc(0.28, 0.745, 0.29, 0.255, -92, 150),
    ),
    "4": ([(0.44, 1), (0.44, 0), (0, 0.7), (0.62, 0.7)],),
    "5": ([(0.52, 0), (0.08, 0), (0.05, 0.46), *_arc(0.27, 0.69, 0.3, 0.31, -128, 148)],),
    "6": ([(0.42, 0), (0.06, 0.52), *_arc(0.29, 0.7, 0.29, 0.3, -150, 212)],),
    "7": ([(0, 0), (0.54, 0), (0.16, 1)],),
    "8": (
        _arc(0.28, 0.25, 0.24, 0.25, 0, 360),
        _arc(0.28, 0.74, 0.28, 0.26, 0, 360),
    ),
    "9": ([(0.16, 1), (0.52, 0.48), *_arc(0.29, 0.3, 0.29, 0.3, 30, -332)],),
    "-": ([(0.04, 0.52), (0.36, 0.52)],),
    ":": ([(0.04, 0.26), (0.04, 0.28)], [(0.04, 0.76), (0.04, 0.78)]),
    " ": (),
}
_SPACE = 0.34


@functools.lru_cache(maxsize=256)
def mask(text: str, height: float, weight: float, tracking: float = 0.2) -> NDArray[np.float32]:
    """Strength 0..1 of a line of text; weight is the stroke and tracking the gap, in heights."""
    over = 4
    unit, pad = height * over, height * over * (weight + 0.06)
    x, strokes = 0.0, []
    for sign in text:
        glyph = GLYPHS[sign]
        strokes += [[(x + px, py) for px, py in stroke] for stroke in glyph]
        x += max((px for stroke in glyph for px, _ in stroke), default=_SPACE) + tracking + weight
    size = (int(unit + 2 * pad) // over * over, int(x * unit + 2 * pad) // over * over)
    paper = np.zeros(size, np.uint8)
    for stroke in strokes:
        points = np.round((np.array(stroke) * unit + pad) * 16).astype(np.int32)
        cv2.polylines(paper, [points], False, 255, max(1, round(weight * unit)), cv2.LINE_AA, 4)
    small = cv2.resize(paper, (size[1] // over, size[0] // over), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def write(
    to: Picture,
    text: str,
    at: tuple[float, float],
    height: float,
    color: Color,
    *,
    weight: float = 0.15,
    tracking: float = 0.2,
    align: float = 0.0,
    strength: float = 1.0,
) -> None:
    """`at` is the text's middle height; align 0 starts there, 0.5 centers, 1 ends there."""
    letters = mask(text, height, weight, tracking)
    edge = height * (weight + 0.06)
    gap = height * (tracking + weight)
    left = at[0] - edge - align * (letters.shape[1] - 2 * edge - gap)
    tint(to, letters * np.float32(strength), left, at[1] - letters.shape[0] / 2, color)
