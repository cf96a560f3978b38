"""Invoices and credit notes: numbered without gaps, never changed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import territories
from catalog.uses import MEDIA
from models.base import now_ms
from models.order import Invoice, Order, OrderLine
from models.settings import settings
from models.turns import take_turn

INVOICE, CREDIT = "invoice", "credit"
LETTERS = {INVOICE: "R", CREDIT: "C"}


def issue(session: Session, order: Order) -> Invoice:
    """In the transaction that paid the order."""
    lines = [_said(line, line.price_cents) for line in order.lines]
    return _numbered(session, order, INVOICE, lines, order.total_cents, {})


def credit(
    session: Session, order: Order, lines: Sequence[OrderLine], cents: int, why: str
) -> Invoice | None:
    """In the transaction that refunded these lines. None where nothing was invoiced."""
    first = session.scalars(select(Invoice).filter_by(order_id=order.id, kind=INVOICE)).first()
    if first is None:
        return None
    said = [_said(line, line.price_cents) for line in lines]
    return _numbered(session, order, CREDIT, said, cents, {"of": first.number, "why": why})


def of_order(session: Session, order_id: str) -> Sequence[Invoice]:
    wanted = select(Invoice).filter_by(order_id=order_id)
    return session.scalars(wanted.order_by(Invoice.issued_ms, Invoice.number)).all()


def _numbered(
    session: Session,
    order: Order,
    kind: str,
    lines: list[dict[str, Any]],
    cents: int,
    more: dict[str, Any],
) -> Invoice:
    """The next number of this kind and year. One at a time: a gap would be a missing invoice."""
    take_turn(session, f"invoice {kind}")
    now = session.scalar(select(now_ms())) or 0
    series = f"{LETTERS[kind]}{datetime.fromtimestamp(now / 1000, UTC).year}-"
    last = session.scalar(select(func.max(Invoice.number)).where(Invoice.number.startswith(series)))
    number = int(last.removeprefix(series)) + 1 if last else 1
    made = Invoice(
        number=f"{series}{number:06}",
        order_id=order.id,
        kind=kind,
        issued_ms=now,
        facts={
            "seller": settings().seller,
            "buyer": order.name,
            "email": order.email,
            "country": order.country,
            "currency": order.currency,
            "cents": cents,
            "processor": order.processor,
            "lines": lines,
            **more,
        },
    )
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
