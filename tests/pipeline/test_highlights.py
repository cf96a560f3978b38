"""The ranking of moments, from likelihoods that are set by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import highlights
from pipeline.curves import FINE, STEP_MS
from pipeline.sounds import SOUNDS, Heard
from pipeline.timeline import Highlight

PER_S = 1000 // STEP_MS
NO_PICTURE = np.zeros(0, np.float32)


class Story:
    """Two minutes of a quiet room, to which things are added by the second."""

    def __init__(self, seconds: int = 120) -> None:
        self.likelihoods = np.full((seconds * PER_S, len(SOUNDS)), 0.02, np.float32)
        self.level_db = np.full(seconds * PER_S, -60.0, np.float32)
        self.voice_db = np.full(seconds * PER_S * FINE, -62.0, np.float32)

    def add(self, start_s: float, end_s: float, level_db: float, **sounds: float) -> "Story":
        here = slice(int(start_s * PER_S), int(end_s * PER_S))
        for name, likelihood in sounds.items():
            self.likelihoods[here, SOUNDS.index(name)] = likelihood
        self.level_db[here] = np.maximum(self.level_db[here], level_db)
        fine = slice(here.start * FINE, here.stop * FINE)
        self.voice_db[fine] = np.maximum(self.voice_db[fine], level_db - 2)
        return self

    def talk(self, start_s: float, end_s: float) -> "Story":
        return self.add(start_s, end_s, -26, speech=0.95)

    def react(self, start_s: float, end_s: float, kind: str = "cheer") -> "Story":
        return self.add(start_s, end_s, -18, reaction=0.97, **{kind: 0.9})

    def ranked(self, limit: int = 20) -> tuple[Highlight, ...]:
        heard = Heard(self.likelihoods, self.level_db, self.voice_db)
        now = highlights.activity(heard, NO_PICTURE)
        return highlights.rank(now, len(self.level_db) * STEP_MS, limit)


def chosen(found: tuple[Highlight, ...]) -> list[Highlight]:
    return [one for one in found if one.chosen]


def test_nothing_is_made_of_silence() -> None:
    assert Story().ranked() == ()


def test_talk_alone_is_no_highlight() -> None:
    assert chosen(Story().talk(5, 40).talk(42, 110).ranked()) == []


def test_a_reaction_is_found_with_the_line_that_led_to_it() -> None:
    story = Story().talk(2, 30).talk(60, 65).react(64, 71).talk(75, 110)
    (one,) = chosen(story.ranked())
    assert one.span.start_ms == pytest.approx(60_000, abs=500)
    assert one.span.end_ms == pytest.approx(71_000, abs=800)
    assert 64_000 <= one.peak_ms <= 71_000
    assert max(one.reasons, key=lambda name: one.reasons[name]) == "cheer"


def test_a_reaction_without_words_starts_with_itself() -> None:
    (one,) = chosen(Story().talk(2, 30).react(64, 71).ranked())
    assert one.span.start_ms == pytest.approx(64_000, abs=800)


@pytest.mark.parametrize("kind", highlights.KINDS)
def test_the_kind_of_reaction_is_the_main_reason(kind: str) -> None:
    (one,) = chosen(Story().talk(2, 60).react(64, 71, kind).ranked())
    assert max(one.reasons, key=lambda name: one.reasons[name]) == kind


def test_loud_noise_is_rejected_and_named() -> None:
    story = Story().talk(2, 60).add(70, 80, -10, noise=0.95)
    (one,) = story.ranked()
    assert not one.chosen
    assert "steady noise" in one.why_not


def test_loud_music_is_rejected_and_named() -> None:
    (one,) = Story().talk(2, 60).add(70, 80, -10, music=0.95).ranked()
    assert not one.chosen
    assert "music" in one.why_not


def test_a_murmur_far_below_the_talk_is_no_reaction() -> None:
    story = Story().talk(2, 60).add(70, 80, -45, reaction=0.95, cheer=0.9)
    assert chosen(story.ranked()) == []


def test_the_best_are_kept_and_the_rest_told_why() -> None:
    story = Story().talk(1, 20)
    for number in range(5):
        story.react(30 + 15 * number, 36 + 15 * number)
    found = story.ranked(limit=2)
    assert [one.chosen for one in found] == [True, True, False, False, False]
    assert all("2 better moments" in one.why_not for one in found[2:])
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_where_people_speak_is_told_without_the_pauses() -> None:
    heard = Story().talk(5, 20).talk(24, 40)
    now = highlights.activity(Heard(heard.likelihoods, heard.level_db, heard.voice_db), NO_PICTURE)
    spans = highlights.speech_spans(now)
    assert len(spans) == 2
    assert spans[0].start_ms == pytest.approx(5_000, abs=500)
    assert spans[1].end_ms == pytest.approx(40_000, abs=500)


events = st.lists(
    st.tuples(
        st.integers(0, 110), st.integers(1, 10), st.sampled_from(("talk", *highlights.KINDS))
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(events, st.integers(0, 5))
def test_parts_sum_to_the_score_and_spans_stay_inside(
    happened: list[tuple[int, int, str]], limit: int
) -> None:
    story = Story()
    for start, length, what in happened:
        end = min(119, start + length)
        _ = story.talk(start, end) if what == "talk" else story.react(start, end, what)
    found = story.ranked(limit)
    assert found == story.ranked(limit)
    assert len(chosen(found)) <= limit
    for one in found:
        assert one.score == pytest.approx(sum(one.reasons.values()), abs=1e-4)
        assert 0 <= one.score <= 1
        assert set(one.reasons) <= set(highlights.PARTS)
        assert 0 <= one.span.start_ms <= one.peak_ms <= one.span.end_ms <= 120_000
        assert one.chosen != bool(one.why_not)
