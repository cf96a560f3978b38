"""Learning: small, bounded, one creator's own, and gone when it is forgotten."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import reading, unit_of_work
from models.review import LEAST, MOST, Review, Verdict, factors, forget, learn, recall, teaching
from tests import factories

parts = st.dictionaries(st.sampled_from(["cheer", "laughter", "music"]), st.floats(0, 1))
scores = st.floats(0, 1)


def review(verdict: Verdict, slug: str = "ada", profile: str = "sport", **reasons: float) -> str:
    with unit_of_work() as session:
        creator = factories.creator(session, slug)
        recording = factories.recording(session, creator_id=creator.id)
        candidate = factories.candidate(session, recording)
        row = Review(
            creator_id=creator.id,
            profile=profile,
            candidate_id=candidate.id,
            verdict=verdict,
            score=sum(reasons.values()),
            reasons=reasons,
        )
        session.add(row)
        session.flush()
        return row.id


def learnt(slug: str = "ada", profile: str = "sport") -> dict[str, float]:
    with reading() as session:
        return factors(session, factories.creator(session, slug).id, profile)


@given(parts, parts, scores, st.booleans())
def test_a_factor_stays_within_its_bounds(
    before: dict[str, float], reasons: dict[str, float], score: float, liked: bool
) -> None:
    known = {name: LEAST + part * (MOST - LEAST) for name, part in before.items()}
    after = learn(known, reasons, score, liked=liked)
    assert set(after) == {*known, *reasons}
    assert all(LEAST <= factor <= MOST for factor in after.values())


@given(parts, scores)
def test_what_was_liked_counts_no_less_and_what_was_not_no_more(
    reasons: dict[str, float], score: float
) -> None:
    liked = learn({}, reasons, score, liked=True)
    not_liked = learn({}, reasons, score, liked=False)
    for name in reasons:
        assert not_liked[name] <= 1 <= liked[name]


def test_a_step_is_the_gradient_of_the_logistic_loss() -> None:
    moved = learn({}, {"cheer": 0.3, "music": 0.1}, 0.4, liked=True)
    assert moved == {
        "cheer": pytest.approx(math.exp(0.5 * 0.6 * 0.3), abs=1e-4),
        "music": pytest.approx(math.exp(0.5 * 0.6 * 0.1), abs=1e-4),
    }


@pytest.mark.usefixtures("database")
def test_each_verdict_but_a_discard_is_a_like() -> None:
    for verdict in (Verdict.KEPT, Verdict.TRIMMED, Verdict.PROMOTED):
        review(verdict, profile=verdict, cheer=0.4)
        assert learnt(profile=verdict)["cheer"] > 1
    review(Verdict.DISCARDED, cheer=0.4)
    assert learnt()["cheer"] < 1


@pytest.mark.usefixtures("database")
def test_a_creator_teaches_nobody_else_and_no_other_profile() -> None:
    review(Verdict.PROMOTED, slug="ada", profile="sport", laughter=0.3)
    assert learnt("ada", "sport")["laughter"] > 1
    assert learnt("grace", "sport") == {}
    assert learnt("ada", "talk") == {}


@pytest.mark.usefixtures("database")
def test_what_was_taught_of_a_kind_not_known_counts_for_every_kind() -> None:
    """Of recordings that were analysed before kinds were told apart."""
    review(Verdict.KEPT, profile="auto", cheer=0.4)
    review(Verdict.KEPT, profile="sport", music=0.4)
    assert set(learnt(profile="sport")) == {"cheer", "music"}
    assert set(learnt(profile="talk")) == set(learnt(profile="auto")) == {"cheer"}
    assert learnt("grace") == {}
    with unit_of_work() as session:
        creator_id = factories.creator(session, "ada").id
        at_ms = forget(session, creator_id, "sport")
    assert learnt() == {}, "what counts can be forgotten"
    with unit_of_work() as session:
        recall(session, creator_id, "sport", at_ms)
    assert set(learnt()) == {"cheer", "music"}


@pytest.mark.usefixtures("database")
def test_an_undone_review_teaches_nothing() -> None:
    review_id = review(Verdict.KEPT, cheer=0.5)
    with unit_of_work() as session:
        session.get_one(Review, review_id).undone_ms = 1
    assert learnt() == {}


@pytest.mark.usefixtures("database")
def test_forgetting_is_for_one_profile_and_can_be_taken_back() -> None:
    review(Verdict.KEPT, cheer=0.5)
    review(Verdict.DISCARDED, cheer=0.2)
    review(Verdict.KEPT, profile="talk", laughter=0.5)
    before = learnt()
    with unit_of_work() as session:
        creator_id = factories.creator(session, "ada").id
        at_ms = forget(session, creator_id, "sport")
    assert learnt() == {}
    assert learnt(profile="talk")["laughter"] > 1
    review(Verdict.KEPT, music=0.5)
    assert set(learnt()) == {"music"}, "what comes after is learnt anew"
    with unit_of_work() as session:
        assert forget(session, creator_id, "sport") > at_ms
        recall(session, creator_id, "sport", at_ms)
        assert len(teaching(session, creator_id, "sport")) == 2
    assert learnt() == before
