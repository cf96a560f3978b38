"""A creator's segments of members: choose facts, see the size, save, hand out, close."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import segments, throttle
from catalog.auth import Visitor, needs, needs_creator
from catalog.entitlements import now_of
from catalog.errors import BadRequest, CatalogError, NotFound, Refusal
from catalog.letters import telling
from catalog.members import tiers
from catalog.segments import Rule
from catalog.web.account import HOUR_S, READ
from catalog.web.rendering import page
from catalog.web.visitors import Asking, ours
from models.base import reading, unit_of_work
from models.creator import Creator

SIZES = 60
"""Asked for by one account in an hour: who tries all rules would learn more than one tells."""
Slug = Annotated[str, Path(max_length=200)]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Word = Annotated[str, Form(max_length=200)]
DONE = {
    "saved": "The segment is saved.",
    "closed": "The segment is closed; nobody is in it.",
    "told": "The letters are being written: to those in it who asked for news of you, once each.",
}

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/members/segments", methods=READ)
def own(request: Request, visitor: Asking) -> Response:
    needs(visitor)
    with reading() as session:
        wanted = select(Creator.slug)
        if not visitor.has():  # staff may look at any creator's
            wanted = wanted.where(Creator.id.in_(visitor.creator_ids))
        slug = session.scalars(wanted.order_by(Creator.name, Creator.id)).first()
    if slug is None:
        raise NotFound("There is nothing at this address for this account.")
    return RedirectResponse(f"/members/{slug}/segments", 303)


@router.api_route("/members/{slug}/segments", methods=READ)
def listed(request: Request, visitor: Asking, slug: Slug, done: str = "") -> Response:
    return _shown(request, visitor, slug, done=done)


@changes.post("/members/{slug}/segments")
def change(
    request: Request,
    visitor: Asking,
    slug: Slug,
    do: Annotated[str, Form(max_length=10)] = "count",
    name: Word = "",
    tier: Annotated[list[str] | None, Form(max_length=10)] = None,
    tenure: Word = "",
    series: Word = "",
    purchases: Word = "",
    bought_days: Word = "",
) -> Response:
    """Its size is shown first; it is saved by a button of its own."""
    given: dict[str, Any] = {
        "tiers": tier or [],
        "tenure": _step(tenure),
        "series": series,
        "purchases": _step(purchases),
        "bought_days": _step(bought_days),
    }
    chosen = Rule.model_construct(**given)
    try:
        rule = segments.rule_of(given)
        with unit_of_work() as session:
            creator = _mine(session, visitor, slug)
            throttle.take(session, "segment sizes", str(visitor.account_id), SIZES, HOUR_S)
        if do == "save":
            with unit_of_work(visitor.actor) as session:
                segments.save(session, visitor, creator.id, name, rule)
            return RedirectResponse(f"/members/{slug}/segments?done=saved", 303)
    except (BadRequest, Refusal) as error:
        return _shown(request, visitor, slug, chosen=chosen, name=name, wrong=error)
    with reading() as session:
        size = segments.size(session, visitor, creator.id, rule)
    return _shown(request, visitor, slug, chosen=rule, name=name, size=size)


@changes.post("/members/{slug}/segments/{segment_id}/close")
def close(visitor: Asking, slug: Slug, segment_id: Id) -> Response:
    with unit_of_work(visitor.actor) as session:
        segments.close(session, visitor, segment_id)
    return RedirectResponse(f"/members/{slug}/segments?done=closed", 303)


@changes.post("/members/{slug}/segments/{segment_id}/export")
def export(request: Request, visitor: Asking, slug: Slug, segment_id: Id) -> Response:
    try:
        with unit_of_work(visitor.actor) as session:
            file, text = segments.exported(session, visitor, segment_id)
    except Refusal as error:
        return _shown(request, visitor, slug, wrong=error)
    return as_file(file, text)


@changes.post("/members/{slug}/segments/{segment_id}/tell")
def tell(
    request: Request,
    visitor: Asking,
    slug: Slug,
    segment_id: Id,
    announcement: Annotated[str, Form(pattern=r"^[0-9a-f]{32}$")],
) -> Response:
    try:
        with unit_of_work(visitor.actor) as session:
            telling.tell(session, visitor, segment_id, announcement)
    except Refusal as error:
        return _shown(request, visitor, slug, wrong=error)
    return RedirectResponse(f"/members/{slug}/segments?done=told", 303)


router.include_router(changes)


def as_file(name: str, text: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _shown(
    request: Request,
    visitor: Visitor,
    slug: str,
    *,
    done: str = "",
    chosen: Rule | None = None,
    name: str = "",
    size: segments.Size | None = None,
    wrong: CatalogError | None = None,
) -> Response:
    with reading() as session:
        creator = _mine(session, visitor, slug)
        steps = tiers.current(session, creator.id)
        names = {one.key: one.name for one in steps}
        shown = segments.of_creator(session, visitor, creator.id)
        context: dict[str, Any] = {
            "creator": creator,
            "tiers": steps,
            "coming": telling.coming(session, creator.id, now_of(session)),
            "series": segments.series_of(session, creator.id),
            "shown": [(one, segments.told(one.rule, names)) for one in shown],
        }
    return page(
        request,
        "segments.html",
        status=wrong.status if wrong else 200,
        facts=segments.FACTS,
        least=segments.LEAST,
        most=segments.FACTS_MOST,
        tenures=segments.TENURES,
        counts=segments.COUNTS,
        days=segments.DAYS,
        chosen=chosen or Rule(),
        named=name,
        size=size,
        wrong=wrong,
        said=DONE.get(done, ""),
        **context,
    )


def _mine(session: Session, visitor: Visitor, slug: str) -> Creator:
    needs(visitor)
    found = session.scalars(select(Creator).where(Creator.slug == slug)).one_or_none()
    if found is None:
        raise NotFound("There is nothing at this address for this account.")
    needs_creator(visitor, found.id)
    return found


def _step(text: str) -> int | None:
    """0 for what is no number: the rule knows no such step."""
    return (int(text) if text.isascii() and text.isdigit() else 0) if text else None
