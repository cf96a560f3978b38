"""Cart, checkout and orders as pages. All of it works without scripts."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from catalog import (
    carts,
    checkout,
    invoices,
    licenses,
    orders,
    quotes,
    refunds,
    settling,
    terms,
    territories,
    throttle,
    uses,
)
from catalog.auth import Visitor
from catalog.errors import BadRequest, CatalogError, NotFound, Refusal
from catalog.payments import balance
from catalog.payments.facts import ProcessorDown, ProcessorRefused
from catalog.web.rendering import page
from catalog.web.visitors import Asking, address_of, guest, ours, visitor
from models.account import Role
from models.base import reading, unit_of_work
from models.order import OrderState
from models.settings import settings

READ = ["GET", "HEAD"]
MOST_AN_HOUR = 60
"""Checkouts of one address."""
Id = Annotated[str, Form(max_length=32)]

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/cart", methods=READ)
def cart(request: Request, visitor: Asking) -> Response:
    return _cart(request, visitor)


@changes.post("/cart/add")
def add(request: Request, quote_id: Id) -> Response:
    who = _known(request)
    try:
        with unit_of_work(actor=who.actor) as session:
            orders.add(session, who, quote_id)
    except Refusal as error:
        return _cart(request, who, wrong=error)
    return RedirectResponse("/cart", 303)


@changes.post("/cart/remove")
def remove(visitor: Asking, line_id: Id) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        orders.remove(session, visitor, line_id)
    return RedirectResponse("/cart", 303)


@changes.post("/cart/quote")
def quote_again(request: Request, visitor: Asking, line_id: Id) -> Response:
    try:
        with unit_of_work(actor=visitor.actor) as session:
            orders.quote_again(session, visitor, line_id)
    except Refusal as error:
        return _cart(request, visitor, wrong=error)
    return RedirectResponse("/cart", 303)


@router.api_route("/checkout", methods=READ)
def show(request: Request, visitor: Asking) -> Response:
    return _checkout(request, visitor)


@changes.post("/checkout")
def pay(
    request: Request,
    visitor: Asking,
    order_id: Id,
    cents: Annotated[int, Form(ge=0, le=10**12)],
    currency: Annotated[str, Form(max_length=3)],
    name: Annotated[str, Form(max_length=2_000)] = "",
    email: Annotated[str, Form(max_length=2_000)] = "",
    country: Annotated[str, Form(max_length=20)] = "",
    agree: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    given = {"name": name, "email": email, "country": country}
    with unit_of_work() as session:  # each checkout holds clips that others then can't have
        throttle.take(session, "checkout at", address_of(request), MOST_AN_HOUR, 3_600)
    try:
        buyer = checkout.buyer_of(name, email, country)
        way = checkout.begin(
            visitor, order_id, buyer, agreed=agree == "yes", cents=cents, currency=currency
        )
    except ProcessorDown:
        return RedirectResponse(f"/orders/{order_id}", 303)
    except ProcessorRefused:
        return RedirectResponse(f"/orders/{order_id}", 303)
    except (BadRequest, Refusal) as error:
        return _checkout(request, visitor, given=given, wrong=error)
    return _onwards(request, way)


@router.api_route("/orders", methods=READ)
def listed(request: Request, visitor: Asking) -> Response:
    with reading() as session:
        found = orders.of_visitor(session, visitor)
        return page(request, "orders.html", orders=found)


@router.api_route("/orders/{order_id}", methods=READ)
def order(
    request: Request,
    visitor: Asking,
    order_id: str,
    back: Annotated[str, Query(max_length=5)] = "",
) -> Response:
    """`back`: the buyer comes from the processor, whose word may take a moment."""
    return shown(request, visitor, order_id, back=bool(back))


@changes.post("/orders/{order_id}/pay")
def resume(request: Request, visitor: Asking, order_id: str) -> Response:
    return _onwards(request, checkout.resume(visitor, order_id))


@changes.post("/orders/{order_id}/give-up")
def give_up(visitor: Asking, order_id: str) -> Response:
    checkout.give_up(visitor, order_id)
    return RedirectResponse(f"/orders/{order_id}", 303)


@changes.post("/orders/{order_id}/again")
def again(visitor: Asking, order_id: str) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        orders.again(session, visitor, order_id)
    return RedirectResponse("/cart", 303)


@changes.post("/orders/{order_id}/refund")
def refund(
    visitor: Asking,
    order_id: str,
    why: Annotated[str, Form(max_length=300)] = "",
    line_id: Annotated[str, Form(max_length=32)] = "",
    back: Annotated[str, Form(pattern=r"^(/earnings)?$")] = "",
) -> Response:
    """By staff, or by the creator for their clip."""
    with unit_of_work(actor=visitor.actor) as session:
        refunds.ask(session, visitor, order_id, [line_id] if line_id else [], why)
    return RedirectResponse(back or f"/orders/{order_id}", 303)


@router.api_route("/orders/{order_id}/invoice.pdf", methods=READ)
def invoice(visitor: Asking, order_id: str) -> Response:
    with reading() as session:
        orders.visible(session, visitor, order_id)
        found = [one for one in invoices.of_order(session, order_id) if one.kind == "invoice"]
    if not found:
        raise NotFound("This order has no invoice: nothing was paid for it.")
    return _paper(visitor, order_id, found[0].number)


@router.api_route("/orders/{order_id}/papers/{number}.pdf", methods=READ)
def paper(visitor: Asking, order_id: str, number: str) -> Response:
    return _paper(visitor, order_id, number)


@router.api_route("/licenses", methods=READ)
def licenses_page(request: Request, visitor: Asking) -> Response:
    with reading() as session:
        now = quotes.now(session)
        return page(
            request, "licenses.html", licenses=licenses.held_by(session, visitor), now_ms=now
        )


router.include_router(changes)


def use_told(use: dict[str, Any]) -> list[tuple[str, str]]:
    """What one may do, as name and value."""
    days = use.get("term_days")
    told = [
        ("Media", ", ".join(uses.MEDIA.get(name, name) for name in use["media"]).capitalize()),
        ("Territory", territories.told(use["territory"], use.get("without", []))),
        ("Term", f"{days:,} days" if days else "without end"),
    ]
    if use.get("audience"):
        told.append(("Audience", f"up to {use['audience']:,} people"))
    if use.get("seats", 1) != 1:
        told.append(("Seats", f"{use['seats']:,}"))
    if use.get("projects", 1) != 1:
        told.append(("Projects", f"{use['projects']:,}"))
    return told


def shown(
    request: Request,
    visitor: Visitor,
    order_id: str,
    *,
    back: bool = False,
    wrong: CatalogError | None = None,
) -> Response:
    """One order's page."""
    with reading() as session:
        found = orders.visible(session, visitor, order_id)
        if found.state == OrderState.CART:
            return RedirectResponse("/cart", 303)
        staff = visitor.has(Role.STAFF)
        return page(
            request,
            "order.html",
            status=wrong.status if wrong else 200,
            order=found,
            uses=_uses(found.lines),
            # One click asked for it from the kept method: its buyer has nothing to do.
            coming=found.state == OrderState.HELD and (back or found.undo_until_ms is not None),
            papers=invoices.of_order(session, found.id),
            refunds=refunds.of_order(session, found.id),
            mine=not staff or found.account_id == visitor.account_id,
            staff=staff,
            balance=balance.of_order(session, found) if staff else balance.EVEN,
            again=bool(settling.disputed(found)),
            wrong=wrong,
        )


def _uses(lines: Any) -> dict[str, list[tuple[str, str]]]:
    return {line.id: use_told(line.use) for line in lines}


def _known(request: Request) -> Visitor:
    """The visitor, with a guest's cookie where there is neither account nor cookie."""
    who = visitor(request)
    if who.account_id is None and not who.guest:
        guest(request)
        who = visitor(request)
    return who


def _cart(request: Request, visitor: Visitor, wrong: CatalogError | None = None) -> Response:
    with reading() as session:
        found = carts.cart(session, visitor)
        lines = orders.standing(session, visitor, found) if found else []
        waiting = [
            one for one in orders.of_visitor(session, visitor) if one.state == OrderState.HELD
        ]
        return page(
            request,
            "cart.html",
            status=wrong.status if wrong else 200,
            order=found,
            lines=lines,
            uses=_uses([one.line for one in lines]),
            ready=bool(lines) and not any(one.problem for one in lines),
            waiting=waiting,
            wrong=wrong,
        )


def _checkout(
    request: Request,
    visitor: Visitor,
    *,
    given: dict[str, str] | None = None,
    wrong: CatalogError | None = None,
) -> Response:
    with reading() as session:
        found = carts.cart(session, visitor)
        standing = orders.standing(session, visitor, found) if found else []
        if found is None or not found.lines or (not wrong and any(s.problem for s in standing)):
            return RedirectResponse("/cart", 303)
        return page(
            request,
            "checkout.html",
            status=wrong.status if wrong else 200,
            order=found,
            lines=standing,
            uses=_uses(found.lines),
            agreements=_agreements(session, found.lines),
            countries=territories.names(),
            given=given or {"name": visitor.name, "email": visitor.email, "country": ""},
            wrong=wrong,
            field=_field(wrong),
            hold_minutes=checkout.HOLD_MS // 60_000,
            processor=settings().payments,
        )


def _agreements(session: Session, lines: Any) -> list[dict[str, Any]]:
    """The terms of these lines, each once, as they will be agreed to."""
    rows = {line.terms.id: line.terms for line in lines}
    ranked = sorted(rows.values(), key=lambda row: row.rank)
    return [{"terms": row, "sections": terms.sections(row.text)} for row in ranked]


def _field(wrong: CatalogError | None) -> str:
    """The field that it is about, where it is about one: its text begins with its name."""
    name = str(wrong).partition(":")[0] if isinstance(wrong, BadRequest) else ""
    if isinstance(wrong, BadRequest) and "e-mail" in str(wrong):
        return "email"
    return name if name in ("name", "country", "agree") else ""


def _onwards(request: Request, way: checkout.Way) -> Response:
    if not way.url:
        return RedirectResponse(f"/orders/{way.order_id}", 303)
    if urlsplit(way.url).netloc == urlsplit(settings().base_url).netloc:
        parts = urlsplit(way.url)
        return RedirectResponse(parts.path, 303)
    # A form may not lead to another site (CSP form-action), not even by a redirect: a page may.
    made = page(
        request, "onwards.html", url=way.url, host=urlsplit(way.url).netloc, order_id=way.order_id
    )
    made.headers["Refresh"] = f"0; url={way.url}"
    return made


def _paper(visitor: Visitor, order_id: str, number: str) -> Response:
    from catalog import invoice_sheet  # brings all of fpdf, a second of every start

    with reading() as session:
        orders.visible(session, visitor, order_id)
        found = next(
            (one for one in invoices.of_order(session, order_id) if one.number == number), None
        )
        if found is None:
            raise NotFound("This order has no such document.")
    headers = {
        "Content-Disposition": f'inline; filename="{found.number}.pdf"',
        "Cache-Control": "private, no-cache",
    }
    return Response(invoice_sheet.draw(found), media_type="application/pdf", headers=headers)
