"""Bells: each due job is rung, a backlog does not fill the broker, one bell is enough for all."""

import threading
import time
from typing import Any

import pytest
from sqlalchemy import select, update

from models.base import now_ms, unit_of_work
from models.job import Job, JobState
from models.recording import RecordingState
from tests import factories
from tests.commands import until
from workers import flow, relay
from workers.broker import broker, start_workers
from workers.lease import Lease

pytestmark = pytest.mark.usefixtures("database")


def asked(count: int) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session, state=RecordingState.WORKING)
        for number in range(count):
            factories.job(session, recording, "chunk", JobState.READY, spec=str(number))


def bells() -> int:
    queue: Any = broker("media").queues["media"]
    return int(queue.qsize())


def test_each_due_job_is_rung_once_and_then_waited_for() -> None:
    broker("media")
    asked(5)
    assert relay.relay_once() == 5
    assert relay.relay_once() == 0
    assert bells() == 5


def test_what_nobody_claimed_is_rung_again() -> None:
    broker("media")
    asked(3)
    relay.relay_once()
    with unit_of_work() as session:
        session.execute(update(Job).values(rung_ms=now_ms() - relay.AGAIN_MS - 1))
    assert relay.relay_once() == 3


def test_a_backlog_does_not_fill_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "AGAIN_MS", 500)
    monkeypatch.setattr(relay, "AGAIN_AT_MOST", 4)
    broker("media")
    asked(100)
    stop = threading.Event()
    thread = threading.Thread(target=relay.relay, args=(stop,))
    thread.start()
    time.sleep(1.8)
    stop.set()
    thread.join()
    assert 100 < bells() <= 100 + 4 * 4


def test_one_bell_is_enough_for_all_due_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(lease: Lease) -> None:
        with lease.saving():
            pass

    monkeypatch.setitem(flow.RUN, "chunk", run)
    asked(5)
    workers = start_workers(1)
    try:
        broker("media").get_actor("ring").send("any")
        until(all_done, 10, "all five were done")
    finally:
        for worker in workers:
            worker.stop(timeout=5000)


def all_done() -> bool:
    with unit_of_work() as session:
        return set(session.scalars(select(Job.state))) == {JobState.DONE}
