"""Every second can be asked: its parts, its moment, what beat it, the words, and an offer."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from catalog import recordings, why
from catalog.web import saying, timeline
from models.analysis import Analysis
from models.base import reading, unit_of_work
from models.recording import Recording
from tests import factories

CHOSEN = {"cheer": 0.6, "applause": 0.15}


@pytest.fixture
def recording(database: object) -> Recording:
    """Two minutes: a clip at 1:00, a rejected moment at 0:20, nothing else; words from 0:30 on."""
    with unit_of_work() as session:
        made = factories.recording(session, duration_ms=120_000)
        curve = [{"score": 0.18, "cheer": 0.3, "music": 0.04, "speech": 0.6}] * 120
        words = [[30_000 + i * 1_000, 30_700 + i * 1_000, f"w{i}", 0.8] for i in range(60)]
        factories.analysis(session, made, curve, least=0.35, words=words)
        values: dict[str, Any] = {"score": 0.75, "reasons": CHOSEN}
        chosen = factories.candidate(session, made, **values)
        clip = factories.clip(session, made, candidate_id=chosen.id, **values)
        factories.transcript(session, clip, "and it is in")
        factories.listing(session, clip)
        factories.candidate(
            session,
            made,
            rank=1,
            start_ms=20_000,
            end_ms=28_000,
            peak_ms=24_000,
            score=0.22,
            reasons={"loudness": 0.22},
            chosen=False,
            why_not="Loud, but it is steady noise: nobody reacts to it.",
        )
        return made


def asked(recording: Recording, at_ms: int) -> why.Answer:
    with reading() as session:
        return why.ask(recordings.get(session, recording.id), at_ms)


def said(recording: Recording, at_ms: int) -> str:
    return " ".join(saying.sentences(asked(recording, at_ms)))


def test_a_second_that_no_moment_covers(recording: Recording) -> None:
    assert said(recording, 5_000) == (
        "0.18 here; a clip needs 0.35. "
        "The nearest chosen moment is 1:00 to 1:27 (0.75): cheering, applause."
    )
    answer = asked(recording, 5_400)
    assert answer.at_ms == 5_000
    assert answer.parts == [("speech", 0.6), ("cheer", 0.3)], "what is next to nothing is left out"


def test_a_second_of_a_rejected_moment(recording: Recording) -> None:
    assert said(recording, 24_000) == (
        "0.18 here; a clip needs 0.35. It is part of 0:20 to 0:28 (0.22), which was not chosen: "
        "Loud, but it is steady noise: nobody reacts to it. "
        "The nearest chosen moment is 1:00 to 1:27 (0.75): cheering, applause."
    )
    assert asked(recording, 24_000).offer is None, "the moment itself can be made a clip"


def test_a_second_of_a_clip(recording: Recording) -> None:
    assert said(recording, 70_000) == (
        "0.18 here. It is part of 1:00 to 1:27 (0.75): cheering, applause, on sale as a clip."
    )


@pytest.mark.usefixtures("database")
def test_what_is_not_known_is_said(recording: Recording) -> None:
    with unit_of_work() as session:
        bare = factories.recording(session)
    assert said(bare, 0) == "Nothing was measured here. No moment of this recording became a clip."
    with unit_of_work() as session:
        older = factories.recording(session)
        factories.analysis(session, older, [{"score": 0.5}])
    assert said(older, 0).startswith("0.50 here. "), "what a clip needed then isn't known"
    assert asked(older, 599_000).score is None, "the curve ended before"


def test_the_words_around_a_second_are_those_of_the_clip_where_there_is_one(
    recording: Recording,
) -> None:
    assert asked(recording, 5_000).words == []
    around = [word.text for word in asked(recording, 40_000).words]
    assert around == [f"w{i}" for i in range(6, 15)]
    assert [word.text for word in asked(recording, 40_000).words if word.at(40_000)] == ["w10"]
    inside = [word.text for word in asked(recording, 65_000).words]
    assert inside == ["it", "is", "in"], "written down with more care, up to 1:03"


def test_words_of_a_clip_that_is_not_public_are_not_told(recording: Recording) -> None:
    with unit_of_work() as session:
        secret = factories.clip(session, recording, start_ms=1_000, end_ms=9_000)
        factories.transcript(session, secret, "not yet to be heard")
        factories.listing(session, secret, visible_from_ms=4_000_000_000_000)
    assert asked(recording, 2_000).words == []


@pytest.mark.parametrize("at_ms", [0, 5_000, 35_000, 45_500, 100_000, 119_999])
def test_an_offer_lies_around_the_second_and_is_long_enough(
    recording: Recording, at_ms: int
) -> None:
    offer = asked(recording, at_ms).offer
    assert offer is not None
    start_ms, end_ms = offer
    assert 0 <= start_ms <= at_ms < end_ms <= 120_000
    assert 15_000 <= end_ms - start_ms <= 15_000 + 2 * why.REACH_MS


def test_an_offer_begins_and_ends_in_pauses_between_words(recording: Recording) -> None:
    offer = asked(recording, 45_000).offer
    assert offer is not None
    for edge in offer:
        assert 700 <= edge % 1_000 < 1_000, "each word lasts 0.7 of its second"


@pytest.mark.usefixtures("owner")
def test_what_was_seen_joins_what_was_heard(client: TestClient, recording: Recording) -> None:
    with unit_of_work() as session:
        factories.chunk(session, recording, "720p", 1)
        factories.pictures(session, recording, 1, seconds=[{"faces": 0.9, "cheer": 0.9}] * 32)
    assert ("faces", 0.9) in asked(recording, 40_000).parts
    assert ("cheer", 0.3) in asked(recording, 40_000).parts, "as it counted for the score"
    assert "faces" not in dict(asked(recording, 5_000).parts)
    drawn = client.get(f"/api/v1/recordings/{recording.id}/timeline").json()["parts"]
    assert drawn["faces"] == [0.0] * 32 + [0.9] * 32 + [0.0] * 56
    assert drawn["cheer"] == [0.3] * 120


@pytest.mark.usefixtures("owner")
def test_what_a_language_model_said_is_told_as_its_word(
    client: TestClient, recording: Recording
) -> None:
    span = {"start_ms": 30_000, "end_ms": 60_000}
    rating = {**span, "rating": 0.7, "why": "A <b>turn</b>", "model": "m1", "prompt": 1}
    with unit_of_work() as session:
        session.get_one(Analysis, recording.id).ratings = [rating]
    assert client.get(f"/api/v1/recordings/{recording.id}/timeline/40").json()["ratings"] == [
        rating
    ]
    page = client.get(f"/recordings/{recording.id}/why?at=40").text
    assert "m1 rated what is said here" in page
    assert "A &lt;b&gt;turn" in page
    assert asked(recording, 60_000).ratings == []


@pytest.mark.usefixtures("owner")
def test_the_json_twin_tells_the_same(client: TestClient, recording: Recording) -> None:
    answer = client.get(f"/api/v1/recordings/{recording.id}/timeline/24").json()
    assert answer["says"] == said(recording, 24_000)
    assert (answer["score"], answer["needed"]) == (0.18, 0.35)
    assert answer["moment"]["standing"] == "not chosen"
    assert answer["nearest"]["reasons"] == CHOSEN
    assert answer["offer"] is None
    free = client.get(f"/api/v1/recordings/{recording.id}/timeline/40").json()
    assert free["offer"][0] < 40_000 < free["offer"][1]
    assert free["words"][4] == {"start_ms": 40_000, "end_ms": 40_700, "text": "w10"}


@pytest.mark.usefixtures("owner")
def test_a_part_of_the_timeline_can_be_had_thin(client: TestClient, recording: Recording) -> None:
    address = f"/api/v1/recordings/{recording.id}/timeline"
    part = client.get(f"{address}?start_s=30&end_s=90&most=7").json()
    assert (part["start_ms"], part["step_ms"]) == (30_000, 9_000)
    assert part["parts"]["score"] == [0.18] * 7
    assert client.get(f"{address}?start_s=500").json()["parts"] == {}


@given(
    st.lists(st.floats(0, 1), max_size=200),
    st.integers(0, 200),
    st.integers(0, 200),
    st.integers(1, 50),
)
def test_thinning_loses_no_peak(scores: list[float], start: int, end: int, most: int) -> None:
    curve = [{"score": score} for score in scores]
    step, thin = timeline.thinned(curve, start, end, most)
    wanted = [round(score, 3) for score in scores[start:end]]
    column = thin.get("score", [])
    assert len(column) <= most
    assert max(column, default=0) == max(wanted, default=0)
    assert (len(column) - 1) * step < max(len(wanted), 1)
