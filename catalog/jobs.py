"""How far the work on a recording is, in plain words: one line a step, however many jobs it has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from models.job import Job, JobState

State = Literal["waiting", "running", "done", "stopped"]

STEPS = {
    "ingest": "Reading the file",
    "scout": "Finding the moments",
    "clip": "Cutting and signing clips",
    "publish": "Putting clips on sale",
    "sound": "Encoding the sound for streaming",
    "chunk": "Encoding the picture for streaming",
}
TOO_EARLY_MS, TOO_LITTLE = 2_000, 0.02
"""Before that an estimate of the time left would only be noise."""


@dataclass(frozen=True)
class Line:
    step: str
    label: str
    state: State
    done: int
    total: int
    """Jobs of this step; a stopped one counts as done."""
    share: float
    """0..1, running jobs in part."""
    left_ms: int | None
    notes: Sequence[str]
    """What it waits for, or why something of it was given up."""


@dataclass(frozen=True)
class Progress:
    lines: Sequence[Line]

    @property
    def done(self) -> int:
        return sum(line.done for line in self.lines)

    @property
    def total(self) -> int:
        return sum(line.total for line in self.lines)

    @property
    def share(self) -> float:
        """Every step weighs the same, be it one large job or a hundred small ones."""
        return sum(line.share for line in self.lines) / len(self.lines) if self.lines else 0.0

    @property
    def working(self) -> bool:
        return any(line.state in ("waiting", "running") for line in self.lines)

    @property
    def current(self) -> Line | None:
        """The line to show when there is room for one: what runs, else what waits."""
        unfinished = [line for line in self.lines if line.state in ("running", "waiting")]
        return min(unfinished, key=lambda line: line.state != "running", default=None)


def progress(jobs: Sequence[Job], now: int) -> Progress:
    """`now` is the database's clock, as the rows' times are."""
    by_step: dict[str, list[Job]] = {}
    for job in jobs:
        if job.state != JobState.DROPPED:
            by_step.setdefault(job.step, []).append(job)
    known = [step for step in STEPS if step in by_step]
    others = [step for step in by_step if step not in STEPS]
    return Progress([_line(step, by_step[step], now) for step in (*known, *others)])


def _line(step: str, jobs: Sequence[Job], now: int) -> Line:
    done = sum(job.finished for job in jobs)
    state = _state(jobs, done, any(job.state == JobState.RUNNING for job in jobs))
    notes = [job.waiting or (job.error if _tells(job) else "") for job in jobs]
    return Line(
        step=step,
        label=STEPS.get(step, step.replace("_", " ").replace("-", " ").capitalize()),
        state=state,
        done=done,
        total=len(jobs),
        share=_part(jobs) / len(jobs),
        left_ms=_left_ms(_together(jobs), now) if state == "running" else None,
        notes=list(dict.fromkeys(note for note in notes if note)),
    )


def _state(jobs: Sequence[Job], done: int, running: bool) -> State:
    if running or 0 < done < len(jobs):
        return "running"
    if done < len(jobs):
        return "waiting"
    return "stopped" if any(job.state == JobState.QUARANTINED for job in jobs) else "done"


def _tells(job: Job) -> bool:
    """An error that was tried again and then went well is nobody's business any more."""
    return job.state != JobState.DONE


def _together(jobs: Sequence[Job]) -> Sequence[Job]:
    """Without what had ended before the rest was asked for, say for a clip of yesterday."""
    asked = min((job.created_ms or 0 for job in jobs if not job.finished), default=0)
    return [job for job in jobs if not job.finished or (job.finished_ms or asked) >= asked]


def _left_ms(jobs: Sequence[Job], now: int) -> int | None:
    started = [job.started_ms for job in jobs if job.started_ms]
    spent, share = now - min(started, default=now), _part(jobs) / max(len(jobs), 1)
    if spent < TOO_EARLY_MS or share < TOO_LITTLE:
        return None
    return int(spent * (1 - share) / share)


def _part(jobs: Sequence[Job]) -> float:
    """How many are done, running ones in part."""
    running = (job.progress for job in jobs if job.state == JobState.RUNNING)
    return sum(job.finished for job in jobs) + sum(min(max(one, 0.0), 1.0) for one in running)
