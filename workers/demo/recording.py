"""Make the demo's recording: draw and sound the story, and have ffmpeg put both into one MP4."""

import subprocess
import tempfile
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import ffmpeg as graphs
import numpy as np

from pipeline import ffmpeg
from pipeline.errors import ChildFailed
from workers.demo import crowd, draw, sound
from workers.demo.crowd_sound import RATE
from workers.demo.paint import HEIGHT, WIDTH
from workers.demo.story import DURATION_MS, FPS, FRAME_MS, DemoTruth, truth

_PIPE_BYTES = 1 << 20

__all__ = ["DemoTruth", "make_recording", "truth"]


def make_recording(
    out: Path, progress: Callable[[float], None] | None = None, *, seconds: float | None = None
) -> DemoTruth:
    """Write 1280x720, 25 frames a second, H.264 and AAC to `out`; the same bytes each time.

    `progress` gets 0..1. `seconds` stops early, for tests; the truth is that of the whole.
    """
    length_ms = DURATION_MS if seconds is None else int(seconds * 1000)
    with tempfile.TemporaryDirectory(prefix="reelyard-demo-") as folder:
        wav = Path(folder) / "sound.wav"
        _write_sound(wav, length_ms / 1000)
        _encode(out, wav, length_ms, progress)
    crowd.forget()
    return truth()


def _write_sound(to: Path, seconds: float) -> None:
    samples = np.round(sound.mix(seconds) * 32767).astype("<i2")
    with wave.open(str(to), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def _encode(out: Path, wav: Path, length_ms: int, progress: Callable[[float], None] | None) -> None:
    child = ffmpeg.start(
        _arguments(out, wav), stdin=subprocess.PIPE, stderr=subprocess.PIPE, pipesize=_PIPE_BYTES
    )
    assert child.stdin is not None
    assert child.stderr is not None
    try:
        for number, planes in enumerate(_frames(length_ms)):
            child.stdin.write(planes)
            if progress is not None and number % FPS == 0:
                progress(number * FRAME_MS / length_ms)
        child.stdin.close()
    except BrokenPipeError:
        pass  # It died; its own words below say of what.
    error = child.stderr.read().decode(errors="replace").strip()
    if child.wait():
        raise ChildFailed(f"the demo's recording could not be written: {error[-300:]}")
    if progress is not None:
        progress(1.0)


def _arguments(out: Path, wav: Path) -> list[str]:
    pictures = graphs.input(
        "pipe:", format="rawvideo", pix_fmt="yuv420p", s=f"{WIDTH}x{HEIGHT}", r=FPS
    )
    # OpenCV's conversion is BT.601 in video range: say so, or players guess BT.709 for this size.
    pictures = pictures.video.filter("setparams", colorspace="smpte170m", range="tv")
    options = {
        "vcodec": "libx264", "preset": "veryfast", "crf": 26, "g": 5 * FPS,
        # veryfast's blocks and b-frames with superfast's search: half its bits in its time.
        "x264-params": "ref=1:subme=1:me=dia:weightp=0",
        "acodec": "aac", "b:a": "128k", "movflags": "+faststart",
        # One number of threads everywhere, no dates and versions: the same bytes each time.
        "threads": 2, "fflags": "+bitexact", "flags:v": "+bitexact", "flags:a": "+bitexact",
    }  # fmt: skip
    stream = graphs.output(pictures, ffmpeg.source(wav).audio, ffmpeg.url(out), **options)
    return ffmpeg.arguments(stream)


def _frames(length_ms: int) -> Iterator[Any]:
    for ms in range(0, length_ms, FRAME_MS):
        yield cv2.cvtColor(draw.frame(ms), cv2.COLOR_BGR2YUV_I420)
