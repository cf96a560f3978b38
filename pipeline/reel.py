"""A highlight reel: the masters of some clips joined, one after the other, and its small files."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ffmpeg as graphs
import numpy as np

from pipeline import ffmpeg, previews, stills
from pipeline.audio import decode_pcm
from pipeline.cut import FADE_MS
from pipeline.errors import Refused
from pipeline.probe import Probe, probe
from pipeline.profiles import MASTER_AUDIO_KBPS, MASTER_CRF, PRESET, THREADS
from pipeline.timeline import Span

RATE = 16_000
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Reel:
    starts_ms: list[int]
    """Where each part begins."""
    length_ms: int
    width: int
    height: int
    files: dict[str, str]
    """By kind: path."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def make(parts: Sequence[Path], best: int, folder: Path, progress: Progress) -> Reel:
    """`parts`: masters of one recording, in their order; `best`: the number of the one whose
    middle the poster and the hover show first. Raises Refused, ChildFailed."""
    abouts = [probe(part) for part in parts]
    master = folder / "master.mp4"
    arguments = ffmpeg.arguments(join_graph(parts, abouts, master))
    length_ms = sum(about.duration_ms for about in abouts)
    ffmpeg.run(arguments, duration_ms=length_ms, progress=lambda done: progress(0.7 * done))
    starts = [sum(one.duration_ms for one in abouts[:number]) for number in range(len(abouts))]
    peak_ms = starts[best] + abouts[best].duration_ms // 2
    made = probe(master)
    poster = folder / "poster.jpg"
    if made.video is None:
        stills.wave_poster(_sound(master, made), poster)
    else:
        stills.poster(master, made.duration_ms, peak_ms, poster)
    files = {"master": str(master), "poster": str(poster)}
    files |= previews.make(
        master, folder, peak_ms=peak_ms, progress=lambda done: progress(0.75 + 0.25 * done)
    )
    return Reel(
        starts_ms=starts,
        length_ms=length_ms,
        width=made.video.width if made.video else 0,
        height=made.video.height if made.video else 0,
        files=files,
    )


def join_graph(parts: Sequence[Path], abouts: Sequence[Probe], out: Path) -> Any:
    """Straight cuts; a fade of the sound so short that it is heard as none. One encoding."""
    seen, heard = abouts[0].video, any(about.audio for about in abouts)
    if any((about.video is None) != (seen is None) for about in abouts):
        raise Refused("These clips can't be joined: some have a picture, others have none.")
    streams: list[Any] = []
    for part, about in zip(parts, abouts, strict=True):
        opened, end = ffmpeg.source(part), f"{about.duration_ms / 1000:.3f}"
        if about.video is not None and seen is not None:
            streams.append(
                opened[str(about.video.index)]
                .filter("setpts", "PTS-STARTPTS")
                .filter("scale", seen.width, seen.height, flags="bicubic")
                .filter("setsar", 1)
                .filter("tpad", stop_mode="clone", stop_duration=end)
                .filter("trim", end=end)
            )
        if heard:
            streams.append(_faded(opened, about, end))
    kinds = {"v": int(seen is not None), "a": int(heard)}
    joined = graphs.filter_multi_output(streams, "concat", n=len(parts), **kinds)
    options: dict[str, Any] = {"map_metadata": -1, "map_chapters": -1, "bitexact": None}
    if seen is not None:
        options |= {
            "vcodec": "libx264",
            "preset": PRESET,
            "crf": MASTER_CRF,
            "pix_fmt": "yuv420p",
            "threads": THREADS,
            "fps_mode": "vfr",
            "force_key_frames": "expr:gte(t,n_forced*2)",
        }
    if heard:
        options |= {"acodec": "aac", "audio_bitrate": f"{MASTER_AUDIO_KBPS}k", "ac": 2}
    mapped = [joined[number] for number in range(sum(kinds.values()))]
    return graphs.output(*mapped, ffmpeg.url(out), f="mp4", movflags="+faststart", **options)


def _faded(opened: Any, about: Probe, end: str) -> Any:
    """Exactly as long as the picture; silence where a clip has no sound."""
    if about.audio is None:
        return graphs.input("anullsrc=r=48000:cl=stereo", f="lavfi", t=end)
    fade_s = FADE_MS / 1000
    return (
        opened[str(about.audio.index)]
        .filter("aresample", 48_000, **{"async": 1, "first_pts": 0})
        .filter("aformat", channel_layouts="stereo")
        .filter("apad", whole_dur=end)
        .filter("atrim", end=end)
        .filter("afade", t="in", d=fade_s)
        .filter("afade", t="out", st=max(0.0, float(end) - fade_s), d=fade_s)
    )


def _sound(master: Path, made: Probe) -> Any:
    if made.audio is None:
        return np.zeros(0, np.float32)
    return decode_pcm(master, Span(0, made.duration_ms), RATE, made.audio.index)
