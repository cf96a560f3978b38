"""Order: what one person buys at once; its lines; its invoice."""

import enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms

if TYPE_CHECKING:
    from models.license import License
    from models.listing import Listing
    from models.quote import Quote
    from models.terms import Terms


class OrderState(enum.StrEnum):
    CART = "cart"
    HELD = "held"
    """At the processor: its clips are held until held_until_ms."""
    PAID = "paid"
    """Paid and granted; the two are one transaction."""
    CANCELLED = "cancelled"
    """Declined, abandoned, or its hold ran out."""
    REFUNDED = "refunded"


class Order(Base):
    __tablename__ = "order"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"), index=True)
    guest: Mapped[str] = mapped_column(String(64), default="", index=True)
    """Hash of the cookie of a browser that is not signed in."""
    email: Mapped[str] = mapped_column(String(254), default="")
    name: Mapped[str] = mapped_column(String(200), default="")
    """Who is licensed: a person or a company."""
    country: Mapped[str] = mapped_column(String(2), default="")
    state: Mapped[OrderState] = mapped_column(String(20), default=OrderState.CART, index=True)
    reason: Mapped[str] = mapped_column(String(300), default="")
    """Why it was cancelled or refunded, for the buyer."""
    total_cents: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    processor: Mapped[str] = mapped_column(String(20), default="")
    payment_ref: Mapped[str] = mapped_column(String(200), default="", index=True)
    """The processor's own name of the payment."""
    attempt: Mapped[int] = mapped_column(default=0)
    """How often checkout was begun; part of the key that the processor sees."""
    held_until_ms: Mapped[int | None]
    undo_until_ms: Mapped[int | None]
    """Of one that was bought with one click: until then its buyer takes it back likewise."""
    offer_view_id: Mapped[str | None] = mapped_column(String(32))
    """The offer that led to it."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    changed_ms: Mapped[int] = mapped_column(default=now_ms())
    paid_ms: Mapped[int | None]

    lines: Mapped[list["OrderLine"]] = relationship(
        back_populates="order", order_by="OrderLine.number", cascade="all, delete-orphan"
    )

    __table_args__ = (CheckConstraint("total_cents >= 0", name="total_not_negative"),)


class OrderLine(Base):
    __tablename__ = "order_line"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    order_id: Mapped[str] = mapped_column(ForeignKey("order.id"))
    number: Mapped[int]
    quote_id: Mapped[str] = mapped_column(ForeignKey("quote.id"), index=True)
    listing_id: Mapped[str] = mapped_column(ForeignKey("listing.id"))
    terms_id: Mapped[str] = mapped_column(ForeignKey("terms.id"))
    use: Mapped[dict[str, Any]]
    price_cents: Mapped[int]
    refunded_cents: Mapped[int] = mapped_column(default=0)

    order: Mapped[Order] = relationship(back_populates="lines")
    quote: Mapped["Quote"] = relationship()
    listing: Mapped["Listing"] = relationship()
    terms: Mapped["Terms"] = relationship()
    license: Mapped["License | None"] = relationship(back_populates="order_line")

    __table_args__ = (
        UniqueConstraint("order_id", "quote_id"),
        CheckConstraint("price_cents >= 0", name="price_not_negative"),
        CheckConstraint(
            "refunded_cents >= 0 AND refunded_cents <= price_cents", name="refund_not_above_price"
        ),
    )


class Invoice(Base):
    """Numbered without gaps, in the transaction that paid the order; never changed."""

    __tablename__ = "invoice"

    number: Mapped[str] = mapped_column(String(20), primary_key=True)
    order_id: Mapped[str | None] = mapped_column(ForeignKey("order.id"))
    charge_id: Mapped[str | None] = mapped_column(ForeignKey("charge.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20), default="invoice")
    """invoice, credit"""
    facts: Mapped[dict[str, Any]]
    """All that its PDF says."""
    issued_ms: Mapped[int] = mapped_column(default=now_ms())

    __table_args__ = (Index("ix_invoice_order", "order_id"),)
