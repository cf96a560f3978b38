"""The ledger: every event once, with its effect in the same transaction, in whatever order.

The order is locked first, so two events of one order are never looked at side by side. `counted`
marks the one event of each movement that sums count; the database holds it to one. What is said
here of orders holds for members' charges too; their effects are in catalog.members.charges.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog import orders, refunds
from catalog.csvs import rows_as_csv
from catalog.errors import CatalogError
from catalog.members import charge_rows, charges, paybacks
from catalog.payments import counting
from catalog.payments.balance import left_of_line
from catalog.payments.facts import MONEY_IN, MONEY_OUT, PaymentFact, house
from catalog.payments.processors import by_name
from catalog.web.words import moment_iso
from models import event
from models.base import unit_of_work
from models.membership import Charge
from models.order import Order, OrderState
from models.payment import PaymentEvent, PaymentKind, Refund

KNOWN = "known"
GRANTED = "granted"
MOVES = (*MONEY_IN, *MONEY_OUT)
PAGE = 100
NOT_ANY_MORE = {
    OrderState.CART: "The order was not at the payment processor.",
    OrderState.PAID: "The order was paid already.",
    OrderState.CANCELLED: "The order was cancelled before the payment arrived.",
    OrderState.REFUNDED: "The order was refunded before.",
}


@dataclass(frozen=True)
class Sums:
    """Cents of one currency at one processor."""

    paid: int = 0
    refunded: int = 0
    disputed: int = 0
    restored: int = 0

    @property
    def net(self) -> int:
        return self.paid + self.restored - self.refunded - self.disputed


def receive(processor: str, body: bytes, headers: Mapping[str, str]) -> list[str]:
    """One webhook, as it came. Raises Forged, and NotFound for a processor that is not known."""
    return hear_all(by_name(processor).facts_of(body, headers))


def hear_all(facts: Sequence[PaymentFact]) -> list[str]:
    """Each in a transaction of its own."""
    outcomes = []
    for fact in facts:
        with unit_of_work() as session:
            outcomes.append(heard(session, fact))
    return outcomes


def heard(session: Session, fact: PaymentFact, at_ms: int | None = None) -> str:
    """What it led to; KNOWN where it was heard before. Any event, any order, any repetition.
    `at_ms`: when; the database's now, where no years are tried out.
    """
    ours = fact.house == house(session)
    subject = _subject_of(session, fact) if ours else None
    if session.get(PaymentEvent, (fact.processor, fact.event_id)) is not None:
        return KNOWN
    counted = ours and fact.kind in MOVES and counting.counts(session, fact)
    if not ours:
        outcome = "for another house; nothing was done"
    elif subject is None:
        outcome = "no such order here; a person has to look"
        refunds.tell_staff(session, f"{fact.processor} told of a payment of no order here.", None)
    elif fact.kind in MOVES and not counted:
        outcome = _not_counted(session, fact)
    elif isinstance(subject, Charge):
        outcome = charges.heard(session, subject, fact, at_ms)
    else:
        outcome = EFFECTS[fact.kind](session, subject, fact)
    row = _row(fact, subject, counted, outcome)
    if at_ms is not None:
        row.received_ms = at_ms
    if subject is not None:
        session.add(row)
        session.flush()
    elif not _is_first(session, row):
        return KNOWN
    event.record(session, "payment.heard", fact.event_id[:64], what=fact.kind, outcome=outcome)
    return outcome


def sums(session: Session) -> dict[tuple[str, str], Sums]:
    """By processor and currency."""
    rows = session.execute(
        select(
            PaymentEvent.processor,
            PaymentEvent.currency,
            PaymentEvent.kind,
            func.sum(PaymentEvent.amount_cents),
        )
        .where(PaymentEvent.counted)
        .group_by(PaymentEvent.processor, PaymentEvent.currency, PaymentEvent.kind)
    )
    found: dict[tuple[str, str], dict[str, int]] = {}
    for processor, currency, kind, cents in rows:
        found.setdefault((processor, currency), {})[str(kind)] = int(cents)
    return {key: Sums(**kinds) for key, kinds in sorted(found.items())}


def page(session: Session, before: tuple[int, str] | None = None) -> Sequence[PaymentEvent]:
    """Newest first; `before`: the time and id of the last one of the page before."""
    wanted = select(PaymentEvent)
    if before:
        at, event_id = before
        older = (PaymentEvent.received_ms < at) | (
            (PaymentEvent.received_ms == at) & (PaymentEvent.event_id < event_id)
        )
        wanted = wanted.where(older)
    newest = PaymentEvent.received_ms.desc(), PaymentEvent.event_id.desc()
    return session.scalars(wanted.order_by(*newest).limit(PAGE)).all()


def as_csv(session: Session) -> str:
    """Every event; the signed column sums to what the processor holds."""
    rows = session.scalars(
        select(PaymentEvent).order_by(PaymentEvent.received_ms, PaymentEvent.event_id)
    )
    head = ("received", "happened", "processor", "event", "kind", "order", "payment", "movement")
    return rows_as_csv(
        (*head, "amount_cents", "currency", "counted", "signed_cents", "outcome"),
        [
            (
                *(moment_iso(row.received_ms), moment_iso(row.happened_ms)),
                *(row.processor, row.event_id, row.kind, row.order_id or row.charge_id),
                *(row.payment_ref, row.movement_ref, row.amount_cents, row.currency),
                *("yes" if row.counted else "no", signed_cents(row), row.outcome),
            )
            for row in rows
        ],
    )


def signed_cents(row: PaymentEvent) -> int:
    if not row.counted:
        return 0
    return row.amount_cents if row.kind in MONEY_IN else -row.amount_cents


def _paid(session: Session, order: Order, fact: PaymentFact) -> str:
    before = paybacks.went_back(session, fact)
    if before:  # told out of order
        problem = "The payment went back before it was told of."
    else:
        problem = _granted(session, order, fact)
    if not problem:
        return GRANTED
    left = fact.amount_cents - before
    if order.state == OrderState.HELD and order.payment_ref in ("", fact.payment_ref):
        orders.cancel(session, order, f"{problem} You get your money back.")
    if left > 0:
        refund = refunds.add(session, order, fact.movement_ref, left, lines=[], why=problem)
        refund.processor, refund.currency = fact.processor, fact.currency
    return f"refunded: {problem}"


def _granted(session: Session, order: Order, fact: PaymentFact) -> str:
    """Empty where it was; else why not, and nothing of it happened."""
    if order.state != OrderState.HELD:
        return NOT_ANY_MORE[OrderState(order.state)]
    if (fact.amount_cents, fact.currency) != (order.total_cents, order.currency):
        return "The amount that arrived is not the order's."
    try:
        with session.begin_nested():
            order.processor, order.payment_ref = fact.processor, fact.payment_ref
            orders.fulfil(session, order, fact.happened_ms)
    except CatalogError as error:
        session.refresh(order)
        return f"It could not be granted any more: {error}"
    return ""


def _kept(session: Session, order: Order, fact: PaymentFact) -> str:
    return "an order keeps no method; nothing was done"


def _over(session: Session, order: Order, fact: PaymentFact) -> str:
    """Declined or expired. An older attempt's end is not the order's."""
    if order.payment_ref not in ("", fact.payment_ref):
        return "of an attempt before; nothing was done"
    why = {
        PaymentKind.FAILED: "The payment was declined. Nothing was taken.",
        PaymentKind.EXPIRED: "The payment was not made in time, or given up. Nothing was taken.",
    }[fact.kind]
    return "cancelled" if orders.cancel(session, order, why) else "nothing was waiting for it"


def _refunded(session: Session, order: Order, fact: PaymentFact) -> str:
    refund = session.get(Refund, fact.refund_id) if fact.refund_id else None
    if refund is not None and refund.order_id != order.id:
        refund = None
    if refund is None and not _is_paid_by(session, order, fact):
        return "kept; it is not of the payment that this order was granted for"
    outcome = refunds.settled(session, order, refund, fact.amount_cents)
    if "staff" in outcome:
        refunds.tell_staff(session, "An order was partly refunded at the processor.", order.id)
    return outcome


def _disputed(session: Session, order: Order, fact: PaymentFact) -> str:
    refunds.tell_staff(session, "A payment is disputed by the buyer's bank.", order.id)
    if order.state != OrderState.PAID or not _is_paid_by(session, order, fact):
        return "disputed; nothing was granted for it"
    left = [line for line in order.lines if not line.price_cents or left_of_line(line)]
    refunds.revoke_lines(session, order, left, "The payment was disputed at the buyer's bank.")
    return refunds.revoked(left)


def _restored(session: Session, order: Order, fact: PaymentFact) -> str:
    refunds.tell_staff(session, "Money that had gone back is here again.", order.id)
    return "money is here again; a person has to look"


EFFECTS: dict[PaymentKind, Callable[[Session, Order, PaymentFact], str]] = {
    PaymentKind.PAID: _paid,
    PaymentKind.FAILED: _over,
    PaymentKind.EXPIRED: _over,
    PaymentKind.REFUNDED: _refunded,
    PaymentKind.DISPUTED: _disputed,
    PaymentKind.RESTORED: _restored,
    PaymentKind.KEPT: _kept,
}


def _is_first(session: Session, row: PaymentEvent) -> bool:
    """Of no order, and told twice at once: the other one is the record."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True


def _subject_of(session: Session, fact: PaymentFact) -> Order | Charge | None:
    """Locked. By the mark it carries, else by what was paid under that name."""
    marked = fact.order_id
    if not marked:
        same = PaymentEvent.movement_ref == fact.payment_ref
        known = select(PaymentEvent.order_id, PaymentEvent.charge_id).where(
            PaymentEvent.processor == fact.processor, PaymentEvent.kind == PaymentKind.PAID, same
        )
        row = session.execute(known).first()
        marked = (row.order_id or row.charge_id or "") if row else ""
    if not marked:
        return None
    return charge_rows.locked(session, marked) or orders.locked(session, marked)


def _not_counted(session: Session, fact: PaymentFact) -> str:
    if not counting.never_went(session, fact):
        return "another event told of it before"
    if fact.refund_id and session.get(Refund, fact.refund_id) is not None:
        paybacks.refused(session, fact.refund_id, "The bank or the processor did not carry it out.")
    return "nothing had gone, so nothing came back"


def _is_paid_by(session: Session, order: Order, fact: PaymentFact) -> bool:
    wanted = select(PaymentEvent.event_id).where(
        PaymentEvent.order_id == order.id,
        PaymentEvent.kind == PaymentKind.PAID,
        PaymentEvent.payment_ref == order.payment_ref,
        PaymentEvent.movement_ref == fact.payment_ref,
        PaymentEvent.counted,
    )
    return session.scalars(wanted).first() is not None


def _row(
    fact: PaymentFact, subject: Order | Charge | None, counted: bool, outcome: str
) -> PaymentEvent:
    return PaymentEvent(
        processor=fact.processor,
        event_id=fact.event_id,
        kind=fact.kind,
        order_id=subject.id if isinstance(subject, Order) else None,
        charge_id=subject.id if isinstance(subject, Charge) else None,
        payment_ref=fact.payment_ref,
        movement_ref=fact.movement_ref,
        amount_cents=fact.amount_cents,
        currency=fact.currency,
        counted=counted,
        outcome=outcome[:300],
        facts={**fact.told, "house": fact.house[:40], "said_order": fact.order_id[:40]},
        happened_ms=fact.happened_ms,
    )
