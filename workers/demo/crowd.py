"""The people in the stands: they bob while they wait and jump when a goal falls."""

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np

from workers.demo import paint, stage
from workers.demo.camera import CAMERAS
from workers.demo.paint import Color, Picture, Point, rgb
from workers.demo.story import FPS, GOALS, OSCAR

LOOP_FRAMES = 30
"""Their movements repeat after this many, so that a picture of them is drawn once per shot."""
_LEVELS = 5
_BLUR = 4
_NEAR_SCALE = 70
"""Pixels per metre from which on people get faces."""

_SKINS = tuple(rgb(code) for code in ("f2c6a0", "d99f74", "a86f4c", "7a4a34", "e8b48c"))
_HAIRS = tuple(rgb(code) for code in ("2b1d2e", "4a2f2a", "7d5230", "c99a4b", "1c1a2c", "8d8aa5"))
_PLAIN = tuple(rgb(code) for code in ("5a52a8", "77649f", "3f4f96", "8d6fa8", "4d7f9d", "9a6c8a"))


@dataclass(frozen=True, slots=True)
class Fan:
    place: tuple[float, float, float]
    shirt: Color
    skin: Color
    hair: Color
    team: str
    beat: int
    """Jumps in a loop."""
    phase: float
    keen: float
    """0..1: how soon, and how high."""


def excitement(ms: float) -> float:
    """0 calm, 0.3 before a goal, 1 while they cheer."""
    level = 0.0
    for goal in GOALS:
        if goal.start_ms < ms < goal.cheer_start_ms:
            level = 0.3 * paint.ease((ms - goal.start_ms) / 5200)
        elif goal.cheer_start_ms <= ms < goal.cheer_end_ms + 1500:
            up = 0.3 + 0.7 * paint.ease((ms - goal.cheer_start_ms) / 450)
            level = up * (1 - paint.ease((ms - goal.cheer_end_ms + 1800) / 3000))
    return level


def leader(ms: float) -> str:
    """Whose fans are loud now."""
    started = [goal.scorer for goal in GOALS if goal.start_ms <= ms]
    return started[-1] if started else ""


def with_crowd(view: str, ms: float) -> Picture:
    """The backdrop of a view with its crowd at this time. Read-only; copy before drawing on it."""
    return _filled(view, *_mood(ms), 1)


@functools.lru_cache(maxsize=LOOP_FRAMES)
def _out_of_focus(who: str, frame: int, level: int, team: str) -> Picture:
    small = cv2.GaussianBlur(_filled("crowd", frame, level, team, _BLUR), (0, 0), 2.2)
    if who == OSCAR:
        small = cv2.flip(small, 1)
    glow = paint.gradient(paint.NIGHT, paint.mix(paint.TEAM[who], paint.NIGHT, 0.25))
    big = cv2.resize(small, (paint.WIDTH, paint.HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.addWeighted(big, 0.8, glow, 0.5, 0), np.uint8)


def behind_player(who: str, ms: float) -> Picture:
    """The crowd as a lens sees it that is focused on a player, in the player's color. Read-only."""
    return _out_of_focus(who, *_mood(ms))


def forget() -> None:
    """Give back the memory of the pictures kept, some 200 MB."""
    for kept in (_filled, _out_of_focus, stage.backdrop):
        kept.cache_clear()


def _mood(ms: float) -> tuple[int, int, str]:
    """All that the crowd's picture hangs on: the loop's frame, the level and whose fans jump."""
    level = round(excitement(ms) * _LEVELS)
    frame = int(ms * FPS // 1000) % LOOP_FRAMES
    return (frame, level, leader(ms)) if level > 1 else (frame - frame % 2, level, "")


@functools.lru_cache(maxsize=LOOP_FRAMES + 10)
def _filled(view: str, frame: int, level: int, team: str, shrink: int) -> Picture:
    size = (paint.WIDTH // shrink, paint.HEIGHT // shrink)
    small = cv2.resize(stage.backdrop(view), size, interpolation=cv2.INTER_AREA)
    picture = np.asarray(small, np.uint8).copy()
    fans, seen = _seats(view)
    for fan, (x, y, scale) in zip(fans, seen, strict=True):
        loyal = 1.0 if not team or fan.team in ("", team) else 0.3
        at, size_ = (x / shrink, y / shrink), scale / shrink
        _person(picture, fan, at, size_, frame / LOOP_FRAMES, level / _LEVELS * loyal)
    return picture


@functools.lru_cache(maxsize=8)
def _seats(view: str) -> tuple[tuple[Fan, ...], tuple[tuple[float, float, float], ...]]:
    """Who is in the picture, the far ones first, and where: x, y and pixels per metre."""
    camera = CAMERAS[view]
    kept = []
    for fan in _fans():
        if len(camera.front([fan.place])) == 0:
            continue
        x, y, scale = camera.seen(fan.place)[0]
        if -scale < x < paint.WIDTH + scale and -scale < y < paint.HEIGHT + 1.5 * scale:
            kept.append((fan, (float(x), float(y), float(scale))))
    return tuple(fan for fan, _ in kept), tuple(place for _, place in kept)


@functools.cache
def _fans() -> tuple[Fan, ...]:
    rng = np.random.default_rng(11)
    fans = []
    for row in reversed(range(stage.ROWS)):
        y, z = stage.row_place(row)
        for seat in np.arange(-20, 20, 0.66):
            x = float(seat + rng.uniform(-0.09, 0.09) + 0.33 * (row % 2))
            aisle = min(abs(x - at) for at in (-12.6, -4.2, 4.2, 12.6)) < 0.62
            if aisle or rng.random() < 0.07:
                continue
            fans.append(_fan(rng, (x, y, z), row))
    return tuple(fans)


def _fan(rng: np.random.Generator, place: tuple[float, float, float], row: int) -> Fan:
    lean = 0.5 - place[0] / 26
    draw = rng.random()
    team = "clara" if draw < 0.55 * lean else "oscar" if draw > 1 - 0.55 * (1 - lean) else ""
    shirt = paint.TEAM[team] if team else _PLAIN[rng.integers(len(_PLAIN))]
    shade = 0.36 + 0.042 * row
    return Fan(
        place,
        paint.mix(shirt, paint.NIGHT, shade - (0.04 if team else 0)),
        paint.mix(_SKINS[rng.integers(len(_SKINS))], paint.NIGHT, shade - 0.05),
        paint.mix(_HAIRS[rng.integers(len(_HAIRS))], paint.NIGHT, shade),
        team,
        int(rng.integers(2, 4)),
        float(rng.random()),
        float(rng.uniform(0.35, 1)),
    )


def _person(to: Picture, fan: Fan, at: Point, scale: float, part: float, level: float) -> None:
    turn = 2 * math.pi * (part * fan.beat + fan.phase)
    # While it is calm only a few of them move: it looks alive, and costs few bits.
    calm = 0.028 * math.sin(2 * math.pi * (part + fan.phase)) if fan.keen > 0.8 else 0.0
    jump = level * fan.keen * (0.12 + 0.3 * abs(math.sin(turn / 2)))
    sway = 0.04 * level * math.sin(2 * math.pi * (part + fan.phase))
    x, foot = at[0] + sway * scale, at[1] - (calm + jump) * scale
    shoulder = foot - 0.58 * scale
    if level > 0.2:
        _arms(to, fan, (x, shoulder), scale, turn, min(1.0, level * (0.5 + fan.keen)))
    paint.line(to, (x, foot - 0.05 * scale), (x, foot - 0.42 * scale), fan.shirt, 0.44 * scale)
    near = scale > _NEAR_SCALE
    if near:
        _front(to, fan, (x, foot), scale)
    head = (x, shoulder - 0.2 * scale)
    paint.dot(to, head, 0.145 * scale, fan.skin)
    if near:
        _face(to, fan, head, scale, level)
    else:
        paint.oval(
            to, (x, head[1] - 0.03 * scale), (0.15 * scale, 0.13 * scale), fan.hair, arc=(180, 360)
        )


def _arms(to: Picture, fan: Fan, shoulder: Point, scale: float, turn: float, up: float) -> None:
    """The higher the mood, the higher they wave."""
    for side in (-1, 1):
        wave = 0.09 * math.sin(turn + side)
        x = shoulder[0] + side * 0.19 * scale
        hand = (
            x + (side * 0.14 + wave) * scale,
            shoulder[1] + (0.3 - 0.86 * up + 0.08 * wave) * scale,
        )
        elbow = (x + side * 0.16 * scale, (shoulder[1] + 0.1 * scale + hand[1]) / 2)
        if scale > _NEAR_SCALE:
            paint.path(to, [(x, shoulder[1] + 0.12 * scale), elbow, hand], fan.shirt, 0.13 * scale)
            paint.dot(to, hand, 0.075 * scale, fan.skin)
        else:
            paint.line(to, (x, shoulder[1] + 0.1 * scale), hand, fan.skin, 0.09 * scale)


def _front(to: Picture, fan: Fan, foot: Point, scale: float) -> None:
    """Scarves for those who have a team, a lighter collar for the others."""
    x, y = foot
    if fan.team:
        scarf = paint.mix(fan.shirt, paint.CREAM, 0.65)
        paint.line(
            to,
            (x - 0.14 * scale, y - 0.55 * scale),
            (x + 0.14 * scale, y - 0.55 * scale),
            scarf,
            0.1 * scale,
        )
        paint.line(
            to,
            (x + 0.1 * scale, y - 0.52 * scale),
            (x + 0.12 * scale, y - 0.26 * scale),
            scarf,
            0.09 * scale,
        )
    else:
        paint.line(
            to,
            (x - 0.06 * scale, y - 0.57 * scale),
            (x + 0.06 * scale, y - 0.57 * scale),
            fan.skin,
            0.1 * scale,
        )


def _face(to: Picture, fan: Fan, head: Point, scale: float, level: float) -> None:
    x, y = head
    paint.oval(to, (x, y - 0.035 * scale), (0.155 * scale, 0.135 * scale), fan.hair, arc=(178, 362))
    dark = paint.mix(fan.skin, paint.NIGHT, 0.8)
    for side in (-1, 1):
        paint.dot(to, (x + side * 0.052 * scale, y + 0.012 * scale), 0.014 * scale, dark)
    if level > 0.45:
        paint.oval(to, (x, y + 0.072 * scale), (0.036 * scale, 0.03 * scale), dark)
    else:
        paint.oval(
            to,
            (x, y + 0.05 * scale),
            (0.04 * scale, 0.022 * scale),
            dark,
            arc=(15, 165),
            width=max(1, round(0.014 * scale)),
        )
