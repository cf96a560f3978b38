"""Tiny recordings of which everything is known."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from pipeline import ffmpeg

SIZE = (320, 96)
BITS = 10
_STEP = SIZE[0] // BITS
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "3")


def made(path: Path, *args: str, stdin: bytes | None = None) -> Path:
    ffmpeg.run([*args, ffmpeg.url(path)], stdin=stdin)
    return path


def moving(
    path: Path, *args: str, size: str = "320x180", rate: str = "25", seconds: float = 3
) -> Path:
    """A test picture and a tone."""
    picture = f"testsrc2=s={size}:r={rate}:d={seconds}"
    tone = f"sine=440:r=48000:d={seconds}"
    return made(path, "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, *X264, *args)


def numbered(path: Path, count: int, rate: str, *args: str, clicks_s: int = 1) -> Path:
    """Frames that carry their number as squares, dark for 0; a click of sound every `clicks_s`."""
    rows = np.arange(count)
    frames = np.full((count, SIZE[1], SIZE[0]), 96, np.uint8)
    for bit in range(BITS):
        light = np.where(rows >> bit & 1, 235, 16).astype(np.uint8)
        frames[:, 16:80, bit * _STEP + 4 : (bit + 1) * _STEP - 4] = light[:, None, None]
    size = f"{SIZE[0]}x{SIZE[1]}"
    picture = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", size, "-r", rate, "-i", "pipe:")
    length_s = float(count / Fraction(rate))
    click = f"aevalsrc=0.9*sin(2000*PI*t)*lt(mod(t\\,{clicks_s})\\,0.02):s=48000:d={length_s}"
    sound = ("-f", "lavfi", "-i", click)
    return made(path, *picture, *sound, "-pix_fmt", "yuv420p", *args, stdin=frames.tobytes())


def numbers(path: Path) -> list[int]:
    """The numbers of all frames, as shown."""
    with av.open(str(path)) as container:
        pictures = (frame.to_ndarray(format="gray") for frame in container.decode(video=0))
        return [
            sum(int(picture[48, bit * _STEP + _STEP // 2] > 128) << bit for bit in range(BITS))
            for picture in pictures
        ]


def shown_at(path: Path) -> list[float]:
    """Seconds of all frames."""
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def clicks(path: Path) -> list[float]:
    """Seconds at which a click begins in the sound."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
    first, rate = float(frames[0].time), stream.rate
    level = np.abs(np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames]))
    loud = np.flatnonzero(level > 0.3) / rate + first
    return [float(at) for i, at in enumerate(loud) if i == 0 or at - loud[i - 1] > 0.1]
