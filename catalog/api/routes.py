"""The JSON twin of each page, at /api/v1."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from catalog import desks, listings, playlists, recordings, search
from catalog.api import found, shapes
from catalog.api.access import scope
from catalog.auth import Visitor
from catalog.entitlements import may_use, now_of
from catalog.web import timeline
from catalog.web.catalogue import Asked
from catalog.web.sending import send
from catalog.web.visitors import Asking, own_desk, unhurried
from models.base import reading

PROBLEMS: dict[int | str, dict[str, object]] = {
    code: {
        "description": text,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    for code, text in {
        400: "The request can't be read",
        401: "Sign in first, or send a token",
        404: "Nothing is there for you",
    }.items()
}
router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before", max_length=80)]
Limit = Annotated[int, Query(ge=1, le=search.PAGE_LIMIT)]


@router.get(
    "/listings",
    tags=["Catalogue"],
    summary="Search and browse clips on sale",
    dependencies=[Depends(unhurried)],
)
def list_listings(wanted: Asked, cursor: Cursor = None, limit: Limit = 24) -> found.ListingPage:
    """Best match first where there are words, else the newest day first."""
    with reading() as session:
        search.reveal_due(session)
        return found.listing_page(search.find(session, wanted, cursor, limit))


@router.get("/listings/{listing_id}", tags=["Catalogue"], summary="One clip on sale")
def get_listing(visitor: Asking, listing_id: str) -> shapes.ListingDetail:
    """By the listing's id or the clip's: transcript, provenance, similar clips, and those of its
    files that you may fetch: the preview, and the clip without a mark where it is yours. Members
    of its creator get it earlier than everybody; a token needs `memberships:read` for that."""
    with reading() as session:
        now = now_of(session)
        found = listings.seen(session, visitor, listing_id, now)
        clean = may_use(session, visitor, found.clip, "clean", now)
        alike = list(listings.similar(session, found))
        early = found.visible_from_ms > now
        return shapes.listing_detail(found, alike, clean=clean, early=early)


@router.get(
    "/clips/{clip_id}/manifest",
    tags=["Catalogue"],
    summary="A clip's signed C2PA manifest as JSON",
    response_class=Response,
)
def get_manifest(request: Request, visitor: Asking, clip_id: str) -> Response:
    with reading() as session:
        asset = listings.manifest(session, visitor, clip_id)
    return send(request, asset)


@router.get("/recordings", tags=["Recordings"], summary="What came in, newest first")
def list_recordings(
    visitor: Annotated[Visitor, scope("recordings:read")],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> shapes.RecordingPage:
    """Your own; all of them for staff."""
    desks.needs_some(visitor, "recordings:read")
    with reading() as session:
        found = recordings.desk(session, visitor, cursor=cursor, limit=limit)
        return shapes.recording_page(found)


@router.get(
    "/recordings/{recording_id}",
    tags=["Recordings"],
    summary="One recording",
    dependencies=[scope("recordings:read"), Depends(own_desk)],
)
def get_recording(recording_id: str) -> shapes.RecordingDetail:
    """With its jobs, its candidates (chosen or not, and why not) and its clips."""
    with reading() as session:
        return shapes.recording_detail(recordings.get(session, recording_id))


@router.get(
    "/recordings/{recording_id}/hls/{name}.m3u8",
    tags=["Recordings"],
    summary="A playlist of the streaming version",
    dependencies=[scope("recordings:read"), Depends(own_desk)],
    response_class=Response,
    responses={200: {"content": {playlists.MIME: {"schema": {"type": "string"}}}}},
)
def get_playlist(
    recording_id: str,
    name: Annotated[str, Path(max_length=20, description="`master`, or what `master` names")],
) -> Response:
    """HLS (RFC 8216). Its segments open for the same token, sent as a header with each request."""
    with reading() as session:
        text = playlists.named(recordings.with_chunks(session, recording_id), name)
    return Response(text, media_type=playlists.MIME)


@router.get(
    "/recordings/{recording_id}/timeline",
    tags=["Recordings"],
    summary="The score of every second, with its parts",
    dependencies=[scope("recordings:read"), Depends(own_desk)],
)
def get_timeline(
    recording_id: str,
    start_s: Annotated[int, Query(ge=0, le=timeline.ALL, description="First second")] = 0,
    end_s: Annotated[
        int | None, Query(ge=0, le=timeline.ALL, description="Second after the last; all of them")
    ] = None,
    most: Annotated[
        int, Query(ge=1, le=timeline.ALL, description="Steps at most; the highest of each is told")
    ] = timeline.ALL,
) -> shapes.TimelineShape:
    """Thinned, each step is as high as its highest second: no peak is lost."""
    with reading() as session:
        return shapes.timeline_of(recordings.get(session, recording_id), start_s, end_s, most)


@router.get(
    "/recordings/{recording_id}/timeline/{second}",
    tags=["Recordings"],
    summary="Why this second, or why not",
    dependencies=[scope("recordings:read"), Depends(own_desk)],
)
def get_second(
    recording_id: str, second: Annotated[int, Path(ge=0, le=timeline.ALL)]
) -> shapes.SecondShape:
    """Its parts, the moment it is part of, what beat it, and the words said around it."""
    with reading() as session:
        return shapes.second_of(recordings.get(session, recording_id), second)
