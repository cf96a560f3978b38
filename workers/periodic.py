"""Timers: collect what no row names, fetched copies nobody uses, folders of jobs that ended."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from models.base import now_ms, reading
from models.clip import Asset
from models.job import Job, JobState
from models.settings import settings
from models.storage import Stored, collect_cache, store
from workers.log import log

EVERY_S = 300.0
KEPT_MS = 3_600_000
"""An object is put before its row is committed; so young ones are left alone."""


def periodic(stop: threading.Event) -> None:
    pause = 5.0
    while not stop.wait(pause):
        pause = EVERY_S
        for task in (collect_cache, collect_job_folders, collect_objects):
            try:
                task()
            except Exception:
                log().exception("timer failed", task=task.__name__)


def collect_job_folders() -> None:
    """What a killed job left in the work folder."""
    folder = settings().work_folder / "jobs"
    with reading() as session:
        running = {
            f"{job_id}-{token}"
            for job_id, token in session.execute(
                select(Job.id, Job.token).where(Job.state == JobState.RUNNING)
            )
        }
    for path in folder.glob("*") if folder.exists() else ():
        if path.name not in running and _age_s(path) > 60:
            shutil.rmtree(path, ignore_errors=True)
    for path in (settings().work_folder / "intake").glob("*"):
        if _age_s(path) > KEPT_MS / 1000:
            path.unlink(missing_ok=True)


def orphans() -> Iterator[Stored]:
    """Objects that no row names and that are old enough to be sure.

    One at a time: what is put again while a long list is read must not be in it.
    """
    now = _now_ms()
    for stored in store().all():
        if now - stored.modified_ms < KEPT_MS:
            continue
        with reading() as session:
            sha256 = Path(stored.key).name.split(".")[0]
            rows = session.scalars(select(Asset).where(Asset.sha256 == sha256)).all()
        if not any(asset.key == stored.key for asset in rows):
            yield stored


def _now_ms() -> int:
    """A clock that runs ahead, here or at the database, must not make young objects old."""
    with reading() as session:
        return min(time.time_ns() // 1_000_000, session.scalar(select(now_ms())) or 0)


def collect_objects() -> None:
    for stored in orphans():
        log().info("collected", key=stored.key, size=stored.size)
        store().delete(stored.key)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_ctime
    except OSError:
        return 0.0
