"""A clip's title and tags, as its creator writes them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from catalog import wording
from catalog.errors import Refusal
from catalog.web.account import READ
from catalog.web.rendering import page
from catalog.web.visitors import Asking, ours, own_desk
from models.base import reading, unit_of_work
from models.clip import Clip

router = APIRouter(include_in_schema=False, dependencies=[Depends(own_desk)])
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/clips/{clip_id}/words", methods=READ)
def words(request: Request, clip_id: str, done: str = "") -> Response:
    return _form(request, clip_id, done=done)


@changes.post("/clips/{clip_id}/words")
def reword(
    request: Request,
    visitor: Asking,
    clip_id: str,
    title: Annotated[str, Form(max_length=1_000)] = "",
    tags: Annotated[str, Form(max_length=4_000)] = "",
) -> Response:
    try:
        with unit_of_work(visitor.actor) as session:
            wording.reword(session, clip_id, title, wording.of(tags))
    except Refusal as wrong:
        return _form(request, clip_id, wrong=wrong, given=(title, tags))
    return RedirectResponse(f"/clips/{clip_id}/words?done=set", 303)


router.include_router(changes)


def _form(
    request: Request,
    clip_id: str,
    *,
    done: str = "",
    wrong: Refusal | None = None,
    given: tuple[str, str] | None = None,
) -> Response:
    with reading() as session:
        clip = session.get_one(Clip, clip_id)
        title, tags = given or (clip.title, ", ".join(clip.tags))
        return page(
            request,
            "clip_words.html",
            status=wrong.status if wrong else 200,
            clip=clip,
            title=title,
            tags=tags,
            most=wording,
            done=done,
            wrong=wrong,
        )
