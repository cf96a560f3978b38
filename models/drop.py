"""Drop: one file that a creator laid into the inbox, and what became of it."""

import enum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms
from models.recording import Recording


class Outcome(enum.StrEnum):
    TAKEN = "taken"
    SAME = "same"
    """Bytes that were known already: no second recording."""
    REJECTED = "rejected"


class Drop(Base):
    __tablename__ = "drop"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    place: Mapped[str] = mapped_column(String(4000))
    """Where it lay, relative to the inbox, percent-encoded; "" for a file of the command line."""
    stored_as: Mapped[str] = mapped_column(String(4000), default="")
    """Where it lies now, relative to the inbox; "" until it was moved."""
    mark: Mapped[str] = mapped_column(String(80), default="")
    """Inode, size and time of the file that was taken: what lies there later may be another."""
    name: Mapped[str] = mapped_column(String(300))
    outcome: Mapped[Outcome] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(default="")
    recording_id: Mapped[str | None] = mapped_column(ForeignKey("recording.id"), index=True)
    told: Mapped[bool] = mapped_column(default=False)
    """The folder shows the outcome: done/, or rejected/ with its reason."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())

    recording: Mapped[Recording | None] = relationship()

    __table_args__ = (Index("ix_drop_untold", "told"),)
