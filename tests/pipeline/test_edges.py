"""Where a clip may begin and end, for whatever moment, words, pauses and cuts there are."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.edges import BREATH_MS, CUT_REACH_MS, LONGEST_WORD_MS, pauses_in, snap, widen
from pipeline.timeline import Segment, Span, Word

RATE = 16_000
MINUTE_MS = 60_000


@dataclass(frozen=True)
class Asked:
    """One call of snap, with the longest word no longer than the slack between min and max."""

    duration_ms: int
    moment: Span
    peak_ms: int
    segments: tuple[Segment, ...]
    pauses: tuple[Span, ...]
    cuts: tuple[int, ...]
    min_ms: int
    max_ms: int

    def snapped(self) -> Span:
        return snap(
            self.moment,
            duration_ms=self.duration_ms,
            peak_ms=self.peak_ms,
            segments=self.segments,
            pauses=self.pauses,
            cuts=self.cuts,
            min_ms=self.min_ms,
            max_ms=self.max_ms,
        )


@st.composite
def calls(draw: st.DrawFn) -> Asked:
    duration = draw(st.integers(1_000, 10 * MINUTE_MS))
    start = draw(st.integers(0, duration - 1))
    end = min(duration, start + draw(st.integers(1, 120_000)))
    min_ms = draw(st.integers(2_000, 30_000))
    near = Span(max(0, start - 40_000), min(duration, end + 40_000))
    return Asked(
        duration_ms=duration,
        moment=Span(start, end),
        peak_ms=draw(st.integers(start, end - 1)),
        segments=draw(spoken(near)),
        pauses=draw(st.lists(spans(near), max_size=8).map(tuple)),
        cuts=draw(st.lists(st.integers(near.start_ms, near.end_ms), max_size=8).map(tuple)),
        min_ms=min_ms,
        max_ms=min_ms + 2 * LONGEST_WORD_MS + draw(st.sampled_from((0, 500, 60_000))),
    )


def spans(inside: Span) -> st.SearchStrategy[Span]:
    edges = st.integers(inside.start_ms, inside.end_ms)
    return st.tuples(edges, st.integers(20, 4_000)).map(lambda pair: Span(pair[0], sum(pair)))


def spoken(inside: Span) -> st.SearchStrategy[tuple[Segment, ...]]:
    """Words all through it, from sparse to one straight after the other, or none."""
    seeds = st.integers(0, 100_000)
    gaps = st.sampled_from((0, 50, 400, 3_000))
    return st.one_of(st.just(()), st.builds(lambda seed, gap: talk(inside, seed, gap), seeds, gaps))


def talk(inside: Span, seed: int, gap_ms: int) -> tuple[Segment, ...]:
    random = np.random.default_rng(seed)
    at, words = inside.start_ms, []
    while at < inside.end_ms:
        end = at + int(random.integers(100, LONGEST_WORD_MS))
        words.append(Word(at, end, "word", 1.0))
        at = end + int(random.integers(0, gap_ms + 1))
    return (Segment(inside.start_ms, at, "words", tuple(words)),)


def words_of(segments: tuple[Segment, ...]) -> list[Word]:
    return [word for segment in segments for word in segment.words]


@settings(max_examples=120, deadline=None)
@given(calls())
def test_a_clip_lies_inside_its_recording_and_holds_the_peak(asked: Asked) -> None:
    span = asked.snapped()
    assert 0 <= span.start_ms < span.end_ms <= asked.duration_ms
    assert span.start_ms <= asked.peak_ms < span.end_ms


@settings(max_examples=120, deadline=None)
@given(calls())
def test_a_clip_is_as_long_as_was_asked(asked: Asked) -> None:
    """A recording shorter than the shortest clip is one clip."""
    span = asked.snapped()
    assert span.length_ms >= min(asked.min_ms, asked.duration_ms)
    assert span.length_ms <= asked.max_ms


@settings(max_examples=120, deadline=None)
@given(calls())
def test_no_edge_lies_inside_a_word(asked: Asked) -> None:
    span = asked.snapped()
    if asked.duration_ms <= asked.min_ms:
        return
    for word in words_of(asked.segments):
        assert not word.start_ms < span.start_ms < word.end_ms
        if span.end_ms < asked.duration_ms:
            assert not word.start_ms < span.end_ms < word.end_ms


@settings(max_examples=100, deadline=None)
@given(calls())
def test_a_moment_that_fits_is_kept_whole(asked: Asked) -> None:
    """But for what a cut near by takes off, and a word that it begins or ends in."""
    span = asked.snapped()
    if asked.moment.length_ms <= asked.max_ms - 2 * LONGEST_WORD_MS:
        lost = asked.moment.length_ms - span.overlap_ms(asked.moment)
        assert lost <= 2 * (CUT_REACH_MS + LONGEST_WORD_MS)
        if not asked.cuts and not asked.segments:
            assert lost == 0


@settings(max_examples=80, deadline=None)
@given(calls())
def test_a_widened_moment_has_the_wanted_length(asked: Asked) -> None:
    wide = widen(asked.moment, asked.min_ms, asked.max_ms, asked.duration_ms, asked.peak_ms)
    assert 0 <= wide.start_ms <= asked.peak_ms < wide.end_ms <= asked.duration_ms
    assert min(asked.min_ms, asked.duration_ms) <= wide.length_ms <= asked.max_ms


def snapped(moment: Span, **known: object) -> Span:
    shared = {"duration_ms": 10 * MINUTE_MS, "min_ms": 15_000, "max_ms": 90_000}
    return snap(moment, **{**shared, **known})  # type: ignore[arg-type]  # a test's short form


def test_a_short_moment_gets_more_before_than_after() -> None:
    assert snapped(Span(100_000, 105_000)) == Span(94_000, 109_000)


def test_edges_move_outward_into_pauses_and_leave_a_breath() -> None:
    pauses = (Span(90_000, 92_000), Span(130_000, 131_000), Span(110_000, 111_000))
    found = snapped(Span(95_000, 125_000), pauses=pauses)
    assert found == Span(92_000 - BREATH_MS, 130_000 + BREATH_MS)


def test_an_edge_that_lies_in_a_pause_stays() -> None:
    pauses = (Span(94_000, 96_000), Span(124_000, 126_000))
    assert snapped(Span(95_000, 125_000), pauses=pauses) == Span(95_000, 125_000)


def test_a_pause_out_of_reach_is_left_alone() -> None:
    assert snapped(Span(95_000, 125_000), pauses=(Span(80_000, 82_000),)).start_ms == 95_000


def test_an_edge_goes_onto_a_cut_near_by_and_to_no_other() -> None:
    cuts = (95_000 - CUT_REACH_MS, 95_300, 125_000 + CUT_REACH_MS + 1)
    assert snapped(Span(95_000, 125_000), cuts=cuts) == Span(95_300, 125_000)


def test_a_cut_inside_a_word_is_no_place_to_begin() -> None:
    words = (Segment(94_900, 95_500, "goal", (Word(94_900, 95_500, "goal", 1.0),)),)
    found = snapped(Span(95_000, 125_000), cuts=(95_100,), segments=words)
    assert found.start_ms == 94_900


def test_too_long_a_moment_is_cut_around_its_peak() -> None:
    """A crowd that sings for three minutes, and the goal in the first of them."""
    found = snapped(Span(100_000, 280_000), peak_ms=120_000)
    assert found.length_ms == 90_000
    assert found.start_ms <= 120_000 < found.end_ms


def test_a_recording_shorter_than_a_clip_is_one_clip() -> None:
    assert snapped(Span(2_000, 4_000), duration_ms=9_000) == Span(0, 9_000)


def test_pauses_are_heard_where_the_sound_stops() -> None:
    loud = np.random.default_rng(1).normal(0, 0.2, 4 * RATE).astype(np.float32)
    loud[RATE : int(1.5 * RATE)] *= 0.005
    loud[int(2.5 * RATE) : int(2.6 * RATE)] *= 0.005
    (pause,) = pauses_in(loud, RATE, offset_ms=10_000)
    assert pause.start_ms == pytest.approx(11_000, abs=20)
    assert pause.end_ms == pytest.approx(11_500, abs=20)


def test_steady_sound_has_no_pause() -> None:
    steady = np.random.default_rng(2).normal(0, 0.1, 3 * RATE).astype(np.float32)
    assert pauses_in(steady, RATE) == []
    assert pauses_in(np.zeros(10, np.float32), RATE) == []
