"""Encode the whole recording for streaming, a chunk at a time.

Chunks stand alone and join without a seam: their time stamps are the recording's own, so that a
playlist may name them one after the other.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import ffmpeg as graphs

from pipeline import boxes, ffmpeg, frames, pictures
from pipeline.errors import ChildFailed
from pipeline.probe import Probe, Video, zero_s
from pipeline.profiles import AUDIO_KBPS, CHUNK_THREADS, PRESET, SEGMENT_MS, Rung, ladder, size_at
from pipeline.timeline import Span

FRAGMENTED = "+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets+frag_discont"
CLEAN: dict[str, Any] = {"map_metadata": -1, "map_chapters": -1, "bitexact": None}
"""Nothing of the source's tags (place, device, person) comes along."""

SLACK_MS = 1_000
PICTURES = "pictures.nut"
AAC_PRIMING = 1024
"""Samples the encoder puts before the first: as many are cut, and sound stays where it was."""


class Chunk(NamedTuple):
    rungs: list[dict[str, Any]]
    """As `describe` has them; empty where the span holds no frame."""
    cuts: list[int]
    """As pipeline.pictures.Seen has them, of the span alone."""
    seconds: list[pictures.Second]


def chunk_graph(source: Path, probe: Probe, span: Span, folder: Path) -> Any:
    """One decode, one output file a rung, and small frames of the span and around it to a file."""
    video = probe.video
    assert video is not None
    around = frames.around(span)
    seek_ms = probe.seek_ms(around.start_ms)
    length = _s(around.end_ms + SLACK_MS - seek_ms)
    opened = ffmpeg.source(source, copyts=None, t=length, **ffmpeg.seek(seek_ms))
    rungs = ladder(video)
    decoded = (
        opened[str(video.index)]
        # ffmpeg's own zero is the first stamp of the streams that are read, here the picture's
        # alone: the sound would be encoded by another clock.
        .filter("setpts", ffmpeg.earlier(zero_s(source)))
        .split()
    )
    shown = (
        decoded[0]
        # `t` counts from the first frame read, not from the seek point: only a trim by the clock
        # gives each frame to one chunk.
        .filter("trim", start=_s(span.start_ms), end=_s(span.end_ms))
        .filter("setsar", 1)
        .split()
    )
    outputs = [
        _video_output(shown[number], video, rung, folder / f"{rung.name}.mp4")
        for number, rung in enumerate(rungs)
    ]
    small = frames.tapped(decoded[1], around, video)
    seen = graphs.output(*small, ffmpeg.url(folder / PICTURES), **frames.RAW)
    return graphs.merge_outputs(*outputs, seen)


def _video_output(shown: Any, video: Video, rung: Rung, path: Path) -> Any:
    width, height = size_at(video, rung.height)
    return shown.filter("scale", width, height, flags="bicubic").output(
        ffmpeg.url(path),
        f="mp4",
        vcodec="libx264",
        preset=PRESET,
        crf=rung.crf,
        maxrate=f"{rung.maxrate_kbps}k",
        bufsize=f"{rung.maxrate_kbps * 2}k",
        pix_fmt="yuv420p",
        threads=CHUNK_THREADS,
        force_key_frames=f"expr:gte(t,n_forced*{SEGMENT_MS / 2000:g})",
        sc_threshold=0,
        # Every frame at its own time; one that goes back in time is left out.
        fps_mode="vfr",
        enc_time_base="demux",
        avoid_negative_ts="disabled",
        movflags=FRAGMENTED,
        **CLEAN,
    )


def encode_chunk(
    source: Path,
    probe: Probe,
    span: Span,
    folder: Path,
    progress: Callable[[float], None] | None = None,
) -> Chunk:
    """Write the chunk's files into `folder`; answers what they are, and what was seen in passing.

    Raises ChildFailed.
    """
    assert probe.video is not None
    graph = chunk_graph(source, probe, span, folder)
    ffmpeg.run(
        [*frames.LEAN, *ffmpeg.arguments(graph)], duration_ms=span.length_ms, progress=progress
    )
    seen = _seen(folder / PICTURES, span)
    made: list[dict[str, Any]] = []
    for rung in ladder(probe.video):
        path = folder / f"{rung.name}.mp4"
        described = describe(path, span.end_ms)
        if not described["segments"]:
            return Chunk([], *seen)
        width, height = size_at(probe.video, rung.height)
        made.append({"rung": rung.name, "width": width, "height": height, **described})
    return Chunk(made, *seen)


def _seen(small: Path, span: Span) -> pictures.Seen:
    """The frames are some megabytes, and no longer needed then."""
    seen = pictures.describe(frames.stored(str(small)), span)
    small.unlink(missing_ok=True)
    return seen


def encode_audio(
    source: Path, probe: Probe, folder: Path, progress: Callable[[float], None] | None = None
) -> dict[str, Any]:
    """The sound of the whole recording as one fragmented AAC file that starts at time 0."""
    assert probe.audio is not None
    path = folder / "audio.mp4"
    opened = ffmpeg.source(source, copyts=None)
    graph = (
        opened[str(probe.audio.index)]
        .filter("asetpts", ffmpeg.earlier(zero_s(source)))
        .filter("aresample", 48_000, **{"async": 1, "first_pts": 0})
        .filter("atrim", start_sample=AAC_PRIMING)
        .output(
            ffmpeg.url(path),
            f="mp4",
            acodec="aac",
            audio_bitrate=f"{AUDIO_KBPS}k",
            ac=2,
            avoid_negative_ts="disabled",
            frag_duration=SEGMENT_MS * 1000,
            movflags="+empty_moov+default_base_moof+frag_discont",
            **CLEAN,
        )
    )
    ffmpeg.run(ffmpeg.arguments(graph), duration_ms=probe.duration_ms, progress=progress)
    described = describe(path, probe.duration_ms)
    if not described["segments"]:
        raise ChildFailed("the sound of this recording could not be encoded")
    return {"rung": "audio", "width": 0, "height": 0, **described, "codecs": "mp4a.40.2"}


def describe(path: Path, end_ms: int) -> dict[str, Any]:
    """Where the segments of a fragmented file lie, and the most bits a second that one takes."""
    found = boxes.read(path)
    segments = found.segments(SEGMENT_MS, end_ms)
    peak = max((size * 8000 // max(1, length) for _, size, length in segments), default=0)
    return {
        "path": str(path),
        "init_size": found.init_size,
        "segments": segments,
        "bandwidth": peak,
        "codecs": boxes.video_codec(path),
    }


def _s(ms: float) -> str:
    return f"{ms / 1000:.3f}"
