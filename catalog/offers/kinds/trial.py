"""A tier on trial: what it costs after it, and from when, stands beside it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.errors import BadRequest
from catalog.members import billing, tiers
from catalog.members.joining import LONGEST_TRIAL_DAYS
from catalog.offers import deals
from catalog.offers.deals import UNDER_CENTS, Deal, Onward, Way
from catalog.offers.kinds import tip
from catalog.uses import DAY_MS
from catalog.web.words import counted, moment, money
from models.clip import Clip
from models.creator import Creator
from models.membership import Membership, MembershipState, Period, Tier
from models.offer import Offer, OfferView

NAME = "Trial of a tier"
LEAST_DAYS = 3
under_way = tip.under_way


def check(facts: dict[str, Any]) -> None:
    deals.only(facts, "tier", "days")
    deals.number(facts, "days", LEAST_DAYS, LONGEST_TRIAL_DAYS)
    if not isinstance(facts.get("tier"), str) or not facts["tier"]:
        raise BadRequest("Tier: one of your tiers.")


def deal(
    session: Session,
    visitor: Visitor,
    offer: Offer,
    clip: Clip,
    at_ms: int,
    what: dict[str, Any] | None = None,
) -> Deal | None:
    creator = session.get_one(Creator, offer.creator_id)
    if visitor.account_id is None or creator.members_ms is None or at_ms < creator.members_ms:
        return None
    tier = _tier(session, offer, at_ms)
    if tier is None or _was_member(session, visitor, offer.creator_id):
        return None
    days = int(offer.facts["days"])
    price = money(tier.month_cents, tier.currency)
    return Deal(
        cents=tier.month_cents,
        currency=tier.currency,
        gives=(f"{tier.name}: {tier.summary}", f"{counted(days, 'day')} without a charge"),
        what={"tier": tier.id, "days": days},
        now_cents=0,
        renews=f"{price} {tier.currency} on {moment(at_ms + days * DAY_MS)}, then every month. "
        "Leave before that day and nothing is charged.",
    )


def begin(session: Session, visitor: Visitor, offer: Offer, view: OfferView, deal: Deal) -> Onward:
    tier_id, days = str(deal.what["tier"]), int(deal.what["days"])

    def join() -> Way:
        way = billing.join(
            visitor,
            tier_id,
            Period.MONTH,
            cents=deal.cents,
            currency=deal.currency,
            trial_days=days,
            offer_view_id=view.id,
        )
        return Way(view.id, way.url)

    return join


def too_dear(session: Session, creator_id: str, key: str) -> str:
    """Why a trial of this tier is shown to nobody; empty where it may be."""
    found = next((one for one in tiers.current(session, creator_id) if one.key == key), None)
    if found is None or found.month_cents < UNDER_CENTS:
        return ""
    price, most = (money(one, found.currency) for one in (found.month_cents, UNDER_CENTS))
    return (
        f"{found.name} costs {price} a month, and what costs {most} or more is no small thing: "
        "nobody is shown a trial of it. Choose a smaller tier."
    )


def _tier(session: Session, offer: Offer, at_ms: int) -> Tier | None:
    found = tiers.joinable(session, offer.creator_id, at_ms)
    return next((one for one in found if one.key == offer.facts["tier"]), None)


def _was_member(session: Session, visitor: Visitor, creator_id: str) -> bool:
    """Or is one: trials are for who has not been here."""
    wanted = select(Membership.id).where(
        Membership.account_id == visitor.account_id,
        Membership.creator_id == creator_id,
        Membership.state != MembershipState.PENDING,
        Membership.joined_ms.is_not(None),
    )
    return session.scalars(wanted.limit(1)).first() is not None
