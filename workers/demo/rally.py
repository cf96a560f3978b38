"""The game: who strikes when, and where ball and players are at any time, in metres.

The court's middle is 0; x runs from Clara's goal (left) to Oscar's, y away from the main
camera, z up.
"""

import bisect
import functools
import itertools
from dataclasses import dataclass

import numpy as np

from workers.demo.story import CLARA, GOALS, OSCAR, RALLIES, Rally

GOAL_X = 7.4
GOAL_HALF = 1.15
"""Half its width; a goal is 1.3 high."""
REST_X = 5.0
_FLIGHT_IN_MS = 640
"""From the last stroke into the goal."""
_CONTACT_Z = 0.95
_REACH = 0.8
"""From a player's feet to the racket's middle."""


@dataclass(frozen=True, slots=True)
class Stroke:
    at_ms: int
    who: str
    x: float
    y: float
    spin: float
    """How far the ball's path bends sideways on its way, in metres."""


@dataclass(frozen=True, slots=True)
class Ball:
    x: float
    y: float
    z: float
    fast: float
    """0..1, for its trail."""


def side(who: str) -> int:
    return -1 if who == CLARA else 1


def other(who: str) -> str:
    return OSCAR if who == CLARA else CLARA


@functools.cache
def strokes(rally: Rally) -> tuple[Stroke, ...]:
    """Counted back from the scorer's winning stroke, slower the longer before it."""
    rng = np.random.default_rng(rally.seed)
    found: list[Stroke] = []
    at, gap, who = float(rally.end_ms - _FLIGHT_IN_MS), 760.0, rally.scorer
    while at > rally.start_ms + 300:
        x = side(who) * (REST_X + rng.uniform(-0.7, 0.5))
        y = rng.uniform(-2.1, 2.1) if len(found) != 1 else 1.9 * rng.choice([-1, 1])
        found.append(Stroke(int(at), who, x, float(y), float(rng.uniform(-0.5, 0.5))))
        at -= gap
        gap, who = min(1240.0, gap * 1.08), other(who)
    return tuple(reversed(found))


@functools.cache
def goal_y(rally: Rally) -> float:
    """Where the winning ball crosses the line: the side away from the defender."""
    return float(-np.sign(strokes(rally)[-2].y) * 0.62)


def bounces_ms() -> list[int]:
    """When the ball touches the court between two strokes."""
    times = []
    for rally in RALLIES:
        run = strokes(rally)
        times += [int(a.at_ms + _BOUNCE * (b.at_ms - a.at_ms)) for a, b in itertools.pairwise(run)]
    return times


_BOUNCE = 0.66


def ball(ms: float) -> Ball | None:
    """None while no ball is in play."""
    for rally in RALLIES:
        if strokes(rally)[0].at_ms - 700 <= ms <= rally.end_ms + 1500:
            return _ball_in(rally, ms)
    return None


def _ball_in(rally: Rally, ms: float) -> Ball:
    run = strokes(rally)
    if ms < run[0].at_ms:
        return _toss(run[0], ms)
    at = bisect.bisect_right([stroke.at_ms for stroke in run], ms) - 1
    if at < len(run) - 1:
        return _flight(run[at], run[at + 1], ms)
    return _winner(rally, run[-1], ms)


def _toss(first: Stroke, ms: float) -> Ball:
    """The server throws it up before the first stroke."""
    part = 1 - (first.at_ms - ms) / 700
    return Ball(
        first.x - 0.1 * side(first.who), first.y - 0.1, _CONTACT_Z + 3.4 * part * (1 - part), 0.0
    )


def _flight(a: Stroke, b: Stroke, ms: float) -> Ball:
    part = (ms - a.at_ms) / (b.at_ms - a.at_ms)
    x = a.x + (b.x - a.x) * part
    y = a.y + (b.y - a.y) * part + a.spin * np.sin(np.pi * part)
    if part < _BOUNCE:
        u = part / _BOUNCE
        z = _CONTACT_Z * (1 - u) + 3.2 * u * (1 - u)
    else:
        u = (part - _BOUNCE) / (1 - _BOUNCE)
        z = _CONTACT_Z * u + 1.5 * u * (1 - u)
    return Ball(x, float(y), float(z), float(np.clip(1.5 - (b.at_ms - a.at_ms) / 1100, 0.15, 0.8)))


def _winner(rally: Rally, last: Stroke, ms: float) -> Ball:
    """The flight in, then the ball drops into the net."""
    end_x = -side(rally.scorer) * (GOAL_X + 0.35)
    part = (ms - last.at_ms) / _FLIGHT_IN_MS
    if part <= 1:
        y = last.y + (goal_y(rally) - last.y) * part + last.spin * np.sin(np.pi * part) * 0.6
        z = _CONTACT_Z + (0.62 - _CONTACT_Z) * part + 1.1 * part * (1 - part)
        return Ball(last.x + (end_x - last.x) * part, float(y), float(z), 1.0)
    late = (ms - rally.end_ms) / 1000
    return Ball(end_x, goal_y(rally), float(max(0.12, 0.62 - 4.0 * late**2)), 0.0)


@dataclass(frozen=True, slots=True)
class Player:
    who: str
    x: float
    y: float
    speed: float
    """Metres a second, signed along y."""
    swing: float | None
    """-1 (drawn back) over 0 (contact) to 1 (followed through); None without a racket stroke."""
    mood: str
    """play, rest, joy or grief."""
    mood_s: float
    """Since the mood began."""


def player(who: str, ms: float) -> Player:
    x, y = _place(who, ms)
    later = _place(who, ms + 40)
    mood, since = _mood(who, ms)
    return Player(who, x, y, (later[1] - y) / 0.04, _swing(who, ms), mood, since)


@functools.cache
def _path(who: str) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Times and places that the player passes: own strokes, back to the middle, the last dive."""
    keys: list[tuple[float, float, float]] = [(0.0, side(who) * REST_X, 0.0)]
    for rally in RALLIES:
        run = strokes(rally)
        keys.append((run[0].at_ms - 2200, side(who) * REST_X, 0.0))
        own = [stroke for stroke in run if stroke.who == who]
        for stroke in own:
            keys.append((stroke.at_ms - 90, stroke.x + _REACH * side(who), stroke.y + 0.1))
            keys.append((stroke.at_ms + 110, stroke.x + _REACH * side(who), stroke.y + 0.1))
            keys.append((stroke.at_ms + 700, side(who) * REST_X, stroke.y * 0.3))
        if who != rally.scorer:
            keys = [key for key in keys if key[0] < rally.end_ms - 520]
            keys.append((rally.end_ms - 60, side(who) * (REST_X + 1.0), goal_y(rally) * -0.6))
            keys.append((rally.end_ms + 2500, side(who) * (REST_X + 0.9), goal_y(rally) * -0.6))
        else:
            keys.append((rally.end_ms + 400, own[-1].x, own[-1].y * 0.9))
            keys.append((rally.end_ms + 2600, side(who) * 2.6, -0.6))
            keys.append((rally.end_ms + 6000, side(who) * 3.0, -0.4))
        keys.append((rally.end_ms + 10_500, side(who) * REST_X, 0.0))
    keys.sort()
    times, xs, ys = zip(*keys, strict=True)
    return times, xs, ys


def _place(who: str, ms: float) -> tuple[float, float]:
    times, xs, ys = _path(who)
    at = bisect.bisect_right(times, ms)
    if at == 0 or at == len(times):
        edge = min(at, len(times) - 1)
        return xs[edge], ys[edge]
    part = (ms - times[at - 1]) / max(1.0, times[at] - times[at - 1])
    ease = part * part * (3 - 2 * part)
    return (
        xs[at - 1] + (xs[at] - xs[at - 1]) * ease,
        ys[at - 1] + (ys[at] - ys[at - 1]) * ease,
    )


def _swing(who: str, ms: float) -> float | None:
    for rally in RALLIES:
        for stroke in strokes(rally):
            away = ms - stroke.at_ms
            if stroke.who == who and -320 < away < 380:
                return float(away / 320 if away < 0 else away / 380)
    return None


def _mood(who: str, ms: float) -> tuple[str, float]:
    for goal in GOALS:
        since = ms - goal.ball_in_ms - (150 if goal.scorer == who else 300)
        if 0 <= since < goal.cheer_end_ms - goal.ball_in_ms:
            return ("joy" if goal.scorer == who else "grief"), since / 1000
    for rally in RALLIES:
        if strokes(rally)[0].at_ms - 1200 < ms < rally.end_ms + 200:
            return "play", (ms - rally.start_ms) / 1000
    return "rest", ms / 1000
