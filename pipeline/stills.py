"""The poster: a sharp, well-lit frame, with open eyes where there are faces; of sound, its wave."""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import Refused
from pipeline.frames import decoded
from pipeline.probe import open_media
from pipeline.profiles import POSTER_WIDTH

Picture = NDArray[np.uint8]
LOOKED_AT = 14
JUDGED_WIDTH = 480
QUALITY = 86


def poster(master: Path, length_ms: int, peak_ms: int, out: Path) -> tuple[int, int]:
    """Write the best frame of our own master as JPEG; answers (width, height).

    `peak_ms` from the clip's start: near it a frame says more. Raises Refused where none decodes.
    """
    best: tuple[float, Picture] | None = None
    for at_ms, picture in _samples(master, length_ms):
        worth = judge(picture) - 0.15 * abs(at_ms - peak_ms) / max(1, length_ms)
        if best is None or worth > best[0]:
            best = (worth, picture)
    if best is None:
        raise Refused("No picture of this clip could be read for its poster.")
    return _write(best[1], out)


def judge(picture: Picture) -> float:
    """Sharpness, light, contrast, faces as one number: higher is better, within one clip."""
    small = _shrunk(picture, JUDGED_WIDTH)
    gray = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    sharp = min(1.0, float(np.log1p(cv2.Laplacian(gray, cv2.CV_64F).var())) / 8)
    light = 1.0 - min(1.0, abs(float(gray.mean()) - 118) / 118)
    contrast = min(1.0, float(gray.std()) / 64)
    colour = min(1.0, float(small.std(axis=2).mean()) / 40)
    return sharp + 0.8 * light + 0.7 * contrast + 0.2 * colour + 0.6 * _faces(gray)


def _faces(gray: NDArray[Any]) -> float:
    """0 without a face, 0.5 with one, 1 with one whose two eyes are open."""
    face_of, eyes_of = _cascades()
    best = 0.0
    for x, y, width, height in face_of.detectMultiScale(gray, 1.15, 6, minSize=(48, 48))[:3]:
        upper = gray[y : y + int(height * 0.6), x : x + width]
        eyes = eyes_of.detectMultiScale(upper, 1.1, 4, minSize=(8, 8))
        best = max(best, 1.0 if len(eyes) >= 2 else 0.5)
    return best


@functools.cache
def _cascades() -> tuple[Any, Any]:
    folder = Path(cv2.data.haarcascades)  # type: ignore[attr-defined]  # set at run time
    return (
        cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml")),
        cv2.CascadeClassifier(str(folder / "haarcascade_eye.xml")),
    )


def _samples(master: Path, length_ms: int) -> list[tuple[int, Picture]]:
    """Frames spread over the clip, without its first and last half second: dissolves are there."""
    found = []
    with open_media(master) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        margin = min(500, length_ms // 4)
        for at_ms in np.linspace(margin, max(margin, length_ms - margin), LOOKED_AT):
            container.seek(int(at_ms / 1000 / stream.time_base), stream=stream)
            frame = _shown(decoded(container, stream), at_ms / 1000)
            if frame is not None:
                found.append((int(at_ms), frame.to_ndarray(format="bgr24")))
    return found


def _shown(frames: Iterable[Any], at_s: float) -> Any:
    """The last frame that began by then: one may stand for seconds."""
    shown = None
    for frame in frames:
        if shown is not None and frame.time is not None and frame.time > at_s:
            break
        shown = frame
    return shown


def _shrunk(picture: Picture, width: int) -> Picture:
    if picture.shape[1] <= width:
        return picture
    height = max(2, round(picture.shape[0] * width / picture.shape[1]))
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _write(picture: Picture, out: Path) -> tuple[int, int]:
    picture = _shrunk(picture, POSTER_WIDTH)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise ValueError("no JPEG")
    out.write_bytes(data.tobytes())
    return int(picture.shape[1]), int(picture.shape[0])


def shrink(poster: Path, out: Path) -> bool:
    """False where it is no larger than a poster is now; then nothing is written."""
    picture = cv2.imread(str(poster))
    if picture is None or picture.shape[1] <= POSTER_WIDTH:
        return False
    _write(np.asarray(picture, np.uint8), out)
    return True


def wave_poster(pcm: NDArray[np.float32], out: Path) -> tuple[int, int]:
    """For a clip without picture: its sound drawn as bars, quiet colours, 640x360."""
    width, height, bars = 1280, 720, 96
    picture = np.full((height, width, 3), (38, 30, 26), np.uint8)
    blocks = np.array_split(np.abs(pcm) if len(pcm) else np.zeros(bars, np.float32), bars)
    peaks = np.array([np.percentile(block, 98) if len(block) else 0.0 for block in blocks])
    peaks = peaks / max(1e-4, float(peaks.max()))
    step = width / (bars + 8)
    for number, peak in enumerate(peaks):
        x = int((number + 4.25) * step)
        half = int(max(3, float(peak) ** 0.7 * height * 0.32))
        corner, opposite = (x, height // 2 - half), (x + int(step * 0.55), height // 2 + half)
        cv2.rectangle(picture, corner, opposite, (150, 178, 92), -1, cv2.LINE_AA)
    return _write(picture, out)
