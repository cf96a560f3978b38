"""A clip's own ladder: who sees it how much earlier than everybody, where the tiers don't say."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from catalog.auth import Visitor, needs
from catalog.entitlements import now_of
from catalog.errors import BadRequest, CatalogError, NotFound, Refusal
from catalog.members import ladder, tiers
from catalog.web.account import READ
from catalog.web.rendering import page
from catalog.web.visitors import Asking, ours
from models.base import reading, unit_of_work
from models.clip import Clip
from models.perk import Early

HOUR_MS = 3_600_000

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/clips/{clip_id}/ladder", methods=READ)
def steps(request: Request, visitor: Asking, clip_id: str, done: str = "") -> Response:
    return _steps(request, visitor, clip_id, done=done)


@changes.post("/clips/{clip_id}/ladder")
async def set_steps(request: Request, visitor: Asking, clip_id: str) -> Response:
    form = {name: str(value)[:20] for name, value in (await request.form()).items()}
    return await run_in_threadpool(_set_steps, request, visitor, clip_id, form)


router.include_router(changes)


def number(text: str, what: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) <= 6):
        raise BadRequest(f"{what.capitalize()} is a whole number, such as 3.")
    return int(text.strip())


def _set_steps(request: Request, visitor: Visitor, clip_id: str, form: dict[str, str]) -> Response:
    try:
        with unit_of_work(visitor.actor) as session:
            if form.get("as") == "tiers":
                ladder.set_leads(session, visitor, clip_id, None)
            else:
                hours = {
                    name.removeprefix("hours-"): number(value, "hours") * HOUR_MS
                    for name, value in form.items()
                    if name.startswith("hours-")
                }
                ladder.set_leads(session, visitor, clip_id, hours)
    except (BadRequest, Refusal) as error:
        return _steps(request, visitor, clip_id, wrong=error, given=form)
    return RedirectResponse(f"/clips/{clip_id}/ladder?done=set", 303)


def _steps(
    request: Request,
    visitor: Visitor,
    clip_id: str,
    *,
    done: str = "",
    wrong: CatalogError | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    needs(visitor)
    with reading() as session:
        clip = session.get(Clip, clip_id)
        if clip is None or not visitor.works_for(clip.recording.creator_id):
            raise NotFound("There is no such clip of yours.")
        return page(
            request,
            "members_desk_clip.html",
            status=wrong.status if wrong else 200,
            clip=clip,
            creator=clip.recording.creator,
            listing=clip.listing,
            tiers=tiers.current(session, clip.recording.creator_id),
            leads=ladder.leads(session, clip),
            own=session.get(Early, clip_id) is not None,
            given=given or {},
            done=done,
            wrong=wrong,
            now_ms=now_of(session),
        )
