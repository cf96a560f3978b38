"""A tip for the creator. It buys nothing, and says so."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.members import billing
from catalog.members.oneclick import LEAST_TIP
from catalog.offers import deals
from catalog.offers.deals import UNDER_CENTS, Deal, Onward, Way
from models.clip import Clip
from models.membership import Charge, ChargeState
from models.offer import Offer, OfferView
from models.settings import settings

NAME = "Tip"
LIVE = (ChargeState.ASKED, ChargeState.PAID, ChargeState.REFUNDED)


def check(facts: dict[str, Any]) -> None:
    deals.only(facts, "cents")
    deals.number(facts, "cents", LEAST_TIP, UNDER_CENTS - 1)


def deal(
    session: Session,
    visitor: Visitor,
    offer: Offer,
    clip: Clip,
    at_ms: int,
    what: dict[str, Any] | None = None,
) -> Deal | None:
    if visitor.account_id is None:
        return None
    creator = clip.recording.creator
    gives = (f"All of it is a tip for {creator.name}", "It buys nothing and renews nothing")
    return Deal(int(offer.facts["cents"]), settings().currency, gives, {"creator": creator.id})


def under_way(session: Session, visitor: Visitor, view: OfferView) -> Onward | None:
    """What is asked for already is not asked for again, however late its answer is."""
    charge = charge_of(session, visitor, view)
    if charge is None:
        return None
    return lambda: Way(view.id, billing.open_page(visitor, charge.id).url)


def begin(session: Session, visitor: Visitor, offer: Offer, view: OfferView, deal: Deal) -> Onward:
    creator_id = str(deal.what["creator"])

    def pay() -> Way:
        way = billing.tip(visitor, creator_id, deal.cents, deal.currency, view.id)
        return Way(view.id, way.url)

    return pay


def charge_of(session: Session, visitor: Visitor, view: OfferView) -> Charge | None:
    """The newest that this view led to and that did not fail."""
    wanted = select(Charge).where(
        Charge.account_id == visitor.account_id,
        Charge.offer_view_id == view.id,
        Charge.state.in_(LIVE),
    )
    return session.scalars(wanted.order_by(Charge.created_ms.desc())).first()
