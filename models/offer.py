"""Offer: a small thing to buy at a fitting moment. OfferView: one showing, append-only but for its
answer. OfferChoice: "not this again". ContentSession: a visit to clips, without a person.
Segment: a rule over few facts."""

import enum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, new_id, now_ms


class Offer(Base):
    """Offers are data: what, when, how often. A change is a new row, so a view says what it saw."""

    __tablename__ = "offer"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    creator_id: Mapped[str] = mapped_column(ForeignKey("creator.id"), index=True)
    key: Mapped[str] = mapped_column(String(40), default="")
    """The same for all versions of one of a creator's offers: its name in defaults.toml."""
    kind: Mapped[str] = mapped_column(String(40))
    """personal, pack, bundle, tip, trial: the module of catalog.offers.kinds."""
    moment: Mapped[str] = mapped_column(String(40))
    """end, live_qa, series, bought"""
    title: Mapped[str] = mapped_column(String(120))
    facts: Mapped[dict[str, Any]]
    """What its kind needs: cents of a tip, percent off a pack, days of a trial."""
    rank: Mapped[int] = mapped_column(default=0)
    """Of several that fit, the highest is shown."""
    starts_ms: Mapped[int]
    ends_ms: Mapped[int | None]
    """A deadline that is shown exists: nothing is sold under it afterwards."""
    holdout: Mapped[int] = mapped_column(default=10)
    """Percent of people who are not shown it, so that its effect can be told."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    retired_ms: Mapped[int | None]

    __table_args__ = (CheckConstraint("holdout >= 0 AND holdout <= 90", name="holdout_percent"),)


class OfferAnswer(enum.StrEnum):
    NONE = "none"
    ACCEPTED = "accepted"
    UNDONE = "undone"
    DECLINED = "declined"
    REPLACED = "replaced"
    """Its price changed before it was answered; another view shows the new one."""


class OfferView(Base):
    __tablename__ = "offer_view"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    offer_id: Mapped[str] = mapped_column(ForeignKey("offer.id"))
    whose: Mapped[str] = mapped_column(String(64), index=True)
    """A keyed hash of the account or guest: enough to count, not to know."""
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"))
    """Emptied by erasure."""
    session_id: Mapped[str | None] = mapped_column(ForeignKey("content_session.id"))
    clip_id: Mapped[str | None] = mapped_column(ForeignKey("clip.id"))
    held_out: Mapped[bool]
    """It fitted, and was not shown, for comparison."""
    cents: Mapped[int]
    """The full price that was shown."""
    currency: Mapped[str] = mapped_column(String(3))
    reason: Mapped[str] = mapped_column(String(300))
    data_used: Mapped[list[str]]
    what: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What was offered: ids of clips or of a tier, percent, days."""
    answer: Mapped[OfferAnswer] = mapped_column(String(20), default=OfferAnswer.NONE)
    order_id: Mapped[str | None] = mapped_column(ForeignKey("order.id"))
    answered_ms: Mapped[int | None]
    at_ms: Mapped[int] = mapped_column(default=now_ms())

    __table_args__ = (Index("ix_offer_view_figures", "offer_id", "at_ms", "held_out", "answer"),)


class OfferChoice(Base):
    """ "Not this again" for one offer; "no offers at all" where offer_id is empty."""

    __tablename__ = "offer_choice"

    whose: Mapped[str] = mapped_column(String(64), primary_key=True)
    offer_id: Mapped[str] = mapped_column(String(32), primary_key=True, default="")
    at_ms: Mapped[int] = mapped_column(default=now_ms())


class ContentSession(Base):
    """Clips looked at in one visit: a random id, a day, a number. No address, no browser, no
    account; `whose` is a hash with a key that is thrown away after a day."""

    __tablename__ = "content_session"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    whose: Mapped[str] = mapped_column(String(64), unique=True)
    creator_id: Mapped[str] = mapped_column(String(32), default="")
    member: Mapped[bool] = mapped_column(default=False)
    clips: Mapped[int] = mapped_column(default=1)
    held_out: Mapped[bool | None]
    """None: nothing was to be offered."""
    bought_cents: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str] = mapped_column(String(3), default="")
    begun_ms: Mapped[int] = mapped_column(default=now_ms())
    seen_ms: Mapped[int] = mapped_column(default=now_ms())

    __table_args__ = (
        Index("ix_content_session_figures", "begun_ms", "held_out", "bought_cents", "currency"),
        Index("ix_content_session_creator", "creator_id", "begun_ms", "held_out", "bought_cents"),
    )


class Watched(Base):
    """With consent only: which series an account watched, for offers that fit."""

    __tablename__ = "watched"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), primary_key=True)
    creator_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    series: Mapped[str] = mapped_column(String(200), primary_key=True)
    clips: Mapped[int] = mapped_column(default=1)
    last_ms: Mapped[int] = mapped_column(default=now_ms())


class Segment(Base):
    __tablename__ = "segment"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    creator_id: Mapped[str] = mapped_column(ForeignKey("creator.id"))
    name: Mapped[str] = mapped_column(String(120))
    rule: Mapped[dict[str, Any]]
    """By the names of catalog.segments.FACTS, nothing else."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    used_ms: Mapped[int] = mapped_column(default=now_ms())
    """When its people were last looked at, written to or exported: unused for long, it closes."""
    closed_ms: Mapped[int | None]

    __table_args__ = (
        Index(
            "uq_segment_open",
            "creator_id",
            "name",
            unique=True,
            sqlite_where=text("closed_ms IS NULL"),
            postgresql_where=text("closed_ms IS NULL"),
        ),
    )
