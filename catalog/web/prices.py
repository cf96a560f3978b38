"""A creator's prices: a base for each kind, what it comes to, and the way back to the house's."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import prices
from catalog import terms as terms_of
from catalog.auth import Visitor, needs
from catalog.errors import BadRequest, NotFound
from catalog.web import deals
from catalog.web.rendering import page, with_query
from catalog.web.visitors import Asking, ours
from models.account import Role
from models.base import reading, unit_of_work
from models.creator import Creator

READ = ["GET", "HEAD"]
Slug = Annotated[str, Form(max_length=200)]
MOST_DESKS = 200

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@dataclass(frozen=True)
class Whose:
    """A creator's prices, or with an empty slug the house's."""

    id: str
    slug: str
    name: str


async def bases(request: Request) -> dict[str, str]:
    """The amounts as they were typed, by kind."""
    form = await request.form()
    typed = {kind: form.get(f"base_{kind}") for kind in terms_of.KINDS}
    return {kind: text[:30] for kind, text in typed.items() if isinstance(text, str)}


Typed = Annotated[dict[str, str], Depends(bases)]


@router.api_route("/prices", methods=READ)
def shown(
    request: Request,
    asked: Asking,
    creator: Annotated[str | None, Query(max_length=200)] = None,
    said: Annotated[str, Query(pattern="^(saved|house)?$")] = "",
) -> Response:
    with reading() as session:
        whose, desks = _whose(session, asked, creator)
        kinds = prices.kinds(session, asked, whose.id)
        return page(
            request,
            "prices.html",
            whose=whose,
            desks=desks,
            kinds=kinds,
            said=said,
            problem="",
            previewed=False,
        )


@changes.post("/prices/preview")
def preview(request: Request, asked: Asking, typed: Typed, creator: Slug = "") -> Response:
    """What it would come to. Nothing is saved."""
    return _looked_at(request, asked, creator, typed)


@changes.post("/prices")
def save(request: Request, asked: Asking, typed: Typed, creator: Slug = "") -> Response:
    try:
        wanted = _cents(typed)
        with unit_of_work(actor=asked.actor) as session:
            whose, _ = _whose(session, asked, creator)
            prices.set_own(session, asked, whose.id, wanted)
    except BadRequest as error:
        return _looked_at(request, asked, creator, {}, problem=str(error))
    return RedirectResponse(with_query("/prices", creator=creator, said="saved"), 303)


@changes.post("/prices/house")
def house(asked: Asking, creator: Slug = "") -> Response:
    with unit_of_work(actor=asked.actor) as session:
        whose, _ = _whose(session, asked, creator)
        prices.back_to_house(session, asked, whose.id)
    return RedirectResponse(with_query("/prices", creator=creator, said="house"), 303)


router.include_router(changes)


def _looked_at(
    request: Request, asked: Visitor, creator: str, typed: dict[str, str], problem: str = ""
) -> Response:
    with reading() as session:
        whose, desks = _whose(session, asked, creator)
        try:
            kinds = prices.kinds(session, asked, whose.id, _cents(typed))
        except BadRequest as error:
            problem, kinds = str(error), prices.kinds(session, asked, whose.id)
        return page(
            request,
            "prices.html",
            status=400 if problem and not request.headers.get("hx-request") else 200,
            whose=whose,
            desks=desks,
            kinds=kinds,
            said="",
            problem=problem,
            previewed=True,
        )


def _whose(session: Session, asked: Visitor, slug: str | None) -> tuple[Whose, list[Whose]]:
    """Whose prices, and all that this visitor may set. Raises SignInNeeded, NotFound."""
    needs(asked, Role.CREATOR)
    wanted = select(Creator).order_by(Creator.name, Creator.id).limit(MOST_DESKS)
    if not asked.has():
        wanted = wanted.where(Creator.id.in_(asked.creator_ids))
    desks = [Whose(row.id, row.slug, row.name) for row in session.scalars(wanted)]
    if asked.has():
        desks.insert(0, Whose(prices.HOUSE, "", "the house"))
    found = desks if slug is None else [one for one in desks if one.slug == slug]
    if not found:
        raise NotFound("There are no prices of yours at this address.")
    return found[0], desks


def _cents(typed: dict[str, str]) -> dict[str, int]:
    found = {kind: deals.cents_of(text) for kind, text in typed.items()}
    return {kind: cents for kind, cents in found.items() if cents is not None}
