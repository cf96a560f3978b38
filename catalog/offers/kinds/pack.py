"""A scene pack: this clip and those next to it in its recording, together at less."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager

from catalog.auth import Visitor
from catalog.offers import deals, selling
from catalog.offers.deals import UNDER_CENTS, Deal, Onward
from models.clip import Clip, ClipKind
from models.listing import Listing, is_public
from models.offer import Offer, OfferView

under_way = selling.under_way
NAME = "Scene pack"
WHY = "Scene pack"
LOOKED_AT = 12


def check(facts: dict[str, Any]) -> None:
    deals.only(facts, "percent", "most")
    deals.number(facts, "percent", 5, 90)
    deals.number(facts, "most", 2, 6)


def deal(
    session: Session,
    visitor: Visitor,
    offer: Offer,
    clip: Clip,
    at_ms: int,
    what: dict[str, Any] | None = None,
) -> Deal | None:
    if what is not None:
        rows = selling.shown_before(session, visitor, what, at_ms)
        if len(rows) < len(what["clips"]):
            return None
        known = selling.prices(session, visitor, rows)
        return selling.together(rows, known, int(what["percent"]), WHY)
    if clip.listing is None or clip.kind != ClipKind.CLIP:
        return None
    near = [clip.listing, *_near(session, clip)]
    return largest(session, visitor, near, 2, offer.facts, WHY)


def largest(
    session: Session,
    visitor: Visitor,
    wanted: list[Listing],
    least: int,
    facts: dict[str, Any],
    why: str,
) -> Deal | None:
    """As many of them, from the first on, as stay a small thing; none for fewer than `least`."""
    known = selling.prices(session, visitor, wanted, int(facts["most"]))
    can = [one for one in wanted if one.id in known]
    if not can or can[0].id != wanted[0].id:
        return None
    found = None
    for count in range(least, len(can) + 1):
        made = selling.together(can[:count], known, int(facts["percent"]), why)
        if made is None or made.cents >= UNDER_CENTS:
            break
        found = made
    return found


def begin(session: Session, visitor: Visitor, offer: Offer, view: OfferView, deal: Deal) -> Onward:
    return selling.begin(session, visitor, offer, view, deal, WHY)


def _near(session: Session, clip: Clip) -> list[Listing]:
    """Of the same recording, the nearest in time first."""
    wanted = (
        select(Listing)
        .join(Listing.clip)
        .options(contains_eager(Listing.clip))
        .where(
            Clip.recording_id == clip.recording_id,
            Clip.kind == ClipKind.CLIP,
            Clip.id != clip.id,
            is_public(),
        )
        .order_by(func.abs(Clip.start_ms - clip.start_ms), Clip.id)
        .limit(LOOKED_AT)
    )
    return list(session.scalars(wanted))
