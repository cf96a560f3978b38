"""Cut the master of a clip: exact to the frame, encoded anew, ready to stream."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ffmpeg as graphs

from pipeline import ffmpeg
from pipeline.probe import Probe, open_media, zero_s
from pipeline.profiles import (
    MASTER_AUDIO_KBPS,
    MASTER_CRF,
    MASTER_MAX_HEIGHT,
    PRESET,
    THREADS,
    size_at,
)
from pipeline.timeline import Span

SLACK_MS = 1_000
FADE_MS = 12
"""Long enough that a cut in the sound does not click, too short to be heard as a fade."""


def frame_times(path: Path, probe: Probe, span: Span) -> list[int]:
    """Shown times (ms) of the frames whose packets lie in the span; nothing is decoded."""
    if probe.video is None:
        return []
    times = []
    with open_media(path) as container:
        stream = container.streams[probe.video.index]
        zero_ms = (container.start_time or 0) / 1000
        seconds = max(0.0, span.start_ms / 1000 - 1 + zero_ms / 1000)
        container.seek(int(seconds / stream.time_base), stream=stream)
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            at = float(packet.pts * packet.time_base) * 1000 - zero_ms
            if at > span.end_ms + 2000:
                break
            if span.start_ms <= round(at) < span.end_ms:
                times.append(round(at))
    return sorted(set(times))


def on_frames(span: Span, times: list[int], *, min_ms: int = 0, max_ms: int | None = None) -> Span:
    """The same span beginning and ending on frames; unchanged where there are none.

    Both ends move to the next frame, and the end then as few frames on or back as the limits ask.
    Where no two frames are so far apart, as in a picture that stands, the limits win over frames.
    """
    if len(times) < 2:
        return span
    start = times[min(bisect_left(times, span.start_ms), len(times) - 1)]
    after = bisect_left(times, span.end_ms)
    end = times[after] if after < len(times) else span.end_ms
    if end - start < min_ms:
        later = bisect_left(times, start + min_ms)
        end = times[later] if later < len(times) else start + min_ms
    if max_ms is not None and end - start > max_ms:
        earlier = times[bisect_right(times, start + max_ms) - 1]
        end = earlier if earlier - start >= max(1, min_ms) else start + max_ms
    return Span(start, end)


def master_graph(source: Path, probe: Probe, span: Span, out: Path) -> Any:
    # Half a millisecond early at both ends: frame times are rounded, and `t` counts from the first
    # frame read, so that only a trim by the clock ends where it should.
    seek_ms = probe.seek_ms(span.start_ms - 0.5)
    length = _s(span.end_ms + SLACK_MS - seek_ms)
    opened = ffmpeg.source(source, copyts=None, t=length, **ffmpeg.seek(seek_ms))
    start_s = max(0.0, span.start_ms - 0.5) / 1000
    from_zero = ffmpeg.earlier(zero_s(source) + start_s)
    between = {"start": 0, "end": _s(span.end_ms - 0.5 - start_s * 1000)}
    streams: list[Any] = []
    options: dict[str, Any] = {"map_metadata": -1, "map_chapters": -1, "bitexact": None}
    if probe.video is not None:
        width, height = size_at(probe.video, MASTER_MAX_HEIGHT)
        streams.append(
            opened[str(probe.video.index)]
            .filter("setpts", from_zero)
            .filter("trim", **between)
            .filter("setsar", 1)
            .filter("scale", width, height, flags="bicubic")
        )
        options |= {
            "vcodec": "libx264",
            "preset": PRESET,
            "crf": MASTER_CRF,
            "pix_fmt": "yuv420p",
            "threads": THREADS,
            # Every frame at its own time; one that goes back in time is left out.
            "fps_mode": "vfr",
            "enc_time_base": "demux",
            "force_key_frames": "expr:gte(t,n_forced*2)",
        }
    if probe.audio is not None:
        fade_s, end_s = FADE_MS / 1000, span.length_ms / 1000
        streams.append(
            opened[str(probe.audio.index)]
            .filter("asetpts", from_zero)
            .filter("atrim", **between)
            .filter("aresample", 48_000, **{"async": 1, "first_pts": 0})
            .filter("afade", t="in", d=fade_s)
            .filter("afade", t="out", st=max(0, end_s - fade_s), d=fade_s)
        )
        options |= {"acodec": "aac", "audio_bitrate": f"{MASTER_AUDIO_KBPS}k", "ac": 2}
    return graphs.output(*streams, ffmpeg.url(out), f="mp4", movflags="+faststart", **options)


def cut_master(
    source: Path,
    probe: Probe,
    span: Span,
    out: Path,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Raises ChildFailed."""
    graph = master_graph(source, probe, span, out)
    ffmpeg.run(ffmpeg.arguments(graph), duration_ms=span.length_ms, progress=progress)


def _s(ms: float) -> str:
    return f"{ms / 1000:.4f}"
