"""What a partner's program reads of a pool: entries newest first, and the last withdrawals."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, CompoundSelect, and_, case, func, or_, select, union
from sqlalchemy.orm import Session, joinedload

from catalog import deliveries, entitlements, media, pools
from catalog.auth import Visitor
from catalog.errors import NotFound
from catalog.rules import DAY_MS, clean
from catalog.web import words
from models.clip import Asset, AssetKind, Clip
from models.license import License, LicenseState
from models.listing import Listing, ListingState
from models.pool import Pool, PoolMember
from models.settings import settings

PAGE = 50
LARGE = 2_000
"""Members of a pool of which not all are looked at for each page."""
DELETED_MS = 30 * DAY_MS
"""So long partners are told what to take down."""
PLAYED = ("video/", "audio/")
JSON_FEED = "https://jsonfeed.org/version/1.1"


@dataclass(frozen=True)
class Entry:
    """A clip that can be had, or (`deleted`) one that no longer can."""

    clip_id: str
    at_ms: int
    deleted: bool
    listing: Listing
    why: list[str]
    file: "File | None" = None


@dataclass(frozen=True)
class File:
    """`full` is the clean work; else it is the marked preview."""

    url: str
    asset: Asset
    full: bool


@dataclass(frozen=True)
class Feed:
    pool: Pool
    entries: Sequence[Entry]
    changed_ms: int
    here: str
    first: str
    next: str | None


@dataclass(frozen=True)
class _Asked:
    pool: Pool
    now: int
    token: str
    copies: dict[str, Asset]
    """By listing: what was delivered for a license of the reader's."""


def read(
    session: Session,
    visitor: Visitor,
    slug: str,
    form: str,
    *,
    cursor: str | None = None,
    token: str = "",
) -> Feed:
    """`token`: as the address carried it; the feed's own addresses then carry it as well."""
    pool = pools.get_drawn(session, visitor, slug)
    now = pools.now(session)
    went_ms = _last_gone(session, pool)
    found = _newest(session, pool, now, cursor, went_ms=went_ms if form == "mrss" else None)
    rows = _loaded(session, pool, found)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    home = f"{settings().base_url}/feeds/{pool.slug}.{form}"
    mark = f"{rows[-1][1]}~{rows[-1][0].listing_id}" if more else None
    theirs = _copies(session, visitor, [member.listing_id for member, _ in rows], now)
    asked = _Asked(pool, now, token, theirs)
    return Feed(
        pool=pool,
        entries=[_entry(member, at, asked) for member, at in rows],
        changed_ms=max([pool.created_ms, went_ms, *(at for _, at in rows)]),
        here=_address(home, cursor=cursor, token=token),
        first=_address(home, token=token),
        next=_address(home, cursor=mark, token=token) if mark else None,
    )


def clean_link(session: Session, visitor: Visitor, slug: str, clip_id: str) -> str:
    """A signed address of the visitor's own copy, good for minutes. Raises NotFound."""
    pool = pools.get_drawn(session, visitor, slug)
    now = pools.now(session)
    inside = (
        select(PoolMember)
        .join(PoolMember.listing)
        .where(PoolMember.pool_id == pool.id, Listing.clip_id == clip_id, _there(pool, now))
    )
    member = session.scalars(inside).one_or_none()
    copy = _copy(session, visitor, member.listing.clip, now) if member else None
    if copy is None:
        raise NotFound("There is no such clip in this feed, or no license that gives it.")
    row, asset = copy
    return deliveries.link(session, visitor, row, asset.id)


def as_json(feed: Feed) -> str:
    """JSON Feed 1.1."""
    home = settings().base_url
    told: dict[str, Any] = {
        "version": JSON_FEED,
        "title": feed.pool.name,
        "home_page_url": f"{home}/pools/{feed.pool.slug}",
        "feed_url": feed.here,
        "language": "en",
        "items": [_item(entry) for entry in feed.entries],
    }
    if feed.pool.about:
        told["description"] = feed.pool.about
    if feed.next:
        told["next_url"] = feed.next
    return json.dumps(told, ensure_ascii=False, indent=1)


def page_of(clip_id: str) -> str:
    return f"{settings().base_url}/clips/{clip_id}"


def terms_page() -> str:
    return f"{settings().base_url}/terms"


def described(entry: Entry) -> str:
    """One paragraph: why it is good, whose it is, how long."""
    clip = entry.listing.clip
    why = words.why(clip.reasons)
    parts = [
        f"{words.lasting(clip.length_ms).capitalize()} from {clip.recording.title}",
        f"by {clip.recording.creator.name}",
    ]
    return clean(", ".join(parts) + (f". {why.capitalize()}, {clip.score:.2f}." if why else "."))


def holder(entry: Entry) -> str:
    recording = entry.listing.clip.recording
    return clean(str(recording.sidecar.get("rights_holder") or recording.creator.name))


def absolute(asset: Asset) -> str:
    return settings().base_url + media.url(asset)


def _item(entry: Entry) -> dict[str, Any]:
    clip = entry.listing.clip
    poster = clip.asset(AssetKind.POSTER)
    told: dict[str, Any] = {
        "id": page_of(entry.clip_id),
        "url": page_of(entry.clip_id),
        "title": clean(clip.title),
        "content_text": described(entry),
        "date_published": words.moment_iso(entry.at_ms),
        "authors": [{"name": clean(clip.recording.creator.name)}],
        "tags": [tag.tag for tag in entry.listing.tags],
        "_reelyard": {
            "about": f"{settings().base_url}/docs",
            "clip_id": entry.clip_id,
            "listing_id": entry.listing.id,
            "score": clip.score,
            "why": entry.why,
            "license_url": terms_page(),
            "acquire_url": page_of(entry.clip_id),
        },
    }
    if poster:
        told["image"] = absolute(poster)
    if entry.listing.language:
        told["language"] = entry.listing.language
    if entry.listing.price_from_cents:
        told["_reelyard"]["price_from_cents"] = entry.listing.price_from_cents
        told["_reelyard"]["currency"] = entry.listing.currency
    if entry.file:
        told["attachments"] = [
            {
                "url": entry.file.url,
                "mime_type": entry.file.asset.mime,
                "title": "The clip" if entry.file.full else "Preview with a watermark",
                "size_in_bytes": entry.file.asset.size,
                "duration_in_seconds": clip.length_ms / 1000,
            }
        ]
    return told


def _newest(
    session: Session, pool: Pool, now: int, cursor: str | None, *, went_ms: int | None
) -> list[tuple[str, int]]:
    """A page's listings and their moments, and one more. `went_ms`: of the last withdrawal; None
    where none is to be told.

    A moment is of two tables, so no index has it. Of a large pool those are looked at first that
    came in lately: no moment lies before the one when its clip came in.
    """
    key, there = _key(pool), _there(pool, now)
    wanted = select(PoolMember.listing_id, key).join(PoolMember.listing)
    wanted = wanted.where(PoolMember.pool_id == pool.id)
    wanted = wanted.where(there if went_ms is None else or_(there, _gone(pool, now)))
    wanted = pools.after(wanted, key, cursor).limit(PAGE + 1)
    until_ms = min(now, int(cursor.partition("~")[0])) if cursor else now
    for since_ms in _since(session, pool, until_ms):
        gone = (went_ms or 0) >= since_ms
        late = PoolMember.listing_id.in_(_late(pool, since_ms, until_ms, gone=gone))
        rows = session.execute(wanted.where(key >= since_ms, late)).all()
        if len(rows) > PAGE:
            return [(listing_id, at) for listing_id, at in rows]
    return [(listing_id, at) for listing_id, at in session.execute(wanted)]


def _since(session: Session, pool: Pool, until_ms: int) -> Sequence[int]:
    """From when on a page may be full, the latest guess first; none for a small pool."""
    mine = select(PoolMember.added_ms).where(PoolMember.pool_id == pool.id)
    if len(session.scalars(mine.limit(LARGE)).all()) < LARGE:
        return ()
    lately = mine.where(
        PoolMember.removed_ms.is_(None), PoolMember.added_ms <= until_ms - pool.embargo_ms
    )
    some = session.scalars(lately.order_by(PoolMember.added_ms.desc()).limit(2 * PAGE + 2)).all()
    return sorted({some[-1] + pool.embargo_ms, some[-1]}, reverse=True) if some else ()


def _late(pool: Pool, since_ms: int, until_ms: int, *, gone: bool) -> CompoundSelect[str]:
    """Whatever may have its moment then: that came in, went, or was let go by the embargo."""
    mine = select(PoolMember.listing_id).where(PoolMember.pool_id == pool.id)
    free_ms = Listing.visible_from_ms
    kinds = [
        mine.where(PoolMember.added_ms.between(since_ms, until_ms)),
        select(Listing.id).where(
            Listing.state == ListingState.PUBLIC,
            free_ms.between(since_ms - pool.embargo_ms, until_ms - pool.embargo_ms),
        ),
    ]
    if gone:
        kinds.append(mine.where(PoolMember.removed_ms.between(since_ms, until_ms)))
    return union(*kinds)


def _loaded(
    session: Session, pool: Pool, found: Sequence[tuple[str, int]]
) -> list[tuple[PoolMember, int]]:
    """With all that an entry says, in the same order."""
    wanted = (
        select(PoolMember)
        .join(PoolMember.listing)
        .where(PoolMember.pool_id == pool.id)
        .where(PoolMember.listing_id.in_([listing_id for listing_id, _ in found]))
        .options(*pools.with_listing())
    )
    rows = {one.listing_id: one for one in session.scalars(wanted).unique()}
    return [(rows[listing_id], at) for listing_id, at in found]


def _copies(
    session: Session, visitor: Visitor, listing_ids: Sequence[str], now: int
) -> dict[str, Asset]:
    """Clean ones for licenses that are alive, of the whole page at once. What is listed opens
    nothing: the door that it leads to asks again, by `clean_link`."""
    if visitor.account_id is None or not visitor.may_scope("licenses:read"):
        return {}
    wanted = (
        select(License, Asset)
        .join(Asset, Asset.license_id == License.id)
        .options(joinedload(License.terms))
        .where(
            License.account_id == visitor.account_id,
            License.listing_id.in_(listing_ids),
            License.state == LicenseState.ACTIVE,
            License.ends_ms > now,
            Asset.kind == AssetKind.DELIVERY,
        )
    )
    return {
        row.listing_id: asset
        for row, asset in session.execute(wanted)
        if asset.mime.startswith(PLAYED) and not entitlements.marked(row)
    }


def _entry(member: PoolMember, at_ms: int, asked: _Asked) -> Entry:
    listing = member.listing
    if member.removed_ms is not None:
        return Entry(listing.clip_id, at_ms, True, listing, [])
    return Entry(
        clip_id=listing.clip_id,
        at_ms=at_ms,
        deleted=False,
        listing=listing,
        why=member.why,
        file=_file(listing, asked),
    )


def _file(listing: Listing, asked: _Asked) -> File | None:
    """The clean file's address is a door of ours that asks again each time it is opened."""
    clip = listing.clip
    copy = asked.copies.get(listing.id)
    if copy is not None:
        door = f"{settings().base_url}/feeds/{asked.pool.slug}/clips/{clip.id}"
        return File(_address(door, token=asked.token), copy, full=True)
    preview = clip.asset(AssetKind.PREVIEW)
    return File(absolute(preview), preview, full=False) if preview else None


def _copy(session: Session, visitor: Visitor, clip: Clip, now: int) -> tuple[License, Asset] | None:
    """Delivered for a license of the visitor's own that is alive, without a mark."""
    if not visitor.may_scope("licenses:read"):
        return None
    for row in entitlements.licenses_of(session, visitor, clip.id, now):
        for file in [] if entitlements.marked(row) else deliveries.files(session, row):
            if file.asset.kind == AssetKind.DELIVERY and file.asset.mime.startswith(PLAYED):
                return row, file.asset
    return None


def _there(pool: Pool, now: int) -> ColumnElement[bool]:
    """On sale, and the embargo for partners has passed."""
    return and_(
        PoolMember.removed_ms.is_(None),
        Listing.state == ListingState.PUBLIC,
        pools.shown_ms(pool) <= now,
    )


def _gone(pool: Pool, now: int) -> ColumnElement[bool]:
    """Taken out lately, after partners had it."""
    return and_(
        PoolMember.removed_ms > now - DELETED_MS,
        PoolMember.removed_ms >= pools.shown_ms(pool),
    )


def _key(pool: Pool) -> ColumnElement[int]:
    gone = PoolMember.removed_ms.is_not(None)
    return case((gone, PoolMember.removed_ms), else_=pools.shown_ms(pool))


def _last_gone(session: Session, pool: Pool) -> int:
    wanted = select(func.max(PoolMember.removed_ms)).where(PoolMember.pool_id == pool.id)
    return session.scalar(wanted) or 0


def _address(home: str, **fields: str | None) -> str:
    kept = {name: value for name, value in fields.items() if value}
    return f"{home}?{urlencode(kept)}" if kept else home
