"""So many clean copies in each month that is paid, for a member's own use. They are taken and
counted in catalog.members.downloads; here is how many.
"""

from typing import Any

from sqlalchemy.orm import Session

from catalog.members.perks import grants
from catalog.web.words import counted
from models.membership import Membership, Tier
from models.perk import PerkGrant

KIND = "downloads"


def check(said: dict[str, Any]) -> None:
    grants.number(said, "count")


def told(tier: Tier, said: dict[str, Any]) -> str:
    return f"{counted(said['count'], 'personal download')} a month: the clean clip, for yourself"


def grant(
    session: Session, membership: Membership, tier: Tier, said: dict[str, Any], at_ms: int
) -> PerkGrant:
    return grants.put(session, membership, KIND, at_ms, count=said["count"])


def revoke(session: Session, membership: Membership, at_ms: int) -> None:
    grants.end(session, membership, KIND, at_ms)
