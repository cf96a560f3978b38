"""License: the right granted for one clip and one use; Download: each time its bytes left."""

import enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, new_id, now_ms
from models.reservation import FOREVER_MS

if TYPE_CHECKING:
    from models.account import Account
    from models.listing import Listing
    from models.order import OrderLine
    from models.terms import Terms


class LicenseState(enum.StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"


class License(Base):
    __tablename__ = "license"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    order_line_id: Mapped[str | None] = mapped_column(ForeignKey("order_line.id"), unique=True)
    """None where nothing was to be paid (comp). Unique: one paid line is granted once."""
    listing_id: Mapped[str] = mapped_column(ForeignKey("listing.id"), index=True)
    terms_id: Mapped[str] = mapped_column(ForeignKey("terms.id"))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id"), index=True)
    licensee: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(254), index=True)
    use: Mapped[dict[str, Any]]
    price_cents: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    starts_ms: Mapped[int]
    ends_ms: Mapped[int]
    """FOREVER_MS where it does not end."""
    state: Mapped[LicenseState] = mapped_column(String(20), default=LicenseState.ACTIVE)
    revoked_ms: Mapped[int | None]
    revoked_why: Mapped[str] = mapped_column(String(300), default="")
    certificate: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The signed JSON as it was handed out; see catalog.certificates."""
    reminded_ms: Mapped[int | None]
    granted_ms: Mapped[int] = mapped_column(default=now_ms())

    order_line: Mapped["OrderLine | None"] = relationship(back_populates="license")
    listing: Mapped["Listing"] = relationship()
    terms: Mapped["Terms"] = relationship()
    account: Mapped["Account | None"] = relationship()
    downloads: Mapped[list["Download"]] = relationship(order_by="Download.at_ms")

    __table_args__ = (Index("ix_license_ends", "state", "ends_ms"),)

    @property
    def endless(self) -> bool:
        return self.ends_ms >= FOREVER_MS

    def alive(self, at_ms: int) -> bool:
        """The clean files may be had: not revoked, not over. Its use may begin later."""
        return self.state == LicenseState.ACTIVE and at_ms < self.ends_ms


class Download(Base):
    __tablename__ = "download"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    license_id: Mapped[str] = mapped_column(ForeignKey("license.id"), index=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("asset.id"))
    at_ms: Mapped[int] = mapped_column(default=now_ms())
