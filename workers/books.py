"""I5: the ledger equals the processor's events, nothing exclusive is held twice, and whoever paid
has a license or gets the money back.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.members import memberships
from catalog.payments.facts import MONEY_OUT
from catalog.terms import fields
from models.base import now_ms, reading
from models.license import License, LicenseState
from models.membership import Charge, ChargeState, MemberEvent, Membership
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
        yield from _charged(session)
        yield from _overlaps(session)
        yield from _licensed(session)
        yield from _numbered(session)
        yield from _recurring(session)


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
    back = _returned(session)
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


def _charged(session: Session) -> Iterator[str]:
    """The same for members: each payment is what its charge was granted for, or went back. And what
    recurs is told without a gap.
    """
    back = _returned(session)
    granted: dict[str, int] = defaultdict(int)
    events = select(PaymentEvent, Charge).join(Charge, Charge.id == PaymentEvent.charge_id)
    paid = PaymentEvent.kind == PaymentKind.PAID, PaymentEvent.counted
    for row, charge in session.execute(events.where(*paid)).all():
        had = charge.state in (ChargeState.PAID, ChargeState.REFUNDED)
        if had and charge.payment_ref == row.payment_ref:
            granted[charge.id] += row.amount_cents
        elif back[row.movement_ref] < row.amount_cents:
            yield f"payment {row.payment_ref} of charge {charge.id} gave nothing and is still here"
    invoiced = set(session.scalars(select(Invoice.charge_id).filter_by(kind="invoice")))
    taken = select(Charge).where(
        Charge.state.in_((ChargeState.PAID, ChargeState.REFUNDED)), Charge.amount_cents > 0
    )
    for charge in session.scalars(taken):
        if granted[charge.id] != charge.amount_cents:
            yield f"charge {charge.id} is paid, but the ledger has {granted[charge.id]} cents of it"
        if charge.id not in invoiced:
            yield f"charge {charge.id} is paid and has no invoice"
        if sum(line["cents"] for line in charge.lines) != charge.amount_cents:
            yield f"the lines of charge {charge.id} do not sum to it"


def _recurring(session: Session) -> Iterator[str]:
    """What a membership's events tell follows without a gap, and ends with what recurs now."""
    last: dict[str, int] = defaultdict(int)
    rows = select(MemberEvent.membership_id, MemberEvent.before_mrr, MemberEvent.after_mrr)
    for membership_id, before, after in session.execute(rows.order_by(MemberEvent.at_ms)):
        if before != last[membership_id]:
            yield f"membership {membership_id}: its events do not follow on each other"
        last[membership_id] = after
    for one in session.scalars(select(Membership)):
        if memberships.mrr(one) != last[one.id]:
            yield f"membership {one.id} is not what its events say"


def _returned(session: Session) -> dict[str, int]:
    """Cents that went back or are going, by the payment's movement."""
    back: dict[str, int] = defaultdict(int)
    for refund in session.scalars(select(Refund).filter_by(state=RefundState.ASKED)):
        back[refund.payment_ref] += refund.amount_cents
    went = PaymentEvent.kind.in_(MONEY_OUT), PaymentEvent.counted
    for row in session.scalars(select(PaymentEvent).where(*went)):
        back[row.payment_ref] += row.amount_cents
    return back


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
