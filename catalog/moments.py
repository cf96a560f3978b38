"""Where each moment of a recording stands: on sale, being made, discarded, not chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from catalog import entitlements
from models.analysis import Candidate
from models.clip import Clip
from models.job import Job, JobState
from models.listing import Listing
from models.recording import Recording
from models.review import Review, Verdict, factors, teaching

Standing = Literal[
    "on sale", "being made", "given up", "not public", "discarded", "replaced", "not chosen"
]


@dataclass(frozen=True)
class Fate:
    """What became of one candidate."""

    candidate: Candidate
    standing: Standing
    clip: Clip | None
    """Only where anybody may see it."""
    review: Review | None
    """The newest that was not undone."""
    note: str
    """Why it was given up, or what it waits for."""

    @property
    def start_ms(self) -> int:
        """The clip's where there is one: edges move when it is cut."""
        return self.clip.start_ms if self.clip else self.candidate.start_ms

    @property
    def end_ms(self) -> int:
        return self.clip.end_ms if self.clip else self.candidate.end_ms

    @property
    def wanted(self) -> bool:
        return self.standing in ("on sale", "being made", "given up", "not public")


@dataclass(frozen=True)
class Lesson:
    part: str
    factor: float
    choices: int


@dataclass(frozen=True)
class Taught:
    """What a creator's choices taught for one profile; it holds from the next recording on."""

    profile: str
    choices: int
    lessons: Sequence[Lesson]


@dataclass(frozen=True)
class _Made:
    """A clip's place on sale."""

    clip_id: str
    listed: bool
    public: bool
    withdrawn: bool


def moments(session: Session, recording: Recording, public: Sequence[Clip]) -> list[Fate]:
    """By rank. A person's own span that was taken back is gone."""
    shown = [one for one in recording.candidates if one.wanted or not one.exact]
    made = _made(session, recording.id)
    replaced = {one.replaces_id for one in shown if one.wanted and one.replaces_id}
    reviews = _newest_reviews(session, [one.id for one in shown])
    by_clip = {clip.id: clip for clip in public}
    jobs = _jobs(session, recording.id)
    found = []
    for one in shown:
        clip, review = made.get(one.id), reviews.get(one.id)
        job = jobs.get(clip.clip_id if clip else one.id)
        found.append(
            Fate(
                candidate=one,
                standing=_standing(one, clip, review, job, replaced),
                clip=by_clip.get(clip.clip_id) if clip else None,
                review=review,
                note=(job.error or job.waiting) if job and job.state != JobState.DONE else "",
            )
        )
    return found


def taught(session: Session, creator_id: str, profile: str) -> Taught:
    reviews = teaching(session, creator_id, profile)
    learnt = factors(session, creator_id, profile)
    lessons = [
        Lesson(part, factor, sum(1 for review in reviews if review.reasons.get(part)))
        for part, factor in learnt.items()
    ]
    # What moved farthest first, up or down.
    lessons.sort(key=lambda one: (-max(one.factor, 1 / one.factor), one.part))
    return Taught(profile, len(reviews), lessons)


def _standing(
    candidate: Candidate,
    clip: _Made | None,
    review: Review | None,
    job: Job | None,
    replaced: set[str],
) -> Standing:
    if not candidate.wanted:
        return "not chosen"
    if clip is None or not clip.listed:
        return "given up" if job and job.state == JobState.QUARANTINED else "being made"
    if not clip.withdrawn:
        return "on sale" if clip.public else "not public"
    if clip.clip_id in replaced:
        return "replaced"
    return "discarded" if review and review.verdict == Verdict.DISCARDED else "not public"


def _made(session: Session, recording_id: str) -> Mapping[str, _Made]:
    out = entitlements.in_window(entitlements.now_of(session))
    rows = session.execute(
        select(Clip.candidate_id, Clip.id, Listing.state, case((out, 1), else_=0))
        .outerjoin(Listing)
        .where(Clip.recording_id == recording_id, Clip.candidate_id.is_not(None))
    )
    return {
        candidate_id: _Made(clip_id, state is not None, bool(public), state == "withdrawn")
        for candidate_id, clip_id, state, public in rows
    }


def _newest_reviews(session: Session, candidate_ids: Sequence[str]) -> Mapping[str, Review]:
    standing = (
        select(Review)
        .where(Review.candidate_id.in_(candidate_ids), Review.undone_ms.is_(None))
        .order_by(Review.created_ms)
    )
    return {review.candidate_id: review for review in session.scalars(standing)}


def _jobs(session: Session, recording_id: str) -> Mapping[str, Job]:
    wanted = select(Job).where(Job.recording_id == recording_id, Job.step.in_(("clip", "publish")))
    return {job.subject: job for job in session.scalars(wanted)}
