"""A personal license of the clip at hand, at its usual price."""

from typing import Any

from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.offers import deals, selling
from catalog.offers.deals import Deal, Onward
from models.clip import Clip
from models.offer import Offer, OfferView

under_way = selling.under_way
NAME = "Personal license of the clip"
WHY = ""


def check(facts: dict[str, Any]) -> None:
    deals.only(facts)


def deal(
    session: Session,
    visitor: Visitor,
    offer: Offer,
    clip: Clip,
    at_ms: int,
    what: dict[str, Any] | None = None,
) -> Deal | None:
    if clip.listing is None:
        return None
    wanted = [clip.listing]
    return selling.together(wanted, selling.prices(session, visitor, wanted), 0, WHY)


def begin(session: Session, visitor: Visitor, offer: Offer, view: OfferView, deal: Deal) -> Onward:
    return selling.begin(session, visitor, offer, view, deal, WHY)
