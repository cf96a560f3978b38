"""Earnings: what each license of a creator's clips brought, to the cent, and what went back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session, joinedload

from catalog import cursors
from catalog.auth import Visitor, needs
from catalog.csvs import more_as_csv, rows_as_csv
from catalog.errors import NotFound
from catalog.payments import balance
from catalog.payments.balance import EVEN, Balance, left_of_line
from catalog.web.words import moment_iso
from models.account import Role
from models.base import reading
from models.clip import Clip
from models.license import License, LicenseState
from models.listing import Listing
from models.order import Order, OrderLine, OrderState
from models.payment import Refund, RefundState
from models.recording import Recording

DISPUTED, RESTORED = "disputed", "restored"
DAY_MS = 86_400_000
PIECE = 500
"""Rows of the CSV that are read at a time."""
_CLIP = joinedload(License.listing).joinedload(Listing.clip)
_WHOLE = select(License).options(
    _CLIP.joinedload(Clip.recording).joinedload(Recording.creator),
    joinedload(License.terms),
    joinedload(License.order_line).joinedload(OrderLine.order).selectinload(Order.lines),
)


@dataclass(frozen=True)
class Sale:
    """One license that was paid for. `back_cents`: what was refunded or taken by a dispute.
    `unassigned_cents`: what went back of its order, and nobody has said for which license.
    """

    license: License
    clip: Clip
    sold_ms: int
    price_cents: int
    back_cents: int
    currency: str
    standing: str
    unassigned_cents: int = 0

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
    """Of the visitor's own clips, newest first; of all clips for staff. Raises NotFound.

    All of them: who shows them reads `page`, who adds them up has `totals`.
    """
    newest = License.granted_ms.desc(), License.id.desc()
    return _read(session, _of(_needs(visitor), _WHOLE).order_by(*newest))


def page(session: Session, visitor: Visitor, cursor: str | None, limit: int) -> cursors.Page[Sale]:
    wanted = _of(_needs(visitor), _WHOLE)
    found = cursors.page(session, wanted, License.granted_ms, License.id, cursor, limit)
    return cursors.Page(_sales(session, found.rows), found.total, found.next_cursor)


def totals(session: Session, visitor: Visitor) -> list[Sum]:
    """One for each currency. Added up by the database, as the next two are."""
    found = _added(session, visitor, (literal(""), literal("")), lambda sale: ("", ""))
    return sorted(found, key=lambda one: one.currency)


def by_clip(session: Session, visitor: Visitor, most: int) -> list[Sum]:
    """The clips that brought most, in each currency."""
    by = Clip.id, Clip.title
    found = _added(session, visitor, by, lambda sale: (sale.clip.id, sale.clip.title), most)
    return sorted(found, key=lambda one: (one.currency, -one.kept_cents, one.name))


def by_month(session: Session, visitor: Visitor) -> list[Sum]:
    """Newest first; months by UTC."""
    day = func.coalesce(Order.paid_ms, License.granted_ms) // DAY_MS
    days = _added(session, visitor, (day, day), lambda sale: (sale.sold_ms // DAY_MS,) * 2)
    months: dict[tuple[str, str], list[Sum]] = {}
    for one in days:
        months.setdefault((_month(int(one.key) * DAY_MS), one.currency), []).append(one)
    found = [_sum(name, name, currency, of) for (name, currency), of in months.items()]
    return sorted(found, key=lambda one: (one.key, one.currency), reverse=True)


def unassigned(session: Session, visitor: Visitor) -> dict[str, int]:
    """By currency: of each order once, for no one can say whose it is."""
    concerned = _of(_needs(visitor), select(OrderLine.order_id).select_from(License))
    odd = balance.unsettled(session, concerned)
    sums: dict[str, int] = {}
    of = select(Order.id, Order.currency).where(Order.id.in_(odd))
    for order_id, currency in session.execute(of):
        cents = odd[order_id].unassigned_cents
        if cents:
            sums[currency] = sums.get(currency, 0) + cents
    return dict(sorted(sums.items()))


def in_all(found: Sequence[Sale]) -> list[Sum]:
    """One for each currency."""
    return sorted(_sums(found, lambda sale: ("", "")), key=lambda one: one.currency)


def as_csv(visitor: Visitor) -> Iterator[str]:
    """A piece at a time, however many there are. Raises NotFound at once."""
    _needs(visitor)
    return _csv(visitor)


def _csv(visitor: Visitor) -> Iterator[str]:
    head = ("sold", "license", "clip", "title", "creator", "terms", "price_cents")
    yield rows_as_csv(
        (*head, "returned_cents", "kept_cents", "currency", "state", "order_not_assigned_cents"), []
    )
    mark: str | None = ""
    while mark is not None:
        with reading() as session:
            found = page(session, visitor, mark, PIECE)
            rows = [_row(sale) for sale in found.rows]
        yield more_as_csv(rows)
        mark = found.next_cursor


def _row(sale: Sale) -> tuple[object, ...]:
    return (
        *(moment_iso(sale.sold_ms), sale.license.id, sale.clip.id, sale.clip.title),
        *(sale.clip.recording.creator.name, sale.license.terms.kind),
        *(sale.price_cents, sale.back_cents, sale.kept_cents),
        *(sale.currency, sale.standing, sale.unassigned_cents),
    )


def _needs(visitor: Visitor) -> Visitor:
    needs(visitor)
    if not visitor.creator_ids and not visitor.has(Role.CREATOR):
        raise NotFound("There is nothing at this address for this account.")
    return visitor


def _of(visitor: Visitor, wanted: Select[Any]) -> Select[Any]:
    wanted = (
        wanted.join(License.listing)
        .join(Listing.clip)
        .join(Clip.recording)
        .join(License.order_line)
        .join(OrderLine.order)
        .where(License.price_cents > 0)
    )
    if not visitor.has(Role.STAFF):
        wanted = wanted.where(Recording.creator_id.in_(visitor.creator_ids))
    return wanted


def _read(session: Session, wanted: Select[Any]) -> list[Sale]:
    return _sales(session, session.scalars(wanted).all())


def _sales(session: Session, rows: Sequence[License]) -> list[Sale]:
    orders = {row.order_line.order_id for row in rows if row.order_line}
    going = select(Refund).where(Refund.state == RefundState.ASKED, Refund.order_id.in_(orders))
    asked = {line for one in session.scalars(going) for line in one.lines}
    odd = balance.unsettled(session, select(Order.id).where(Order.id.in_(orders)))
    return [_sale(row, asked, odd) for row in rows]


def _added(
    session: Session,
    visitor: Visitor,
    by: tuple[Any, Any],
    key_of: Callable[[Sale], tuple[Any, Any]],
    most: int | None = None,
) -> list[Sum]:
    """`by`: key and name in the database; `key_of`: the same of a sale that was read, for what a
    dispute took is known of those alone, and they are few.
    """
    price, back = func.sum(License.price_cents), func.sum(OrderLine.refunded_cents)
    wanted = select(*by, License.currency, func.count(), price, back).select_from(License)
    wanted = _of(_needs(visitor), wanted).group_by(*by, License.currency)
    if most is not None:
        wanted = wanted.order_by(License.currency, (price - back).desc()).limit(most)
    found = {
        (row[0], row[2]): Sum(str(row[0]), str(row[1]), row[2], row[3], int(row[4]), int(row[5]))
        for row in session.execute(wanted)
    }
    revoked = License.state == LicenseState.REVOKED, Order.state == OrderState.REFUNDED
    taken = _of(visitor, _WHOLE).where(*revoked, OrderLine.price_cents > OrderLine.refunded_cents)
    for sale in _read(session, taken):
        key = key_of(sale)[0], sale.currency
        if key in found and sale.license.order_line is not None:
            more = sale.back_cents - sale.license.order_line.refunded_cents
            found[key] = replace(found[key], back_cents=found[key].back_cents + more)
    return list(found.values())


def _sum(key: str, name: str, currency: str, of: Sequence[Sum]) -> Sum:
    return Sum(
        *(key, name, currency, sum(one.count for one in of)),
        *(sum(one.price_cents for one in of), sum(one.back_cents for one in of)),
    )


def _sale(row: License, asked: set[str], balances: Mapping[str, Balance]) -> Sale:
    line = row.order_line
    assert line is not None
    back, standing = line.refunded_cents, "licensed"
    here = balances.get(line.order_id, EVEN)
    if row.state == LicenseState.REVOKED:
        standing = "revoked" if left_of_line(line) else "refunded"
        if left_of_line(line) and line.order.state == OrderState.REFUNDED:
            won = here.spare_cents >= sum(map(left_of_line, line.order.lines))
            back, standing = (back, RESTORED) if won else (row.price_cents, DISPUTED)
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
        unassigned_cents=here.unassigned_cents,
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
