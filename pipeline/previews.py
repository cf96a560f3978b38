"""What may be seen of a clip by whoever has no right to it: small, marked, few frames.

One pass over the master writes all three: a preview with a word mark burnt in, some silent seconds
of it for a card, and a sheet of tiles for the player's time line.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import ffmpeg as graphs
import numpy as np
from numpy.typing import NDArray

from pipeline import ffmpeg
from pipeline.probe import Probe, Video, probe
from pipeline.profiles import even

LONG, SHORT = 640, 360
"""Pixels of its longer and shorter side at most."""
PRESET, CRF, MAX_KBPS = "superfast", 29, 500
AUDIO_RATE, AUDIO_KBPS, AUDIO_BAND = 16_000, 32, (150, 3_600)
HOVER_MS, HOVER_WIDTH, HOVER_FPS, HOVER_KBPS = 3_500, 320, 12, 220
TILES, COLUMNS, TILE = 10, 5, (160, 90)
"""Tile n shows what is seen in the middle of the n-th tenth: catalog/media.py counts on it."""
MARK = "REELYARD PREVIEW"
MARK_HEIGHT, MARK_TILT, MARK_OPACITY = 15, -18.0, 0.34
"""Pixels, degrees, 0..1."""
BEEP_EVERY_S, BEEP_S, BEEP_HZ, BEEP_LEVEL = 4, 0.35, 880, 0.05
ONE_THREAD = 1
"""An encoder that holds to a rate writes other bytes each time with more."""

Progress = Callable[[float], None]


def make(
    master: Path, folder: Path, *, peak_ms: int, progress: Progress | None = None
) -> dict[str, str]:
    """Paths by kind: preview; and hover and storyboard where there is a picture. `peak_ms` counts
    from the clip's start. The same master gives the same bytes. Raises ChildFailed."""
    about = probe(master)
    files = {"preview": folder / "preview.mp4"}
    if about.video is None:
        outputs = [_heard(master, about, files["preview"])]
    else:
        files |= {"hover": folder / "hover.mp4", "storyboard": folder / "storyboard.jpg"}
        marks = folder / "marks.png"
        width, height = size(about.video)
        _write_png(watermark(width, height), marks)
        outputs = _seen(master, about, marks, peak_ms, files)
    arguments = ffmpeg.arguments(graphs.merge_outputs(*outputs))
    ffmpeg.run(arguments, duration_ms=about.duration_ms, progress=progress)
    return {kind: str(path) for kind, path in files.items()}


def size(video: Video) -> tuple[int, int]:
    """Within LONG x SHORT, or its portrait twin; never larger than the master."""
    box = (LONG, SHORT) if video.width >= video.height else (SHORT, LONG)
    scale = min(1.0, box[0] / video.width, box[1] / video.height)
    return even(round(video.width * scale)), even(round(video.height * scale))


def watermark(width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 4): the mark over and over, slanted, so close that no crop worth having is
    without one. Light with a dark rim: it is seen on bright and on dark pictures."""
    side = int(math.hypot(width, height)) + 2 * MARK_HEIGHT
    light, rim = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
    font, scale = cv2.FONT_HERSHEY_DUPLEX, MARK_HEIGHT / 22
    (long, _), _ = cv2.getTextSize(MARK, font, scale, 1)
    for row, y in enumerate(range(0, side, 4 * MARK_HEIGHT)):
        for x in range(-(row % 2) * (long // 2 + MARK_HEIGHT), side, long + 2 * MARK_HEIGHT):
            cv2.putText(rim, MARK, (x, y), font, scale, 255, 3, cv2.LINE_AA)
            cv2.putText(light, MARK, (x, y), font, scale, 255, 1, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), MARK_TILT, 1.0)
    turned = [cv2.warpAffine(one, turn, (side, side)) for one in (light, rim)]
    top, left = (side - height) // 2, (side - width) // 2
    inside = np.s_[top : top + height, left : left + width]
    made = np.zeros((height, width, 4), np.uint8)
    made[:, :, :3] = turned[0][inside][:, :, None]
    opacity = np.maximum(turned[1][inside] * MARK_OPACITY * 0.7, turned[0][inside] * MARK_OPACITY)
    made[:, :, 3] = opacity.astype(np.uint8)
    return made


def _seen(
    master: Path, about: Probe, marks: Path, peak_ms: int, files: dict[str, Path]
) -> list[Any]:
    assert about.video is not None
    length_s = about.duration_ms / 1000
    width, height = size(about.video)
    opened = ffmpeg.source(master)
    # A picture that stands has few frames: each time that is asked for below shall have one.
    small = (
        opened[str(about.video.index)]
        .filter("fps", f"{_rate(about.video):.5f}")
        .filter("scale", width, height, flags="bilinear")
        .filter("tpad", stop_mode="clone", stop_duration=f"{length_s:.3f}")
        .filter("trim", end=f"{length_s:.3f}")
        .filter_multi_output("split", 2)
    )
    marked = graphs.filter([small[0], ffmpeg.source(marks)], "overlay", format="yuv420")
    shown = marked.filter_multi_output("split", 2)
    streams, options = [shown[0]], _coding(CRF, MAX_KBPS)
    if about.audio is not None:
        streams.append(_dulled(opened[str(about.audio.index)]))
        options |= _sound()
    preview = _file(streams, files["preview"], **options)
    return [preview, _hover(shown[1], about, peak_ms, files["hover"]),
            _tiles(small[1], length_s, files["storyboard"])]  # fmt: skip


def _heard(master: Path, about: Probe, out: Path) -> Any:
    """A soft tone every few seconds is what a picture's mark is to a sound."""
    assert about.audio is not None
    sound = _dulled(ffmpeg.source(master)[str(about.audio.index)])
    rise = f"sin(PI*mod(t,{BEEP_EVERY_S})/{BEEP_S})*lt(mod(t,{BEEP_EVERY_S}),{BEEP_S})"
    beep = f"0.9*val(0)+{BEEP_LEVEL}*sin(2*PI*{BEEP_HZ}*t)*{rise}"
    return _file([sound.filter("aeval", beep)], out, **_sound())


def _hover(marked: Any, about: Probe, peak_ms: int, out: Path) -> Any:
    assert about.video is not None
    start = max(0, min(peak_ms - HOVER_MS // 2, about.duration_ms - HOVER_MS)) / 1000
    width, height = size(about.video)
    wide = even(min(width, HOVER_WIDTH if width >= height else HOVER_WIDTH * 9 // 16))
    frames = (
        marked.filter("trim", start=f"{start:.3f}", end=f"{start + HOVER_MS / 1000:.3f}")
        .filter("setpts", "PTS-STARTPTS")
        .filter("fps", HOVER_FPS)
        .filter("scale", wide, even(round(height * wide / width)), flags="bilinear")
    )
    return _file([frames], out, **_coding(CRF, HOVER_KBPS))


def _tiles(frames: Any, length_s: float, out: Path) -> Any:
    """Always the same sheet; a portrait picture stands between two dark strips."""
    middle = f"gte(t,(selected_n+0.5)*{length_s / TILES:.5f})"
    width, height = TILE
    sheet = (
        frames.filter("select", middle)
        .filter("scale", width, height, force_original_aspect_ratio="decrease", flags="bicubic")
        .filter("pad", width, height, "(ow-iw)/2", "(oh-ih)/2")
        .filter("tile", f"{COLUMNS}x{TILES // COLUMNS}", nb_frames=TILES)
    )
    plain = {"vcodec": "mjpeg", "pix_fmt": "yuvj420p", "q:v": 5, "frames:v": 1, "update": 1}
    return graphs.output(
        sheet, ffmpeg.url(out), f="image2", map_metadata=-1, bitexact=None, **plain
    )


def _dulled(sound: Any) -> Any:
    low, high = AUDIO_BAND
    return (
        sound.filter("aformat", channel_layouts="mono")
        .filter("highpass", f=low)
        .filter("lowpass", f=high)
        .filter("lowpass", f=high)
        .filter("aresample", AUDIO_RATE, **{"async": 1, "first_pts": 0})
    )


def _rate(video: Video) -> float:
    return video.fps if 5 <= video.fps <= 31 else 25.0


def _coding(crf: int, kbps: int) -> dict[str, Any]:
    return {
        "vcodec": "libx264",
        "preset": PRESET,
        "crf": crf,
        "maxrate": f"{kbps}k",
        "bufsize": f"{kbps}k",
        "pix_fmt": "yuv420p",
        "threads": ONE_THREAD,
        "force_key_frames": "expr:gte(t,n_forced*2)",
    }


def _sound() -> dict[str, Any]:
    return {"acodec": "aac", "audio_bitrate": f"{AUDIO_KBPS}k", "ac": 1}


def _file(streams: list[Any], out: Path, **options: Any) -> Any:
    plain = {"map_metadata": -1, "map_chapters": -1, "bitexact": None, "movflags": "+faststart"}
    return graphs.output(*streams, ffmpeg.url(out), f="mp4", **plain, **options)


def _write_png(picture: NDArray[np.uint8], out: Path) -> None:
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise ValueError("no PNG")
    out.write_bytes(data.tobytes())
