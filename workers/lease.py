"""A claimed job while it runs: its lease is renewed, its child stopped when the lease is lost."""

import contextlib
import functools
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import reels
from models.base import now_ms, reading, unit_of_work
from models.job import LEASE_MS, Job, JobState, LeaseLost, fenced, release
from models.recording import held, settle
from models.settings import settings
from pipeline import sandbox
from workers.log import log

RENEW_S = 5.0
stopping = threading.Event()
"""Set when this process shall end: running jobs are handed back."""


class Waits(Exception):
    """The work can't start now and no try is burnt: the text says what it waits for."""

    def __init__(self, what: str, wait_ms: int = 10_000) -> None:
        super().__init__(what)
        self.wait_ms = wait_ms


@functools.cache
def _process_name(pid: int) -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    booted = boot.read_text().strip()[:8] if boot.exists() else "-"
    # Containers may share a host's name and boot, but then not its process numbers.
    with contextlib.suppress(OSError):
        booted += "-" + Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    return f"{socket.gethostname()}/{booted}/{pid}/{_started(pid)}"


def worker_name() -> str:
    """Host, boot, process and its start time, thread: enough to know later that it is dead."""
    return f"{_process_name(os.getpid())}/{threading.get_ident()}"


def _started(pid: int) -> str:
    """Clock ticks from boot to the process's start; "" where there is none. A zombie is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def release_dead() -> int:
    """Free at once what dead processes of this host held; others' leases run out."""
    here = _process_name(os.getpid()).split("/")[:2]
    with reading() as session:
        holders = session.scalars(
            select(Job.worker).where(Job.state == JobState.RUNNING).distinct()
        ).all()
    dead = []
    for holder in holders:
        parts = holder.split("/")
        if parts[:2] == here and len(parts) == 5 and _started(int(parts[2])) != parts[3]:
            dead.append(holder)
    if not dead:
        return 0
    with unit_of_work() as session:
        return release(session, dead)


class Lease:
    """What a step gets: the job, a folder of its own, and the only way to save."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.lost = threading.Event()
        self.done = 0.0
        self._over = threading.Event()
        self._renewer = threading.Thread(target=self._renew, daemon=True, name=f"lease-{job.step}")

    def __enter__(self) -> "Lease":
        self._renewer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._renewer.join(timeout=RENEW_S)

    @property
    def folder(self) -> Path:
        path = job_folder(self.job.id, self.job.token)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def progress(self, done: float) -> None:
        self.done = done

    def child(
        self, task: str, request: dict[str, Any], *, reads: Sequence[Path] = (), nice: int = 0
    ) -> Any:
        """Run a media task in a child that ends when the lease is lost or this process stops."""
        limits = sandbox.Limits(memory_mb=settings().child_memory_mb, nice=nice)
        return sandbox.run(
            task,
            request,
            limits=limits,
            reads=[Path(request["source"]).resolve(), *reads],
            writes=[self.folder],
            progress=self.progress,
            stop=self.lost,
            log=lambda text: log().info("media child", step=self.job.step, said=text),
        )

    @contextmanager
    def saving(self) -> Iterator[Session]:
        """One transaction: the step's results, the next jobs, the end of this one; or none of it.

        Raises LeaseLost where another worker has the job now.
        """
        with unit_of_work() as session:
            held(session, self.job.recording_id)
            fenced(
                session,
                self.job.id,
                self.job.token,
                state=JobState.DONE,
                progress=1.0,
                finished_ms=now_ms(),
                error="",
            )
            yield session
            session.flush()
            settle(session, self.job.recording_id)
            if self.job.recording_id is not None:
                reels.look(session, self.job.recording_id)

    def _renew(self) -> None:
        good_until = time.monotonic() + LEASE_MS / 1000
        pause = RENEW_S
        while not self._over.wait(min(pause, 0.2)):
            if stopping.is_set():
                self.lost.set()
                return
            pause -= 0.2
            if pause > 0:
                continue
            pause = RENEW_S
            try:
                self._renew_once()
                good_until = time.monotonic() + LEASE_MS / 1000
            except LeaseLost:
                self.lost.set()
                return
            except Exception as error:  # whatever it is, this thread is what stops the child
                log().warning("lease not renewed", step=self.job.step, error=type(error).__name__)
                if time.monotonic() > good_until:
                    self.lost.set()
                    return

    def _renew_once(self) -> None:
        with unit_of_work() as session:
            fenced(
                session,
                self.job.id,
                self.job.token,
                lease_until_ms=now_ms() + LEASE_MS,
                progress=self.done,
            )


def job_folder(job_id: str, token: int) -> Path:
    return settings().work_folder / "jobs" / f"{job_id}-{token}"
