"""Paying for a membership: what waits or was declined, giving it up, and the kept method."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalog.errors import Refusal
from catalog.members import billing, memberships, methods
from catalog.payments.facts import ProcessorDown
from catalog.web.charges import onwards
from catalog.web.memberships import Id, done_with, shown, standing_of
from catalog.web.rendering import with_query
from catalog.web.visitors import Asking, ours
from models.base import reading
from models.membership import ChargeState
from models.settings import settings

router = APIRouter(include_in_schema=False)
posts = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])
PERIODS = ("month", "year")


@posts.post("/memberships/{membership_id}/pay")
def pay(request: Request, visitor: Asking, membership_id: Id) -> Response:
    """What waits for its payer, or what was declined."""
    with reading() as session:
        waits = standing_of(session, visitor, membership_id).waits
    try:
        if waits is not None:
            way = billing.open_page(visitor, waits.id)
        else:
            way = billing.pay(visitor, membership_id)
    except Refusal as error:
        return shown(request, visitor, membership_id, wrong=error)
    return onwards(request, way.url, f"/memberships/{membership_id}?back=1")


@posts.post("/memberships/{membership_id}/give-up")
def give_up(request: Request, visitor: Asking, membership_id: Id) -> Response:
    """What was paid meanwhile stands, and is said."""
    with reading() as session:
        waits = standing_of(session, visitor, membership_id).waits
    if waits is not None and billing.give_up(visitor, waits.id) == ChargeState.PAID:
        return done_with(membership_id, "meanwhile")
    return RedirectResponse(f"/memberships/{membership_id}", 303)


@posts.post("/memberships/{membership_id}/method")
def method(
    request: Request,
    visitor: Asking,
    membership_id: Id,
    tier_id: Annotated[str, Form(max_length=32)] = "",
    period: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """To where it is changed, removed or added; it leads back to method_changed(). `tier_id`: of
    a change that is gone on with after that.
    """
    with reading() as session:
        memberships.mine(session, visitor, membership_id)
    here = f"/memberships/{membership_id}"
    onto = {"tier": tier_id, "period": period} if period in PERIODS and tier_id.isalnum() else {}
    try:
        url = methods.portal(visitor, settings().base_url + with_query(f"{here}/method", **onto))
    except Refusal as error:
        return shown(request, visitor, membership_id, wrong=error)
    return onwards(request, url, here)


@router.api_route("/memberships/{membership_id}/method", methods=["GET"])
def method_changed(
    visitor: Asking,
    membership_id: Id,
    tier: Annotated[str, Query(max_length=32)] = "",
    period: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Coming back from there: what is kept now is known now."""
    with reading() as session:
        memberships.mine(session, visitor, membership_id)
    here = f"/memberships/{membership_id}"
    try:
        found = methods.refresh(visitor)
    except ProcessorDown:  # it is looked at again with the next payment
        return done_with(membership_id, "later")
    if found == "again":
        return RedirectResponse(f"{here}?done=again&back=1", 303)
    if found and tier:
        onto = with_query(f"{here}/change", tier=tier, period=period, done="method")
        return RedirectResponse(onto, 303)
    return done_with(membership_id, "method" if found else "none")


@posts.post("/memberships/{membership_id}/method/remove")
def method_removed(visitor: Asking, membership_id: Id) -> Response:
    with reading() as session:
        found = methods.stored(
            session, memberships.mine(session, visitor, membership_id).account_id
        )
    if found is not None:
        methods.remove(visitor, found.id)
    return done_with(membership_id, "removed")


router.include_router(posts)
