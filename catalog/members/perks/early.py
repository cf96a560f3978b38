"""Early clips. The window itself is the tier's lead and the gate's to decide; see
catalog.entitlements. The grant says since when.
"""

from typing import Any

from sqlalchemy.orm import Session

from catalog.members.perks import grants
from catalog.web.words import counted
from models.membership import Membership, Tier
from models.perk import PerkGrant

KIND = "early"
HOUR_MS = 3_600_000


def check(said: dict[str, Any]) -> None:
    """Nothing more is said of it."""


def told(tier: Tier, said: dict[str, Any]) -> str:
    return f"Clips {counted(tier.lead_ms // HOUR_MS, 'hour')} before everybody sees them"


def grant(
    session: Session, membership: Membership, tier: Tier, said: dict[str, Any], at_ms: int
) -> PerkGrant:
    return grants.put(session, membership, KIND, at_ms)


def revoke(session: Session, membership: Membership, at_ms: int) -> None:
    grants.end(session, membership, KIND, at_ms)
