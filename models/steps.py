"""The table of steps as data, and how one is asked for, by a page or a worker.

What each runs: workers/flow.py.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from models import job as jobs

MEDIA, LIGHT = "media", "light"
QUEUES = (MEDIA, LIGHT)


@dataclass(frozen=True, slots=True)
class Step:
    queue: str
    priority: int
    """Lower runs first."""
    what: str
    """For people."""


STEPS = {
    "ingest": Step(MEDIA, 0, "Read the recording"),
    "scout": Step(MEDIA, 10, "Find its moments"),
    "clip": Step(MEDIA, 20, "Cut a clip"),
    "publish": Step(LIGHT, 20, "Put a clip on sale"),
    "sound": Step(MEDIA, 50, "Encode the sound for streaming"),
    "chunk": Step(MEDIA, 60, "Encode the picture for streaming"),
}


def ask(session: Session, step: str, subject: str, recording_id: str, spec: str = "") -> None:
    """Ask for a step in the transaction of its cause; asked for twice, it runs once."""
    row = STEPS[step]
    jobs.ask(
        session,
        step=step,
        subject=subject,
        spec=spec,
        recording_id=recording_id,
        queue=row.queue,
        priority=row.priority,
    )
