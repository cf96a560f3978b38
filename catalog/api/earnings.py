"""Earnings and the sums of the ledger, for programs."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from catalog import earnings
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS, Cursor, Limit
from catalog.auth import Visitor, needs
from catalog.payments import ledger
from models.account import Role
from models.base import reading

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
Reads = Annotated[Visitor, scope("orders:read")]


class SaleShape(BaseModel):
    license_id: str
    clip_id: str
    title: str
    sold_ms: int
    price_cents: int
    returned_cents: int
    kept_cents: int
    currency: str
    state: str


class SumShape(BaseModel):
    currency: str
    licenses: int
    price_cents: int
    returned_cents: int
    kept_cents: int
    not_assigned_cents: int = Field(
        description="Refunded at the payment processor; nobody has said for which license. In no "
        "other sum"
    )


class EarningsShape(BaseModel):
    sums: list[SumShape]
    sales: list[SaleShape]
    total: int
    next_cursor: str | None


class BooksShape(BaseModel):
    processor: str
    currency: str
    paid_cents: int
    refunded_cents: int
    disputed_cents: int
    restored_cents: int
    net_cents: int


@router.get("/earnings", tags=["Orders"], summary="What your clips brought")
def get_earnings(visitor: Reads, cursor: Cursor = None, limit: Limit = 50) -> EarningsShape:
    """`sums` are of all; `sales` come in pages, newest first."""
    with reading() as session:
        found = earnings.page(session, visitor, cursor, limit)
        unassigned = earnings.unassigned(session, visitor)
        sums = [
            SumShape(
                currency=one.currency,
                licenses=one.count,
                price_cents=one.price_cents,
                returned_cents=one.back_cents,
                kept_cents=one.kept_cents,
                not_assigned_cents=unassigned.get(one.currency, 0),
            )
            for one in earnings.totals(session, visitor)
        ]
        return EarningsShape(
            sums=sums,
            sales=[_sale(one) for one in found.rows],
            total=found.total,
            next_cursor=found.next_cursor,
        )


@router.get("/ledger", tags=["Orders"], summary="Sums of the payment ledger (staff)")
def get_ledger(visitor: Reads) -> list[BooksShape]:
    needs(visitor, Role.STAFF)
    with reading() as session:
        return [
            BooksShape(
                processor=processor,
                currency=currency,
                paid_cents=one.paid,
                refunded_cents=one.refunded,
                disputed_cents=one.disputed,
                restored_cents=one.restored,
                net_cents=one.net,
            )
            for (processor, currency), one in ledger.sums(session).items()
        ]


def _sale(one: earnings.Sale) -> SaleShape:
    return SaleShape(
        license_id=one.license.id,
        clip_id=one.clip.id,
        title=one.clip.title,
        sold_ms=one.sold_ms,
        price_cents=one.price_cents,
        returned_cents=one.back_cents,
        kept_cents=one.kept_cents,
        currency=one.currency,
        state=one.standing,
    )
