"""The creator's desk: what came in, how far it is, what was found in it and what was not chosen."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, defer, joinedload, selectinload

from catalog import entitlements, jobs, moments
from catalog.auth import Visitor
from catalog.desks import owned
from catalog.errors import BadRequest, NotFound
from catalog.listings import is_public
from catalog.moments import Fate, Taught
from models.analysis import Analysis, PictureChunk
from models.base import now_ms
from models.clip import Asset, AssetKind, Clip, ClipKind
from models.job import Job
from models.listing import Listing
from models.recording import Recording, RecordingState, RenditionChunk


@dataclass(frozen=True)
class Row:
    recording: Recording
    progress: jobs.Progress
    clips: int
    """On sale now."""
    poster: Asset | None
    """Of its best clip."""


@dataclass(frozen=True)
class Desk:
    rows: Sequence[Row]
    total: int
    next_cursor: str | None

    @property
    def working(self) -> bool:
        return any(row.recording.state == RecordingState.WORKING for row in self.rows)


@dataclass(frozen=True)
class Detail:
    """Only public clips are in `clips`; of the others one learns how many they are."""

    recording: Recording
    progress: jobs.Progress
    clips: Sequence[Clip]
    held: int
    """Those that nobody took off sale: embargoed, or withdrawn by the operator."""
    moments: Sequence[Fate]
    taught: Taught
    seen: int
    """Picture chunks that were looked at so far."""

    @property
    def poster(self) -> Asset | None:
        """Of its best clip."""
        posters = (clip.asset(AssetKind.POSTER) for clip in sorted(self.clips, key=_best_first))
        return next((poster for poster in posters if poster), None)

    @property
    def reviewed(self) -> Sequence[Fate]:
        """Those that are or were a clip, in order of time."""
        shown = [one for one in self.moments if one.standing not in ("not chosen", "replaced")]
        return sorted(shown, key=lambda one: (one.start_ms, one.candidate.rank))

    @property
    def unranked(self) -> Sequence[Clip]:
        """Clips on sale of which no moment is known."""
        known = {one.clip.id for one in self.moments if one.clip}
        return [clip for clip in self.clips if clip.id not in known]


def desk(session: Session, visitor: Visitor, *, cursor: str | None = None, limit: int = 50) -> Desk:
    """The visitor's own, newest first. Raises BadRequest for a cursor that isn't ours."""
    mine = owned(visitor)
    wanted = select(Recording).where(mine).options(joinedload(Recording.creator))
    wanted = wanted.order_by(Recording.created_ms.desc(), Recording.id.desc())
    if cursor:
        wanted = _after(wanted, cursor)
    found = list(session.scalars(wanted.limit(limit + 1)))
    more, found = len(found) > limit, found[:limit]
    ids = [recording.id for recording in found]
    work, clips, posters = (
        _progress(session, ids),
        _public_clips(session, ids),
        _posters(session, ids),
    )
    return Desk(
        rows=[Row(r, work[r.id], clips.get(r.id, 0), posters.get(r.id)) for r in found],
        total=session.scalar(select(func.count()).select_from(Recording).where(mine)) or 0,
        next_cursor=f"{found[-1].created_ms}~{found[-1].id}" if more else None,
    )


def get(session: Session, recording_id: str) -> Detail:
    """Raises NotFound."""
    wanted = (
        select(Recording)
        .where(Recording.id == recording_id)
        .options(
            joinedload(Recording.creator),
            # Of 12 hours these are megabytes: whoever draws them loads them.
            joinedload(Recording.analysis).options(defer(Analysis.curve), defer(Analysis.words)),
            selectinload(Recording.candidates),
            selectinload(Recording.chunks).defer(RenditionChunk.segments),
        )
    )
    recording = session.scalars(wanted).one_or_none()
    if recording is None:
        raise NotFound("There is no recording at this address.")
    out = entitlements.in_window(entitlements.now_of(session))
    clips = session.scalars(
        select(Clip)
        .join(Listing)
        .where(Clip.recording_id == recording_id, Clip.kind == ClipKind.CLIP, out)
        .order_by(Clip.start_ms)
        .options(selectinload(Clip.assets), joinedload(Clip.listing), joinedload(Clip.transcript))
    ).all()
    found = moments.moments(session, recording, clips)
    profile = recording.analysis.profile if recording.analysis else "auto"
    return Detail(
        recording=recording,
        progress=_progress(session, [recording_id])[recording_id],
        clips=clips,
        held=_held(session, recording_id, found),
        moments=found,
        taught=moments.taught(session, recording.creator_id, profile),
        seen=_seen(session, recording_id),
    )


def with_chunks(session: Session, recording_id: str) -> Recording:
    """What its playlists are made of. Raises NotFound."""
    wanted = select(Recording).where(Recording.id == recording_id)
    found = session.scalars(wanted.options(selectinload(Recording.chunks))).one_or_none()
    if found is None:
        raise NotFound("There is no recording at this address.")
    return found


def _seen(session: Session, recording_id: str) -> int:
    counted = select(func.count()).select_from(PictureChunk)
    return session.scalar(counted.where(PictureChunk.recording_id == recording_id)) or 0


def _held(session: Session, recording_id: str, found: Sequence[Fate]) -> int:
    unmade = (
        select(Clip.id)
        .outerjoin(Listing)
        .where(Clip.recording_id == recording_id, Clip.kind == ClipKind.CLIP)
    )
    out = entitlements.in_window(entitlements.now_of(session))
    unlisted = unmade.where(Clip.candidate_id.is_(None), or_(Listing.id.is_(None), ~out))
    without = session.scalar(select(func.count()).select_from(unlisted.subquery())) or 0
    return without + sum(one.standing == "not public" for one in found)


def _progress(session: Session, recording_ids: Sequence[str]) -> dict[str, jobs.Progress]:
    now = session.scalar(select(now_ms())) or 0
    found: dict[str, list[Job]] = {recording_id: [] for recording_id in recording_ids}
    wanted = select(Job).where(Job.recording_id.in_(recording_ids))
    for job in session.scalars(wanted.order_by(Job.created_ms, Job.priority, Job.id)):
        found[job.recording].append(job)
    return {recording_id: jobs.progress(work, now) for recording_id, work in found.items()}


def _public_clips(session: Session, recording_ids: Sequence[str]) -> dict[str, int]:
    counted = (
        select(Clip.recording_id, func.count())
        .join(Listing)
        .where(is_public(), Clip.kind == ClipKind.CLIP, Clip.recording_id.in_(recording_ids))
        .group_by(Clip.recording_id)
    )
    return {row[0]: row[1] for row in session.execute(counted)}


def _posters(session: Session, recording_ids: Sequence[str]) -> dict[str, Asset]:
    worst_first = (
        select(Asset)
        .join(Clip, Asset.clip_id == Clip.id)
        .join(Listing)
        .where(is_public(), Asset.kind == AssetKind.POSTER, Clip.recording_id.in_(recording_ids))
        .order_by(Clip.score, Clip.id.desc())
    )
    return {poster.recording_id: poster for poster in session.scalars(worst_first)}


def _after(wanted: Select[Recording], cursor: str) -> Select[Recording]:
    found = re.fullmatch(r"(\d{1,18})~([0-9a-f]{32})", cursor, re.ASCII)
    if not found:
        raise BadRequest("The page mark in this address is damaged. Start from the first page.")
    at, last_id = int(found[1]), found[2]
    earlier = (Recording.created_ms == at) & (Recording.id < last_id)
    return wanted.where(or_(Recording.created_ms < at, earlier))


def _best_first(clip: Clip) -> tuple[float, str]:
    return (-clip.score, clip.id)
