"""Which parts of a recording the speech engine hears before its moments are ranked."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipeline.audio import decode_pcm
from pipeline.timeline import Segment, Span
from pipeline.transcribe import transcribe

BUDGET_MS, BUDGET_SHARE = 240_000, 0.02
"""How much speech is heard at most: so that clips do not wait for a transcript of hours."""
AROUND_MS = 4_000
SAMPLE_MS = 20_000
"""Of what no ranked moment covers, pieces of this length, evenly spread, take what is left."""

WORTH_WORDS = 0.2
"""The weight of cue words from which on it is worth listening for them."""


def windows(speech: Sequence[Span], ranked: Sequence[Span], duration_ms: int) -> list[Span]:
    """In order, none touching another: all speech where there is little, else the best places."""
    budget = BUDGET_MS + round(BUDGET_SHARE * duration_ms)
    if sum(span.length_ms for span in speech) <= budget:
        return _joined(speech)
    wide = [_wider(one, duration_ms) for one in ranked]
    best, left = _within(budget, wide, [], speech)
    both, _ = _within(left, _samples(speech, left), best, speech)
    return both


def _within(
    budget: int, wanted: Sequence[Span], chosen: list[Span], speech: Sequence[Span]
) -> tuple[list[Span], int]:
    """`chosen` with what of `wanted` is new, holds speech and fits; what is left of the budget."""
    for span in wanted:
        if budget < AROUND_MS:  # nothing fits any more: a moment has so much around it alone
            break
        spoken = sum(span.overlap_ms(one) for one in speech)
        known = sum(span.overlap_ms(one) for one in chosen)
        new = span.length_ms - known
        if spoken and known * 2 <= span.length_ms and new <= budget:
            budget -= new
            chosen = _joined([*chosen, span])
    return chosen, budget


def _wider(span: Span, duration_ms: int) -> Span:
    return Span(max(0, span.start_ms - AROUND_MS), min(duration_ms, span.end_ms + AROUND_MS))


def _samples(speech: Sequence[Span], budget: int) -> list[Span]:
    count = budget // SAMPLE_MS
    if not count:
        return []
    first, last = speech[0].start_ms, speech[-1].end_ms
    step = max(SAMPLE_MS, (last - first) // count)
    return [Span(at, at + SAMPLE_MS) for at in range(first, max(first + 1, last - SAMPLE_MS), step)]


def _joined(spans: Sequence[Span], gap_ms: int = 500) -> list[Span]:
    joined: list[Span] = []
    for span in sorted(spans, key=lambda one: one.start_ms):
        if joined and span.start_ms <= joined[-1].end_ms + gap_ms:
            last = joined.pop()
            span = Span(last.start_ms, max(last.end_ms, span.end_ms))
        joined.append(span)
    return joined


def words_of(
    path: Path,
    places: Sequence[Span],
    speech: Sequence[Span],
    *,
    engine: str,
    model: str = "small",
    language: str = "",
    audio_index: int | None = None,
) -> tuple[list[Segment], str]:
    """What is said in `places`, in order of time, and its language. Each is decoded by itself."""
    said: list[Segment] = []
    languages: Counter[str] = Counter()
    for place in places:
        inside = [
            Span(
                max(one.start_ms, place.start_ms) - place.start_ms,
                min(one.end_ms, place.end_ms) - place.start_ms,
            )
            for one in speech
            if one.overlap_ms(place)
        ]
        heard = transcribe(
            decode_pcm(path, place, audio_index=audio_index),
            inside,
            engine=engine,
            model=model,
            offset_ms=place.start_ms,
            language=language or None,
        )
        said.extend(heard.segments)
        languages[heard.language] += len(heard.text)
    return said, languages.most_common(1)[0][0] if languages else language
