"""What a private feed shows: the creator's newest clips that its reader may see at this moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import entitlements, media, search, signing, xmls
from catalog.auth import Visitor
from catalog.errors import NotFound
from catalog.members import ladder
from catalog.members.perks import feed
from catalog.signing import Mark
from catalog.web import words
from models.clip import Asset, AssetKind
from models.creator import Creator
from models.listing import Listing
from models.membership import Membership
from models.perk import PerkGrant
from models.settings import settings

SHOWN = 50
ATOM = "http://www.w3.org/2005/Atom"
FILES = (AssetKind.PREVIEW, AssetKind.POSTER)
"""What its addresses open: the marked copy and a picture."""


@dataclass(frozen=True)
class Item:
    listing: Listing
    opened_ms: int
    """To this reader."""
    early: bool


@dataclass(frozen=True)
class Feed:
    creator: Creator
    items: Sequence[Item]
    here: str
    changed_ms: int


def read(session: Session, word: str, at_ms: int) -> Feed:
    """Raises NotFound once the word, or what it stands for, is over."""
    grant = feed.opened(session, word, at_ms)
    membership, reader = _whose(session, grant)
    wanted = select(Listing).where(
        Listing.creator_id == membership.creator_id, entitlements.seen_by(reader, at_ms)
    )
    newest = wanted.order_by(Listing.visible_from_ms.desc(), Listing.id).limit(SHOWN)
    ids = [one.id for one in session.scalars(newest)]
    named = select(Listing).join(Listing.clip).where(Listing.id.in_(ids))
    rows = {one.id: one for one in session.scalars(search.with_clip(named)).unique()}
    items = [_item(session, reader, rows[key], at_ms) for key in ids]
    here = f"{settings().base_url}/feeds/members/{word}.rss"
    changed = max([grant.granted_ms, *(one.opened_ms for one in items)])
    creator = session.get_one(Creator, membership.creator_id)
    return Feed(creator, items, here, min(changed, at_ms))


def link(session: Session, word: str, asset_id: str, at_ms: int) -> str:
    """A signed address of a file of the feed, good for minutes. Raises NotFound."""
    grant = feed.opened(session, word, at_ms)
    asset = _asset(session, grant, asset_id, at_ms)
    return signing.signed(session, _path(grant, asset), grant.token_sha256 or "")


def opened(
    session: Session, method: str, path: str, grant_id: str, asset_id: str, mark: Mark, at_ms: int
) -> Asset:
    """The file behind a signed address, while its reader may see the clip and the feed's address
    is the one for which it was signed. Raises LinkRefused, NotFound."""
    grant = feed.opened_by_id(session, grant_id, at_ms)
    signing.check(session, method, path, grant.token_sha256 or "", mark)
    asset = _asset(session, grant, asset_id, at_ms)
    if _path(grant, asset) != path:
        raise NotFound("There is no such file.")
    return asset


def rss(shown: Feed, word: str) -> bytes:
    home = settings().base_url
    channel: list[xmls.Node] = [
        ("title", {}, f"{shown.creator.name}: clips for members"),
        ("link", {}, home),
        ("description", {}, f"For you alone: what you see of {shown.creator.name}'s clips now."),
        ("language", {}, "en"),
        ("lastBuildDate", {}, _date(shown.changed_ms)),
        ("ttl", {}, "10"),
        ("atom:link", {"rel": "self", "href": shown.here, "type": "application/rss+xml"}, ""),
        *(("item", {}, _written(one, word)) for one in shown.items),
    ]
    root: xmls.Node = ("rss", {"version": "2.0", "xmlns:atom": ATOM}, [("channel", {}, channel)])
    return xmls.document(root).encode()


def _written(item: Item, word: str) -> list[xmls.Node]:
    clip, home = item.listing.clip, settings().base_url
    page, preview = f"{home}/clips/{clip.id}", clip.asset(AssetKind.PREVIEW)
    about = f"{words.lasting(clip.length_ms).capitalize()} from {clip.recording.title}."
    if item.early:
        about += f" Early for you: public on {words.moment(item.listing.visible_from_ms)}."
    found: list[xmls.Node] = [
        ("title", {}, clip.title),
        ("link", {}, page),
        ("guid", {"isPermaLink": "true"}, page),
        ("pubDate", {}, _date(item.opened_ms)),
        ("description", {}, about),
        *(("category", {}, tag.tag) for tag in item.listing.tags),
    ]
    if preview:
        address = f"{home}/feeds/members/{word}/{preview.id}/{media.file_name(preview)}"
        said = {"url": address, "length": str(preview.size), "type": preview.mime}
        found.append(("enclosure", said, ""))
    return found


def _item(session: Session, reader: Visitor, listing: Listing, at_ms: int) -> Item:
    early = listing.visible_from_ms > at_ms
    opened = ladder.opens_ms(session, listing.clip, reader) if early else None
    return Item(listing, opened or listing.visible_from_ms, early)


def _asset(session: Session, grant: PerkGrant, asset_id: str, at_ms: int) -> Asset:
    """Of this creator's clips that the reader sees. Raises NotFound."""
    asset = session.get(Asset, asset_id)
    membership, reader = _whose(session, grant)
    if asset is not None and asset.clip is not None and asset.kind in FILES:
        theirs = asset.clip.recording.creator_id == membership.creator_id
        if theirs and entitlements.may_use(session, reader, asset.clip, "preview", at_ms):
            return asset
    raise NotFound("There is no such file in this feed now.")


def _whose(session: Session, grant: PerkGrant) -> tuple[Membership, Visitor]:
    """A reader is its member and no more: the creator's own rights do not travel by a feed."""
    membership = session.get_one(Membership, grant.membership_id)
    return membership, Visitor(account_id=membership.account_id)


def _path(grant: PerkGrant, asset: Asset) -> str:
    return f"/feeds/members/files/{grant.id}/{asset.id}/{media.file_name(asset)}"


def _date(ms: int) -> str:
    return format_datetime(datetime.fromtimestamp(ms // 1000, UTC), usegmt=True)
