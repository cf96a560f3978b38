"""A clip whose making was given up: asked for again it is made, taken back it is no fault."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from catalog import recordings, reviews
from models.analysis import Candidate
from models.base import reading, unit_of_work
from models.job import Job, JobState
from models.recording import Recording, settle
from models.review import Review
from tests import factories

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def recording_id() -> str:
    """With one moment, which was rejected."""
    with unit_of_work() as session:
        recording = factories.recording(session)
        factories.candidate(session, recording, chosen=False)
        return recording.id


def rejected(recording_id: str) -> str:
    with reading() as session:
        wanted = select(Candidate.id).where(Candidate.recording_id == recording_id)
        return session.scalars(wanted).one()


def done(what: Callable[..., Review], *given: object) -> Review:
    with unit_of_work() as session:
        return what(session, *given)


def jobs() -> list[tuple[str, str, str]]:
    with reading() as session:
        return [(job.step, job.subject, job.state) for job in session.scalars(select(Job))]


def standing(recording_id: str) -> dict[str, str]:
    with reading() as session:
        found = recordings.get(session, recording_id).moments
        return {one.candidate.id: one.standing for one in found}


def given_up(error: str = "No picture could be read.") -> None:
    """What a worker leaves behind that has tried often enough."""
    with unit_of_work() as session:
        job = session.scalars(select(Job).where(Job.state == JobState.READY)).one()
        job.state, job.attempt, job.error = JobState.QUARANTINED, 3, error
        session.flush()
        settle(session, job.recording_id)


@pytest.mark.parametrize("step", ["clip", "publish"])
def test_what_was_given_up_is_made_when_it_is_asked_for_again(recording_id: str, step: str) -> None:
    def ask() -> Review:
        return done(reviews.ask_for, recording_id, 1_000, 9_000)

    first = ask()
    subject = first.candidate_id
    if step == "publish":
        with unit_of_work() as session:
            session.delete(session.scalars(select(Job)).one())
            recording = session.get_one(Recording, recording_id)
            subject = factories.clip(session, recording, candidate_id=first.candidate_id).id
        ask()
    given_up()
    assert standing(recording_id)[first.candidate_id] == "given up"
    assert ask().id == first.id
    assert jobs() == [(step, subject, "ready")]
    assert standing(recording_id)[first.candidate_id] == "being made"
    with reading() as session:
        recording = session.get_one(Recording, recording_id)
        assert (recording.state, recording.reason) == ("working", "")
        job = session.scalars(select(Job)).one()
        assert (job.attempt, job.error) == (0, "")


def test_a_moment_that_was_given_up_can_be_promoted_again(recording_id: str) -> None:
    first = done(reviews.promote, rejected(recording_id))
    given_up()
    assert done(reviews.promote, rejected(recording_id)).id == first.id
    assert jobs() == [("clip", rejected(recording_id), "ready")]


def test_what_was_given_up_and_taken_back_is_no_fault_of_the_recording(recording_id: str) -> None:
    review = done(reviews.promote, rejected(recording_id))
    given_up()
    with reading() as session:
        recording = session.get_one(Recording, recording_id)
        assert (recording.state, recording.reason[:6]) == ("quarantined", "1 of 1")
    done(reviews.undo, review.id)
    assert jobs() == [("clip", rejected(recording_id), "dropped")]
    with reading() as session:
        recording = session.get_one(Recording, recording_id)
        assert (recording.state, recording.reason) == ("done", "")
        assert recording.done_ms
    done(reviews.promote, rejected(recording_id))
    assert jobs() == [("clip", rejected(recording_id), "ready")]


def test_another_step_that_was_given_up_stays_so(recording_id: str) -> None:
    review = done(reviews.promote, rejected(recording_id))
    given_up("this one")
    with unit_of_work() as session:
        recording = session.get_one(Recording, recording_id)
        factories.job(session, recording, "chunk", JobState.QUARANTINED, error="that one")
    done(reviews.undo, review.id)
    with reading() as session:
        recording = session.get_one(Recording, recording_id)
        assert recording.state == "quarantined"
        assert recording.reason == "1 of 2 steps failed for good: that one"
