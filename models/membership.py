"""Tier: what can be joined. Membership: who joined. Charge: money asked of a member. MemberEvent:
what happened to memberships, append-only, the figures' source. PaymentMethod: what may be charged.
"""

import enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms

if TYPE_CHECKING:
    from models.account import Account
    from models.creator import Creator


class Period(enum.StrEnum):
    MONTH = "month"
    YEAR = "year"


class Tier(Base):
    """One step of one creator's ladder. A change of price or perks is a new row: who joined under
    the old one keeps it until told."""

    __tablename__ = "tier"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    creator_id: Mapped[str] = mapped_column(ForeignKey("creator.id"))
    key: Mapped[str] = mapped_column(String(40))
    """early, drops, events; the same for all versions of one tier."""
    rank: Mapped[int]
    """1 is the lowest. What a tier may, higher ones may too."""
    name: Mapped[str] = mapped_column(String(80))
    summary: Mapped[str] = mapped_column(String(300))
    month_cents: Mapped[int]
    year_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    lead_ms: Mapped[int]
    """How much earlier than everybody its members see a clip."""
    perks: Mapped[list[Any]]
    """[{"kind": "downloads", "count": 3}, ...]; see catalog.members.perks."""
    test_until_ms: Mapped[int | None]
    """A tier on trial: its cohort report is told apart, and it takes nobody new after that."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    retired_ms: Mapped[int | None]

    creator: Mapped["Creator"] = relationship()

    __table_args__ = (
        CheckConstraint("month_cents >= 0 AND year_cents >= 0", name="price_not_negative"),
        Index(
            "uq_tier_current",
            "creator_id",
            "key",
            unique=True,
            sqlite_where=text("retired_ms IS NULL"),
            postgresql_where=text("retired_ms IS NULL"),
        ),
    )


class MembershipState(enum.StrEnum):
    PENDING = "pending"
    """Joining: the first payment has not arrived."""
    ACTIVE = "active"
    GRACE = "grace"
    """A renewal was declined; it has its perks until grace_until_ms."""
    PAUSED = "paused"
    """By its own wish: no perks, no charges, until paused_until_ms."""
    ENDED = "ended"


class Membership(Base):
    """Of one account with one creator. Changed only by catalog.members.memberships and billing."""

    __tablename__ = "membership"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    creator_id: Mapped[str] = mapped_column(ForeignKey("creator.id"), index=True)
    tier_id: Mapped[str] = mapped_column(ForeignKey("tier.id"))
    period: Mapped[Period] = mapped_column(String(10))
    price_cents: Mapped[int]
    """For one period, as it was agreed to."""
    currency: Mapped[str] = mapped_column(String(3))
    state: Mapped[MembershipState] = mapped_column(String(20), default=MembershipState.PENDING)
    anchor_ms: Mapped[int]
    """Periods are counted from here, so that the 31st comes back after a February."""
    periods: Mapped[int] = mapped_column(default=0)
    """Whole periods since the anchor at period_end_ms."""
    period_start_ms: Mapped[int]
    period_end_ms: Mapped[int]
    """What is paid for; a trial's end while it lasts."""
    trial_until_ms: Mapped[int | None]
    grace_until_ms: Mapped[int | None]
    paused_until_ms: Mapped[int | None]
    paused_left_ms: Mapped[int] = mapped_column(default=0)
    """Of the paid period when it was paused; given back on resuming."""
    credit_cents: Mapped[int] = mapped_column(default=0)
    """What a change left over: taken off the next charge."""
    next_tier_id: Mapped[str | None] = mapped_column(ForeignKey("tier.id"))
    """A step down or a change of period, from the next period on."""
    next_period: Mapped[Period | None] = mapped_column(String(10))
    ends_at_period: Mapped[bool] = mapped_column(default=False)
    """Cancelled: it goes on until period_end_ms and is not charged again."""
    joined_ms: Mapped[int | None]
    ended_ms: Mapped[int | None]
    end_reason: Mapped[str] = mapped_column(String(40), default="")
    """cancelled, unpaid, withdrawn, erased, refunded"""
    created_ms: Mapped[int] = mapped_column(default=now_ms())

    account: Mapped["Account"] = relationship()
    creator: Mapped["Creator"] = relationship()
    tier: Mapped[Tier] = relationship(foreign_keys=[tier_id])
    next_tier: Mapped[Tier | None] = relationship(foreign_keys=[next_tier_id])

    __table_args__ = (
        CheckConstraint("price_cents >= 0 AND credit_cents >= 0", name="not_negative"),
        Index(
            "uq_membership_alive",
            "account_id",
            "creator_id",
            unique=True,
            sqlite_where=text("state NOT IN ('ended', 'pending')"),
            postgresql_where=text("state NOT IN ('ended', 'pending')"),
        ),
        Index("ix_membership_due", "state", "period_end_ms"),
    )


class ChargeKind(enum.StrEnum):
    JOIN = "join"
    RENEWAL = "renewal"
    CHANGE = "change"
    """The difference of an upgrade, for what is left of the period."""
    TIP = "tip"


class ChargeState(enum.StrEnum):
    ASKED = "asked"
    PAID = "paid"
    FAILED = "failed"
    """Declined for good, or given up."""
    REFUNDED = "refunded"
    VOID = "void"
    """Overtaken before anything was paid: cancelled, abandoned."""


class Charge(Base):
    """The row first, then the processor; `key` makes one of what is asked for twice."""

    __tablename__ = "charge"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[ChargeKind] = mapped_column(String(20))
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    creator_id: Mapped[str] = mapped_column(ForeignKey("creator.id"))
    membership_id: Mapped[str | None] = mapped_column(ForeignKey("membership.id"), index=True)
    offer_view_id: Mapped[str | None] = mapped_column(ForeignKey("offer_view.id"))
    """The offer that led to it."""
    tier_id: Mapped[str | None] = mapped_column(ForeignKey("tier.id"))
    period: Mapped[Period | None] = mapped_column(String(10))
    from_ms: Mapped[int | None]
    to_ms: Mapped[int | None]
    """What it pays for."""
    lines: Mapped[list[Any]]
    """[{"what": ..., "cents": ...}]: with what was taken off; they sum to the amount."""
    amount_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    refunded_cents: Mapped[int] = mapped_column(default=0)
    state: Mapped[ChargeState] = mapped_column(String(20), default=ChargeState.ASKED)
    attempt: Mapped[int] = mapped_column(default=0)
    """How often the processor was asked; part of the key that it sees."""
    next_try_ms: Mapped[int | None]
    processor: Mapped[str] = mapped_column(String(20), default="")
    payment_ref: Mapped[str] = mapped_column(String(200), default="", index=True)
    held_until_ms: Mapped[int | None]
    """Of one that its payer pays on the processor's page."""
    error: Mapped[str] = mapped_column(String(300), default="")
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    paid_ms: Mapped[int | None]
    undo_until_ms: Mapped[int | None]

    membership: Mapped[Membership | None] = relationship()

    __table_args__ = (
        CheckConstraint("amount_cents >= 0", name="amount_not_negative"),
        CheckConstraint(
            "refunded_cents >= 0 AND refunded_cents <= amount_cents", name="refund_not_above"
        ),
        Index("ix_charge_due", "state", "next_try_ms"),
    )


class PaymentMethod(Base):
    """What an account let a processor keep; of it we know no more than how to name it."""

    __tablename__ = "payment_method"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    processor: Mapped[str] = mapped_column(String(20))
    customer_ref: Mapped[str] = mapped_column(String(200))
    method_ref: Mapped[str] = mapped_column(String(200))
    label: Mapped[str] = mapped_column(String(60))
    """"Visa ending 4242"."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    removed_ms: Mapped[int | None]

    __table_args__ = (UniqueConstraint("account_id", "processor", "method_ref"),)


class MemberEventKind(enum.StrEnum):
    JOINED = "joined"
    TRIAL = "trial"
    """A trial began: nothing is paid yet, so nothing recurs yet."""
    RENEWED = "renewed"
    CHANGED = "changed"
    """Another tier, period or price."""
    PAUSED = "paused"
    RESUMED = "resumed"
    DECLINED = "declined"
    RECOVERED = "recovered"
    LEAVING = "leaving"
    """Will end with its period."""
    STAYING = "staying"
    """Leaving was taken back."""
    ENDED = "ended"


MOVES = "before_mrr != after_mrr OR before_tier_key != tier_key OR kind = 'ended'"
"""Of most events nothing that figures count is another than before: they need not be read."""


class MemberEvent(Base):
    """Append-only; the database refuses to change or remove one (migration 0007). Amounts are what
    recurs in a month, of a yearly price the twelfth part, in thousandths of a cent so that nothing
    is lost by rounding. The account is named by the membership alone: erasing a person leaves the
    figures as they were."""

    __tablename__ = "member_event"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"), index=True)
    creator_id: Mapped[str] = mapped_column(String(32))
    kind: Mapped[MemberEventKind] = mapped_column(String(20))
    tier_key: Mapped[str] = mapped_column(String(40))
    """After it; of an end the tier that ended."""
    before_tier_key: Mapped[str] = mapped_column(String(40), default="")
    tier_id: Mapped[str] = mapped_column(String(32))
    before_mrr: Mapped[int] = mapped_column(default=0)
    after_mrr: Mapped[int] = mapped_column(default=0)
    """Thousandths of a cent a month."""
    currency: Mapped[str] = mapped_column(String(3))
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at_ms: Mapped[int]

    __table_args__ = (
        Index(
            "ix_member_event_figures",
            "at_ms", "kind", "currency", "tier_key", "before_tier_key", "before_mrr", "after_mrr",
            sqlite_where=text(MOVES),
            postgresql_where=text(MOVES),
        ),
        Index(
            "ix_member_event_figures_creator",
            "creator_id", "at_ms", "kind", "currency", "tier_key", "before_tier_key", "before_mrr",
            "after_mrr",
            sqlite_where=text(MOVES),
            postgresql_where=text(MOVES),
        ),
        Index("ix_member_event_creator", "creator_id", "at_ms"),
    )  # fmt: skip
