"""The relay rings for committed jobs that are due, and again for those nobody claimed."""

import threading
import time

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from models.base import now_ms, reading, unit_of_work
from models.job import Job, is_due
from models.steps import QUEUES
from workers.broker import ring
from workers.lease import release_dead, stopping
from workers.log import log

PAUSE_S = 0.2
AGAIN_MS = 10_000
AGAIN_AT_MOST = 32
"""Rung again in AGAIN_MS: who hears a bell works on while there are due jobs, so a long backlog
needs few, and more would only pile up in the broker."""
AT_ONCE = 200


def relay_once(*, again: bool = True) -> int:
    """Ring for what is due. `again`: for what nobody claimed, too. Answers how often it rang."""
    due = _due(again)
    if not due:
        return 0
    with unit_of_work() as session:
        session.execute(
            update(Job).where(Job.id.in_([job_id for job_id, _ in due])).values(rung_ms=now_ms())
        )
    for job_id, queue in due:
        ring(queue, job_id)
    return len(due)


def _due(again: bool) -> list[tuple[str, str]]:
    wanted: list[tuple[ColumnElement[bool], int]] = [(Job.rung_ms.is_(None), AT_ONCE)]
    if again:
        wanted += [
            ((Job.rung_ms < now_ms() - AGAIN_MS) & (Job.queue == queue), AGAIN_AT_MOST)
            for queue in QUEUES
        ]
    found: list[tuple[str, str]] = []
    with reading() as session:
        for condition, most in wanted:
            rows = session.execute(
                select(Job.id, Job.queue)
                .where(is_due(), condition)
                .order_by(Job.priority, Job.created_ms)
                .limit(most)
            )
            found += [(job_id, queue) for job_id, queue in rows]
    return found


def relay(stop: threading.Event) -> None:
    """Until `stop`. A broker or database that is away is waited for; nothing is lost."""
    passes, silent, next_again = 0, False, 0.0
    while not stop.wait(PAUSE_S) and not stopping.is_set():
        try:
            if passes % 25 == 0:
                release_dead()
            again = time.monotonic() >= next_again
            relay_once(again=again)
            if again:
                next_again = time.monotonic() + AGAIN_MS / 1000
            silent = False
        except Exception as error:
            if not silent:
                log().warning("relay waits", error=f"{type(error).__name__}: {error}"[:200])
            silent = True
            _forget_rings()
            time.sleep(1)
        passes += 1


def _forget_rings() -> None:
    """The broker did not take a bell: let the rows be rung as soon as it is back."""
    try:
        with unit_of_work() as session:
            session.execute(
                update(Job).where(is_due(), Job.rung_ms.is_not(None)).values(rung_ms=None)
            )
    except SQLAlchemyError:
        return


def unfinished() -> int:
    """Jobs that are still to be done, by anybody."""
    with reading() as session:
        count = session.scalar(
            select(func.count()).select_from(Job).where(Job.state.in_(("ready", "running")))
        )
    return count or 0
