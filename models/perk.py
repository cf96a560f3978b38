"""PerkGrant: what a membership has given its member. Early: a clip that has a ladder of its own.
Announcement: a drop or event that members are told of. Seat: one of an event's."""

from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms
from models.membership import Membership


class PerkGrant(Base):
    """Granted twice it is one row; revoked, it gives nothing from that moment on."""

    __tablename__ = "perk_grant"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    kind: Mapped[str] = mapped_column(String(40))
    """The module of catalog.members.perks that knows what it means."""
    spec: Mapped[str] = mapped_column(String(80), default="")
    """What tells it from others of its kind: a period's start, a drop's id."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    token_sha256: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Of a private feed's address."""
    granted_ms: Mapped[int] = mapped_column(default=now_ms())
    revoked_ms: Mapped[int | None]

    membership: Mapped[Membership] = relationship()

    __table_args__ = (UniqueConstraint("membership_id", "kind", "spec"),)


class MemberDownload(Base):
    """One clean copy for a member's own use; it counts towards the month's number."""

    __tablename__ = "member_download"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    grant_id: Mapped[str] = mapped_column(ForeignKey("perk_grant.id"))
    clip_id: Mapped[str] = mapped_column(ForeignKey("clip.id"))
    license_id: Mapped[str] = mapped_column(ForeignKey("license.id"))
    """What the copy is delivered for."""
    at_ms: Mapped[int] = mapped_column(default=now_ms())

    grant: Mapped[PerkGrant] = relationship()

    __table_args__ = (UniqueConstraint("grant_id", "clip_id"),)


class Early(Base):
    """Of one clip, where its creator wants another ladder than the tiers' own."""

    __tablename__ = "early"

    clip_id: Mapped[str] = mapped_column(ForeignKey("clip.id"), primary_key=True)
    leads: Mapped[dict[str, Any]]
    """Milliseconds by tier key; a tier that is not named sees it with everybody."""
    changed_ms: Mapped[int] = mapped_column(default=now_ms())


class Announcement(Base):
    __tablename__ = "announcement"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    creator_id: Mapped[str] = mapped_column(ForeignKey("creator.id"))
    kind: Mapped[str] = mapped_column(String(20))
    """drop, event"""
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(String(1000))
    rank: Mapped[int]
    """The lowest tier's that may have it."""
    seats: Mapped[int | None]
    """Of an event; None: without a number."""
    at_ms: Mapped[int]
    """When the drop opens or the event begins."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    withdrawn_ms: Mapped[int | None]

    __table_args__ = (Index("ix_announcement_creator", "creator_id", "at_ms"),)


class Seat(Base):
    """One of an event's. There are as many rows as seats, so nobody can have one too many."""

    __tablename__ = "seat"

    announcement_id: Mapped[str] = mapped_column(ForeignKey("announcement.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    """From 1."""
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("perk_grant.id"), index=True)
    """Whose it is; None: free."""
    taken_ms: Mapped[int | None]
