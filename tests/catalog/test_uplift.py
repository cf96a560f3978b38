"""What offers bring: shares, differences and the test that may be looked at every day."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from catalog.offers import uplift

Counts = tuple[int, int]
a_share = some.integers(1, 5_000).flatmap(
    lambda of: some.tuples(some.integers(0, of), some.just(of))
)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)],
)
def test_a_share_has_wilsons_interval_as_it_was_published(
    hits: int, of: int, low: float, high: float
) -> None:
    found = uplift.share(hits, of)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 20), 0.6791, 1.0),
    ],
)
def test_a_difference_has_newcombes_interval_as_it_was_published(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    found = uplift.difference(*counts)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@given(a_share, a_share)
def test_intervals_hold_their_value_and_swap_with_their_shares(one: Counts, other: Counts) -> None:
    found, back = uplift.difference(*one, *other), uplift.difference(*other, *one)
    assert found is not None
    assert back is not None
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((-back.high, -back.low))
    test = uplift.tested(*one, *other)
    assert test is not None
    assert test.low <= test.value <= test.high
    certain = test.low > 0 or test.high < 0
    assert certain if test.p < 0.0499 else not certain or test.p < 0.0501


def test_of_nothing_nothing_is_told() -> None:
    assert uplift.share(0, 0) is None
    assert uplift.difference(1, 2, 0, 0) is None
    assert uplift.tested(0, 0, 1, 2) is None


def looked_at(chance: random.Random, with_offer: float, without: float) -> tuple[bool, bool]:
    """A year of days with 100 visits: whether the sequential test, and whether one that looks with
    the interval of a single look, was ever certain of a difference.
    """
    hits, of, beside, alone = 0, 0, 0, 0
    sequential = naive = False
    for _ in range(365):
        for _ in range(20):
            of, hits = of + 4, hits + sum(chance.random() < with_offer for _ in range(4))
            alone, beside = alone + 1, beside + (chance.random() < without)
        test = uplift.tested(hits, of, beside, alone)
        once = uplift.difference(hits, of, beside, alone)
        assert test is not None
        assert once is not None
        sequential = sequential or test.low > 0 or test.high < 0
        naive = naive or once.low > 0 or once.high < 0
    return sequential, naive


def test_who_looks_every_day_is_rarely_fooled_but_would_be_by_a_single_looks_interval() -> None:
    chance = random.Random(5)
    found = [looked_at(chance, 0.03, 0.03) for _ in range(40)]
    assert sum(sequential for sequential, _ in found) <= 3
    assert sum(naive for _, naive in found) >= 8


def test_it_says_when_it_can_be_stopped() -> None:
    better = uplift.tested(600, 10_000, 30, 2_000)
    worse = uplift.tested(100, 10_000, 80, 2_000)
    same = uplift.tested(20_000, 1_000_000, 4_000, 200_000)
    early = uplift.tested(3, 50, 0, 10)
    assert [one.verdict for one in (better, worse, same, early) if one] == [
        *("better", "worse", "same", "more")
    ]
    assert early is not None
    assert not early.may_stop


@given(
    some.integers(1, 400),
    some.integers(1, 400),
    some.integers(401, 4_000),
    some.integers(401, 4_000),
)
def test_after_as_many_visits_as_are_still_missing_it_is_certain(
    hits: int, hits_without: int, of: int, of_without: int
) -> None:
    missing = uplift.still(hits, of, hits_without, of_without)
    found = uplift.tested(hits, of, hits_without, of_without)
    assert found is not None
    assert (missing == 0) == found.may_stop
    if missing:
        times = 1 + missing / (of + of_without)
        later = uplift.tested(*(one * times * 1.02 for one in (hits, of, hits_without, of_without)))
        assert later is not None
        assert later.may_stop


ARMS = some.tuples(
    some.integers(1, 400), some.integers(1, 400), some.floats(0, 1), some.floats(0, 1)
)


@given(ARMS)
def test_one_comparison_alone_is_itself(arms: tuple[int, int, float, float]) -> None:
    of, without, share, other = arms
    one = (round(share * of), of, round(other * without), without)
    assert uplift.together([one]) == pytest.approx(one)
    assert uplift.together([one, (5, 9, 0, 0), (0, 0, 3, 4)]) == pytest.approx(one)


def test_two_comparisons_are_no_surer_than_all_of_their_visits() -> None:
    found = uplift.together([(30, 100, 30, 100), (5, 100, 5, 100)])
    assert found is not None
    hits, of, beside, without = found
    assert hits / of == pytest.approx(beside / without) == pytest.approx(0.175)
    assert of == pytest.approx(without)
    assert 200 <= of < 240, "less is left to chance within each"
    assert uplift.together([(1, 2, 0, 0)]) is None


def test_no_effect_is_found_as_often_as_chance_finds_one() -> None:
    """Two kinds of visits, unlike each other and unlike in how many are held back."""
    chance, wrong = random.Random(11), 0
    for _ in range(400):
        strata = []
        for rate, of, without in ((0.3, 400, 60), (0.04, 200, 200)):
            drawn = [sum(chance.random() < rate for _ in range(many)) for many in (of, without)]
            strata.append((drawn[0], of, drawn[1], without))
        found = uplift.together(strata)
        assert found is not None
        between = uplift.difference(*found)
        assert between is not None
        wrong += not between.low <= 0 <= between.high
    assert wrong / 400 < 0.08
