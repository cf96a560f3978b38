"""What words say of a moment: cue phrases, questions with their answers, where chapters begin."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline.timeline import Segment, Word

TABLE = Path(__file__).with_name("cues.toml")
ANSWER_MS, ANSWER_GAP_MS = 4_000, 3_000
"""A question counts when so much is said after it, and begins so soon."""
HUNG = 0.35
"""What a question counts that nobody answers."""
CHAPTER_PAUSE_MS = 2_500
_WORD = re.compile(r"[\w'\u2019]+")
_ASKED = ("?", "\uff1f", "\u061f")
_ENDED = (*_ASKED, ".", "!", "\u2026", "\u3002", "\uff01")
_CLOSING = "\"')\u201d\u2019\u00bb"


@dataclass(frozen=True, slots=True)
class Cue:
    start_ms: int
    end_ms: int
    part: str
    """ "cue words" or "question"."""
    value: float
    """0..1"""
    said: str


def find(segments: Sequence[Segment], language: str = "en") -> list[Cue]:
    """In order of time. A language without a table has no cue words; its questions need a "?"."""
    table = _table(language)
    found = [*_phrases(segments, table), *_questions(segments, table)]
    return sorted(found, key=lambda cue: (cue.start_ms, cue.part, cue.said))


def chapters(segments: Sequence[Segment], language: str = "en") -> list[int]:
    """Where something new begins (ms): after a long pause, or with a phrase that says so."""
    starts = {b.start_ms for a, b in pairwise(segments) if b.start_ms - a.end_ms > CHAPTER_PAUSE_MS}
    phrases = _table(language).get("chapters", {}).get("phrases", [])
    for segment in segments:
        texts = [_plain(word.text) for word in segment.words]
        for at in range(len(texts)):
            if any(_length_at(texts, at, phrase) for phrase in phrases):
                starts.add(segment.words[at].start_ms)
    return sorted(starts)


def _phrases(segments: Sequence[Segment], table: dict[str, Any]) -> Iterator[Cue]:
    for segment in segments:
        texts = [_plain(word.text) for word in segment.words]
        for group in table.values():
            if not group["sure"]:
                continue
            for phrase in group["phrases"]:
                for at in range(len(texts)):
                    if length := _length_at(texts, at, phrase):
                        yield _cue(segment.words[at : at + length], "cue words", group["sure"])


def _questions(segments: Sequence[Segment], table: dict[str, Any]) -> Iterator[Cue]:
    asks = table.get("asks", {}).get("phrases", [])
    for number, segment in enumerate(segments):
        for words in _sentences(segment.words):
            texts = [_plain(word.text) for word in words]
            marked = _ends(words[-1], _ASKED)
            begins = any(_length_at(texts, at, phrase) for phrase in asks for at in (0, 1))
            if not marked and not (begins and len(words) >= 4 and not _punctuated(segment)):
                continue
            sure = 0.9 if marked else 0.6
            answered = _answered(segments, number, words[-1].end_ms)
            yield _cue(words, "question", sure if answered else sure * HUNG)


def _answered(segments: Sequence[Segment], number: int, after_ms: int) -> bool:
    following = [
        word
        for segment in segments[number : number + 8]
        for word in segment.words
        if after_ms <= word.start_ms < after_ms + ANSWER_MS + ANSWER_GAP_MS
    ]
    if not following or following[0].start_ms - after_ms > ANSWER_GAP_MS:
        return False
    return following[-1].end_ms - following[0].start_ms >= ANSWER_MS


def _sentences(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """By their marks; what has none is one."""
    first = 0
    for at, word in enumerate(words, 1):
        if _ends(word, _ENDED):
            yield words[first:at]
            first = at
    if first < len(words):
        yield words[first:]


def _ends(word: Word, marks: tuple[str, ...]) -> bool:
    return word.text.rstrip().rstrip(_CLOSING).endswith(marks)


def _punctuated(segment: Segment) -> bool:
    return any(mark in segment.text for mark in (*_ENDED, ","))


def _cue(words: Sequence[Word], part: str, sure: float) -> Cue:
    """Doubtful words are doubtful cues; engines' confidence is spread over 0..1."""
    doubt = sum(word.confidence for word in words) / len(words)
    value = sure * (0.4 + 0.6 * doubt)
    said = " ".join(word.text.strip() for word in words)
    return Cue(words[0].start_ms, words[-1].end_ms, part, round(value, 4), said)


def _length_at(texts: Sequence[str], at: int, phrase: str) -> int:
    """How many words from `at` on say the phrase; 0 where they don't."""
    wanted, here = phrase.split(), at
    for number, word in enumerate(wanted):
        if word == "*":
            rest = wanted[number + 1 :]
            for skipped in (1, 2):
                if not rest and here + 1 <= len(texts):
                    return here + 1 - at
                length = _length_at(texts, here + skipped, " ".join(rest)) if rest else 0
                if length:
                    return here + skipped + length - at
            return 0
        if here >= len(texts) or texts[here] != word:
            return 0
        here += 1
    return here - at


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFC", text.lower())
    return "".join(_WORD.findall(text)).replace("\u2019", "'").strip("'")


@cache
def _table(language: str) -> dict[str, Any]:
    with TABLE.open("rb") as file:
        tables = tomllib.load(file)
    found: dict[str, Any] = tables.get((language or "en").split("-")[0], {})
    return found
