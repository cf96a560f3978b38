"""Clips on sale: publish, browse, find. What is withdrawn or still embargoed is found nowhere."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from catalog.errors import BadRequest, NotFound
from models import event
from models.base import now_ms
from models.clip import Asset, AssetKind, Clip
from models.listing import Listing, ListingState, ListingTag
from models.recording import Recording

Order = Literal["newest", "score"]
ORDERS: tuple[Order, ...] = get_args(Order)
PAGE_LIMIT = 96
FACETS = 24
MOST_WORDS = 12
QUERY_LENGTH = 200


@dataclass(frozen=True)
class Facet:
    tag: str
    count: int


@dataclass(frozen=True)
class Page:
    listings: Sequence[Listing]
    total: int
    facets: Sequence[Facet]
    next_cursor: str | None


@dataclass(frozen=True)
class Relaxed:
    """The same search without one of its filters."""

    dropped: str
    query: str
    tags: Sequence[str]
    total: int


def publish(session: Session, clip_id: str, *, visible_from_ms: int | None) -> Listing:
    """The clip's listing, made where there is none yet; a second call changes nothing."""
    clip = session.get(Clip, clip_id)
    if clip is None:
        raise NotFound("There is no such clip.")
    if clip.listing is not None:
        return clip.listing
    listing = Listing(
        clip_id=clip_id,
        visible_from_ms=visible_from_ms or session.scalar(select(now_ms())),
        search_text=_search_text(clip),
        tags=[ListingTag(tag=tag) for tag in _clean_tags(clip.tags)],
    )
    try:
        with session.begin_nested():
            session.add(listing)
    except IntegrityError:  # another worker was quicker
        return session.scalars(select(Listing).filter_by(clip_id=clip_id)).one()
    session.expire(clip, ["listing"])
    event.record(session, "listing.published", listing.id, clip_id=clip_id)
    return listing


def withdraw(session: Session, clip_id: str, why: str) -> bool:
    """Found nowhere from now on. False where it was not on sale."""
    return _turned(session, clip_id, ListingState.WITHDRAWN, why)


def restore(session: Session, clip_id: str, why: str) -> bool:
    """On sale again, from the same moment as before. False where it was not withdrawn."""
    return _turned(session, clip_id, ListingState.PUBLIC, why)


def browse(
    session: Session,
    *,
    query: str = "",
    tags: Sequence[str] = (),
    order: Order = "newest",
    cursor: str | None = None,
    limit: int = 24,
) -> Page:
    """One page of what can be bought now. Raises BadRequest for a cursor that isn't ours."""
    matching = _matching(query, tags)
    key: Any = Clip.score if order == "score" else Listing.visible_from_ms
    wanted = _with_clip(matching.join(Listing.clip)).order_by(key.desc(), Listing.id.desc())
    if cursor:
        wanted = wanted.where(_after(cursor, key, order))
    found = list(session.scalars(wanted.limit(min(limit, PAGE_LIMIT) + 1)).unique())
    more, found = len(found) > limit, found[:limit]
    return Page(
        listings=found,
        total=_count(session, matching),
        facets=_facets(session, matching),
        next_cursor=_cursor(found[-1], order) if more else None,
    )


def get(session: Session, listing_or_clip_id: str) -> Listing:
    """The public listing with this id, or of the clip with this id. Raises NotFound."""
    named = or_(Listing.id == listing_or_clip_id, Listing.clip_id == listing_or_clip_id)
    found = session.scalars(
        _with_clip(select(Listing).join(Listing.clip).where(is_public(), named))
    ).one_or_none()
    if found is None:
        raise NotFound("There is no clip at this address, or it is not on sale now.")
    return found


def manifest(session: Session, listing_or_clip_id: str) -> Asset:
    """The signed manifest of a public clip, for reading. Raises NotFound."""
    found = get(session, listing_or_clip_id).clip.asset(AssetKind.MANIFEST)
    if found is None:
        raise NotFound("This clip carries no signed manifest.")
    return found


def similar(session: Session, listing: Listing, limit: int = 4) -> Sequence[Listing]:
    """Those with the most tags in common, then those of the same recording."""
    tags = [tag.tag for tag in listing.tags]
    shared = (
        select(ListingTag.listing_id, func.count().label("tags"))
        .where(ListingTag.tag.in_(tags))
        .group_by(ListingTag.listing_id)
        .subquery()
    )
    together = func.coalesce(shared.c.tags, 0)
    same_recording = Clip.recording_id == listing.clip.recording_id
    wanted = (
        select(Listing)
        .join(Listing.clip)
        .outerjoin(shared, shared.c.listing_id == Listing.id)
        .where(is_public(), Listing.id != listing.id, or_(together > 0, same_recording))
        .order_by(together.desc(), same_recording.desc(), Clip.score.desc(), Listing.id)
        .limit(limit)
    )
    return session.scalars(_with_clip(wanted)).unique().all()


def relaxed(session: Session, query: str, tags: Sequence[str]) -> Sequence[Relaxed]:
    """For a search that found nothing: each filter whose absence would find something."""
    words = query.split()
    fewer_words = [(word, " ".join(w for w in words if w != word), tags) for word in words]
    fewer_tags = [(tag, query, [t for t in tags if t != tag]) for tag in tags]
    offers = [
        Relaxed(dropped, fewer_query, fewer, _count(session, _matching(fewer_query, fewer)))
        for dropped, fewer_query, fewer in (*fewer_words[:MOST_WORDS], *fewer_tags)
    ]
    return [offer for offer in offers if offer.total]


def is_public() -> ColumnElement[bool]:
    return (Listing.state == ListingState.PUBLIC) & (Listing.visible_from_ms <= now_ms())


def as_words(text: str) -> list[str]:
    """Folded the way search_text is: case, width and control characters make no difference."""
    return _folded(text[:QUERY_LENGTH]).split()[:MOST_WORDS]


def _turned(session: Session, clip_id: str, to: ListingState, why: str) -> bool:
    listing = session.scalars(select(Listing).filter_by(clip_id=clip_id)).one_or_none()
    if listing is None or listing.state == to:
        return False
    listing.state = to
    kind = "listing.withdrawn" if to == ListingState.WITHDRAWN else "listing.restored"
    event.record(session, kind, listing.id, clip_id=clip_id, why=why)
    return True


def _matching(query: str, tags: Sequence[str]) -> Select[Listing]:
    wanted = select(Listing).where(is_public())
    for word in as_words(query):
        wanted = wanted.where(Listing.search_text.contains(word, autoescape=True))
    for tag in _clean_tags(tags):
        tagged = select(ListingTag.listing_id).where(ListingTag.tag == tag)
        wanted = wanted.where(Listing.id.in_(tagged))
    return wanted


def _with_clip(wanted: Select[Listing]) -> Select[Listing]:
    """Everything a card or a page shows, in a fixed number of queries."""
    return wanted.options(
        contains_eager(Listing.clip).options(
            selectinload(Clip.assets),
            joinedload(Clip.transcript),
            joinedload(Clip.recording).joinedload(Recording.creator),
        ),
        selectinload(Listing.tags),
    )


def _count(session: Session, matching: Select[Listing]) -> int:
    return session.scalar(select(func.count()).select_from(matching.subquery())) or 0


def _facets(session: Session, matching: Select[Listing]) -> Sequence[Facet]:
    counted = (
        select(ListingTag.tag, func.count().label("count"))
        .where(ListingTag.listing_id.in_(matching.with_only_columns(Listing.id)))
        .group_by(ListingTag.tag)
        .order_by(func.count().desc(), ListingTag.tag)
        .limit(FACETS)
    )
    return [Facet(tag, count) for tag, count in session.execute(counted)]


def _cursor(last: Listing, order: Order) -> str:
    value = repr(last.clip.score) if order == "score" else str(last.visible_from_ms)
    return f"{value}~{last.id}"


def _after(cursor: str, key: Any, order: Order) -> ColumnElement[bool]:
    value, _, listing_id = cursor.partition("~")
    number = r"-?\d{1,18}(\.\d+)?(e-?\d{1,3})?" if order == "score" else r"\d{1,18}"
    if not re.fullmatch(number, value, re.ASCII) or not re.fullmatch(r"[0-9a-f]{32}", listing_id):
        raise BadRequest("The page mark in this address is damaged. Start from the first page.")
    at = float(value) if order == "score" else int(value)
    return or_(key < at, (key == at) & (Listing.id < listing_id))


def _search_text(clip: Clip) -> str:
    said = clip.transcript.text if clip.transcript else ""
    recording = clip.recording
    parts = (clip.title, *clip.tags, said, recording.title, recording.creator.name)
    return " ".join(_folded(" \n ".join(parts)).split())


def _clean_tags(tags: Sequence[str]) -> list[str]:
    cleaned = (" ".join(_folded(tag).split())[:80] for tag in tags)
    return list(dict.fromkeys(tag for tag in cleaned if tag))


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in folded)
