"""Listing: a clip on sale, with copies of what it is found by."""

import enum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms

if TYPE_CHECKING:
    from models.clip import Clip


class ListingState(enum.StrEnum):
    PUBLIC = "public"
    WITHDRAWN = "withdrawn"


class Release(enum.StrEnum):
    """Whether those who are seen and heard have signed, as the recording's sidecar says."""

    CLEARED = "cleared"
    EDITORIAL = "editorial"
    UNKNOWN = "unknown"


class Listing(Base):
    __tablename__ = "listing"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    clip_id: Mapped[str] = mapped_column(ForeignKey("clip.id"), unique=True)
    state: Mapped[ListingState] = mapped_column(String(20), default=ListingState.PUBLIC)
    visible_from_ms: Mapped[int]
    """An embargo or the moment of publishing."""
    waiting: Mapped[bool] = mapped_column(default=False)
    """Public, but not yet in the search: its embargo lasts, or it was never put there."""
    search_text: Mapped[str]
    """The words it is found by, folded, in their order; what a phrase is looked for in."""
    published_ms: Mapped[int] = mapped_column(default=now_ms())

    # Copies, made by catalog.search.entries.describe: none is ever the only place of its fact.
    creator_id: Mapped[str] = mapped_column(String(32), default="", index=True)
    series: Mapped[str] = mapped_column(String(200), default="")
    event_kind: Mapped[str] = mapped_column(String(80), default="")
    """The sign that decided most, or what the recording was taken for."""
    language: Mapped[str] = mapped_column(String(20), default="")
    length_ms: Mapped[int] = mapped_column(default=0)
    release: Mapped[Release] = mapped_column(String(20), default=Release.UNKNOWN)
    score: Mapped[float] = mapped_column(default=0.0)
    price_from_cents: Mapped[int | None]
    """Of its cheapest paid license; None while nobody has said."""
    currency: Mapped[str | None] = mapped_column(String(3))

    clip: Mapped["Clip"] = relationship(back_populates="listing")
    tags: Mapped[list["ListingTag"]] = relationship(cascade="all, delete-orphan")

    __table_args__ = (
        Index("ix_listing_visible", "state", "visible_from_ms"),
        Index(
            "ix_listing_waiting",
            "visible_from_ms",
            sqlite_where=text("waiting"),
            postgresql_where=text("waiting"),
        ),
    )


class ListingTag(Base):
    __tablename__ = "listing_tag"

    listing_id: Mapped[str] = mapped_column(ForeignKey("listing.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(80), primary_key=True, index=True)


def is_public() -> ColumnElement[bool]:
    return (Listing.state == ListingState.PUBLIC) & (Listing.visible_from_ms <= now_ms())
