"""A clip that a person asks for on the command line: exactly that span, made here and now."""

import re
import time
from typing import Any

from rich.console import Console
from rich.text import Text
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import reviews, times
from catalog.errors import BadRequest, NotFound
from models.analysis import Candidate
from models.base import reading, unit_of_work
from models.clip import Clip
from models.job import Job, JobState
from models.recording import Recording
from models.steps import STEPS
from workers import report
from workers.engine import working

POLL_S = 0.2


class NotMade(Exception):
    """Its making was given up, or a person took it back; says which and why."""


def clip(recording: str, start: str, end: str, console: Console) -> dict[str, Any]:
    """The clip as report has it. Raises CatalogError for what can't be asked, NotMade."""
    start_ms, end_ms = times.parse(start), times.parse(end)
    with unit_of_work() as session:
        row = find(session, recording)
        candidate_id = reviews.ask_for(session, row.id, start_ms, end_ms).candidate_id
    told = ""
    # Where another process works as well, whoever is first makes it.
    with working(threads=1):
        while True:
            made, doing = _look(candidate_id)
            if made is not None:
                return made
            if doing != told:
                console.print(Text(f"{doing} ..."))
                told = doing
            time.sleep(POLL_S)


def find(session: Session, named: str) -> Recording:
    """By its id or the beginning of it. Raises NotFound, BadRequest where several begin so."""
    cleaned = named.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{1,32}", cleaned):
        raise NotFound(f"There is no recording {named[:40]}; `reelyard status` lists them.")
    wanted = select(Recording).where(Recording.id.startswith(cleaned)).limit(2)
    found = session.scalars(wanted).all()
    if not found:
        raise NotFound(f"There is no recording {cleaned}; `reelyard status` lists them.")
    if len(found) > 1:
        raise BadRequest(f"Several recordings begin with {cleaned}; write more of the id.")
    return found[0]


def _look(candidate_id: str) -> tuple[dict[str, Any] | None, str]:
    """The clip once it is on sale; till then what is done for it. Raises NotMade."""
    with reading() as session:
        if not session.get_one(Candidate, candidate_id).wanted:
            raise NotMade("it was taken back")
        clip = session.scalars(select(Clip).where(Clip.candidate_id == candidate_id)).one_or_none()
        if clip is not None and clip.listing is not None:
            return report.clip_json(clip), ""
        step, subject = ("publish", clip.id) if clip else ("clip", candidate_id)
        job = session.scalars(select(Job).where(Job.step == step, Job.subject == subject)).first()
    if job is not None and job.state == JobState.QUARANTINED:
        raise NotMade(job.error)
    return None, f"It waits for {job.waiting}" if job and job.waiting else STEPS[step].what
