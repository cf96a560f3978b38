"""What each step runs, and the one way to run a job. A new step: a row here and in steps.py."""

import shutil
from collections.abc import Callable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import job as jobs
from models.base import now_ms, unit_of_work
from models.job import INTERRUPTIONS, TRIES, Job, JobState, LeaseLost, fenced
from models.recording import Recording, RecordingState
from models.storage import StoreDown
from pipeline.errors import MediaError, Refused
from pipeline.sandbox import Stopped
from workers import clips, ingest, publish, renditions, scout
from workers.lease import Lease, Waits, job_folder, settle, stopping, worker_name
from workers.log import log

WAIT_MS = 10_000
RETRY_MS = 2_000

RUN: dict[str, Callable[[Lease], None]] = {
    "ingest": ingest.run,
    "scout": scout.run,
    "clip": clips.run,
    "publish": publish.run,
    "sound": renditions.run_sound,
    "chunk": renditions.run_chunk,
}


def run_one(queue: str) -> bool:
    """Claim the most urgent due job of the queue and run it. False where there was none."""
    if stopping.is_set():
        return False
    with unit_of_work() as session:
        job = jobs.claim(session, queue, worker_name())
    if job is None:
        return False
    if job.interruptions > INTERRUPTIONS:
        _failed(job, "every worker that tried this vanished; it may be what ends them", retry=False)
        return True
    with Lease(job) as lease:
        _run(lease)
    shutil.rmtree(job_folder(job.id, job.token), ignore_errors=True)
    return True


def _run(lease: Lease) -> None:
    job = lease.job
    log().info("started", step=job.step, job=job.id, attempt=job.attempt + 1)
    try:
        RUN[job.step](lease)
        log().info("done", step=job.step, job=job.id)
    except LeaseLost:
        log().warning("lease lost", step=job.step, job=job.id)
    except Stopped:
        _hand_back(job, "", 0)
    except (Waits, StoreDown) as why:
        log().warning("waits", step=job.step, job=job.id, why=str(why))
        _hand_back(job, str(why), WAIT_MS)
    except Refused as error:
        _reject(job, str(error))
    except MediaError as error:
        log().warning("failed", step=job.step, job=job.id, error=str(error))
        _failed(job, str(error), retry=error.retry)
    except Exception:
        log().exception("failed", step=job.step, job=job.id)
        _failed(job, "something unexpected went wrong; the log has the details", retry=True)


def _hand_back(job: Job, waiting: str, wait_ms: int) -> None:
    """Back to the queue with no try burnt."""
    try:
        with unit_of_work() as session:
            fenced(
                session,
                job.id,
                job.token,
                state=JobState.READY,
                waiting=waiting[:300],
                run_after_ms=now_ms() + wait_ms,
                rung_ms=None,
                progress=0.0,
            )
    except LeaseLost:
        log().info("already taken over", step=job.step, job=job.id)


def _failed(job: Job, error: str, *, retry: bool) -> None:
    attempt = job.attempt + 1
    final = not retry or attempt >= TRIES
    try:
        with unit_of_work() as session:
            fenced(
                session,
                job.id,
                job.token,
                state=JobState.QUARANTINED if final else JobState.READY,
                attempt=attempt,
                error=error,
                run_after_ms=now_ms() + RETRY_MS * attempt,
                rung_ms=None,
                finished_ms=now_ms() if final else None,
            )
            if final:
                settle(session, job.recording_id)
    except LeaseLost:
        log().info("already taken over", step=job.step, job=job.id)


def _reject(job: Job, reason: str) -> None:
    """The recording itself can't be used: say why, and drop what else was asked for it."""
    log().info("rejected", recording=job.recording_id, reason=reason)
    try:
        with unit_of_work() as session:
            fenced(session, job.id, job.token, state=JobState.DONE, finished_ms=now_ms())
            reject(session, job.recording_id, reason)
    except LeaseLost:
        log().info("already taken over", step=job.step, job=job.id)


def reject(session: Session, recording_id: str, reason: str) -> None:
    recording = session.get_one(Recording, recording_id, with_for_update=True)
    recording.state, recording.reason = RecordingState.REJECTED, reason
    recording.done_ms = session.scalar(select(now_ms()))
    session.execute(
        update(Job)
        .where(Job.recording_id == recording_id, Job.state == JobState.READY)
        .values(state=JobState.DROPPED, finished_ms=now_ms())
    )


def retry(session: Session, recording_id: str) -> int:
    """Ask again for all of the recording that was given up. Answers how many jobs that is."""
    rejected = select(Recording.id).where(Recording.state == RecordingState.REJECTED)
    again = session.execute(
        update(Job)
        .where(
            Job.recording_id == recording_id,
            Job.state.in_((JobState.QUARANTINED, JobState.DROPPED))
            | ((Job.step == "ingest") & Job.recording_id.in_(rejected)),
        )
        .values(
            state=JobState.READY,
            attempt=0,
            interruptions=0,
            error="",
            progress=0.0,
            rung_ms=None,
            run_after_ms=now_ms(),
            finished_ms=None,
        )
        .returning(Job.id)
    ).all()
    if again:
        recording = session.get_one(Recording, recording_id)
        recording.state, recording.reason, recording.done_ms = RecordingState.WORKING, "", None
    return len(again)
