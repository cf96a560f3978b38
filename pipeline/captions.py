"""WebVTT captions of a clip, by word times: two lines of 42, 1 to 7 s, 20 characters a second."""

import re
import unicodedata
from collections.abc import Sequence
from html import escape

from pipeline.speech.lexicon import LEANS_ON_NEXT
from pipeline.speech.words import CLAUSE_END, SENTENCE_END, joined, timed
from pipeline.timeline import Segment, Word

LINE = 42
SHORTEST_MS, LONGEST_MS = 1000, 7000
CHARACTERS_PER_S = 20
LEAD_MS = 500
"""How much before its first word a cue may come, where it would else be too short to read."""
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def webvtt(segments: Sequence[Segment], *, start_ms: int, end_ms: int, note: str = "") -> str:
    """Of the clip from start_ms to end_ms of the recording; cue times count from the clip's start.

    1. Words (those with their middle in the clip), cut at the clip's edges. 2. Each run between two
    pauses is halved at its best place until it fits a cue. 3. A cue stays as long as reading takes
    and the next one lets it; one too short to be seen joins its neighbour.
    """
    length_ms = max(0, end_ms - start_ms)
    spoken = sorted(segments, key=lambda segment: segment.start_ms)
    runs = [_words(segment, start_ms, length_ms) for segment in spoken]
    cues = _joined([cue for run in runs if run for cue in _cut(run)])
    head = ["WEBVTT"] + ([f"NOTE\n{_plain(note)}"] if _plain(note) else [])
    return "\n\n".join(head + _written(cues, length_ms)) + "\n"


def _words(segment: Segment, start_ms: int, length_ms: int) -> list[Word]:
    """Moved to the clip's time; a word too long for a line comes in pieces."""
    kept: list[Word] = []
    for word in timed(segment):
        text, middle = _clean(word.text), (word.start_ms + word.end_ms) // 2 - start_ms
        if not text or not 0 <= middle < length_ms:
            continue
        begin = max(0, word.start_ms - start_ms, kept[-1].end_ms if kept else 0)
        end = min(length_ms, word.end_ms - start_ms)
        if end > begin:
            kept += _pieces(Word(begin, end, text, word.confidence))
    return kept


def _pieces(word: Word) -> list[Word]:
    if len(word.text) <= LINE:
        return [word]
    texts = [word.text[at : at + LINE] for at in range(0, len(word.text), LINE)]
    step = (word.end_ms - word.start_ms) / len(texts)
    return [
        Word(
            word.start_ms + round(number * step),
            word.start_ms + round((number + 1) * step),
            text,
            word.confidence,
        )
        for number, text in enumerate(texts)
    ]


def _cut(run: Sequence[Word]) -> list[list[Word]]:
    if len(run) == 1 or _fits(run):
        return [list(run)]
    at = max(range(1, len(run)), key=lambda index: _worth(run, index))
    return _cut(run[:at]) + _cut(run[at:])


def _fits(run: Sequence[Word]) -> bool:
    return run[-1].end_ms - run[0].start_ms <= LONGEST_MS and _lines(_text(run)) is not None


def _worth(run: Sequence[Word], at: int) -> float:
    """How good a place the gap before word `at` is: a sentence, a clause, a pause, balance."""
    before, after = run[at - 1], run[at]
    stop = 1.0 if SENTENCE_END.search(before.text) else 0.0
    stop += 0.6 if CLAUSE_END.search(before.text) else 0.0
    leans = 0.4 if before.text.lower() in LEANS_ON_NEXT else 0.0
    pause = min(1.0, (after.start_ms - before.end_ms) / 400)
    uneven = abs(len(_text(run[:at])) / len(_text(run)) - 0.5)
    return stop + pause - leans - 2.5 * uneven


def _joined(cues: list[list[Word]]) -> list[list[Word]]:
    """A cue that the next one would push away within a second joins it, or the one before."""
    done: list[list[Word]] = []
    for cue in cues:
        if done and cue[0].start_ms - done[-1][0].start_ms < SHORTEST_MS and _fits(done[-1] + cue):
            done[-1] = done[-1] + cue
        else:
            done.append(cue)
    return done


def _written(cues: list[list[Word]], length_ms: int) -> list[str]:
    blocks, free_ms = [], 0
    for number, cue in enumerate(cues):
        text = _text(cue)
        lines = _lines(text) or [text]
        next_ms = cues[number + 1][0].start_ms if number + 1 < len(cues) else length_ms
        wanted = max(SHORTEST_MS, len(text) * 1000 // CHARACTERS_PER_S)
        start = max(free_ms, cue[0].start_ms)
        end = max(cue[-1].end_ms, min(start + wanted, next_ms))
        start = max(free_ms, min(start, max(start - LEAD_MS, end - wanted)))
        end = min(end, start + LONGEST_MS, length_ms)
        if end <= start:
            continue
        body = "\n".join(escape(line, quote=False) for line in lines)
        blocks.append(f"{_clock(start)} --> {_clock(end)}\n{body}")
        free_ms = end
    return blocks


def _text(run: Sequence[Word]) -> str:
    return joined(word.text for word in run)


def _lines(text: str) -> list[str] | None:
    """One line or two, the upper ending well; None where two don't hold it."""
    if len(text) <= LINE:
        return [text]
    places = [
        at
        for at, sign in enumerate(text)
        if sign == " " and at <= LINE and len(text) - at - 1 <= LINE
    ]
    if not places:
        return _split_unspaced(text)
    best = min(places, key=lambda at: _roughness(text, at))
    return [text[:best], text[best + 1 :]]


def _split_unspaced(text: str) -> list[str] | None:
    """Chinese, Japanese and Thai break anywhere."""
    if " " in text or len(text) > 2 * LINE:
        return None
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def _roughness(text: str, at: int) -> float:
    upper = text[:at]
    good = 12 if SENTENCE_END.search(upper) or CLAUSE_END.search(upper) else 0
    leans = 10 if upper.rpartition(" ")[2].lower() in LEANS_ON_NEXT else 0
    return abs(at - (len(text) - at)) - good + leans


def _clean(text: str) -> str:
    """No line break, no control or direction sign: each would end a cue or turn the next one."""
    kept = (" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in text)
    return " ".join(_DIRECTION.sub("", "".join(kept)).split())


def _plain(note: str) -> str:
    return _clean(note).replace("-->", "to")


def _clock(at_ms: int) -> str:
    seconds, ms = divmod(at_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
