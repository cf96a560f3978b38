"""Shopping: terms and prices in force, quotes, carts, orders at the sandbox, and what it tells."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog import checkout, invoices, orders, pricing, terms
from catalog import refunds as refunds_of
from catalog.auth import Visitor
from catalog.checkout import Buyer
from catalog.payments import ledger, sandbox
from catalog.payments.facts import PaymentFact, ProcessorRefused
from models.account import Role
from models.base import now_ms, reading, unit_of_work
from models.license import License
from models.listing import Listing
from models.order import Order, OrderState
from models.payment import PaymentEvent, Refund, RefundState, SandboxPayment
from models.quote import Quote
from models.reservation import Reservation, ReservationKind
from tests import factories

BUYER = Buyer("Film & Co", "buyer@example.org", "DE")
GUEST, OTHER = Visitor(guest="g" * 64), Visitor(guest="o" * 64)
STAFF = Visitor(account_id="5" * 32, roles=frozenset({Role.STAFF}))
WEEK_MS = 7 * 86_400_000


def open_shop() -> None:
    with unit_of_work() as session:
        if not terms.is_published(session):
            terms.publish(session)
            pricing.publish(session)


def quote(
    session: Session,
    visitor: Visitor = GUEST,
    *,
    listing_id: str = "",
    kind: str = "editorial",
    cents: int = 12_000,
    **values: Any,
) -> Quote:
    """Open for a week; `use` in values takes the place of websites worldwide for a year."""
    work = session.get(Listing, listing_id) or factories.listing(session)
    now = session.scalar(select(now_ms())) or 0
    use = values.pop("use", {})
    given = {
        "listing_id": work.id,
        "terms_id": terms.of_kind(session, kind).id,
        "account_id": visitor.account_id,
        "guest": visitor.guest,
        "use": {"media": ["web"], "starts_ms": now, "term_days": 365, "territory": ["WORLD"]} | use,
        "price_cents": cents,
        "currency": "USD",
        "breakdown": [],
        "expires_ms": now + WEEK_MS,
    }
    made = Quote(**{**given, **values})
    session.add(made)
    session.flush()
    return made


def in_cart(visitor: Visitor = GUEST, *cents: int, **values: Any) -> str:
    """The cart's order id: one clip for each price."""
    open_shop()
    with unit_of_work() as session:
        for one in cents or (12_000,):
            row = quote(session, visitor, cents=one, **values)
            order = orders.add(session, visitor, row.id)
        return order.id


def at_processor(visitor: Visitor = GUEST, *cents: int, **values: Any) -> tuple[str, str]:
    """The order's id, and its payment's at the sandbox."""
    order_id = in_cart(visitor, *cents, **values)
    total = sum(cents or (12_000,))
    checkout.begin(visitor, order_id, BUYER, agreed=True, cents=total, currency="USD")
    return order_id, order(order_id).payment_ref


def paid(visitor: Visitor = GUEST, *cents: int, **values: Any) -> tuple[str, str]:
    order_id, payment = at_processor(visitor, *cents, **values)
    tell(payment, sandbox.answered(payment, "pay")[1])
    return order_id, payment


def tell(payment: str, number: int) -> list[str]:
    """The webhook of this event of the payment, once."""
    body, headers, _ = sandbox.message(payment, number)
    return ledger.receive("sandbox", body, headers)


def hear_lost(facts: list[PaymentFact]) -> list[str]:
    """What a processor tells when it is asked, later than all else."""
    return ledger.hear_all(facts)


def pay_back() -> list[str]:
    """What the step `refund` does, for all that is asked."""
    with reading() as session:
        rows = session.scalars(select(Refund).filter_by(state=RefundState.ASKED)).all()
    return [
        outcome
        for row in rows
        for outcome in ledger.hear_all(
            sandbox.refund(row.id, row.order_id, row.payment_ref, row.amount_cents)
        )
    ]


def pay_back_what_can_be() -> None:
    """The step `refund` where the processor may refuse: more went back there than we know of."""
    with reading() as session:
        rows = session.scalars(select(Refund).filter_by(state=RefundState.ASKED)).all()
    for row in rows:
        try:
            told = sandbox.refund(row.id, row.order_id, row.payment_ref, row.amount_cents)
        except ProcessorRefused as error:
            with unit_of_work() as session:
                refunds_of.failed(session, row.id, str(error))
        else:
            ledger.hear_all(told)


def order(order_id: str) -> Order:
    with reading() as session:
        found = orders.locked(session, order_id)
        assert found is not None
        return found


def licenses(**values: Any) -> list[License]:
    with reading() as session:
        return list(session.scalars(select(License).filter_by(**values)))


def licenses_of(order_id: str) -> list[License]:
    ids = [line.id for line in order(order_id).lines]
    with reading() as session:
        return list(session.scalars(select(License).where(License.order_line_id.in_(ids))))


def events() -> list[PaymentEvent]:
    with reading() as session:
        wanted = select(PaymentEvent).order_by(PaymentEvent.received_ms, PaymentEvent.event_id)
        return list(session.scalars(wanted))


def kept() -> int:
    """Reservations that are in force."""
    with reading() as session:
        return len(session.scalars(select(Reservation).filter_by(released_ms=None)).all())


def papers(order_id: str) -> list[str]:
    with reading() as session:
        return [one.kind for one in invoices.of_order(session, order_id)]


def refunds(order_id: str) -> list[Refund]:
    with reading() as session:
        return list(refunds_of.of_order(session, order_id))


def ask_refund(order_id: str, lines: list[str] | None = None) -> None:
    with unit_of_work() as session:
        refunds_of.ask(session, STAFF, order_id, lines or [], "It was a mistake")


def net() -> int:
    """What the ledger says is held, in the one currency of a test."""
    with reading() as session:
        return sum(one.net for one in ledger.sums(session).values())


def at_sandbox(payment: str) -> SandboxPayment:
    with reading() as session:
        return session.get_one(SandboxPayment, payment)


def let_holds_end() -> None:
    """As if their time had passed; their rows are still as they were."""
    with unit_of_work() as session:
        session.execute(
            update(Reservation)
            .where(Reservation.kind == ReservationKind.HOLD)
            .values(expires_ms=now_ms() - 1_000)
        )


def grow_old(order_id: str, minutes: int) -> None:
    """As if checkout had begun so long ago."""
    with unit_of_work() as session:
        began = now_ms() - minutes * 60_000
        session.execute(
            update(Order)
            .where(Order.id == order_id)
            .values(changed_ms=began, held_until_ms=began + checkout.HOLD_MS)
        )


def forget_payment(order_id: str) -> None:
    with unit_of_work() as session:
        session.execute(update(Order).where(Order.id == order_id).values(payment_ref=""))


def listed() -> str:
    """A listing's id."""
    open_shop()
    with unit_of_work() as session:
        return factories.listing(session).id


def release_all() -> None:
    with unit_of_work() as session:
        session.execute(update(Reservation).values(released_ms=now_ms()))


def cancel_behind_the_back(order_id: str) -> None:
    with unit_of_work() as session:
        changed = update(Order).where(Order.id == order_id)
        session.execute(changed.values(state=OrderState.CANCELLED))
