"""Pools, what is in them, and webhooks, for programs."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog import hooks, partners, pools, routing, throttle
from catalog.api import etags
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS
from catalog.auth import Visitor
from catalog.rules import Rule, Window
from models.base import reading, unit_of_work
from models.pool import Hook, HookMessage, Pool, PoolMember
from models.settings import settings

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["Pools"])
Slug = Annotated[str, Path(max_length=80)]
Id = Annotated[str, Path(max_length=40)]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before", max_length=80)]
Reader = Annotated[Visitor, scope("pools:read")]
Writer = Annotated[Visitor, scope("pools:write")]
Hooker = Annotated[Visitor, scope("hooks:write")]
PINGS, PINGS_PER_S = 20, 600


class Asked(BaseModel):
    """A rule and its window."""

    model_config = ConfigDict(extra="forbid")

    rule: Rule = Rule()
    window: Window = Window()


class PoolAsked(Asked):
    name: str = Field(min_length=1, max_length=200)
    about: str = Field("", max_length=1000)


class NewPool(PoolAsked):
    creator_id: str | None = Field(
        None, max_length=32, description="Whose clips alone it takes; none: the house's, for staff"
    )


class TrialAsked(Asked):
    creator_id: str | None = Field(None, max_length=32)


class PoolShape(BaseModel):
    slug: str
    name: str
    about: str
    creator: str | None
    rule: Rule
    window: Window
    closed_ms: int | None
    url: str
    feeds: dict[str, str] = Field(description="By form; send a token with the scope pools:read")


class PoolList(BaseModel):
    pools: list[PoolShape]


class MemberShape(BaseModel):
    listing_id: str
    clip_id: str
    title: str
    url: str
    why: list[str]
    by_hand: bool
    added_ms: int


class MemberPage(BaseModel):
    members: list[MemberShape]
    total: int
    next_cursor: str | None


class Trial(BaseModel):
    count: int
    more: bool = Field(description="There are more than `count`")
    listings: list[MemberShape]


class HookAsked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=500, description="https://...")
    kinds: list[str] = Field(max_length=10, description=", ".join(hooks.KINDS))


class HookShape(BaseModel):
    id: str
    url: str
    kinds: list[str]
    created_ms: int
    failing_ms: int | None = Field(description="Since when every try has failed")
    disabled_ms: int | None
    disabled_why: str


class HookSecret(HookShape):
    secret: str = Field(description="Shown in this answer and never again")


class HookList(BaseModel):
    hooks: list[HookShape]


class Try(BaseModel):
    at_ms: int
    status: int | None = Field(description="None where there was no answer")
    took_ms: int
    answer: str
    round: int = Field(description="A redelivery is a new round")


class MessageShape(BaseModel):
    id: str
    kind: str
    created_ms: int
    delivered_ms: int | None
    given_up_ms: int | None
    tries: list[Try]
    body: str


class MessagePage(BaseModel):
    messages: list[MessageShape]
    next_cursor: str | None


@router.get("/pools", summary="Your pools, and those that you draw from")
def list_pools(visitor: Reader) -> PoolList:
    with reading() as session:
        return PoolList(pools=[_pool(pool) for pool, _ in pools.visible(session, visitor)])


@router.post("/pools", status_code=201, summary="Make a pool")
def make_pool(visitor: Writer, asked: NewPool) -> PoolShape:
    """It is filled by its rule within seconds."""
    given = asked.model_dump(include={"name", "about", "creator_id"})
    with unit_of_work(visitor.actor) as session:
        made = pools.make(session, visitor, rule=asked.rule, window=asked.window, **given)
        return _pool(made)


@router.post("/pools/trial", summary="What a rule would take, and why")
def try_rule(visitor: Writer, asked: TrialAsked) -> Trial:
    """Nothing is saved."""
    with reading() as session:
        creator_id = pools.allowed_creator(session, visitor, asked.creator_id)
        found = pools.would_take(session, asked.rule, asked.window, creator_id)
        shown = [
            MemberShape(
                listing_id=one.id,
                clip_id=one.clip_id,
                title=one.clip.title,
                url=f"{settings().base_url}/clips/{one.clip_id}",
                why=why,
                by_hand=False,
                added_ms=one.visible_from_ms,
            )
            for one, why in found.listings
        ]
    return Trial(count=found.count, more=found.more, listings=shown)


@router.get("/pools/{slug}", summary="One pool")
def get_pool(visitor: Reader, slug: Slug) -> PoolShape:
    with reading() as session:
        return _pool(pools.get(session, visitor, slug))


@router.put("/pools/{slug}", summary="Change a pool's name, rule and window", responses={412: {}})
def change_pool(request: Request, visitor: Writer, slug: Slug, asked: PoolAsked) -> PoolShape:
    with unit_of_work(visitor.actor) as session:
        etags.must_match(request, _pool(pools.get_own(session, visitor, slug, lock=True)))
        changed = pools.change(
            session,
            visitor,
            slug,
            name=asked.name,
            about=asked.about,
            rule=asked.rule,
            window=asked.window,
        )
        return _pool(changed)


@router.delete("/pools/{slug}", summary="Close a pool")
def close_pool(visitor: Writer, slug: Slug) -> PoolShape:
    """Partners get nothing from it any more."""
    with unit_of_work(visitor.actor) as session:
        return _pool(pools.close(session, visitor, slug))


@router.get("/pools/{slug}/members", summary="What is in a pool, and why")
def list_members(visitor: Reader, slug: Slug, cursor: Cursor = None) -> MemberPage:
    """Newest first. Partners see what they have already: no embargoed clip."""
    with reading() as session:
        pool = pools.get(session, visitor, slug)
        public = not pools.may_change(visitor, pool)
        found = pools.members(session, pool, public=public, cursor=cursor)
        shown = [_member(one) for one in found.rows]
    return MemberPage(members=shown, total=found.total, next_cursor=found.next_cursor)


@router.put("/pools/{slug}/members/{listing_id}", summary="Put a clip in by hand")
def put_member(visitor: Writer, slug: Slug, listing_id: Id) -> MemberShape:
    """It stays whatever the rule says."""
    with unit_of_work(visitor.actor) as session:
        return _member(pools.put_in(session, visitor, slug, listing_id))


@router.delete("/pools/{slug}/members/{listing_id}", status_code=204, summary="Take a clip out")
def remove_member(visitor: Writer, slug: Slug, listing_id: Id) -> Response:
    """It stays out whatever the rule says."""
    with unit_of_work(visitor.actor) as session:
        pools.take_out(session, visitor, slug, listing_id)
    return Response(status_code=204)


@router.get("/pools/{slug}/hooks", summary="Your webhooks of a pool")
def list_hooks(visitor: Hooker, slug: Slug) -> HookList:
    with reading() as session:
        pool = pools.get(session, visitor, slug)
        return HookList(hooks=[_hook(one) for one in hooks.of(session, visitor, pool)])


@router.post("/pools/{slug}/hooks", status_code=201, summary="Be told of what happens in a pool")
def make_hook(visitor: Hooker, slug: Slug, asked: HookAsked) -> HookSecret:
    """Messages are signed as Standard Webhooks says, with the secret of this answer."""
    with unit_of_work(visitor.actor) as session:
        pool = pools.get_drawn(session, visitor, slug)
        return _secret(hooks.subscribe(session, visitor, pool, asked.url, asked.kinds))


@router.post("/hooks/{hook_id}/rotate", summary="A new secret")
def rotate_hook(visitor: Hooker, hook_id: Id) -> HookSecret:
    """For a day both secrets sign."""
    with unit_of_work(visitor.actor) as session:
        return _secret(hooks.rotate(session, visitor, hook_id))


@router.post("/hooks/{hook_id}/ping", status_code=202, summary="Send a test message")
def ping_hook(visitor: Hooker, hook_id: Id) -> MessageShape:
    count_ping(visitor)
    with unit_of_work(visitor.actor) as session:
        return _message(hooks.ping(session, visitor, hook_id))


@router.post("/hooks/{hook_id}/enable", summary="Switch a webhook on again")
def enable_hook(visitor: Hooker, hook_id: Id) -> HookShape:
    with unit_of_work(visitor.actor) as session:
        return _hook(partners.enable_hook(session, visitor, hook_id))


@router.delete("/hooks/{hook_id}", summary="Switch a webhook off")
def disable_hook(visitor: Hooker, hook_id: Id) -> HookShape:
    with unit_of_work(visitor.actor) as session:
        return _hook(hooks.disable(session, visitor, hook_id))


@router.get("/hooks/{hook_id}/messages", summary="What was sent, and what became of it")
def list_messages(visitor: Hooker, hook_id: Id, cursor: Cursor = None) -> MessagePage:
    """Newest first. A message is kept for 90 days after it was taken or given up."""
    with reading() as session:
        rows, mark = hooks.messages(session, visitor, hook_id, cursor)
        return MessagePage(messages=[_message(one) for one in rows], next_cursor=mark)


@router.post(
    "/hooks/messages/{message_id}/redeliver", status_code=202, summary="Send a message again"
)
def redeliver(visitor: Hooker, message_id: Id) -> MessageShape:
    """With the same id, so that a program that has it already can tell."""
    count_ping(visitor)
    with unit_of_work(visitor.actor) as session:
        return _message(hooks.redeliver(session, visitor, message_id))


def count_ping(visitor: Visitor) -> None:
    """Raises TooMany: nobody's server is to be knocked at through us."""
    with unit_of_work() as session:
        throttle.take(session, "hook", visitor.account_id or "", PINGS, PINGS_PER_S)


def _pool(pool: Pool) -> PoolShape:
    rule, window = routing.of(pool)
    home = settings().base_url
    return PoolShape(
        slug=pool.slug,
        name=pool.name,
        about=pool.about,
        creator=pool.creator.name if pool.creator else None,
        rule=rule,
        window=window,
        closed_ms=pool.closed_ms,
        url=f"{home}/pools/{pool.slug}",
        feeds={form: f"{home}/feeds/{pool.slug}.{form}" for form in ("mrss", "rss", "json")},
    )


def _member(member: PoolMember) -> MemberShape:
    return MemberShape(
        listing_id=member.listing_id,
        clip_id=member.listing.clip_id,
        title=member.listing.clip.title,
        url=f"{settings().base_url}/clips/{member.listing.clip_id}",
        why=member.why,
        by_hand=member.hand == "in",
        added_ms=member.added_ms,
    )


def _hook(hook: Hook) -> HookShape:
    return HookShape.model_validate(hook, from_attributes=True)


def _secret(hook: Hook) -> HookSecret:
    return HookSecret.model_validate(hook, from_attributes=True)


def _message(message: HookMessage) -> MessageShape:
    return MessageShape.model_validate(message, from_attributes=True)
