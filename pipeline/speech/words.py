"""Words into text and segments, the same for every engine."""

import re
from collections.abc import Iterable, Sequence

from pipeline.timeline import Segment, Word

PAUSE_MS = 400
"""A silence this long ends a segment."""
BREATH_MS = 150
"""After a full stop a shorter one does."""

SENTENCE_END = re.compile("[.!?\u2026\u3002\uff01\uff1f][\"')\\]\u201d\u2019]*$")
CLAUSE_END = re.compile("[,;:\u3001\uff0c][\"')\\]\u201d\u2019]*$")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]")
"""Scripts that put no space between words: Thai, Lao, Khmer, Japanese, Chinese."""


def joined(texts: Iterable[str]) -> str:
    """With a space between two words, but not inside Chinese, Japanese or Thai."""
    out = ""
    for text in texts:
        glue = "" if not out or (_UNSPACED.match(out[-1]) and _UNSPACED.match(text)) else " "
        out += glue + text
    return out


def segmented(words: Sequence[Word]) -> tuple[Segment, ...]:
    """`words` in the order of time, split at pauses and after sentences."""
    runs: list[list[Word]] = []
    for word in words:
        if runs and not _parted(runs[-1][-1], word):
            runs[-1].append(word)
        else:
            runs.append([word])
    return tuple(
        Segment(run[0].start_ms, run[-1].end_ms, joined(word.text for word in run), tuple(run))
        for run in runs
    )


def _parted(before: Word, after: Word) -> bool:
    gap = after.start_ms - before.end_ms
    return gap >= PAUSE_MS or (gap >= BREATH_MS and SENTENCE_END.search(before.text) is not None)


def in_order(words: Iterable[Word]) -> list[Word]:
    """No word starts before the one before it ends: engines overlap them by some hundredths."""
    tidy: list[Word] = []
    for word in sorted(words, key=lambda each: (each.start_ms, each.end_ms)):
        start = max(word.start_ms, tidy[-1].end_ms if tidy else word.start_ms)
        tidy.append(Word(start, max(word.end_ms, start + 1), word.text, word.confidence))
    return tidy


def timed(segment: Segment) -> Sequence[Word]:
    """Its words; where the engine gave none, times by length of text."""
    if segment.words:
        return segment.words
    texts = segment.text.split()
    total, done, words = sum(len(text) + 1 for text in texts), 0, []
    for text in texts:
        start = segment.start_ms + (segment.end_ms - segment.start_ms) * done // total
        done += len(text) + 1
        end = segment.start_ms + (segment.end_ms - segment.start_ms) * done // total
        words.append(Word(start, end, text, 1.0))
    return words
