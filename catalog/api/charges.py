"""One's payments for memberships and tips, for programs."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from catalog.api.access import scope
from catalog.api.orders import PDF, PaperShape, RefundShape
from catalog.api.routes import PROBLEMS, Cursor, Limit
from catalog.auth import Visitor
from catalog.errors import NotFound
from catalog.members import billing, charge_rows, payments
from models.base import reading
from models.creator import Creator
from models.membership import Charge

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["Members"])
Reads = Annotated[Visitor, scope("memberships:read")]
Writes = Annotated[Visitor, scope("memberships:write")]
Id = Annotated[str, Path(max_length=40)]
Number = Annotated[str, Path(max_length=40)]


class ChargeLine(BaseModel):
    what: str
    cents: int


class ChargeShape(BaseModel):
    id: str
    kind: str = Field(description="join, renewal, change (the difference of an upgrade), tip")
    state: str = Field(
        description="asked (not paid yet), paid, failed, refunded, void (taken back)"
    )
    creator: str
    membership_id: str | None = Field(description="Null for a tip")
    lines: list[ChargeLine] = Field(description="They sum to the amount")
    amount_cents: int
    refunded_cents: int
    currency: str
    from_ms: int | None
    to_ms: int | None = Field(description="What it pays for; null for a tip")
    created_ms: int
    paid_ms: int | None
    next_try_ms: int | None = Field(description="When it is tried again, if it was declined")
    undo_until_ms: int | None = Field(description="A tip can be taken back until then")
    error: str = Field(description="Why it was not paid; empty where nothing went wrong")
    papers: list[PaperShape]
    refunds: list[RefundShape]
    pay_url: str = Field("", description="Where a person pays; empty where nothing is to be paid")


class ChargePage(BaseModel):
    charges: list[ChargeShape]
    total: int
    next_cursor: str | None


@router.get("/charges", summary="Your payments for memberships and tips, newest first")
def list_charges(visitor: Reads, cursor: Cursor = None, limit: Limit = 50) -> ChargePage:
    """Your own only. What was taken back before anything was paid is not among them."""
    with reading() as session:
        found = payments.page(session, visitor, cursor, limit)
        return ChargePage(
            charges=_shapes(session, found.rows), total=found.total, next_cursor=found.next_cursor
        )


@router.get("/charges/{charge_id}", summary="One of your payments")
def get_charge(visitor: Reads, charge_id: Id) -> ChargeShape:
    return _seen(visitor, charge_id)


@router.get(
    "/charges/{charge_id}/papers/{number}",
    summary="An invoice or credit note of a payment as PDF",
    response_class=Response,
    responses=PDF,
)
def get_charge_paper(visitor: Reads, charge_id: Id, number: Number) -> Response:
    from catalog import invoice_sheet  # brings all of fpdf, a second of every start

    with reading() as session:
        found = payments.papers(session, [charge_rows.visible(session, visitor, charge_id).id])
    row = next((one for one in found[charge_id] if one.number == number), None)
    if row is None:
        raise NotFound("There is no such document of this payment.")
    return Response(invoice_sheet.draw(row), media_type="application/pdf")


@router.post("/charges/{charge_id}/pay", summary="Where to pay one that waits for you")
def pay_charge(visitor: Writes, charge_id: Id) -> ChargeShape:
    """The same payment, however often it is asked for."""
    return _seen(visitor, charge_id, billing.open_page(visitor, charge_id).url)


@router.post("/charges/{charge_id}/give-up", summary="Give up one that waits for you")
def give_charge_up(visitor: Writes, charge_id: Id) -> ChargeShape:
    """What was paid meanwhile stays paid."""
    billing.give_up(visitor, charge_id)
    return _seen(visitor, charge_id)


@router.post("/charges/{charge_id}/undo", summary="Take a tip back")
def undo_charge(visitor: Writes, charge_id: Id) -> ChargeShape:
    """Within a day. All of it goes back the way it came."""
    billing.undo_charge(visitor, charge_id)
    return _seen(visitor, charge_id)


def _seen(visitor: Visitor, charge_id: str, url: str = "") -> ChargeShape:
    with reading() as session:
        return _shapes(session, [charge_rows.visible(session, visitor, charge_id)], url)[0]


def _shapes(session: Session, rows: Sequence[Charge], url: str = "") -> list[ChargeShape]:
    ids = [row.id for row in rows]
    papers, back = payments.papers(session, ids), payments.refunds(session, ids)
    slugs = {one: session.get_one(Creator, one).slug for one in {row.creator_id for row in rows}}
    made = []
    for row in rows:
        told = {
            "creator": slugs[row.creator_id],
            "papers": [
                PaperShape.model_validate(one, from_attributes=True) for one in papers[row.id]
            ],
            "refunds": [
                RefundShape.model_validate(one, from_attributes=True) for one in back[row.id]
            ],
            "pay_url": url,
        }
        plain = [name for name in ChargeShape.model_fields if name not in told]
        made.append(ChargeShape(**told, **{name: getattr(row, name) for name in plain}))
    return made
