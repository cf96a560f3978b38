"""Pool: a named set of listings that a rule fills and that partners draw from."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms

if TYPE_CHECKING:
    from models.account import Account
    from models.creator import Creator
    from models.listing import Listing


class Pool(Base):
    __tablename__ = "pool"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    about: Mapped[str] = mapped_column(default="")
    creator_id: Mapped[str | None] = mapped_column(ForeignKey("creator.id"), index=True)
    """Whose clips alone it may take; None: the house's, of all creators."""
    rule: Mapped[dict[str, Any]]
    """catalog.rules.Rule as a dict."""
    from_ms: Mapped[int | None]
    until_ms: Mapped[int | None]
    """Its window: what is published in it comes in."""
    embargo_ms: Mapped[int] = mapped_column(default=0)
    """Partners get a clip this much later than the public."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    closed_ms: Mapped[int | None]

    creator: Mapped["Creator | None"] = relationship()


class PoolMember(Base):
    __tablename__ = "pool_member"

    pool_id: Mapped[str] = mapped_column(ForeignKey("pool.id"), primary_key=True)
    listing_id: Mapped[str] = mapped_column(ForeignKey("listing.id"), primary_key=True, index=True)
    why: Mapped[list[str]]
    """What of the rule it fulfilled, one sentence each."""
    added_ms: Mapped[int] = mapped_column(default=now_ms(), index=True)
    removed_ms: Mapped[int | None]
    """Taken out, by a person, because the rule changed or because it is no longer on sale."""
    hand: Mapped[str] = mapped_column(String(3), default="")
    """ "in" or "out" where a person (or a sidecar) said so; no rule changes that."""

    listing: Mapped["Listing"] = relationship()
    pool: Mapped[Pool] = relationship()

    __table_args__ = (
        Index("ix_pool_member_added", "pool_id", "added_ms"),
        Index("ix_pool_member_removed", "pool_id", "removed_ms"),
    )


class Partner(Base):
    """An account that may draw from a pool."""

    __tablename__ = "partner"

    pool_id: Mapped[str] = mapped_column(ForeignKey("pool.id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), primary_key=True)
    since_ms: Mapped[int] = mapped_column(default=now_ms())
    ended_ms: Mapped[int | None]

    pool: Mapped[Pool] = relationship()
    account: Mapped["Account"] = relationship()


class Hook(Base):
    """Where a partner wants to be told of what happens in a pool (Standard Webhooks)."""

    __tablename__ = "hook"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id"), index=True)
    pool_id: Mapped[str | None] = mapped_column(ForeignKey("pool.id"), index=True)
    url: Mapped[str] = mapped_column(String(500))
    secret: Mapped[str] = mapped_column(String(100))
    """whsec_..., as it is needed whole for each signature."""
    old_secret: Mapped[str] = mapped_column(String(100), default="")
    old_until_ms: Mapped[int | None]
    """The secret before the last rotation signs beside the new one until then."""
    kinds: Mapped[list[str]]
    """clip.added, clip.removed, clip.withdrawn, license.revoked"""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    failing_ms: Mapped[int | None]
    """Since when every try has failed."""
    disabled_ms: Mapped[int | None]
    disabled_why: Mapped[str] = mapped_column(String(300), default="")


class HookMessage(Base):
    """One message to one hook, with what became of each try."""

    __tablename__ = "hook_message"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    hook_id: Mapped[str] = mapped_column(ForeignKey("hook.id"))
    kind: Mapped[str] = mapped_column(String(40))
    listing_id: Mapped[str | None] = mapped_column(ForeignKey("listing.id"), index=True)
    body: Mapped[str]
    tries: Mapped[list[Any]] = mapped_column(default=list)
    """[{"at_ms", "status", "took_ms", "answer", "round"}, ...]; a redelivery is a new round."""
    round: Mapped[int] = mapped_column(default=0)
    delivered_ms: Mapped[int | None]
    given_up_ms: Mapped[int | None]
    created_ms: Mapped[int] = mapped_column(default=now_ms())

    hook: Mapped[Hook] = relationship()

    __table_args__ = (Index("ix_hook_message_log", "hook_id", "created_ms"),)


class ReelPart(Base):
    """A clip that a highlight reel is joined from; the reel is a clip itself."""

    __tablename__ = "reel_part"

    reel_id: Mapped[str] = mapped_column(ForeignKey("clip.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    clip_id: Mapped[str] = mapped_column(ForeignKey("clip.id"), index=True)
    at_ms: Mapped[int]
    """Where it begins in the reel."""
