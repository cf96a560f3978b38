"""Orders, invoices, licenses and earnings, for programs."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from catalog import (
    carts,
    checkout,
    invoices,
    licenses,
    orders,
    quotes,
    refunds,
    throttle,
)
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS, Cursor, Limit
from catalog.auth import Visitor
from catalog.errors import NotFound
from models.base import reading, unit_of_work
from models.license import License
from models.order import Invoice, Order
from models.payment import Refund
from models.settings import settings

ORDERS_AN_HOUR = 60
router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
Reads = Annotated[Visitor, scope("orders:read")]
Writes = Annotated[Visitor, scope("orders:write")]
Licensed = Annotated[Visitor, scope("licenses:read")]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
PDF: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The invoice as it was issued",
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class LineShape(BaseModel):
    id: str
    quote_id: str
    listing_id: str
    clip_id: str
    title: str
    terms: str
    use: dict[str, Any]
    price_cents: int
    refunded_cents: int
    license_id: str | None


class PaperShape(BaseModel):
    number: str
    kind: str = Field(description="invoice, or credit for a credit note")
    issued_ms: int


class RefundShape(BaseModel):
    id: str
    amount_cents: int
    currency: str
    state: str = Field(description="asked, done, or failed")
    why: str


class OrderShape(BaseModel):
    id: str
    state: str = Field(description="cart, held (waits for payment), paid, cancelled, refunded")
    reason: str
    total_cents: int
    currency: str
    held_until_ms: int | None
    paid_ms: int | None
    created_ms: int
    lines: list[LineShape]
    papers: list[PaperShape]
    refunds: list[RefundShape]
    pay_url: str = Field("", description="Where a person pays; empty where nothing is to be paid")


class OrderPage(BaseModel):
    orders: list[OrderShape]
    total: int
    next_cursor: str | None


class OrderAsked(BaseModel):
    """`total_cents` and `currency` are what you expect to pay: another total is refused."""

    model_config = ConfigDict(extra="forbid")

    quote_ids: list[Id] = Field(min_length=1, max_length=carts.MOST_LINES)
    name: str = Field(max_length=200, description="Who is licensed: a person or a company")
    email: str = Field(max_length=254)
    country: str = Field(max_length=2, description="ISO 3166-1 alpha-2")
    agree: bool = Field(description="The terms' legal texts are agreed to")
    total_cents: int = Field(ge=0, le=10**12)
    currency: str = Field(pattern=r"^[A-Z]{3}$")


class RefundAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    line_ids: list[Id] = Field(
        [], max_length=carts.MOST_LINES, description="None: all that is left"
    )
    why: str = Field("", max_length=300, description="For the buyer")


class FreeAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    quote_id: Id


class LicenseShape(BaseModel):
    id: str
    listing_id: str
    clip_id: str
    title: str
    terms: str
    use: dict[str, Any]
    price_cents: int
    currency: str
    state: str
    starts_ms: int
    ends_ms: int | None = Field(description="None: it does not end")
    revoked_ms: int | None
    granted_ms: int
    url: str


class LicensePage(BaseModel):
    licenses: list[LicenseShape]
    total: int
    next_cursor: str | None


@router.get("/orders", tags=["Orders"], summary="Your orders, newest first")
def list_orders(visitor: Reads, cursor: Cursor = None, limit: Limit = 50) -> OrderPage:
    with reading() as session:
        found = orders.page(session, visitor, cursor, limit)
        return OrderPage(
            orders=_shapes(session, found.rows),
            total=found.total,
            next_cursor=found.next_cursor,
        )


@router.post("/orders", tags=["Orders"], summary="Order quotes", status_code=201)
def make_order(visitor: Writes, asked: OrderAsked) -> OrderShape:
    """Every clip is held for ten minutes; `pay_url` leads a person to the payment."""
    with unit_of_work() as session:  # each order holds clips that others then can't have
        whom = visitor.account_id or visitor.guest
        throttle.take(session, "checkout of", whom, ORDERS_AN_HOUR, 3_600)
    buyer = checkout.buyer_of(asked.name, asked.email, asked.country)
    way = checkout.order(
        visitor,
        asked.quote_ids,
        buyer,
        agreed=asked.agree,
        cents=asked.total_cents,
        currency=asked.currency,
    )
    return seen(visitor, way.order_id, way.url)


@router.get("/orders/{order_id}", tags=["Orders"], summary="One order")
def get_order(visitor: Reads, order_id: str) -> OrderShape:
    return seen(visitor, order_id)


@router.post("/orders/{order_id}/pay", tags=["Orders"], summary="Where to pay an order")
def pay_order(visitor: Writes, order_id: str) -> OrderShape:
    """The same payment, however often it is asked for."""
    way = checkout.resume(visitor, order_id)
    return seen(visitor, order_id, way.url)


@router.post("/orders/{order_id}/cancel", tags=["Orders"], summary="Give an unpaid order up")
def cancel_order(visitor: Writes, order_id: str) -> OrderShape:
    """Its clips are free again. One that was paid meanwhile stays paid."""
    checkout.give_up(visitor, order_id)
    return seen(visitor, order_id)


@router.post(
    "/orders/{order_id}/refunds", tags=["Orders"], summary="Refund an order or lines of it"
)
def refund_order(visitor: Writes, order_id: str, asked: RefundAsked) -> RefundShape:
    """By staff, or by the creator for clips of theirs. The licenses end when the money goes."""
    with unit_of_work(actor=visitor.actor) as session:
        return _refund(refunds.ask(session, visitor, order_id, asked.line_ids, asked.why))


@router.get(
    "/orders/{order_id}/papers/{number}",
    tags=["Orders"],
    summary="An invoice or credit note as PDF",
    response_class=Response,
    responses=PDF,
)
def get_paper(visitor: Reads, order_id: str, number: str) -> Response:
    from catalog import invoice_sheet  # brings all of fpdf, a second of every start

    with reading() as session:
        orders.visible(session, visitor, order_id)
        row = next((o for o in invoices.of_order(session, order_id) if o.number == number), None)
    if row is None:
        raise NotFound("This order has no such document.")
    return Response(invoice_sheet.draw(row), media_type="application/pdf")


@router.get("/licenses", tags=["Licenses"], summary="Your licenses, newest first")
def list_licenses(visitor: Licensed, cursor: Cursor = None, limit: Limit = 50) -> LicensePage:
    with reading() as session:
        found = licenses.page(session, visitor, cursor, limit)
        return LicensePage(
            licenses=[license_shape(one) for one in found.rows],
            total=found.total,
            next_cursor=found.next_cursor,
        )


@router.post("/licenses", tags=["Licenses"], summary="Get a free license", status_code=201)
def make_license(visitor: Writes, asked: FreeAsked) -> LicenseShape:
    """For a quote that costs nothing. Asking for it agrees to the terms' legal text."""
    with unit_of_work(actor=visitor.actor) as session:
        quote = quotes.get(session, visitor, asked.quote_id)
        if not quotes.is_theirs(quote, visitor):
            raise NotFound("There is no quote at this address, or it is somebody else's.")
        return license_shape(licenses.grant_free(session, visitor, quote))


def license_shape(row: License) -> LicenseShape:
    return LicenseShape(
        id=row.id,
        listing_id=row.listing_id,
        clip_id=row.listing.clip_id,
        title=row.listing.clip.title,
        terms=row.terms.kind,
        use=row.use,
        price_cents=row.price_cents,
        currency=row.currency,
        state=row.state,
        starts_ms=row.starts_ms,
        ends_ms=None if row.endless else row.ends_ms,
        revoked_ms=row.revoked_ms,
        granted_ms=row.granted_ms,
        url=f"{settings().base_url}/licenses/{row.id}",
    )


def seen(visitor: Visitor, order_id: str, url: str = "") -> OrderShape:
    with reading() as session:
        return _shapes(session, [orders.visible(session, visitor, order_id)], url)[0]


def _shapes(session: Session, rows: Sequence[Order], url: str = "") -> list[OrderShape]:
    ids = [row.id for row in rows]
    papers, back = invoices.of_orders(session, ids), refunds.of_orders(session, ids)
    return [
        _shape(
            row,
            [one for one in papers if one.order_id == row.id],
            [one for one in back if one.order_id == row.id],
            url,
        )
        for row in rows
    ]


def _shape(row: Order, papers: Sequence[Invoice], back: Sequence[Refund], url: str) -> OrderShape:
    return OrderShape(
        id=row.id,
        state=row.state,
        reason=row.reason,
        total_cents=row.total_cents,
        currency=row.currency,
        held_until_ms=row.held_until_ms,
        paid_ms=row.paid_ms,
        created_ms=row.created_ms,
        lines=[
            LineShape(
                id=line.id,
                quote_id=line.quote_id,
                listing_id=line.listing_id,
                clip_id=line.listing.clip_id,
                title=line.listing.clip.title,
                terms=line.terms.kind,
                use=line.use,
                price_cents=line.price_cents,
                refunded_cents=line.refunded_cents,
                license_id=line.license.id if line.license else None,
            )
            for line in row.lines
        ],
        papers=[
            PaperShape(number=one.number, kind=one.kind, issued_ms=one.issued_ms) for one in papers
        ],
        refunds=[_refund(one) for one in back],
        pay_url=url,
    )


def _refund(row: Refund) -> RefundShape:
    return RefundShape(
        id=row.id,
        amount_cents=row.amount_cents,
        currency=row.currency,
        state=row.state,
        why=row.why,
    )
