"""Invoices and credit notes: numbered without gaps, never changed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from catalog import territories
from catalog.uses import MEDIA
from models.account import Account
from models.base import now_ms
from models.membership import Charge
from models.order import Invoice, Order, OrderLine
from models.settings import settings
from models.turns import take_turn

INVOICE, CREDIT = "invoice", "credit"
LETTERS = {INVOICE: "R", CREDIT: "C"}
_LAST = select(func.max(Invoice.number)).where(  # an index knows it
    Invoice.number.between(bindparam("first"), bindparam("last"))
)


def issue(session: Session, order: Order) -> Invoice:
    """In the transaction that paid the order."""
    lines = [_said(line, line.price_cents) for line in order.lines]
    return _numbered(session, order, INVOICE, lines, order.total_cents, {})


def credit(
    session: Session,
    order: Order,
    lines: Sequence[OrderLine],
    cents: int,
    why: str,
    *,
    parts: Mapping[str, int],
) -> Invoice | None:
    """In the transaction that refunded these lines; `parts`: how much of each, by its id. None
    where nothing was invoiced.
    """
    first = session.scalars(select(Invoice).filter_by(order_id=order.id, kind=INVOICE)).first()
    if first is None:
        return None
    said = [_said(line, parts[line.id]) for line in lines]
    more = {"of": first.number, "why": why, **_buyer(first)}
    return _numbered(session, order, CREDIT, said, cents, more)


def issue_charge(session: Session, charge: Charge, at_ms: int) -> Invoice:
    """In the transaction that paid it."""
    lines = [{"title": one["what"], "says": [], "cents": one["cents"]} for one in charge.lines]
    return _of_charge(session, charge, INVOICE, lines, charge.amount_cents, at_ms, {})


def credit_charge(
    session: Session, charge: Charge, cents: int, why: str, at_ms: int
) -> Invoice | None:
    """In the transaction that returned a part of it. None where nothing was invoiced."""
    first = session.scalars(select(Invoice).filter_by(charge_id=charge.id, kind=INVOICE)).first()
    if first is None:
        return None
    lines = [{"title": charge.lines[0]["what"], "says": [], "cents": cents}]
    more = {"of": first.number, "why": why, **_buyer(first)}
    return _of_charge(session, charge, CREDIT, lines, cents, at_ms, more)


def _buyer(of: Invoice) -> dict[str, Any]:
    """As the invoice named them: they may be erased by now."""
    return {name: of.facts[name] for name in ("buyer", "email", "country")}


def of_charge(session: Session, charge_id: str) -> Sequence[Invoice]:
    wanted = select(Invoice).filter_by(charge_id=charge_id)
    return session.scalars(wanted.order_by(Invoice.issued_ms, Invoice.number)).all()


def of_order(session: Session, order_id: str) -> Sequence[Invoice]:
    return of_orders(session, [order_id])


def of_orders(session: Session, order_ids: Sequence[str]) -> Sequence[Invoice]:
    wanted = select(Invoice).where(Invoice.order_id.in_(order_ids))
    return session.scalars(wanted.order_by(Invoice.issued_ms, Invoice.number)).all()


def _numbered(
    session: Session,
    order: Order,
    kind: str,
    lines: list[dict[str, Any]],
    cents: int,
    more: dict[str, Any],
) -> Invoice:
    facts = {
        "buyer": order.name,
        "email": order.email,
        "country": order.country,
        "currency": order.currency,
        "cents": cents,
        "processor": order.processor,
        "lines": lines,
        **more,
    }
    now = session.scalar(select(now_ms())) or 0
    return _written(session, Invoice(order_id=order.id, kind=kind, issued_ms=now), facts)


def _of_charge(
    session: Session,
    charge: Charge,
    kind: str,
    lines: list[dict[str, Any]],
    cents: int,
    at_ms: int,
    more: dict[str, Any],
) -> Invoice:
    account = session.get_one(Account, charge.account_id)
    facts = {
        "buyer": account.name or account.email,
        "email": account.email,
        "country": "",
        "currency": charge.currency,
        "cents": cents,
        "processor": charge.processor,
        "lines": lines,
        **more,
    }
    return _written(session, Invoice(charge_id=charge.id, kind=kind, issued_ms=at_ms), facts)


def _written(session: Session, made: Invoice, facts: dict[str, Any]) -> Invoice:
    """The next number of this kind and year. One at a time: a gap would be a missing invoice."""
    take_turn(session, f"invoice {made.kind}")
    year = datetime.fromtimestamp(made.issued_ms / 1000, UTC).year
    series = f"{LETTERS[made.kind]}{year}-"
    ends = {"first": f"{series}000000", "last": f"{series}999999"}
    last = session.scalar(_LAST, ends)
    number = int(last.removeprefix(series)) + 1 if last else 1
    made.number = f"{series}{number:06}"
    made.facts = {"seller": settings().seller, **facts}
    session.add(made)
    session.flush()
    return made


def _said(line: OrderLine, cents: int) -> dict[str, Any]:
    clip, use = line.listing.clip, line.use
    where = territories.told(use["territory"], use.get("without", []))
    media = ", ".join(MEDIA.get(name, name) for name in use["media"])
    term = f"{use['term_days']} days" if use.get("term_days") else "without end"
    return {
        "title": f"{line.terms.title} license: {clip.title}",
        "says": [
            f"Clip {clip.id}, {line.terms.kind} terms version {line.terms.version}",
            f"{media}; {where}; {term}",
        ],
        "cents": cents,
    }
