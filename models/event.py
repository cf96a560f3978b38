"""Event: an append-only fact, the figures' only source."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, new_id, now_ms


class Event(Base):
    __tablename__ = "event"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(60), index=True)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at_ms: Mapped[int] = mapped_column(default=now_ms())


def record(session: Session, kind: str, subject: str, **facts: Any) -> None:
    session.add(Event(kind=kind, subject=subject, facts=facts))
