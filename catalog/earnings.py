"""Earnings: what each license of a creator's clips brought, to the cent, and what went back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from catalog.auth import Visitor, needs
from catalog.csvs import rows_as_csv
from catalog.errors import NotFound
from catalog.web.words import moment_iso
from models.account import Role
from models.clip import Clip
from models.license import License, LicenseState
from models.listing import Listing
from models.order import OrderLine, OrderState
from models.payment import Refund, RefundState
from models.recording import Recording

DISPUTED = "disputed"


@dataclass(frozen=True)
class Sale:
    """One license that was paid for. `back_cents`: what was refunded or taken by a dispute."""

    license: License
    clip: Clip
    sold_ms: int
    price_cents: int
    back_cents: int
    currency: str
    standing: str

    @property
    def kept_cents(self) -> int:
        return self.price_cents - self.back_cents


@dataclass(frozen=True)
class Sum:
    """`name`: a clip's title, or a month; `count`: licenses sold."""

    key: str
    name: str
    currency: str
    count: int
    price_cents: int
    back_cents: int

    @property
    def kept_cents(self) -> int:
        return self.price_cents - self.back_cents


def sales(session: Session, visitor: Visitor) -> list[Sale]:
    """Of the visitor's own clips, newest first; of all clips for staff. Raises NotFound."""
    needs(visitor)
    if not visitor.creator_ids and not visitor.has(Role.CREATOR):
        raise NotFound("There is nothing at this address for this account.")
    clip = joinedload(License.listing).joinedload(Listing.clip)
    wanted = (
        select(License)
        .join(License.listing)
        .join(Listing.clip)
        .join(Clip.recording)
        .join(License.order_line)
        .where(License.price_cents > 0)
        .options(
            clip.joinedload(Clip.recording).joinedload(Recording.creator),
            joinedload(License.terms),
            joinedload(License.order_line).joinedload(OrderLine.order),
        )
        .order_by(License.granted_ms.desc(), License.id)
    )
    if not visitor.has(Role.STAFF):
        wanted = wanted.where(Recording.creator_id.in_(visitor.creator_ids))
    rows = session.scalars(wanted).all()
    asked = {
        line
        for one in session.scalars(select(Refund).filter_by(state=RefundState.ASKED))
        for line in one.lines
    }
    return [_sale(row, asked) for row in rows]


def by_clip(found: Sequence[Sale]) -> list[Sum]:
    """The clip that brought most first."""
    sums = _sums(found, lambda sale: (sale.clip.id, sale.clip.title))
    return sorted(sums, key=lambda one: (one.currency, -one.kept_cents, one.name))


def by_month(found: Sequence[Sale]) -> list[Sum]:
    """Newest first; months by UTC."""
    sums = _sums(found, lambda sale: (_month(sale.sold_ms), _month(sale.sold_ms)))
    return sorted(sums, key=lambda one: (one.key, one.currency), reverse=True)


def in_all(found: Sequence[Sale]) -> list[Sum]:
    """One for each currency."""
    return sorted(_sums(found, lambda sale: ("", "")), key=lambda one: one.currency)


def as_csv(found: Sequence[Sale]) -> str:
    head = ("sold", "license", "clip", "title", "creator", "terms", "price_cents")
    return rows_as_csv(
        (*head, "returned_cents", "kept_cents", "currency", "state"),
        [
            (
                *(moment_iso(sale.sold_ms), sale.license.id, sale.clip.id, sale.clip.title),
                *(sale.clip.recording.creator.name, sale.license.terms.kind),
                *(sale.price_cents, sale.back_cents, sale.kept_cents),
                *(sale.currency, sale.standing),
            )
            for sale in found
        ],
    )


def _sale(row: License, asked: set[str]) -> Sale:
    line = row.order_line
    assert line is not None
    back, standing = line.refunded_cents, "licensed"
    if row.state == LicenseState.REVOKED:
        standing = "refunded" if back else "revoked"
        if not back and line.order.state == OrderState.REFUNDED:
            back, standing = row.price_cents, DISPUTED
    elif line.id in asked:
        standing = "being refunded"
    return Sale(
        license=row,
        clip=row.listing.clip,
        sold_ms=line.order.paid_ms or row.granted_ms,
        price_cents=row.price_cents,
        back_cents=back,
        currency=row.currency,
        standing=standing,
    )


def _sums(found: Sequence[Sale], key_of: Callable[[Sale], tuple[str, str]]) -> list[Sum]:
    grouped: dict[tuple[str, str, str], list[Sale]] = {}
    for sale in found:
        grouped.setdefault((*key_of(sale), sale.currency), []).append(sale)
    return [
        Sum(
            *key,
            count=len(group),
            price_cents=sum(sale.price_cents for sale in group),
            back_cents=sum(sale.back_cents for sale in group),
        )
        for key, group in grouped.items()
    ]


def _month(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m}"
