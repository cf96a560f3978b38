"""Timers: ask for payments that were not told of, renew memberships; collect what no row names,
fetched copies nobody uses, folders of jobs that ended; look whether stored files are whole; write
the letters of the day.
"""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from catalog import search
from catalog.api import idempotency
from catalog.entitlements import now_of
from catalog.members import calling_off
from catalog.privacy import keeping
from models.base import now_ms, reading, unit_of_work
from models.clip import Asset
from models.job import Job, JobState
from models.settings import settings
from models.storage import Stored, collect_cache, store
from workers.deliver import remind, rotate_keys
from workers.letters import letters
from workers.log import log
from workers.members import advance_members
from workers.previews import ask_for_missing
from workers.refunds import ask_for_refunds, reconcile
from workers.scrub import look_again, scrub

EVERY_S = 300.0
MONEY_EVERY_S = 60.0
REFUNDS_EVERY_S = 900.0
REMIND_EVERY_S = 3_600.0
REVEAL_EVERY_S = 5.0
KEPT_MS = 3_600_000
"""An object is put before its row is committed; so young ones are left alone."""


def periodic(stop: threading.Event) -> None:
    """Each task in its own rhythm, all of them soon after the start."""
    tasks = {
        reconcile: MONEY_EVERY_S,
        ask_for_refunds: REFUNDS_EVERY_S,
        advance_members: MONEY_EVERY_S,
        tell_of_called_off: MONEY_EVERY_S,
        reveal: REVEAL_EVERY_S,
        collect_cache: EVERY_S,
        collect_job_folders: EVERY_S,
        collect_objects: EVERY_S,
        ask_for_missing: EVERY_S,
        scrub: EVERY_S,
        look_again: REMIND_EVERY_S,
        forget_old: REMIND_EVERY_S,
        letters: settings().letters_every_s,
        remind: REMIND_EVERY_S,
        rotate_keys: REMIND_EVERY_S,
    }
    due = dict.fromkeys(tasks, time.monotonic() + 5.0)
    while not stop.wait(1.0):
        for task in [one for one in tasks if time.monotonic() >= due[one]]:
            due[task] = time.monotonic() + tasks[task]
            try:
                task()
            except Exception:
                log().exception("timer failed", task=task.__name__)


def reveal() -> None:
    """Into the search what an embargo has let go, and what was on sale before there was one."""
    while True:
        with reading() as session:
            if not search.due(session):
                return
        with unit_of_work() as session:
            search.reveal(session)


def tell_of_called_off() -> None:
    """Whom the withdrawal of an announcement did not tell at once."""
    more = calling_off.AT_ONCE
    while more == calling_off.AT_ONCE:
        with unit_of_work() as session:
            more = calling_off.tell(session, now_of(session), calling_off.AT_ONCE)


def forget_old() -> None:
    """All whose time is over: the table is catalog.privacy.keeping. What can't be forgotten now
    keeps nothing else here for longer.
    """
    idempotency.collect()
    for age in keeping.AGES:
        try:
            more = True
            while more:
                with unit_of_work() as session:
                    more = keeping.forget(session, age, now_of(session))
        except Exception:
            log().exception("not forgotten", what=age.what)


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
