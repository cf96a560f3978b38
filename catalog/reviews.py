"""What a creator does with moments and clips: promote, keep, trim, discard, and take it back."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from catalog import entitlements, listings, overlaps
from catalog.errors import NotFound, Refusal
from catalog.times import written
from catalog.web.words import moment
from models import event
from models import review as learning
from models.analysis import Analysis, Candidate
from models.base import now_ms
from models.clip import Clip
from models.job import Job, JobState, afresh
from models.listing import Listing
from models.recording import Recording, RecordingState, held, settle
from models.reservation import FOREVER_MS, Reservation, is_alone
from models.review import Review, Verdict
from models.steps import ask

SHORTEST_MS = 1_000
"""Of a person's own span. The settings' limits are for the ranking: a person knows."""
ALONE = (
    "Somebody licensed this clip for themselves, and a trimmed form would be sold beside it. "
    "Nothing was changed."
)


def promote(session: Session, candidate_id: str) -> Review:
    """A rejected moment becomes a clip. A second time is nothing new."""
    candidate, recording = _candidate(session, candidate_id)
    if candidate.chosen:
        raise Refusal("This moment is a clip already.")
    _check_free(session, recording.id, candidate.start_ms, candidate.end_ms)
    return _wanted(session, recording, candidate)


def ask_for(session: Session, recording_id: str, start_ms: int, end_ms: int) -> Review:
    """A clip of exactly this span. Asked for twice, it is one clip."""
    recording = _recording(session, recording_id)
    _check_span(recording, start_ms, end_ms)
    _check_free(session, recording.id, start_ms, end_ms)
    return _wanted(session, recording, _own(session, recording, start_ms, end_ms))


def keep(session: Session, clip_id: str) -> Review:
    candidate, recording, standing = _on_sale(session, clip_id)
    if standing and standing[-1].verdict == Verdict.KEPT:
        return standing[-1]
    return _noted(session, recording, candidate, Verdict.KEPT)


def trim(session: Session, clip_id: str, start_ms: int, end_ms: int) -> Review:
    """A new clip of the same moment; the old one stays on sale until the new one is."""
    replaced, recording, _ = _on_sale(session, clip_id)
    _check_span(recording, start_ms, end_ms)
    alone_ms = _alone_until(session, clip_id)
    if alone_ms is not None:
        raise Refusal(f"{ALONE} {_until(alone_ms)}", code="exclusive_sold", next_free_ms=alone_ms)
    old = session.get_one(Clip, clip_id)
    if (old.start_ms, old.end_ms) == (start_ms, end_ms):
        raise Refusal("The clip begins and ends there already. Move one of its edges first.")
    candidate = _own(session, recording, start_ms, end_ms)
    if candidate.asked_ms is not None:
        raise Refusal("There is a clip of exactly these edges already.")
    candidate.replaces_id = clip_id
    if start_ms <= replaced.peak_ms < end_ms:
        candidate.score, candidate.reasons = old.score, old.reasons
        candidate.peak_ms = replaced.peak_ms
    return _asked(session, recording, candidate, Verdict.TRIMMED)


def discard(session: Session, clip_id: str) -> Review:
    """Off sale at once."""
    candidate, recording, standing = _on_sale(session, clip_id, or_discarded=True)
    if standing and standing[-1].verdict == Verdict.DISCARDED:
        return standing[-1]
    listings.withdraw(session, clip_id, "discarded")
    return _noted(session, recording, candidate, Verdict.DISCARDED)


def undo(session: Session, review_id: str) -> Review:
    """As if it had not been: what it took off sale returns, what it made goes."""
    review = session.get(Review, review_id)
    if review is None:
        raise NotFound("There is nothing to undo at this address.")
    candidate, recording = _candidate(session, review.candidate_id)
    session.refresh(review)
    if review.undone_ms is not None:
        return review
    after = [one for one in _standing(session, candidate) if one.created_ms > review.created_ms]
    if any(one.verdict != Verdict.KEPT for one in after):
        raise Refusal("Something newer was done with this clip. Undo that first.")
    if review.verdict == Verdict.DISCARDED and candidate.clip:
        clip = candidate.clip
        _check_free(session, recording.id, clip.start_ms, clip.end_ms, clip.id)
        listings.restore(session, clip.id, "discard undone")
    elif review.verdict in (Verdict.PROMOTED, Verdict.TRIMMED):
        _take_back(session, recording, candidate)
    for one in (review, *after):
        one.undone_ms = _now(session)
    event.record(session, "review.undone", review.id, verdict=review.verdict)
    return review


def forget(session: Session, creator_id: str, profile: str) -> int:
    """What the creator's choices taught for this profile; answers when, for recall()."""
    at_ms = learning.forget(session, creator_id, profile)
    event.record(session, "reviews.forgotten", creator_id, profile=profile)
    return at_ms


def recall(session: Session, creator_id: str, profile: str, at_ms: int) -> None:
    learning.recall(session, creator_id, profile, at_ms)
    event.record(session, "reviews.recalled", creator_id, profile=profile)


def take_place(session: Session, clip_id: str) -> None:
    """For a clip that was just published: the one it replaces goes.

    If it was taken back while it was made, it goes itself.
    """
    clip = session.get_one(Clip, clip_id)
    held(session, clip.recording_id)
    if clip.candidate_id is None:
        return
    candidate = session.get_one(Candidate, clip.candidate_id, populate_existing=True)
    if not candidate.wanted:
        listings.withdraw(session, clip_id, "taken back")
    elif candidate.replaces_id and _alone_until(session, candidate.replaces_id):
        listings.withdraw(session, clip_id, "what it was trimmed from was licensed to one alone")
    elif candidate.replaces_id:
        listings.withdraw(session, candidate.replaces_id, "replaced by its trimmed form")


def _alone_until(session: Session, clip_id: str) -> int | None:
    """The end of what somebody has of this clip for themselves; None where nobody has."""
    kept = select(func.max(Reservation.until_ms)).where(Reservation.clip_id == clip_id)
    return session.scalar(kept.where(is_alone(now_ms())))


def _until(alone_ms: int) -> str:
    if alone_ms >= FOREVER_MS:
        return "That does not end."
    return f"It can be trimmed from {moment(alone_ms)}."


def _recording(session: Session, recording_id: str) -> Recording:
    """Locked until the transaction ends: what is done to one recording is done in turn."""
    recording = held(session, recording_id)
    if recording is None:
        raise NotFound("There is no recording at this address.")
    if recording.state == RecordingState.REJECTED:
        raise Refusal("This recording was refused, so no clip can be made of it.")
    if recording.probe is None or not recording.duration_ms:
        raise Refusal("This recording is still being read. Ask again when its length is known.")
    return recording


def _candidate(session: Session, candidate_id: str) -> tuple[Candidate, Recording]:
    found = session.get(Candidate, candidate_id)
    if found is None:
        raise NotFound("There is no such moment.")
    recording = _recording(session, found.recording_id)
    session.refresh(found)
    return found, recording


def _on_sale(
    session: Session, clip_id: str, *, or_discarded: bool = False
) -> tuple[Candidate, Recording, Sequence[Review]]:
    clip = session.get(Clip, clip_id)
    if clip is None or clip.candidate_id is None:
        raise NotFound("There is no clip at this address that could be reviewed.")
    candidate, recording = _candidate(session, clip.candidate_id)
    standing = _standing(session, candidate)
    discarded = bool(standing) and standing[-1].verdict == Verdict.DISCARDED
    out = entitlements.in_window(_now(session))
    seen = select(Listing.id).where(Listing.clip_id == clip_id, out)
    if session.scalar(seen) is None and not (or_discarded and discarded):
        raise NotFound("There is no clip at this address, or it is not on sale now.")
    if _replacement(session, clip):
        raise Refusal("A trimmed form of this clip is being made. Undo the trim first.")
    return candidate, recording, standing


def _check_span(recording: Recording, start_ms: int, end_ms: int) -> None:
    length_ms = recording.duration_ms or 0
    if start_ms < 0 or end_ms > length_ms:
        raise Refusal(f"This recording goes from 0:00 to {written(length_ms)}; stay inside it.")
    if start_ms >= end_ms:
        raise Refusal("The start lies at or after the end. Exchange the two times.")
    if end_ms - start_ms < min(SHORTEST_MS, length_ms):
        raise Refusal("A clip lasts one second at least. Move its start or its end.")


def _check_free(
    session: Session, recording_id: str, start_ms: int, end_ms: int, but: str = ""
) -> None:
    sold = overlaps.sold_alone(session, recording_id, start_ms, end_ms, but)
    if sold is None:
        return
    from_ms, to_ms = max(start_ms, sold.start_ms), min(end_ms, sold.end_ms)
    raise Refusal(
        f"{written(from_ms)} to {written(to_ms)} is part of a clip that somebody licensed for "
        f"themselves. Choose a span without it.",
        code="exclusive_sold",
        next_free_ms=_alone_until(session, sold.id),
    )


def _own(session: Session, recording: Recording, start_ms: int, end_ms: int) -> Candidate:
    """The candidate of a person's own span, made where there is none.

    It is worth what the best moment that it holds is worth, and nothing where there is none:
    nobody measured this very span.
    """
    ranked = session.scalars(
        select(Candidate).where(Candidate.recording_id == recording.id).order_by(Candidate.rank)
    ).all()
    for one in ranked:
        if one.exact and (one.start_ms, one.end_ms) == (start_ms, end_ms):
            return one
    inside = [one for one in ranked if not one.exact and start_ms <= one.peak_ms < end_ms]
    best = max(inside, key=lambda one: one.score, default=None)
    made = Candidate(
        recording_id=recording.id,
        rank=max((one.rank for one in ranked), default=-1) + 1,
        start_ms=start_ms,
        end_ms=end_ms,
        peak_ms=best.peak_ms if best else (start_ms + end_ms) // 2,
        score=best.score if best else 0.0,
        reasons=best.reasons if best else {},
        chosen=False,
        exact=True,
    )
    session.add(made)
    session.flush()
    return made


def _wanted(session: Session, recording: Recording, candidate: Candidate) -> Review:
    """Asked for, asked for again, or wanted back."""
    standing = _standing(session, candidate)
    if candidate.asked_ms is None or not standing:
        candidate.replaces_id = None
        return _asked(session, recording, candidate, Verdict.PROMOTED)
    if standing[-1].verdict == Verdict.DISCARDED:
        return undo(session, standing[-1].id)
    if _replacement(session, candidate.clip):
        raise Refusal("The clip of this span was trimmed. Undo the trim to have it back.")
    _ask_unless_made(session, recording, candidate)
    return standing[0]


def _asked(
    session: Session, recording: Recording, candidate: Candidate, verdict: Verdict
) -> Review:
    candidate.asked_ms = _now(session)
    session.flush()
    if _ask_unless_made(session, recording, candidate) and candidate.clip:
        listings.restore(session, candidate.clip.id, "asked for again")
        take_place(session, candidate.clip.id)
    return _noted(session, recording, candidate, verdict)


def _ask_unless_made(session: Session, recording: Recording, candidate: Candidate) -> bool:
    """Whether its clip is listed; where it is not, that is asked for."""
    clip = candidate.clip
    if clip is None:
        _work(session, recording, "clip", candidate.id)
    elif clip.listing is None:
        _work(session, recording, "publish", clip.id)
    return clip is not None and clip.listing is not None


def _work(session: Session, recording: Recording, step: str, subject: str) -> None:
    """Ask for the step; where it had ended without effect, ask anew."""
    ask(session, step, subject, recording.id)
    session.execute(
        update(Job)
        .where(
            Job.step == step,
            Job.subject == subject,
            Job.state.in_((JobState.DONE, JobState.QUARANTINED, JobState.DROPPED)),
        )
        .values(**afresh(), created_ms=now_ms(), started_ms=None)
    )
    _works_again(recording)


def _works_again(recording: Recording) -> None:
    if recording.state == RecordingState.QUARANTINED:
        recording.reason = ""  # of what was given up; what the scout said stays true
    if recording.state != RecordingState.WORKING:
        recording.state, recording.done_ms = RecordingState.WORKING, None


def _take_back(session: Session, recording: Recording, candidate: Candidate) -> None:
    clip = candidate.clip
    if clip is not None and _replacement(session, clip):
        raise Refusal("A trimmed form has taken the place of this clip. Undo the trim first.")
    candidate.asked_ms = None
    _drop_given_up(session, recording, candidate)
    if clip is None or not listings.withdraw(session, clip.id, "taken back"):
        return
    if candidate.replaces_id:
        listings.restore(session, candidate.replaces_id, "trim undone")


def _drop_given_up(session: Session, recording: Recording, candidate: Candidate) -> None:
    """Nobody waits for it any longer, so it is no fault of the recording."""
    subjects = [candidate.id, *([candidate.clip.id] if candidate.clip else [])]
    dropped = session.execute(
        update(Job)
        .where(
            Job.recording_id == recording.id,
            Job.subject.in_(subjects),
            Job.state == JobState.QUARANTINED,
        )
        .values(state=JobState.DROPPED)
        .returning(Job.id)
    ).all()
    if dropped:
        _works_again(recording)
        session.flush()
        settle(session, recording.id)


def _replacement(session: Session, clip: Clip | None) -> Candidate | None:
    """The wanted candidate that takes this clip's place."""
    if clip is None:
        return None
    wanted = select(Candidate).where(
        Candidate.replaces_id == clip.id, Candidate.asked_ms.is_not(None)
    )
    return session.scalars(wanted).first()


def _standing(session: Session, candidate: Candidate) -> Sequence[Review]:
    """Oldest first."""
    wanted = select(Review).where(Review.candidate_id == candidate.id, Review.undone_ms.is_(None))
    return session.scalars(wanted.order_by(Review.created_ms)).all()


def _noted(
    session: Session, recording: Recording, candidate: Candidate, verdict: Verdict
) -> Review:
    analysis = session.get(Analysis, recording.id)
    standing = _standing(session, candidate)
    review = Review(
        creator_id=recording.creator_id,
        profile=analysis.profile if analysis else "auto",
        candidate_id=candidate.id,
        verdict=verdict,
        score=candidate.score,
        reasons=candidate.reasons,
        # Their order decides what can be undone, so no two are of one millisecond.
        created_ms=max([_now(session), *(one.created_ms + 1 for one in standing)]),
    )
    session.add(review)
    session.flush()
    event.record(
        session,
        f"moment.{verdict}",
        candidate.id,
        review=review.id,
        recording=recording.id,
        clip=candidate.clip.id if candidate.clip else candidate.replaces_id,
    )
    return review


def _now(session: Session) -> int:
    return session.scalar(select(now_ms())) or 0
