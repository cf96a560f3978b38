"""Offers as pages: the card under a clip, what became of it, and none at all if one wants none."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalog import listings, throttle
from catalog.auth import Visitor
from catalog.entitlements import now_of
from catalog.errors import CatalogError, NotFound, Refusal
from catalog.offers import answers, choosing, hashes, limits, moments, sessions
from catalog.web.charges import onwards
from catalog.web.rendering import page
from catalog.web.visitors import HERE, Asking, address_of, ours
from models.base import reading, unit_of_work
from models.clip import Clip

READ = ["GET", "HEAD"]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
PLAYS, LOOKS, PER_S = 120, 240, 3_600
"""By one network address, in each process."""

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/clips/{clip_id}/offers", methods=READ)
def at_clip(
    request: Request,
    visitor: Asking,
    clip_id: str,
    part: Annotated[str, Query(pattern="^(card)?$")] = "",
    moment: Annotated[str, Query(pattern="^(end|bought)$")] = moments.END,
    offset: Annotated[int, Query(ge=-900, le=900)] = 0,
) -> Response:
    """`part=card`: the card alone, for the clip's page; nothing where none fits. `offset`: the
    browser's clock before UTC in minutes, for quiet hours; it is kept nowhere."""
    _unhurried(request, "offers", LOOKS)
    with unit_of_work() as session:  # what is shown is a row, so that it counts
        now = now_of(session)
        clip = listings.seen(session, visitor, clip_id, now).clip
        found = None
        if request.method != "HEAD":
            found = choosing.fitting(session, visitor, moment, clip, now, offset_min=offset)
        known = bool(hashes.known(session, visitor)) or bool(visitor.account_id)
        off = answers.wants_none(session, visitor)
    if part:
        made = page(request, "_offer.html", shown=found) if found else None
        return made or Response(status_code=204)
    return page(request, "offers.html", clip=clip, shown=found, known=known, off=off)


@changes.post("/clips/{clip_id}/played")
def played(request: Request, visitor: Asking, clip_id: str) -> Response:
    """Told by the page's script when the clip begins: what a visit is made of."""
    _unhurried(request, "played", PLAYS)
    with unit_of_work() as session:
        now = now_of(session)
        sessions.touch(session, visitor, listings.seen(session, visitor, clip_id, now).clip, now)
    return Response(status_code=204)


@router.api_route("/offers/{view_id}", methods=READ)
def show(request: Request, visitor: Asking, view_id: Id) -> Response:
    return _shown(request, visitor, view_id)


@changes.post("/offers/{view_id}/accept")
def accept(
    request: Request,
    visitor: Asking,
    view_id: Id,
    cents: Annotated[int, Form(ge=0, le=10**9)],
    currency: Annotated[str, Form(max_length=3)],
) -> Response:
    try:
        way = answers.accept(visitor, view_id, cents=cents, currency=currency)
    except NotFound:
        raise
    except CatalogError as error:
        return _shown(request, visitor, view_id, wrong=error)
    if way.url.startswith("/"):
        return RedirectResponse(way.url, 303)
    return onwards(request, way.url, f"/offers/{view_id}")


@changes.post("/offers/{view_id}/decline")
def decline(request: Request, visitor: Asking, view_id: Id) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        answers.decline(session, visitor, view_id)
    return _said(request, f"/offers/{view_id}", "declined")


@changes.post("/offers/{view_id}/never")
def never(request: Request, visitor: Asking, view_id: Id) -> Response:
    """Not this one again."""
    with unit_of_work(actor=visitor.actor) as session:
        answers.never(session, visitor, view_id)
    return _said(request, f"/offers/{view_id}", "never")


@changes.post("/offers/{view_id}/undo")
def undo(request: Request, visitor: Asking, view_id: Id) -> Response:
    try:
        answers.undo(visitor, view_id)
    except Refusal as error:
        return _shown(request, visitor, view_id, wrong=error)
    return RedirectResponse(f"/offers/{view_id}", 303)


@changes.post("/offers-none")
def none(request: Request, visitor: Asking) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        answers.never(session, visitor, None)
    return _said(request, "/offers-none", "none")


@changes.post("/offers-again")
def again(visitor: Asking) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        answers.again(session, visitor)
    return RedirectResponse("/offers-none", 303)


@router.api_route("/offers-none", methods=READ)
def whether_none(request: Request, visitor: Asking) -> Response:
    with reading() as session:
        off = answers.wants_none(session, visitor)
        known = bool(visitor.account_id or visitor.guest)
    return page(request, "offers_none.html", off=off, known=known, limits=limits.limits())


router.include_router(changes)


def _shown(
    request: Request, visitor: Visitor, view_id: str, *, wrong: CatalogError | None = None
) -> Response:
    with reading() as session:
        found = answers.standing(session, visitor, view_id)
        clips = [session.get_one(Clip, one) for one in found.view.what.get("clips", ())]
        return page(
            request,
            "offer.html",
            status=wrong.status if wrong else 200,
            standing=found,
            view=found.view,
            clips=clips,
            creator=found.clip.recording.creator,
            limits=limits.limits(),
            wrong=wrong,
        )


def _said(request: Request, back: str, said: str) -> Response:
    """In the card's place where the page's script sent it."""
    if request.headers.get("hx-request"):
        return page(request, "_offer_said.html", said=said)
    return RedirectResponse(back, 303)


def _unhurried(request: Request, what: str, most: int) -> None:
    whom = address_of(request)
    if whom not in HERE:
        throttle.glance(what, whom, most, PER_S)
