"""What a creator does with moments and clips, for programs."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from catalog import desks, recordings, reviews, wording
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS
from catalog.auth import Visitor
from models.analysis import Candidate
from models.base import unit_of_work
from models.review import Review, Verdict

WRITE = "recordings:write"
router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["Recordings"])
Writer = Annotated[Visitor, scope(WRITE)]
Id = Annotated[str, Path(max_length=40)]
Ms = Annotated[int, Field(ge=0, le=10**12)]


class Span(BaseModel):
    """Milliseconds of the recording."""

    model_config = ConfigDict(extra="forbid")

    start_ms: Ms
    end_ms: Ms


class Recalled(BaseModel):
    model_config = ConfigDict(extra="forbid")

    forgotten_ms: Annotated[int, Field(ge=0, le=10**15, description="As `forget` answered it")]


class Words(BaseModel):
    """All of a clip's own words; what is left out of `tags` is taken off."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(max_length=1_000)]
    tags: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=100)]


class WordsShape(Words):
    clip_id: str


class ReviewShape(BaseModel):
    """What was done; its id takes it back."""

    id: str
    verdict: Verdict
    recording_id: str
    candidate_id: str
    clip_id: str | None = Field(description="Of the clip, once it is made")
    start_ms: int
    end_ms: int
    created_ms: int
    undone_ms: int | None


class Forgotten(BaseModel):
    profile: str = Field(description="The kind of recording that it was taught for")
    forgotten_ms: int


@router.post(
    "/recordings/{recording_id}/clips", status_code=202, summary="Ask for a clip of a span"
)
def ask_for_clip(visitor: Writer, recording_id: Id, span: Span) -> ReviewShape:
    """Of exactly these edges; asked for twice, it is one clip. It is on sale once it is made."""
    with unit_of_work(visitor.actor) as session:
        desks.needs_that(session, visitor, "recording", recording_id, WRITE)
        return _shape(session, reviews.ask_for(session, recording_id, span.start_ms, span.end_ms))


@router.post("/moments/{candidate_id}/promote", status_code=202, summary="Make a clip of a moment")
def promote_moment(visitor: Writer, candidate_id: Id) -> ReviewShape:
    """Of one that was not chosen; or again, of one whose clip was discarded or given up."""
    with unit_of_work(visitor.actor) as session:
        desks.needs_that(session, visitor, "candidate", candidate_id, WRITE)
        return _shape(session, reviews.promote(session, candidate_id))


@router.post("/clips/{clip_id}/keep", summary="Say that a clip is good")
def keep_clip(visitor: Writer, clip_id: Id) -> ReviewShape:
    """It changes nothing but what is learnt."""
    with unit_of_work(visitor.actor) as session:
        desks.needs_that(session, visitor, "clip", clip_id, WRITE)
        return _shape(session, reviews.keep(session, clip_id))


@router.post("/clips/{clip_id}/discard", summary="Take a clip off sale")
def discard_clip(visitor: Writer, clip_id: Id) -> ReviewShape:
    """At once; licenses that were sold stay."""
    with unit_of_work(visitor.actor) as session:
        desks.needs_that(session, visitor, "clip", clip_id, WRITE)
        return _shape(session, reviews.discard(session, clip_id))


@router.post("/clips/{clip_id}/trim", status_code=202, summary="Move a clip's edges")
def trim_clip(visitor: Writer, clip_id: Id, span: Span) -> ReviewShape:
    """A new clip takes its place; the old one stays on sale until the new one is."""
    with unit_of_work(visitor.actor) as session:
        desks.needs_that(session, visitor, "clip", clip_id, WRITE)
        return _shape(session, reviews.trim(session, clip_id, span.start_ms, span.end_ms))


@router.put("/clips/{clip_id}/words", summary="Say what a clip is called and found by")
def reword_clip(visitor: Writer, clip_id: Id, said: Words) -> WordsShape:
    """Searches and pools know it at once; signed files and certificates keep what they say."""
    with unit_of_work(visitor.actor) as session:
        desks.needs_that(session, visitor, "clip", clip_id, WRITE)
        clip = wording.reword(session, clip_id, said.title, said.tags)
        return WordsShape(clip_id=clip.id, title=clip.title, tags=clip.tags)


@router.post("/reviews/{review_id}/undo", summary="Take back what was done with a clip")
def undo_review(visitor: Writer, review_id: Id) -> ReviewShape:
    """What it took off sale returns, what it made goes. The newest comes first."""
    with unit_of_work(visitor.actor) as session:
        desks.needs_that(session, visitor, "review", review_id, WRITE)
        return _shape(session, reviews.undo(session, review_id))


@router.post("/recordings/{recording_id}/forget", summary="Forget what your choices taught")
def forget_lessons(visitor: Writer, recording_id: Id) -> Forgotten:
    """For recordings of this one's kind, from the next one on."""
    with unit_of_work(visitor.actor) as session:
        desks.needs_that(session, visitor, "recording", recording_id, WRITE)
        creator_id, profile = _taught(session, recording_id)
        at_ms = reviews.forget(session, creator_id, profile)
        return Forgotten(profile=profile, forgotten_ms=at_ms)


@router.post("/recordings/{recording_id}/recall", summary="Undo a forget")
def recall_lessons(visitor: Writer, recording_id: Id, asked: Recalled) -> Forgotten:
    with unit_of_work(visitor.actor) as session:
        desks.needs_that(session, visitor, "recording", recording_id, WRITE)
        creator_id, profile = _taught(session, recording_id)
        reviews.recall(session, creator_id, profile, asked.forgotten_ms)
        return Forgotten(profile=profile, forgotten_ms=asked.forgotten_ms)


def _taught(session: Session, recording_id: str) -> tuple[str, str]:
    found = recordings.get(session, recording_id)
    return found.recording.creator_id, found.taught.profile


def _shape(session: Session, row: Review) -> ReviewShape:
    candidate = session.get_one(Candidate, row.candidate_id)
    return ReviewShape(
        id=row.id,
        verdict=row.verdict,
        recording_id=candidate.recording_id,
        candidate_id=candidate.id,
        clip_id=candidate.clip.id if candidate.clip else None,
        start_ms=candidate.start_ms,
        end_ms=candidate.end_ms,
        created_ms=row.created_ms,
        undone_ms=row.undone_ms,
    )
