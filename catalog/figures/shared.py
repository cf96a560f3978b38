"""What of the ledger is one creator's.

The money of an order of theirs alone is theirs. Of one that holds clips of several creators it is
what its invoice and credit notes say of their clips, for the ledger knows no clips; a dispute takes
what is left, and what comes back comes to whom it was taken from. All of it is append-only.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session

from catalog import invoices
from models.listing import Listing
from models.order import Invoice, Order, OrderLine
from models.payment import PaymentEvent, PaymentKind

CLIP = re.compile(r"Clip ([0-9a-f]{32}),")
"""As the lines of invoices and credit notes say it."""
PAID, REFUNDED = str(PaymentKind.PAID), str(PaymentKind.REFUNDED)


@dataclass(frozen=True)
class Moved:
    """`cents`: below nothing where it went back."""

    at: int
    id: str
    kind: str
    subject: str
    cents: int
    currency: str


def alone(order_id: Any, creator_id: str) -> ColumnElement[bool]:
    """Orders of this creator's clips and no other's."""
    return and_(_holds(order_id, creator_id), ~_holds_others(order_id, creator_id))


def movements(session: Session, creator_id: str, end_ms: int) -> list[Moved]:
    """In orders that they share with others, before that moment."""
    both = _holds(Order.id, creator_id), _holds_others(Order.id, creator_id)
    orders = session.scalars(select(Order).where(Order.paid_ms.is_not(None), *both)).all()
    ids = [one.id for one in orders]
    clips, papers, events = (
        _clips(session, ids, creator_id),
        _papers(session, ids, end_ms),
        _events(session, ids, end_ms),
    )
    return [
        moved
        for one in orders
        for moved in _replayed(one, clips[one.id], papers[one.id], events[one.id])
        if moved.cents
    ]


def _holds(order_id: Any, creator_id: str) -> ColumnElement[bool]:
    return _a_line(order_id, Listing.creator_id == creator_id)


def _holds_others(order_id: Any, creator_id: str) -> ColumnElement[bool]:
    return _a_line(order_id, Listing.creator_id != creator_id)


def _a_line(order_id: Any, which: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        OrderLine.order_id == order_id,
        OrderLine.price_cents > 0,
        Listing.id == OrderLine.listing_id,
        which,
    )


def _clips(session: Session, ids: Sequence[str], creator_id: str) -> Mapping[str, set[str]]:
    wanted = select(OrderLine.order_id, Listing.clip_id).join(
        Listing, Listing.id == OrderLine.listing_id
    )
    mine = OrderLine.order_id.in_(ids), Listing.creator_id == creator_id
    found: dict[str, set[str]] = defaultdict(set)
    for order_id, clip_id in session.execute(wanted.where(*mine)):
        found[order_id].add(clip_id)
    return found


def _papers(session: Session, ids: Sequence[str], end_ms: int) -> Mapping[str, list[Invoice]]:
    found: dict[str, list[Invoice]] = defaultdict(list)
    for one in invoices.of_orders(session, ids):
        if one.issued_ms < end_ms:
            found[one.order_id or ""].append(one)
    return found


def _events(session: Session, ids: Sequence[str], end_ms: int) -> Mapping[str, list[PaymentEvent]]:
    one = PaymentEvent
    wanted = select(one).where(
        one.order_id.in_(ids),
        one.counted,
        one.kind.in_((PaymentKind.DISPUTED, PaymentKind.RESTORED)),
        one.received_ms < end_ms,
    )
    found: dict[str, list[PaymentEvent]] = defaultdict(list)
    for row in session.scalars(wanted):
        found[row.order_id or ""].append(row)
    return found


def _replayed(
    order: Order, clips: set[str], papers: Sequence[Invoice], events: Sequence[PaymentEvent]
) -> list[Moved]:
    """In the order in which it was recorded; the papers of one moment before what a bank says."""
    told: list[tuple[int, int, Invoice | PaymentEvent]] = [
        *((one.issued_ms, 0, one) for one in papers),
        *((one.received_ms, 1, one) for one in events),
    ]
    mine = all_back = my_back = 0
    taken: dict[str, int] = {}
    found = []
    for at, _, one in sorted(told, key=lambda row: row[:2]):
        if isinstance(one, Invoice):
            part = _part(one, clips)
            is_credit = one.kind == invoices.CREDIT
            cents = -part if is_credit else part
            all_back += one.facts["cents"] if is_credit else 0
            my_back += part if is_credit else 0
            kind, id_ = (REFUNDED if is_credit else PAID), one.number
        else:
            kind, id_ = str(one.kind), one.event_id
            if one.kind == PaymentKind.DISPUTED:
                cents = -mine
                taken[one.movement_ref] = mine
            elif one.movement_ref in taken:
                cents = taken.pop(one.movement_ref)
            else:  # a bank sent a refund back
                cents = one.amount_cents * my_back // all_back if all_back else 0
        mine += cents
        found.append(Moved(at, id_, kind, order.id, cents, order.currency))
    return found


def _part(paper: Invoice, clips: set[str]) -> int:
    """What its lines say of these clips."""
    cents = 0
    for line in paper.facts["lines"]:
        named = CLIP.match(line["says"][0]) if line["says"] else None
        if named and named[1] in clips:
            cents += line["cents"]
    return cents
