"""What the broadcaster lays over the pictures: score, titles, goal banner, confetti, board."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.demo import paint
from workers.demo.lettering import mask, write
from workers.demo.paint import Picture, Point, ease
from workers.demo.story import DURATION_MS, FRAME_MS, GOALS, Goal

Numbers = NDArray[Any]

_LABEL_W, _LABEL_H = 420, 52


def score_at(ms: float) -> tuple[int, int]:
    text = "0-0"
    for goal in GOALS:
        if ms >= goal.ball_in_ms + 400:
            text = goal.score
    left, right = text.split("-")
    return int(left), int(right)


def last_goal(ms: float) -> Goal | None:
    found = [goal for goal in GOALS if goal.ball_in_ms <= ms]
    return found[-1] if found else None


def score_label(to: Picture, ms: float) -> None:
    """Top left; the scorer's side lights up for a moment."""
    goal = last_goal(ms - 400)
    lit = goal.scorer if goal and ms - 400 < goal.ball_in_ms + 2400 else ""
    picture, alpha = _label(*score_at(ms), int(ms // 1000), lit)
    place = to[28 : 28 + _LABEL_H, 32 : 32 + _LABEL_W]
    blended = place + (picture - place.astype(np.float32)) * alpha
    place[:] = blended.astype(np.uint8)


@functools.lru_cache(maxsize=4)
def _label(left: int, right: int, second: int, lit: str) -> tuple[Numbers, Numbers]:
    over = 2
    canvas = np.full((_LABEL_H * over, _LABEL_W * over, 3), paint.INK, np.uint8)
    paint.area(canvas, _box(0, 0, 12, 104), paint.BLUE)
    paint.area(canvas, _box(648, 0, 12, 104), paint.RED)
    for x, who in ((12, "clara"), (330, "oscar")):
        if who == lit:
            paint.area(canvas, _box(x, 0, 318, 104), paint.mix(paint.TEAM[who], paint.INK, 0.35))
    paint.area(canvas, _box(660, 0, 180, 104), paint.STEP)
    write(canvas, "CLARA", (40, 52), 30, paint.CREAM, weight=0.14)
    write(canvas, "OSCAR", (620, 52), 30, paint.CREAM, weight=0.14, align=1)
    paint.panel(canvas, (222, 14, 216, 76), 20, paint.CREAM)
    write(canvas, str(left), (276, 52), 42, paint.INK, weight=0.17, align=0.5)
    write(canvas, "-", (331, 52), 36, paint.INK, weight=0.16, align=0.5)
    write(canvas, str(right), (386, 52), 42, paint.INK, weight=0.17, align=0.5)
    clock = f"{second // 60:02d}:{second % 60:02d}"
    write(canvas, clock, (750, 52), 27, paint.mix(paint.CHALK, paint.STEP, 0.15), align=0.5)
    shape = np.zeros((_LABEL_H * over, _LABEL_W * over, 3), np.uint8)
    paint.panel(shape, (0, 0, _LABEL_W * over - 1, _LABEL_H * over - 1), 26, (255, 255, 255))
    return _half(canvas), _half(shape) / np.float32(255) * np.float32(0.94)


def _box(x: float, y: float, w: float, h: float) -> list[Point]:
    return [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]


def _half(picture: Picture) -> Numbers:
    high, wide = picture.shape[0] // 2, picture.shape[1] // 2
    means = picture.reshape(high, 2, wide, 2, 3).astype(np.float32).mean(axis=(1, 3))
    return np.asarray(means, np.float32)


def name_plate(to: Picture, who: str, note: str, part_s: float, left_s: float) -> None:
    """Slides in at the lower left, and out again."""
    shown = ease(part_s / 0.5) * ease(left_s / 0.4)
    if shown <= 0.01:
        return
    width = 470 * shown
    left, top = 84.0, 556.0
    paint.area(
        to,
        [(left, top), (left + width, top), (left + width - 22, top + 92), (left, top + 92)],
        paint.INK,
    )
    paint.area(to, _box(left - 12, top, 12, 92), paint.TEAM[who])
    strength = ease((shown - 0.55) / 0.45)
    if strength > 0.01:
        write(
            to, who.upper(), (left + 30, top + 34), 34, paint.CREAM, weight=0.16, strength=strength
        )
        write(
            to, note, (left + 30, top + 70), 15, paint.TEAM[who], tracking=0.32, strength=strength
        )


def title(
    to: Picture, small: str, big: str, part_s: float, left_s: float, color: paint.Color
) -> None:
    """Over the wide picture's lower part."""
    shown = ease(part_s / 0.7) * ease(left_s / 0.5)
    if shown <= 0.01:
        return
    half = (mask(big, 52, 0.15, 0.2).shape[1] / 2 + 56) * shown
    for box, paint_ in (
        ((640 - half, 560, 2 * half, 118), paint.INK),
        ((640 - half, 672, 2 * half, 6), color),
    ):
        paint.area(to, _box(*box), paint_)
    strength = ease((shown - 0.6) / 0.4)
    if strength > 0.01:
        write(to, small, (640, 588), 16, color, tracking=0.5, align=0.5, strength=strength)
        write(to, big, (640, 636), 52, paint.CREAM, align=0.5, strength=strength)


def goal_banner(to: Picture, goal: Goal, ms: float) -> None:
    """A ribbon in the scorer's color sweeps across, with the word that matters."""
    since = (ms - goal.ball_in_ms - 500) / 1000
    out = ease((since - 2.7) / 0.5)
    if not 0 < since < 3.2:
        return
    head = 1480 * ease(since / 0.45)
    tail = 1480 * out
    color = paint.TEAM[goal.scorer]
    for top, high, shade, late in ((566, 100, paint.INK, 0.0), (560, 96, color, 60.0)):
        a, b = tail - late * (1 - out), head - late
        if b > a:
            paint.area(
                to, [(a - 60, top), (b, top), (b - 60, top + high), (a - 120, top + high)], shade
            )
    strength = ease((since - 0.3) / 0.25) * (1 - ease((since - 2.6) / 0.25))
    if strength > 0.01:
        slide = 70 * (1 - paint.spring((since - 0.25) / 0.6))
        write(to, "GOAL", (86 - slide, 608), 62, paint.INK, weight=0.2, strength=strength)
        write(
            to,
            goal.scorer.upper(),
            (420 - slide, 609),
            34,
            paint.INK,
            weight=0.17,
            strength=strength,
        )
        score = goal.score.replace("-", " - ")
        write(
            to, score, (1200 + slide, 608), 50, paint.INK, weight=0.18, align=1, strength=strength
        )


def replay_tag(to: Picture, ms: float) -> None:
    paint.panel(to, (1052, 28, 196, 52), 13, paint.INK)
    pulse = 0.5 + 0.5 * float(np.sin(ms / 260))
    paint.dot(to, (1080, 54), 8, paint.mix(paint.INK, paint.RED, 0.5 + 0.5 * pulse))
    write(to, "REPLAY", (1104, 54), 19, paint.CREAM, weight=0.15)
    for x, y, dx, dy in (
        (32, 688, 1, -1),
        (1248, 688, -1, -1),
        (1248, 104, -1, 1),
        (32, 104, 1, 1),
    ):
        paint.path(to, [(x + 34 * dx, y), (x, y), (x, y + 34 * dy)], paint.CREAM, 4)


@functools.cache
def _confetti() -> Numbers:
    """Rows of start x, fall speed, sway, sway's phase, turn speed, size, delay, color."""
    rng = np.random.default_rng(5)
    count = 130
    columns = [
        rng.uniform(0, 1280, count), rng.uniform(150, 330, count), rng.uniform(10, 46, count),
        rng.uniform(0, 6.3, count), rng.uniform(3, 9, count), rng.uniform(5, 9.5, count),
        rng.uniform(0, 1.6, count), rng.integers(0, 4, count),
    ]  # fmt: skip
    return np.stack(columns, axis=1)


def confetti(to: Picture, scorer: str, since_s: float, left_s: float) -> None:
    colors = (
        paint.TEAM[scorer],
        paint.GOLD,
        paint.CREAM,
        paint.mix(paint.TEAM[scorer], paint.CREAM, 0.5),
    )
    for x, fall, sway, phase, turn, size, delay, color in _confetti():
        time = since_s - delay
        if time < 0 or phase > 12 * left_s:
            continue
        y = -20 + fall * (time % (760 / fall))
        cx = x + sway * np.sin(phase + time * 2.2)
        angle = phase + turn * time * 0.4
        flat = abs(np.cos(turn * time)) * 0.85 + 0.15
        ux, uy = size * np.cos(angle), size * np.sin(angle)
        vx, vy = -uy * 0.62 * flat, ux * 0.62 * flat
        corners = [
            (cx + ux + vx, y + uy + vy),
            (cx + ux - vx, y + uy - vy),
            (cx - ux - vx, y - uy - vy),
            (cx - ux + vx, y - uy + vy),
        ]
        paint.area(to, corners, colors[int(color)])


def flashes(to: Picture, ms: float, strength: float) -> None:
    """Cameras in the stands: a few small sparks a frame, never the whole picture."""
    rng = np.random.default_rng(int(ms) // FRAME_MS)
    for _ in range(int(rng.poisson(1.1 * strength))):
        at = (float(rng.uniform(30, 1250)), float(rng.uniform(20, 240)))
        paint.glow(to, at, 26, paint.CHALK, 1.0)


@functools.lru_cache(maxsize=1)
def _stripes() -> Picture:
    wide = paint.WIDTH + 160
    base = paint.gradient(paint.rgb("2b2a78"), paint.rgb("17163c"), wide)
    y, x = np.mgrid[0 : paint.HEIGHT, 0:wide]
    slope = ((x + y * 0.6) % 160) / 160
    light = np.clip(np.minimum(slope, 0.5 - slope) * 40, 0, 1)[..., None] * 9
    return np.asarray(np.clip(base + light, 0, 255), np.uint8)


def board(ms: float, start_ms: int, end_ms: int) -> Picture:
    """The break's full picture: the score over moving stripes, bars that follow the jingle."""
    shift = int(ms * 0.04) % 160
    picture = _stripes()[:, shift : shift + paint.WIDTH].copy()
    since = (ms - start_ms) / 1000
    rise = paint.spring(since / 0.7)
    _beat_bars(picture, ms, since)
    for x, who, points in ((640 - 250, "clara", 0), (640 + 250, "oscar", 1)):
        away = 60 * (1 - rise) * (-1 if x < 640 else 1)
        at = (x + away, 348.0)
        paint.dot(picture, at, 124, paint.mix(paint.TEAM[who], paint.INK, 0.25))
        paint.dot(picture, at, 112, paint.TEAM[who])
        write(picture, str(score_at(ms)[points]), at, 104, paint.INK, weight=0.17, align=0.5)
        write(
            picture,
            who.upper(),
            (at[0], 520),
            34,
            paint.CREAM,
            weight=0.16,
            tracking=0.3,
            align=0.5,
        )
    write(
        picture,
        "HALF TIME",
        (640, 150),
        60,
        paint.CREAM,
        weight=0.15,
        tracking=0.34,
        align=0.5,
        strength=min(1.0, rise),
    )
    write(
        picture,
        "HARBOUR CUP CHAMPIONSHIP FINAL",
        (640, 78),
        17,
        paint.GOLD,
        tracking=0.5,
        align=0.5,
    )
    for y in (330.0, 366.0):
        paint.dot(picture, (640, y), 9, paint.CREAM)
    part = ease((end_ms - ms) / (end_ms - start_ms))
    paint.line(picture, (440, 600), (840, 600), paint.STEP, 6)
    paint.line(picture, (440, 600), (440 + 400 * (1 - part), 600), paint.GOLD, 6)
    return picture


def _beat_bars(to: Picture, ms: float, since: float) -> None:
    beat = (ms / 482) % 1
    for number in range(40):
        swing = 0.5 + 0.5 * np.sin(number * 1.7 + since * 3.1) * np.cos(number * 0.6 - since * 1.9)
        high = 18 + 62 * swing * (1 - 0.6 * beat)
        left = 8 + number * 32
        paint.area(to, _box(left, 720 - high, 22, high), paint.mix(paint.COURT, paint.INK, 0.25))


def closing(to: Picture, ms: float) -> None:
    """Fade out at the very end."""
    left = (DURATION_MS - ms) / 1000
    if left < 0.8:
        to[:] = (to * np.float32(ease(left / 0.8))).astype(np.uint8)
