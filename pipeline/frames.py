"""Pictures: small frames of a span, and what key frames and packet sizes tell of the rest."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pipeline.probe import open_media, prepare
from pipeline.timeline import Span

Frame = NDArray[np.uint8]

SIZE = (96, 54)
KEY_FRAME_EVERY_MS = 4_000
"""Files of key frames only are not decoded whole by the scout."""


def small_frames(
    path: Path, span: Span | None = None, size: tuple[int, int] = SIZE
) -> Iterator[tuple[int, Frame]]:
    """Every frame of the span: its time and its BGR picture (height, width, 3).

    The picture is always of `size`; a source of another shape is squeezed, not cropped.
    """
    with open_media(path) as container:
        stream = first_picture(container)
        if stream is None:
            return
        prepare(stream).thread_type = "AUTO"
        zero_s = start_s(container)
        if span is not None and span.start_ms > 0:
            container.seek(int((span.start_ms / 1000 + zero_s) * av.time_base), backward=True)
        for frame in decoded(container, stream):
            if frame.time is None:
                continue
            time_ms = round((frame.time - zero_s) * 1000)
            if span is not None and time_ms >= span.end_ms:
                return
            if span is None or time_ms >= span.start_ms:
                yield time_ms, small(frame, size)


def small(frame: Any, size: tuple[int, int] = SIZE) -> Frame:
    return np.asarray(frame.reformat(*size, format="bgr24", interpolation="AREA").to_ndarray())


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
    """Fed with a stream's packets in file order."""

    zero_s: float
    bytes_per_s: dict[int, int] = field(default_factory=dict)
    """Of the frames that are no key frames: these are large wherever they stand."""
    keys: list[tuple[int, Frame]] = field(default_factory=list)
    last_ms: int = 0
    looked_ms: int = -KEY_FRAME_EVERY_MS

    def add(self, packet: Any) -> None:
        if packet.pts is None:
            return
        time_ms = round((float(packet.pts * packet.time_base) - self.zero_s) * 1000)
        self.last_ms = max(self.last_ms, time_ms)
        if not packet.is_keyframe:
            second = max(0, time_ms // 1000)
            self.bytes_per_s[second] = self.bytes_per_s.get(second, 0) + packet.size
        elif time_ms - self.looked_ms >= KEY_FRAME_EVERY_MS:
            self.looked_ms = time_ms
            self._look(packet)

    def _look(self, packet: Any) -> None:
        """The decoder may answer one frame late: the time is the frame's own."""
        try:
            frames = [frame for frame in packet.decode() if frame.time is not None]
        except (av.error.FFmpegError, ValueError):
            return
        for frame in frames:
            self.keys.append((round((frame.time - self.zero_s) * 1000), small(frame, (32, 18))))


def activity(glimpses: Glimpses, seconds: int) -> NDArray[np.float32]:
    """Per second, 0..1: how much more the picture changes than it mostly does in this recording."""
    spent = np.array([glimpses.bytes_per_s.get(second, 0) for second in range(seconds)], np.float64)
    if not spent.any():
        return np.zeros(seconds, np.float32)
    # A frame that repeats costs some tens of bytes; what is under 2 kB a second is a still picture.
    usual = max(2_000.0, float(np.median(spent)))
    over = np.log2((spent + 1) / usual)
    smooth = np.convolve(over, np.ones(3) / 3, "same") if seconds >= 3 else over
    return np.clip((smooth - 0.5) / 2, 0, 1).astype(np.float32)
