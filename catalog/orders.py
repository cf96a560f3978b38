"""Orders: the cart, who may see one, and what becomes of it: paid, cancelled, refunded."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from catalog import carts, cursors, invoices, licenses, mail, quotes, reservations
from catalog.auth import Visitor
from catalog.errors import CatalogError, NotFound, Refusal, SignInNeeded
from catalog.offers import heard
from catalog.reservations import Kept
from catalog.terms import fields
from catalog.uses import use_of
from catalog.web import links
from models import event
from models.account import Role
from models.base import now_ms
from models.order import Order, OrderLine, OrderState
from models.quote import Quote

MOST_LISTED = 200
FREE = "A free license is kept in an account. Sign in, then ask for it again."


@dataclass(frozen=True)
class Standing:
    """A line of a cart and whether it can be bought as it is: `problem` says why not."""

    line: OrderLine
    problem: str
    code: str


def add(session: Session, visitor: Visitor, quote_id: str) -> Order:
    """The quote's clip in the cart; the same clip for the same use takes the place of what was
    there. Raises Refusal, NotFound, and SignInNeeded for what is free.
    """
    quote = _had_by(visitor, quotes.orderable(session, visitor, quote_id))
    found = carts.cart(session, visitor, locked=True)
    if found is None:
        guest = "" if visitor.account_id else visitor.guest
        found = Order(account_id=visitor.account_id, guest=guest, currency=quote.currency)
        session.add(found)
        session.flush()
    if any(line.quote_id == quote.id for line in found.lines):
        return found
    before = carts.same(found, quote)
    if before is None and len(found.lines) >= carts.MOST_LINES:
        raise Refusal(f"A cart holds {carts.MOST_LINES} clips. Pay for these first.", "cart_full")
    if found.lines and found.currency != quote.currency:
        raise Refusal(
            f"The cart is in {found.currency}, this price in {quote.currency}. Pay for the cart "
            "first, or empty it.",
            "other_currency",
        )
    found.currency = quote.currency
    number = before.number if before else carts.next_number(found)
    if before is not None:
        found.lines.remove(before)
    found.lines.append(carts.line_of(quote, number))
    carts.counted(session, found)
    event.record(session, "order.line_added", found.id, quote_id=quote.id)
    return found


def of_quotes(session: Session, visitor: Visitor, quote_ids: Sequence[str]) -> Order:
    """An order of its own, beside the cart, that is not begun yet."""
    if not 0 < len(set(quote_ids)) <= carts.MOST_LINES:
        raise Refusal(f"An order has 1 to {carts.MOST_LINES} quotes.", "order_size")
    asked = [quotes.orderable(session, visitor, one) for one in dict.fromkeys(quote_ids)]
    found = [_had_by(visitor, quote) for quote in asked]
    if len({quote.currency for quote in found}) > 1:
        raise Refusal("One order has one currency. Order these apart.", "other_currency")
    lines = [carts.line_of(quote, number) for number, quote in enumerate(found, 1)]
    made = Order(
        account_id=visitor.account_id,
        guest="" if visitor.account_id else visitor.guest,
        currency=found[0].currency,
        lines=lines,
    )
    session.add(made)
    carts.counted(session, made)
    return made


def remove(session: Session, visitor: Visitor, line_id: str) -> Order:
    """Raises NotFound for a line that is not in the visitor's cart."""
    found, line = _in_cart(session, visitor, line_id)
    found.lines.remove(line)
    carts.counted(session, found)
    event.record(session, "order.line_removed", found.id, quote_id=line.quote_id)
    return found


def quote_again(session: Session, visitor: Visitor, line_id: str) -> Order:
    """The quote at its price of now; where it can't be ordered any more, a new one for the use."""
    found, line = _in_cart(session, visitor, line_id)
    try:
        fresh = quotes.orderable(session, visitor, line.quote_id)
    except CatalogError:
        fresh = quotes.open_quote(session, visitor, line.listing_id, line.terms.kind, line.use)
    found.lines.remove(line)
    session.flush()
    made = carts.line_of(fresh, line.number)
    found.lines.append(made)
    carts.counted(session, found)
    event.record(session, "order.line_quoted_again", found.id, quote_id=fresh.id)
    return found


def standing(session: Session, visitor: Visitor, order: Order) -> list[Standing]:
    """Each line, and what stands in its way: an expired quote, a clip off sale, a changed price."""
    on_sale = quotes.on_sale(session, [line.listing_id for line in order.lines])
    kept = reservations.kept_of(session, [line.listing.clip_id for line in order.lines])
    return [_standing(session, visitor, line, on_sale, kept) for line in order.lines]


def visible(session: Session, visitor: Visitor, order_id: str, *, locked: bool = False) -> Order:
    """To its buyer and staff. Raises NotFound for everybody else."""
    wanted = carts.whole(select(Order)).where(Order.id == order_id, _theirs(visitor))
    if locked:
        wanted = wanted.with_for_update(of=Order).execution_options(populate_existing=True)
    found = session.scalars(wanted).unique().one_or_none()
    if found is None:
        raise NotFound("There is no order at this address for you.")
    return found


def of_visitor(session: Session, visitor: Visitor) -> Sequence[Order]:
    """One's own that were begun to be paid, newest first."""
    return page(session, visitor, None, MOST_LISTED).rows


def page(session: Session, visitor: Visitor, cursor: str | None, limit: int) -> cursors.Page[Order]:
    wanted = carts.whole(select(Order)).where(Order.state != OrderState.CART, carts.own(visitor))
    return cursors.page(session, wanted, Order.created_ms, Order.id, cursor, limit)


def locked(session: Session, order_id: str) -> Order | None:
    """Whoever changes its state or what was paid for it takes this lock first."""
    wanted = carts.whole(select(Order)).where(Order.id == order_id).with_for_update(of=Order)
    found = session.scalars(wanted.execution_options(populate_existing=True))
    return found.unique().one_or_none()


def again(session: Session, visitor: Visitor, order_id: str) -> Order:
    """What was in a cancelled order, back in the cart, as far as it can be bought."""
    old = visible(session, visitor, order_id, locked=True)
    if old.state not in (OrderState.CANCELLED, OrderState.REFUNDED):
        raise Refusal("This order is not over.", "not_over")
    kept = 0
    for line in old.lines:
        try:
            with session.begin_nested():
                try:
                    quote_id = quotes.orderable(session, visitor, line.quote_id).id
                except CatalogError:
                    kind, listing = line.terms.kind, line.listing_id
                    quote_id = quotes.open_quote(session, visitor, listing, kind, line.use).id
                add(session, visitor, quote_id)
            kept += 1
        except CatalogError:
            continue
    found = carts.cart(session, visitor)
    if found is None or not kept:
        raise Refusal("None of these clips can be bought in this way any more.", "nothing_left")
    return found


def fulfil(session: Session, order: Order, paid_ms: int) -> None:
    """Everything that being paid means, or Refusal and nothing of it: rights, licenses, invoice,
    mail. The order is locked.
    """
    for line in sorted(order.lines, key=turn):
        reservations.confirm(session, line)
    for line in sorted(order.lines, key=lambda one: one.quote_id):
        quotes.ordered(session, session.get_one(Quote, line.quote_id))
        licenses.grant(session, line)
    order.state, order.paid_ms, order.held_until_ms = OrderState.PAID, paid_ms, None
    heard.order_paid(session, order)
    _changed(session, order)
    session.flush()
    invoice = invoices.issue(session, order) if order.total_cents else None
    event.record(session, "order.paid", order.id, cents=order.total_cents, currency=order.currency)
    granted = [line.license for line in order.lines]
    mail.write(
        session,
        order.email,
        "order-paid",
        order=order,
        licenses=granted,
        invoice=invoice,
        link="" if order.account_id else links.magic(session, order.email, f"/orders/{order.id}"),
    )


def cancel(session: Session, order: Order, reason: str) -> bool:
    """Its clips are free again. The order is locked. False where it was not at the processor."""
    if order.state != OrderState.HELD:
        return False
    for line in order.lines:
        reservations.release(session, line.id)
    order.state, order.reason, order.held_until_ms = OrderState.CANCELLED, reason[:300], None
    _changed(session, order)
    event.record(session, "order.cancelled", order.id, why=reason)
    return True


def turn(line: OrderLine) -> tuple[bool, str, str]:
    """In which order rights are taken. Private copies first: nothing is kept for them, and an
    exclusive that is bought with one would shut it out.
    """
    return not fields(line.terms).private, line.listing.clip_id, line.id


def _had_by(visitor: Visitor, quote: Quote) -> Quote:
    """Raises SignInNeeded."""
    if not quote.price_cents and visitor.account_id is None:
        raise SignInNeeded(FREE)
    return quote


def paid_again(session: Session, order: Order) -> None:
    """What ended it was taken back. The order is locked."""
    order.state, order.reason = OrderState.PAID, ""
    _changed(session, order)
    event.record(session, "order.paid_again", order.id)


def _changed(session: Session, order: Order) -> None:
    order.changed_ms = session.scalar(select(now_ms())) or 0


def _in_cart(session: Session, visitor: Visitor, line_id: str) -> tuple[Order, OrderLine]:
    found = carts.cart(session, visitor, locked=True)
    line = next((one for one in found.lines if one.id == line_id), None) if found else None
    if found is None or line is None:
        raise NotFound("This is not in your cart, or no longer.")
    return found, line


def _standing(
    session: Session, visitor: Visitor, line: OrderLine, on_sale: Set[str], kept: Kept
) -> Standing:
    quote = line.quote
    try:
        quotes.needs_orderable(quote, visitor, kept.now, on_sale)
    except CatalogError as error:
        return Standing(line, str(error), getattr(error, "code", "") or "not_orderable")
    if not quote.price_cents and visitor.account_id is None:
        return Standing(line, FREE, "sign_in_needed")
    if (quote.price_cents, quote.currency) != (line.price_cents, line.order.currency):
        return Standing(line, "Its price has changed since it was put here.", "price_changed")
    if (quote.terms_id, quote.use) != (line.terms_id, line.use):
        return Standing(line, "What it is for has changed since it was put here.", "use_changed")
    use, of_terms = use_of(line.use), fields(line.terms)
    taken = quotes.blocked(session, line.listing, use, of_terms, visitor, kept)
    if taken is not None:
        return Standing(line, taken.text, taken.code)
    return Standing(line, "", "")


def _theirs(visitor: Visitor) -> ColumnElement[bool]:
    return true() if visitor.has(Role.STAFF) else carts.own(visitor)
