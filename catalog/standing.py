"""Whether a listing is on sale, and what has to hear of a change."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import search
from models import event
from models.base import new_id, now_ms
from models.listing import Listing, ListingState
from models.pool import Pool
from models.steps import ask


def turn(session: Session, clip_id: str, to: ListingState, why: str) -> Listing | None:
    """Put on sale or taken off; None where it was so, or there is no listing. Reels are not told:
    `listings.withdraw` and `restore` do that."""
    listing = session.scalars(select(Listing).filter_by(clip_id=clip_id)).one_or_none()
    if listing is None or listing.state == to:
        return None
    listing.state = to
    search.describe(listing, listing.clip)
    search.put(session, listing)
    kind = "listing.withdrawn" if to == ListingState.WITHDRAWN else "listing.restored"
    event.record(session, kind, listing.id, clip_id=clip_id, why=why)
    find_pools(session, listing)
    return listing


def find_pools(session: Session, listing: Listing) -> None:
    """By a job, where there is a pool at all: publishing waits for no rule. What waits for its
    day comes into none before it."""
    waits = listing.visible_from_ms > (session.scalar(select(now_ms())) or 0)
    if listing.state == ListingState.PUBLIC and waits:
        ask(session, "route", listing.id, None, new_id(), run_after_ms=listing.visible_from_ms)
        return
    open_one = select(Pool.id).where(Pool.closed_ms.is_(None)).limit(1)
    if listing.clip.recording.sidecar.get("pool") or session.scalar(open_one) is not None:
        ask(session, "route", listing.id, None, spec=new_id())
