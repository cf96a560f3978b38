"""Captions that a player can read and a person too."""

import re
from dataclasses import dataclass
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.captions import webvtt
from pipeline.speech.words import joined, segmented
from pipeline.timeline import Segment, Word

TIMES = re.compile(r"(\d\d):(\d\d):(\d\d)\.(\d{3}) --> (\d\d):(\d\d):(\d\d)\.(\d{3})")


@dataclass(frozen=True)
class Cue:
    start_ms: int
    end_ms: int
    lines: list[str]

    @property
    def text(self) -> str:
        return " ".join(self.lines)


def cues(vtt: str) -> list[Cue]:
    """A strict reader: the signature, notes, then blocks of a time line and the text."""
    assert vtt.endswith("\n")
    first, *blocks = vtt.rstrip("\n").split("\n\n")
    assert first == "WEBVTT"
    found = []
    for block in blocks:
        times, *lines = block.split("\n")
        if times == "NOTE":
            assert "-->" not in block
            continue
        match = TIMES.fullmatch(times)
        assert match, times
        numbers = [int(each) for each in match.groups()]
        start, end = (
            ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
            for hours, minutes, seconds, ms in (numbers[:4], numbers[4:])
        )
        assert all(lines)
        assert not any(re.search(r"[<>]|-->|&(?!amp;|lt;|gt;)", line) for line in lines)
        found.append(Cue(start, end, [unescape(line) for line in lines]))
    return found


def spoken(text: str, *, start_ms: int = 0, pace_ms: int = 330) -> tuple[Segment, ...]:
    """Word by word at an even pace; a bar is a pause of a second."""
    words, at_ms = [], start_ms
    for token in text.split():
        if token == "|":
            at_ms += 1000
            continue
        words.append(Word(at_ms, at_ms + pace_ms - 30, token, 0.9))
        at_ms += pace_ms
    return segmented(words)


STORY = (
    "So, welcome back everyone. And here comes Maria down the left wing, she cuts inside, what a"
    " goal! | The final goal of the championship, and the crowd goes absolutely wild in Lisbon."
)


def test_captions_say_every_word_in_order() -> None:
    said = " ".join(cue.text for cue in cues(webvtt(spoken(STORY), start_ms=0, end_ms=20_000)))
    assert said == STORY.replace("| ", "")


def test_cues_keep_to_the_size_and_time_that_people_can_read() -> None:
    for cue in cues(webvtt(spoken(STORY), start_ms=0, end_ms=20_000)):
        assert len(cue.lines) <= 2
        assert all(len(line) <= 42 for line in cue.lines)
        length_ms = cue.end_ms - cue.start_ms
        assert 1000 <= length_ms <= 7000
        assert len(cue.text) * 1000 / length_ms <= 20


def test_cues_end_where_sentences_and_pauses_are() -> None:
    found = cues(webvtt(spoken(STORY), start_ms=0, end_ms=20_000))
    assert [cue.text[-1] for cue in found].count(",") <= 1
    assert all(cue.text[-1] in ".,!" for cue in found)
    assert any(cue.text.startswith("The final goal") for cue in found)


def test_a_long_run_is_parted_after_its_sentence_rather_than_in_its_middle() -> None:
    text = (
        "The evening was already late. They walked along the river until an old mill came to sight."
    )
    first, *_ = cues(webvtt(spoken(text), start_ms=0, end_ms=20_000))
    assert first.text == "The evening was already late."


def test_people_who_speak_at_once_are_shown_one_after_the_other() -> None:
    segments = [*spoken("I was here first"), *spoken("no that was me", start_ms=1100)]
    one, two = cues(webvtt(segments, start_ms=0, end_ms=10_000))
    assert one.end_ms <= two.start_ms


def test_an_endless_word_is_cut_to_the_lines_and_an_endless_cry_to_seven_seconds() -> None:
    address = Word(0, 3000, "x" * 100, 0.9)
    cry = Word(5000, 30_000, "goooal", 0.9)
    found = cues(webvtt(segmented([address, cry]), start_ms=0, end_ms=40_000))
    assert "".join("".join(cue.lines) for cue in found[:-1]) == address.text
    assert all(len(line) <= 42 for cue in found for line in cue.lines)
    assert found[-1].end_ms - found[-1].start_ms == 7000


def test_no_line_ends_with_an_article() -> None:
    text = "they walked along the river and saw the old mill that stood beside the broken bridge"
    for cue in cues(webvtt(spoken(text), start_ms=0, end_ms=20_000)):
        assert not any(line.endswith((" the", " and", " that")) for line in cue.lines)


def test_times_count_from_the_start_of_the_clip() -> None:
    segments = spoken("before it | this is in the clip | after it", start_ms=60_000)
    start_ms, end_ms = 61_500, 64_400
    (cue,) = cues(webvtt(segments, start_ms=start_ms, end_ms=end_ms))
    assert cue.text == "this is in the clip"
    assert cue.start_ms == 60_000 + 2 * 330 + 1000 - start_ms


def test_a_short_cry_stays_a_second() -> None:
    first, second = cues(webvtt(spoken("Goal! | | Yes!"), start_ms=0, end_ms=10_000))
    assert first.end_ms - first.start_ms == 1000
    assert second.end_ms - second.start_ms == 1000


def test_quick_short_sentences_share_a_cue() -> None:
    (cue,) = cues(webvtt(spoken("No. Yes. No. Yes.", pace_ms=200), start_ms=0, end_ms=10_000))
    assert cue.text == "No. Yes. No. Yes."


def test_the_note_names_who_heard_it_and_cannot_break_the_file() -> None:
    vtt = webvtt(spoken("hello"), start_ms=0, end_ms=5_000, note="whisper --> \n\nsmall")
    assert vtt.startswith("WEBVTT\n\nNOTE\nwhisper to small\n\n")
    assert [cue.text for cue in cues(vtt)] == ["hello"]


def test_what_looks_like_markup_is_only_text() -> None:
    said = "a <b>bold</b> claim & 00:01 --> 00:02"
    vtt = webvtt(spoken(said), start_ms=0, end_ms=10_000)
    assert "&lt;b&gt;bold&lt;/b&gt;" in vtt
    assert [cue.text for cue in cues(vtt)] == [said]


def test_a_segment_without_word_times_is_spread_over_its_time() -> None:
    text = (
        "this engine told nothing about its words but they were many more than fit in one cue ever"
    )
    found = cues(webvtt([Segment(1000, 9000, text)], start_ms=0, end_ms=10_000))
    assert len(found) > 1
    assert " ".join(cue.text for cue in found) == text
    assert found[0].start_ms == 1000
    assert found[-1].end_ms == 9000


def test_chinese_needs_no_spaces() -> None:
    assert joined(["\u4f60", "\u597d", "\u4e16", "\u754c"]) == "\u4f60\u597d\u4e16\u754c"
    assert joined(["good", "\u597d"]) == "good \u597d"


@pytest.mark.parametrize("end_ms", [0, 1, 900])
def test_a_clip_with_no_room_for_a_cue_is_still_a_valid_file(end_ms: int) -> None:
    for cue in cues(webvtt(spoken(STORY), start_ms=0, end_ms=end_ms)):
        assert 0 <= cue.start_ms < cue.end_ms <= end_ms


ODD = ["-->", "NOTE", "a\n\nb", "<v Bob>", "&", "x" * 100, "word,", "end."]
TEXT = st.text(min_size=1, max_size=60) | st.sampled_from(ODD)
WORDS = st.lists(
    st.tuples(st.integers(-3000, 20_000), st.integers(0, 12_000), TEXT), max_size=30
).map(lambda rows: [Word(start, start + length, text, 0.5) for start, length, text in sorted(rows)])


@given(st.lists(WORDS, max_size=3), st.integers(0, 5000), st.integers(0, 30_000), TEXT)
def test_whatever_was_heard_the_file_is_valid(
    said: list[list[Word]], start_ms: int, length_ms: int, note: str
) -> None:
    segments = [
        Segment(
            words[0].start_ms, words[-1].end_ms, joined(word.text for word in words), tuple(words)
        )
        for words in said
        if words
    ]
    vtt = webvtt(segments, start_ms=start_ms, end_ms=start_ms + length_ms, note=note)
    free_ms = 0
    for cue in cues(vtt):
        assert free_ms <= cue.start_ms < cue.end_ms <= length_ms
        assert cue.end_ms - cue.start_ms <= 7000
        assert len(cue.lines) <= 2
        assert all(len(line) <= 42 for line in cue.lines)
        free_ms = cue.end_ms
