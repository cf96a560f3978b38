"""PaymentEvent: the ledger, what processors told us, append-only. Refund: what we asked back.
SandboxPayment: the sandbox processor's own books."""

import enum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, new_id, now_ms


class PaymentKind(enum.StrEnum):
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    RESTORED = "restored"
    """A refund that the bank sent back, or a dispute that was won: the money is here again."""
    KEPT = "kept"
    """No money moved; a method may be charged from now on."""


class PaymentEvent(Base):
    """Written in the transaction of its effect, so an event has its effect once.

    The database refuses to change or remove one (migration 0004).
    """

    __tablename__ = "payment_event"

    processor: Mapped[str] = mapped_column(String(20), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[PaymentKind] = mapped_column(String(20))
    order_id: Mapped[str | None] = mapped_column(ForeignKey("order.id"), index=True)
    charge_id: Mapped[str | None] = mapped_column(ForeignKey("charge.id"), index=True)
    """An event is of an order or of a charge."""
    payment_ref: Mapped[str] = mapped_column(String(200), index=True)
    movement_ref: Mapped[str] = mapped_column(String(200), default="")
    """The processor's name of this one movement (a refund's id); several events may tell of it."""
    amount_cents: Mapped[int]
    """Never negative: a refund's is what went back."""
    currency: Mapped[str] = mapped_column(String(3))
    counted: Mapped[bool]
    """False where another event told of the same movement before: sums leave it out."""
    outcome: Mapped[str] = mapped_column(String(300))
    """What it led to here, for the log: granted, refused because ..."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    happened_ms: Mapped[int]
    received_ms: Mapped[int] = mapped_column(default=now_ms())

    __table_args__ = (
        Index("ix_payment_event_received", "received_ms"),
        Index(
            "ix_payment_event_licensing",
            "received_ms", "currency", "kind", "amount_cents",
            sqlite_where=text("counted = 1 AND order_id IS NOT NULL"),
            postgresql_where=text("counted AND order_id IS NOT NULL"),
        ),
        Index("ix_payment_event_movement", "processor", "movement_ref"),
        Index(
            "uq_payment_event_counted",
            "processor",
            "kind",
            "movement_ref",
            unique=True,
            sqlite_where=text("counted"),
            postgresql_where=text("counted"),
        ),
    )  # fmt: skip


class RefundState(enum.StrEnum):
    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"
    """The processor refused it for good; staff were told and may ask again."""


class Refund(Base):
    """Money that is to go back: the row first, then the processor; its id is the key there."""

    __tablename__ = "refund"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    order_id: Mapped[str | None] = mapped_column(ForeignKey("order.id"), index=True)
    charge_id: Mapped[str | None] = mapped_column(ForeignKey("charge.id"), index=True)
    processor: Mapped[str] = mapped_column(String(20))
    payment_ref: Mapped[str] = mapped_column(String(200), index=True)
    """What is refunded, by the processor's name of the movement that paid."""
    amount_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    lines: Mapped[list[str]]
    """Ids of the order's lines; empty where the payment bought nothing."""
    why: Mapped[str] = mapped_column(String(300))
    state: Mapped[RefundState] = mapped_column(String(20), default=RefundState.ASKED)
    error: Mapped[str] = mapped_column(String(300), default="")
    asked_ms: Mapped[int] = mapped_column(default=now_ms())
    done_ms: Mapped[int | None]

    __table_args__ = (CheckConstraint("amount_cents > 0", name="something_is_refunded"),)


class SandboxState(enum.StrEnum):
    OPEN = "open"
    PAID = "paid"
    DECLINED = "declined"
    ABANDONED = "abandoned"


class SandboxPayment(Base):
    """The sandbox processor's own record: nothing of ours but its own module reads it."""

    __tablename__ = "sandbox_payment"

    id: Mapped[str] = mapped_column(String(40), primary_key=True, default=new_id)
    idempotency_key: Mapped[str] = mapped_column(String(100), unique=True)
    order_ref: Mapped[str] = mapped_column(String(64))
    amount_cents: Mapped[int]
    refunded_cents: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3))
    customer: Mapped[str] = mapped_column(String(40), default="")
    """Whose method it is taken from, or kept for; empty: it is not kept."""
    state: Mapped[SandboxState] = mapped_column(String(20), default=SandboxState.OPEN)
    back_url: Mapped[str] = mapped_column(String(500))
    cancel_url: Mapped[str] = mapped_column(String(500))
    events: Mapped[list[Any]] = mapped_column(default=list)
    """What it has told or will tell, in order: the bodies of its webhooks."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())


class SandboxCustomer(Base):
    """The sandbox processor's own record of a kept method, and how it behaves."""

    __tablename__ = "sandbox_customer"

    id: Mapped[str] = mapped_column(String(40), primary_key=True, default=new_id)
    card: Mapped[str] = mapped_column(String(20), default="works")
    """works, declines, late, silent"""
    removed_ms: Mapped[int | None]
    created_ms: Mapped[int] = mapped_column(default=now_ms())
