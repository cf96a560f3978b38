"""Clip: the cut work; Asset: one stored file of a recording or a clip."""

import enum
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms

if TYPE_CHECKING:
    from models.analysis import Candidate, Transcript
    from models.listing import Listing
    from models.recording import Recording


class AssetKind(enum.StrEnum):
    ORIGINAL = "original"
    MASTER = "master"
    POSTER = "poster"
    CAPTIONS = "captions"
    MANIFEST = "manifest"
    """The signed manifest as JSON, for reading; the master carries the real one."""
    CHUNK = "chunk"
    PREVIEW = "preview"
    """Watermarked and small: for whoever has no right to the clean one."""
    HOVER = "hover"
    """A few silent seconds of the preview."""
    STORYBOARD = "storyboard"
    DELIVERY = "delivery"
    """The master with a license's id in its manifest: for that licensee alone."""


class ClipKind(enum.StrEnum):
    CLIP = "clip"
    REEL = "reel"
    """The best clips of a recording, joined; see models.pool.ReelPart."""


class Clip(Base):
    __tablename__ = "clip"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), index=True)
    candidate_id: Mapped[str | None] = mapped_column(ForeignKey("candidate.id"))
    kind: Mapped[ClipKind] = mapped_column(String(20), default=ClipKind.CLIP)
    spec: Mapped[str] = mapped_column(String(64))
    """What was asked for (span and settings) as one word: the same ask is the same clip."""
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    title: Mapped[str] = mapped_column(String(300))
    tags: Mapped[list[str]]
    score: Mapped[float]
    reasons: Mapped[dict[str, float]]
    width: Mapped[int] = mapped_column(default=0)
    """0 for sound alone."""
    height: Mapped[int] = mapped_column(default=0)
    essence_sha256: Mapped[str] = mapped_column(String(64))
    """Of the master before it was signed: equal for equal input, settings and version."""
    signed_by: Mapped[str] = mapped_column(String(200), default="")
    created_ms: Mapped[int] = mapped_column(default=now_ms())

    recording: Mapped["Recording"] = relationship(back_populates="clips")
    candidate: Mapped["Candidate | None"] = relationship(back_populates="clip")
    transcript: Mapped["Transcript | None"] = relationship(back_populates="clip")
    listing: Mapped["Listing | None"] = relationship(back_populates="clip")
    assets: Mapped[list["Asset"]] = relationship(back_populates="clip")

    __table_args__ = (UniqueConstraint("recording_id", "spec"),)

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms

    def asset(self, kind: AssetKind) -> "Asset | None":
        return next((asset for asset in self.assets if asset.kind == kind), None)


class Asset(Base):
    """One stored file. Its key in the store is made from its sha256 and suffix alone."""

    __tablename__ = "asset"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    recording_id: Mapped[str] = mapped_column(ForeignKey("recording.id"), index=True)
    clip_id: Mapped[str | None] = mapped_column(ForeignKey("clip.id"), index=True)
    license_id: Mapped[str | None] = mapped_column(ForeignKey("license.id"), index=True)
    """Of a delivery."""
    kind: Mapped[AssetKind] = mapped_column(String(20))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    suffix: Mapped[str] = mapped_column(String(12))
    """With its dot: ".mp4"."""
    size: Mapped[int]
    mime: Mapped[str] = mapped_column(String(100))
    broken_ms: Mapped[int | None]
    """Since when its stored bytes are known to be damaged or gone: it is not sent."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())

    clip: Mapped["Clip | None"] = relationship(back_populates="assets")

    __table_args__ = (CheckConstraint("size >= 0", name="size_not_negative"),)

    @property
    def key(self) -> str:
        return f"{self.sha256[:2]}/{self.sha256}{self.suffix}"
