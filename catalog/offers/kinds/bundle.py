"""What comes next in the series: the clips after this one, together at less."""

from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, contains_eager

from catalog.auth import Visitor
from catalog.offers import selling
from catalog.offers.deals import Deal, Onward
from catalog.offers.kinds import pack
from models.clip import Clip, ClipKind
from models.listing import Listing, is_public
from models.offer import Offer, OfferView
from models.recording import Recording

NAME = "Next in the series"
WHY = "Next in the series"
LOOKED_AT = 6
check = pack.check
under_way = selling.under_way


def deal(
    session: Session,
    visitor: Visitor,
    offer: Offer,
    clip: Clip,
    at_ms: int,
    what: dict[str, Any] | None = None,
) -> Deal | None:
    if what is not None:
        return pack.deal(session, visitor, offer, clip, at_ms, what)
    after = _after(session, clip)
    return pack.largest(session, visitor, after, 2, offer.facts, WHY) if after else None


def begin(session: Session, visitor: Visitor, offer: Offer, view: OfferView, deal: Deal) -> Onward:
    return selling.begin(session, visitor, offer, view, deal, WHY)


def _after(session: Session, clip: Clip) -> list[Listing]:
    """In the order in which they happened: by recording, then within it."""
    listing, of = clip.listing, clip.recording
    if listing is None or not listing.series:
        return []
    later = or_(
        Recording.created_ms > of.created_ms,
        and_(Recording.created_ms == of.created_ms, Recording.id > of.id),
        and_(Recording.id == of.id, Clip.start_ms > clip.start_ms),
    )
    wanted = (
        select(Listing)
        .join(Listing.clip)
        .options(contains_eager(Listing.clip))
        .join(Recording, Recording.id == Clip.recording_id)
        .where(
            Listing.creator_id == listing.creator_id,
            Listing.series == listing.series,
            Clip.kind == ClipKind.CLIP,
            is_public(),
            later,
        )
        .order_by(Recording.created_ms, Recording.id, Clip.start_ms, Clip.id)
        .limit(LOOKED_AT)
    )
    return list(session.scalars(wanted))
