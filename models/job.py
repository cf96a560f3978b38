"""Job: one step asked for. The row is the record; messages only ring a bell (docs/decisions)."""

import enum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, and_, case, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, new_id, now_ms

LEASE_MS = 30_000
TRIES = 3
INTERRUPTIONS = 60
"""A job whose worker vanished so many times is taken to be what kills workers."""


class JobState(enum.StrEnum):
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    QUARANTINED = "quarantined"
    DROPPED = "dropped"
    """No longer wanted: its recording was rejected."""


class Job(Base):
    __tablename__ = "job"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    step: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(64))
    spec: Mapped[str] = mapped_column(String(64), default="")
    recording_id: Mapped[str | None] = mapped_column(ForeignKey("recording.id"), index=True)
    """None for work that no recording waits for: a mail, a delivery."""
    queue: Mapped[str] = mapped_column(String(20))
    priority: Mapped[int]
    """Lower runs first."""
    state: Mapped[JobState] = mapped_column(String(20), default=JobState.READY)
    attempt: Mapped[int] = mapped_column(default=0)
    """Tries that ended in an error."""
    interruptions: Mapped[int] = mapped_column(default=0)
    """Tries whose worker vanished."""
    token: Mapped[int] = mapped_column(default=0)
    """Fencing: each claim adds 1, every later write carries it."""
    worker: Mapped[str] = mapped_column(String(200), default="")
    lease_until_ms: Mapped[int | None]
    run_after_ms: Mapped[int] = mapped_column(default=now_ms())
    rung_ms: Mapped[int | None]
    progress: Mapped[float] = mapped_column(default=0.0)
    waiting: Mapped[str] = mapped_column(String(300), default="")
    """What it waits for (disk space, the store); empty when it does not."""
    error: Mapped[str] = mapped_column(default="")
    """The last error, as a user may read it."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    started_ms: Mapped[int | None]
    finished_ms: Mapped[int | None]

    __table_args__ = (
        UniqueConstraint("step", "subject", "spec"),
        Index("ix_job_due", "queue", "state", "priority", "run_after_ms"),
    )

    @property
    def recording(self) -> str:
        """The recording's id, for steps that have one."""
        assert self.recording_id is not None, self.step
        return self.recording_id

    @property
    def finished(self) -> bool:
        return self.state in (JobState.DONE, JobState.QUARANTINED, JobState.DROPPED)


class LeaseLost(Exception):
    """Another worker has the job now: stop at once, write nothing."""


def ask(session: Session, **values: Any) -> None:
    """Add the row in the transaction of its cause; asking again for the same is nothing new."""
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    session.execute(insert(Job).values(**values).on_conflict_do_nothing())


def is_due() -> Any:
    """Ready and its time has come, or running with a lease that ended: by the database's clock."""
    return or_(
        and_(Job.state == JobState.READY, Job.run_after_ms <= now_ms()),
        and_(Job.state == JobState.RUNNING, Job.lease_until_ms < now_ms()),
    )


def claim(session: Session, queue: str, worker: str) -> Job | None:
    """The most urgent due job of the queue, leased to `worker`: one conditional UPDATE."""
    urgent = (
        select(Job.id)
        .where(Job.queue == queue, is_due())
        .order_by(Job.priority, Job.created_ms, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    interrupted = Job.interruptions + case((Job.state == JobState.RUNNING, 1), else_=0)
    return session.scalars(
        update(Job)
        .where(Job.id == urgent, is_due())
        .values(
            state=JobState.RUNNING,
            worker=worker,
            token=Job.token + 1,
            interruptions=interrupted,
            lease_until_ms=now_ms() + LEASE_MS,
            started_ms=now_ms(),
            waiting="",
        )
        .returning(Job)
    ).one_or_none()


def fenced(session: Session, job_id: str, token: int, **values: Any) -> None:
    """Change the job if the token still holds. Raises LeaseLost where it does not."""
    changed = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.token == token, Job.state == JobState.RUNNING)
        .values(**values)
        .returning(Job.id)
    ).all()
    if not changed:
        raise LeaseLost(job_id)


def afresh() -> dict[str, Any]:
    """Values of a job that is to be tried as if it never had been."""
    return {
        "state": JobState.READY,
        "attempt": 0,
        "interruptions": 0,
        "error": "",
        "progress": 0.0,
        "rung_ms": None,
        "run_after_ms": now_ms(),
        "finished_ms": None,
    }


def release(session: Session, workers: list[str]) -> int:
    """Let go of what workers held that are known to be dead, without waiting for their leases."""
    freed = session.execute(
        update(Job)
        .where(Job.state == JobState.RUNNING, Job.worker.in_(workers))
        .values(state=JobState.READY, interruptions=Job.interruptions + 1, rung_ms=None)
        .returning(Job.id)
    ).all()
    return len(freed)
