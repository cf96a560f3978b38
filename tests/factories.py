"""Rows with sensible values: a test names only what it is about. Each is added and flushed."""

import hashlib
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from catalog import listings
from models.analysis import Analysis, Candidate, PictureChunk, Transcript
from models.clip import Asset, AssetKind, Clip
from models.creator import Creator, creator_of
from models.job import Job, JobState
from models.listing import Listing
from models.recording import Recording, RecordingState, RenditionChunk
from models.storage import store

Row = TypeVar("Row")
DAY_MS = 86_400_000


def creator(session: Session, slug: str = "ada") -> Creator:
    return creator_of(session, slug)


def recording(session: Session, **values: Any) -> Recording:
    given = {
        "creator_id": values.pop("creator_id", None) or creator(session).id,
        "sha256": secrets.token_hex(32),
        "name": "final_match.mp4",
        "title": "Final match",
        "size": 1_000_000,
        "state": RecordingState.DONE,
        "duration_ms": 600_000,
        "probe": probe(),
    }
    return _kept(session, Recording(**{**given, **values}))


def probe(*, video: bool = True, audio: bool = True) -> dict[str, Any]:
    return {
        "format": "mov",
        "duration_ms": 600_000,
        "video": {"codec": "h264", "width": 1280, "height": 720, "fps": 25.0} if video else None,
        "audio": {"codec": "aac", "sample_rate": 48_000, "channels": 2} if audio else None,
    }


def analysis(
    session: Session, of: Recording, curve: Sequence[dict[str, float]], **values: Any
) -> Analysis:
    made = Analysis(recording_id=of.id, curve=list(curve), version="test", **values)
    return _kept(session, made)


def pictures(
    session: Session,
    of: Recording,
    number: int,
    *,
    cuts: Sequence[int] = (),
    seconds: Sequence[dict[str, float]] = (),
) -> PictureChunk:
    """Its times are those of the rendition chunk with this number."""
    made = PictureChunk(recording_id=of.id, number=number, cuts=list(cuts), seconds=list(seconds))
    return _kept(session, made)


def candidate(session: Session, of: Recording, **values: Any) -> Candidate:
    given = {
        "recording_id": of.id,
        "rank": 0,
        "start_ms": 60_000,
        "end_ms": 90_000,
        "peak_ms": 80_000,
        "score": 0.9,
        "reasons": {"cheer": 0.7, "applause": 0.2},
        "chosen": True,
    }
    return _kept(session, Candidate(**{**given, **values}))


def clip(session: Session, of: Recording | None = None, **values: Any) -> Clip:
    given = {
        "recording_id": (of or recording(session)).id,
        "spec": secrets.token_hex(8),
        "start_ms": 60_000,
        "end_ms": 87_000,
        "title": "The winning goal",
        "tags": ["goal"],
        "score": 0.9,
        "reasons": {"cheer": 0.7, "applause": 0.2},
        "width": 1280,
        "height": 720,
        "essence_sha256": secrets.token_hex(32),
        "signed_by": "Reelyard test signer",
    }
    return _kept(session, Clip(**{**given, **values}))


def transcript(session: Session, of: Clip, *lines: str, **values: Any) -> Transcript:
    """Each line takes three seconds of the clip, its words are spread evenly."""
    given = {
        "clip_id": of.id,
        "engine": "pocketsphinx",
        "version": "5.0",
        "quality": "rough",
        "quality_note": "for tags, not for captions",
        "language": "en",
        "text": " ".join(lines),
        "segments": [_segment(of.start_ms + i * 3_000, line) for i, line in enumerate(lines)],
    }
    return _kept(session, Transcript(**{**given, **values}))


def asset(
    session: Session,
    of: Recording | Clip,
    kind: AssetKind,
    content: bytes,
    *,
    suffix: str = ".mp4",
    mime: str = "video/mp4",
) -> Asset:
    """With its bytes in the store."""
    sha256 = hashlib.sha256(content).hexdigest()
    made = Asset(
        recording_id=of.id if isinstance(of, Recording) else of.recording_id,
        clip_id=of.id if isinstance(of, Clip) else None,
        kind=kind,
        sha256=sha256,
        suffix=suffix,
        size=len(content),
        mime=mime,
    )
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        store().put(Path(file.name), made.key)
    return _kept(session, made)


def listing(
    session: Session, of: Clip | None = None, *, visible_from_ms: int | None = None, **values: Any
) -> Listing:
    """Published the way the pipeline does it; values go to the clip."""
    work = of or clip(session, **values)
    return listings.publish(session, work.id, visible_from_ms=visible_from_ms)


def chunk(session: Session, of: Recording, rung: str, number: int, **values: Any) -> RenditionChunk:
    """32 seconds in eight segments, as the encoder writes them."""
    content = f"{of.id} {rung} {number}".encode()
    sizes = {"720p": (1280, 720), "360p": (640, 360)}.get(rung, (0, 0))
    given = {
        "recording_id": of.id,
        "rung": rung,
        "number": number,
        "start_ms": number * 32_000,
        "end_ms": (number + 1) * 32_000,
        "asset_id": values.pop("asset_id", None) or asset(session, of, AssetKind.CHUNK, content).id,
        "init_size": 800,
        "segments": [[800 + i * 1_000, 1_000, 4_000] for i in range(8)],
        "width": sizes[0],
        "height": sizes[1],
        "bandwidth": 2_000_000 if sizes[0] else 128_000,
        "codecs": "avc1.64001f" if sizes[0] else "mp4a.40.2",
    }
    return _kept(session, RenditionChunk(**{**given, **values}))


def job(session: Session, of: Recording, step: str, state: JobState, **values: Any) -> Job:
    given = {
        "step": step,
        "subject": of.id,
        "spec": secrets.token_hex(4),
        "recording_id": of.id,
        "queue": "media",
        "priority": 10,
        "state": state,
    }
    return _kept(session, Job(**{**given, **values}))


def _segment(start_ms: int, text: str) -> dict[str, Any]:
    words = text.split()
    step = 3_000 // max(len(words), 1)
    return {
        "start_ms": start_ms,
        "end_ms": start_ms + 3_000,
        "text": text,
        "words": [
            [start_ms + i * step, start_ms + (i + 1) * step, word, 0.9]
            for i, word in enumerate(words)
        ],
    }


def _kept(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row
