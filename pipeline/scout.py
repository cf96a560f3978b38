"""One pass over a recording that decodes its sound and a few key frames, and ranks its moments."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from pipeline import curves, highlights, sounds
from pipeline.audio import LONGEST_S, Mixer, Samples
from pipeline.curves import STEP_MS
from pipeline.frames import Glimpses, activity, first_picture, first_sound, start_s
from pipeline.highlights import Activity
from pipeline.probe import open_media, prepare
from pipeline.timeline import Highlight, Span

VERSION = "scout 1"
"""Changes whenever the same recording may give other moments."""

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Scouted:
    duration_ms: int
    highlights: tuple[Highlight, ...]
    """Chosen and rejected, best first."""
    curve: tuple[dict[str, float], ...]
    """A second each: "score", all of highlights.PARTS, "speech", "music" and "noise", 0..1."""
    speech: tuple[Span, ...]


def scout(path: Path, *, limit: int = 20, progress: Progress | None = None) -> Scouted:
    """At most `limit` moments are chosen. Raises Refused for what can't be opened."""
    with open_media(path) as container:
        glimpses = Glimpses(start_s(container))
        blocks = _sound(container, glimpses, progress)
        heard = sounds.listen(curves.rows(blocks))
    duration_ms = max(len(heard.level_db) * STEP_MS, glimpses.last_ms, 1)
    seconds = -(-duration_ms // 1000)
    now = highlights.activity(heard, activity(glimpses, seconds))
    return Scouted(
        duration_ms=duration_ms,
        highlights=highlights.rank(now, duration_ms, limit),
        curve=_per_second(now, seconds),
        speech=highlights.speech_spans(now),
    )


def _sound(container: Any, glimpses: Glimpses, progress: Progress | None) -> Iterator[Samples]:
    """Blocks of sound, in passing over all packets; the picture's packets go to `glimpses`."""
    picture = first_picture(container)
    sound = first_sound(container)
    if picture is not None:
        prepare(picture).thread_type = "NONE"
        picture.codec_context.skip_frame = "NONKEY"
    if sound is not None:
        prepare(sound).thread_type = "NONE"
    length_s = (container.duration or 0) / av.time_base
    # A false time stamp must not make hours of silence.
    mixer = Mixer(glimpses.zero_s, longest_s=math.ceil(length_s) + 5 if length_s > 0 else LONGEST_S)
    for packet in _packets(container, [one for one in (picture, sound) if one is not None]):
        if packet.stream is picture:
            glimpses.add(packet)
            continue
        for frame in _frames(packet):
            for block in mixer.add(frame):
                yield block
                if progress is not None:
                    progress(
                        min(1.0, (float(frame.time or 0) - glimpses.zero_s) / max(1.0, length_s))
                    )
    yield from mixer.rest()


def _packets(container: Any, streams: list[Any]) -> Iterator[Any]:
    # Asked for no stream, the library would give them all.
    packets = container.demux(streams) if streams else iter(())
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.error.FFmpegError):
            return


def _frames(packet: Any) -> list[Any]:
    try:
        return list(packet.decode())
    except (av.error.FFmpegError, ValueError):
        return []


def _per_second(now: Activity, seconds: int) -> tuple[dict[str, float], ...]:
    drawn = {
        "score": now.reaction,
        **now.parts,
        "speech": now.speech,
        "music": now.music,
        "noise": now.noise,
    }
    columns = {name: _highest(curve, seconds) for name, curve in drawn.items()}
    return tuple(
        {name: round(float(column[i]), 3) for name, column in columns.items()}
        for i in range(seconds)
    )


def _highest(curve: NDArray[np.float32], seconds: int) -> NDArray[np.float32]:
    per = 1000 // STEP_MS
    padded = np.pad(curve[: seconds * per], (0, max(0, seconds * per - len(curve))))
    return np.asarray(padded.reshape(seconds, per).max(1))
