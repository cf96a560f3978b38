"""What the JSON doors answer. Times are milliseconds; dates are milliseconds since 1970."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from catalog import jobs, listings, media, playlists, recordings
from catalog.web import timeline
from models.analysis import Candidate, Transcript
from models.clip import Clip
from models.listing import Listing
from models.recording import Recording
from models.settings import settings


class Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Problem(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    errors: list[dict[str, Any]] | None = None


class TranscriptShape(Shape):
    engine: str
    version: str
    model: str
    quality: str
    quality_note: str
    language: str
    text: str
    segments: list[dict[str, Any]] = Field(description="Times are the recording's")


class File(BaseModel):
    kind: str
    url: str
    mime: str
    size: int
    sha256: str


class RecordingLink(BaseModel):
    id: str
    title: str
    url: str


class ListingShape(BaseModel):
    id: str
    clip_id: str
    title: str
    tags: list[str]
    score: float
    reasons: dict[str, float] = Field(description="Named parts that sum to the score")
    start_ms: int
    end_ms: int
    length_ms: int
    width: int
    height: int
    creator: str
    recording: RecordingLink
    visible_from_ms: int
    url: str
    files: list[File]


class ListingDetail(ListingShape):
    signed_by: str
    essence_sha256: str
    manifest_url: str | None
    transcript: TranscriptShape | None
    similar: list[ListingShape]


class FacetShape(Shape):
    tag: str
    count: int


class ListingPage(BaseModel):
    listings: list[ListingShape]
    total: int
    facets: list[FacetShape]
    next_cursor: str | None


class StepShape(Shape):
    step: str
    label: str
    state: Literal["waiting", "running", "done", "stopped"]
    done: int = Field(description="Jobs of this step that are finished, of `total`")
    total: int
    share: float
    left_ms: int | None
    notes: list[str]


class ProgressShape(Shape):
    working: bool
    done: int
    total: int
    share: float
    steps: list[StepShape] = Field(validation_alias="lines")


class RecordingShape(BaseModel):
    id: str
    name: str
    title: str
    creator: str
    state: str
    reason: str
    sha256: str
    size: int
    duration_ms: int | None
    created_ms: int
    done_ms: int | None
    url: str
    clips_on_sale: int
    progress: ProgressShape


class RecordingPage(BaseModel):
    recordings: list[RecordingShape]
    total: int
    next_cursor: str | None


class CandidateShape(Shape):
    id: str
    rank: int
    start_ms: int
    end_ms: int
    peak_ms: int
    score: float
    reasons: dict[str, float]
    chosen: bool
    why_not: str


class ClipLink(BaseModel):
    id: str
    title: str
    start_ms: int
    end_ms: int
    score: float
    url: str


class RecordingDetail(RecordingShape):
    probe: dict[str, Any] | None
    sidecar: dict[str, Any]
    stream_url: str | None = Field(description="HLS, once it can be played")
    candidates: list[CandidateShape]
    clips: list[ClipLink]
    clips_not_public: int


class TimelineShape(BaseModel):
    step_ms: int = 1000
    parts: dict[str, list[float]] = Field(description="One number a step, 0..1; `score` is the sum")


def absolute(path: str) -> str:
    return settings().base_url + path


def listing(row: Listing) -> ListingShape:
    return ListingShape(**_listing_fields(row))


def listing_detail(row: Listing, similar: list[Listing]) -> ListingDetail:
    signed = any(asset.kind == "manifest" for asset in row.clip.assets)
    return ListingDetail(
        **_listing_fields(row),
        signed_by=row.clip.signed_by,
        essence_sha256=row.clip.essence_sha256,
        manifest_url=absolute(f"/api/v1/clips/{row.clip_id}/manifest") if signed else None,
        transcript=_transcript(row.clip.transcript),
        similar=[listing(other) for other in similar],
    )


def listing_page(page: listings.Page) -> ListingPage:
    return ListingPage(
        listings=[listing(row) for row in page.listings],
        total=page.total,
        facets=[FacetShape.model_validate(facet) for facet in page.facets],
        next_cursor=page.next_cursor,
    )


def recording_page(desk: recordings.Desk) -> RecordingPage:
    return RecordingPage(
        recordings=[
            RecordingShape(**_recording_fields(row.recording, row.progress, row.clips))
            for row in desk.rows
        ],
        total=desk.total,
        next_cursor=desk.next_cursor,
    )


def recording_detail(detail: recordings.Detail) -> RecordingDetail:
    row = detail.recording
    ready = playlists.is_playable(row)
    return RecordingDetail(
        **_recording_fields(row, detail.progress, len(detail.clips)),
        probe=row.probe,
        sidecar=row.sidecar,
        stream_url=absolute(f"/recordings/{row.id}/hls/master.m3u8") if ready else None,
        candidates=[_candidate(candidate) for candidate in row.candidates],
        clips=[_clip_link(clip) for clip in detail.clips],
        clips_not_public=detail.held,
    )


def timeline_of(detail: recordings.Detail) -> TimelineShape:
    analysis = detail.recording.analysis
    return TimelineShape(parts=timeline.columns(analysis.curve) if analysis else {})


def _listing_fields(row: Listing) -> dict[str, Any]:
    clip = row.clip
    recording = clip.recording
    return {
        "id": row.id,
        "clip_id": clip.id,
        "title": clip.title,
        "tags": [tag.tag for tag in row.tags],
        "score": clip.score,
        "reasons": clip.reasons,
        "start_ms": clip.start_ms,
        "end_ms": clip.end_ms,
        "length_ms": clip.length_ms,
        "width": clip.width,
        "height": clip.height,
        "creator": recording.creator.name,
        "recording": RecordingLink(
            id=recording.id,
            title=recording.title,
            url=absolute(f"/recordings/{recording.id}"),
        ),
        "visible_from_ms": row.visible_from_ms,
        "url": absolute(f"/clips/{clip.id}"),
        "files": _files(clip),
    }


def _recording_fields(row: Recording, progress: jobs.Progress, clips: int) -> dict[str, Any]:
    plain = ("id", "name", "title", "reason", "sha256", "size", "duration_ms")
    return {
        **{name: getattr(row, name) for name in plain},
        "created_ms": row.created_ms,
        "done_ms": row.done_ms,
        "creator": row.creator.name,
        "state": str(row.state),
        "url": absolute(f"/recordings/{row.id}"),
        "clips_on_sale": clips,
        "progress": ProgressShape.model_validate(progress),
    }


def _files(clip: Clip) -> list[File]:
    return [
        File(
            kind=asset.kind,
            url=absolute(media.url(asset)),
            mime=asset.mime,
            size=asset.size,
            sha256=asset.sha256,
        )
        for asset in sorted(clip.assets, key=lambda asset: asset.kind)
    ]


def _transcript(row: Transcript | None) -> TranscriptShape | None:
    return TranscriptShape.model_validate(row) if row else None


def _candidate(row: Candidate) -> CandidateShape:
    return CandidateShape.model_validate(row)


def _clip_link(clip: Clip) -> ClipLink:
    return ClipLink(
        id=clip.id,
        title=clip.title,
        start_ms=clip.start_ms,
        end_ms=clip.end_ms,
        score=clip.score,
        url=absolute(f"/clips/{clip.id}"),
    )
