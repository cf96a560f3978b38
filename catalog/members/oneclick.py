"""One click: tips and small orders by the kept method, taken back likewise within a day."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import checkout, orders, refunds
from catalog.auth import Visitor, needs
from catalog.checkout import Buyer
from catalog.entitlements import now_of
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members import charge_rows, collecting, methods, paybacks, proration
from catalog.members.collecting import Way
from catalog.members.granting import UNDO_MS
from catalog.offers import heard
from catalog.payments import ledger
from catalog.payments.balance import left_of_line
from catalog.payments.facts import PaymentFact, ProcessorDown, ProcessorRefused, house
from catalog.payments.processors import by_name
from models.base import new_id, now_ms, reading, unit_of_work
from models.creator import Creator
from models.event import Event
from models.membership import Charge, ChargeKind, ChargeState, PaymentMethod
from models.order import Order, OrderLine, OrderState
from models.payment import RefundState
from models.settings import settings
from models.turns import take_turn

LEAST_TIP, MOST_TIP = 50, 10_000
TWICE_MS = 60_000
"""The same tip again so soon is a second click."""
DECLINED = "Your payment method was declined. Nothing was taken."
TOO_LATE = "The day in which it can be taken back is over."


def tip(
    visitor: Visitor, creator_id: str, cents: int, currency: str, offer_view_id: str | None = None
) -> Way:
    """Raises Refusal where it is declined, BadRequest for a sum that is no tip."""
    needs(visitor)
    account_id = visitor.account_id or ""
    if isinstance(cents, bool) or not LEAST_TIP <= cents <= MOST_TIP:
        raise BadRequest(f"cents: a tip is from {LEAST_TIP} to {MOST_TIP} cents.")
    if currency != settings().currency:
        raise BadRequest(f"currency: tips are in {settings().currency}.")
    with unit_of_work(actor=visitor.actor) as session:
        charge = ask_tip(session, account_id, creator_id, cents, now_of(session), offer_view_id)
        by_kept = methods.stored(session, account_id) is not None
    if charge.state != ChargeState.ASKED:
        return Way(charge.id)
    if not by_kept or charge.held_until_ms is not None:
        return collecting.on_page(charge.id)
    try:
        state = collecting.collect(charge.id, charge.created_ms)
    except ProcessorDown:
        return Way(charge.id)
    if state == ChargeState.FAILED:
        raise Refusal(DECLINED, "declined")
    return Way(charge.id)


def ask_tip(
    session: Session,
    account_id: str,
    creator_id: str,
    cents: int,
    at_ms: int,
    offer_view_id: str | None = None,
) -> Charge:
    """The charge; that of the click before where this is the second one."""
    creator = session.get(Creator, creator_id)
    if creator is None:
        raise NotFound("There is no such creator.")
    take_turn(session, f"tip {account_id}")
    lately = select(Charge).where(
        Charge.account_id == account_id,
        Charge.creator_id == creator_id,
        Charge.kind == ChargeKind.TIP,
        Charge.amount_cents == cents,
        Charge.state.in_((ChargeState.ASKED, ChargeState.PAID)),
        Charge.created_ms > at_ms - TWICE_MS,
        Charge.offer_view_id == offer_view_id,
    )
    found = session.scalars(lately.order_by(Charge.created_ms.desc())).first()
    if found is not None:
        return found
    wanted = proration.summed([(f"Tip for {creator.name}", cents)], ("", 0), 0)
    return charge_rows.ask(
        session,
        f"tip-{new_id()}",
        ChargeKind.TIP,
        account_id,
        creator_id,
        wanted,
        settings().currency,
        at_ms,
        offer_view_id=offer_view_id,
    )


def undo_charge(visitor: Visitor, charge_id: str) -> None:
    """All of it goes back. Repeated, it goes back once. Raises Refusal, NotFound."""
    with unit_of_work(actor=visitor.actor) as session:
        charge_rows.visible(session, visitor, charge_id)
        charge = charge_rows.locked(session, charge_id)
        assert charge is not None
        if charge.kind != ChargeKind.TIP:
            raise Refusal("A membership is left or withdrawn from on its own page.", "not_a_tip")
        if charge.state not in (ChargeState.PAID, ChargeState.REFUNDED):
            raise Refusal("Nothing was paid that could go back.", "not_paid")
        left = paybacks.left_of(session, charge)
        if left <= 0:
            return
        if now_of(session) >= (charge.undo_until_ms or 0):
            raise Refusal(TOO_LATE, "too_late")
        paybacks.of_paid(session, charge, left, "Taken back by who paid it.")
        heard.charge_undone(session, charge)


def pay_order(visitor: Visitor, order_id: str) -> Way:
    """By the kept method; on the processor's page where none is kept. Who is licensed is the
    account's own name. Raises Refusal where it is declined or can't be bought any more.
    """
    needs(visitor)
    with unit_of_work(actor=visitor.actor) as session:
        order = orders.visible(session, visitor, order_id, locked=True)
        if order.account_id != visitor.account_id:
            raise NotFound("There is no order at this address for you.")
        if order.state == OrderState.CART:
            hold(session, visitor, order)
    if order.state != OrderState.HELD:
        return Way(order.id)
    if order.undo_until_ms is None:
        return Way(order.id, checkout.resume(visitor, order.id).url)
    try:
        state = reconcile_order(order.id)
    except ProcessorDown:
        return Way(order.id)
    if state == OrderState.CANCELLED:
        raise Refusal(f"{DECLINED} You can still buy it by your cart.", "declined")
    return Way(order.id)


def hold(session: Session, visitor: Visitor, order: Order) -> None:
    """In the name of the account; of one that is taken from a kept method nothing is left to do
    but pay_order(). Raises Refusal.
    """
    buyer = _buyer(session, visitor)
    checkout.hold(session, visitor, order, buyer, order.total_cents, order.currency)
    if methods.stored(session, visitor.account_id or "") is not None:
        order.undo_until_ms = now_of(session) + UNDO_MS


def waiting_orders() -> list[str]:
    """Orders of one click whose payment is not known of yet."""
    with reading() as session:
        wanted = select(Order.id).where(
            Order.state == OrderState.HELD,
            Order.undo_until_ms.is_not(None),
            Order.changed_ms <= now_ms() - checkout.ASK_MS,
        )
        return list(session.scalars(wanted.order_by(Order.changed_ms)))


def reconcile_order(order_id: str) -> str:
    """Take it, or hear what became of it: the key is the same. Its state after."""
    with unit_of_work() as session:
        order = orders.locked(session, order_id)
        if order is None or order.state != OrderState.HELD or order.undo_until_ms is None:
            return str(order.state) if order else ""
        method = methods.stored(session, order.account_id or "")
        if method is None:
            orders.cancel(session, order, collecting.NO_METHOD)
            return str(order.state)
        mark = house(session)
    try:
        ledger.hear_all(_charged(order, method, mark))
    except ProcessorRefused as error:
        with unit_of_work() as session:
            found = orders.locked(session, order_id)
            assert found is not None
            orders.cancel(session, found, str(error))
    with reading() as session:
        return str(session.get_one(Order, order_id).state)


def undo_order(visitor: Visitor, order_id: str) -> None:
    """Its licenses end and the money goes back, unless a file was downloaded. Repeated, once."""
    needs(visitor)
    with unit_of_work(actor=visitor.actor) as session:
        order = orders.visible(session, visitor, order_id, locked=True)
        if order.account_id != visitor.account_id:
            raise NotFound("There is no order at this address for you.")
        if order.state == OrderState.REFUNDED:
            return
        if order.state != OrderState.PAID or order.undo_until_ms is None:
            raise Refusal("This order can't be taken back with one click.", "not_undoable")
        lines, cents = _left(session, order)
        if cents <= 0:  # all of it is on its way
            return
        if now_of(session) >= order.undo_until_ms:
            raise Refusal(TOO_LATE, "too_late")
        if _downloaded(session, order):
            raise Refusal(
                "Its file was downloaded, so the license stays and can't be taken back.",
                "downloaded",
            )
        paid, ids = refunds.paid_by(session, order), [line.id for line in lines]
        why = "Taken back by its buyer within a day."
        refunds.add(session, order, paid, cents, lines=ids, why=why)
        heard.order_undone(session, order)


def _left(session: Session, order: Order) -> tuple[list[OrderLine], int]:
    """Lines of a paid order, and cents, that neither went back nor are on their way."""
    asked = [one for one in refunds.of_order(session, order.id) if one.state == RefundState.ASKED]
    going = {line_id for one in asked for line_id in one.lines}
    lines = [line for line in order.lines if line.id not in going and left_of_line(line)]
    paid = refunds.paid_by(session, order)
    here = refunds.left_of(session, paid)
    here -= sum(one.amount_cents for one in asked if one.payment_ref == paid)
    return lines, min(sum(map(left_of_line, lines)), here)


def _charged(order: Order, method: PaymentMethod, mark: str) -> list[PaymentFact]:
    lines = [(line.listing.clip.title, line.price_cents) for line in order.lines]
    return by_name(method.processor).charge(
        f"{order.id}-{order.attempt}",
        order.id,
        method.customer_ref,
        method.method_ref,
        lines,
        order.currency,
        mark,
    )


def _buyer(session: Session, visitor: Visitor) -> Buyer:
    """As in the order before; a first one names no country."""
    wanted = select(Order).where(
        Order.account_id == visitor.account_id, Order.state == OrderState.PAID
    )
    last = session.scalars(wanted.order_by(Order.paid_ms.desc()).limit(1)).first()
    name = visitor.name or (last.name if last else "") or visitor.email
    return Buyer(name, visitor.email, last.country if last else "")


def _downloaded(session: Session, order: Order) -> bool:
    ids = [line.license.id for line in order.lines if line.license is not None]
    wanted = select(Event.id).where(Event.kind == "license.downloaded", Event.subject.in_(ids))
    return session.scalars(wanted.limit(1)).first() is not None
