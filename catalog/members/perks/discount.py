"""So much off a personal license of this creator's clips. A quote keeps the price it was made
at."""

from typing import Any

from sqlalchemy.orm import Session

from catalog.members.perks import grants
from models.membership import Membership, Tier
from models.perk import PerkGrant

KIND = "discount"
MOST_PERCENT = 90


def check(said: dict[str, Any]) -> None:
    grants.number(said, "percent", MOST_PERCENT)


def told(tier: Tier, said: dict[str, Any]) -> str:
    return f"{said['percent']} % off personal licenses"


def grant(
    session: Session, membership: Membership, tier: Tier, said: dict[str, Any], at_ms: int
) -> PerkGrant:
    return grants.put(session, membership, KIND, at_ms, percent=said["percent"])


def revoke(session: Session, membership: Membership, at_ms: int) -> None:
    grants.end(session, membership, KIND, at_ms)


def percent(session: Session, account_id: str | None, creator_id: str, at_ms: int) -> int:
    """0 for whoever has none."""
    found = grants.held(session, account_id, creator_id, KIND, at_ms)
    return int(found.facts["percent"]) if found else 0
