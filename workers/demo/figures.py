"""The two players, drawn from a few limbs. Sizes in metres, from the hip or the feet up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.demo import paint
from workers.demo.camera import Camera
from workers.demo.paint import CREAM, INK, Color, Picture, Point, mix, rgb
from workers.demo.rally import Player, side

_SKIN = {"clara": rgb("f0bd95"), "oscar": rgb("b97c55")}
_HAIR = {"clara": rgb("6b3a2e"), "oscar": rgb("231a2b")}
_SHORTS = {"clara": rgb("1f2a6b"), "oscar": rgb("5b1f45")}
_FACE_SCALE = 150
"""Pixels per metre from which on a face has more than eyes."""


@dataclass(frozen=True, slots=True)
class Body:
    """A figure's own axes in a picture, ahead and up from its feet, and brushes that use them."""

    to: Picture
    foot: Point
    scale: float
    facing: int
    lean: float = 0.0

    def at(self, ahead: float, up: float) -> Point:
        x = ahead + self.lean * up
        return self.foot[0] + x * self.scale * self.facing, self.foot[1] - up * self.scale

    def path(self, points: Sequence[Point], color: Color, width: float) -> None:
        paint.path(self.to, [self.at(*point) for point in points], color, width * self.scale)

    def area(self, points: Sequence[Point], color: Color) -> None:
        paint.area(self.to, [self.at(*point) for point in points], color)

    def dot(self, center: Point, radius: float, color: Color) -> None:
        paint.dot(self.to, self.at(*center), radius * self.scale, color)

    def oval(
        self,
        center: Point,
        radii: Point,
        color: Color,
        arc: tuple[float, float] = (0, 360),
        width: float = 0.0,
    ) -> None:
        """Filled, or with a line of this width."""
        size = radii[0] * self.scale, radii[1] * self.scale
        line = max(1, round(width * self.scale)) if width else -1
        paint.oval(self.to, self.at(*center), size, color, arc=arc, width=line)


def draw_player(to: Picture, camera: Camera, player: Player, ms: float) -> None:
    foot, scale = camera.spot(player.x, player.y, 0)
    paint.shadow(to, (foot[0], foot[1] + 0.02 * scale), (0.42 * scale, 0.15 * scale), 0.6)
    figure(to, foot, scale, player, ms)


def figure(
    to: Picture, foot: Point, scale: float, player: Player, ms: float, bounce: float = 0.42
) -> None:
    """The player with the feet at this pixel. Who is glad jumps `bounce` high."""
    glad = player.mood == "joy"
    jump = bounce * abs(np.sin(player.mood_s * 5.2)) if glad else 0.0
    crouch = {"play": 0.1, "grief": 0.05}.get(player.mood, 0.0)
    lean = {"play": 0.09, "grief": 0.1, "joy": -0.05}.get(player.mood, 0.0)
    if player.swing is not None:
        lean += 0.1 * (1 - abs(player.swing))
    body = Body(to, (foot[0], foot[1] - jump * scale), scale, -side(player.who), lean)
    hip = 0.82 - crouch + 0.008 * np.sin(ms / 420 + side(player.who))
    _legs(body, player, hip, ms)
    if glad:  # Behind the head: an arm that is thrown up must not hide the face.
        _racket_arm(body, player, hip, ms)
    _arm(body, player.who, (0.02, hip + 0.5), _off_hand(player, hip, ms), shade=0.25)
    _torso(body, player.who, hip)
    _head(body, player, hip + 0.8, ms)
    if not glad:
        _racket_arm(body, player, hip, ms)


def _legs(body: Body, player: Player, hip: float, ms: float) -> None:
    run = min(1.0, abs(player.speed) / 2.2)
    swing = run * np.sin(ms / 62)
    spread = 0.2 if player.mood == "play" else 0.12
    for way, shade in ((-1, 0.22), (1, 0.0)):
        foot = way * spread + way * swing * 0.2
        lift = 0.12 * run * max(0.0, float(np.sin(ms / 62 + (0 if way > 0 else np.pi))))
        knee = (foot * 0.6 + 0.09, hip * 0.52 + lift)
        skin = mix(_SKIN[player.who], INK, shade)
        body.path([(way * 0.07, hip), knee, (foot, 0.1 + lift)], skin, 0.13)
        shoe = [(foot - 0.02, 0.06 + lift), (foot + 0.13, 0.05 + lift)]
        body.path(shoe, mix(CREAM, INK, shade), 0.11)
        shorts = mix(_SHORTS[player.who], INK, shade)
        body.path([(way * 0.06, hip), (knee[0] * 0.62, hip * 0.74)], shorts, 0.2)


_TORSO = (
    (-0.13, -0.02), (-0.145, 0.2), (-0.17, 0.42), (-0.14, 0.51), (-0.08, 0.56), (0.0, 0.57),
    (0.08, 0.56), (0.13, 0.51), (0.16, 0.42), (0.145, 0.2), (0.13, -0.02),
)  # fmt: skip
_BACK = ((-0.185, -0.05), (-0.2, 0.2), (-0.225, 0.43), (-0.18, 0.54), (-0.1, 0.38), (-0.08, -0.05))
_BAND = ((-0.207, 0.25), (0.205, 0.25), (0.213, 0.33), (-0.215, 0.33))


def _torso(body: Body, who: str, hip: float) -> None:
    shirt = paint.TEAM[who]
    body.area([(x, hip + y) for x, y in _TORSO], shirt)
    body.path([(x, hip + y) for x, y in _TORSO], shirt, 0.11)
    body.area([(x, hip + y) for x, y in _BACK], mix(shirt, INK, 0.2))
    body.area([(x, hip + y) for x, y in _BAND], mix(shirt, CREAM, 0.82))
    body.path([(-0.13, hip - 0.03), (0.13, hip - 0.03)], _SHORTS[who], 0.13)


def _head(body: Body, player: Player, up: float, ms: float) -> None:
    who, skin, hair = player.who, _SKIN[player.who], _HAIR[player.who]
    x, y = 0.03, up - (0.05 if player.mood == "grief" else 0.0)
    if who == "clara":
        swish = 0.05 * np.sin(ms / 190) + 0.06 * np.clip(player.speed / 3, -1, 1)
        tail = [(-0.1, up + 0.07), (-0.27, up + 0.04 + swish * 0.4), (-0.31, up - 0.2 + swish)]
        body.path(tail, hair, 0.12)
    body.path([(0.0, up - 0.22), (0.01, up - 0.1)], mix(skin, INK, 0.18), 0.13)
    body.dot((x - 0.04, y + 0.025), 0.178, hair)
    body.oval((x + 0.015, y - 0.015), (0.15, 0.165), skin)
    body.oval((x, y + 0.035), (0.172, 0.15), hair, arc=(192, 348))
    if who == "oscar":
        body.path([(x - 0.16, y + 0.06), (x + 0.15, y + 0.075)], CREAM, 0.055)
    body.dot((x - 0.08, y - 0.025), 0.03, mix(skin, INK, 0.1))
    if body.scale > _FACE_SCALE:
        _face(body, player, (x, y), ms)
    else:
        body.dot((x + 0.06, y + 0.005), 0.017, INK)
        body.dot((x + 0.125, y + 0.005), 0.017, INK)


def _face(body: Body, player: Player, center: Point, ms: float) -> None:
    x, y = center
    shut = (ms + 700 * side(player.who)) % 3400 < 130
    frown = 0.012 if player.mood == "play" else -0.008
    for ahead in (0.052, 0.128):
        eye = (x + ahead, y + 0.004)
        if shut:
            body.path([(eye[0] - 0.018, eye[1]), (eye[0] + 0.018, eye[1])], INK, 0.011)
        else:
            body.oval(eye, (0.022, 0.03), CREAM)
            body.dot((eye[0] + 0.006, eye[1]), 0.0165, INK)
            body.dot((eye[0] + 0.01, eye[1] + 0.007), 0.005, CREAM)
        brow = [(eye[0] - 0.025, eye[1] + 0.052), (eye[0] + 0.022, eye[1] + 0.052 - frown)]
        body.path(brow, _HAIR[player.who], 0.014)
    nose = [(x + 0.1, y - 0.01), (x + 0.122, y - 0.05), (x + 0.096, y - 0.052)]
    body.path(nose, mix(_SKIN[player.who], INK, 0.22), 0.012)
    _mouth(body, player.mood, (x + 0.088, y - 0.085))


def _mouth(body: Body, mood: str, at: Point) -> None:
    if mood == "joy":
        body.oval(at, (0.045, 0.042), rgb("5b1830"), arc=(0, 180))
        body.oval(at, (0.04, 0.014), CREAM, arc=(0, 180))
    elif mood == "grief":
        body.oval((at[0], at[1] - 0.02), (0.035, 0.02), INK, arc=(200, 340), width=0.011)
    else:
        body.oval((at[0], at[1] + 0.012), (0.036, 0.022), INK, arc=(25, 155), width=0.011)


def _arm(body: Body, who: str, root: Point, hand: Point, *, shade: float) -> None:
    """Bent at the elbow as much as the hand is near."""
    length = float(np.hypot(hand[0] - root[0], hand[1] - root[1]))
    bend = 0.5 * float(np.sqrt(max(0.0, 0.34 - length**2)))
    elbow = ((root[0] + hand[0]) / 2 - bend * 0.6, (root[1] + hand[1]) / 2 - bend * 0.8)
    skin = mix(_SKIN[who], INK, shade)
    body.path([root, elbow, hand], skin, 0.095)
    sleeve = (root[0] + (elbow[0] - root[0]) * 0.6, root[1] + (elbow[1] - root[1]) * 0.6)
    body.path([root, sleeve], mix(paint.TEAM[who], INK, shade + 0.08), 0.15)
    body.dot(hand, 0.062, skin)


def _racket_arm(body: Body, player: Player, hip: float, ms: float) -> None:
    ahead, up, turn = _hand(player, ms)
    _arm(body, player.who, (-0.02, hip + 0.5), (ahead, hip + up), shade=0.0)
    _racket(body, (ahead, hip + up), turn)


def _hand(player: Player, ms: float) -> tuple[float, float, float]:
    """Of the racket arm: ahead, up over the hip, and the racket's angle from straight ahead."""
    if player.swing is not None:
        turn = float(np.interp(player.swing, [-1, -0.45, 0, 0.5, 1], [2.5, 3.0, 0.12, -0.9, 0.7]))
        return 0.475 * np.cos(turn), 0.42 + 0.4 * np.sin(turn), turn
    if player.mood == "joy":
        turn = 1.0 + 0.2 * np.sin(player.mood_s * 10.4)
        return 0.52 * np.cos(turn), 0.5 + 0.55 * np.sin(turn), turn
    if player.mood == "grief":
        return 0.06, -0.02, -1.25
    if player.mood == "play":
        return 0.4, 0.26 + 0.02 * np.sin(ms / 170), 0.7
    return 0.16, 0.02 + 0.01 * np.sin(ms / 500), -0.9


def _off_hand(player: Player, hip: float, ms: float) -> Point:
    if player.mood == "joy":
        turn = 2.25 - 0.25 * np.sin(player.mood_s * 10.4)
        return 0.5 * np.cos(turn), hip + 0.5 + 0.5 * np.sin(turn)
    if player.mood == "grief":
        return 0.1, hip + 0.74
    if player.swing is not None:
        return -0.1 + 0.3 * abs(player.swing), hip + 0.32
    if player.mood == "play":
        return 0.34, hip + 0.2 + 0.015 * np.sin(ms / 170)
    return 0.05, hip + 0.02


def _racket(body: Body, hand: Point, turn: float) -> None:
    dx, dy = float(np.cos(turn)), float(np.sin(turn))
    handle = [(hand[0] + reach * dx, hand[1] + reach * dy) for reach in (-0.04, 0.17)]
    body.path(handle, paint.GOLD, 0.045)
    head = (hand[0] + 0.35 * dx, hand[1] + 0.35 * dy)
    if body.scale > _FACE_SCALE:
        for step in np.linspace(-0.7, 0.7, 6):
            reach = float(np.sqrt(1 - step**2))
            across = ((0.2 * step, -0.145 * reach), (0.2 * step, 0.145 * reach))
            along = ((-0.2 * reach, 0.145 * step), (0.2 * reach, 0.145 * step))
            for ends in (across, along):
                string = [(head[0] + a * dx - b * dy, head[1] + a * dy + b * dx) for a, b in ends]
                body.path(string, mix(CREAM, INK, 0.25), 0.008)
    angle = float(np.degrees(np.arctan2(-dy, dx + body.lean * dy)))
    radii = (0.2 * body.scale, 0.145 * body.scale)
    paint.oval(
        body.to,
        body.at(*head),
        radii,
        CREAM,
        turn=angle if body.facing > 0 else 180 - angle,
        width=max(1, round(0.042 * body.scale)),
    )
