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
LONGEST_WORD_MS = 2_000
"""Room left for an edge to move out of a word."""
SHARE_BEFORE = 0.6
"""Of what a too short moment is given: people want the set-up more than the aftermath."""
_FRAME_MS = 20
_SHORTEST_PAUSE_MS = 180


def snap(
    moment: Span,
    *,
    duration_ms: int,
    peak_ms: int | None = None,
    segments: Sequence[Segment] = (),
    pauses: Sequence[Span] = (),
    cuts: Sequence[int] = (),
    min_ms: int,
    max_ms: int,
) -> Span:
    """1. widen to min_ms, 2. each edge outward to a pause, 3. onto a cut near by, 4. hold max_ms.

    The peak (without one, the middle of the moment) stays inside. Never inside a word where words
    are known: for that alone a clip may be shorter than min_ms. A recording shorter than min_ms is
    one clip.
    """
    if duration_ms <= min_ms:
        return Span(0, duration_ms)
    peak = _peak(moment, peak_ms, duration_ms)
    wide = widen(moment, min_ms, max_ms, duration_ms, peak)
    said = (word for segment in segments for word in segment.words)
    words = [(word.start_ms, min(word.end_ms, duration_ms)) for word in said]
    start = _edge(wide.start_ms, -1, words, pauses, [cut for cut in cuts if cut <= peak])
    end = _edge(wide.end_ms, +1, words, pauses, [cut for cut in cuts if cut > peak])
    wide = Span(max(0, start), min(duration_ms, end))
    return _at_least(
        _at_most(wide, moment, peak, words, max_ms), words, min_ms, max_ms, duration_ms
    )


def widen(
    moment: Span, min_ms: int, max_ms: int, duration_ms: int, peak_ms: int | None = None
) -> Span:
    """At least min_ms and at most max_ms around the moment, inside the recording."""
    start, end = max(0, moment.start_ms), min(duration_ms, moment.end_ms)
    if end - start > max_ms:
        before = _peak(moment, peak_ms, duration_ms) - round(max_ms * SHARE_BEFORE)
        start = min(max(start, before), end - max_ms)
        return Span(start, start + max_ms)
    missing = max(0, min_ms - (end - start))
    start = max(0, start - round(missing * SHARE_BEFORE))
    end = min(duration_ms, max(end, start + min_ms))
    return Span(max(0, min(start, end - min_ms)), end)


def _peak(moment: Span, peak_ms: int | None, duration_ms: int) -> int:
    peak = (moment.start_ms + moment.end_ms) // 2 if peak_ms is None else peak_ms
    return max(0, moment.start_ms, min(peak, moment.end_ms - 1, duration_ms - 1))


def _edge(
    at: int,
    way: int,
    words: list[tuple[int, int]],
    pauses: Sequence[Span],
    cuts: Sequence[int],
) -> int:
    """`way` is -1 for the start and +1 for the end."""
    quiet = _outward_pause(at, way, pauses)
    placed = _out_of_word(quiet if quiet is not None else at, way, words)
    near = [
        cut for cut in cuts if abs(cut - placed) <= CUT_REACH_MS and not _inside_word(cut, words)
    ]
    if near:
        placed = min(near, key=lambda cut: (abs(cut - placed), cut))
    return placed


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


def _at_most(
    span: Span, moment: Span, peak_ms: int, words: list[tuple[int, int]], max_ms: int
) -> Span:
    """What pauses and cuts have added beyond max_ms is taken away, first before the moment."""
    if span.length_ms <= max_ms:
        return span
    whole = moment.length_ms <= max_ms - 2 * LONGEST_WORD_MS
    lead = moment.start_ms if whole else peak_ms - round(max_ms * SHARE_BEFORE)
    at = max(span.start_ms, min(span.end_ms - max_ms, lead))
    start = _out_of_word(at, +1, words)
    if start > peak_ms:
        start = _out_of_word(at, -1, words)
    return Span(start, _out_of_word(min(span.end_ms, start + max_ms), -1, words))


def _at_least(
    span: Span, words: list[tuple[int, int]], min_ms: int, max_ms: int, duration_ms: int
) -> Span:
    """Two cuts may have left it shorter than min_ms: it grows at its end, else at its start."""
    start, end = span.start_ms, span.end_ms
    if end - start >= min_ms:
        return span
    wanted = _out_of_word(start + min_ms, +1, words)
    if wanted > start + max_ms:
        wanted = _out_of_word(start + min_ms, -1, words)
    end = min(duration_ms, wanted)
    if end == duration_ms:
        start = max(0, _out_of_word(end - min_ms, -1, words))
    return Span(start, end)


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
