"""Monetised: which part of the clips on sale has earned something."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select

from catalog.errors import BadRequest
from catalog.figures.asked import PAGE, Asked, mark
from catalog.figures.shape import Chart, Column, Figure, Rows, Table, Value
from models.clip import Clip
from models.event import Event
from models.license import License
from models.listing import Listing
from models.membership import Charge
from models.offer import OfferView
from models.order import Order, OrderLine, OrderState
from models.payment import PaymentEvent, PaymentKind
from models.pool import Partner, PoolMember

NAME = "monetised"
FILTERS = ("way",)
TITLE = "Clips that earn"
DEFINITION = (
    "Clips on sale at the end of the day that earned by a paid license, by a pool or by an offer, "
    "divided by all clips on sale. By a pool: licensed by somebody who may draw from a pool that "
    "the clip is in. By an offer: a tip or a license that an offer led to. What was paid and went "
    "back did not earn. A clip that earned in several ways is in each of them, and once in all."
)
BY_WAY = (
    Column("way", "Earned by"),
    Column("clips", "Clips", "count"),
    Column("on_sale", "On sale", "count"),
    Column("share", "Share", "share"),
)
CLIPS = (
    *(Column("published", "Published", "moment"), Column("clip", "Clip"), Column("title", "Title")),
)
WAYS = ("license", "pool", "offer")
ANY = "any"


def figure(asked: Asked) -> Figure:
    ways = {name: _earned(name, asked.as_of_ms) for name in WAYS}
    all_ways = {**ways, ANY: or_(*ways.values())}
    sums = [func.sum(case((which, 1), else_=0)) for which in all_ways.values()]
    row = asked.session.execute(select(func.count(), *sums).where(*_on_sale(asked))).one()
    on_sale, *counts = (int(cell or 0) for cell in row)
    found = dict(zip(all_ways, counts, strict=True))
    rows = tuple(
        (name, many, on_sale, many / on_sale if on_sale else None) for name, many in found.items()
    )
    share = rows[-1][3]
    note = f"{found[ANY]:,} of {on_sale:,} on sale" if on_sale else "no clip is on sale yet"
    return Figure(
        name=NAME,
        title=TITLE,
        definition=DEFINITION,
        values=(Value("Clips that earned", "share", share, note=note),),
        tables=(Table("ways", "By how they earned", BY_WAY, rows),) if on_sale else (),
        charts=(
            Chart(
                "Clips on sale that earned, by how",
                "share",
                tuple(str(row[0]) for row in rows),
                (("Share of clips on sale", tuple(row[3] for row in rows)),),
            ),
        )
        if on_sale
        else (),
        filters=FILTERS,
        empty="No clip is on sale yet.",
    )


def drill(asked: Asked, wanted: Mapping[str, str], after: str) -> Rows:
    """Clips on sale: all that earned, those that earned one way, or those that did not."""
    last, which = mark(after), _on_sale(asked)
    ways = {name: _earned(name, asked.as_of_ms) for name in WAYS}
    ways |= {ANY: or_(*ways.values()), "none": ~or_(*ways.values())}
    name = wanted.get("way") or ANY
    if name not in ways:
        raise BadRequest(f"way: one of {', '.join(ways)}.")
    which.append(ways[name])
    at = Listing.published_ms
    if last:
        which.append(or_(at < last[0], and_(at == last[0], Listing.id < last[1])))
    query = select(at, Listing.clip_id, Clip.title, Listing.id).join(
        Clip, Clip.id == Listing.clip_id
    )
    newest = query.where(*which).order_by(at.desc(), Listing.id.desc()).limit(PAGE + 1)
    found = asked.session.execute(newest).all()
    more = f"{found[PAGE - 1][0]}~{found[PAGE - 1][3]}" if len(found) > PAGE else ""
    return Rows(CLIPS, [(row[0], row[1], row[2]) for row in found[:PAGE]], more)


def _on_sale(asked: Asked) -> list[ColumnElement[bool]]:
    """Seen by everybody by then, and not withdrawn at that moment: what was withdrawn or restored
    afterwards changes nothing.
    """
    turned = case((Event.kind == "listing.withdrawn", 1), else_=-1)
    withdrawn = (
        select(Event.subject)
        .where(
            Event.kind.in_(("listing.withdrawn", "listing.restored")),
            Event.at_ms < asked.as_of_ms,
        )
        .group_by(Event.subject)
        .having(func.sum(turned) > 0)
    )
    wanted = [
        Listing.visible_from_ms < asked.as_of_ms,
        Listing.published_ms < asked.as_of_ms,
        Listing.id.not_in(withdrawn),
    ]
    return [*wanted, *([Listing.creator_id == asked.creator_id] if asked.creator_id else [])]


def _earned(way: str, as_of_ms: int) -> ColumnElement[bool]:
    if way == "license":
        return Listing.id.in_(_licensed(as_of_ms))
    if way == "pool":
        draws = exists().where(
            Partner.account_id == License.account_id,
            Partner.pool_id == PoolMember.pool_id,
            PoolMember.listing_id == License.listing_id,
            *(Partner.since_ms <= License.granted_ms, PoolMember.added_ms <= License.granted_ms),
            or_(Partner.ended_ms.is_(None), Partner.ended_ms > License.granted_ms),
            or_(PoolMember.removed_ms.is_(None), PoolMember.removed_ms > License.granted_ms),
        )
        return Listing.id.in_(_licensed(as_of_ms).where(draws))
    by_order = _licensed(as_of_ms).where(Order.offer_view_id.is_not(None))
    return or_(Listing.id.in_(by_order), Listing.clip_id.in_(_tipped(as_of_ms)))


def _licensed(as_of_ms: int) -> Any:
    """Listings with a paid license that nothing ended by a refund or dispute before that moment."""
    returned = or_(OrderLine.refunded_cents > 0, Order.state == OrderState.REFUNDED)
    return (
        select(License.listing_id)
        .join(OrderLine, OrderLine.id == License.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            License.price_cents > 0,
            License.granted_ms < as_of_ms,
            or_(License.revoked_ms.is_(None), License.revoked_ms >= as_of_ms, ~returned),
        )
    )


def _tipped(as_of_ms: int) -> Any:
    """Clips whose offers led to something that is paid, as the ledger tells."""

    def told(*kinds: PaymentKind) -> ColumnElement[bool]:
        return exists().where(
            PaymentEvent.charge_id == Charge.id,
            PaymentEvent.kind.in_(kinds),
            PaymentEvent.counted,
            PaymentEvent.received_ms < as_of_ms,
        )

    wanted = select(OfferView.clip_id).join(Charge, Charge.offer_view_id == OfferView.id)
    back = told(PaymentKind.REFUNDED, PaymentKind.DISPUTED)
    return wanted.where(OfferView.clip_id.is_not(None), told(PaymentKind.PAID), ~back)
