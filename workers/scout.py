"""Step `scout`: find the moments, remember all of them, ask for clips and renditions."""

from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models.analysis import Analysis, Candidate
from models.event import record
from models.recording import Recording
from models.settings import settings
from models.steps import ask
from models.storage import store
from pipeline.probe import Probe
from pipeline.profiles import chunk_spans
from workers.lease import Lease
from workers.material import original_key
from workers.version import VERSION

NOTHING = (
    "No moment stood out in this recording, so no clip was made. "
    "Nothing is lost: the whole recording can still be watched."
)


def run(lease: Lease) -> None:
    key, _ = original_key(lease.job.recording_id)
    with store().local(key) as source:
        request = {"source": str(source), "limit": settings().clip_limit}
        found = lease.child("scout", request)
    with lease.saving() as session:
        recording = session.get_one(Recording, lease.job.recording_id)
        _remember(session, recording, found)
        if not any(row["chosen"] for row in found["highlights"]):
            recording.reason = NOTHING
        _ask_for_renditions(session, recording)


def _remember(session: Session, recording: Recording, found: dict[str, Any]) -> None:
    session.execute(delete(Analysis).where(Analysis.recording_id == recording.id))
    session.add(Analysis(recording_id=recording.id, curve=found["curve"], version=VERSION))
    for rank, row in enumerate(found["highlights"]):
        candidate = Candidate(
            recording_id=recording.id,
            rank=rank,
            start_ms=row["span"]["start_ms"],
            end_ms=row["span"]["end_ms"],
            peak_ms=row["peak_ms"],
            score=row["score"],
            reasons=row["reasons"],
            chosen=row["chosen"],
            why_not=row["why_not"],
        )
        session.add(candidate)
        session.flush()
        if candidate.chosen:
            ask(session, "clip", candidate.id, recording.id)
    record(session, "recording.scouted", recording.id, candidates=len(found["highlights"]))


def _ask_for_renditions(session: Session, recording: Recording) -> None:
    if not settings().renditions or recording.probe is None:
        return
    probe = Probe.from_dict(recording.probe)
    if probe.audio is not None:
        ask(session, "sound", recording.id, recording.id)
    if probe.video is not None:
        for number in range(len(chunk_spans(probe))):
            ask(session, "chunk", recording.id, recording.id, spec=str(number))
