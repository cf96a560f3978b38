"""Pages of a member's payments: what one paid for, its documents, and taking a tip back."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalog import invoices
from catalog.entitlements import now_of
from catalog.errors import BadRequest, CatalogError, NotFound, Refusal
from catalog.members import billing, paybacks, payments, returning
from catalog.web import deals
from catalog.web.rendering import page
from catalog.web.visitors import Asking, ours
from models.base import reading, unit_of_work
from models.creator import Creator
from models.membership import ChargeState
from models.payment import RefundState
from models.settings import settings

READ = ["GET", "HEAD"]
SHOWN = 50
router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/charges", methods=READ)
def listed(
    request: Request,
    visitor: Asking,
    cursor: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    with reading() as session:
        found = payments.page(session, visitor, cursor, SHOWN)
        papers = payments.papers(session, [one.id for one in found.rows])
        return page(request, "charges.html", found=found, papers=papers, later=bool(cursor))


@router.api_route("/charges/{charge_id}", methods=READ)
def show(
    request: Request,
    visitor: Asking,
    charge_id: str,
    back: Annotated[str, Query(max_length=5)] = "",
    meanwhile: Annotated[str, Query(max_length=5)] = "",
) -> Response:
    """`back`: its payer comes from the processor, whose word may take a moment. `meanwhile`: they
    gave it up, and it was paid already.
    """
    return _shown(request, visitor, charge_id, back=bool(back), meanwhile=bool(meanwhile))


@router.api_route("/charges/{charge_id}/papers/{number}.pdf", methods=READ)
def paper(visitor: Asking, charge_id: str, number: str) -> Response:
    from catalog import invoice_sheet  # brings all of fpdf, a second of every start

    with reading() as session:
        returning.shown(session, visitor, charge_id)
        rows = invoices.of_charge(session, charge_id)
        found = next((one for one in rows if one.number == number), None)
    if found is None:
        raise NotFound("There is no such document of this payment.")
    headers = {
        "Content-Disposition": f'attachment; filename="{found.number}.pdf"',
        "Cache-Control": "private, no-store",
    }
    return Response(invoice_sheet.draw(found), media_type="application/pdf", headers=headers)


@changes.post("/charges/{charge_id}/undo")
def undo(request: Request, visitor: Asking, charge_id: str) -> Response:
    try:
        billing.undo_charge(visitor, charge_id)
    except Refusal as error:
        return _shown(request, visitor, charge_id, wrong=error)
    return RedirectResponse(f"/charges/{charge_id}", 303)


@changes.post("/charges/{charge_id}/refund")
def refund(
    request: Request,
    visitor: Asking,
    charge_id: str,
    why: Annotated[str, Form(max_length=300)] = "",
    amount: Annotated[str, Form(max_length=30)] = "",
) -> Response:
    """By staff, or by the creator whose member it is."""
    try:
        cents = deals.cents_of(amount)
        with unit_of_work(actor=visitor.actor) as session:
            returning.give_back(session, visitor, charge_id, cents, why)
    except (BadRequest, Refusal) as error:
        return _shown(request, visitor, charge_id, wrong=error)
    return RedirectResponse(f"/charges/{charge_id}", 303)


@changes.post("/charges/{charge_id}/give-back")
def give_back(
    request: Request,
    visitor: Asking,
    charge_id: str,
    why: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """What was paid and gave nothing, by staff or the creator."""
    try:
        with unit_of_work(actor=visitor.actor) as session:
            returning.give_spare_back(session, visitor, charge_id, why)
    except Refusal as error:
        return _shown(request, visitor, charge_id, wrong=error)
    return RedirectResponse(f"/charges/{charge_id}", 303)


@changes.post("/charges/{charge_id}/pay")
def pay(request: Request, visitor: Asking, charge_id: str) -> Response:
    way = billing.open_page(visitor, charge_id)
    return onwards(request, way.url, f"/charges/{charge_id}")


@changes.post("/charges/{charge_id}/give-up")
def give_up(visitor: Asking, charge_id: str) -> Response:
    late = billing.give_up(visitor, charge_id) == ChargeState.PAID
    return RedirectResponse(f"/charges/{charge_id}{'?meanwhile=1' if late else ''}", 303)


router.include_router(changes)


def onwards(request: Request, url: str, here: str) -> Response:
    """To where one pays, or keeps a method; `here`: where one is led without a url."""
    if not url:
        return RedirectResponse(here, 303)
    parts = urlsplit(url)
    if parts.netloc == urlsplit(settings().base_url).netloc:
        return RedirectResponse(f"{parts.path}?{parts.query}" if parts.query else parts.path, 303)
    # A form may not lead to another site (CSP form-action), not even by a redirect: a page may.
    made = page(request, "onwards_member.html", url=url, host=parts.netloc, here=here)
    made.headers["Refresh"] = f"0; url={url}"
    return made


def _shown(
    request: Request,
    visitor: Asking,
    charge_id: str,
    *,
    back: bool = False,
    meanwhile: bool = False,
    wrong: CatalogError | None = None,
) -> Response:
    with reading() as session:
        charge = returning.shown(session, visitor, charge_id)
        waits = charge.state == ChargeState.ASKED
        refunds = paybacks.of_charge(session, charge.id)
        leaving = sum(one.amount_cents for one in refunds if one.state == RefundState.ASKED)
        context = {
            "charge": charge,
            "creator": session.get_one(Creator, charge.creator_id),
            "mine": charge.account_id == visitor.account_id,
            "seller": visitor.works_for(charge.creator_id),
            "left_cents": paybacks.left_of(session, charge),
            "spare_cents": sum(cents for _, cents in paybacks.spare(session, charge)),
            "papers": invoices.of_charge(session, charge.id),
            "refunds": refunds,
            "goes_back": charge.state == ChargeState.PAID
            and 0 < charge.amount_cents <= leaving + charge.refunded_cents,
            "meanwhile": meanwhile,
            "now_ms": now_of(session),
            "coming": waits and (back or (charge.held_until_ms is None and not charge.error)),
        }
        status = wrong.status if wrong else 200
        return page(request, "charge.html", status=status, wrong=wrong, **context)
