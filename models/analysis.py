"""What the scout heard and saw, its highlights (chosen or not), and what was said."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms

if TYPE_CHECKING:
    from models.clip import Clip
    from models.recording import Recording


class Analysis(Base):
    __tablename__ = "analysis"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    curve: Mapped[list[Any]]
    """One dict a second: "score" and the activity of each part, 0..1."""
    version: Mapped[str] = mapped_column(String(60))
    created_ms: Mapped[int] = mapped_column(default=now_ms())

    recording: Mapped["Recording"] = relationship(back_populates="analysis")


class Candidate(Base):
    """A highlight as the scout ranked it. Rejected ones stay, with what beat them."""

    __tablename__ = "candidate"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), index=True)
    rank: Mapped[int]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    peak_ms: Mapped[int]
    score: Mapped[float]
    reasons: Mapped[dict[str, float]]
    """Named parts that sum to score."""
    chosen: Mapped[bool]
    why_not: Mapped[str] = mapped_column(default="")

    recording: Mapped["Recording"] = relationship(back_populates="candidates")
    clip: Mapped["Clip | None"] = relationship(back_populates="candidate")


class Transcript(Base):
    """The words of one clip, with who wrote them down and how well that engine does."""

    __tablename__ = "transcript"

    clip_id: Mapped[str] = mapped_column(ForeignKey("clip.id"), primary_key=True)
    engine: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(40))
    model: Mapped[str] = mapped_column(String(200), default="")
    quality: Mapped[str] = mapped_column(String(40))
    quality_note: Mapped[str] = mapped_column(String(300), default="")
    language: Mapped[str] = mapped_column(String(20), default="")
    text: Mapped[str]
    segments: Mapped[list[Any]]
    """[{"start_ms", "end_ms", "text", "words": [[start_ms, end_ms, text, confidence], ...]}];
    times are the recording's."""

    clip: Mapped["Clip"] = relationship(back_populates="transcript")
