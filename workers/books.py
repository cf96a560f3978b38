"""I5: the ledger equals the processor's events, nothing exclusive is held twice, and whoever paid
has a license or gets the money back.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.payments.facts import MONEY_OUT
from catalog.terms import fields
from models.base import now_ms, reading
from models.license import License, LicenseState
from models.order import Invoice, Order, OrderState
from models.payment import (
    PaymentEvent,
    PaymentKind,
    Refund,
    RefundState,
    SandboxPayment,
)
from models.reservation import Reservation, ReservationKind

GRACE_MS = 15 * 60_000
"""So long a webhook may be lost before it has to be known all the same."""

MOVES = {"payment.paid": "paid", "refund.paid": "refunded", "dispute.opened": "disputed"}
"""The sandbox's events that move money, and what the ledger calls them."""


def money_adds_up() -> Iterator[str]:
    with reading() as session:
        yield from _ledger(session)
        yield from _paid(session)
        yield from _overlaps(session)
        yield from _licensed(session)
        yield from _numbered(session)


def _ledger(session: Session) -> Iterator[str]:
    """The sandbox's books are here to compare with; another processor's are at the processor."""
    old = (session.scalar(select(now_ms())) or 0) - GRACE_MS
    counted: dict[tuple[str, str], int] = {}
    for row in session.scalars(select(PaymentEvent).filter_by(processor="sandbox", counted=True)):
        counted[row.kind, row.movement_ref] = row.amount_cents
    for payment in session.scalars(select(SandboxPayment)):
        for event in payment.events:
            known = counted.pop((MOVES.get(event["type"], ""), event["movement"]), None)
            due = event["type"] in MOVES and event["tell_ms"] < old
            if known is None and due:
                yield f"the sandbox told {event['id']}, and the ledger has nothing of it"
            elif known is not None and known != event["amount_cents"]:
                yield f"the ledger has {known} cents for {event['id']}, not {event['amount_cents']}"
    for kind, movement in counted:
        yield f"the ledger counts {kind} {movement}, which the sandbox never told"


def _paid(session: Session) -> Iterator[str]:
    """Every payment is the one that its order was granted for, or went back, or is going."""
    back: dict[str, int] = defaultdict(int)
    for refund in session.scalars(select(Refund).filter_by(state=RefundState.ASKED)):
        back[refund.payment_ref] += refund.amount_cents
    went = PaymentEvent.kind.in_(MONEY_OUT), PaymentEvent.counted
    for row in session.scalars(select(PaymentEvent).where(*went)):
        back[row.payment_ref] += row.amount_cents
    events = select(PaymentEvent).where(
        PaymentEvent.kind == PaymentKind.PAID,
        PaymentEvent.counted,
        PaymentEvent.order_id.is_not(None),
    )
    for row in session.scalars(events):
        order = session.get_one(Order, row.order_id)
        granted = order.state == OrderState.PAID and order.payment_ref == row.payment_ref
        if not granted and back[row.movement_ref] < row.amount_cents:
            yield f"payment {row.payment_ref} of order {order.id} bought nothing and is still here"
    for order in session.scalars(select(Order).filter_by(state=OrderState.PAID)):
        if any(line.license is None for line in order.lines):
            yield f"order {order.id} is paid, but not all of it is licensed"


def _overlaps(session: Session) -> Iterator[str]:
    """What the database forbids, looked at with other eyes."""
    by_clip: dict[str, list[Reservation]] = defaultdict(list)
    for row in session.scalars(select(Reservation).filter_by(released_ms=None)):
        by_clip[row.clip_id].append(row)
    for clip_id, rows in by_clip.items():
        for one, other in combinations(rows, 2):
            if one.lane != other.lane and _meet(one, other):
                yield f"clip {clip_id}: {one.kind} {one.id} and {other.kind} {other.id} overlap"


def _meet(one: Reservation, other: Reservation) -> bool:
    in_time = one.from_ms < other.until_ms and other.from_ms < one.until_ms
    return in_time and bool(one.media & other.media) and bool(one.territory & other.territory)


def _licensed(session: Session) -> Iterator[str]:
    """An active license has its place; what was let go of has no license."""
    kept = set(
        session.scalars(
            select(Reservation.order_line_id).where(
                Reservation.kind == ReservationKind.LICENSE, Reservation.released_ms.is_(None)
            )
        )
    )
    rows: Sequence[License] = session.scalars(
        select(License).where(License.order_line_id.is_not(None))
    ).all()
    for row in rows:
        private = fields(row.terms).private
        if row.state == LicenseState.ACTIVE and row.order_line_id not in kept and not private:
            yield f"license {row.id} is active, but its rights are not kept for it"
        if row.state == LicenseState.REVOKED and row.order_line_id in kept:
            yield f"license {row.id} is revoked, but its rights are still kept"


def _numbered(session: Session) -> Iterator[str]:
    series: dict[str, list[int]] = defaultdict(list)
    for number in session.scalars(select(Invoice.number).order_by(Invoice.number)):
        name, _, last = number.partition("-")
        series[name].append(int(last))
    for name, numbers in series.items():
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"the documents {name} are not numbered without gaps"
    invoiced = set(session.scalars(select(Invoice.order_id).filter_by(kind="invoice")))
    paid = select(Order.id).where(Order.state == OrderState.PAID, Order.total_cents > 0)
    for order_id in set(session.scalars(paid)) - invoiced:
        yield f"order {order_id} is paid and has no invoice"
