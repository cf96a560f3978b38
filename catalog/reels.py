"""Highlight reels: which clips of a recording make one, when it is due, when it is out of date."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog import overlaps, standing
from models import job as jobs
from models.base import now_ms
from models.clip import Clip, ClipKind
from models.event import Event
from models.job import Job, JobState
from models.listing import Listing, ListingState, is_public
from models.pool import ReelPart
from models.recording import Recording, RecordingState
from models.reservation import Reservation, is_alone
from models.steps import ask

LEAST_CLIPS, LEAST_PARTS = 3, 2
LONGEST_MS = 90_000
REST_MS = 30_000
"""A creator who discards one clip often discards the next: the reel is made when it is quiet."""
CHANGED = "a clip of it changed"
AGAIN = "its clips are on sale again"


def best(clips: Sequence[Clip]) -> list[Clip]:
    """In order of time: the best that fit, none of them sharing a second with another.

    Empty where fewer than LEAST_CLIPS are given, or fewer than LEAST_PARTS fit.
    """
    if len(clips) < LEAST_CLIPS:
        return []
    chosen: list[Clip] = []
    for clip in sorted(clips, key=lambda one: (-one.score, one.start_ms, one.id)):
        fits = sum(one.length_ms for one in chosen) + clip.length_ms <= LONGEST_MS
        apart = all(clip.end_ms <= one.start_ms or clip.start_ms >= one.end_ms for one in chosen)
        if fits and apart:
            chosen.append(clip)
    return sorted(chosen, key=lambda one: one.start_ms) if len(chosen) >= LEAST_PARTS else []


def spec(parts: Sequence[Clip]) -> str:
    """The same clips are the same reel."""
    return hashlib.sha256(" ".join(["reel", *(one.id for one in parts)]).encode()).hexdigest()


def wanted(session: Session, recording_id: str) -> list[Clip]:
    """Never what somebody licensed for themselves: the reel would sell it again. Who licensed a
    reel before that has it on."""
    public = (
        select(Clip)
        .join(Listing)
        .where(
            Clip.recording_id == recording_id,
            Clip.kind == ClipKind.CLIP,
            is_public(),
            Clip.id.not_in(select(Reservation.clip_id).where(is_alone(now_ms()))),
        )
    )
    return best(session.scalars(public).all())


def parts(session: Session, reel: Clip) -> Sequence[tuple[ReelPart, Clip]]:
    """Of a clip that is no reel: none."""
    if reel.kind != ClipKind.REEL:
        return []
    rows = select(ReelPart, Clip).join(Clip, Clip.id == ReelPart.clip_id)
    found = session.execute(rows.where(ReelPart.reel_id == reel.id).order_by(ReelPart.position))
    return [(row[0], row[1]) for row in found]


def look(session: Session, recording_id: str, *, rest_ms: int = 0) -> None:
    """After anything that changed a recording's clips: the reel of those that are on sale now is
    shown or asked for, every other one goes off sale. While the recording is being worked on, only
    those go that hold what may not be shown any more. Clips that share seconds are looked at first.
    """
    overlaps.look(session, recording_id)
    recording = session.get(Recording, recording_id)
    done = recording is not None and recording.state == RecordingState.DONE
    now = wanted(session, recording_id)
    due = spec(now) if now and done else ""
    known = select(Clip).where(Clip.recording_id == recording_id, Clip.kind == ClipKind.REEL)
    for reel in session.scalars(known).all():
        if reel.spec != due and (done or not _all_on_sale(session, reel)):
            standing.turn(session, reel.id, ListingState.WITHDRAWN, CHANGED)
        elif reel.spec == due and _was_changed(session, reel):
            standing.turn(session, reel.id, ListingState.PUBLIC, AGAIN)
    if due and not _made(session, recording_id, due):
        _ask(session, recording_id, due, rest_ms)


def _all_on_sale(session: Session, reel: Clip) -> bool:
    on_sale = (
        select(Listing.clip_id)
        .join(ReelPart, ReelPart.clip_id == Listing.clip_id)
        .where(ReelPart.reel_id == reel.id, is_public())
    )
    return len(session.scalars(on_sale).all()) == len(parts(session, reel))


def _made(session: Session, recording_id: str, due: str) -> bool:
    wanted = select(Clip.id).where(Clip.recording_id == recording_id, Clip.spec == due)
    return session.scalar(wanted) is not None


def _ask(session: Session, recording_id: str, due: str, rest_ms: int) -> None:
    ask(session, "reel", recording_id, None, due)
    this = (Job.step == "reel") & (Job.subject == recording_id) & (Job.spec == due)
    # It was asked for before, and other clips took its place before it was made.
    session.execute(update(Job).where(this, Job.state == JobState.DONE).values(**jobs.afresh()))
    if rest_ms:
        ready = this & (Job.state == JobState.READY)
        session.execute(update(Job).where(ready).values(run_after_ms=now_ms() + rest_ms))


def _was_changed(session: Session, reel: Clip) -> bool:
    """Withdrawn by look(), not by a person."""
    if reel.listing is None or reel.listing.state != ListingState.WITHDRAWN:
        return False
    last = (
        select(Event)
        .where(Event.subject == reel.listing.id, Event.kind == "listing.withdrawn")
        .order_by(Event.at_ms.desc())
        .limit(1)
    )
    found = session.scalars(last).first()
    return found is not None and found.facts.get("why") == CHANGED
