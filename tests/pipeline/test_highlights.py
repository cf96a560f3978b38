"""From moments to highlights: how evidence is weighed, what is chosen, and what the rest is told.

The moments are made by hand; tests/pipeline/test_moments.py is about where they come from.
"""

import re
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.highlights import CHOSEN, SAME, Rating, choose, weigh
from pipeline.kinds import CROWD, PARTS, PROFILES, Profile
from pipeline.timeline import Highlight, Moment, Span

STAGE, TALK, GAME = (PROFILES[name] for name in ("stage", "talk", "game"))
SURE = {"cheer": 1.0}


def moment(at_s: float, length_s: float = 10, **evidence: float) -> Moment:
    """Its peak is in its middle. Names of parts are written with _ for a space."""
    span = Span(round(at_s * 1000), round((at_s + length_s) * 1000))
    named = {name.replace("_", " "): value for name, value in evidence.items()}
    return Moment(span, (span.start_ms + span.end_ms) // 2, named)


def chosen(found: tuple[Highlight, ...]) -> list[Highlight]:
    return [one for one in found if one.chosen]


def starts_s(found: list[Highlight]) -> list[int]:
    return sorted(one.span.start_ms // 1000 for one in found)


# What evidence weighs


def test_one_part_alone_scores_its_weight() -> None:
    assert weigh({"excited speech": 1.0}, TALK.weights) == {
        "excited speech": pytest.approx(TALK.weights["excited speech"], abs=1e-4)
    }


def test_two_signs_are_the_chance_that_either_tells() -> None:
    parts = weigh({"impact": 1.0, "motion": 1.0}, GAME.weights)
    either = 1 - (1 - GAME.weights["impact"]) * (1 - GAME.weights["motion"])
    assert sum(parts.values()) == pytest.approx(either, abs=1e-4)
    assert parts["impact"] > parts["motion"] > 0


def test_a_crowd_that_claps_and_cheers_is_one_sign_not_two() -> None:
    both = weigh({"cheer": 0.5, "applause": 0.5}, STAGE.weights)
    alone = weigh({"cheer": 1.0}, STAGE.weights)
    assert sum(both.values()) == pytest.approx(sum(alone.values()), abs=1e-4)
    assert both["cheer"] == pytest.approx(both["applause"], abs=1e-4)


def test_what_a_profile_gives_no_weight_is_no_part() -> None:
    assert weigh({"question": 1.0}, GAME.weights) == {}
    assert weigh({}, GAME.weights) == {}


def test_all_evidence_there_is_makes_no_more_than_1() -> None:
    heavy = dict.fromkeys(PARTS, 0.98)
    assert round(sum(weigh(dict.fromkeys(PARTS, 1.0), heavy).values()), 4) == 1


# What is chosen


def test_nothing_comes_of_nothing() -> None:
    assert choose((), TALK, 20) == ()


def test_only_what_reaches_the_least_score_is_chosen() -> None:
    strong, weak = moment(10, excited_speech=1.0), moment(100, excited_speech=0.4)
    first, second = choose((weak, strong), TALK, 20)
    assert (first.span, first.chosen) == (strong.span, True)
    assert (second.span, second.chosen) == (weak.span, False)
    assert second.score < CHOSEN <= first.score


def test_the_best_come_first_and_equal_ones_in_order_of_time() -> None:
    equal = [moment(at_s, **SURE) for at_s in (200, 100, 300)]
    found = choose([moment(400, cheer=0.6), *equal], STAGE, 20)
    assert [one.span.start_ms for one in found] == [100_000, 200_000, 300_000, 400_000]


@pytest.mark.parametrize("kinds", [("cheer", "applause"), ("cheer", "cheer")])
def test_the_order_they_come_in_is_no_reason(kinds: tuple[str, str]) -> None:
    one, other = (
        replace(moment(100, **{kind: 1.0}), likeness={like: 0.5})
        for kind, like in zip(kinds, ("music", "steady noise"), strict=True)
    )
    assert choose((one, other), STAGE, 1) == choose((other, one), STAGE, 1)
    weak = [replace(each, evidence={"cheer": 0.3}) for each in (one, other)]
    assert choose(weak, STAGE, 1) == choose(weak[::-1], STAGE, 1)


def test_of_one_moment_that_was_found_twice_the_better_is_kept() -> None:
    better, other = moment(100, 12, cheer=1.0), moment(106, 12, cheer=0.8)
    first, second = choose((other, better), STAGE, 20)
    assert first.chosen
    assert second.why_not == f"It is the same moment as 1:40 to 1:52 ({first.score:.2f}), " + (
        "which scored more."
    )


def test_moments_that_only_touch_are_two() -> None:
    assert len(chosen(choose((moment(100, 10, **SURE), moment(108, 10, **SURE)), STAGE, 20))) == 2


def test_the_best_are_kept_where_there_are_too_many_and_the_rest_told() -> None:
    many = [moment(200 * number, cheer=1 - number / 20) for number in range(6)]
    found = choose(many, STAGE, 2)
    assert starts_s(chosen(found)) == [0, 200]
    assert {one.why_not for one in found[2:]} == {"There are 2 better moments in this recording."}
    (_, *rest) = choose(many, STAGE, 1)
    assert {one.why_not for one in rest} == {"There is a better moment in this recording."}


def test_beside_a_better_one_a_moment_yields_to_one_far_away() -> None:
    best, beside, far = moment(100, **SURE), moment(115, cheer=0.9), moment(900, cheer=0.8)
    found = choose((best, beside, far), STAGE, 2)
    assert starts_s(chosen(found)) == [100, 900]
    (rejected,) = (one for one in found if not one.chosen)
    assert rejected.why_not == (
        "There is room for 2, spread over the recording, "
        f"and 1:40 to 1:50 ({found[0].score:.2f}) near by scored more."
    )


def test_what_beat_a_moment_is_the_one_that_scored_more_not_the_nearest() -> None:
    best, beaten, nearest = (
        moment(60, 3, cheer=1.0),
        moment(65, 3, cheer=0.94),
        moment(69, 3, cheer=0.93),
    )
    found = choose((best, beaten, nearest), STAGE, 2)
    assert [one.chosen for one in found] == [True, False, True]
    assert "and 1:00 to 1:03" in found[1].why_not


def test_where_there_is_room_neighbours_are_both_kept() -> None:
    pair = (moment(100, **SURE), moment(115, cheer=0.9))
    assert len(chosen(choose(pair, STAGE, 2))) == 2


def test_times_of_an_hour_and_more_are_named_so() -> None:
    twice = (moment(3_725, 12, **SURE), moment(3_729, 12, cheer=0.9))
    assert "1:02:05 to 1:02:17" in choose(twice, STAGE, 20)[1].why_not


@pytest.mark.parametrize(
    ("evidence", "likeness", "said"),
    [
        ({"cheer": 0.25}, {"music": 0.7}, "Perhaps a reaction, .* sounds more like music"),
        ({"excited speech": 0.6}, {"a loud line": 0.9}, "Only excited talk, and too little"),
        ({"loudness": 1.0}, {"steady noise": 0.8, "music": 0.2}, "Loud, but it is steady noise"),
        ({"loudness": 1.0}, {"music": 0.1}, "Louder than the rest, but nobody reacts"),
        ({}, {}, "Louder than the rest"),
    ],
)
def test_a_weak_one_is_told_what_it_is_instead(
    evidence: dict[str, float], likeness: dict[str, float], said: str
) -> None:
    weak = Moment(Span(1_000, 5_000), 3_000, evidence, likeness)
    (one,) = choose((weak,), TALK, 20)
    assert not one.chosen
    assert re.match(said, one.why_not)


# Ratings


def test_a_good_rating_lifts_a_moment_and_is_named_among_its_parts() -> None:
    doubtful = moment(100, 20, cue_words=0.5)
    (before,) = choose((doubtful,), TALK, 20)
    (after,) = choose((doubtful,), TALK, 20, [Rating(doubtful.span, 0.9)])
    assert not before.chosen
    assert after.chosen
    assert after.reasons["rating"] > 0


def test_of_several_ratings_the_best_counts() -> None:
    one = moment(100, 20, cue_words=0.5)
    rated = [Rating(one.span, 0.2), Rating(Span(105_000, 115_000), 0.9), Rating(one.span, 0.1)]
    assert choose((one,), TALK, 20, rated) == choose((one,), TALK, 20, rated[1:2])


def test_a_rating_of_nothing_or_of_another_place_changes_nothing() -> None:
    doubtful = moment(100, 20, cue_words=0.5)
    elsewhere = [Rating(Span(200_000, 220_000), 1.0), Rating(Span(118_000, 140_000), 1.0)]
    plain = choose((doubtful,), TALK, 20)
    assert choose((doubtful,), TALK, 20, [Rating(doubtful.span, 0.0)]) == plain
    assert choose((doubtful,), TALK, 20, elsewhere) == plain


# For all moments there may be

amounts = st.floats(0, 1)
evidences = st.dictionaries(st.sampled_from(PARTS), amounts)
weights = st.fixed_dictionaries({name: st.floats(0, 0.98) for name in PARTS})
# On a grid and partly of one length: so that some touch, and some are all but the same.
spans = st.builds(
    lambda at, length: Span(at * 500, at * 500 + length),
    st.integers(0, 600),
    st.one_of(st.just(9_000), st.integers(1, 90_000)),
)
moments = st.builds(
    lambda span, share, evidence, music: Moment(
        span, span.start_ms + round(share * span.length_ms), evidence, {"music": music}
    ),
    spans,
    amounts,
    evidences,
    amounts,
)
ratings = st.lists(st.builds(Rating, spans, amounts), max_size=4)
profiles = st.one_of(
    st.sampled_from(list(PROFILES.values())), st.builds(replace, st.just(TALK), weights=weights)
)


@given(evidences, weights)
def test_parts_are_positive_and_sum_to_a_score_of_at_most_1(
    evidence: dict[str, float], weights: dict[str, float]
) -> None:
    parts = weigh(evidence, weights)
    assert all(part > 0 for part in parts.values())
    assert 0 <= round(sum(parts.values()), 6) <= 1
    assert set(parts) <= {name for name, value in evidence.items() if value * weights[name] > 0}


@given(evidences, weights, st.sampled_from(PARTS), amounts)
def test_more_evidence_never_lowers_a_score(
    evidence: dict[str, float], weights: dict[str, float], name: str, amount: float
) -> None:
    more = {**evidence, name: max(amount, evidence.get(name, 0.0))}
    before, after = (round(sum(weigh(one, weights).values()), 4) for one in (evidence, more))
    assert after >= before


@given(st.lists(moments, max_size=25), profiles, st.integers(1, 6), ratings, st.randoms())
def test_the_choice_holds_its_promises(
    found: list[Moment], profile: Profile, limit: int, rated: list[Rating], random: Random
) -> None:
    judged = choose(found, profile, limit, rated)
    assert len(judged) == len(found)
    for one in judged:
        assert one.score == pytest.approx(sum(one.reasons.values()), abs=1e-9)
        assert 0 <= one.score <= 1
        assert one.chosen == (not one.why_not)
        assert one.chosen or re.fullmatch(r"[A-Z].+\.", one.why_not)
    kept = chosen(judged)
    assert len(kept) <= limit
    assert all(one.score >= CHOSEN for one in kept)
    for number, one in enumerate(kept):
        for other in kept[:number]:
            shorter = min(one.span.length_ms, other.span.length_ms)
            assert one.span.overlap_ms(other.span) <= SAME * shorter
    shuffled = list(found)
    random.shuffle(shuffled)
    assert choose(shuffled, profile, limit, rated) == judged


@given(st.lists(moments, min_size=2, max_size=25), st.integers(1, 3))
def test_what_is_said_to_have_scored_more_did(found: list[Moment], limit: int) -> None:
    for one in choose(found, STAGE, limit):
        told = re.search(r"\((\d\.\d\d)\)", one.why_not)
        assert told is None or float(told[1]) >= round(one.score, 2)


@given(st.lists(moments, min_size=1, max_size=25))
def test_with_room_for_all_only_the_weak_and_the_same_are_left_out(found: list[Moment]) -> None:
    for one in choose(found, GAME, len(found)):
        assert one.chosen or one.score < CHOSEN or "the same moment" in one.why_not


def test_every_kind_of_reaction_has_a_weight_in_every_profile() -> None:
    for profile in PROFILES.values():
        assert all(profile.weights[kind] >= CHOSEN for kind in CROWD)
