"""What search engines are told: robots.txt, and a sitemap of every public clip with its video, and
of every creator who has one.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, TypeAlias
from urllib.parse import quote

from fastapi import APIRouter, Path
from fastapi.responses import Response
from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, load_only

from catalog import media, xmls
from catalog.errors import NotFound
from catalog.listings import is_public
from catalog.web import words
from models.base import reading
from models.clip import Asset, AssetKind, Clip
from models.creator import Creator
from models.listing import Listing, ListingTag
from models.recording import Recording
from models.settings import settings

READ = ["GET", "HEAD"]
MOST_URLS = 50_000
PART = 2_000
"""Well under the most that are allowed: a part is made in a moment."""
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
VIDEO = "http://www.google.com/schemas/sitemap-video/1.1"
TAGS, TITLE, LONGEST_S = 32, 100, 28_800
CACHED = {"Cache-Control": "public, max-age=3600"}
CLOSED = (
    "/account",
    "/cart",
    "/charges",
    "/checkout",
    "/earnings",
    "/feeds",
    "/figures",
    "/licenses",
    "/lightboxes",
    "/members",
    "/oembed",
    "/offers",
    "/orders",
    "/outbox",
    "/pools",
    "/quotes",
    "/recordings",
    "/sandbox",
    "/searches",
    "/sign-in",
    "/staff",
)
Found: TypeAlias = "Row[Listing, Clip, str, str]"

router = APIRouter(include_in_schema=False)


@router.api_route("/robots.txt", methods=READ)
def robots() -> Response:
    closed = "".join(f"Disallow: {path}\n" for path in CLOSED)
    where = f"Sitemap: {settings().base_url}/sitemap.xml\n"
    return Response(f"User-agent: *\n{closed}\n{where}", media_type="text/plain")


@router.api_route("/sitemap.xml", methods=READ)
def index() -> Response:
    with reading() as session:
        total = session.scalar(select(func.count()).where(is_public())) or 0
    base = settings().base_url
    parts: list[xmls.Node] = [
        ("sitemap", {}, [("loc", {}, f"{base}/sitemap-{number}.xml")])
        for number in ("creators", *range(1, max(-(-total // PART), 1) + 1))
    ]
    return _xml(("sitemapindex", {"xmlns": SITEMAP}, parts))


@router.api_route("/sitemap-creators.xml", methods=READ)
def creators() -> Response:
    """Those whose page shows something to everybody; new as their newest clip is."""
    newest = func.max(Listing.visible_from_ms)
    wanted = (
        select(Creator.slug, newest)
        .join(Listing, Listing.creator_id == Creator.id)
        .where(is_public())
        .group_by(Creator.id, Creator.slug)
        .order_by(newest.desc(), Creator.id)
        .limit(MOST_URLS)
    )
    with reading() as session:
        urls = [_creator(slug, at_ms) for slug, at_ms in session.execute(wanted)]
    return _xml(("urlset", {"xmlns": SITEMAP}, urls))


@router.api_route("/sitemap-{number}.xml", methods=READ)
def part(number: Annotated[int, Path(ge=1, le=MOST_URLS)]) -> Response:
    """Oldest first, so that a part changes only where something in it was withdrawn."""
    with reading() as session:
        urls = list(_urls(session, (number - 1) * PART))
    if not urls and number > 1:
        raise NotFound("The sitemap has fewer parts.")
    return _xml(("urlset", {"xmlns": SITEMAP, "xmlns:video": VIDEO}, urls))


def _creator(slug: str, at_ms: int) -> xmls.Node:
    at = f"{settings().base_url}/creators/{quote(slug)}"
    return ("url", {}, [("loc", {}, at), ("lastmod", {}, words.moment_iso(at_ms))])


def _xml(root: xmls.Node) -> Response:
    return Response(xmls.document(root), media_type="application/xml", headers=CACHED)


def _urls(session: Session, first: int) -> Iterator[xmls.Node]:
    oldest = (Listing.visible_from_ms, Listing.id)
    these = select(Listing.id).where(is_public()).order_by(*oldest).offset(first).limit(PART)
    wanted = (
        select(Listing, Clip, Recording.title, Creator.name)
        .join(Clip, Clip.id == Listing.clip_id)
        .join(Recording, Recording.id == Clip.recording_id)
        .join(Creator, Creator.id == Recording.creator_id)
        .where(Listing.id.in_(these.scalar_subquery()))
        .order_by(*oldest)
        .options(
            load_only(Listing.visible_from_ms),
            load_only(Clip.title, Clip.start_ms, Clip.end_ms, Clip.width),
        )
    )
    rows = session.execute(wanted).all()
    tags, assets = _tags(session, rows), _assets(session, rows)
    for row in rows:
        yield _url(row, tags.get(row[0].id, []), assets.get(row[1].id, {}))


def _tags(session: Session, rows: Sequence[Found]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    wanted = select(ListingTag.listing_id, ListingTag.tag).order_by(ListingTag.tag)
    ids = [row[0].id for row in rows]
    for listing_id, tag in session.execute(wanted.where(ListingTag.listing_id.in_(ids))):
        found.setdefault(listing_id, []).append(tag)
    return found


def _assets(session: Session, rows: Sequence[Found]) -> dict[str, dict[AssetKind, Asset]]:
    found: dict[str, dict[AssetKind, Asset]] = {}
    shown = (AssetKind.POSTER, AssetKind.PREVIEW)
    ids = [row[1].id for row in rows]
    wanted = select(Asset).where(Asset.clip_id.in_(ids), Asset.kind.in_(shown))
    named = load_only(Asset.clip_id, Asset.kind, Asset.suffix)
    for asset in session.scalars(wanted.options(named)):
        found.setdefault(asset.clip_id or "", {})[asset.kind] = asset
    return found


def _url(row: Found, tags: Sequence[str], assets: dict[AssetKind, Asset]) -> xmls.Node:
    listing, clip, recording, creator = row
    base, length_s = settings().base_url, round(clip.length_ms / 1000)
    said: list[xmls.Node] = [
        ("loc", {}, f"{base}/clips/{clip.id}"),
        ("lastmod", {}, words.moment_iso(listing.visible_from_ms)),
    ]
    poster, preview = assets.get(AssetKind.POSTER), assets.get(AssetKind.PREVIEW)
    if poster and clip.width and 1 <= length_s <= LONGEST_S:
        about = f"{words.lasting(clip.length_ms)} from {recording} by {creator}."
        video: list[xmls.Node] = [
            ("video:thumbnail_loc", {}, base + media.url(poster)),
            ("video:title", {}, clip.title[:TITLE]),
            ("video:description", {}, about),
            *([("video:content_loc", {}, base + media.url(preview))] if preview else []),
            ("video:player_loc", {}, f"{base}/embed/{clip.id}"),
            ("video:duration", {}, str(length_s)),
            ("video:publication_date", {}, words.moment_iso(listing.visible_from_ms)),
            *[("video:tag", {}, tag) for tag in tags[:TAGS]],
        ]
        said.append(("video:video", {}, video))
    return ("url", {}, said)
