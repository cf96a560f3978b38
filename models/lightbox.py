"""Lightbox: a saved set of clips that may be shared by link; SavedSearch: a search by name."""

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms

if TYPE_CHECKING:
    from models.listing import Listing


class Lightbox(Base):
    __tablename__ = "lightbox"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"), index=True)
    guest: Mapped[str] = mapped_column(String(64), default="", index=True)
    name: Mapped[str] = mapped_column(String(100))
    share: Mapped[str] = mapped_column(String(32), default="", index=True)
    """The word in its shared address; empty while it is not shared."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    changed_ms: Mapped[int] = mapped_column(default=now_ms())

    items: Mapped[list["LightboxItem"]] = relationship(
        order_by="LightboxItem.added_ms", cascade="all, delete-orphan"
    )


class LightboxItem(Base):
    __tablename__ = "lightbox_item"

    lightbox_id: Mapped[str] = mapped_column(ForeignKey("lightbox.id"), primary_key=True)
    listing_id: Mapped[str] = mapped_column(ForeignKey("listing.id"), primary_key=True)
    added_ms: Mapped[int] = mapped_column(default=now_ms())

    listing: Mapped["Listing"] = relationship()


class SavedSearch(Base):
    __tablename__ = "saved_search"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    query: Mapped[str] = mapped_column(String(1000))
    """The catalogue's query string."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
