"""The pages, each a thin door to a function of a noun."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalog import listings, media, playlists, recordings
from catalog.errors import BadRequest
from catalog.web import facts, files, timeline, transcripts
from catalog.web.rendering import THEMES, page, with_query
from catalog.web.sending import send
from models.base import reading
from models.clip import AssetKind
from models.settings import settings

router = APIRouter(include_in_schema=False)
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
def desk(request: Request, cursor: str | None = None) -> Response:
    with reading() as session:
        shown = recordings.desk(session, cursor=cursor)
    return page(request, "recordings.html", desk=shown, cursor=cursor, inbox=_inbox())


@router.api_route("/recordings/{recording_id}", methods=READ)
def recording(request: Request, recording_id: str) -> Response:
    with reading() as session:
        detail = recordings.get(session, recording_id)
        return page(
            request, "recording.html", **_recording(detail), told=facts.told(detail.recording)
        )


@router.api_route("/recordings/{recording_id}/status", methods=READ)
def status(request: Request, recording_id: str, seen: str = "") -> Response:
    """The progress line again, and with it whatever is new since the page `seen`."""
    with reading() as session:
        context = _recording(recordings.get(session, recording_id))
        version = str(context["version"])
        return page(
            request,
            "_status.html",
            changed=seen != version,
            watch_changed=seen.split("-")[0] != version.split("-")[0],
            **context,
        )


@router.api_route("/recordings/{recording_id}/hls/{name}.m3u8", methods=READ)
def playlist(recording_id: str, name: str) -> Response:
    with reading() as session:
        found = recordings.get(session, recording_id).recording
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
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise BadRequest("This form was sent from another site.")
    safe = back.startswith("/") and not back.startswith(("//", "/\\"))
    answer = RedirectResponse(back if safe else "/", 303)
    if to in THEMES:
        answer.set_cookie("theme", to, max_age=31_536_000, samesite="lax")
    return answer


def _recording(detail: recordings.Detail) -> dict[str, Any]:
    recording, playable = detail.recording, playlists.is_playable(detail.recording)
    watch = "playing" if playable else recording.state
    counts = (len(detail.clips), detail.held, len(recording.candidates))
    return {
        "detail": detail,
        "recording": recording,
        "progress": detail.progress,
        "timeline": timeline.drawn(detail),
        "playable": playable,
        "version": "-".join(map(str, (watch, recording.state, *counts))),
    }


def _address(**fields: Any) -> Callable[..., str]:
    """The catalogue's address with some of its fields changed; the page mark never stays."""
    return lambda **changed: with_query("/", **{**fields, **changed})


def _inbox() -> str:
    """As the operator would write it; an absolute path is nobody else's business."""
    inbox = settings().resolved_inbox
    return str(inbox.relative_to(Path.cwd())) if inbox.is_relative_to(Path.cwd()) else inbox.name
