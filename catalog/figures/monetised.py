"""Monetised: which part of the clips on sale has earned something."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select

from catalog.errors import BadRequest
from catalog.figures.asked import PAGE, Asked, mark
from catalog.figures.shape import Chart, Column, Figure, Rows, Table, Value
from catalog.payments.facts import MONEY_OUT
from models.clip import Clip
from models.event import Event
from models.license import License
from models.listing import Listing
from models.membership import Charge
from models.offer import OfferView
from models.order import Order, OrderLine
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
ANY, NONE = "any", "none"


def figure(asked: Asked) -> Figure:
    all_ways = _ways(asked.as_of_ms)
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
        choices=(("way", (*WAYS, ANY, NONE)),),
        empty="No clip is on sale yet.",
    )


def drill(asked: Asked, wanted: Mapping[str, str], after: str) -> Rows:
    """Clips on sale: all that earned, those that earned one way, or those that did not."""
    last, which = mark(after), _on_sale(asked)
    ways = _ways(asked.as_of_ms)
    ways[NONE] = ~ways[ANY]
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


def _ways(as_of_ms: int) -> dict[str, ColumnElement[bool]]:
    """Of a listing; what several of them look at is computed once."""
    licensed, tipped = _licensed(as_of_ms).cte("licensed"), _tipped(as_of_ms).cte("tipped")
    draws = exists().where(
        Partner.account_id == licensed.c.account_id,
        Partner.pool_id == PoolMember.pool_id,
        PoolMember.listing_id == licensed.c.listing_id,
        Partner.since_ms <= licensed.c.granted_ms,
        or_(Partner.ended_ms.is_(None), Partner.ended_ms > licensed.c.granted_ms),
        _was_in(licensed.c.granted_ms),
    )
    bought = select(licensed.c.listing_id)
    offered = bought.where(licensed.c.offer_view_id.is_not(None))
    ways = {
        "license": Listing.id.in_(bought),
        "pool": Listing.id.in_(bought.where(draws)),
        "offer": or_(Listing.id.in_(offered), Listing.clip_id.in_(select(tipped.c.clip_id))),
    }
    return {**ways, ANY: or_(ways["license"], ways["offer"])}


def _was_in(at_ms: ColumnElement[int]) -> ColumnElement[bool]:
    """Of pools' members: at that moment, as its row says or, of times before, what was recorded
    when it came in again."""
    until = PoolMember.removed_ms
    now = and_(PoolMember.added_ms <= at_ms, or_(until.is_(None), until > at_ms))
    before = exists().where(
        Event.kind == "pool.was_in",
        Event.subject == PoolMember.pool_id + PoolMember.listing_id,
        Event.facts["from_ms"].as_numeric(20, 0) <= at_ms,
        Event.facts["until_ms"].as_numeric(20, 0) > at_ms,
    )
    return or_(now, before)


def _licensed(as_of_ms: int) -> Any:
    """Paid licenses that had not ended by then with their money gone."""
    turned = case((Event.kind == "license.revoked", 1), else_=-1)
    ended = (
        select(Event.subject)
        .where(Event.kind.in_(("license.revoked", "license.reinstated")), Event.at_ms < as_of_ms)
        .group_by(Event.subject)
        .having(func.sum(turned) > 0)
    )
    went_back = exists().where(
        PaymentEvent.order_id == Order.id,
        PaymentEvent.kind.in_(MONEY_OUT),
        PaymentEvent.counted,
        PaymentEvent.received_ms < as_of_ms,
    )
    return (
        select(License.listing_id, License.account_id, License.granted_ms, Order.offer_view_id)
        .join(OrderLine, OrderLine.id == License.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            License.price_cents > 0,
            License.granted_ms < as_of_ms,
            ~and_(License.id.in_(ended), went_back),
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
    led = Charge.offer_view_id.is_not(None), OfferView.clip_id.is_not(None)
    return wanted.where(*led, told(PaymentKind.PAID), ~back)
