"""Mail: what is to be sent, written in the transaction of its cause."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, new_id, now_ms


class Mail(Base):
    __tablename__ = "mail"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    to: Mapped[str] = mapped_column(String(254))
    purpose: Mapped[str] = mapped_column(String(40))
    """sign-in, order, license, reminder, quote, ..."""
    subject: Mapped[str] = mapped_column(String(300))
    text: Mapped[str]
    html: Mapped[str] = mapped_column(default="")
    headers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """More of its head, by name: how to unsubscribe with one click."""
    send_after_ms: Mapped[int | None]
    """A letter waits for a fitting hour; None: at once."""
    subscriber_id: Mapped[str] = mapped_column(String(32), default="")
    """Of a letter: whose wish it is, looked at again when it leaves. Empty: a service mail."""
    made_of: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Of a letter: what is looked at again when it leaves, and undone if it does not; see
    catalog.letters.sending. Emptied with its text."""
    created_ms: Mapped[int] = mapped_column(default=now_ms(), index=True)
    sent_ms: Mapped[int | None]
    error: Mapped[str] = mapped_column(String(300), default="")
