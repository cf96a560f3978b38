"""Terms: what a license allows, as data, with its text. PriceRule: what it costs."""

from typing import Any

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, new_id, now_ms


class Terms(Base):
    __tablename__ = "terms"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(20))
    """comp, personal, social, editorial, standard, extended, exclusive."""
    version: Mapped[int]
    title: Mapped[str] = mapped_column(String(100))
    line: Mapped[str] = mapped_column(String(200))
    """What it is for, in one line."""
    summary: Mapped[list[str]]
    """Plain language, one sentence each."""
    text: Mapped[str]
    """The legal text; what was agreed to is this version's."""
    fields: Mapped[dict[str, Any]]
    """catalog.uses.Fields as a dict."""
    rank: Mapped[int]
    """Order on pages: the smallest right first."""
    published_ms: Mapped[int] = mapped_column(default=now_ms())
    retired_ms: Mapped[int | None]
    """A newer version took its place; licenses that were granted on it go on."""

    __table_args__ = (UniqueConstraint("kind", "version"),)


class PriceRule(Base):
    """What one kind of license costs: the house's price, or a creator's own."""

    __tablename__ = "price_rule"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(20))
    creator_id: Mapped[str] = mapped_column(String(32), default="")
    """Empty: the house's own. Not null, so that one index holds for both."""
    currency: Mapped[str] = mapped_column(String(3))
    base_cents: Mapped[int]
    floor_cents: Mapped[int]
    round_cents: Mapped[int]
    """Prices are rounded up to a multiple of it."""
    factors: Mapped[dict[str, Any]]
    """By name ("length", "media", "territory", "term", "audience", "seats", "projects",
    "exclusive"): a table of steps, see catalog.pricing."""
    created_ms: Mapped[int] = mapped_column(default=now_ms())
    retired_ms: Mapped[int | None]

    __table_args__ = (
        Index(
            "uq_price_rule_in_force",
            "kind",
            "creator_id",
            unique=True,
            sqlite_where=text("retired_ms IS NULL"),
            postgresql_where=text("retired_ms IS NULL"),
        ),
    )
