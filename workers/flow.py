"""What each step runs, and the one way to run a job. A new step: a row here and in steps.py."""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable

from sqlalchemy import literal, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models import job as jobs
from models.base import now_ms, unit_of_work
from models.job import INTERRUPTIONS, LEASE_MS, TRIES, Job, JobState, LeaseLost, fenced
from models.recording import Recording, RecordingState, drop_ready, held, settle
from models.settings import settings
from models.storage import StoreDown
from pipeline.errors import MediaError, Refused
from pipeline.sandbox import Stopped
from workers import (
    clips,
    deliver,
    erasing,
    hooks,
    ingest,
    members,
    pools,
    previews,
    publish,
    reels,
    refunds,
    renditions,
    reprice,
    scout,
    telling,
)
from workers import mail as mails
from workers.lease import Lease, Waits, job_folder, stopping, worker_name
from workers.log import log

WAIT_MS = 10_000
RETRY_MS = 2_000
JUDGES = ("ingest", "scout")
"""Steps that look at the whole recording; what another one refuses is one clip or piece of it."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

RUN: dict[str, Callable[[Lease], None]] = {
    "mail": mails.run,
    "refund": refunds.run,
    "sandbox": refunds.run_sandbox,
    "charge": members.run,
    "erase": erasing.run,
    "tell": telling.run,
    "ingest": ingest.run,
    "scout": scout.run,
    "clip": clips.run,
    "publish": publish.run,
    "sound": renditions.run_sound,
    "chunk": renditions.run_chunk,
    "deliver": deliver.run,
    "previews": previews.run,
    "reel": reels.run,
    "route": pools.run_route,
    "pool": pools.run_pool,
    "hook": hooks.run,
    "reprice": reprice.run,
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
        log().warning("waits", step=job.step, job=job.id, why=str(why), cause=str(why.__cause__))
        _hand_back(job, str(why), why.wait_ms if isinstance(why, Waits) else WAIT_MS)
    except Refused as error:
        if job.step in JUDGES:
            _reject(job, presentable(error))
        else:
            _failed(job, presentable(error), retry=False)
    except MediaError as error:
        log().warning("failed", step=job.step, job=job.id, error=str(error))
        if os.strerror(errno.ENOSPC) in str(error):  # ffmpeg's own words
            _hand_back(job, "disk space", WAIT_MS)
        else:
            _failed(job, presentable(error), retry=error.retry)
    except OperationalError as error:
        log().warning("waits", step=job.step, job=job.id, why=str(error.orig))
        _hand_back(job, "the database", WAIT_MS)
    except Exception as error:
        log().exception("failed", step=job.step, job=job.id)
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            _hand_back(job, "disk space", WAIT_MS)
        else:
            _failed(job, "something unexpected went wrong; the log has the details", retry=True)


def presentable(error: Exception) -> str:
    """What a user may read: files by their last name alone, no folder of this machine."""
    text = str(error).replace(f"{settings().data.absolute()}/", "")
    return re.sub(r"(?<![\w.:/])(?:file:)?/(?:[^\s/]+/)+", "", text)


def _hand_back(job: Job, waiting: str, wait_ms: int) -> None:
    """Back to the queue with no try burnt."""

    def change(session: Session) -> None:
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

    _end(job, change)


def _failed(job: Job, error: str, *, retry: bool) -> None:
    attempt = job.attempt + 1
    final = not retry or attempt >= TRIES

    def change(session: Session) -> None:
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

    _end(job, change)


def _reject(job: Job, reason: str) -> None:
    """The recording itself can't be used: say why, and drop what else was asked for it."""
    log().info("rejected", recording=job.recording, reason=reason)

    def change(session: Session) -> None:
        fenced(session, job.id, job.token, state=JobState.DONE, finished_ms=now_ms())
        reject(session, job.recording, reason)

    _end(job, change)


def _end(job: Job, change: Callable[[Session], None]) -> None:
    """Write how the try ended. A database that is away is asked again while the lease may hold."""
    until = time.monotonic() + LEASE_MS / 1000
    while True:
        try:
            with unit_of_work() as session:
                held(session, job.recording_id)
                change(session)
                settle(session, job.recording_id)
            return
        except LeaseLost:
            log().info("already taken over", step=job.step, job=job.id)
            return
        except OperationalError:
            if time.monotonic() > until or stopping.wait(1):
                raise


def reject(session: Session, recording_id: str, reason: str) -> None:
    recording = session.get_one(Recording, recording_id, with_for_update=True)
    recording.state, recording.reason = RecordingState.REJECTED, reason
    recording.done_ms = session.scalar(select(now_ms()))
    drop_ready(session, recording_id)


def retry(session: Session, recording_id: str) -> int:
    """Ask again for all of the recording that was given up. Answers how many jobs that is."""
    recording = held(session, recording_id)
    if recording is None:
        return 0
    rejected = recording.state == RecordingState.REJECTED
    again = session.execute(
        update(Job)
        .where(
            Job.recording_id == recording_id,
            Job.state.in_((JobState.QUARANTINED, JobState.DROPPED))
            | ((Job.step == "ingest") & literal(rejected)),
        )
        .values(**jobs.afresh())
        .returning(Job.id)
    ).all()
    if again:
        recording.state, recording.reason, recording.done_ms = RecordingState.WORKING, "", None
    return len(again)
