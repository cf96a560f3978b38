"""Tags and a title from what is said in a clip. A plain title is better than a garbled one."""

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise, zip_longest
from typing import Any

from pipeline.speech.lexicon import EMPTY, FILLERS, LEANS_ON_NEXT, PALE
from pipeline.speech.words import CLAUSE_END, SENTENCE_END, joined, timed
from pipeline.timeline import Segment, Span, Word

LONGEST_TITLE = 60
CONFIDENT, CONFIDENT_ON_AVERAGE = 0.8, 0.5
"""Of a rough transcript only such words in such segments are used: 9 of 10 of them are right."""
_SURE, _SURE_ON_AVERAGE = 0.45, 0.85
"""A rough phrase becomes a title only where each and all of its words are above these."""
_FAIR, _FAIR_ON_AVERAGE = 0.1, 0.5

_LONE_I = re.compile(r"\bi\b(?!\.)")
_WORD = re.compile(r"[^\W\d_][\w'\u2019-]*")


def tags(
    text: str, *, language: str = "en", events: Sequence[str] = (), limit: int = 8
) -> list[str]:
    """Lower case, best first, the audio events before what is said; near duplicates only once."""
    kept: list[str] = []
    said = (phrase for phrase, _ in _keywords(text, language or "en"))
    for tag in [*(event.strip().lower().replace("_", " ") for event in events), *said]:
        if len(kept) < limit and tag and not any(_same(tag, other) for other in kept):
            kept.append(tag)
    return kept


def confident_text(segments: Iterable[Segment], quality: str) -> str:
    """What `tags` should read: of a rough transcript only the words its engine was sure of."""
    if quality != "rough":
        return " ".join(segment.text for segment in segments)
    sure = [segment for segment in segments if _average(segment.words) >= CONFIDENT_ON_AVERAGE]
    return ". ".join(phrase for segment in sure for phrase in _sure_runs(segment.words))


def _average(words: Sequence[Word]) -> float:
    return sum(word.confidence for word in words) / max(len(words), 1)


def _sure_runs(words: Sequence[Word]) -> list[str]:
    """An unsure word parts what stands around it: the words beside it are no phrase."""
    runs: list[list[str]] = [[]]
    for word in words:
        if word.confidence >= CONFIDENT:
            runs[-1].append(word.text)
        elif runs[-1]:
            runs.append([])
    return [joined(run) for run in runs if run]


@functools.lru_cache(maxsize=8)
def _extractor(language: str) -> Any:
    import yake  # half a second to import: only where it is used

    return yake.KeywordExtractor(lan=language, n=2, dedup_lim=1.0, top=60)


@functools.lru_cache(maxsize=32)
def _keywords(text: str, language: str) -> tuple[tuple[str, float], ...]:
    """Phrases of one or two words with their worth, best first: 1 for the best, towards 0."""
    if not _WORD.search(text):
        return ()
    extractor = _extractor(language[:2].lower())
    # yake takes capitals for names, but of a rough transcript there are none.
    found = [phrase.lower().strip(" '-\u2019") for phrase, _ in extractor.extract_keywords(text)]
    good = [phrase for phrase in dict.fromkeys(found) if _telling(phrase, extractor.stopword_set)]
    return tuple((phrase, 1 - rank / len(good)) for rank, phrase in enumerate(good))


def _telling(phrase: str, stop: frozenset[str]) -> bool:
    words = phrase.split()
    return words[-1] not in PALE and all(
        len(word) > 2
        and _WORD.fullmatch(word)
        and (word in PALE or (word not in stop and word not in EMPTY))
        for word in words
    )


def _same(one: str, other: str) -> bool:
    """Singular and plural, or one within the other."""
    first, second = _stems(one), _stems(other)
    return first <= second or second <= first


def _stems(phrase: str) -> set[str]:
    return {_stem(word) for word in phrase.split()}


def _stem(word: str) -> str:
    word = re.sub("['\u2019]s?$", "", word)
    for ending, instead in (
        ("ies", "y"),
        ("sses", "ss"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("xes", "x"),
    ):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + instead
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def title(
    segments: Sequence[Segment],
    span: Span,
    *,
    events: Sequence[str],
    fallback: str,
    quality: str = "good",
    language: str = "en",
    peak_ms: int | None = None,
) -> str:
    """The most telling sentence said in `span`, else "Cheer at 12:34 in `fallback`", which is the
    recording's name. At most 60 characters."""
    at_ms = span.start_ms if peak_ms is None else peak_ms
    worth = dict(_keywords(_text_in(segments, span), language or "en"))
    best, best_score = "", 0.0
    for sentence in _sentences(segments, span):
        words = _without_fillers(sentence)
        if not _usable(words, quality):
            continue
        text, score = _short(words), _score(words, worth, at_ms, span)
        if score > best_score and text:
            best, best_score = text, score
    return best or _plain(events, at_ms, fallback)


def _text_in(segments: Sequence[Segment], span: Span) -> str:
    return ". ".join(joined(word.text for word in each) for each in _sentences(segments, span))


def _sentences(segments: Sequence[Segment], span: Span) -> list[list[Word]]:
    """Only those said from end to end inside the span."""
    found: list[list[Word]] = []
    for segment in segments:
        if segment.start_ms >= span.end_ms or segment.end_ms <= span.start_ms:
            continue
        run: list[Word] = []
        for word in timed(segment):
            run.append(word)
            if SENTENCE_END.search(word.text):
                found, run = [*found, run], []
        if run:
            found.append(run)
    return [
        run for run in found if run[0].start_ms >= span.start_ms and run[-1].end_ms <= span.end_ms
    ]


def _without_fillers(words: Sequence[Word]) -> list[Word]:
    """Those at either end, and "you know," anywhere."""
    words = _without_hesitations(words)
    first, last = 0, len(words)
    while first < last and _bare(words[first]) in FILLERS:
        first += 1
    while last > first and _bare(words[last - 1]) in FILLERS:
        last -= 1
    return list(words[first:last])


def _without_hesitations(words: Sequence[Word]) -> list[Word]:
    kept: list[Word] = []
    skip = False
    for word, after in zip_longest(words, words[1:]):
        if skip:
            skip = False
        elif after and f"{word.text} {after.text}".lower() in ("you know,", "i mean,"):
            skip = True
            if kept:
                kept[-1] = replace(kept[-1], text=kept[-1].text.rstrip(","))
        else:
            kept.append(word)
    return kept


def _bare(word: Word) -> str:
    return word.text.lower().strip(".,;:!?\u2026\"'()\u201c\u201d\u2019-")


def _usable(words: Sequence[Word], quality: str) -> bool:
    if len(words) < 2:
        return False
    rough = quality == "rough"
    if rough and len(joined(word.text for word in words)) > LONGEST_TITLE:
        return False  # without punctuation there is no honest place to cut it
    least, average = (_SURE, _SURE_ON_AVERAGE) if rough else (_FAIR, _FAIR_ON_AVERAGE)
    return min(word.confidence for word in words) >= least and _average(words) >= average


def _score(words: Sequence[Word], worth: dict[str, float], at_ms: int, span: Span) -> float:
    """0 where nothing telling is said; else more for worth, for a title's length, for nearness."""
    bare = [_bare(word) for word in words]
    phrases = {*bare, *(f"{one} {two}" for one, two in pairwise(bare))} & worth.keys()
    if not phrases:
        return 0.0
    whole = 0.3 if 3 <= len(words) <= 10 else 0.0
    middle = (words[0].start_ms + words[-1].end_ms) / 2
    near = 0.6 * max(0.0, 1 - 2 * abs(middle - at_ms) / max(span.length_ms, 1))
    return max(worth[phrase] for phrase in phrases) + 0.1 * min(len(phrases), 4) + whole + near


def _short(words: Sequence[Word]) -> str:
    """In sentence case; a long one ends after a clause, else after a word that can end it."""
    text = " ".join(joined(word.text for word in words).split())
    if len(text) > LONGEST_TITLE + 1:
        text = _first_clauses(words) or _cut_at_word(text, LONGEST_TITLE)
    text = text.strip(' ,;:-"\u201c\u201d').removesuffix(".")
    if text.isupper():
        text = text.lower()
    text = _LONE_I.sub("I", text)
    return text[:1].upper() + text[1:] if len(text) <= LONGEST_TITLE else ""


def _first_clauses(words: Sequence[Word]) -> str:
    """ "" where the first clauses are too short to tell much, or too long."""
    best = ""
    for number, word in enumerate(words, 1):
        text = joined(each.text for each in words[:number])
        ends = CLAUSE_END.search(word.text) and _bare(word) not in LEANS_ON_NEXT | FILLERS
        if ends and len(text) <= LONGEST_TITLE + 1:
            best = text
    return best if len(best) >= LONGEST_TITLE // 3 else ""


def _cut_at_word(text: str, longest: int) -> str:
    """Not after an article or a preposition, and with a sign that there is more."""
    if len(text) <= longest:
        return text
    kept = text[:longest].rpartition(" ")[0].split()
    while len(kept) > 1 and kept[-1].lower().strip(",;:") in LEANS_ON_NEXT | FILLERS:
        kept.pop()
    return f"{' '.join(kept).rstrip(' ,;:.-')}\u2026" if kept else f"{text[: longest - 1]}\u2026"


def _plain(events: Sequence[str], at_ms: int, recording: str) -> str:
    minutes, seconds = divmod(at_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    name = " ".join(recording.split())
    if not events:
        end = f" at {clock}"
        return f"{_cut_at_word(name or 'Clip', LONGEST_TITLE - len(end))}{end}"
    event = events[0].strip().replace("_", " ")
    begin = f"{event[:1].upper()}{event[1:]} at {clock}"
    return f"{begin} in {_cut_at_word(name, LONGEST_TITLE - len(begin) - 4)}" if name else begin
