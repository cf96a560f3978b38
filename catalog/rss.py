"""A feed as RSS 2.0, with or without Media RSS 1.5.1. XML is written by a writer, never by hand."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

from catalog import feeds
from catalog.feeds import Entry, Feed
from catalog.rules import clean
from catalog.web import words
from models.clip import AssetKind
from models.settings import settings

NAMESPACES = {
    "media": "http://search.yahoo.com/mrss/",
    "atom": "http://www.w3.org/2005/Atom",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "fh": "http://purl.org/syndication/history/1.0",
}
for _prefix, _space in NAMESPACES.items():
    ET.register_namespace(_prefix, _space)
KINDS = "urn:reelyard:kind"


def mrss(feed: Feed) -> bytes:
    return _written(feed, _media_item)


def plain(feed: Feed) -> bytes:
    return _written(feed, _plain_item)


def date(ms: int) -> str:
    """RFC 822, as RSS wants it."""
    return format_datetime(datetime.fromtimestamp(ms // 1000, UTC), usegmt=True)


def _written(feed: Feed, item: Callable[[ET.Element, Entry], None]) -> bytes:
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    home = settings().base_url
    _add(channel, "title", feed.pool.name)
    _add(channel, "link", f"{home}/pools/{feed.pool.slug}")
    _add(channel, "description", feed.pool.about or f"Clips of the pool {feed.pool.name}.")
    _add(channel, "language", "en")
    _add(channel, "lastBuildDate", date(feed.changed_ms))
    _add(channel, "generator", "Reelyard")
    _add(channel, "docs", "https://www.rssboard.org/rss-specification")
    _link(channel, "self", feed.here)
    _link(channel, "first", feed.first)  # RFC 5005: a paged feed
    if feed.next:
        _link(channel, "next", feed.next)
    for entry in feed.entries:
        made = ET.SubElement(channel, "item")
        _common(made, entry)
        item(made, entry)
    ET.indent(root, " ")
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _common(item: ET.Element, entry: Entry) -> None:
    page = feeds.page_of(entry.clip_id)
    if entry.deleted:
        _add(item, "title", "A clip that is no longer in this pool")
        _add(item, "guid", page, isPermaLink="true")
        _add(item, "pubDate", date(entry.at_ms))
        return
    clip = entry.listing.clip
    _add(item, "title", clip.title)
    _add(item, "link", page)
    _add(item, "guid", page, isPermaLink="true")
    _add(item, "pubDate", date(entry.at_ms))
    _add(item, "description", feeds.described(entry))
    _add(item, "dc:creator", clip.recording.creator.name)
    for tag in entry.listing.tags:
        _add(item, "category", tag.tag)


def _plain_item(item: ET.Element, entry: Entry) -> None:
    if entry.file:
        size, kind = str(entry.file.asset.size), entry.file.asset.mime
        _add(item, "enclosure", "", url=entry.file.url, length=size, type=kind)


def _media_item(item: ET.Element, entry: Entry) -> None:
    if entry.deleted:
        _add(
            item,
            "media:status",
            "",
            state="deleted",
            reason=f"Gone {words.moment_iso(entry.at_ms)}",
        )
        return
    clip, page = entry.listing.clip, feeds.page_of(entry.clip_id)
    _content(item, entry)
    _add(item, "media:player", "", url=page)
    _add(item, "media:title", clip.title, type="plain")
    _add(item, "media:description", feeds.described(entry), type="plain")
    if entry.listing.tags:
        commas = (tag.tag.replace(",", " ") for tag in entry.listing.tags)
        _add(item, "media:keywords", ", ".join(commas))
    _pictures(item, entry)
    kind = entry.listing.event_kind
    if kind:
        _add(item, "media:category", kind, scheme=KINDS, label=words.part_label(kind))
    _add(item, "media:credit", clip.recording.creator.name, role="producer", scheme="urn:ebu")
    _add(item, "media:copyright", f"© {feeds.holder(entry)}")
    _add(item, "media:license", "Terms", type="text/html", href=feeds.terms_page())
    _add(item, "media:rights", "", status="official")
    if entry.listing.price_from_cents:
        _price(item, entry, page)
    _add(item, "media:status", "", state="active")
    start = words.moment_iso(entry.at_ms)
    _add(item, "dcterms:valid", f"start={start};scheme=W3C-DTF")


def _content(item: ET.Element, entry: Entry) -> None:
    if entry.file is None:
        return
    clip, file = entry.listing.clip, entry.file
    sized = {"width": str(clip.width), "height": str(clip.height)} if file.full else {}
    spoken = {"lang": entry.listing.language} if entry.listing.language else {}
    _add(
        item,
        "media:content",
        "",
        url=file.url,
        fileSize=str(file.asset.size),
        type=file.asset.mime,
        medium="video" if clip.width else "audio",
        isDefault="true",
        expression="full" if file.full else "sample",
        duration=str(round(clip.length_ms / 1000)),
        **(sized if clip.width else {}),
        **spoken,
    )


def _pictures(item: ET.Element, entry: Entry) -> None:
    clip = entry.listing.clip
    poster, captions = clip.asset(AssetKind.POSTER), clip.asset(AssetKind.CAPTIONS)
    if poster:
        _add(item, "media:thumbnail", "", url=feeds.absolute(poster))
    if captions and entry.listing.language:
        where = {"href": feeds.absolute(captions), "lang": entry.listing.language}
        _add(item, "media:subTitle", "", type=captions.mime, **where)


def _price(item: ET.Element, entry: Entry, page: str) -> None:
    cents, currency = entry.listing.price_from_cents or 0, entry.listing.currency or ""
    amount = f"{cents // 100}.{cents % 100:02}"
    _add(item, "media:price", "", type="purchase", price=amount, currency=currency, info=page)


def _link(channel: ET.Element, rel: str, href: str) -> None:
    _add(channel, "atom:link", "", rel=rel, href=href, type="application/rss+xml")


def _add(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    prefix, _, local = name.rpartition(":")
    tag = f"{{{NAMESPACES[prefix]}}}{local}" if prefix else local
    made = ET.SubElement(parent, tag, {key: clean(value) for key, value in attributes.items()})
    made.text = clean(text) or None
