"""Make the demo's recording: draw and sound the story, and have ffmpeg put both into one MP4."""

import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
_SAME_BYTES: dict[str, Any] = {
    "fflags": "+bitexact",
    "flags:v": "+bitexact",
    "flags:a": "+bitexact",
}
"""No dates and no versions."""

__all__ = ["DemoTruth", "make_recording", "truth"]


def make_recording(
    out: Path, progress: Callable[[float], None] | None = None, *, seconds: float | None = None
) -> DemoTruth:
    """Write 1280x720, 25 frames a second, H.264 and AAC to `out`; the same bytes each time.

    `progress` gets 0..1. `seconds` stops early, for tests; the truth is that of the whole.
    """
    length_ms = DURATION_MS if seconds is None else int(seconds * 1000)
    with tempfile.TemporaryDirectory(prefix="reelyard-demo-") as folder:
        seen, heard = Path(folder) / "seen.mp4", Path(folder) / "heard.m4a"
        with ThreadPoolExecutor(1) as beside:
            sounding = beside.submit(_write_sound, heard, length_ms / 1000)
            _write_pictures(seen, length_ms, progress)
            sounding.result()
        both = (ffmpeg.source(seen).video, ffmpeg.source(heard).audio)
        _write(out, *both, c="copy", movflags="+faststart", **_SAME_BYTES)
    crowd.forget()
    if progress is not None:
        progress(1.0)
    return truth()


def _write(to: Path, *streams: Any, stdin: bytes | None = None, **options: Any) -> None:
    ffmpeg.run(ffmpeg.arguments(graphs.output(*streams, ffmpeg.url(to), **options)), stdin=stdin)


def _write_sound(to: Path, seconds: float) -> None:
    samples = np.round(sound.mix(seconds) * 32767).astype("<i2").tobytes()
    stereo = graphs.input("pipe:", format="s16le", ar=RATE, ac=2).audio
    _write(to, stereo, stdin=samples, acodec="aac", **{"b:a": "128k"}, **_SAME_BYTES)


def _write_pictures(
    to: Path, length_ms: int, progress: Callable[[float], None] | None = None
) -> None:
    with ffmpeg.start(
        _encoder(to), stdin=subprocess.PIPE, stderr=subprocess.PIPE, pipesize=_PIPE_BYTES
    ) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        try:
            for ms in range(0, length_ms, FRAME_MS):
                child.stdin.write(cv2.cvtColor(draw.frame(ms), cv2.COLOR_BGR2YUV_I420).data)
                if progress is not None and ms % 1000 == 0:
                    progress(0.99 * ms / length_ms)
            child.stdin.close()
        except BrokenPipeError:
            pass  # It died; its own words below say of what.
        error = child.stderr.read().decode(errors="replace").strip()
    if child.returncode:
        raise ChildFailed(f"the demo's recording could not be written: {error[-300:]}")


def _encoder(to: Path) -> list[str]:
    size = f"{WIDTH}x{HEIGHT}"
    raw = graphs.input("pipe:", format="rawvideo", pix_fmt="yuv420p", s=size, r=FPS).video
    # OpenCV's conversion is BT.601 in video range: say so, or players guess BT.709 for this size.
    told = raw.filter("setparams", colorspace="smpte170m", range="tv")
    options = {
        "vcodec": "libx264", "preset": "veryfast", "crf": 26, "g": 5 * FPS,
        # veryfast's blocks and b-frames with superfast's search: half its bits in its time.
        "x264-params": "ref=1:subme=1:me=dia:weightp=0:rc-lookahead=5",
        # The number of threads changes the bytes.
        "threads": 2,
    }  # fmt: skip
    return ffmpeg.arguments(graphs.output(told, ffmpeg.url(to), **options, **_SAME_BYTES))
