"""How clips find their pools: one listing when it changes, all of them when a rule does."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased, selectinload

from catalog import hooks, pools, rules
from catalog.rules import Rule, Window
from models.listing import Listing, ListingState
from models.pool import Pool, PoolMember

BATCH = 200


def route(session: Session, listing_id: str) -> None:
    """After it was published, restored or withdrawn: into the pools that take it, out of others.
    What only members see comes into none; standing.find_pools asks again on its day."""
    listing = session.get_one(Listing, listing_id, with_for_update=True, populate_existing=True)
    if listing.state == ListingState.PUBLIC and listing.visible_from_ms > pools.now(session):
        return
    if listing.state == ListingState.PUBLIC:
        _by_sidecar(session, listing)
        _by_rules(session, listing)
    else:
        for member in _memberships(session, listing):
            pools.leave(session, member.pool, member, hooks.WITHDRAWN)


def fill(session: Session, pool: Pool, after: str) -> str:
    """One batch of what the rule takes. Answers the mark to go on from; empty at the end."""
    rule, window = of(pool)
    wanted = rules.taken(rule, window, pool.creator_id).where(Listing.id > after)
    batch = wanted.order_by(Listing.id).limit(BATCH).with_for_update(of=Listing)
    found = session.scalars(batch).all()
    for listing in found:
        pools.enter(session, pool, listing, rules.explain(rule, window, listing))
    return found[-1].id if len(found) == BATCH else ""


def drain(session: Session, pool: Pool) -> bool:
    """One batch of what the rule no longer takes leaves. False where nothing is left to do."""
    gone = _gone(session, pool)
    for member in gone:
        off_sale = member.listing.state == ListingState.WITHDRAWN
        pools.leave(session, pool, member, hooks.WITHDRAWN if off_sale else hooks.REMOVED)
    return len(gone) == BATCH


def of(pool: Pool) -> tuple[Rule, Window]:
    window = Window(from_ms=pool.from_ms, until_ms=pool.until_ms, embargo_ms=pool.embargo_ms)
    return Rule.model_validate(pool.rule), window


def _by_sidecar(session: Session, listing: Listing) -> None:
    recording = listing.clip.recording
    name = recording.sidecar.get("pool")
    if name:
        pool = pools.named_of(session, recording.creator, name)
        if pool.closed_ms is None:
            pools.enter(session, pool, listing, [pools.BY_SIDECAR], hand="in")


def _by_rules(session: Session, listing: Listing) -> None:
    members = {member.pool_id: member for member in _memberships(session, listing, all_of=True)}
    whose = Pool.creator_id.is_(None) | (Pool.creator_id == listing.clip.recording.creator_id)
    for pool in session.scalars(select(Pool).where(whose, Pool.closed_ms.is_(None))):
        member, (rule, window) = members.get(pool.id), of(pool)
        if member is not None and member.hand == "in":
            pools.enter(session, pool, listing, member.why, hand="in")
        elif _takes(session, pool, listing):
            pools.enter(session, pool, listing, rules.explain(rule, window, listing))
        elif member is not None:
            pools.leave(session, pool, member, hooks.REMOVED)


def _takes(session: Session, pool: Pool, listing: Listing) -> bool:
    wanted = rules.taken(*of(pool), pool.creator_id).where(Listing.id == listing.id)
    return session.scalar(wanted.with_only_columns(Listing.id)) is not None


def _memberships(
    session: Session, listing: Listing, *, all_of: bool = False
) -> Sequence[PoolMember]:
    wanted = select(PoolMember).where(PoolMember.listing_id == listing.id)
    if not all_of:
        wanted = wanted.where(PoolMember.removed_ms.is_(None))
    return session.scalars(wanted.options(selectinload(PoolMember.pool))).all()


def _gone(session: Session, pool: Pool) -> Sequence[PoolMember]:
    """Members that the rule no longer takes, and any that are no longer on sale."""
    taken = rules.taken(*of(pool), pool.creator_id).with_only_columns(Listing.id)
    inside = aliased(Listing)
    on_sale = inside.state == ListingState.PUBLIC
    by_rule = (PoolMember.hand == "") & PoolMember.listing_id.not_in(taken)
    return session.scalars(
        select(PoolMember)
        .join(inside, inside.id == PoolMember.listing_id)
        .where(PoolMember.pool_id == pool.id, PoolMember.removed_ms.is_(None), by_rule | ~on_sale)
        .options(selectinload(PoolMember.listing))
        .order_by(PoolMember.listing_id)
        .limit(BATCH)
    ).all()
