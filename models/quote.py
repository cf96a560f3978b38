"""Quote: a price for one clip and one use, good until it expires; and what was said about it."""

import enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms

if TYPE_CHECKING:
    from models.listing import Listing
    from models.terms import Terms


class QuoteState(enum.StrEnum):
    OPEN = "open"
    """May be ordered at its price."""
    ASKED = "asked"
    """Other terms were asked for; the creator has not answered."""
    COUNTERED = "countered"
    """The creator named another price or term; the asker has not answered."""
    DECLINED = "declined"
    ORDERED = "ordered"


class Quote(Base):
    __tablename__ = "quote"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    listing_id: Mapped[str] = mapped_column(ForeignKey("listing.id"), index=True)
    terms_id: Mapped[str] = mapped_column(ForeignKey("terms.id"))
    rule_id: Mapped[str | None] = mapped_column(ForeignKey("price_rule.id"))
    """None where a person named the price."""
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"), index=True)
    guest: Mapped[str] = mapped_column(String(64), default="", index=True)
    """Hash of the cookie of a browser that is not signed in."""
    use: Mapped[dict[str, Any]]
    """catalog.uses.Use as a dict."""
    price_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    breakdown: Mapped[list[Any]]
    """catalog.pricing.Line as dicts, from the base to the price."""
    state: Mapped[QuoteState] = mapped_column(String(20), default=QuoteState.OPEN)
    expires_ms: Mapped[int]
    agreed_until_ms: Mapped[int | None]
    """So long its price is good where both agreed to it: a wish that is withdrawn falls back to
    it."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())

    listing: Mapped["Listing"] = relationship()
    terms: Mapped["Terms"] = relationship()
    notes: Mapped[list["QuoteNote"]] = relationship(order_by="QuoteNote.number")

    __table_args__ = (CheckConstraint("price_cents >= 0", name="price_not_negative"),)


class QuoteNote(Base):
    """One step of asking, countering, accepting or declining; never changed."""

    __tablename__ = "quote_note"

    quote_id: Mapped[str] = mapped_column(ForeignKey("quote.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str] = mapped_column(String(20))
    """licensee, creator"""
    verb: Mapped[str] = mapped_column(String(20))
    """asked, countered, accepted, declined, withdrawn"""
    price_cents: Mapped[int | None]
    use: Mapped[dict[str, Any]] = mapped_column(default=dict)
    text: Mapped[str] = mapped_column(default="")
    at_ms: Mapped[int] = mapped_column(default=now_ms())

    __table_args__ = (Index("ix_quote_note_at", "at_ms"),)
