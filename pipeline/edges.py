"""Where a clip begins and ends: around the moment, between sentences, on a cut near by. Pure."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.timeline import Segment, Span

REACH_MS = 6_000
"""How far an edge may move outward to a pause."""
CUT_REACH_MS = 800
BREATH_MS = 120
"""Left before the first and after the last word."""
SHARE_BEFORE = 0.6
"""Of what a too short moment is given: people want the set-up more than the aftermath."""
_FRAME_MS = 20
_SHORTEST_PAUSE_MS = 180


def snap(
    moment: Span,
    *,
    duration_ms: int,
    segments: Sequence[Segment] = (),
    pauses: Sequence[Span] = (),
    cuts: Sequence[int] = (),
    min_ms: int,
    max_ms: int,
) -> Span:
    """1. widen to min_ms, 2. each edge outward to a pause, 3. onto a cut near by, 4. hold max_ms.

    Never inside a word where words are known. A recording shorter than min_ms is one clip.
    """
    if duration_ms <= min_ms:
        return Span(0, duration_ms)
    wide = widen(moment, min_ms, max_ms, duration_ms)
    words = [(word.start_ms, word.end_ms) for segment in segments for word in segment.words]
    start = _edge(wide.start_ms, -1, words, pauses, cuts, duration_ms)
    end = _edge(wide.end_ms, +1, words, pauses, cuts, duration_ms)
    return _hold(Span(start, end), moment, words, min_ms, max_ms, duration_ms)


def widen(moment: Span, min_ms: int, max_ms: int, duration_ms: int) -> Span:
    """At least min_ms and at most max_ms around the moment, inside the recording."""
    start, end = max(0, moment.start_ms), min(duration_ms, moment.end_ms)
    if end - start > max_ms:
        return Span(end - max_ms, end)
    missing = max(0, min_ms - (end - start))
    start = max(0, start - round(missing * SHARE_BEFORE))
    end = min(duration_ms, max(end, start + min_ms))
    return Span(max(0, min(start, end - min_ms)), end)


def _edge(
    at: int,
    way: int,
    words: list[tuple[int, int]],
    pauses: Sequence[Span],
    cuts: Sequence[int],
    duration_ms: int,
) -> int:
    """`way` is -1 for the start and +1 for the end."""
    quiet = _outward_pause(at, way, pauses)
    placed = _out_of_word(quiet if quiet is not None else at, way, words)
    near = [
        cut for cut in cuts if abs(cut - placed) <= CUT_REACH_MS and not _inside_word(cut, words)
    ]
    if near:
        placed = min(near, key=lambda cut: (abs(cut - placed), cut))
    return max(0, min(duration_ms, placed))


def _outward_pause(at: int, way: int, pauses: Sequence[Span]) -> int | None:
    """The place in the nearest pause, not inward of `at`, that leaves a breath beside the words."""
    best: int | None = None
    for pause in pauses:
        room = min(BREATH_MS, pause.length_ms // 2)
        place = pause.end_ms - room if way < 0 else pause.start_ms + room
        if pause.start_ms <= at <= pause.end_ms:
            return at
        if 0 <= (place - at) * way <= REACH_MS and (
            best is None or abs(place - at) < abs(best - at)
        ):
            best = place
    return best


def _inside_word(at: int, words: Iterable[tuple[int, int]]) -> bool:
    return any(start < at < end for start, end in words)


def _out_of_word(at: int, way: int, words: list[tuple[int, int]]) -> int:
    for start, end in words:
        if start < at < end:
            return start if way < 0 else end
    return at


def _hold(
    span: Span,
    moment: Span,
    words: list[tuple[int, int]],
    min_ms: int,
    max_ms: int,
    duration_ms: int,
) -> Span:
    """Snapping may have grown it beyond max_ms, or two cuts shrunk it below min_ms."""
    start, end = span.start_ms, span.end_ms
    if end - start > max_ms:
        latest = min(moment.start_ms, end - min_ms)
        start = _latest_word_gap(end - max_ms, max(end - max_ms, latest), words)
        end = min(end, start + max_ms)
        end = _out_of_word(end, -1, words)
    if end - start < min_ms:
        end = min(duration_ms, start + min_ms)
        start = max(0, end - min_ms)
    return Span(start, end)


def _latest_word_gap(at: int, latest: int, words: list[tuple[int, int]]) -> int:
    """`at`, or the end of the word it lies in, if that is not after `latest`."""
    for start, end in words:
        if start < at < end:
            return end if end <= max(latest, end) else at
    return at


def pauses_in(pcm: NDArray[np.float32], rate: int, offset_ms: int = 0) -> list[Span]:
    """Stretches of `pcm` much quieter than its loud parts, at least 180 ms long."""
    per = rate * _FRAME_MS // 1000
    count = len(pcm) // per
    if count == 0:
        return []
    power = (pcm[: count * per].reshape(count, per).astype(np.float64) ** 2).mean(axis=1)
    level = 10 * np.log10(power + 1e-10)
    floor, loud = np.percentile(level, 10), np.percentile(level, 90)
    quiet = level < min(loud - 12, floor + max(4.0, 0.25 * (loud - floor)))
    edges = np.flatnonzero(np.diff(np.concatenate(([0], quiet.astype(np.int8), [0]))))
    spans = [
        Span(offset_ms + int(a) * _FRAME_MS, offset_ms + int(b) * _FRAME_MS)
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]
    return [span for span in spans if span.length_ms >= _SHORTEST_PAUSE_MS]
