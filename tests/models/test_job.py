"""A job is claimed by one worker at a time, and who lost it can write nothing more."""

import threading

import pytest
from sqlalchemy import select, update

from models.base import now_ms, unit_of_work
from models.job import INTERRUPTIONS, Job, JobState, LeaseLost, ask, claim, fenced, release
from tests import factories

pytestmark = pytest.mark.usefixtures("database")


def asked(step: str = "clip", **values: object) -> str:
    with unit_of_work() as session:
        recording = factories.recording(session)
        given = {
            "step": step,
            "subject": recording.id,
            "recording_id": recording.id,
            "queue": "media",
            "priority": 10,
        }
        ask(session, **{**given, **values})
        return session.scalars(
            select(Job.id).where(Job.recording_id == given["recording_id"])
        ).one()


def test_asking_twice_is_one_job() -> None:
    job_id = asked()
    with unit_of_work() as session:
        job = session.get_one(Job, job_id)
        again = {name: getattr(job, name) for name in ("step", "subject", "recording_id", "queue")}
        ask(session, **again, priority=10)
        assert len(session.scalars(select(Job)).all()) == 1


def test_what_is_rolled_back_was_never_asked() -> None:
    def ask_and_fail() -> None:
        with unit_of_work() as session:
            recording = factories.recording(session)
            ask(
                session,
                step="x",
                subject="1",
                recording_id=recording.id,
                queue="media",
                priority=1,
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        ask_and_fail()
    with unit_of_work() as session:
        assert claim(session, "media", "a") is None


def test_the_most_urgent_is_claimed_first_and_only_from_its_queue() -> None:
    later, sooner = asked("chunk", priority=60), asked("clip", priority=20)
    asked("publish", queue="light", priority=1)
    with unit_of_work() as session:
        first, second = claim(session, "media", "a"), claim(session, "media", "a")
        assert first is not None
        assert second is not None
        assert (first.id, second.id) == (sooner, later)
        assert claim(session, "media", "a") is None


def test_a_claimed_job_is_not_claimed_again_while_its_lease_holds() -> None:
    asked()
    with unit_of_work() as session:
        assert claim(session, "media", "a") is not None
        assert claim(session, "media", "b") is None


def test_a_job_whose_lease_ended_is_claimed_by_another_and_the_first_can_write_nothing() -> None:
    job_id = asked()
    with unit_of_work() as session:
        zombie = claim(session, "media", "a")
    assert zombie is not None
    token = zombie.token
    with unit_of_work() as session:
        session.execute(update(Job).values(lease_until_ms=now_ms() - 1))
    with unit_of_work() as session:
        taken = claim(session, "media", "b")
        assert taken is not None
        assert (taken.token, taken.interruptions) == (token + 1, 1)

    def write_as_zombie() -> None:
        with unit_of_work() as session:
            fenced(session, job_id, token, state=JobState.DONE)

    with pytest.raises(LeaseLost):
        write_as_zombie()
    with unit_of_work() as session:
        assert session.get_one(Job, job_id).worker == "b"


def test_a_job_not_yet_due_waits() -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        session.add(
            Job(
                step="clip",
                subject="s",
                recording_id=recording.id,
                queue="media",
                priority=1,
                run_after_ms=now_ms() + 60_000,
            )
        )
        session.flush()
        assert claim(session, "media", "a") is None


def test_what_a_dead_worker_held_is_free_at_once_and_counts_as_an_interruption() -> None:
    job_id = asked()
    with unit_of_work() as session:
        claim(session, "media", "dead")
        assert release(session, ["dead"]) == 1
    with unit_of_work() as session:
        job = session.get_one(Job, job_id)
        assert (job.state, job.attempt, job.interruptions) == (JobState.READY, 0, 1)
        assert job.interruptions < INTERRUPTIONS


def test_fifty_threads_claim_ten_jobs_each_once() -> None:
    wanted = {asked(f"step-{number}") for number in range(10)}
    got: list[str] = []

    def work(name: str) -> None:
        with unit_of_work() as session:
            job = claim(session, "media", name)
        if job is not None:
            got.append(job.id)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(wanted)
