"""Lightboxes: sets of clips that somebody keeps, and shares by a link. Saved searches."""

import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog import auth, cursors, entitlements, listings, search
from catalog.auth import NOBODY, Visitor
from catalog.errors import BadRequest, NotFound, Refusal
from models import event
from models.base import now_ms
from models.lightbox import Lightbox, LightboxItem, SavedSearch
from models.listing import Listing, ListingState

MOST = 50
MOST_AT_ONE_ADDRESS = 100
"""Guests' in an hour."""
MOST_CLIPS = 500
MOST_SEARCHES = 50
NAME_LENGTH = 100
QUERY_LENGTH = 1_000
SEARCHED = {
    "q", "creator", "series", "kind", "tag", "language", "length", "license", "price", "pool",
    "release", "order",
}  # fmt: skip
"""Fields of the catalogue's address that a saved search keeps."""


@dataclass(frozen=True)
class Kept:
    lightbox: Lightbox
    clips: int
    """On sale now."""
    first: Listing | None


@dataclass(frozen=True)
class Shown:
    lightbox: Lightbox
    listings: Sequence[Listing]
    gone: int
    """No longer on sale."""


@dataclass(frozen=True)
class Counts:
    clips: int
    """On sale now."""
    gone: int


def all_of(session: Session, visitor: Visitor) -> list[Lightbox]:
    """Those that were changed last come first."""
    wanted = select(Lightbox).where(_owned(visitor)).order_by(Lightbox.changed_ms.desc())
    return list(session.scalars(wanted.order_by(Lightbox.id)))


def overview(session: Session, visitor: Visitor) -> list[Kept]:
    """However many clips are in them, as many questions, and one clip of each is read."""
    boxes = all_of(session, visitor)
    counted, firsts = counts(session, visitor, boxes), _firsts(session, visitor, boxes)
    return [Kept(one, counted[one.id].clips, firsts.get(one.id)) for one in boxes]


def show(session: Session, visitor: Visitor, lightbox_id: str) -> Shown:
    return _shown(session, own(session, visitor, lightbox_id), visitor)


def shared(session: Session, word: str) -> Shown:
    """What everybody sees of it: whose it is may see more."""
    return _shown(session, shared_box(session, word), NOBODY)


def shared_box(session: Session, word: str) -> Lightbox:
    """What the owner shares by this word. Raises NotFound once that was taken back."""
    found = session.scalars(select(Lightbox).filter_by(share=word)).one_or_none() if word else None
    if found is None:
        raise NotFound("Nothing is shared at this address, or it is no longer shared.")
    return found


def counts(session: Session, visitor: Visitor, boxes: Sequence[Lightbox]) -> Mapping[str, Counts]:
    """By the lightbox's id."""
    on_sale = func.sum(case((_seen_by(session, visitor), 1), else_=0))
    counted = (
        select(LightboxItem.lightbox_id, on_sale, func.count())
        .join(LightboxItem.listing)
        .where(LightboxItem.lightbox_id.in_([box.id for box in boxes]))
        .group_by(LightboxItem.lightbox_id)
    )
    known = {key: Counts(clips, kept - clips) for key, clips, kept in session.execute(counted)}
    return {box.id: known.get(box.id, Counts(0, 0)) for box in boxes}


def holding(session: Session, boxes: Sequence[Lightbox], listing_id: str) -> set[str]:
    """Ids of those that the clip is in."""
    inside = select(LightboxItem.lightbox_id).where(
        LightboxItem.listing_id == listing_id,
        LightboxItem.lightbox_id.in_([box.id for box in boxes]),
    )
    return set(session.scalars(inside))


def clips(
    session: Session, visitor: Visitor, box: Lightbox, cursor: str | None, limit: int
) -> cursors.Page[Listing]:
    """Those that the visitor sees now, what was kept last first."""
    kept = select(LightboxItem).join(LightboxItem.listing)
    kept = kept.where(LightboxItem.lightbox_id == box.id, _seen_by(session, visitor))
    at, key = LightboxItem.added_ms, LightboxItem.listing_id
    found = cursors.page(session, kept, at, key, cursor, limit)
    ids = [one.listing_id for one in found.rows]
    named = select(Listing).join(Listing.clip).where(Listing.id.in_(ids))
    rows = {one.id: one for one in session.scalars(search.with_clip(named)).unique()}
    return cursors.Page([rows[key] for key in ids], found.total, found.next_cursor)


def own(session: Session, visitor: Visitor, lightbox_id: str, *, lock: bool = False) -> Lightbox:
    named = select(Lightbox).where(Lightbox.id == lightbox_id, _owned(visitor))
    if lock:
        named = named.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(named).one_or_none()
    if found is None:
        raise NotFound("You have no such lightbox.")
    return found


def make(session: Session, visitor: Visitor, name: str) -> Lightbox:
    if not visitor.account_id and not visitor.guest:
        raise BadRequest("Without cookies a lightbox can't be found again. Allow them, or sign in.")
    if len(all_of(session, visitor)) >= MOST:
        raise Refusal(f"{MOST} lightboxes are the most. Delete one first.", "too_many_lightboxes")
    made = Lightbox(
        account_id=visitor.account_id,
        guest="" if visitor.account_id else visitor.guest,
        name=cleaned(name) or "My lightbox",
    )
    session.add(made)
    session.flush()
    event.record(session, "lightbox.made", made.id)
    return made


def keep(
    session: Session, visitor: Visitor, clip_id: str, lightbox_id: str = "", name: str = ""
) -> Lightbox:
    """Into that lightbox, or into a new one. Twice is once."""
    listing = listings.seen(session, visitor, clip_id, entitlements.now_of(session))
    box = own(session, visitor, lightbox_id) if lightbox_id else make(session, visitor, name)
    count = select(func.count()).select_from(LightboxItem).filter_by(lightbox_id=box.id)
    if (session.scalar(count) or 0) >= MOST_CLIPS:
        raise Refusal(f"{MOST_CLIPS} clips are the most in one lightbox.", "lightbox_full")
    try:
        with session.begin_nested():
            session.add(LightboxItem(lightbox_id=box.id, listing_id=listing.id))
    except IntegrityError:  # it is there already
        return box
    _changed(session, box)
    event.record(session, "lightbox.kept", box.id, listing_id=listing.id)
    return box


def take_out(session: Session, visitor: Visitor, lightbox_id: str, clip_id: str) -> Lightbox:
    """By the clip's id or the listing's, whether it is on sale or not. Twice is once."""
    box = own(session, visitor, lightbox_id)
    named = select(Listing.id).where((Listing.clip_id == clip_id) | (Listing.id == clip_id))
    out = delete(LightboxItem).where(
        LightboxItem.lightbox_id == box.id, LightboxItem.listing_id.in_(named)
    )
    if session.execute(out.returning(LightboxItem.listing_id)).all():
        _changed(session, box)
        event.record(session, "lightbox.taken_out", box.id, clip_id=clip_id)
    return box


def rename(session: Session, visitor: Visitor, lightbox_id: str, name: str) -> Lightbox:
    box = own(session, visitor, lightbox_id)
    box.name = cleaned(name) or box.name
    _changed(session, box)
    event.record(session, "lightbox.renamed", box.id)
    return box


def remove(session: Session, visitor: Visitor, lightbox_id: str) -> None:
    box = own(session, visitor, lightbox_id)
    event.record(session, "lightbox.deleted", box.id)
    session.delete(box)


def share(session: Session, visitor: Visitor, lightbox_id: str) -> Lightbox:
    """Who has its address may look, and change nothing."""
    box = own(session, visitor, lightbox_id)
    if not box.share:
        box.share = secrets.token_hex(16)
        event.record(session, "lightbox.shared", box.id)
    return box


def unshare(session: Session, visitor: Visitor, lightbox_id: str) -> Lightbox:
    """The address is dead for good: shared again, it is another one."""
    box = own(session, visitor, lightbox_id)
    if box.share:
        box.share = ""
        event.record(session, "lightbox.unshared", box.id)
    return box


def searches(session: Session, visitor: Visitor) -> list[SavedSearch]:
    auth.needs(visitor)
    wanted = select(SavedSearch).filter_by(account_id=visitor.account_id)
    return list(session.scalars(wanted.order_by(SavedSearch.created_ms.desc(), SavedSearch.id)))


def save_search(session: Session, visitor: Visitor, name: str, query: str) -> SavedSearch:
    """`query`: the catalogue's query string; what it does not know is left out."""
    auth.needs(visitor)
    assert visitor.account_id is not None
    kept = searched(query)
    if not kept:
        raise BadRequest("There is nothing in this search to save.")
    if len(searches(session, visitor)) >= MOST_SEARCHES:
        raise Refusal(
            f"{MOST_SEARCHES} searches are the most. Delete one first.", "too_many_searches"
        )
    made = SavedSearch(account_id=visitor.account_id, name=cleaned(name) or "My search", query=kept)
    session.add(made)
    session.flush()
    event.record(session, "search.saved", made.id)
    return made


def forget_search(session: Session, visitor: Visitor, search_id: str) -> None:
    auth.needs(visitor)
    named = select(SavedSearch).filter_by(id=search_id, account_id=visitor.account_id)
    found = session.scalars(named).one_or_none()
    if found is None:
        raise NotFound("You have no such saved search.")
    event.record(session, "search.forgotten", found.id)
    session.delete(found)


def searched(query: str) -> str:
    """The known fields of a query string, and nothing else."""
    fields = parse_qsl(query[:QUERY_LENGTH], max_num_fields=100)
    kept = [(name, _visible(value)) for name, value in fields if name in SEARCHED and value.strip()]
    made = urlencode(kept)
    if len(made) > QUERY_LENGTH:
        raise BadRequest("This search is too long to save. Leave some of its filters out.")
    return made


def cleaned(name: str) -> str:
    """As people see it: one line, no control, bidi or other unseen characters."""
    return " ".join(unicodedata.normalize("NFC", _visible(name)).split())[:NAME_LENGTH].strip()


def _visible(text: str) -> str:
    return "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text)


def _owned(visitor: Visitor) -> ColumnElement[bool]:
    if visitor.account_id:
        return Lightbox.account_id == visitor.account_id
    return (Lightbox.guest == visitor.guest) & (Lightbox.guest != "")


def _seen_by(session: Session, visitor: Visitor) -> ColumnElement[bool]:
    return entitlements.seen_by(visitor, entitlements.now_of(session))


def _firsts(session: Session, visitor: Visitor, boxes: Sequence[Lightbox]) -> Mapping[str, Listing]:
    """What was kept last of each and the visitor sees now, by the lightbox's id."""
    newest_first = LightboxItem.added_ms.desc(), LightboxItem.listing_id
    place = func.row_number().over(partition_by=LightboxItem.lightbox_id, order_by=newest_first)
    kept = select(LightboxItem.lightbox_id, LightboxItem.listing_id, place.label("place"))
    kept = kept.join(LightboxItem.listing).where(_seen_by(session, visitor))
    seen = kept.where(LightboxItem.lightbox_id.in_([box.id for box in boxes])).subquery()
    first = select(seen.c.lightbox_id, seen.c.listing_id).where(seen.c.place == 1)
    ids = {row.lightbox_id: row.listing_id for row in session.execute(first)}
    named = select(Listing).join(Listing.clip).where(Listing.id.in_(ids.values()))
    rows = {one.id: one for one in session.scalars(search.with_clip(named)).unique()}
    return {box_id: rows[listing_id] for box_id, listing_id in ids.items()}


def _shown(session: Session, box: Lightbox, visitor: Visitor) -> Shown:
    kept = select(Listing, _seen_by(session, visitor)).join(Listing.clip)
    kept = kept.join(LightboxItem, LightboxItem.listing_id == Listing.id)
    kept = kept.where(LightboxItem.lightbox_id == box.id)
    newest_first = kept.order_by(LightboxItem.added_ms.desc(), Listing.id)
    rows = session.execute(search.with_clip(newest_first)).unique().all()
    seen = [listing for listing, is_seen in rows if is_seen]
    # What waits for its day is not gone, and nobody else's business.
    gone = [listing for listing, _ in rows if listing.state == ListingState.WITHDRAWN]
    return Shown(box, seen, len(gone))


def _changed(session: Session, box: Lightbox) -> None:
    session.execute(update(Lightbox).where(Lightbox.id == box.id).values(changed_ms=now_ms()))
