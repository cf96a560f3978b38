"""Pages of lightboxes and saved searches; every change is a form that works without scripts."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalog import lightboxes, listings
from catalog.auth import Visitor, needs
from catalog.entitlements import now_of
from catalog.web import visitors
from catalog.web.rendering import page
from catalog.web.visitors import Asking, ours
from models.base import reading, unit_of_work
from models.settings import settings

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])
READ = ["GET", "HEAD"]
ID = Annotated[str, Form(max_length=32)]
Name = Annotated[str, Form(max_length=300)]


@router.api_route("/lightboxes", methods=READ)
def overview(request: Request, visitor: Asking) -> Response:
    with reading() as session:
        kept = lightboxes.overview(session, visitor)
        return page(request, "lightboxes.html", kept=kept)


@router.api_route("/lightboxes/add", methods=READ)
def choose(
    request: Request, visitor: Asking, clip: Annotated[str, Query(max_length=32)]
) -> Response:
    """Which lightbox? As a page, or as a part of one that is open."""
    with reading() as session:
        listing = listings.seen(session, visitor, clip, now_of(session))
        boxes = lightboxes.all_of(session, visitor)
        holding = lightboxes.holding(session, boxes, listing.id)
        part = "_keep.html" if request.headers.get("hx-request") else "keep.html"
        return page(request, part, clip=listing.clip, boxes=boxes, holding=holding)


@changes.post("/lightboxes/add")
def keep(request: Request, clip: ID, lightbox: ID = "", name: Name = "") -> Response:
    with unit_of_work(actor=visitors.visitor(request).actor) as session:
        if not lightbox:
            visitors.guests_share(session, request, "lightbox", lightboxes.MOST_AT_ONE_ADDRESS)
        box = lightboxes.keep(session, _someone(request), clip, lightbox, name)
    if request.headers.get("hx-request"):
        return page(request, "_kept.html", box=box)
    return RedirectResponse(f"/lightboxes/{box.id}", 303)


@changes.post("/lightboxes")
def make(request: Request, name: Name = "") -> Response:
    with unit_of_work(actor=visitors.visitor(request).actor) as session:
        visitors.guests_share(session, request, "lightbox", lightboxes.MOST_AT_ONE_ADDRESS)
        box = lightboxes.make(session, _someone(request), name)
    return RedirectResponse(f"/lightboxes/{box.id}", 303)


@router.api_route("/lightboxes/{lightbox_id}", methods=READ)
def show(request: Request, visitor: Asking, lightbox_id: str) -> Response:
    with reading() as session:
        shown = lightboxes.show(session, visitor, lightbox_id)
        return page(
            request, "lightbox.html", shown=shown, own=True, link=_link(shown.lightbox.share)
        )


@changes.post("/lightboxes/{lightbox_id}/take-out")
def take_out(visitor: Asking, lightbox_id: str, clip: ID) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        lightboxes.take_out(session, visitor, lightbox_id, clip)
    return RedirectResponse(f"/lightboxes/{lightbox_id}", 303)


@changes.post("/lightboxes/{lightbox_id}/rename")
def rename(visitor: Asking, lightbox_id: str, name: Name = "") -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        lightboxes.rename(session, visitor, lightbox_id, name)
    return RedirectResponse(f"/lightboxes/{lightbox_id}", 303)


@changes.post("/lightboxes/{lightbox_id}/delete")
def remove(visitor: Asking, lightbox_id: str) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        lightboxes.remove(session, visitor, lightbox_id)
    return RedirectResponse("/lightboxes", 303)


@changes.post("/lightboxes/{lightbox_id}/share")
def share(visitor: Asking, lightbox_id: str) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        lightboxes.share(session, visitor, lightbox_id)
    return RedirectResponse(f"/lightboxes/{lightbox_id}#share", 303)


@changes.post("/lightboxes/{lightbox_id}/unshare")
def unshare(visitor: Asking, lightbox_id: str) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        lightboxes.unshare(session, visitor, lightbox_id)
    return RedirectResponse(f"/lightboxes/{lightbox_id}#share", 303)


@router.api_route("/shared/{word}", methods=READ)
def shared(request: Request, word: str) -> Response:
    with reading() as session:
        shown = lightboxes.shared(session, word)
        return page(request, "lightbox.html", shown=shown, own=False, link="")


@router.api_route("/searches", methods=READ)
def searches(request: Request, visitor: Asking) -> Response:
    with reading() as session:
        return page(request, "searches.html", searches=lightboxes.searches(session, visitor))


@router.api_route("/searches/new", methods=READ)
def name_search(
    request: Request, visitor: Asking, query: Annotated[str, Query(max_length=1_000)]
) -> Response:
    needs(visitor)
    return page(request, "search_new.html", query=lightboxes.searched(query))


@changes.post("/searches")
def save_search(
    visitor: Asking, query: Annotated[str, Form(max_length=1_000)], name: Name = ""
) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        lightboxes.save_search(session, visitor, name, query)
    return RedirectResponse("/searches", 303)


@changes.post("/searches/{search_id}/delete")
def forget_search(visitor: Asking, search_id: str) -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        lightboxes.forget_search(session, visitor, search_id)
    return RedirectResponse("/searches", 303)


def _someone(request: Request) -> Visitor:
    """A guest gets a cookie now: what is kept has to be found again."""
    known = visitors.visitor(request)
    if not known.account_id and not known.guest:
        visitors.guest(request)
    return visitors.visitor(request)


def _link(word: str) -> str:
    return f"{settings().base_url}/shared/{word}" if word else ""


router.include_router(changes)
