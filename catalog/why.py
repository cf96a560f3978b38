"""Why, and why not: what any second of a recording was worth, and what beat it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy.orm import object_session

from catalog.moments import Fate
from catalog.recordings import Detail
from models.analysis import PictureChunk
from models.recording import Recording
from models.settings import settings

HEARD = 0.05
"""A part below is nothing that a reader should think about."""
AROUND_MS = 4_000
"""Words this far before and after a second are shown with it."""
SHARE_BEFORE = 0.6
"""Of an offered clip: people want the set-up more than the aftermath."""
REACH_MS = 3_000
"""How far an offered edge moves outward to a pause."""
PAUSE_MS = 250
QUIET = 0.3
"""Talk below that, where no words are known, is taken for a pause."""


@dataclass(frozen=True)
class Word:
    start_ms: int
    end_ms: int
    text: str

    def at(self, ms: int) -> bool:
        """Said in the second that begins then."""
        return self.start_ms < ms + 1000 and self.end_ms > ms


@dataclass(frozen=True)
class Answer:
    at_ms: int
    score: float | None
    """None where nothing was measured."""
    least: float | None
    parts: Sequence[tuple[str, float]]
    """Largest first, each 0..1."""
    moment: Fate | None
    """The one it lies in: a clip before what was not chosen, a better before a worse one."""
    nearest: Fate | None
    """The nearest other moment that became a clip."""
    words: Sequence[Word]
    ratings: Sequence[Mapping[str, Any]]
    """What the rating endpoint said of the stretch it lies in, as in Analysis.ratings."""
    offer: tuple[int, int] | None
    """Start and end of a clip around it, where no moment covers it."""


def ask(detail: Detail, at_ms: int) -> Answer:
    length_ms = detail.recording.duration_ms or 0
    at_ms = min(max(at_ms, 0), max(length_ms - 1, 0)) // 1000 * 1000
    here = _second(detail, at_ms)
    moment = _covering(detail.moments, at_ms)
    around_ms = _shortest(length_ms) + 2 * REACH_MS
    said = list(_words(detail, at_ms - around_ms, at_ms + around_ms))
    said.sort(key=lambda word: word.start_ms)
    first_ms, last_ms = at_ms - AROUND_MS, at_ms + 1000 + AROUND_MS
    heard = sorted(here.items(), key=lambda part: (-part[1], part[0]))
    return Answer(
        at_ms=at_ms,
        score=here.get("score"),
        least=detail.recording.analysis.least if detail.recording.analysis else None,
        parts=[(name, value) for name, value in heard if name != "score" and value >= HEARD],
        moment=moment,
        nearest=_nearest(detail.moments, at_ms, moment),
        words=[one for one in said if one.end_ms > first_ms and one.start_ms < last_ms],
        ratings=_ratings(detail, at_ms),
        offer=_offer(detail, at_ms, said) if moment is None and length_ms >= 1000 else None,
    )


def seen(detail: Detail) -> Iterator[tuple[int, dict[str, float]]]:
    """Second and parts of all that the rendition pass has looked at so far."""
    starts = {chunk.number: chunk.start_ms for chunk in detail.recording.chunks if chunk.height}
    for chunk in detail.recording.pictures:
        if chunk.number in starts:
            first = starts[chunk.number] // 1000
            yield from ((first + i, parts) for i, parts in enumerate(chunk.seconds))


def curve(detail: Detail) -> list[dict[str, Any]]:
    """What was heard and seen, by second. What counted for the score is not written over."""
    heard = detail.recording.analysis.curve if detail.recording.analysis else []
    seconds = [dict(second) for second in heard]
    for at, parts in seen(detail):
        if at < len(seconds):
            seconds[at] = {**parts, **seconds[at]}
    return seconds


def _second(detail: Detail, at_ms: int) -> dict[str, float]:
    heard = detail.recording.analysis.curve if detail.recording.analysis else []
    at = at_ms // 1000
    here = dict(heard[at]) if at < len(heard) else {}
    return {**_seen_at(detail.recording, at_ms), **here}


def _seen_at(recording: Recording, at_ms: int) -> dict[str, float]:
    """Of one chunk: the pictures of 12 hours are not loaded for one second of them."""
    covering = (c for c in recording.chunks if c.height and c.start_ms <= at_ms < c.end_ms)
    chunk, session = next(covering, None), object_session(recording)
    if chunk is None or session is None:
        return {}
    picture = session.get(PictureChunk, (recording.id, chunk.number))
    second = at_ms // 1000 - chunk.start_ms // 1000
    return picture.seconds[second] if picture and second < len(picture.seconds) else {}


def _covering(moments: Sequence[Fate], at_ms: int) -> Fate | None:
    here = [one for one in moments if one.start_ms < at_ms + 1000 and at_ms < one.end_ms]
    return min(here, key=lambda one: (not one.wanted, -one.candidate.score), default=None)


def _nearest(moments: Sequence[Fate], at_ms: int, but: Fate | None) -> Fate | None:
    others = [one for one in moments if one.wanted and one is not but]

    def far(one: Fate) -> tuple[int, int]:
        return max(one.start_ms - at_ms, at_ms - one.end_ms, 0), one.candidate.rank

    return min(others, key=far, default=None)


def _words(detail: Detail, from_ms: int, to_ms: int) -> Iterator[Word]:
    """Of the clips anybody may see, where the words were written down with more care, and of the
    whole recording where the scout listened for them.
    """
    spans = []
    for clip in detail.clips:
        if not clip.transcript:
            continue
        spans.append((clip.start_ms, clip.end_ms))
        for segment in clip.transcript.segments:
            for start_ms, end_ms, text, *_ in segment.get("words") or ():
                if start_ms < to_ms and end_ms > from_ms:
                    yield Word(start_ms, end_ms, str(text).strip())
    analysis = detail.recording.analysis
    for start_ms, end_ms, text, *_ in analysis.words if analysis else ():
        inside = any(a <= start_ms < b for a, b in spans)
        if start_ms < to_ms and end_ms > from_ms and not inside:
            yield Word(start_ms, end_ms, str(text).strip())


def _ratings(detail: Detail, at_ms: int) -> list[Mapping[str, Any]]:
    analysis = detail.recording.analysis
    rated = analysis.ratings if analysis else []
    return [one for one in rated if one["start_ms"] <= at_ms < one["end_ms"]]


def _offer(detail: Detail, at_ms: int, said: Sequence[Word]) -> tuple[int, int]:
    length_ms = detail.recording.duration_ms or 0
    shortest = _shortest(length_ms)
    start = min(max(at_ms - round(shortest * SHARE_BEFORE), 0), length_ms - shortest)
    pauses = _pauses(said) or _quiet_seconds(detail)
    start = max((p for p in pauses if start - REACH_MS <= p <= start), default=start)
    end = min(start + max(shortest, at_ms + 1000 - start), length_ms)
    end = min((p for p in pauses if end <= p <= min(end + REACH_MS, length_ms)), default=end)
    return start, end


def _shortest(length_ms: int) -> int:
    return min(settings().clip_min_s * 1000, length_ms)


def _pauses(said: Sequence[Word]) -> list[int]:
    """The middles of the gaps between words, in tenths of a second."""
    return [
        (before.end_ms + after.start_ms) // 200 * 100
        for before, after in pairwise(said)
        if after.start_ms - before.end_ms >= PAUSE_MS
    ]


def _quiet_seconds(detail: Detail) -> list[int]:
    heard = detail.recording.analysis.curve if detail.recording.analysis else []
    return [i * 1000 for i, second in enumerate(heard) if second.get("speech", 0.0) < QUIET]
