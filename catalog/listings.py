"""Clips on sale: publish, withdraw, look at one. How they are found: catalog.search."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager

from catalog import entitlements, reels, search, standing
from catalog.auth import Visitor
from catalog.errors import NotFound, Refusal
from catalog.members import ladder
from catalog.search import words
from catalog.web.words import moment
from models import event
from models import listing as rows
from models.clip import Asset, AssetKind, Clip, ClipKind
from models.listing import Listing, ListingState, ListingTag


def publish(session: Session, clip_id: str, *, visible_from_ms: int | None) -> Listing:
    """The clip's listing, made where there is none yet; a second call changes nothing.

    `visible_from_ms`: not before; where its creator has members, they see it first."""
    clip = session.get(Clip, clip_id)
    if clip is None:
        raise NotFound("There is no such clip.")
    if clip.listing is not None:
        return clip.listing
    listing = Listing(
        clip_id=clip_id,
        visible_from_ms=ladder.public_ms(session, clip, visible_from_ms),
        tags=[ListingTag(tag=tag) for tag in words.tags(clip.tags)],
    )
    search.describe(listing, clip)
    try:
        with session.begin_nested():
            session.add(listing)
    except IntegrityError:  # another worker was quicker
        return session.scalars(select(Listing).filter_by(clip_id=clip_id)).one()
    session.expire(clip, ["listing"])
    search.put(session, listing)
    event.record(session, "listing.published", listing.id, clip_id=clip_id)
    standing.find_pools(session, listing)
    return listing


def withdraw(session: Session, clip_id: str, why: str) -> bool:
    """Found nowhere from now on. False where it was not on sale."""
    return _turned(session, clip_id, ListingState.WITHDRAWN, why)


def restore(session: Session, clip_id: str, why: str) -> bool:
    """On sale again, from the same moment as before. False where it was not withdrawn."""
    return _turned(session, clip_id, ListingState.PUBLIC, why)


def describe_again(session: Session, listing_id: str) -> None:
    """After a change of what it is found by: its clip's title, words, series, price."""
    listing = session.get(Listing, listing_id)
    if listing is None:
        raise NotFound("There is no such listing.")
    search.describe(listing, listing.clip)
    search.put(session, listing)


def set_price_from(session: Session, listing_id: str, cents: int | None, currency: str) -> None:
    """What its cheapest paid license costs, for cards and the price filter; None: not known."""
    listing = session.get(Listing, listing_id)
    if listing is None:
        raise NotFound("There is no such listing.")
    if (listing.price_from_cents, listing.currency) != (cents, currency):
        listing.price_from_cents, listing.currency = cents, currency
        search.put(session, listing)


def get(session: Session, listing_or_clip_id: str) -> Listing:
    """The public listing with this id, or of the clip with this id. Raises NotFound."""
    return _one(session, listing_or_clip_id, is_public())


def seen(session: Session, visitor: Visitor, listing_or_clip_id: str, at_ms: int) -> Listing:
    """As get(), and what this visitor sees before everybody does."""
    return _one(session, listing_or_clip_id, entitlements.seen_by(visitor, at_ms))


def licensable(session: Session, visitor: Visitor, listing_or_clip_id: str) -> Listing:
    """As get(); to whom sees it before everybody, a Refusal that says when it can be licensed."""
    now = entitlements.now_of(session)
    found = seen(session, visitor, listing_or_clip_id, now)
    if found.visible_from_ms > now:
        raise Refusal(
            f"This clip is early for you. Everybody sees it, and it can be licensed, from "
            f"{moment(found.visible_from_ms)}.",
            code="early_access",
            next_free_ms=found.visible_from_ms,
        )
    return found


def manifest(session: Session, visitor: Visitor, listing_or_clip_id: str) -> Asset:
    """The signed manifest of a clip that the visitor sees, for reading. Raises NotFound."""
    listing = seen(session, visitor, listing_or_clip_id, entitlements.now_of(session))
    found = listing.clip.asset(AssetKind.MANIFEST)
    if found is None:
        raise NotFound("This clip carries no signed manifest.")
    return found


def similar(session: Session, listing: Listing, limit: int = 4) -> Sequence[Listing]:
    """Those with the most tags in common, then those of the same recording."""
    return search.similar(session, listing, limit)


def is_public() -> ColumnElement[bool]:
    return rows.is_public()


def _one(session: Session, listing_or_clip_id: str, shown: ColumnElement[bool]) -> Listing:
    named = or_(Listing.id == listing_or_clip_id, Listing.clip_id == listing_or_clip_id)
    wanted = search.with_clip(select(Listing).join(Listing.clip).where(shown, named))
    spoken = contains_eager(Listing.clip).joinedload(Clip.transcript)
    found = session.scalars(wanted.options(spoken)).unique().one_or_none()
    if found is None:
        raise NotFound("There is no clip at this address, or it is not on sale now.")
    return found


def _turned(session: Session, clip_id: str, to: ListingState, why: str) -> bool:
    listing = standing.turn(session, clip_id, to, why)
    if listing is None:
        return False
    if listing.clip.kind == ClipKind.CLIP:
        reels.look(session, listing.clip.recording_id, rest_ms=reels.REST_MS)
    return True
