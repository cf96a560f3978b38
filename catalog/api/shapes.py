"""What the JSON doors answer. Times are milliseconds; dates are milliseconds since 1970."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from catalog import jobs, media, moments, playlists, recordings, why
from catalog.web import saying, timeline
from models.analysis import Transcript
from models.clip import AssetKind, Clip, ClipKind
from models.listing import Listing
from models.recording import Recording
from models.settings import settings


class Shape(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Problem(BaseModel):
    """RFC 9457. A refusal may hold more: the facts that it is about."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Address of a page that explains this kind")
    title: str
    status: int
    detail: str = Field(description="What happened this time, and what to do")
    instance: str = Field(description="The path that was asked for")
    code: str | None = Field(None, description="One word for programs, where there is one")
    errors: list[dict[str, Any]] | None = Field(None, description="Each field and what is wrong")


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
    kind: ClipKind = Field(description="A reel is joined from clips; its times are its own")
    creator: str
    recording: RecordingLink
    visible_from_ms: int
    series: str
    event_kind: str = Field(description="The sign that decided most")
    language: str
    release: str
    price_from_cents: int | None
    currency: str | None
    url: str
    files: list[File]


class ListingDetail(ListingShape):
    signed_by: str
    essence_sha256: str
    manifest_url: str | None
    transcript: TranscriptShape | None
    similar: list[ListingShape]
    early: bool = Field(
        description="You see it before everybody; it can be licensed from `visible_from_ms` on"
    )


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
    asked_ms: int | None = Field(description="When a person asked for it as a clip")
    exact: bool = Field(description="Start and end are a person's own")
    standing: moments.Standing
    clip_id: str | None = Field(description="Of its clip, where that is on sale")
    review_id: str | None = Field(description="Of what was last done with it, and can be undone")


class LessonShape(Shape):
    part: str
    factor: float = Field(description="What the part's weight is multiplied by")
    choices: int


class TaughtShape(Shape):
    """What the creator's choices taught; it holds from the next recording on."""

    profile: str
    choices: int
    lessons: list[LessonShape]


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
    stream_url: str | None = Field(
        description="HLS, once it can be played; a token opens it and its segments"
    )
    candidates: list[CandidateShape]
    clips: list[ClipLink]
    clips_not_public: int
    taught: TaughtShape


class TimelineShape(BaseModel):
    start_ms: int
    step_ms: int
    parts: dict[str, list[float]] = Field(
        description="One number a step, 0..1: `score`, and what was heard and seen"
    )
    cuts_ms: list[int] = Field(description="First frames of new shots, as far as they are known")


class WordShape(Shape):
    start_ms: int
    end_ms: int
    text: str


class SecondShape(BaseModel):
    """Why, or why not."""

    at_ms: int
    score: float | None
    needed: float | None = Field(description="The least score of a moment that becomes a clip")
    parts: dict[str, float]
    moment: CandidateShape | None = Field(description="The moment it is part of")
    nearest: CandidateShape | None = Field(description="The nearest other one that is a clip")
    words: list[WordShape]
    ratings: list[dict[str, Any]] = Field(description="By the rating endpoint, where one is named")
    offer: list[int] | None = Field(description="Start and end (ms) of a clip around it")
    says: str


def absolute(path: str) -> str:
    return settings().base_url + path


def listing(row: Listing) -> ListingShape:
    return ListingShape(**listing_fields(row))


def listing_detail(
    row: Listing, similar: list[Listing], *, clean: bool = False, early: bool = False
) -> ListingDetail:
    """`clean`: the asker may fetch the clip without a mark."""
    signed = any(asset.kind == "manifest" for asset in row.clip.assets)
    return ListingDetail(
        **listing_fields(row, clean),
        signed_by=row.clip.signed_by,
        essence_sha256=row.clip.essence_sha256,
        manifest_url=absolute(f"/api/v1/clips/{row.clip_id}/manifest") if signed else None,
        transcript=_transcript(row.clip.transcript),
        similar=[listing(other) for other in similar],
        early=early,
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
        stream_url=absolute(f"/api/v1/recordings/{row.id}/hls/master.m3u8") if ready else None,
        candidates=[_candidate(moment) for moment in detail.moments],
        clips=[_clip_link(clip) for clip in detail.clips],
        clips_not_public=detail.held,
        taught=TaughtShape.model_validate(detail.taught),
    )


def timeline_of(
    detail: recordings.Detail, start_s: int = 0, end_s: int | None = None, most: int = timeline.ALL
) -> TimelineShape:
    curve = why.curve(detail)
    end_s = len(curve) if end_s is None else end_s
    step_s, parts = timeline.thinned(curve, start_s, end_s, most)
    cuts = [cut for cut in timeline.cuts_of(detail) if start_s * 1000 <= cut < end_s * 1000]
    return TimelineShape(
        start_ms=start_s * 1000,
        step_ms=step_s * 1000,
        parts=parts,
        cuts_ms=cuts[:: -(-len(cuts) // most) or 1],
    )


def second_of(detail: recordings.Detail, second: int) -> SecondShape:
    answer = why.ask(detail, second * 1000)
    return SecondShape(
        at_ms=answer.at_ms,
        score=answer.score,
        needed=answer.least,
        parts=dict(answer.parts),
        moment=_candidate(answer.moment) if answer.moment else None,
        nearest=_candidate(answer.nearest) if answer.nearest else None,
        words=[WordShape.model_validate(word) for word in answer.words],
        ratings=[dict(one) for one in answer.ratings],
        offer=list(answer.offer) if answer.offer else None,
        says=" ".join(saying.sentences(answer)),
    )


def listing_fields(row: Listing, clean: bool = False) -> dict[str, Any]:
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
        "kind": clip.kind,
        "creator": recording.creator.name,
        "recording": RecordingLink(
            id=recording.id,
            title=recording.title,
            url=absolute(f"/recordings/{recording.id}"),
        ),
        "visible_from_ms": row.visible_from_ms,
        "series": row.series,
        "event_kind": row.event_kind,
        "language": row.language,
        "release": row.release,
        "price_from_cents": row.price_from_cents,
        "currency": row.currency,
        "url": absolute(f"/clips/{clip.id}"),
        "files": _files(clip, clean),
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


def _files(clip: Clip, clean: bool) -> list[File]:
    """Those that the asker may fetch."""
    kinds = (*media.SEEN, AssetKind.MASTER) if clean else media.SEEN
    return [
        File(
            kind=asset.kind,
            url=absolute(media.url(asset)),
            mime=asset.mime,
            size=asset.size,
            sha256=asset.sha256,
        )
        for asset in sorted(clip.assets, key=lambda asset: asset.kind)
        if asset.kind in kinds
    ]


def _transcript(row: Transcript | None) -> TranscriptShape | None:
    return TranscriptShape.model_validate(row) if row else None


def _candidate(moment: moments.Fate) -> CandidateShape:
    row = moment.candidate
    plain = (name for name in CandidateShape.model_fields if hasattr(row, name))
    return CandidateShape(
        **{name: getattr(row, name) for name in plain},
        standing=moment.standing,
        clip_id=moment.clip.id if moment.clip else None,
        review_id=moment.review.id if moment.review else None,
    )


def _clip_link(clip: Clip) -> ClipLink:
    return ClipLink(
        id=clip.id,
        title=clip.title,
        start_ms=clip.start_ms,
        end_ms=clip.end_ms,
        score=clip.score,
        url=absolute(f"/clips/{clip.id}"),
    )
