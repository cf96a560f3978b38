"""The JSON twin of each page, at /api/v1."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from catalog import listings, recordings
from catalog.api import shapes
from catalog.web import timeline
from catalog.web.sending import send
from models.base import reading

PROBLEMS: dict[int | str, dict[str, object]] = {
    code: {
        "description": text,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    for code, text in {400: "The request can't be read", 404: "Nothing public is there"}.items()
}
router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before", max_length=80)]
Limit = Annotated[int, Query(ge=1, le=listings.PAGE_LIMIT)]


@router.get("/listings", tags=["Catalogue"], summary="Search and browse clips on sale")
def list_listings(
    q: Annotated[str, Query(description="All words must match", max_length=200)] = "",
    tag: Annotated[list[str] | None, Query(description="Repeat it: all must match")] = None,
    order: listings.Order = "newest",
    cursor: Cursor = None,
    limit: Limit = 24,
) -> shapes.ListingPage:
    with reading() as session:
        found = listings.browse(
            session, query=q, tags=tag or [], order=order, cursor=cursor, limit=limit
        )
        return shapes.listing_page(found)


@router.get("/listings/{listing_id}", tags=["Catalogue"], summary="One clip on sale")
def get_listing(listing_id: str) -> shapes.ListingDetail:
    """By the listing's id or the clip's: transcript, files, provenance and similar clips."""
    with reading() as session:
        found = listings.get(session, listing_id)
        return shapes.listing_detail(found, list(listings.similar(session, found)))


@router.get(
    "/clips/{clip_id}/manifest",
    tags=["Catalogue"],
    summary="A clip's signed C2PA manifest as JSON",
    response_class=Response,
)
def get_manifest(request: Request, clip_id: str) -> Response:
    with reading() as session:
        asset = listings.manifest(session, clip_id)
    return send(request, asset)


@router.get("/recordings", tags=["Recordings"], summary="What came in, newest first")
def list_recordings(cursor: Cursor = None, limit: Limit = 50) -> shapes.RecordingPage:
    with reading() as session:
        return shapes.recording_page(recordings.desk(session, cursor=cursor, limit=limit))


@router.get("/recordings/{recording_id}", tags=["Recordings"], summary="One recording")
def get_recording(recording_id: str) -> shapes.RecordingDetail:
    """With its jobs, its candidates (chosen or not, and why not) and its clips."""
    with reading() as session:
        return shapes.recording_detail(recordings.get(session, recording_id))


@router.get(
    "/recordings/{recording_id}/timeline",
    tags=["Recordings"],
    summary="The score of every second, with its parts",
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
)
def get_second(
    recording_id: str, second: Annotated[int, Path(ge=0, le=timeline.ALL)]
) -> shapes.SecondShape:
    """Its parts, the moment it is part of, what beat it, and the words said around it."""
    with reading() as session:
        return shapes.second_of(recordings.get(session, recording_id), second)
