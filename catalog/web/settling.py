"""Staff's answers on an order's page: which license a refund was for, and what becomes of money
that is here again.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from catalog import settling
from catalog.auth import needs
from catalog.errors import BadRequest, Refusal
from catalog.web import deals
from catalog.web.checkout import shown
from catalog.web.visitors import Asking, ours
from models.account import Role
from models.base import unit_of_work

changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@changes.post("/orders/{order_id}/assign")
def assign(
    request: Request,
    visitor: Asking,
    order_id: str,
    line_id: Annotated[str, Form(max_length=32)],
    amount: Annotated[str, Form(max_length=30)] = "",
) -> Response:
    needs(visitor, Role.STAFF)
    try:
        cents = deals.cents_of(amount) or 0
        with unit_of_work(actor=visitor.actor) as session:
            settling.assign(session, visitor, order_id, line_id, cents)
    except (BadRequest, Refusal) as error:
        return shown(request, visitor, order_id, wrong=error)
    return RedirectResponse(f"/orders/{order_id}", 303)


@changes.post("/orders/{order_id}/grant-again")
def grant_again(request: Request, visitor: Asking, order_id: str) -> Response:
    try:
        with unit_of_work(actor=visitor.actor) as session:
            settling.grant_again(session, visitor, order_id)
    except Refusal as error:
        return shown(request, visitor, order_id, wrong=error)
    return RedirectResponse(f"/orders/{order_id}", 303)


@changes.post("/orders/{order_id}/give-back")
def give_back(
    request: Request,
    visitor: Asking,
    order_id: str,
    why: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    try:
        with unit_of_work(actor=visitor.actor) as session:
            settling.give_back(session, visitor, order_id, why)
    except Refusal as error:
        return shown(request, visitor, order_id, wrong=error)
    return RedirectResponse(f"/orders/{order_id}", 303)
