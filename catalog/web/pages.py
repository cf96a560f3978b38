"""The pages, each a thin door to a function of a noun."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalog import listings, media, playlists, recordings
from catalog.web import desk, files, transcripts
from catalog.web.rendering import THEMES, page, with_query
from catalog.web.sending import send
from models.base import reading
from models.clip import AssetKind
from models.settings import settings

router = APIRouter(include_in_schema=False)
router.include_router(desk.router)
READ = ["GET", "HEAD"]
PAGE = 24


@router.api_route("/", methods=READ)
def catalogue(
    request: Request,
    q: str = "",
    tag: Annotated[list[str] | None, Query(max_length=20)] = None,
    order: listings.Order = "newest",
    cursor: str | None = None,
) -> Response:
    chosen = list(dict.fromkeys(tag or []))
    with reading() as session:
        found = listings.browse(
            session, query=q, tags=chosen, order=order, cursor=cursor, limit=PAGE
        )
        offers = [] if found.total else listings.relaxed(session, q, chosen)
        return page(
            request,
            "catalogue.html",
            found=found,
            offers=offers,
            q=q,
            tags=chosen,
            order=order,
            first_page=cursor is None,
            here_with=_address(q=q, tag=chosen, order=order if order != "newest" else ""),
            inbox=_inbox(),
        )


@router.api_route("/clips/{clip_id}", methods=READ)
def clip(request: Request, clip_id: str, t: Annotated[float, Query(ge=0)] = 0) -> Response:
    with reading() as session:
        listing = listings.get(session, clip_id)
        if clip_id != listing.clip_id:
            return RedirectResponse(f"/clips/{listing.clip_id}", 308)
        kinds = {kind.value: listing.clip.asset(kind) for kind in AssetKind}
        return page(
            request,
            "clip.html",
            listing=listing,
            clip=listing.clip,
            assets=kinds,
            lines=transcripts.lines(listing.clip),
            similar=listings.similar(session, listing),
            start_s=t,
        )


@router.api_route("/clips/{clip_id}/manifest.json", methods=READ)
def manifest(request: Request, clip_id: str) -> Response:
    with reading() as session:
        asset = listings.manifest(session, clip_id)
    return send(request, asset)


@router.api_route("/recordings", methods=READ)
def recordings_page(request: Request, cursor: str | None = None) -> Response:
    with reading() as session:
        shown = recordings.desk(session, cursor=cursor)
    return page(request, "recordings.html", desk=shown, cursor=cursor, inbox=_inbox())


@router.api_route("/recordings/{recording_id}/hls/{name}.m3u8", methods=READ)
def playlist(recording_id: str, name: str) -> Response:
    with reading() as session:
        found = recordings.with_chunks(session, recording_id)
        if name == "master":
            text = playlists.master(found)
        else:
            text = playlists.media(found, name, lambda chunk: f"/media/{chunk.asset_id}/chunk.mp4")
    return Response(text, media_type=playlists.MIME, headers={"Cache-Control": "no-cache"})


@router.api_route("/media/{asset_id}/{name}", methods=READ)
def media_file(request: Request, asset_id: str, name: str) -> Response:
    with reading() as session:
        asset = media.get(session, asset_id, name)
    return send(request, asset)


@router.api_route("/static/{edition}/{name:path}", methods=READ)
def static_file(request: Request, edition: str, name: str) -> Response:
    return files.serve(request, edition, name)


@router.api_route("/favicon.ico", methods=READ)
def favicon() -> Response:
    return RedirectResponse(files.url("mark.svg"))


@router.api_route("/robots.txt", methods=READ)
def robots() -> Response:
    return Response(
        "User-agent: *\nDisallow: /recordings\nDisallow: /media\n", media_type="text/plain"
    )


@router.post("/theme")
def theme(request: Request, to: Annotated[str, Form()], back: Annotated[str, Form()]) -> Response:
    """For browsers without scripts; with them the page sets the cookie itself."""
    desk.ours(request)
    safe = back.startswith("/") and not back.startswith(("//", "/\\"))
    answer = RedirectResponse(back if safe else "/", 303)
    if to in THEMES:
        answer.set_cookie("theme", to, max_age=31_536_000, samesite="lax")
    return answer


def _address(**fields: Any) -> Callable[..., str]:
    """The catalogue's address with some of its fields changed; the page mark never stays."""
    return lambda **changed: with_query("/", **{**fields, **changed})


def _inbox() -> str:
    """As the operator would write it; an absolute path is nobody else's business."""
    inbox = settings().resolved_inbox
    return str(inbox.relative_to(Path.cwd())) if inbox.is_relative_to(Path.cwd()) else inbox.name
