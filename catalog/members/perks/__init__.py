"""Perks: what a membership gives. A kind is one module here, a line of KINDS, and a row in a
tier's `perks`.

Each module says what it is (`told`), grants and revokes. A grant alone opens nothing: whoever uses
a perk asks grants.held(), which asks whether the membership still gives it at that moment.
"""

from types import ModuleType
from typing import Any

from sqlalchemy.orm import Session

from catalog.errors import BadRequest
from catalog.members import memberships
from catalog.members.perks import discount, downloads, drops, early, feed, grants, seats
from models.membership import Membership, Tier

KINDS: dict[str, ModuleType] = {
    "early": early,
    "feed": feed,
    "downloads": downloads,
    "discount": discount,
    "drops": drops,
    "seats": seats,
}


def settle(session: Session, membership: Membership, at_ms: int) -> None:
    """What is granted becomes what the membership gives now. A second time changes nothing."""
    tier = session.get_one(Tier, membership.tier_id)
    given = _by_kind(tier.perks) if memberships.has_perks(membership, at_ms) else {}
    held = grants.kinds_held(session, membership.id)
    for kind, module in KINDS.items():
        if kind in given:
            module.grant(session, membership, tier, given[kind], at_ms)
        elif kind in held:
            module.revoke(session, membership, at_ms)
    session.flush()


def checked(perks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A tier's perks, one of each kind. Raises BadRequest."""
    for one in perks:
        module = KINDS.get(str(one.get("kind")))
        if module is None:
            raise BadRequest(f"There is no perk called {str(one.get('kind'))[:40]!r}.")
        module.check(one)
    if len(_by_kind(perks)) != len(perks):
        raise BadRequest("A tier has each perk once.")
    return perks


def told(tier: Tier) -> list[str]:
    """What the tier gives, one sentence each, for people."""
    return [KINDS[one["kind"]].told(tier, one) for one in tier.perks if one.get("kind") in KINDS]


def kinds(tier: Tier) -> set[str]:
    return set(_by_kind(tier.perks)) & KINDS.keys()


def _by_kind(perks: list[Any]) -> dict[str, dict[str, Any]]:
    return {str(one.get("kind")): one for one in perks}
