"""Trials that whoever reads the page to join can begin there.

They are the creator's offers of a trial, told to everybody who was not a member before: also to who
refused the small card of it, or is held back from it for comparison. Here one asked oneself, and
what the card adds is measured against a page that is the same for all.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.entitlements import now_of
from catalog.errors import Refusal
from catalog.members import advancing, periods, tiers, tried
from catalog.offers import choosing
from catalog.offers.deals import UNDER_CENTS
from models.creator import Creator
from models.membership import Membership, Period, Tier

KIND = "trial"


@dataclass(frozen=True)
class Trial:
    days: int
    until_ms: int
    """Begun now; the first payment is due then."""
    remind_ms: int | None
    """When a mail tells of that payment; None: so short a trial is told of as it begins."""


def of_creator(
    session: Session, visitor: Visitor, creator: Creator, at_ms: int
) -> dict[str, Trial]:
    """By the id of the tier, paid by the month; the longest where there are several."""
    if visitor.works_for(creator.id) or _was_member(session, visitor, creator.id):
        return {}
    return _offered(session, creator, at_ms)


def needs(session: Session, tier_id: str, period: Period, days: int) -> None:
    """What the page said is still so; who may try is asked by catalog.members.joining. Raises
    Refusal where it is not."""
    tier = session.get(Tier, tier_id)
    creator = session.get(Creator, tier.creator_id) if tier else None
    found = _offered(session, creator, now_of(session)).get(tier_id) if creator else None
    if period != Period.MONTH or found is None or found.days != days:
        raise Refusal(
            "This trial is not there any more, or is another one now. Nothing was charged and "
            "nothing has begun. Look at what there is now, then go on.",
            "price_changed",
        )


def _offered(session: Session, creator: Creator, at_ms: int) -> dict[str, Trial]:
    keys: dict[str, int] = {}
    for one in choosing.in_force(session, creator.id, at_ms):
        if one.kind == KIND and not one.facts.get(choosing.SEGMENT):
            key = str(one.facts["tier"])
            keys[key] = max(keys.get(key, 0), int(one.facts["days"]))
    open_to = (
        one for one in tiers.joinable(session, creator.id, at_ms) if one.month_cents < UNDER_CENTS
    )
    return {one.id: _begun(keys[one.key], at_ms) for one in open_to if one.key in keys}


def _begun(days: int, at_ms: int) -> Trial:
    until_ms = at_ms + days * periods.DAY_MS
    remind_ms = until_ms - advancing.SOON_MS["trial"]
    return Trial(days, until_ms, remind_ms if remind_ms > at_ms else None)


def _was_member(session: Session, visitor: Visitor, creator_id: str) -> bool:
    """Or is one. Somebody without an account is asked again once they have one."""
    if visitor.account_id is None:
        return False
    if tried.before(session, visitor.email, creator_id):
        return True
    wanted = select(Membership.id).where(
        Membership.account_id == visitor.account_id,
        Membership.creator_id == creator_id,
        Membership.joined_ms.is_not(None),
    )
    return session.scalars(wanted.limit(1)).first() is not None
