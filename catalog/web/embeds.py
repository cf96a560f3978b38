"""A clip on other people's pages: by oEmbed, and in a frame."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from markupsafe import Markup

from catalog import answers, listings, media, xmls
from catalog.errors import NotFound
from catalog.headers import SECURITY
from catalog.web.linked import address
from catalog.web.rendering import page
from models.base import reading
from models.clip import AssetKind
from models.listing import Listing
from models.settings import settings

READ = ["GET", "HEAD"]
HELD = ("clips", "embed")
"""First words of the addresses that oEmbed answers for."""
WIDTH = 640
SOUND_HEIGHT = 240
BAR = 56
"""Height of the line under the picture."""
LEAST = 200
POSTER_WIDTH = 640
"""Of the widest poster; pipeline.profiles draws it so."""
CACHE_S = 3600
FRAMED = {
    **SECURITY,
    "Content-Security-Policy": SECURITY["Content-Security-Policy"].replace(
        "frame-ancestors 'none'", "frame-ancestors *"
    ),
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=60",
}
"""This page alone may stand in others'. It is the same for everybody and sets no cookie."""

router = APIRouter(include_in_schema=False)


@router.api_route("/embed/{clip_id}", methods=READ)
def embed(request: Request, clip_id: str) -> Response:
    with reading() as session:
        listing = listings.get(session, clip_id)
        made = page(
            request,
            "embed.html",
            clip=listing.clip,
            preview=listing.clip.asset(AssetKind.PREVIEW),
            poster=listing.clip.asset(AssetKind.POSTER),
            captions=listing.clip.asset(AssetKind.CAPTIONS),
        )
    made.headers.update(FRAMED)
    return made


@router.api_route("/oembed", methods=READ)
def oembed(
    request: Request,
    url: Annotated[str, Query(max_length=500)],
    form: Annotated[str, Query(alias="format", max_length=10)] = "json",
    maxwidth: Annotated[int | None, Query(ge=1, le=10_000)] = None,
    maxheight: Annotated[int | None, Query(ge=1, le=10_000)] = None,
) -> Response:
    if form not in ("json", "xml"):
        return answers.answer(
            request, 501, "This form is not spoken here", "Ask for format=json or format=xml."
        )
    with reading() as session:
        told = _oembed(listings.get(session, _named(request, url)), maxwidth, maxheight)
    headers = {"Cache-Control": f"public, max-age={CACHE_S}", "Access-Control-Allow-Origin": "*"}
    if form == "json":
        return JSONResponse(told, headers=headers)
    root: xmls.Node = ("oembed", {}, [(name, {}, str(value)) for name, value in told.items()])
    return Response(xmls.document(root), media_type="text/xml", headers=headers)


def _named(request: Request, url: str) -> str:
    """The clip that an address of ours names."""
    homes = (urlsplit(settings().base_url).netloc, request.headers.get("host", ""))
    try:
        parts = urlsplit(url)
    except ValueError:
        raise NotFound("This address can't be read.") from None
    steps = parts.path.strip("/").split("/")
    ours = parts.scheme in ("http", "https") and parts.netloc in homes
    if not ours or len(steps) != 2 or steps[0] not in HELD:
        raise NotFound("This is no address of a clip here.")
    return steps[1]


def _oembed(listing: Listing, maxwidth: int | None, maxheight: int | None) -> dict[str, Any]:
    clip = listing.clip
    width, height = _size(listing, maxwidth, maxheight)
    told = {
        "type": "video" if clip.width else "rich",
        "version": "1.0",
        "title": clip.title,
        "author_name": clip.recording.creator.name,
        "provider_name": "Reelyard",
        "provider_url": settings().base_url,
        "cache_age": CACHE_S,
        "html": str(_frame(listing, width, height)),
        "width": width,
        "height": height,
    }
    poster = clip.asset(AssetKind.POSTER)
    if poster:
        wide, high = _poster_size(listing)
        if wide <= (maxwidth or wide) and high <= (maxheight or high):
            told["thumbnail_url"] = settings().base_url + media.url(poster)
            told |= {"thumbnail_width": wide, "thumbnail_height": high}
    return told


def _size(listing: Listing, maxwidth: int | None, maxheight: int | None) -> tuple[int, int]:
    """The picture in its own shape with the line under it, within what was asked for."""
    clip = listing.clip
    width = min(WIDTH, maxwidth or WIDTH)
    if not clip.width:
        return width, min(SOUND_HEIGHT, maxheight or SOUND_HEIGHT)
    if maxheight:
        width = min(width, max((maxheight - BAR) * clip.width // clip.height, 1))
    return width, min(round(width * clip.height / clip.width) + BAR, maxheight or 10_000)


def _poster_size(listing: Listing) -> tuple[int, int]:
    clip = listing.clip
    width, height = (clip.width, clip.height) if clip.width else (POSTER_WIDTH, 360)
    wide = min(width, POSTER_WIDTH)
    return wide, round(height * wide / width)


def _frame(listing: Listing, width: int, height: int) -> Markup:
    return Markup(
        '<iframe src="{}" width="{}" height="{}" title="{}" frameborder="0" loading="lazy" '
        'allow="fullscreen; picture-in-picture" allowfullscreen></iframe>'
    ).format(address("embed", listing), width, height, listing.clip.title)
