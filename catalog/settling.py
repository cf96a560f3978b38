"""Staff's doors where a processor's word leaves a question: which license a refund was for, and
what becomes of money that is here again. Decision 0022.
"""

from sqlalchemy.orm import Session

from catalog import invoices, licenses, mail, orders, refunds
from catalog.auth import Visitor, needs
from catalog.errors import NotFound, Refusal
from catalog.payments import balance
from catalog.payments.balance import left_of_line
from catalog.web.words import money
from models import event
from models.account import Role
from models.license import LicenseState
from models.order import Order, OrderLine, OrderState
from models.payment import Refund, RefundState

WHY = "Refunded at the payment processor"


def assign(
    session: Session, visitor: Visitor, order_id: str, line_id: str, cents: int
) -> OrderLine:
    """So much of what went back at the processor was for this line; refunded whole, its license
    ends. Raises NotFound, Refusal.
    """
    order = _locked(session, visitor, order_id)
    line = next((one for one in order.lines if one.id == line_id), None)
    if line is None:
        raise NotFound("This order has no such line.")
    most = min(balance.of_order(session, order).unassigned_cents, left_of_line(line))
    if not 0 < cents <= most:
        raise Refusal(
            f"At most {money(most, order.currency)} can have been for this license. Nothing was "
            "changed.",
            "not_that_much",
        )
    ends = cents == left_of_line(line)
    if ends:
        refunds.revoke_lines(session, order, [line], WHY)
    line.refunded_cents += cents
    note = invoices.credit(session, order, [line], cents, WHY, parts={line.id: cents})
    mail.write(
        session,
        order.email,
        "part-refunded",
        order=order,
        line=line,
        cents=cents,
        note=note,
        ends=ends,
    )
    event.record(session, "refund.assigned", order.id, line_id=line.id, cents=cents)
    return line


def grant_again(session: Session, visitor: Visitor, order_id: str) -> list[OrderLine]:
    """A dispute was won: the licenses that it ended hold again, with their dates.

    Raises Refusal where the money is not all here, or somebody else has the rights by now.
    """
    order = _locked(session, visitor, order_id)
    lines = disputed(order)
    needed = sum(map(left_of_line, lines))
    if not needed or balance.of_order(session, order).spare_cents < needed:
        raise Refusal(
            "The money for these licenses is not here, so they can't be granted again.",
            "nothing_here",
        )
    for line in sorted(lines, key=orders.turn):
        assert line.license is not None
        licenses.reinstate(session, line.license)
    orders.paid_again(session, order)
    mail.write(session, order.email, "granted-again", order=order, lines=lines)
    return lines


def give_back(session: Session, visitor: Visitor, order_id: str, why: str) -> Refund:
    """What is here and no license stands for. Raises Refusal; twice is once."""
    order = _locked(session, visitor, order_id)
    paid = refunds.paid_by(session, order)
    asked = sum(
        one.amount_cents
        for one in refunds.of_order(session, order.id)
        if one.state == RefundState.ASKED and one.payment_ref == paid and not one.lines
    )
    cents = balance.of_order(session, order).spare_cents - asked
    if cents <= 0:
        raise Refusal("Nothing is here that could go back, or it is on its way.", "nothing_here")
    said = " ".join(why.split())[:300] or "Refunded by the seller"
    return refunds.add(session, order, paid, cents, lines=[], why=said)


def disputed(order: Order) -> list[OrderLine]:
    """Lines whose license ended though their price was not refunded."""
    if order.state != OrderState.REFUNDED:
        return []
    return [
        line
        for line in order.lines
        if line.license is not None
        and line.license.state == LicenseState.REVOKED
        and (left_of_line(line) or not line.price_cents)
    ]


def _locked(session: Session, visitor: Visitor, order_id: str) -> Order:
    needs(visitor, Role.STAFF)
    order = orders.locked(session, order_id)
    if order is None:
        raise NotFound("There is no such order.")
    return order
