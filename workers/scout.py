"""Step `scout`: find the moments, remember all of them, ask for clips and renditions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models.analysis import Analysis, Candidate
from models.base import reading
from models.event import record
from models.recording import Recording
from models.review import factors
from models.settings import settings
from models.steps import ask
from models.storage import store
from pipeline import highlights
from pipeline.kinds import PROFILES
from pipeline.probe import Probe
from pipeline.profiles import chunk_spans
from pipeline.timeline import Highlight, Moment, Segment, Span, Word
from workers import rating
from workers.lease import Lease
from workers.material import original_key
from workers.speech import chosen_engine
from workers.version import VERSION

NOTHING = (
    "No moment stood out in this recording, so no clip was made. "
    "Nothing is lost: the whole recording can still be watched."
)
LISTED = 500
"""Moments of one recording that are remembered, best first; chosen ones are always among them."""


def run(lease: Lease) -> None:
    with reading() as session:
        recording = session.get_one(Recording, lease.job.recording_id)
        chat = recording.chat
    key, _ = original_key(recording.id)
    engine, model = chosen_engine()
    audio_model = str(settings().audio_model or "")
    with store().local(key) as source:
        request = {
            "source": str(source),
            "asked": {
                "profile": recording.sidecar.get("profile") or settings().profile,
                "language": recording.sidecar.get("language", ""),
                "chat": chat,
                "audio_model": audio_model,
            },
            "speech": engine,
            "speech_model": model,
        }
        reads = [Path(path) for path in (model, audio_model) if path]
        found = lease.child("scout", request, reads=reads)
    moments = [_moment(row) for row in found["moments"]]
    segments = [_segment(row) for row in found["segments"]]
    with reading() as session:
        learnt = factors(session, recording.creator_id, found["profile"])
    profile = PROFILES[found["profile"]].taught(learnt)
    limit = settings().clip_limit
    ranked = highlights.choose(moments, profile, limit)
    answers = rating.rate([one.span for one in ranked], segments, lease.lost)
    if answers:
        ranked = highlights.choose(moments, profile, limit, rating.as_ratings(answers))
    analysis = Analysis(
        recording_id=recording.id,
        curve=found["curve"],
        profile=found["profile"],
        weights=dict(profile.weights),
        least=highlights.CHOSEN,
        words=[_word(word) for segment in segments for word in segment.words],
        ratings=answers,
        version=VERSION,
    )
    with lease.saving() as session:
        recording = session.get_one(Recording, lease.job.recording_id)
        _remember(session, recording, analysis, ranked)
        if not any(one.chosen for one in ranked):
            recording.reason = NOTHING
        _ask_for_renditions(session, recording)


def _moment(row: dict[str, Any]) -> Moment:
    return Moment(**{**row, "span": Span(**row["span"])})


def _segment(row: dict[str, Any]) -> Segment:
    return Segment(**{**row, "words": tuple(Word(**word) for word in row["words"])})


def _word(word: Word) -> list[Any]:
    return [word.start_ms, word.end_ms, word.text, round(word.confidence, 3)]


def _remember(
    session: Session, recording: Recording, analysis: Analysis, ranked: Sequence[Highlight]
) -> None:
    session.execute(delete(Analysis).where(Analysis.recording_id == recording.id))
    session.add(analysis)
    for rank, one in enumerate(ranked):
        if rank >= LISTED and not one.chosen:  # one spread far may have a low rank
            continue
        candidate = Candidate(
            recording_id=recording.id,
            rank=rank,
            start_ms=one.span.start_ms,
            end_ms=one.span.end_ms,
            peak_ms=one.peak_ms,
            score=one.score,
            reasons=one.reasons,
            chosen=one.chosen,
            why_not=one.why_not,
        )
        session.add(candidate)
        session.flush()
        if candidate.chosen:
            ask(session, "clip", candidate.id, recording.id)
    record(session, "recording.scouted", recording.id, candidates=len(ranked))


def _ask_for_renditions(session: Session, recording: Recording) -> None:
    if not settings().renditions or recording.probe is None:
        return
    probe = Probe.from_dict(recording.probe)
    if probe.audio is not None:
        ask(session, "sound", recording.id, recording.id)
    if probe.video is not None:
        for number in range(len(chunk_spans(probe))):
            ask(session, "chunk", recording.id, recording.id, spec=str(number))
