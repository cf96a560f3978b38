"""The arena without people: court, goals, boards, stands and light, painted once per camera."""

import functools
import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.demo import lettering, paint
from workers.demo.camera import CAMERAS, Camera
from workers.demo.paint import Color, Picture
from workers.demo.rally import GOAL_HALF, GOAL_X

HALF_LENGTH, HALF_WIDTH = 7.0, 3.2
WALL_Y, WALL_Z = 4.7, 0.95
ROWS = 10
_OVER = 2

Corner = tuple[float, float, float]


def row_place(row: float) -> tuple[float, float]:
    """y and z of a row's floor in the stands."""
    return WALL_Y + 0.5 + 0.92 * row, WALL_Z + 0.1 + 0.52 * row


@functools.lru_cache(maxsize=8)
def backdrop(view: str) -> Picture:
    """Read-only; copy before drawing on it."""
    camera = CAMERAS[view].finer(_OVER)
    big = paint.gradient(paint.NIGHT, paint.DUSK, paint.WIDTH * _OVER, paint.HEIGHT * _OVER).copy()
    _stands(big, camera)
    _wall(big, camera)
    _floor(big, camera)
    _net(big, camera)
    for side in (-1, 1):
        _goal(big, camera, side)
    small = cv2.resize(big, (paint.WIDTH, paint.HEIGHT), interpolation=cv2.INTER_AREA)
    lit = _light(np.asarray(small, np.float32), CAMERAS[view])
    lit.flags.writeable = False
    return lit


def _area(to: Picture, camera: Camera, corners: Sequence[Corner], color: Color) -> None:
    inside = camera.front(corners)
    if len(inside):
        paint.area(to, camera.seen(inside)[:, :2], color)


def _line(
    to: Picture, camera: Camera, points: Sequence[Corner], color: Color, metres: float
) -> None:
    """Split up, so that it gets thicker as it comes nearer."""
    for a, b in itertools.pairwise(points):
        pieces = max(1, int(np.hypot(*np.subtract(a, b)[:2])))
        along = np.linspace(a, b, pieces + 1)
        for piece in itertools.pairwise(along):
            inside = camera.front(piece)
            if len(inside) == 2:
                seen = camera.seen(inside)
                paint.path(to, seen[:, :2], color, metres * float(seen[:, 2].mean()))


def _stands(to: Picture, camera: Camera) -> None:
    for row in reversed(range(ROWS)):
        y, z = row_place(row)
        dark = paint.mix(paint.STEP, paint.NIGHT, min(1.0, 0.1 + row / ROWS * 0.75))
        edge = paint.mix(dark, paint.CHALK, 0.09)
        _area(
            to,
            camera,
            [(-26, y - 0.5, z), (26, y - 0.5, z), (26, y - 0.5, z - 1.2), (-26, y - 0.5, z - 1.2)],
            dark,
        )
        _line(to, camera, [(-26, y - 0.5, z), (26, y - 0.5, z)], edge, 0.035)
    for x in (-12.6, -4.2, 4.2, 12.6):
        for row in range(ROWS):
            y, z = row_place(row)
            color = paint.mix(paint.STEP, paint.GOLD, 0.16 - 0.012 * row)
            _area(
                to,
                camera,
                [
                    (x - 0.34, y - 0.52, z),
                    (x + 0.34, y - 0.52, z),
                    (x + 0.34, y - 0.52, z - 0.5),
                    (x - 0.34, y - 0.52, z - 0.5),
                ],
                color,
            )


def _wall(to: Picture, camera: Camera) -> None:
    """The board between court and stands, with words in lights."""
    _area(
        to,
        camera,
        [(-26, WALL_Y, WALL_Z), (26, WALL_Y, WALL_Z), (26, WALL_Y, 0), (-26, WALL_Y, 0)],
        paint.INK,
    )
    words = (("HARBOUR CUP", paint.GOLD), ("CHAMPIONSHIP", paint.BLUE), ("FINAL", paint.RED))
    x, number = -19.4, 0
    while x < 20:
        text, color = words[number % 3]
        width = _board_text(to, camera, text, x, color)
        x += width + 1.1
        number += 1
    for z, metres in ((WALL_Z, 0.05), (0.04, 0.05)):
        _line(
            to,
            camera,
            [(-26, WALL_Y, z), (26, WALL_Y, z)],
            paint.mix(paint.COURT_LIGHT, paint.CHALK, 0.35),
            metres,
        )


def _board_text(to: Picture, camera: Camera, text: str, x: float, color: Color) -> float:
    letters = lettering.mask(text, 64, 0.17, 0.26)
    width = float(0.56 / letters.shape[0] * letters.shape[1])
    corners = [
        (x, WALL_Y, 0.76),
        (x + width, WALL_Y, 0.76),
        (x + width, WALL_Y, 0.2),
        (x, WALL_Y, 0.2),
    ]
    target = camera.seen(corners)[:, :2].astype(np.float32)
    if target[:, 0].max() < 0 or target[:, 0].min() > to.shape[1]:
        return width
    source = np.array(
        [(0, 0), (letters.shape[1], 0), letters.shape[::-1], (0, letters.shape[0])], np.float32
    )
    left, top = np.floor(target.min(axis=0)).clip(0)
    target -= (left, top)
    size = np.ceil(target.max(axis=0)).clip(1, to.shape[1::-1]).astype(int).tolist()
    transform = cv2.getPerspectiveTransform(source, target)
    laid = cv2.warpPerspective(letters, transform, size, flags=cv2.INTER_AREA)
    paint.tint(to, np.asarray(laid, np.float32), left, top, color)
    return width


def _floor(to: Picture, camera: Camera) -> None:
    _area(
        to, camera, [(-26, WALL_Y, 0), (26, WALL_Y, 0), (26, -6.0, 0), (-26, -6.0, 0)], paint.FLOOR
    )
    length, width = HALF_LENGTH, HALF_WIDTH
    _area(
        to,
        camera,
        [
            (-length - 0.5, width + 0.5, 0),
            (length + 0.5, width + 0.5, 0),
            (length + 0.5, -width - 0.5, 0),
            (-length - 0.5, -width - 0.5, 0),
        ],
        paint.mix(paint.FLOOR, paint.COURT, 0.45),
    )
    stripes = 14
    for number in range(stripes):
        a = -length + 2 * length * number / stripes
        b = a + 2 * length / stripes
        team = paint.BLUE if a + b < 0 else paint.RED
        part = abs(a + b) / 2 / length
        color = paint.mix(
            paint.mix(paint.COURT, paint.COURT_LIGHT, 0.22 * (number % 2)), team, 0.16 * part
        )
        _area(
            to,
            camera,
            [(a, width, 0), (b + 0.01, width, 0), (b + 0.01, -width, 0), (a, -width, 0)],
            color,
        )
    _markings(to, camera)


def _markings(to: Picture, camera: Camera) -> None:
    length, width = HALF_LENGTH, HALF_WIDTH
    chalk = paint.mix(paint.COURT_LIGHT, paint.CHALK, 0.86)
    outline = [
        (-length, -width, 0.0),
        (length, -width, 0.0),
        (length, width, 0.0),
        (-length, width, 0.0),
        (-length, -width, 0.0),
    ]
    _line(to, camera, outline, chalk, 0.075)
    turns = np.linspace(0, 2 * np.pi, 90)
    _line(to, camera, [(1.15 * np.cos(a), 1.15 * np.sin(a), 0) for a in turns], chalk, 0.06)
    _line(to, camera, [(0, -width, 0), (0, width, 0)], chalk, 0.06)
    for side in (-1, 1):
        half = np.linspace(-np.pi / 2, np.pi / 2, 60)
        bow = [(side * (length - 2.0 * np.cos(a)), 2.0 * np.sin(a), 0) for a in half]
        _line(to, camera, bow, chalk, 0.06)
        spot = camera.seen((side * 3.6, 0, 0))[0]
        paint.oval(to, (spot[0], spot[1]), (0.1 * spot[2], 0.06 * spot[2]), chalk)


def _net(to: Picture, camera: Camera) -> None:
    """A low glass wall across the middle."""
    width, top = HALF_WIDTH + 0.25, 0.62
    glass = to.copy()
    _area(
        glass,
        camera,
        [(0, -width, 0), (0, width, 0), (0, width, top), (0, -width, top)],
        paint.CHALK,
    )
    cv2.addWeighted(glass, 0.16, to, 0.84, 0, dst=to)
    _line(to, camera, [(0, -width, top), (0, width, top)], paint.CREAM, 0.07)
    for y in (-width, width):
        _line(to, camera, [(0, y, 0), (0, y, top)], paint.CREAM, 0.09)


def _goal(to: Picture, camera: Camera, side: int) -> None:
    color = paint.BLUE if side < 0 else paint.RED
    x, deep, high, half = side * GOAL_X, side * (GOAL_X + 0.8), 1.35, GOAL_HALF
    inside = to.copy()
    for corners in (
        [(deep, -half, 0), (deep, half, 0), (deep, half, high * 0.8), (deep, -half, high * 0.8)],
        [(x, half, 0), (deep, half, 0), (deep, half, high * 0.8), (x, half, high)],
        [(x, -half, high), (x, half, high), (deep, half, high * 0.8), (deep, -half, high * 0.8)],
    ):
        _area(inside, camera, corners, paint.mix(color, paint.NIGHT, 0.35))
    cv2.addWeighted(inside, 0.42, to, 0.58, 0, dst=to)
    web = paint.mix(color, paint.CHALK, 0.6)
    for part in np.linspace(0, 1, 10):
        y = -half + 2 * half * part
        _line(to, camera, [(deep, y, 0), (deep, y, high * 0.8), (x, y, high)], web, 0.014)
    for part in np.linspace(0.15, 1, 6):
        z = high * 0.8 * part
        _line(
            to,
            camera,
            [(x, half, z / 0.8), (deep, half, z), (deep, -half, z), (x, -half, z / 0.8)],
            web,
            0.014,
        )
    for frame, metres in (
        ((paint.mix(color, paint.NIGHT, 0.1)), 0.15),
        (paint.mix(color, paint.CHALK, 0.72), 0.075),
    ):
        _line(
            to,
            camera,
            [(x, -half, 0), (x, -half, high), (x, half, high), (x, half, 0)],
            frame,
            metres,
        )


def _light(small: NDArray[np.float32], camera: Camera) -> Picture:
    """Lamps over the court, darkness in the corners."""
    y, x = np.mgrid[0 : paint.HEIGHT, 0 : paint.WIDTH].astype(np.float32)
    lit = small
    for lamp in (-4.6, 0.0, 4.6):
        (cx, cy), scale = camera.spot(lamp, -0.2, 0)
        pool = np.exp(-(((x - cx) / (3.3 * scale)) ** 2) - ((y - cy) / (1.5 * scale)) ** 2)
        lit = lit * (1 + 0.2 * pool[..., None]) + 7 * pool[..., None]
    corner = np.hypot((x - 640) / 800, (y - 380) / 520)
    lit *= (1.04 - 0.5 * np.clip(corner - 0.55, 0, 1))[..., None]
    noise = np.random.default_rng(2).random((*x.shape, 1), np.float32)
    return np.asarray(np.clip(lit + noise, 0, 255), np.uint8)
