"""Renditions as data."""

from dataclasses import dataclass

from pipeline.probe import Probe, Video


@dataclass(frozen=True, slots=True)
class Rung:
    """One encoded size of the ladder."""

    name: str
    height: int
    crf: int
    maxrate_kbps: int


LADDER = (Rung("720p", 720, 23, 3500), Rung("360p", 360, 24, 900))
PRESET = "veryfast"
THREADS = 2
"""Fixed: x264's bytes depend on it, and the same input shall give the same bytes everywhere."""
CHUNK_THREADS = 1
"""With more, an encoder that holds to a rate writes other bytes each time. Two chunks at once fill
two cores as well."""
SEGMENT_MS = 4_000
CHUNK_MS = 32_000
"""What one job encodes, and so what a crash can cost; a multiple of SEGMENT_MS."""
AUDIO_KBPS = 128
MASTER_CRF = 20
MASTER_AUDIO_KBPS = 192
MASTER_MAX_HEIGHT = 2160
POSTER_WIDTH = 640


def ladder(video: Video) -> tuple[Rung, ...]:
    """The rungs not above the source; a source below the lowest gets one of its own size."""
    short = min(video.width, video.height)
    fitting = tuple(rung for rung in LADDER if rung.height <= short)
    return fitting or (Rung(f"{even(short)}p", even(short), 24, 600),)


def size_at(video: Video, short: int) -> tuple[int, int]:
    """Width and height, even, of the picture scaled so that its shorter side is at most `short`."""
    now = min(video.width, video.height)
    scale = min(1.0, short / now)
    return even(round(video.width * scale)), even(round(video.height * scale))


def even(value: int) -> int:
    return max(2, value - value % 2)


def chunk_spans(probe: Probe) -> list[tuple[int, int]]:
    """[start_ms, end_ms) of each video chunk; a short rest joins the last one."""
    edges = list(range(0, probe.duration_ms, CHUNK_MS))
    if len(edges) > 1 and probe.duration_ms - edges[-1] < SEGMENT_MS:
        edges.pop()
    return list(zip(edges, [*edges[1:], probe.duration_ms], strict=True))
