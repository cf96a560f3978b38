"""Tags and titles: from what is said, and plain where what was heard can't be trusted."""

import subprocess
import sys
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.speech.words import segmented
from pipeline.tags import confident_text, tags, title
from pipeline.timeline import Segment, Span, Word

MATCH = (
    "So, welcome back everyone. And here comes Maria Lopez down the left wing, what a goal! The"
    " final goal of the championship. The crowd goes absolutely wild, unbelievable scene in Lisbon."
)
BREAD = (
    "Um, today we're going to talk about, you know, sourdough bread and how to keep your starter"
    " alive when the kitchen is cold. The most important thing is the temperature of the water."
)


def spoken(text: str, *, confidence: float = 0.95, start_ms: int = 0) -> tuple[Segment, ...]:
    """A bar is a pause of a second."""
    words, at_ms = [], start_ms
    for token in text.split():
        at_ms += 1000 if token == "|" else 330
        if token != "|":
            words.append(Word(at_ms - 330, at_ms, token, confidence))
    return segmented(words)


def entitled(text: str, **options: object) -> str:
    segments = spoken(text)
    span = Span(0, segments[-1].end_ms if segments else 10_000)
    given: dict[str, object] = {"events": ("cheer",), "fallback": "Cup final", **options}
    return title(segments, span, **given)  # type: ignore[arg-type]  # options of any test


def test_tags_name_what_is_spoken_of() -> None:
    assert {"maria lopez", "lisbon"} <= set(tags(MATCH))
    assert "sourdough bread" in tags(BREAD)


def test_tags_are_lower_case_few_and_without_empty_words() -> None:
    found = tags(MATCH + BREAD)
    assert 0 < len(found) <= 8
    assert found == [tag.lower() for tag in found]
    assert not {"everyone", "today", "thing", "the", "um", "you know"} & set(found)
    assert all(len(tag.split()) <= 2 for tag in found)


def test_near_duplicates_are_one_tag() -> None:
    found = tags(
        "The player saw other players. A goalkeeper, two goalkeepers. The penalty and the"
        " penalties. The penalty kick. Boxes in a box."
    )
    stems = [word.rstrip("s").replace("ie", "y") for tag in found for word in tag.split()]
    assert len(stems) == len(set(stems))


def test_events_come_first_and_only_once() -> None:
    found = tags("The cheers of the crowd. The stadium cheers.", events=("cheer", "crowd_noise"))
    assert found[:2] == ["cheer", "crowd noise"]
    assert "cheers" not in found


@pytest.mark.parametrize("text", ["", "   ", "yeah yeah okay", "123 456", "?!", "\u2026"])
def test_nothing_said_gives_no_tags(text: str) -> None:
    assert tags(text, events=("cheer",)) == ["cheer"]


def test_other_languages_have_their_own_stop_words() -> None:
    found = tags("Und das ist ein Tor f\u00fcr die Mannschaft aus Hamburg", language="de")
    assert "hamburg" in found
    assert not {"und", "das", "ist", "ein", "die", "aus"} & set(found)


def test_of_a_rough_transcript_only_sure_words_become_tags() -> None:
    sure, unsure = spoken("the stadium in lisbon"), spoken("broccoli griffey", confidence=0.3)
    assert confident_text((*sure, *unsure), "rough") == "the stadium in lisbon"
    assert "broccoli" in confident_text((*sure, *unsure), "good")


def test_an_unsure_word_parts_its_neighbours() -> None:
    words = [
        Word(0, 300, "maria", 0.95),
        Word(300, 600, "mumble", 0.1),
        Word(600, 900, "lisbon", 0.95),
    ]
    assert confident_text(segmented(words), "rough") == "maria. lisbon"


def test_the_title_is_a_sentence_that_was_said() -> None:
    assert entitled(MATCH) == "Here comes Maria Lopez down the left wing, what a goal!"


def test_a_title_has_no_fillers_and_breaks_between_words() -> None:
    found = entitled(BREAD.partition(". The")[0])
    assert found == "Today we're going to talk about sourdough bread\u2026"


def test_a_title_is_written_like_a_sentence() -> None:
    text = "yeah so i think i'm going to repair my bicycle"
    assert entitled(text) == "I think I'm going to repair my bicycle"
    assert entitled("WHAT A GOAL BY MARIA") == "What a goal by maria"
    assert entitled("Who won the championship?") == "Who won the championship?"


def test_the_sentence_at_the_peak_wins_among_equals() -> None:
    text = "The red team scores a goal. | | | | The blue team scores a goal."
    assert "blue" in entitled(text, peak_ms=7_000)
    assert "red" in entitled(text, peak_ms=500)


def test_what_is_cut_by_the_edge_of_the_clip_is_no_title() -> None:
    segments = spoken("The red team scores a goal. | The blue team scores a goal.")
    span = Span(500, segments[-1].end_ms)
    assert title(segments, span, events=(), fallback="x") == "The blue team scores a goal"


@pytest.mark.parametrize("text", ["", "yeah okay", "oh", "and then it was"])
def test_without_usable_speech_the_event_and_the_time_make_the_title(text: str) -> None:
    assert entitled(text, peak_ms=754_000) == "Cheer at 12:34 in Cup final"


def test_without_speech_and_event_the_recording_and_the_time_do() -> None:
    assert entitled("", events=(), peak_ms=3_754_000) == "Cup final at 1:02:34"
    assert entitled("", events=(), fallback="", peak_ms=4_000) == "Clip at 0:04"


def test_a_long_name_is_cut_between_words() -> None:
    name = "The great and never ending recording of the evening of the cup final"
    found = entitled("", fallback=name)
    assert found.startswith("Cheer at 0:00 in The great and never ending")
    assert len(found) <= 60
    assert found.endswith("\u2026")


def test_a_garbled_phrase_is_never_a_title() -> None:
    garbled = spoken("what illegal by the red player", confidence=0.5)
    span = Span(0, garbled[-1].end_ms)
    plain = title(garbled, span, events=("cheer",), fallback="Cup final", quality="rough")
    assert plain == "Cheer at 0:00 in Cup final"


def test_a_rough_phrase_of_which_all_is_sure_may_be_one() -> None:
    sure = spoken("the blue team scores and the crowd goes wild")
    span = Span(0, sure[-1].end_ms)
    found = title(sure, span, events=(), fallback="Cup final", quality="rough")
    assert found == "The blue team scores and the crowd goes wild"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=30), st.floats(0, 1)), max_size=30),
    st.text(max_size=80),
    st.sampled_from(["good", "fair", "rough"]),
)
def test_every_title_is_a_line_of_at_most_60(
    said: list[tuple[str, float]], name: str, quality: str
) -> None:
    words = [Word(at * 300, at * 300 + 280, text, sure) for at, (text, sure) in enumerate(said)]
    found = title(
        segmented(words), Span(0, 10_000), events=("cheer",), fallback=name, quality=quality
    )
    assert 0 < len(found) <= 60
    assert found == " ".join(found.split())


def test_a_clip_takes_a_blink_once_yake_is_loaded() -> None:
    tags(MATCH)
    began = monotonic()
    for number in range(10):
        tags(f"{MATCH} {BREAD} Take {number}.")
    assert (monotonic() - began) / 10 < 0.3


def test_importing_costs_nothing_until_a_tag_is_wanted() -> None:
    code = "import sys, pipeline.tags, pipeline.transcribe; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"yake", "faster_whisper", "pocketsphinx"} & set(done.stdout.split())
