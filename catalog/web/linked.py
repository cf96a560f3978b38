"""What a clip's page tells programs that read it: schema.org, and where its oEmbed is."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from catalog import media
from catalog.web import words
from models.clip import AssetKind
from models.listing import Listing
from models.settings import settings

TERMS = "/terms"
"""The page that explains the kinds of license."""


def address(what: str, listing: Listing) -> str:
    return f"{settings().base_url}/{what}/{listing.clip_id}"


def oembed_address(listing: Listing, form: str) -> str:
    url = quote(address("clips", listing), safe="")
    return f"{settings().base_url}/oembed?url={url}&format={form}"


def linked_data(listing: Listing) -> Markup:
    """schema.org's VideoObject; its content is the preview, never the clean file."""
    clip, base = listing.clip, settings().base_url
    creator = clip.recording.creator.name
    year = datetime.fromtimestamp(clip.recording.created_ms / 1000, UTC).year
    poster, preview = clip.asset(AssetKind.POSTER), clip.asset(AssetKind.PREVIEW)
    said: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "VideoObject" if clip.width else "AudioObject",
        "@id": address("clips", listing),
        "name": clip.title,
        "description": described(listing),
        "url": address("clips", listing),
        "embedUrl": address("embed", listing),
        "uploadDate": words.moment_iso(listing.visible_from_ms),
        "duration": words.duration_iso(clip.length_ms),
        "creator": {"@type": "Person", "name": creator},
        "creditText": f"{creator} / Reelyard",
        "copyrightNotice": f"© {year} {creator}",
        "license": f"{base}{TERMS}",
        "acquireLicensePage": f"{address('clips', listing)}#deal",
        "keywords": [tag.tag for tag in listing.tags],
    }
    if clip.width:
        said |= {"width": clip.width, "height": clip.height}
    if poster:
        said["thumbnailUrl"] = [base + media.url(poster)]
    if preview:
        said |= {"contentUrl": base + media.url(preview), "encodingFormat": preview.mime}
    if clip.transcript and clip.transcript.language:
        said["inLanguage"] = clip.transcript.language
    return Markup('<script type="application/ld+json">{}</script>').format(_json(said))


def described(listing: Listing) -> str:
    clip = listing.clip
    whole = f"{words.lasting(clip.length_ms)} from {clip.recording.title}"
    return f"{whole[0].upper()}{whole[1:]} by {clip.recording.creator.name}."


def _json(said: dict[str, Any]) -> Markup:
    """JSON that no HTML parser takes for a tag, and no title for the end of the block."""
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
