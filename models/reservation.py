"""Reservation: who has which media and territories of a clip, from when to when.

The database refuses two that overlap unless both share (migration 0004): an exclusion constraint
on PostgreSQL, a trigger on SQLite.
"""

import enum

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, and_
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, new_id, now_ms
from models.cells import Cells

SHARED = "shared"
FOREVER_MS = 253_402_300_800_000
"""The end of a right that does not end: the year 10000."""
CONFLICT = "reservation_overlaps"
"""How the database names its refusal: the constraint, and the trigger's message."""


class ReservationKind(enum.StrEnum):
    LICENSE = "license"
    HOLD = "hold"
    """At checkout, for ten minutes."""
    EMBARGO = "embargo"
    EARLY = "early"
    """Members see it, nobody may license it yet."""


def is_alone(now: ColumnElement[int]) -> ColumnElement[bool]:
    """An exclusive license that was not let go of and is not over, whatever its part of it all."""
    return and_(
        Reservation.kind == ReservationKind.LICENSE,
        Reservation.lane != SHARED,
        Reservation.released_ms.is_(None),
        Reservation.until_ms > now,
    )


class Reservation(Base):
    __tablename__ = "reservation"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    clip_id: Mapped[str] = mapped_column(ForeignKey("clip.id"))
    kind: Mapped[ReservationKind] = mapped_column(String(20))
    lane: Mapped[str] = mapped_column(String(32))
    """SHARED, or a word of its own: those of one lane may overlap, others may not."""
    media: Mapped[frozenset[int]] = mapped_column(Cells)
    territory: Mapped[frozenset[int]] = mapped_column(Cells)
    """Numbers by catalog.territories.number."""
    from_ms: Mapped[int]
    until_ms: Mapped[int]
    """Not part of it any more; FOREVER_MS at most."""
    order_line_id: Mapped[str | None] = mapped_column(ForeignKey("order_line.id"), index=True)
    expires_ms: Mapped[int | None]
    """A hold's own end; what is not paid by then is let go."""
    released_ms: Mapped[int | None]
    """Let go of: no longer counts."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())

    __table_args__ = (
        CheckConstraint("from_ms < until_ms", name="begins_before_it_ends"),
        Index("ix_reservation_clip", "clip_id", "released_ms"),
        Index("ix_reservation_expires", "kind", "released_ms", "expires_ms"),
    )
