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
    "mail": Step(LIGHT, 1, "Send a mail"),
    "refund": Step(LIGHT, 0, "Pay money back"),
    "sandbox": Step(LIGHT, 0, "Tell of a sandbox payment"),
    "charge": Step(LIGHT, 0, "Collect a member's payment"),
    "tell": Step(LIGHT, 45, "Tell members of an announcement"),
    "erase": Step(LIGHT, 2, "Finish an erasure"),
    "sound": Step(MEDIA, 50, "Encode the sound for streaming"),
    "deliver": Step(MEDIA, 5, "Sign a licensed copy"),
    "previews": Step(MEDIA, 30, "Make the previews of a clip"),
    "reel": Step(MEDIA, 40, "Join a highlight reel"),
    "chunk": Step(MEDIA, 60, "Encode the picture for streaming"),
    "route": Step(LIGHT, 30, "Find the pools of a clip"),
    "pool": Step(LIGHT, 40, "Fill a pool by its rule"),
    "hook": Step(LIGHT, 70, "Tell a partner's program"),
    "reprice": Step(LIGHT, 50, "Bring listings to new prices"),
}


def ask(
    session: Session,
    step: str,
    subject: str,
    recording_id: str | None,
    spec: str = "",
    *,
    run_after_ms: int | None = None,
) -> None:
    """Ask for a step in the transaction of its cause; asked for twice, it runs once."""
    row = STEPS[step]
    later = {} if run_after_ms is None else {"run_after_ms": run_after_ms}
    jobs.ask(
        session,
        step=step,
        subject=subject,
        spec=spec,
        recording_id=recording_id,
        queue=row.queue,
        priority=row.priority,
        **later,
    )
