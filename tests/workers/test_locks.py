"""On PostgreSQL, where rows are locked one by one: nobody waits for each other for ever."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import reviews
from models.base import reading, unit_of_work
from models.job import Job, JobState, claim, fenced
from models.recording import Recording
from tests import factories
from tests.both import database_of, server_of
from workers import flow
from workers.lease import Lease


@pytest.fixture
def postgres(home: Path) -> Iterator[None]:
    with server_of("postgresql") as server, database_of("postgresql", server, home):
        yield


def saves(job: Job, told: threading.Event) -> None:
    """A slow machine's `saving`: it was told, and has not ended."""
    with Lease(job).saving():
        told.set()
        time.sleep(0.5)


def ends(job: Job, told: threading.Event) -> None:
    def change(session: Session) -> None:
        fenced(session, job.id, job.token, state=JobState.DONE)
        told.set()
        time.sleep(0.5)

    flow._end(job, change)


@pytest.mark.usefixtures("postgres")
@pytest.mark.parametrize("worker", [saves, ends])
def test_a_worker_that_ends_a_job_and_a_person_who_asks_for_it_take_turns(
    worker: Callable[[Job, threading.Event], None],
) -> None:
    with unit_of_work() as session:
        candidate = factories.candidate(session, factories.recording(session), chosen=False)
        reviews.undo(session, reviews.promote(session, candidate.id).id)
    with unit_of_work() as session:
        job = claim(session, "media", "somebody")
    assert job is not None
    told = threading.Event()
    with ThreadPoolExecutor() as pool:
        ended = pool.submit(worker, job, told)
        assert told.wait(10)
        with unit_of_work() as session:
            reviews.promote(session, candidate.id)
        ended.result(10)
    with reading() as session:
        assert session.scalars(select(Job.state)).one() == JobState.READY, "asked for anew"
        assert session.scalars(select(Recording.state)).one() == "working"
