"""Offers as pages: the card under a clip, what became of it, and none at all if one wants none."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from catalog import listings, throttle
from catalog.auth import Visitor, needs
from catalog.entitlements import now_of
from catalog.errors import CatalogError, NotFound, Refusal
from catalog.members import billing, methods
from catalog.offers import answers, choosing, hashes, limits, moments, sessions
from catalog.web import visitors
from catalog.web.charges import onwards
from catalog.web.rendering import page
from catalog.web.visitors import HERE, Asking, address_of, ours
from models.base import reading, unit_of_work
from models.clip import Clip
from models.settings import settings

READ = ["GET", "HEAD"]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
PLAYS, LOOKS, PER_S = 120, 240, 3_600
"""By one network address, in each process."""
NONE, NONE_S = "offers", 365 * 86_400
"""The cookie of somebody without an account who wants no offers at all: it says that, not who."""

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
    visitor = _passing(request, visitor)
    with unit_of_work() as session:  # what is shown is a row, so that it counts
        now = now_of(session)
        listing = listings.seen(session, visitor, clip_id, now)
        clip, early = listing.clip, listing.visible_from_ms > now
        found = None
        if request.method != "HEAD":
            if moment == moments.BOUGHT:
                sessions.carried(session, visitor, clip.recording.creator_id, now)
            if NONE not in request.cookies:
                found = choosing.fitting(session, visitor, moment, clip, now, offset_min=offset)
        off = not part and _wants_none(session, request, visitor)
        known = not part and bool(hashes.whose(session, visitor))
        tip = None if part else choosing.tip_of(session, visitor, clip, now)
        kept = methods.stored(session, visitor.account_id) if visitor.account_id and tip else None
        creator = clip.recording.creator
    if part:
        made = page(request, "_offer.html", shown=found) if found else None
        return made or Response(status_code=204)
    return page(
        request,
        "offers.html",
        clip=clip,
        early=early,
        shown=found,
        known=known,
        off=off,
        tip=tip,
        method=kept.label if kept else "",
        creator=creator,
        currency=settings().currency,
    )


@changes.post("/clips/{clip_id}/tip")
def tip(
    request: Request,
    visitor: Asking,
    clip_id: Id,
    cents: Annotated[int, Form(ge=0, le=10**9)],
    currency: Annotated[str, Form(max_length=3)],
) -> Response:
    """Of the sum that the page showed, or nothing."""
    needs(visitor)
    with reading() as session:
        now = now_of(session)
        clip = listings.seen(session, visitor, clip_id, now).clip
        found, creator_id = choosing.tip_of(session, visitor, clip, now), clip.recording.creator_id
        asked = int(found.facts["cents"]) if found else None
    if asked != cents:
        raise Refusal(
            "The creator asks for another tip now, or for none. Nothing was taken; load the page "
            "again.",
            "offer_changed",
        )
    way = billing.tip(visitor, creator_id, cents, currency)
    return onwards(request, way.url, f"/charges/{way.charge_id}")


@changes.post("/clips/{clip_id}/played")
def played(request: Request, visitor: Asking, clip_id: str) -> Response:
    """Told by the page's script when the clip begins: what a visit is made of."""
    _unhurried(request, "played", PLAYS)
    visitor = _passing(request, visitor)
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
    """The cart of somebody without an account is kept by the guest's cookie, as any cart is."""
    if not hashes.is_known(visitor):
        visitors.guest(request)
        visitor = visitors.visitor(request)
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
    passing = not hashes.is_known(visitor)
    with unit_of_work(actor=visitor.actor) as session:
        answers.never(session, _passing(request, visitor), view_id)
    return _said(request, f"/offers/{view_id}", "never today" if passing else "never")


@changes.post("/offers/{view_id}/undo")
def undo(request: Request, visitor: Asking, view_id: Id) -> Response:
    try:
        answers.undo(visitor, view_id)
    except Refusal as error:
        return _shown(request, visitor, view_id, wrong=error)
    return RedirectResponse(f"/offers/{view_id}", 303)


@changes.post("/offers-none")
def none(request: Request, visitor: Asking) -> Response:
    """For the account; without one for this browser, by a cookie that says just that."""
    if visitor.account_id is None:
        answer = _said(request, "/offers-none", "none here")
        _remember(answer, "none", NONE_S)
        return answer
    with unit_of_work(actor=visitor.actor) as session:
        answers.never(session, visitor, None)
    return _said(request, "/offers-none", "none")


@changes.post("/offers-again")
def again(request: Request, visitor: Asking) -> Response:
    whom = _passing(request, visitor)
    with unit_of_work(actor=visitor.actor) as session:
        answers.again(session, whom)
    answer = RedirectResponse("/offers-none", 303)
    if NONE in request.cookies:
        _remember(answer, "", 0)
    return answer


@router.api_route("/offers-none", methods=READ)
def whether_none(request: Request, visitor: Asking) -> Response:
    with reading() as session:
        off = _wants_none(session, request, visitor)
    here = NONE in request.cookies
    return page(
        request,
        "offers_none.html",
        off=off,
        here=here,
        account=bool(visitor.account_id),
        known=hashes.is_known(visitor),
        limits=limits.limits(),
    )


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


def _passing(request: Request, visitor: Visitor) -> Visitor:
    """With the network that they come by. This machine's own address is everybody's behind a proxy
    that does not forward; it tells somebody only in a house that is on this machine alone."""
    address = address_of(request)
    if address in HERE and urlsplit(settings().base_url).hostname not in ("localhost", *HERE):
        return visitor
    return hashes.passing(visitor, address)


def _wants_none(session: Session, request: Request, visitor: Visitor) -> bool:
    return NONE in request.cookies or answers.wants_none(session, visitor)


def _remember(answer: Response, word: str, life_s: int) -> None:
    """SameSite and Secure as the other cookies of this house."""
    secure = settings().base_url.startswith("https:")
    answer.set_cookie(NONE, word, life_s, httponly=True, samesite="lax", secure=secure)
