"""Which parts are heard before the ranking, and that their words lie where they were said."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.listening import (
    AROUND_MS,
    BUDGET_MS,
    BUDGET_SHARE,
    SAMPLE_MS,
    windows,
    words_of,
)
from pipeline.timeline import Span

SPEECH = Path(__file__).parent.parent / "assets" / "speech.ogg"
HOUR_MS = 3_600_000
ALL_HOUR = [Span(at, at + 9_000) for at in range(0, HOUR_MS, 10_000)]


def s(start: float, end: float) -> Span:
    return Span(round(start * 1000), round(end * 1000))


def heard_ms(places: list[Span]) -> int:
    return sum(span.length_ms for span in places)


def covers(places: list[Span], at_s: float) -> bool:
    return any(span.start_ms <= at_s * 1000 < span.end_ms for span in places)


def budget_ms(duration_ms: int) -> int:
    return BUDGET_MS + round(BUDGET_SHARE * duration_ms)


def test_where_little_is_said_all_of_it_is_heard() -> None:
    assert windows([s(1, 5), s(5.2, 9), s(20, 30)], [], 60_000) == [s(1, 9), s(20, 30)]


def test_where_nothing_is_said_nothing_is_heard() -> None:
    assert windows([], [s(5, 9)], 60_000) == []


def test_of_an_hour_of_talk_the_best_moments_are_heard_with_a_little_around() -> None:
    places = windows(ALL_HOUR, [s(1_000, 1_030), s(2_000, 2_020)], HOUR_MS)
    assert covers(places, 1_000 - AROUND_MS / 1000 + 0.1)
    assert covers(places, 1_030)
    assert covers(places, 2_010)
    assert heard_ms(places) <= budget_ms(HOUR_MS) + 500 * len(places)


def test_what_is_left_of_the_budget_is_spread_over_the_recording() -> None:
    ranked = [s(100 + 40 * number, 130 + 40 * number) for number in range(6)]
    places = windows(ALL_HOUR, ranked, HOUR_MS)
    assert all(covers(places, 110 + 40 * number) for number in range(6))
    samples = [span.start_ms for span in places if span.start_ms > 400_000]
    assert len(samples) >= 2
    assert max(samples) > HOUR_MS / 2


def test_without_moments_pieces_of_the_whole_recording_are_heard() -> None:
    places = windows(ALL_HOUR, [], HOUR_MS)
    assert heard_ms(places) > 0.8 * budget_ms(HOUR_MS)
    assert places[0].start_ms == 0
    assert places[-1].end_ms > 0.9 * HOUR_MS
    assert max(span.length_ms for span in places) <= SAMPLE_MS


def test_a_moment_too_long_for_the_budget_does_not_end_the_listening() -> None:
    places = windows(ALL_HOUR, [s(100, 1_000), s(2_000, 2_030)], HOUR_MS)
    assert covers(places, 2_015)


def test_a_moment_in_which_nobody_speaks_is_not_listened_to() -> None:
    talk = [span for span in ALL_HOUR if span.start_ms >= 600_000]
    assert not covers(windows(talk, [s(100, 130)], HOUR_MS), 115)


spans = st.builds(
    lambda at, length: Span(at * 1000, (at + length) * 1000),
    st.integers(0, 3_500),
    st.integers(1, 100),
)


@given(st.lists(spans, max_size=15), st.booleans())
def test_places_are_in_order_apart_inside_and_within_the_budget(
    ranked: list[Span], little: bool
) -> None:
    speech = ALL_HOUR[:20] if little else ALL_HOUR
    places = windows(speech, ranked, HOUR_MS)
    assert places == windows(speech, ranked, HOUR_MS)
    assert all(0 <= span.start_ms < span.end_ms <= HOUR_MS for span in places)
    assert all(one.end_ms < other.start_ms for one, other in pairwise(places))
    assert heard_ms(places) <= budget_ms(HOUR_MS) + 1_000 * len(speech)
    assert all(any(span.overlap_ms(one) for one in speech) for span in places)


# Words


def test_words_have_the_times_of_the_recording() -> None:
    """Two of the sample's sentences: the second, and the last."""
    speech = [s(0.5, 3.4), s(4.4, 6.9), s(7.9, 9.8), s(10.7, 12.5)]
    segments, language = words_of(
        SPEECH, [s(4.2, 7.2), s(10.5, 12.6)], speech, engine="pocketsphinx"
    )
    words = [word for segment in segments for word in segment.words]
    assert language == "en"
    assert [word.start_ms for word in words] == sorted(word.start_ms for word in words)
    said = {word.text.lower(): word.start_ms / 1000 for word in words}
    assert 4.2 <= said["beautiful"] <= 7.2
    assert 10.5 <= said["season"] <= 12.6
    assert not {"crowd", "players"} & set(said)


@pytest.mark.parametrize("places", [[], [s(3.5, 4.3)]], ids=["nowhere", "in a pause"])
def test_where_nobody_speaks_there_are_no_words(places: list[Span]) -> None:
    assert words_of(SPEECH, places, [s(0.5, 3.4)], engine="pocketsphinx")[0] == []
