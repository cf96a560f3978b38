"""What is kept of a person, for that person: to look at, take away, take back, erase; and the page
on privacy for everybody.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from catalog import throttle
from catalog.auth import Visitor, needs
from catalog.entitlements import now_of
from catalog.errors import BadRequest, Refusal
from catalog.members import consents
from catalog.privacy import cookies, erasure, exports, keeping, kinds
from catalog.web.account import HOUR_S, READ
from catalog.web.rendering import page
from catalog.web.visitors import Asking, forget_guest, keep_signed_in, ours
from models.base import reading, unit_of_work
from models.settings import settings

EXPORTS = 20
"""Of one account in an hour."""
Purpose = Annotated[str, Form(max_length=40)]

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/privacy", methods=READ)
def privacy(request: Request) -> Response:
    return page(
        request,
        "privacy.html",
        cookies=cookies.COOKIES,
        ages=keeping.AGES,
        purposes=consents.PURPOSES,
        kinds=kinds.KINDS,
        seller=settings().seller.partition(";")[0],
        operator=settings().operator,
    )


@router.api_route("/account/data", methods=READ)
def show(request: Request, visitor: Asking, done: str = "") -> Response:
    needs(visitor)
    mine = str(visitor.account_id)
    with reading() as session:
        counts = exports.counts(session, kinds.person_of(session, mine))
        return page(
            request,
            "account_data.html",
            purposes=consents.PURPOSES,
            given=consents.given(session, mine),
            some=[one for one in kinds.KINDS if counts[one.key]],
            others=[one for one in kinds.KINDS if not counts[one.key]],
            counts=counts,
            ages=keeping.AGES,
            left_out=kinds.LEFT_OUT,
            done=done,
        )


@router.api_route("/account/data/export", methods=["GET"])
def export(visitor: Asking) -> Response:
    return handed_out(visitor)


@changes.post("/account/data/agree")
def agree(visitor: Asking, purpose: Purpose) -> Response:
    needs(visitor)
    with unit_of_work(visitor.actor) as session:
        consents.give(session, str(visitor.account_id), purpose, "account")
    return RedirectResponse("/account/data?done=agreed", 303)


@changes.post("/account/data/withdraw")
def withdraw(visitor: Asking, purpose: Purpose) -> Response:
    needs(visitor)
    with unit_of_work(visitor.actor) as session:
        consents.withdraw(session, str(visitor.account_id), purpose)
    return RedirectResponse("/account/data?done=withdrawn", 303)


@router.api_route("/account/data/erase", methods=READ)
def look_at_erasure(request: Request, visitor: Asking) -> Response:
    needs(visitor)
    return _asked(request, visitor)


@changes.post("/account/data/erase")
def erase(
    request: Request, visitor: Asking, sure: Annotated[str, Form(max_length=10)] = ""
) -> Response:
    needs(visitor)
    if sure != "yes":
        raise BadRequest("Nothing was erased. Open the page again and use its button.")
    try:
        with unit_of_work(visitor.actor) as session:
            endings = erasure.erase(session, visitor)
    except Refusal as error:
        return _asked(request, visitor, status=error.status)
    keep_signed_in(request, "")
    forget_guest(request)
    return page(request, "account_erased.html", endings=endings, email=visitor.email)


router.include_router(changes)


def handed_out(visitor: Visitor) -> Response:
    """The zip, while it is written. Asked for too often it is refused: it reads everything."""
    needs(visitor)
    mine = str(visitor.account_id)
    with unit_of_work() as session:
        throttle.take(session, "export of", mine, EXPORTS, HOUR_S)
        at_ms = now_of(session)
    headers = {
        "Content-Disposition": f'attachment; filename="{exports.name_of(at_ms)}"',
        "Cache-Control": "no-store",
    }
    made = exports.stream(mine, settings().base_url)
    return StreamingResponse(made, headers=headers, media_type="application/zip")


def _asked(request: Request, visitor: Visitor, *, status: int = 200) -> Response:
    with reading() as session:
        outlook = erasure.outlook(session, visitor)
    return page(
        request,
        "account_erase.html",
        status=status,
        kinds=outlook.kinds,
        stays=kinds.STAYS,
        books=kinds.BOOKS,
        outlook=outlook,
    )
