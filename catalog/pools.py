"""Pools: what is in them and why, who may see them, and how clips come in and go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from catalog import hooks, rules, search
from catalog.auth import Visitor, needs
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.rules import Rule, Window
from models import event, steps
from models.account import Role
from models.base import now_ms
from models.clip import Clip
from models.creator import Creator
from models.listing import Listing, ListingState, is_public
from models.pool import Partner, Pool, PoolMember
from models.recording import Recording

SHOWN = 24
MOST_COUNTED = 10_000
"""Beyond it a preview says "more than": nobody waits for a number that does not matter."""
LOOK_AGAIN_MS = 60_000
PAGE = 48
BY_SIDECAR = "The sidecar of its recording names this pool."
BY_HAND = "Put in by hand."
ABSENT = "There is no pool at this address for this account."


@dataclass(frozen=True)
class Taken:
    """What a rule would take: how many, the newest of them, why each."""

    count: int
    more: bool
    listings: Sequence[tuple[Listing, list[str]]]


@dataclass(frozen=True)
class Members:
    rows: Sequence[PoolMember]
    total: int
    next_cursor: str | None


def would_take(session: Session, rule: Rule, window: Window, creator_id: str | None) -> Taken:
    wanted = rules.taken(rule, window, creator_id)
    some = wanted.with_only_columns(Listing.id).limit(MOST_COUNTED + 1).subquery()
    count = session.scalar(select(func.count()).select_from(some)) or 0
    newest = wanted.order_by(Listing.visible_from_ms.desc(), Listing.id.desc()).limit(SHOWN)
    found = session.scalars(newest.options(*_shown())).all()
    return Taken(
        count=min(count, MOST_COUNTED),
        more=count > MOST_COUNTED,
        listings=[(one, rules.explain(rule, window, one)) for one in found],
    )


def owned(visitor: Visitor) -> ColumnElement[bool]:
    if visitor.has(Role.STAFF):
        return true()
    return Pool.creator_id.in_(visitor.creator_ids)


def drawn(visitor: Visitor) -> ColumnElement[bool]:
    mine = Partner.account_id == visitor.account_id, Partner.ended_ms.is_(None)
    return Pool.id.in_(select(Partner.pool_id).where(*mine)) & Pool.closed_ms.is_(None)


def visible(session: Session, visitor: Visitor) -> Sequence[tuple[Pool, int]]:
    """One's own and those that one draws from, newest first, each with how much is in it."""
    needs(visitor)
    inside = (
        select(PoolMember.pool_id, func.count().label("clips"))
        .where(PoolMember.removed_ms.is_(None))
        .group_by(PoolMember.pool_id)
        .subquery()
    )
    found = session.execute(
        select(Pool, func.coalesce(inside.c.clips, 0))
        .outerjoin(inside, inside.c.pool_id == Pool.id)
        .options(joinedload(Pool.creator))
        .where(or_(owned(visitor), drawn(visitor)))
        .order_by(Pool.closed_ms.is_not(None), Pool.created_ms.desc(), Pool.id)
    )
    return [(pool, clips) for pool, clips in found]


def get(session: Session, visitor: Visitor, slug: str) -> Pool:
    """One's own, or one that one draws from. Raises SignInNeeded or NotFound."""
    return _found(session, visitor, slug, or_(owned(visitor), drawn(visitor)))


def get_own(session: Session, visitor: Visitor, slug: str, *, lock: bool = False) -> Pool:
    return _found(session, visitor, slug, owned(visitor), lock=lock)


def get_drawn(session: Session, visitor: Visitor, slug: str) -> Pool:
    """For feeds and hooks: one's own for a look, a partner's for good."""
    found = get(session, visitor, slug)
    if found.closed_ms is not None:
        raise NotFound("This pool is closed.")
    return found


def may_change(visitor: Visitor, pool: Pool) -> bool:
    if pool.creator_id is None:
        return visitor.has(Role.STAFF)
    return visitor.works_for(pool.creator_id)


def creators(session: Session, visitor: Visitor) -> Sequence[Creator]:
    """Whose pools the visitor may make."""
    wanted = select(Creator).order_by(Creator.name)
    if not visitor.has(Role.STAFF):
        wanted = wanted.where(Creator.id.in_(visitor.creator_ids))
    return session.scalars(wanted).all()


def allowed_creator(session: Session, visitor: Visitor, creator_id: str | None) -> str | None:
    """Whose clips a pool of the visitor's may take; None: all, for staff. Raises NotFound."""
    needs(visitor)
    if creator_id is None and visitor.has(Role.STAFF):
        return None
    if creator_id and session.get(Creator, creator_id) and visitor.works_for(creator_id):
        return creator_id
    raise NotFound("There is no such creator for this account.")


def make(
    session: Session,
    visitor: Visitor,
    *,
    name: str,
    about: str,
    creator_id: str | None,
    rule: Rule,
    window: Window,
) -> Pool:
    """`creator_id` None: the house's, for staff. Raises NotFound for another's creator."""
    allowed_creator(session, visitor, creator_id)
    whose = session.get(Creator, creator_id) if creator_id else None
    pool = _made(session, whose, _name(name))
    _write(session, pool, about=about, rule=rule, window=window)
    return pool


def change(
    session: Session,
    visitor: Visitor,
    slug: str,
    *,
    name: str,
    about: str,
    rule: Rule,
    window: Window,
) -> Pool:
    """Its address stays: partners' readers know it."""
    pool = get_own(session, visitor, slug, lock=True)
    if pool.closed_ms is not None:
        raise Refusal("This pool is closed, so its rule can't change.", code="pool_closed")
    pool.name = _name(name)
    _write(session, pool, about=about, rule=rule, window=window)
    return pool


def close(session: Session, visitor: Visitor, slug: str) -> Pool:
    """Partners get nothing from it any more; what was in it stays on record."""
    pool = get_own(session, visitor, slug, lock=True)
    if pool.closed_ms is None:
        pool.closed_ms = now(session)
        event.record(session, "pool.closed", pool.id)
    return pool


def members(
    session: Session, pool: Pool, *, public: bool, cursor: str | None = None, limit: int = PAGE
) -> Members:
    """Newest first. `public`: only what partners have already."""
    inside = [PoolMember.pool_id == pool.id, PoolMember.removed_ms.is_(None)]
    if public:
        inside += [Listing.state == ListingState.PUBLIC, shown_ms(pool) <= now_ms()]
    wanted = select(PoolMember).join(PoolMember.listing).where(*inside)
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    found = after(wanted, PoolMember.added_ms, cursor)
    rows = list(session.scalars(found.limit(limit + 1).options(*with_listing())).unique())
    more, rows = len(rows) > limit, rows[:limit]
    mark = f"{rows[-1].added_ms}~{rows[-1].listing_id}" if more else None
    return Members(rows, total, mark)


def shown_ms(pool: Pool) -> ColumnElement[int]:
    """When partners get a member: once it is on sale and the embargo for them has passed."""
    public_ms = Listing.visible_from_ms + pool.embargo_ms
    return case((PoolMember.added_ms > public_ms, PoolMember.added_ms), else_=public_ms)


def after(wanted: Any, key: Any, cursor: str | None) -> Any:
    """Newest first, from the mark on. Raises BadRequest for a mark that isn't ours."""
    if cursor:
        at, _, listing_id = cursor.partition("~")
        if not (at.isascii() and at.isdigit() and len(at) <= 18) or len(listing_id) != 32:
            raise BadRequest("The page mark is damaged. Start from the first page.")
        same = (key == int(at)) & (PoolMember.listing_id < listing_id)
        wanted = wanted.where(or_(key < int(at), same))
    return wanted.order_by(key.desc(), PoolMember.listing_id.desc())


def with_listing() -> list[Any]:
    return [contains_eager(PoolMember.listing).options(*_shown())]


def put_in(session: Session, visitor: Visitor, slug: str, listing_or_clip_id: str) -> PoolMember:
    """By hand: no rule takes it out again."""
    pool = get_own(session, visitor, slug, lock=True)
    named = or_(Listing.id == listing_or_clip_id, Listing.clip_id == listing_or_clip_id)
    whose = Listing.creator_id == pool.creator_id if pool.creator_id else true()
    wanted = select(Listing).where(named, whose, is_public())
    listing = session.scalars(wanted).one_or_none()
    if listing is None:
        raise NotFound("There is no such clip on sale that could be in this pool.")
    enter(session, pool, listing, [BY_HAND], hand="in", person=True)
    event.record(session, "pool.put_in", pool.id, listing_id=listing.id)
    return session.get_one(PoolMember, (pool.id, listing.id), populate_existing=True)


def take_out(session: Session, visitor: Visitor, slug: str, listing_id: str) -> None:
    """By hand: no rule puts it in again."""
    pool = get_own(session, visitor, slug, lock=True)
    member = session.get(PoolMember, (pool.id, listing_id), populate_existing=True)
    if member is None:
        raise NotFound("This clip is not in the pool.")
    leave(session, pool, member, hooks.REMOVED)
    member.hand = "out"
    event.record(session, "pool.taken_out", pool.id, listing_id=listing_id)


def enter(
    session: Session,
    pool: Pool,
    listing: Listing,
    why: list[str],
    *,
    hand: str = "",
    person: bool = False,
) -> None:
    """In, or in again; what a person took out stays out but for a person. Partners are told."""
    insert = postgresql.insert if _postgres(session) else sqlite.insert
    values = {"why": why, "hand": hand, "removed_ms": None}
    entered = session.scalar(
        insert(PoolMember)
        .values(pool_id=pool.id, listing_id=listing.id, added_ms=now_ms(), **values)
        .on_conflict_do_nothing()
        .returning(PoolMember.listing_id)
    )
    if entered is None:
        this = PoolMember.pool_id == pool.id, PoolMember.listing_id == listing.id
        by = true() if person else PoolMember.hand.in_(("", hand))
        _remember(session, *this, by)
        entered = session.scalar(
            update(PoolMember)
            .where(*this, by, PoolMember.removed_ms.is_not(None))
            .values(added_ms=now_ms(), **values)
            .returning(PoolMember.listing_id)
        )
        if entered is None:  # in already; its reasons may be new
            session.execute(update(PoolMember).where(*this, by).values(why=why, hand=hand))
    if entered is not None:
        search.put(session, listing)  # a pool is a facet
        at_ms = max(now(session), listing.visible_from_ms + pool.embargo_ms)
        hooks.tell(session, pool, hooks.ADDED, listing, at_ms=at_ms)


def _remember(session: Session, *which: ColumnElement[bool]) -> None:
    """From when to when it was in before, which its row is about to forget: figures ask later."""
    before = select(PoolMember).where(*which, PoolMember.removed_ms.is_not(None))
    for one in session.scalars(before.with_for_update().execution_options(populate_existing=True)):
        said = {"from_ms": one.added_ms, "until_ms": one.removed_ms}
        event.record(session, "pool.was_in", one.pool_id + one.listing_id, **said)


def leave(session: Session, pool: Pool, member: PoolMember, kind: str) -> None:
    """Partners are told where they had it."""
    if member.removed_ms is not None:
        return
    listing = session.get_one(Listing, member.listing_id, with_for_update=True)
    at_ms = now(session)
    member.removed_ms = at_ms
    search.put(session, listing)
    if max(member.added_ms, listing.visible_from_ms + pool.embargo_ms) <= at_ms:
        hooks.tell(session, pool, kind, listing)


def now(session: Session) -> int:
    return session.scalar(select(now_ms())) or 0


def named_of(session: Session, creator: Creator, name: str) -> Pool:
    """The creator's pool of this name, made at first use; it takes nothing by itself."""
    session.get_one(Creator, creator.id, with_for_update=True)  # two may ask for one new name
    wanted = rules.clean(name)[:200] or "Pool"
    for pool in session.scalars(select(Pool).where(Pool.creator_id == creator.id)):
        if pool.name.casefold() == wanted.casefold():
            return pool
    pool = _made(session, creator, wanted)
    _write(session, pool, about="", rule=Rule(by_itself=False), window=Window(), fill=False)
    return pool


def _found(
    session: Session, visitor: Visitor, slug: str, whose: ColumnElement[bool], *, lock: bool = False
) -> Pool:
    needs(visitor)
    wanted = select(Pool).where(Pool.slug == slug, whose).execution_options(populate_existing=True)
    found = session.scalars(wanted.with_for_update(of=Pool) if lock else wanted).one_or_none()
    if found is None:
        raise NotFound(ABSENT)
    return found


def _made(session: Session, creator: Creator | None, name: str) -> Pool:
    begun = rules.slug_of(f"{creator.slug} {name}" if creator else name)
    slug, number = begun, 1
    while True:
        while session.scalar(select(Pool.id).where(Pool.slug == slug)) is not None:
            number += 1
            slug = f"{begun}-{number}"
        made = Pool(slug=slug, name=name, creator_id=creator.id if creator else None, rule={})
        try:
            with session.begin_nested():
                session.add(made)
            return made
        except IntegrityError:  # somebody was quicker with this name
            continue


def _write(
    session: Session, pool: Pool, *, about: str, rule: Rule, window: Window, fill: bool = True
) -> None:
    pool.about = rules.clean(about)[:1000]
    pool.rule = rule.model_dump(mode="json")
    pool.from_ms, pool.until_ms, pool.embargo_ms = (
        window.from_ms,
        window.until_ms,
        window.embargo_ms,
    )
    session.flush()
    event.record(session, "pool.saved", pool.id, rule=pool.rule, window=window.model_dump())
    if fill:
        at_ms = now(session)
        # Twice: a clip that is being published just now may still see the old rule.
        for begins_ms in (at_ms, at_ms + LOOK_AGAIN_MS):
            steps.ask(session, "pool", pool.id, None, str(begins_ms), run_after_ms=begins_ms)


def _name(given: str) -> str:
    name = rules.clean(given)[:200]
    if not name:
        raise BadRequest("The pool needs a name. Write one that partners will know it by.")
    return name


def _shown() -> list[Any]:
    return [
        joinedload(Listing.clip).options(
            selectinload(Clip.assets),
            joinedload(Clip.transcript),
            joinedload(Clip.recording).joinedload(Recording.creator),
        ),
        selectinload(Listing.tags),
    ]


def _postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
