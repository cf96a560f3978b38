"""What words say of a moment: phrases of the table, questions with their answers, chapters."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import cues
from pipeline.cues import HUNG, TABLE, Cue, chapters, find
from pipeline.timeline import Segment, Word

TABLES: dict[str, dict[str, Any]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))
WORD_MS = 300


def said(*lines: str, gap_ms: int = 700, start_ms: int = 10_000, confidence: float = 1.0) -> Any:
    """A segment a line, three words a second, so much silence between them."""
    segments, at = [], start_ms
    for line in lines:
        words = []
        for text in line.split():
            words.append(Word(at, at + WORD_MS - 50, text, confidence))
            at += WORD_MS
        segments.append(Segment(words[0].start_ms, words[-1].end_ms, line, tuple(words)))
        at = words[-1].end_ms + gap_ms
    return segments


def phrases(*lines: str, language: str = "en") -> list[str]:
    return [cue.said for cue in find(said(*lines), language) if cue.part == "cue words"]


def questions(segments: list[Segment], language: str = "en") -> list[Cue]:
    return [cue for cue in find(segments, language) if cue.part == "question"]


# Phrases


def test_a_phrase_is_found_with_its_times() -> None:
    (cue,) = find(said("and we were like oh my god it moved"))
    assert (cue.part, cue.said) == ("cue words", "oh my god")
    assert (cue.start_ms, cue.end_ms) == (10_000 + 4 * WORD_MS, 10_000 + 7 * WORD_MS - 50)
    assert cue.value == TABLES["en"]["surprise"]["sure"]


@pytest.mark.parametrize(
    "line",
    ["No way!", "well, NO WAY.", "“No way,” he said", "he said 'no way' twice", "no, way?"],
)
def test_marks_and_capitals_do_not_hide_a_phrase(line: str) -> None:
    assert len(phrases(line)) == 1


@pytest.mark.parametrize("text", ["I can\u2019t believe it", "I can't believe it"])
def test_either_apostrophe_is_one(text: str) -> None:
    assert [one.lower()[:5] for one in phrases(text)] == ["i can"]


def test_a_part_of_a_word_is_no_phrase() -> None:
    assert phrases("there is no wayside inn", "the winning point isle") == []


def test_a_star_stands_for_one_or_two_words() -> None:
    assert phrases("if you take this away") == ["if you take this away"]
    assert phrases("if you take one thing away") == ["if you take one thing away"]
    assert phrases("if you take away") == []
    assert phrases("if you take all of it away") == []


def test_a_phrase_does_not_reach_across_a_pause() -> None:
    assert phrases("there was no", "way out of it") == []


def test_doubtful_words_are_doubtful_cues() -> None:
    sure, doubtful = find(said("no way")), find(said("no way", confidence=0.2))
    assert 0 < doubtful[0].value < sure[0].value


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("de", "oh mein Gott, das gibt's nicht"),
        ("es", "¡Dios mío! No lo puedo creer"),
        ("de-AT", "oh mein Gott, das gibt's nicht"),
    ],
)
def test_other_languages_have_phrases_of_their_own(language: str, line: str) -> None:
    assert len(phrases(line, language=language)) == 2
    assert phrases(line, language="en") == []


def test_letters_may_come_in_two_pieces() -> None:
    assert phrases("dios mi\u0301o", language="es") == ["dios mi\u0301o"]


def test_a_language_without_a_table_has_no_phrases() -> None:
    assert find(said("no way", "oh mein Gott"), "fi") == []


def test_without_a_language_the_words_are_taken_for_english() -> None:
    assert phrases("no way", language="") == ["no way"]


# Questions

ASKED = "what would you say to somebody who starts today"
ANSWER = "i would say begin with something small and do a little of it every single day my friend"


def test_a_question_with_its_answer_counts_and_one_that_hangs_less() -> None:
    (answered,) = questions(said(ASKED + "?", ANSWER))
    (hung,) = questions(said(ASKED + "?"))
    assert answered.said == ASKED + "?"
    assert answered.value > hung.value > 0
    assert hung.value == pytest.approx(HUNG * answered.value, abs=1e-3)


def test_an_answer_begins_soon_and_says_something() -> None:
    full = questions(said(ASKED + "?", ANSWER))[0].value
    assert questions(said(ASKED + "?", "no"))[0].value < full
    assert questions(said(ASKED + "?", ANSWER, gap_ms=5_000))[0].value < full


def test_an_answer_in_the_same_breath_counts() -> None:
    (cue,) = questions(said(f"So how are you? {ANSWER}."))
    assert cue.said == "So how are you?"
    assert cue.value > 0.8


def test_an_answer_of_many_short_lines_counts() -> None:
    lines = [" ".join(ANSWER.split()[at : at + 3]) for at in range(0, 18, 3)]
    assert questions(said(ASKED + "?", *lines, gap_ms=400))[0].value > 0.8


def test_where_the_engine_writes_no_marks_a_question_is_known_by_how_it_begins() -> None:
    (unmarked,) = questions(said(ASKED, ANSWER))
    (marked,) = questions(said(ASKED + "?", ANSWER))
    assert unmarked.value < marked.value
    assert questions(said("so " + ASKED, ANSWER))


def test_where_it_writes_marks_only_a_question_mark_asks() -> None:
    assert questions(said("What we did today, was simple.", ANSWER)) == []
    assert questions(said("What is it.", ANSWER)) == []


def test_two_words_that_begin_like_a_question_are_none() -> None:
    assert questions(said("what is", ANSWER)) == []


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("de", "warum hast du das gemacht"),
        ("es", "cuál es tu consejo"),
        ("fi", "mitä kuuluu tänään?"),
        ("ja", "元気 です か？"),  # noqa: RUF001 (its own question mark)
        ("ar", "كيف حالك؟"),
        ("en", 'he asked "are you coming?"'),
    ],
)
def test_questions_of_other_languages(language: str, line: str) -> None:
    assert len(questions(said(line, ANSWER), language)) == 1


# Chapters


def test_a_long_pause_begins_a_chapter() -> None:
    one, other = said("that was that", "and now this", gap_ms=3_000)
    assert chapters([one, other]) == [other.start_ms]
    assert chapters(said("that was that", "and now this", gap_ms=2_000)) == []


@pytest.mark.parametrize(
    ("language", "line", "word"),
    [
        ("en", "good so moving on to the next", 2),
        ("en", "this is chapter four of the book", 2),
        ("de", "gut dann kommen wir zu etwas anderem", 2),
        ("es", "siguiente pregunta por favor", 0),
    ],
)
def test_a_phrase_begins_a_chapter_where_it_is_said(language: str, line: str, word: int) -> None:
    segments = said(line)
    assert chapters(segments, language) == [segments[0].words[word].start_ms]


def test_a_phrase_of_a_chapter_marks_no_moment() -> None:
    assert find(said("moving on to the garden")) == []


# The table


@pytest.mark.parametrize("language", TABLES)
def test_the_table_is_well_formed(language: str) -> None:
    groups = TABLES[language]
    assert {"chapters", "asks"} < set(groups)
    for name, group in groups.items():
        assert set(group) == {"sure", "phrases"}
        assert 0 <= group["sure"] < 1
        assert (group["sure"] == 0) == (name in ("chapters", "asks"))
        assert len(set(group["phrases"])) == len(group["phrases"]) > 0
        for phrase in group["phrases"]:
            words = phrase.split()
            assert phrase == " ".join(words)
            assert words[0] != "*"
            assert all(word == "*" or cues._plain(word) == word for word in words)


EVERY = [
    (language, name, phrase)
    for language, groups in TABLES.items()
    for name, group in groups.items()
    for phrase in group["phrases"]
]


@pytest.mark.parametrize(("language", "name", "phrase"), EVERY)
def test_every_phrase_of_the_table_is_found_as_it_is_written(
    language: str, name: str, phrase: str
) -> None:
    spoken = phrase.replace("*", "seven")
    segments = said(f"{spoken} amigo tres cuatro", ANSWER)
    if name == "chapters":
        assert segments[0].start_ms in chapters(segments, language)
    elif name == "asks":
        assert [cue.start_ms for cue in questions(segments, language)] == [segments[0].start_ms]
    else:
        assert spoken in [cue.said for cue in find(segments, language)]


# For all words there may be

COMMON = "no way oh my god what is it chapter one next question"
texts = st.one_of(
    st.sampled_from((*COMMON.split(), "?", "'")),
    st.text(min_size=1, max_size=8),
)
lines = st.lists(
    st.lists(st.tuples(texts, st.integers(0, 900), st.floats(0, 1)), max_size=12), max_size=6
)


def spoken(talk: list[list[tuple[str, int, float]]]) -> list[Segment]:
    segments, at = [], 0
    for line in talk:
        words = []
        for text, length, confidence in line:
            words.append(Word(at, at + length, text, confidence))
            at += length + 20
        end = words[-1].end_ms if words else at
        start = words[0].start_ms if words else at
        segments.append(Segment(start, end, " ".join(w.text for w in words), tuple(words)))
        at += 1_000
    return segments


@given(lines, st.sampled_from([*TABLES, "fi", ""]))
def test_cues_lie_within_what_is_said_and_are_in_order(
    talk: list[list[tuple[str, int, float]]], language: str
) -> None:
    segments = spoken(talk)
    end = segments[-1].end_ms if segments else 0
    found = find(segments, language)
    assert found == find(segments, language)
    assert [cue.start_ms for cue in found] == sorted(cue.start_ms for cue in found)
    for cue in found:
        assert 0 <= cue.start_ms <= cue.end_ms <= end
        assert 0 <= cue.value <= 1
        assert cue.part in ("cue words", "question")
    begun = chapters(segments, language)
    assert begun == sorted(set(begun))
    assert all(0 <= at <= end for at in begun)
