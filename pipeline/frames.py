"""Pictures: small frames of a span, and what key frames and packet sizes tell of the rest."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import ffmpeg as graphs
import numpy as np
from numpy.typing import NDArray

from pipeline import ffmpeg, motion
from pipeline.probe import Probe, Video, open_media
from pipeline.timeline import Span

Frame = NDArray[np.uint8]

SIZE = (96, 54)
LARGE = 400
"""Longer side of the frames in which faces and letters are looked for."""
LARGE_EVERY_S = 2
CONTEXT_MS = 1_200
"""What is read beyond the ends of a piece, so that its ends are judged as its middle is."""
SLACK_MS = 1_000
LONGEST_MS = 12 * 3_600_000
"""No recording is longer: a later stamp is false."""
KEY_FRAME_EVERY_MS = 4_000
LOOK_EVERY_MS = 800
"""Of a file that holds key frames only so few are looked at."""
STILL_BYTES, STILL_KEY = 2_000, 0.35
"""Without its key frames a second of a still picture takes less, and less than so much of one."""
KEYS_WEIGHED = 2_000
"""Enough to know what a key frame mostly takes."""
EVEN_S, EVEN = 20, 0.2
"""Seconds, and the spread of what they took, by which a constant bit rate is known."""
KEYS_CHANGED, LOOKS_CHANGED = 0.2, 0.08
"""The share of the picture that changes between two looks when much is going on."""


def small_frames(path: Path, span: Span | None = None) -> Iterator[tuple[int, Frame]]:
    """Every frame of the span: its time and its BGR picture (height, width, 3).

    The picture is upright and always of SIZE; a source of another shape is squeezed, not cropped.
    """
    return _decoded(path, span, None)


def pictures(path: Path, span: Span | None, video: Video | None) -> Iterator[tuple[int, Frame]]:
    """The same with CONTEXT_MS around the span, and among them, where `video` is known, larger grey
    ones (height, width) of the true shape, one in LARGE_EVERY_S."""
    return _decoded(path, around(span) if span else None, video)


def around(span: Span) -> Span:
    return Span(max(0, span.start_ms - CONTEXT_MS), span.end_ms + CONTEXT_MS)


def _decoded(path: Path, span: Span | None, video: Video | None) -> Iterator[tuple[int, Frame]]:
    """What can't be decoded is passed over."""
    graph = _graph(path, span, video)
    if graph is None:
        return
    graph = graphs.output(*graph, "pipe:1", **RAW)
    silent = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with ffmpeg.start([*LEAN, *ffmpeg.arguments(graph)], stdout=subprocess.PIPE, **silent) as child:
        try:
            yield from stored(child.stdout)
        finally:
            child.kill()


def _graph(path: Path, span: Span | None, video: Video | None) -> list[Any] | None:
    with open_media(path) as container:
        stream = first_picture(container)
        if stream is None:
            return None
        # With a probe's words for "which stream" and "where to seek", as the encoder has them.
        about = Probe(str(container.format.name), 0, None, None)
        index, zero_s = stream.index, start_s(container)
    options: dict[str, Any] = {"copyts": None}
    if span is not None:
        seek_ms = about.seek_ms(span.start_ms)
        options |= ffmpeg.seek(seek_ms)
        options["t"] = f"{(span.end_ms + SLACK_MS - seek_ms) / 1000:.3f}"
    opened = ffmpeg.source(path, **options)
    return tapped(opened[str(index)].filter("setpts", ffmpeg.earlier(zero_s)), span, video)


LEAN = ("-filter_complex_threads", "1")
"""To share the scaling of one picture among threads costs more than it gives."""
RAW: dict[str, Any] = {
    "f": "nut",
    "vcodec": "rawvideo",
    # Every frame at its own time; one that goes back in time is left out.
    "fps_mode": "vfr",
    "enc_time_base": "demux",
}
"""Output options for what `tapped` gives: raw pictures in a container that keeps their times."""


def tapped(frames: Any, span: Span | None, video: Video | None) -> list[Any]:
    """Graph: full frames, whose stamps are the recording's time, to small ones and large ones."""
    if span is not None:
        frames = frames.filter("trim", start=span.start_ms / 1000, end=span.end_ms / 1000)
    if video is None:
        return [_small(frames)]
    parts = frames.split()
    wide, high = large_size(video)
    # By the clock, so that pieces of a recording look at the same frames.
    slot, before = f"floor(t/{LARGE_EVERY_S})", f"floor(prev_selected_t/{LARGE_EVERY_S})"
    large = (
        parts[1]
        .filter("select", f"isnan(prev_selected_t)+gt({slot},{before})")
        .filter("scale", wide, high, flags="area")
        .filter("format", "gray")
    )
    return [_small(parts[0]), large]


def _small(frames: Any) -> Any:
    return frames.filter("scale", *SIZE, flags="area").filter("format", "bgr24")


def large_size(video: Video) -> tuple[int, int]:
    scale = LARGE / max(video.width, video.height)
    return max(16, round(video.width * scale)), max(16, round(video.height * scale))


def stored(file: Any) -> Iterator[tuple[int, Frame]]:
    """What an output with RAW holds: coloured frames, and larger grey ones among them."""
    try:
        opened = av.open(file, format="nut", buffer_size=1 << 18)
    except (av.error.FFmpegError, OSError):
        return  # not one frame
    with opened as container, contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux():
            if packet.pts is None or not packet.size:
                continue
            context = packet.stream.codec_context
            shape = (context.height, context.width, -1)
            picture = np.frombuffer(packet, np.uint8).reshape(shape)
            time_ms = round(float(packet.pts * packet.time_base) * 1000)
            yield time_ms, picture if picture.shape[2] > 1 else picture[:, :, 0]


def decoded(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's frames; what can't be decoded is passed over."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        try:
            yield from packet.decode()
        except (av.error.FFmpegError, ValueError):
            continue


def first_picture(container: Any) -> Any:
    """The best video stream (as ffmpeg chooses: default, then size) that is not a cover picture."""
    covers = av.stream.Disposition.attached_pic
    shown = [
        stream
        for stream in (container.streams.best("video"), *container.streams.video)
        if stream is not None and stream.codec_context is not None
    ]
    return next((stream for stream in shown if not stream.disposition & covers), None)


def first_sound(container: Any) -> Any:
    """The default track, else the first that can be decoded."""
    tracks = [one for one in container.streams.audio if one.codec_context is not None]
    default = av.stream.Disposition.default
    return next((one for one in tracks if one.disposition & default), next(iter(tracks), None))


def start_s(container: Any) -> float:
    """The stamp that is time zero, as ffmpeg's seeking counts it."""
    return (container.start_time or 0) / av.time_base


@dataclass
class Glimpses:
    """Fed with a stream's packets in file order; decodes few of them, most often none.

    Where frames are told by their difference to others, the bytes they take tell what moves. Where
    every frame is coded alone, or all seconds take the same bytes, some frames are looked at.
    """

    zero_s: float
    longest_ms: int = LONGEST_MS
    """A later stamp is false."""
    bytes_per_s: dict[int, int] = field(default_factory=dict)
    """Of the frames that are no key frames: these are large wherever they stand."""
    key_bytes: list[int] = field(default_factory=list)
    moved: list[tuple[int, int, float]] = field(default_factory=list)
    """Between two frames that were looked at: from, to (ms), share of the picture that changed."""
    last_ms: int = 0
    differing: bool = False
    """Has there been a frame that is no key frame."""
    looked: tuple[int, Frame] | None = None

    def add(self, packet: Any) -> None:
        if packet.pts is None:
            return
        time_ms = round((float(packet.pts * packet.time_base) - self.zero_s) * 1000)
        if not -SLACK_MS <= time_ms <= self.longest_ms:
            return
        self.last_ms = max(self.last_ms, time_ms)
        if not packet.is_keyframe:
            self.differing = True
            second = max(0, time_ms // 1000)
            self.bytes_per_s[second] = self.bytes_per_s.get(second, 0) + told(packet)
            return
        if len(self.key_bytes) < KEYS_WEIGHED:
            self.key_bytes.append(told(packet))
        if self._wants(time_ms):
            self._look(packet)

    def _wants(self, time_ms: int) -> bool:
        since = time_ms - self.looked[0] if self.looked else LONGEST_MS
        if self.differing:
            return since >= KEY_FRAME_EVERY_MS and self._even(time_ms // 1000)
        return since >= LOOK_EVERY_MS

    def _even(self, second: int) -> bool:
        """Did all of the last seconds take the same bytes, and not few?"""
        spent = [self.bytes_per_s.get(one, 0) for one in range(second - EVEN_S, second)]
        low, usual, high = np.percentile(spent, (10, 50, 90))
        return bool(usual > _still(self) and high - low < EVEN * usual)

    def _look(self, packet: Any) -> None:
        """The decoder may answer one frame late: the time is the frame's own."""
        try:
            frames = [frame for frame in packet.decode() if frame.time is not None]
        except (av.error.FFmpegError, ValueError):
            return
        for frame in frames:
            time_ms = round((frame.time - self.zero_s) * 1000)
            picture = frame.reformat(*SIZE, format="gray", interpolation="AREA").to_ndarray()
            before, self.looked = self.looked, (time_ms, picture)
            longest = 3 * KEY_FRAME_EVERY_MS if self.differing else 1_000
            if before is not None and 0 < time_ms - before[0] <= longest:
                share = motion.unlike(before[1], picture)
                cut = not self.differing and share > motion.ALL_OVER
                self.moved.append((before[0], time_ms, 0.0 if cut else share))


def told(packet: Any) -> int:
    """The bytes of a packet without what only fills it up to a constant rate (H.264: 0xFF)."""
    return len(bytes(packet).rstrip(b"\x00\x80").rstrip(b"\xff"))


def activity(glimpses: Glimpses, seconds: int) -> NDArray[np.float32]:
    """0..1: how much more the picture changes than it mostly does in this recording."""
    return np.maximum(_spent(glimpses, seconds), _looked(glimpses, seconds))


def _still(glimpses: Glimpses) -> float:
    """Bytes a second. A picture that stands is coded better and better, then costs nothing."""
    keys = glimpses.key_bytes
    return max(float(STILL_BYTES), STILL_KEY * float(np.median(keys)) if keys else 0.0)


def _spent(glimpses: Glimpses, seconds: int) -> NDArray[np.float32]:
    spent = np.array([glimpses.bytes_per_s.get(second, 0) for second in range(seconds)], np.float64)
    if not spent.any():
        return np.zeros(seconds, np.float32)
    usual = max(_still(glimpses), float(np.median(spent)))
    # Quieter than mostly is nothing: a short burst has quiet seconds beside it.
    over = np.maximum(0, np.log2((spent + 1) / usual))
    smooth = np.convolve(over, (0.25, 0.5, 0.25), "same") if seconds >= 3 else over
    return np.clip((smooth - 0.5) / 2, 0, 1).astype(np.float32)


def _looked(glimpses: Glimpses, seconds: int) -> NDArray[np.float32]:
    found = np.zeros(seconds, np.float32)
    if not glimpses.moved:
        return found
    # Key frames are seconds apart, and of what stays in its place much has changed by then.
    full = KEYS_CHANGED if glimpses.differing else LOOKS_CHANGED
    values = 1 - np.exp(-np.array([share for _, _, share in glimpses.moved]) / full)
    usual = min(0.8, float(np.median(values)))
    for (start_ms, end_ms, _), value in zip(glimpses.moved, values, strict=True):
        between = slice(max(0, start_ms) // 1000, max(0, end_ms) // 1000 + 1)
        found[between] = np.maximum(found[between], max(0.0, (value - usual) / (1 - usual)))
    return found
