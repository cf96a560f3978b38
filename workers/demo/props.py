"""What moves on the court beside the players: the ball and the sweeper."""

import numpy as np

from workers.demo import paint
from workers.demo.camera import Camera
from workers.demo.figures import Body
from workers.demo.paint import Picture, mix
from workers.demo.rally import Ball, ball

_TRAIL_STEPS = 12


def draw_ball(to: Picture, camera: Camera, ms: float) -> None:
    now = ball(ms)
    if now is None:
        return
    ground, scale = camera.spot(now.x, now.y, 0)
    size = 0.15 * scale
    paint.shadow(to, ground, (size * 1.1, size * 0.5), 0.6 / (1 + 0.5 * now.z))
    _trail(to, camera, ms, now)
    at, scale = camera.spot(now.x, now.y, now.z)
    paint.glow(to, at, 0.75 * scale, paint.BALL, 0.35 + 0.4 * now.fast)
    paint.dot(to, at, 0.145 * scale, paint.BALL)
    paint.dot(to, (at[0] - 0.04 * scale, at[1] - 0.045 * scale), 0.055 * scale, paint.CREAM)


def _trail(to: Picture, camera: Camera, ms: float, now: Ball) -> None:
    """Where it was, thinner and fainter the longer ago."""
    reach = 150 + 240 * now.fast
    spots = []
    for step in range(_TRAIL_STEPS):
        then = ball(ms - reach * step / _TRAIL_STEPS)
        if then is not None:
            spots.append(camera.spot(then.x, then.y, then.z))
    points = np.array([point for point, _ in spots])
    left, top = (int(value) for value in np.maximum(points.min(axis=0) - 30, 0))
    right, bottom = np.minimum(points.max(axis=0) + 30, (paint.WIDTH, paint.HEIGHT))
    if right - left < 2 or bottom - top < 2:
        return
    faint = np.zeros((int(bottom) - top, int(right) - left), np.uint8)
    for step in range(len(spots) - 1, 0, -1):
        fresh = 1 - step / _TRAIL_STEPS
        shade = round(200 * fresh**1.5)
        ends = points[step - 1 : step + 1] - (left, top)
        paint.path(faint, ends, (shade, shade, shade), 0.25 * spots[step][1] * fresh)
    strength = faint.astype(np.float32) / np.float32(255)
    paint.tint(to, strength, left, top, mix(paint.BALL, paint.CREAM, 0.3))


def draw_sweeper(to: Picture, camera: Camera, x: float, y: float, ms: float) -> None:
    """The machine that cleans the court in the break, seen from its side."""
    foot, scale = camera.spot(x, y, 0)
    paint.shadow(to, (foot[0], foot[1] + 0.03 * scale), (0.95 * scale, 0.24 * scale), 0.7)
    shake = 0.012 * np.sin(ms / 17)
    box = Body(to, (foot[0], foot[1] - shake * scale), scale, 1)
    for top, high, shade in ((0.98, 0.82, 0.0), (0.42, 0.28, 0.25)):
        corner = box.at(-0.8, top)
        size = (*corner, 1.5 * scale, high * scale)
        paint.panel(to, size, 0.25 * high * scale, mix(paint.GOLD, paint.INK, shade))
    for step in range(4):
        a = -0.62 + 0.34 * step
        box.area([(a, 0.44), (a + 0.14, 0.44), (a + 0.26, 0.62), (a + 0.12, 0.62)], paint.INK)
    box.path([(-0.72, 0.95), (-0.98, 1.3), (-0.72, 1.32)], paint.INK, 0.07)
    cage = [(0.1, 1.0), (0.14, 1.34), (0.52, 1.34), (0.62, 1.0)]
    box.path(cage, mix(paint.INK, paint.CHALK, 0.3), 0.05)
    for ahead in (-0.48, 0.44):
        box.dot((ahead, 0.16), 0.17, paint.INK)
        box.dot((ahead, 0.16), 0.07, paint.CHALK)
    for step in range(9):
        turn = ms / 90 + step * 0.7
        bristle = (0.86 + 0.15 * float(np.cos(turn)), 0.06 + 0.07 * (1 + float(np.sin(turn))))
        box.path([(0.86, 0.16), bristle], mix(paint.BLUE, paint.CHALK, 0.3), 0.03)
    box.dot((-0.42, 1.04), 0.09, paint.RED)
    beam = 0.5 + 0.5 * float(np.sin(ms / 110))
    paint.glow(to, box.at(-0.42, 1.05), 0.8 * scale, paint.RED, 0.25 + 0.6 * beam)
