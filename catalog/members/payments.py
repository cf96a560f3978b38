"""One's payments for memberships and tips, page by page. The rows: catalog.members.charge_rows."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import cursors
from catalog.auth import Visitor, needs
from models.membership import Charge, ChargeState
from models.order import Invoice
from models.payment import Refund


def page(
    session: Session, visitor: Visitor, cursor: str | None, limit: int
) -> cursors.Page[Charge]:
    """What was paid or is being paid, newest first; not what was overtaken. Raises SignInNeeded,
    BadRequest for a mark that isn't ours."""
    needs(visitor)
    wanted = select(Charge).where(
        Charge.account_id == visitor.account_id, Charge.state != ChargeState.VOID
    )
    return cursors.page(session, wanted, Charge.created_ms, Charge.id, cursor, limit)


def papers(session: Session, charge_ids: Sequence[str]) -> dict[str, list[Invoice]]:
    """Invoices and credit notes of each."""
    wanted = select(Invoice).where(Invoice.charge_id.in_(charge_ids))
    found: dict[str, list[Invoice]] = {one: [] for one in charge_ids}
    for row in session.scalars(wanted.order_by(Invoice.issued_ms, Invoice.number)):
        found[str(row.charge_id)].append(row)
    return found


def refunds(session: Session, charge_ids: Sequence[str]) -> dict[str, list[Refund]]:
    wanted = select(Refund).where(Refund.charge_id.in_(charge_ids))
    found: dict[str, list[Refund]] = {one: [] for one in charge_ids}
    for row in session.scalars(wanted.order_by(Refund.asked_ms, Refund.id)):
        found[str(row.charge_id)].append(row)
    return found
