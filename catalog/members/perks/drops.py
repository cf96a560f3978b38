"""Who may have a drop: members of its tier or a higher one, while they are members."""

from typing import Any

from sqlalchemy.orm import Session

from catalog.members.perks import grants
from models.membership import Membership, Tier
from models.perk import Announcement, PerkGrant

KIND = "drops"


def check(said: dict[str, Any]) -> None:
    """Nothing more is said of it."""


def told(tier: Tier, said: dict[str, Any]) -> str:
    return "The quarterly drop: a small piece of merch made for members"


def grant(
    session: Session, membership: Membership, tier: Tier, said: dict[str, Any], at_ms: int
) -> PerkGrant:
    return grants.put(session, membership, KIND, at_ms, rank=tier.rank)


def revoke(session: Session, membership: Membership, at_ms: int) -> None:
    grants.end(session, membership, KIND, at_ms)


def may_have(session: Session, account_id: str | None, drop: Announcement, at_ms: int) -> bool:
    if drop.kind != "drop" or drop.withdrawn_ms is not None:
        return False
    found = grants.held(session, account_id, drop.creator_id, KIND, at_ms)
    return found is not None and int(found.facts["rank"]) >= drop.rank
