"""Listing: a clip on sale."""

import enum
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms

if TYPE_CHECKING:
    from models.clip import Clip


class ListingState(enum.StrEnum):
    PUBLIC = "public"
    WITHDRAWN = "withdrawn"


class Listing(Base):
    __tablename__ = "listing"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    clip_id: Mapped[str] = mapped_column(ForeignKey("clip.id"), unique=True)
    state: Mapped[ListingState] = mapped_column(String(20), default=ListingState.PUBLIC)
    visible_from_ms: Mapped[int]
    """An embargo or the moment of publishing."""
    search_text: Mapped[str]
    """Lower case: title, tags, words said, recording, creator."""
    published_ms: Mapped[int] = mapped_column(default=now_ms())

    clip: Mapped["Clip"] = relationship(back_populates="listing")
    tags: Mapped[list["ListingTag"]] = relationship(cascade="all, delete-orphan")

    __table_args__ = (Index("ix_listing_visible", "state", "visible_from_ms"),)


class ListingTag(Base):
    __tablename__ = "listing_tag"

    listing_id: Mapped[str] = mapped_column(ForeignKey("listing.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(80), primary_key=True, index=True)
