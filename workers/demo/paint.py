"""Palette and brushes. Pictures are uint8 BGR; places are float pixels, kept to 1/16."""

import functools
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Color = tuple[int, int, int]
Point = tuple[float, float]

WIDTH, HEIGHT = 1280, 720
_SHIFT = 4
_ONE = 1 << _SHIFT
_AWAY = 1 << 20


def rgb(code: str) -> Color:
    """BGR of an RRGGBB code."""
    return int(code[4:], 16), int(code[2:4], 16), int(code[:2], 16)


NIGHT = rgb("0e0d24")
DUSK = rgb("1b1a3d")
STEP = rgb("262550")
FLOOR = rgb("2b2766")
COURT = rgb("4b46ad")
COURT_LIGHT = rgb("6a63d6")
CHALK = rgb("f3f0ff")
CREAM = rgb("fff6e3")
GOLD = rgb("ffc94d")
BALL = rgb("ffe45e")
BLUE = rgb("39c5f2")
RED = rgb("ff6b60")
INK = rgb("14122e")
TEAM = {"clara": BLUE, "oscar": RED}


def mix(a: Color, b: Color, part: float) -> Color:
    """a at 0, b at 1."""
    one, two, three = (round(x + (y - x) * part) for x, y in zip(a, b, strict=True))
    return one, two, three


def ease(part: float) -> float:
    """0..1 to 0..1, slow at both ends; clipped."""
    part = min(1.0, max(0.0, part))
    return part * part * (3 - 2 * part)


def spring(part: float) -> float:
    """0 to 1 with a little overshoot."""
    part = min(1.0, max(0.0, part))
    return 1 - (1 - part) ** 3 * (1 - 1.9 * part)


def _fixed(point: Point) -> tuple[int, int]:
    # int() of a positive shift, not round(): this is the busiest line of all.
    return int(point[0] * _ONE + _AWAY) - _AWAY, int(point[1] * _ONE + _AWAY) - _AWAY


def line(to: Picture, a: Point, b: Point, color: Color, width: float) -> None:
    """With round ends."""
    cv2.line(to, _fixed(a), _fixed(b), color, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def path(to: Picture, points: Sequence[Point] | NDArray[Any], color: Color, width: float) -> None:
    fixed = np.round(np.asarray(points, np.float64) * _ONE).astype(np.int32)
    cv2.polylines(to, [fixed], False, color, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def dot(to: Picture, center: Point, radius: float, color: Color, width: int = -1) -> None:
    cv2.circle(to, _fixed(center), max(1, round(radius * _ONE)), color, width, cv2.LINE_AA, _SHIFT)


def oval(
    to: Picture,
    center: Point,
    radii: Point,
    color: Color,
    *,
    turn: float = 0.0,
    arc: tuple[float, float] = (0.0, 360.0),
    width: int = -1,
) -> None:
    """turn and arc in degrees, clockwise."""
    size = (max(1, round(radii[0] * _ONE)), max(1, round(radii[1] * _ONE)))
    cv2.ellipse(to, _fixed(center), size, turn, *arc, color, width, cv2.LINE_AA, _SHIFT)


def area(to: Picture, points: Sequence[Point] | NDArray[Any], color: Color) -> None:
    fixed = np.round(np.asarray(points, np.float64) * _ONE).astype(np.int32)
    cv2.fillPoly(to, [fixed], color, cv2.LINE_AA, _SHIFT)


def panel(to: Picture, box: tuple[float, float, float, float], radius: float, color: Color) -> None:
    """A filled box (x, y, width, height) with round corners."""
    x, y, w, h = box
    area(
        to,
        [(x + radius, y), (x + w - radius, y), (x + w - radius, y + h), (x + radius, y + h)],
        color,
    )
    area(
        to,
        [(x, y + radius), (x + w, y + radius), (x + w, y + h - radius), (x, y + h - radius)],
        color,
    )
    for cx in (x + radius, x + w - radius):
        for cy in (y + radius, y + h - radius):
            dot(to, (cx, cy), radius, color)


def _window(
    to: Picture, shape: tuple[int, ...], left: int, top: int
) -> tuple[slice, slice, slice, slice] | None:
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(to.shape[1], left + shape[1]), min(to.shape[0], top + shape[0])
    if x0 >= x1 or y0 >= y1:
        return None
    return slice(y0, y1), slice(x0, x1), slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)


def tint(to: Picture, mask: NDArray[np.float32], left: float, top: float, color: Color) -> None:
    """`color` laid on, as strong as the mask (0..1) says, whose corner stands at left, top."""
    found = _window(to, mask.shape, round(left), round(top))
    if found:
        ys, xs, mys, mxs = found
        part = to[ys, xs].astype(np.float32)
        strength = mask[mys, mxs, None]
        to[ys, xs] = (part + (np.array(color, np.float32) - part) * strength).astype(np.uint8)


def glow(to: Picture, center: Point, radius: float, color: Color, strength: float) -> None:
    """Light added around a point."""
    sprite = _halo(max(2, round(radius)))
    left, top = round(center[0]) - sprite.shape[1] // 2, round(center[1]) - sprite.shape[0] // 2
    found = _window(to, sprite.shape, left, top)
    if found:
        ys, xs, mys, mxs = found
        light = sprite[mys, mxs, None] * (np.array(color, np.float32) * strength)
        to[ys, xs] = cv2.add(to[ys, xs], light.astype(np.uint8))


def shadow(to: Picture, center: Point, radii: Point, strength: float) -> None:
    """A soft dark oval."""
    sprite = _blot(max(2, round(radii[0])), max(2, round(radii[1])))
    left, top = center[0] - sprite.shape[1] / 2, center[1] - sprite.shape[0] / 2
    tint(to, sprite * np.float32(strength), left, top, NIGHT)


@functools.lru_cache(maxsize=64)
def _halo(radius: int) -> NDArray[np.float32]:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float32) / radius
    return np.asarray(np.clip(1 - np.hypot(x, y), 0, 1) ** 2, np.float32)


@functools.lru_cache(maxsize=256)
def _blot(across: int, along: int) -> NDArray[np.float32]:
    y, x = np.mgrid[-1.6 : 1.6 : (2 * along + 1) * 1j, -1.6 : 1.6 : (2 * across + 1) * 1j]
    return np.asarray(1 / (1 + np.exp((np.hypot(x, y) - 0.85) * 7)), np.float32) * np.float32(0.98)


@functools.lru_cache(maxsize=4)
def gradient(top: Color, bottom: Color, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """Top to bottom, dithered so that it does not band. Shared: copy before drawing on it."""
    part = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    smooth = np.array(top, np.float32) * (1 - part) + np.array(bottom, np.float32) * part
    noise = np.random.default_rng(1).random((64, 64, 1), np.float32)
    tiles = np.tile(noise, (height // 64 + 1, width // 64 + 1, 1))[:height, :width]
    return np.asarray(np.clip(smooth + tiles, 0, 255), np.uint8)
