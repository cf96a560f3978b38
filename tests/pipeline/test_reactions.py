"""Where a crowd reacts and what belongs to it, from curves that are set by hand."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import reactions
from pipeline.curves import FINE, STEP_MS
from pipeline.reactions import Reaction
from pipeline.series import Curve

PER_S = 1000 // STEP_MS
LENGTH_S = 120
TALK_DB = -26.0


class Story:
    """Two minutes of a quiet room, to which things are added by the second."""

    def __init__(self) -> None:
        self.likelihood = np.full(LENGTH_S * PER_S, 0.02, np.float32)
        self.level_db = np.full(LENGTH_S * PER_S, -60.0, np.float32)
        self.speech = np.full(LENGTH_S * PER_S, 0.02, np.float32)
        self.talking = np.zeros(LENGTH_S * PER_S * FINE, np.bool_)

    def talk(self, start_s: float, end_s: float, likelihood: float = 0.02) -> "Story":
        here = slice(int(start_s * PER_S), int(end_s * PER_S))
        self.speech[here] = 0.95
        self.level_db[here] = TALK_DB
        self.likelihood[here] = likelihood
        self.talking[here.start * FINE : here.stop * FINE] = True
        return self

    def react(
        self, start_s: float, end_s: float, level_db: float = -20, sure: float = 0.95
    ) -> "Story":
        here = slice(int(start_s * PER_S), int(end_s * PER_S))
        self.likelihood[here] = sure
        self.level_db[here] = level_db
        self.speech[here] = 0.05
        return self

    def curve(self) -> Curve:
        return reactions.curve(self.likelihood, self.level_db, TALK_DB)

    def found(self) -> list[Reaction]:
        nobody = np.zeros_like(self.speech)
        return reactions.find(self.curve(), self.speech, nobody, self.talking)


def test_nothing_is_found_in_silence_or_talk() -> None:
    assert Story().found() == []
    assert Story().talk(5, 50).talk(52, 110).found() == []


def test_a_reaction_begins_with_its_line_and_ends_with_itself() -> None:
    (one,) = Story().talk(2, 40).talk(60, 65).react(64, 71).talk(75, 110).found()
    assert one.start_ms == pytest.approx(60_000, abs=500)
    assert one.end_ms == pytest.approx(71_000, abs=800)
    assert one.strength > 0.8


def test_without_a_line_it_begins_with_itself() -> None:
    (one,) = Story().talk(2, 40).react(64, 71).found()
    assert one.start_ms == pytest.approx(64_000, abs=800)


def test_a_line_that_ended_long_before_is_not_its_own() -> None:
    (one,) = Story().talk(2, 55).react(64, 71).found()
    assert one.start_ms == pytest.approx(64_000, abs=800)


def test_a_line_that_is_soon_over_is_heard_to_its_end() -> None:
    (one,) = Story().talk(60, 73).react(64, 71).talk(71, 73).found()
    assert one.end_ms == pytest.approx(73_000, abs=800)


def test_talk_that_goes_on_and_on_is_not_waited_for() -> None:
    (one,) = Story().talk(60, 110).react(64, 71).talk(71, 110).found()
    assert one.end_ms == pytest.approx(71_000, abs=1_000)


def test_one_reaction_with_a_short_lull_stays_one() -> None:
    assert len(Story().react(60, 64).react(64.75, 70).found()) == 1
    assert len(Story().react(50, 56).react(66, 72).found()) == 2


def test_a_longer_lull_joins_two_unless_somebody_speaks_in_it() -> None:
    assert len(Story().react(60, 64).react(66, 70).found()) == 1
    assert len(Story().react(60, 64).talk(64, 66).react(66, 70).found()) == 2


def test_what_is_plainly_speech_too_is_less_sure() -> None:
    story = Story().react(60, 66)
    (sure,) = story.found()
    story.speech[60 * PER_S : 66 * PER_S] = 0.95
    (doubted,) = story.found()
    assert 0.4 < doubted.strength < 0.8 * sure.strength


@pytest.mark.parametrize("level_db", [-45.0, -40.0])
def test_a_crowd_far_below_the_talk_murmurs(level_db: float) -> None:
    assert Story().talk(2, 40).react(64, 71, level_db).found() == []


def test_a_crowd_that_is_always_there_is_the_room() -> None:
    assert Story().react(0, LENGTH_S, -24).found() == []


def test_a_surer_reaction_is_stronger() -> None:
    (sure,) = Story().react(64, 71, sure=0.95).found()
    (weak,) = Story().react(64, 71, sure=0.6).found()
    assert sure.strength > weak.strength + 0.2


def test_where_all_talk_sounds_half_like_a_crowd_it_is_no_reaction() -> None:
    """A voice the model has not met: its talk is not sure of itself, a crowd still is."""
    story = Story().talk(2, 60, likelihood=0.5).talk(66, 118, likelihood=0.5)
    assert [one for one in story.found() if one.strength > 0.4] == []
    (one,) = (one for one in story.react(60, 66).found() if one.strength > 0.4)
    assert one.first == pytest.approx(60 * PER_S, abs=3)


def test_laughter_through_half_of_a_show_is_still_found() -> None:
    story = Story()
    for start in range(5, 105, 20):
        story.talk(start, start + 10).react(start + 10, start + 19)
    assert len([one for one in story.found() if one.strength > 0.4]) == 5


def test_nothing_at_all_gives_nothing() -> None:
    none = np.zeros(0, np.float32)
    assert len(reactions.curve(none, none, 0.0)) == 0
    assert reactions.find(none, none, none, np.zeros(0, np.bool_)) == []


events = st.lists(
    st.tuples(st.integers(0, 110), st.integers(1, 10), st.booleans(), st.floats(0.3, 1)),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(events)
def test_reactions_are_in_order_and_inside(happened: list[tuple[int, int, bool, float]]) -> None:
    story = Story()
    for start, length, crowd, sure in happened:
        end = min(LENGTH_S, start + length)
        _ = story.react(start, end, sure=sure) if crowd else story.talk(start, end)
    found = story.found()
    assert found == story.found()
    for one in found:
        assert 0 <= one.start_ms <= one.first * STEP_MS < one.last * STEP_MS <= one.end_ms
        assert one.end_ms <= LENGTH_S * 1000
        assert 0 <= one.strength <= 1
    assert all(a.last < b.first for a, b in pairwise(found))
