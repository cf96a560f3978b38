"""Tiny recordings of which everything is known."""

import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

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
    first, rate = float(frames[0].time or 0), stream.rate
    level = np.abs(np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames]))
    loud = np.flatnonzero(level > 0.3) / rate + first
    return [float(at) for i, at in enumerate(loud) if i == 0 or at - loud[i - 1] > 0.1]


def shots(
    cuts: Sequence[int], count: int, size: tuple[int, int] = (96, 54), seed: int = 1
) -> NDArray[np.uint8]:
    """(count, height, width, 3): a new picture from each frame of `cuts` on, gliding slowly."""
    random = np.random.default_rng(seed)
    frames = np.empty((count, size[1], size[0], 3), np.uint8)
    for start, end in zip([0, *cuts], [*cuts, count], strict=True):
        picture = _landscape(random, size[0] + count, size[1])
        for number in range(start, end):
            at = (number - start) // 3
            frames[number] = picture[:, at : at + size[0]]
    return frames


def _landscape(random: np.random.Generator, width: int, height: int) -> NDArray[np.uint8]:
    """Blobs of colour some pixels wide, unlike any other such picture."""
    coarse = random.uniform(10, 245, (height // 9 + 2, width // 12 + 2, 3))
    rows = np.linspace(0, len(coarse) - 1.001, height)
    columns = np.linspace(0, coarse.shape[1] - 1.001, width)
    top = coarse[rows.astype(int)][:, columns.astype(int)]
    right = coarse[rows.astype(int)][:, columns.astype(int) + 1]
    part = (columns % 1)[None, :, None]
    return np.asarray(top * (1 - part) + right * part, np.uint8)


def filmed(
    path: Path,
    frames: NDArray[np.uint8] | None,
    *args: str,
    rate: str = "25",
    sound: Path | None = None,
) -> Path:
    """A recording of these pictures (BGR), this sound, or both."""
    given = () if sound is None else ("-i", str(sound))
    if frames is None:
        return made(path, *given, *args)
    size = f"{frames.shape[2]}x{frames.shape[1]}"
    picture = ("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", size, "-r", rate, "-i", "pipe:")
    form = (*X264, "-pix_fmt", "yuv420p", *args)
    return made(path, *picture, *given, *form, stdin=frames.tobytes())


def wav(path: Path, samples: NDArray[np.floating], rate: int = 16_000) -> Path:
    """16-bit; (count,) is mono, (count, channels) is not."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def bursts(
    seconds: int, busy: Sequence[int], rate: int = 25, size: tuple[int, int] = (320, 180)
) -> NDArray[np.uint8]:
    """(count, height, width, 3): a landscape; in the busy seconds five things race over it."""
    random = np.random.default_rng(4)
    still = _landscape(random, *size)
    side = size[1] // 5
    things = [_landscape(random, side, side) // 2 + 60 * i % 128 for i in range(5)]
    frames = np.repeat(still[None], seconds * rate, axis=0)
    for second in busy:
        for number in range(second * rate, (second + 1) * rate):
            for row, thing in enumerate(things):
                # Fast, and each at its own speed.
                at = (number * (7 + 2 * row) + 60 * row) % (size[0] - side)
                frames[number, row * side : (row + 1) * side, at : at + side] = thing
    return frames
