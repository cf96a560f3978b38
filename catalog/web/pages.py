"""The pages, each a thin door to a function of a noun."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from catalog import desks, listings, media, playlists, recordings, reels
from catalog.entitlements import may_use, now_of
from catalog.errors import NotFound
from catalog.members import downloads, inviting
from catalog.offers import choosing
from catalog.web import (
    account,
    catalogue,
    charges,
    checkout,
    deals,
    deliveries,
    desk,
    earnings,
    embeds,
    feeds,
    figures,
    files,
    joining,
    ladders,
    letters,
    lightboxes,
    members_desk,
    memberships,
    offer_desk,
    offers,
    paying,
    perks,
    pools,
    prices,
    privacy,
    problems,
    quoting,
    sandbox,
    segments,
    settling,
    sitemap,
    staff,
    terms,
    tier_desk,
    transcripts,
    verifying,
    wording,
)
from catalog.web.rendering import THEMES, page
from catalog.web.sending import send
from catalog.web.visitors import Asking, own_desk, same_origin, unhurried
from models.base import reading
from models.clip import AssetKind

router = APIRouter(include_in_schema=False)
router.include_router(catalogue.router, dependencies=[Depends(unhurried)])
router.include_router(lightboxes.router)
router.include_router(desk.router)
router.include_router(deliveries.router)
router.include_router(verifying.router)
router.include_router(embeds.router)
router.include_router(problems.router)
router.include_router(sitemap.router)
router.include_router(account.router)
router.include_router(privacy.router)
router.include_router(staff.router)
router.include_router(checkout.router)
router.include_router(settling.changes)
router.include_router(sandbox.router)
router.include_router(charges.router)
router.include_router(earnings.router)
router.include_router(figures.router)
router.include_router(quoting.router)
router.include_router(terms.router)
router.include_router(prices.router)
router.include_router(pools.router)
router.include_router(feeds.router)
router.include_router(perks.router)
router.include_router(offer_desk.router)
router.include_router(offers.router)
router.include_router(joining.router)
router.include_router(memberships.router)
router.include_router(paying.router)
router.include_router(segments.router)
router.include_router(members_desk.router)
router.include_router(tier_desk.router)
router.include_router(ladders.router)
router.include_router(wording.router)
router.include_router(letters.router)
READ = ["GET", "HEAD"]


@router.api_route("/clips/{clip_id}", methods=READ)
def clip(
    request: Request, visitor: Asking, clip_id: str, t: Annotated[float, Query(ge=0)] = 0
) -> Response:
    with reading() as session:
        now = now_of(session)
        listing = listings.seen(session, visitor, clip_id, now)
        if clip_id != listing.clip_id:
            return RedirectResponse(f"/clips/{listing.clip_id}", 308)
        kinds = {kind.value: listing.clip.asset(kind) for kind in AssetKind}
        clean = may_use(session, visitor, listing.clip, "clean", now)
        early = listing.visible_from_ms > now
        given = request.query_params
        deal = None if early else deals.deal(session, listing, given, visitor)
        return page(
            request,
            "clip.html",
            listing=listing,
            clip=listing.clip,
            assets=kinds,
            clean=clean,
            playable=kinds["master" if clean else "preview"],
            tiles=media.tiles(listing.clip) if kinds["storyboard"] else [],
            joined=reels.parts(session, listing.clip),
            lines=transcripts.lines(listing.clip),
            similar=listings.similar(session, listing),
            start_s=t,
            early=early,
            personal=downloads.offered(session, visitor, listing, now),
            offered=choosing.any_for(session, visitor, listing.clip, now),
            join=inviting.line(session, visitor, listing.clip.recording.creator, now),
            **(quoting.choices(deal) if deal else {}),
        )


@router.api_route("/clips/{clip_id}/storyboard.vtt", methods=READ)
def storyboard(visitor: Asking, clip_id: str) -> Response:
    with reading() as session:
        shown = listings.seen(session, visitor, clip_id, now_of(session)).clip
        sheet = shown.asset(AssetKind.STORYBOARD)
        if sheet is None:
            raise NotFound("This clip has no storyboard.")
        text = media.storyboard(shown, media.url(sheet))
    return Response(text, media_type="text/vtt", headers={"Cache-Control": "private, no-cache"})


@router.api_route("/clips/{clip_id}/manifest.json", methods=READ)
def manifest(request: Request, visitor: Asking, clip_id: str) -> Response:
    with reading() as session:
        asset = listings.manifest(session, visitor, clip_id)
    return send(request, asset, private=True)


@router.api_route("/recordings", methods=READ)
def recordings_page(request: Request, visitor: Asking, cursor: str | None = None) -> Response:
    desks.needs_some(visitor, "recordings:read")
    with reading() as session:
        shown = recordings.desk(session, visitor, cursor=cursor)
    return page(request, "recordings.html", desk=shown, cursor=cursor, inbox=catalogue.inbox())


@router.api_route(
    "/recordings/{recording_id}/hls/{name}.m3u8", methods=READ, dependencies=[Depends(own_desk)]
)
def playlist(recording_id: str, name: str) -> Response:
    with reading() as session:
        text = playlists.named(recordings.with_chunks(session, recording_id), name)
    return Response(text, media_type=playlists.MIME, headers={"Cache-Control": "no-cache"})


@router.api_route("/static/{edition}/{name:path}", methods=READ)
def static_file(request: Request, edition: str, name: str) -> Response:
    return files.serve(request, edition, name)


@router.api_route("/favicon.ico", methods=READ)
def favicon() -> Response:
    return RedirectResponse(files.url("mark.svg"))


@router.post("/theme")
def theme(request: Request, to: Annotated[str, Form()], back: Annotated[str, Form()]) -> Response:
    """For browsers without scripts; with them the page sets the cookie itself."""
    same_origin(request)
    safe = back.startswith("/") and not back.startswith(("//", "/\\"))
    answer = RedirectResponse(back if safe else "/", 303)
    if to in THEMES:
        answer.set_cookie("theme", to, max_age=31_536_000, samesite="lax")
    return answer
