"""The pages of pools: what is in them and why, who draws from them, and where programs are told."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from catalog import hooks, partners, pools, routing, rules, throttle
from catalog.auth import Visitor, needs
from catalog.errors import BadRequest, CatalogError, NotFound
from catalog.web import pool_forms
from catalog.web.account import SECRET
from catalog.web.rendering import page, with_query
from catalog.web.visitors import Asking, ours
from models.account import Role
from models.base import reading, unit_of_work
from models.pool import Pool

READ = ["GET", "HEAD"]
INVITES, INVITES_PER_S = 30, 3_600
PINGS, PINGS_PER_S = 20, 600
Done = Annotated[str, Query(max_length=20)]
Cursor = Annotated[str | None, Query(max_length=80)]
Id = Annotated[str, Form(max_length=200)]
router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


async def _sent(request: Request) -> FormData:
    return await request.form()


Sent = Annotated[FormData, Depends(_sent)]


@router.api_route("/pools", methods=READ)
def listed(request: Request, visitor: Asking, done: Done = "") -> Response:
    with reading() as session:
        rows = [
            (pool, clips, rules.summary(session, routing.of(pool)[0]))
            for pool, clips in pools.visible(session, visitor)
        ]
        may_make = visitor.has(Role.STAFF) or bool(pools.creators(session, visitor))
        return page(request, "pools.html", rows=rows, may_make=may_make, done=done)


@router.api_route("/pools/new", methods=READ)
def new(request: Request, visitor: Asking) -> Response:
    needs(visitor)
    with reading() as session:
        whose = pools.creators(session, visitor)
        if not whose and not visitor.has(Role.STAFF):
            raise NotFound("Pools are made by creators and staff.")
        fields = pool_forms.blank()
        if not visitor.has(Role.STAFF):
            fields["creator"] = whose[0].id
        return _form(request, session, visitor, fields)


@router.api_route("/pools/{slug}/rule", methods=READ)
def edit(request: Request, visitor: Asking, slug: str) -> Response:
    with reading() as session:
        pool = pools.get_own(session, visitor, slug)
        return _form(request, session, visitor, pool_forms.of(pool), pool=pool)


@changes.post("/pools/trial")
def trial(request: Request, visitor: Asking, sent: Sent) -> Response:
    """What it would take: a part of the open page, or the whole page without scripts."""
    needs(visitor)
    fields = pool_forms.read(sent)
    with reading() as session:
        slug = fields["slug"]
        pool = pools.get_own(session, visitor, slug) if slug else None
        if request.headers.get("hx-request"):
            shown = _trial(session, visitor, fields, pool)
            return page(request, "_pool_trial.html", **shown)
        return _form(request, session, visitor, fields, pool=pool)


@changes.post("/pools")
def make(request: Request, visitor: Asking, sent: Sent) -> Response:
    needs(visitor)
    fields = pool_forms.read(sent)
    try:
        name, about, rule, window = pool_forms.meant(fields)
        with unit_of_work(visitor.actor) as session:
            made = pools.make(
                session,
                visitor,
                name=name,
                about=about,
                creator_id=fields["creator"] or None,
                rule=rule,
                window=window,
            )
    except BadRequest as error:
        with reading() as session:
            return _form(request, session, visitor, fields, wrong=str(error))
    return _back(made.slug, "made")


@changes.post("/pools/{slug}/rule")
def change(request: Request, visitor: Asking, slug: str, sent: Sent) -> Response:
    fields = pool_forms.read(sent)
    with reading() as session:
        was = routing.of(pools.get_own(session, visitor, slug))[1]
    try:
        name, about, rule, window = pool_forms.meant(fields, was)
        with unit_of_work(visitor.actor) as session:
            pools.change(session, visitor, slug, name=name, about=about, rule=rule, window=window)
    except BadRequest as error:
        with reading() as session:
            pool = pools.get_own(session, visitor, slug)
            return _form(request, session, visitor, fields, pool=pool, wrong=str(error))
    return _back(slug, "saved")


@router.api_route("/pools/{slug}", methods=READ)
def show(
    request: Request, visitor: Asking, slug: str, done: Done = "", cursor: Cursor = None
) -> Response:
    with reading() as session:
        pool = pools.get(session, visitor, slug)
        return _shown(request, session, visitor, pool, done=done, cursor=cursor)


@changes.post("/pools/{slug}/close")
def close(visitor: Asking, slug: str) -> Response:
    with unit_of_work(visitor.actor) as session:
        pools.close(session, visitor, slug)
    return _back(slug, "closed")


@changes.post("/pools/{slug}/members")
def put_in(visitor: Asking, slug: str, clip: Id) -> Response:
    """The id, or the address of the clip's page as it was copied."""
    with unit_of_work(visitor.actor) as session:
        pools.put_in(session, visitor, slug, clip.strip().rstrip("/").rpartition("/")[2])
    return _back(slug, "in")


@changes.post("/pools/{slug}/members/{listing_id}/remove")
def take_out(visitor: Asking, slug: str, listing_id: str) -> Response:
    with unit_of_work(visitor.actor) as session:
        pools.take_out(session, visitor, slug, listing_id)
    return _back(slug, "out")


@changes.post("/pools/{slug}/partners")
def invite(visitor: Asking, slug: str, email: Annotated[str, Form(max_length=254)]) -> Response:
    needs(visitor)
    with unit_of_work() as session:
        throttle.take(session, "invite", visitor.account_id or "", INVITES, INVITES_PER_S)
    with unit_of_work(visitor.actor) as session:
        partners.invite(session, visitor, slug, email)
    return _back(slug, "invited", "partners")


@changes.post("/pools/{slug}/partners/{account_id}/end")
def end(visitor: Asking, slug: str, account_id: str) -> Response:
    with unit_of_work(visitor.actor) as session:
        partners.end(session, visitor, slug, account_id)
    return _back(slug, "ended", "partners")


@changes.post("/pools/{slug}/feeds")
def feed_token(request: Request, visitor: Asking, slug: str) -> Response:
    """The addresses with their token, on this page and never again."""
    with unit_of_work(visitor.actor) as session:
        pool = pools.get_drawn(session, visitor, slug)
        word = partners.feed_token(session, visitor, pool)
    with reading() as session:
        pool = pools.get(session, visitor, slug)
        return _kept_secret(_shown(request, session, visitor, pool, word=word))


@changes.post("/pools/{slug}/hooks")
def subscribe(
    request: Request,
    visitor: Asking,
    slug: str,
    url: Annotated[str, Form(max_length=500)],
    kinds: Annotated[list[str] | None, Form(max_length=10)] = None,
) -> Response:
    with unit_of_work(visitor.actor) as session:
        pool = pools.get_drawn(session, visitor, slug)
        made = hooks.subscribe(session, visitor, pool, url.strip(), kinds or [])
    return _hook(request, visitor, made.id, secret=made.secret)


@router.api_route("/hooks/{hook_id}", methods=READ)
def hook(
    request: Request, visitor: Asking, hook_id: str, done: Done = "", cursor: Cursor = None
) -> Response:
    return _hook(request, visitor, hook_id, done=done, cursor=cursor)


@changes.post("/hooks/{hook_id}/rotate")
def rotate(request: Request, visitor: Asking, hook_id: str) -> Response:
    with unit_of_work(visitor.actor) as session:
        made = hooks.rotate(session, visitor, hook_id)
    return _hook(request, visitor, hook_id, secret=made.secret)


@changes.post("/hooks/{hook_id}/ping")
def ping(visitor: Asking, hook_id: str) -> Response:
    _count_ping(visitor)
    with unit_of_work(visitor.actor) as session:
        hooks.ping(session, visitor, hook_id)
    return RedirectResponse(f"/hooks/{hook_id}?done=sent", 303)


@changes.post("/hooks/{hook_id}/enable")
def enable(visitor: Asking, hook_id: str) -> Response:
    with unit_of_work(visitor.actor) as session:
        partners.enable_hook(session, visitor, hook_id)
    return RedirectResponse(f"/hooks/{hook_id}?done=on", 303)


@changes.post("/hooks/{hook_id}/disable")
def disable(visitor: Asking, hook_id: str) -> Response:
    with unit_of_work(visitor.actor) as session:
        hooks.disable(session, visitor, hook_id)
    return RedirectResponse(f"/hooks/{hook_id}?done=off", 303)


@changes.post("/hooks/messages/{message_id}/redeliver")
def redeliver(visitor: Asking, message_id: str) -> Response:
    _count_ping(visitor)
    with unit_of_work(visitor.actor) as session:
        message = hooks.redeliver(session, visitor, message_id)
    return RedirectResponse(f"/hooks/{message.hook_id}?done=again", 303)


router.include_router(changes)


def _form(
    request: Request,
    session: Session,
    visitor: Visitor,
    fields: dict[str, Any],
    *,
    pool: Pool | None = None,
    wrong: str = "",
) -> Response:
    shown = _trial(session, visitor, fields, pool)
    return page(
        request,
        "pool_form.html",
        status=400 if wrong else 200,
        fields=fields,
        pool=pool,
        creators=pools.creators(session, visitor),
        kinds=pool_forms.kinds(session, fields),
        releases=rules.RELEASES,
        **{**shown, "wrong": wrong or shown["wrong"]},
    )


def _trial(
    session: Session, visitor: Visitor, fields: dict[str, Any], pool: Pool | None
) -> dict[str, Any]:
    """`wrong`: why nothing can be shown."""
    try:
        rule, window = pool_forms.rule_of(fields, routing.of(pool)[1] if pool else None)
        given = pool.creator_id if pool else fields["creator"] or None
        creator_id = pools.allowed_creator(session, visitor, given)
        found = pools.would_take(session, rule, window, creator_id)
    except CatalogError as error:
        return {"taken": None, "wrong": str(error)}
    return {"taken": found, "wrong": "", "by_itself": rule.by_itself}


def _shown(
    request: Request,
    session: Session,
    visitor: Visitor,
    pool: Pool,
    *,
    done: str = "",
    cursor: str | None = None,
    word: str = "",
) -> Response:
    own = pools.may_change(visitor, pool)
    rule, _ = routing.of(pool)
    return page(
        request,
        "pool.html",
        pool=pool,
        own=own,
        summary=rules.summary(session, rule),
        members=pools.members(session, pool, public=not own, cursor=cursor),
        cursor=cursor,
        drawing=partners.of(session, pool) if own else [],
        tokens=partners.feed_tokens(session, visitor),
        word=word,
        own_hooks=hooks.of(session, visitor, pool),
        hook_kinds=hooks.KINDS,
        done=done,
    )


def _hook(
    request: Request,
    visitor: Visitor,
    hook_id: str,
    *,
    secret: str = "",
    done: str = "",
    cursor: str | None = None,
) -> Response:
    with reading() as session:
        found = hooks.get(session, visitor, hook_id)
        pool = session.get_one(Pool, found.pool_id)
        rows, mark = hooks.messages(session, visitor, hook_id, cursor)
        made = page(
            request,
            "hook.html",
            hook=found,
            pool=pool,
            kinds=hooks.KINDS,
            messages=rows,
            next_cursor=mark,
            cursor=cursor,
            secret=secret,
            done=done,
        )
    return _kept_secret(made) if secret else made


def _kept_secret(answer: Response) -> Response:
    answer.headers.update(SECRET)
    return answer


def _count_ping(visitor: Visitor) -> None:
    with unit_of_work() as session:
        throttle.take(session, "hook", visitor.account_id or "", PINGS, PINGS_PER_S)


def _back(slug: str, done: str, place: str = "") -> Response:
    at = f"#{place}" if place else ""
    return RedirectResponse(with_query(f"/pools/{slug}", done=done) + at, 303)
