"""Clips of one recording that share seconds: what one licensed alone is not sold in another."""

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from catalog import standing
from models.base import now_ms
from models.clip import Clip, ClipKind
from models.event import Event
from models.listing import Listing, ListingState
from models.reservation import Reservation, is_alone

SHARED = "it shares seconds with a clip that was licensed to one alone"
FREE = "the clip that it shares seconds with may be licensed by everybody again"


def sold_alone(
    session: Session, recording_id: str, start_ms: int, end_ms: int, but: str = ""
) -> Clip | None:
    """A clip that holds some of this span and that somebody licensed for themselves; never the
    clip `but`, which may be on sale for what its licensee has not."""
    shared = (Clip.start_ms < end_ms) & (Clip.end_ms > start_ms) & (Clip.id != but)
    found = select(Clip).where(Clip.recording_id == recording_id, shared, _is_alone(Clip.id))
    return session.scalars(found.order_by(Clip.start_ms).limit(1)).first()


def look(session: Session, recording_id: str) -> None:
    """After somebody got or lost a clip for themselves: clips that share seconds with it leave the
    sale, or come back to it. Licenses of them that were granted before go on."""
    alone, one = aliased(Clip), Clip
    shared = (alone.start_ms < one.end_ms) & (alone.end_ms > one.start_ms)
    beside = exists().where(
        alone.recording_id == recording_id,
        alone.kind == ClipKind.CLIP,
        alone.id != one.id,
        shared,
        _is_alone(alone.id),
    )
    clips = select(one.id, Listing.state, beside).join(Listing, Listing.clip_id == one.id)
    own = (one.recording_id == recording_id, one.kind == ClipKind.CLIP)
    for clip_id, state, is_beside in session.execute(clips.where(*own)).all():
        if is_beside and state == ListingState.PUBLIC:
            standing.turn(session, clip_id, ListingState.WITHDRAWN, SHARED)
        elif not is_beside and state == ListingState.WITHDRAWN and _was_ours(session, clip_id):
            standing.turn(session, clip_id, ListingState.PUBLIC, FREE)


def _is_alone(clip_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    return clip_id.in_(select(Reservation.clip_id).where(is_alone(now_ms())))


def _was_ours(session: Session, clip_id: str) -> bool:
    """Withdrawn by look(), not by a person."""
    last = (
        select(Event)
        .join(Listing, Listing.id == Event.subject)
        .where(Listing.clip_id == clip_id, Event.kind == "listing.withdrawn")
        .order_by(Event.at_ms.desc())
        .limit(1)
    )
    found = session.scalars(last).first()
    return found is not None and found.facts.get("why") == SHARED
