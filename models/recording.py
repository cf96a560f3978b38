"""Recording: the long original; RenditionChunk: a piece of an encoded version of it."""

import enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base, new_id, now_ms
from models.creator import Creator
from models.job import Job, JobState

if TYPE_CHECKING:
    from models.analysis import Analysis, Candidate, PictureChunk
    from models.clip import Clip


class RecordingState(enum.StrEnum):
    WORKING = "working"
    DONE = "done"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"


class Recording(Base):
    __tablename__ = "recording"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    creator_id: Mapped[str] = mapped_column(ForeignKey("creator.id"))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(300))
    """The user's file name, cleaned: data, never a path."""
    title: Mapped[str] = mapped_column(String(300))
    size: Mapped[int]
    """Bytes."""
    state: Mapped[RecordingState] = mapped_column(String(20), default=RecordingState.WORKING)
    reason: Mapped[str] = mapped_column(default="")
    """Why it was rejected or quarantined, or what a done one wants to say (no clip found)."""
    duration_ms: Mapped[int | None]
    probe: Mapped[dict[str, Any] | None]
    """pipeline.probe.Probe as a dict."""
    sidecar: Mapped[dict[str, Any]] = mapped_column(default=dict)
    chat: Mapped[list[Any]] = mapped_column(default=list, deferred=True)
    """How lively the chat beside it was, 0..1 by second: up to 43,200, so nothing reads it
    along with the row."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    done_ms: Mapped[int | None]

    creator: Mapped[Creator] = relationship()
    analysis: Mapped["Analysis | None"] = relationship(back_populates="recording")
    candidates: Mapped[list["Candidate"]] = relationship(
        back_populates="recording", order_by="Candidate.rank"
    )
    clips: Mapped[list["Clip"]] = relationship(back_populates="recording", order_by="Clip.start_ms")
    chunks: Mapped[list["RenditionChunk"]] = relationship(
        order_by="RenditionChunk.rung, RenditionChunk.number"
    )
    pictures: Mapped[list["PictureChunk"]] = relationship(
        back_populates="recording", order_by="PictureChunk.number"
    )

    __table_args__ = (Index("ix_recording_created", "created_ms"),)


class RenditionChunk(Base):
    """A stored fMP4 file of a rung ("720p", "360p", "audio"); playlists are made of these rows."""

    __tablename__ = "rendition_chunk"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), index=True)
    rung: Mapped[str] = mapped_column(String(20))
    number: Mapped[int]
    """0 is the first."""
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    asset_id: Mapped[str] = mapped_column(ForeignKey("asset.id"))
    init_size: Mapped[int]
    """Bytes of the initialisation section at the file's start."""
    segments: Mapped[list[Any]]
    """[[offset, size, duration_ms], ...] in playing order."""
    width: Mapped[int] = mapped_column(default=0)
    height: Mapped[int] = mapped_column(default=0)
    bandwidth: Mapped[int] = mapped_column(default=0)
    """Peak bits per second."""
    codecs: Mapped[str] = mapped_column(String(60), default="")

    __table_args__ = (UniqueConstraint("recording_id", "rung", "number"),)


def held(session: Session, recording_id: str | None) -> Recording | None:
    """Locked until the transaction ends. Whoever writes its jobs as well takes this lock first:
    two that lock in another order may wait for each other for ever.
    """
    if recording_id is None:
        return None
    return session.get(Recording, recording_id, with_for_update=True)


def settle(session: Session, recording_id: str | None) -> None:
    """Give the recording its end state when its last job has finished."""
    recording = held(session, recording_id)
    if recording is not None and recording.state == RecordingState.REJECTED:
        drop_ready(session, recording.id)  # this job was running while another one rejected it
    if recording is None or recording.state != RecordingState.WORKING:
        return
    states = session.execute(
        select(Job.state, Job.error).where(Job.recording_id == recording_id)
    ).all()
    if any(state in (JobState.READY, JobState.RUNNING) for state, _ in states):
        return
    broken = [error for state, error in states if state == JobState.QUARANTINED]
    recording.state = RecordingState.QUARANTINED if broken else RecordingState.DONE
    if broken:
        recording.reason = f"{len(broken)} of {len(states)} steps failed for good: {broken[0]}"
    recording.done_ms = session.scalar(select(now_ms()))


def drop_ready(session: Session, recording_id: str) -> None:
    """What was asked for a recording that was rejected is no longer wanted."""
    session.execute(
        update(Job)
        .where(Job.recording_id == recording_id, Job.state == JobState.READY)
        .values(state=JobState.DROPPED, finished_ms=now_ms())
    )
