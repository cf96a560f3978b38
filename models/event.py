"""Event: an append-only fact, the figures' only source and the audit of every change."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, new_id, now_ms


class Event(Base):
    __tablename__ = "event"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(60), index=True)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    actor: Mapped[str] = mapped_column(String(64), default="", index=True)
    """The account (or token:ID) that did it; empty for the house itself and for guests."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at_ms: Mapped[int] = mapped_column(default=now_ms())


def record(session: Session, kind: str, subject: str, **facts: Any) -> None:
    """Who did it is told once for the transaction: `unit_of_work(actor=...)`."""
    actor = session.info.get("actor", "")
    session.add(Event(kind=kind, subject=subject, actor=actor, facts=facts))
