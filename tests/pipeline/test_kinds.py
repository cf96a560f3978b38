"""What counts in which kind of recording: the table is well formed, and `auto` reads it right."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kinds import AUTO, MOST, NAMES, PARTS, PROFILES, Facts, recognised

CROWD = ("cheer", "applause", "laughter")
PODCAST = Facts(
    minutes=60, reactions=2, heard=0.98, spoken=0.9, other=0.05, impacts=0.1, pictured=False
)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_weighs_every_part_and_knows_its_lengths(name: str) -> None:
    profile = PROFILES[name]
    assert set(profile.weights) == set(PARTS)
    assert all(0 <= weight <= MOST < 1 for weight in profile.weights.values())
    assert 0 < profile.least_ms < profile.most_ms
    assert 0 < profile.before_ms <= profile.most_ms
    assert 0 < profile.after_ms <= profile.most_ms


def test_auto_is_a_name_and_no_profile() -> None:
    assert NAMES == (AUTO, "stage", "sport", "talk", "game")
    assert AUTO not in PROFILES


def test_a_crowd_counts_everywhere_and_the_rest_where_it_belongs() -> None:
    """What a profile is for; the numbers themselves are tuned."""
    stage, sport, talk, game = (PROFILES[name].weights for name in NAMES[1:])
    for weights in (stage, sport, talk, game):
        assert min(weights[kind] for kind in CROWD) >= max(
            weight for name, weight in weights.items() if name not in (*CROWD, "rating")
        )
    assert max(talk, game, key=lambda weights: weights["cue words"]) is talk
    assert max(talk, game, key=lambda weights: weights["impact"]) is game
    assert sport["motion"] > max(weights["motion"] for weights in (stage, talk, game))
    assert all(weights["loudness"] < 0.2 for weights in (stage, sport, talk, game))


# What a recording is taken for


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (PODCAST, "talk"),
        (replace(PODCAST, spoken=0.5, other=0.4, pictured=True), "talk"),
        (replace(PODCAST, reactions=25, pictured=True), "stage"),
        (replace(PODCAST, spoken=0.4, other=0.7, impacts=6, pictured=True), "game"),
        (replace(PODCAST, reactions=0, heard=0.02, spoken=0, other=0, pictured=True), "sport"),
        (replace(PODCAST, reactions=0, spoken=0.1, other=0.1, impacts=0, pictured=True), "sport"),
    ],
    ids=["podcast", "tutorial", "show", "game", "silent match", "quiet match"],
)
def test_kinds_are_told_apart_by_what_is_heard(facts: Facts, name: str) -> None:
    assert recognised(facts) == name


def test_one_reaction_in_a_short_recording_is_an_audience() -> None:
    assert recognised(replace(PODCAST, minutes=2, reactions=1)) == "stage"


def test_one_stray_reaction_in_an_hour_is_none() -> None:
    assert recognised(replace(PODCAST, reactions=1)) == "talk"


@given(
    st.builds(
        Facts,
        st.floats(0, 600),
        st.integers(0, 500),
        st.floats(0, 1),
        st.floats(0, 1),
        st.floats(0, 1),
        st.floats(0, 200),
        st.booleans(),
    )
)
def test_every_recording_is_taken_for_something(facts: Facts) -> None:
    assert recognised(facts) in PROFILES


# What reviews teach


def test_factors_bend_the_weights_and_nothing_else() -> None:
    talk = PROFILES["talk"]
    taught = talk.taught({"cue words": 0.5, "excited speech": 1.5})
    assert taught.weights["cue words"] == pytest.approx(talk.weights["cue words"] / 2)
    assert taught.weights["excited speech"] == pytest.approx(talk.weights["excited speech"] * 1.5)
    assert taught.weights["question"] == talk.weights["question"]
    assert replace(taught, weights=talk.weights) == talk


def test_without_reviews_a_profile_is_as_it_came() -> None:
    for profile in PROFILES.values():
        assert profile.taught({}) == profile


def test_no_part_ever_becomes_proof() -> None:
    assert PROFILES["stage"].taught({"cheer": 2.0}).weights["cheer"] == MOST


def test_what_is_no_part_teaches_nothing() -> None:
    assert PROFILES["talk"].taught({"charm": 2.0}) == PROFILES["talk"]
