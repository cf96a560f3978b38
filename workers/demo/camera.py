"""Where the cameras stand, and what a point of the arena is in their pictures."""

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.demo.paint import HEIGHT, WIDTH, Point

_NEAR = 0.4


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole. Metres as in rally.py; `zoom` is its focal length in pixels."""

    place: tuple[float, float, float]
    target: tuple[float, float, float]
    zoom: float
    over: int = 1
    """Pixels drawn per pixel kept, a side."""

    def front(self, corners: Any) -> NDArray[np.float64]:
        """The part of a polygon (or of a line of two points) before the camera, maybe none."""
        points = np.asarray(corners, np.float64).reshape(-1, 3)
        away = (points - self.place) @ np.array(_axes(self)[2]) - _NEAR
        kept = []
        for at in range(len(points)):
            after = (at + 1) % len(points)
            if away[at] >= 0:
                kept.append(points[at])
            if away[at] * away[after] < 0:
                part = away[at] / (away[at] - away[after])
                kept.append(points[at] + (points[after] - points[at]) * part)
        return np.array(kept[:2] if len(points) == 2 else kept).reshape(-1, 3)

    def seen(self, points: Any) -> NDArray[np.float64]:
        """(n, 3) metres to (n, 3): x and y in pixels, and pixels per metre there."""
        spots = [self.spot(*map(float, point)) for point in np.reshape(points, (-1, 3))]
        return np.array([(x, y, scale) for (x, y), scale in spots])

    def spot(self, x: float, y: float, z: float) -> tuple[Point, float]:
        """One point: its pixel and the pixels per metre there."""
        dx, dy, dz = x - self.place[0], y - self.place[1], z - self.place[2]
        right, up, ahead = (a * dx + b * dy + c * dz for a, b, c in _axes(self))
        scale = self.zoom * self.over / max(ahead, 0.05)
        half_x, half_y = WIDTH / 2 * self.over, HEIGHT / 2 * self.over
        return (half_x + right * scale, half_y - up * scale), scale

    def finer(self, over: int) -> "Camera":
        return replace(self, over=over)


@functools.lru_cache(maxsize=32)
def _axes(camera: Camera) -> tuple[tuple[float, float, float], ...]:
    """Unit vectors to the right, up and ahead."""
    ahead = np.subtract(camera.target, camera.place)
    ahead = ahead / np.linalg.norm(ahead)
    right = np.cross(ahead, (0.0, 0.0, 1.0))
    right = right / np.linalg.norm(right)
    axes = (right, np.cross(right, ahead), ahead)
    return tuple((float(a), float(b), float(c)) for a, b, c in axes)


CAMERAS = {
    "wide": Camera((0, -12.9, 7.6), (0, 1.0, 1.12), 1030),
    "overhead": Camera((0, -3.4, 14.6), (0, -0.1, 0), 1010),
    "crowd": Camera((1.2, -2.2, 4.3), (0.4, 8, 3.0), 1130),
    "replay-left": Camera((-2.2, -6.4, 2.3), (-5.4, 0.6, 0.95), 880),
    "replay-right": Camera((2.2, -6.4, 2.3), (5.4, 0.6, 0.95), 880),
}
