"""What was heard, seen and said in a recording, and its highlights, chosen or not."""

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
    profile: Mapped[str] = mapped_column(String(20), default="auto")
    """What the recording was taken for: a name of pipeline.kinds.PROFILES."""
    weights: Mapped[dict[str, float]] = mapped_column(default=dict)
    """By part: what it counted, with what the creator's reviews have taught."""
    least: Mapped[float | None]
    """The least score of a moment that became a clip by itself; None where it isn't known."""
    words: Mapped[list[Any]] = mapped_column(default=list)
    """[[start_ms, end_ms, text, confidence], ...] where the scout listened for words."""
    ratings: Mapped[list[Any]] = mapped_column(default=list)
    """What the rating endpoint answered: [{"start_ms", "end_ms", "rating", "why", "model",
    "prompt"}, ...]; "prompt" is its version."""
    version: Mapped[str] = mapped_column(String(60))
    created_ms: Mapped[int] = mapped_column(default=now_ms())

    recording: Mapped["Recording"] = relationship(back_populates="analysis")


class PictureChunk(Base):
    """What the rendition pass saw while it decoded a chunk; together they are the shot list."""

    __tablename__ = "picture_chunk"

    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    cuts: Mapped[list[int]]
    """First frames of new shots, ms of the recording."""
    seconds: Mapped[list[Any]]
    """One dict a second from the chunk's start: pipeline.pictures.PARTS, each 0..1."""

    recording: Mapped["Recording"] = relationship(back_populates="pictures")


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
    asked_ms: Mapped[int | None]
    """When a person asked for this clip; None where the ranking chose."""
    exact: Mapped[bool] = mapped_column(default=False)
    """Start and end are a person's own: they move to a frame and no further."""
    replaces_id: Mapped[str | None] = mapped_column(String(32))
    """The clip that is withdrawn when this one, its trimmed form, is on sale. No foreign key:
    clips point to candidates, and a circle can't be made in one go."""

    recording: Mapped["Recording"] = relationship(back_populates="candidates")
    clip: Mapped["Clip | None"] = relationship(back_populates="candidate")

    @property
    def wanted(self) -> bool:
        """As a clip: by the ranking or by a person who has not taken it back."""
        return self.chosen or self.asked_ms is not None


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
