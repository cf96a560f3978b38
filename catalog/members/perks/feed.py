"""The private feed: an RSS address that is its member's alone. Its word is shown once and kept as
a hash; made anew, the one before it is dead. What it shows: catalog.members.feeds.
"""

import secrets
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import sha256
from catalog.errors import NotFound
from catalog.members import memberships
from catalog.members.perks import grants
from models import event
from models.account import Account
from models.membership import Membership, Tier
from models.perk import PerkGrant

KIND = "feed"
OVER = (
    "This private feed is not open. Its address was made anew or taken back, or the membership "
    "has ended. The page of your membership has the one that holds."
)


def check(said: dict[str, Any]) -> None:
    """Nothing more is said of it."""


def told(tier: Tier, said: dict[str, Any]) -> str:
    return "A private feed for your reader or podcast app"


def grant(
    session: Session, membership: Membership, tier: Tier, said: dict[str, Any], at_ms: int
) -> PerkGrant:
    return grants.put(session, membership, KIND, at_ms)


def revoke(session: Session, membership: Membership, at_ms: int) -> None:
    grants.end(session, membership, KIND, at_ms)


def make_address(session: Session, membership: Membership, at_ms: int) -> str:
    """A new word; nobody can read it again. Raises NotFound where the tier gives no feed."""
    found = _held(session, membership, at_ms)
    word = secrets.token_urlsafe(32)
    found.token_sha256 = sha256(word)
    event.record(session, "feed.made", membership.id)
    return word


def end_address(session: Session, membership: Membership) -> None:
    """Twice is once."""
    found = grants.of(session, membership.id, KIND)
    if found is not None and found.token_sha256 is not None:
        found.token_sha256 = None
        event.record(session, "feed.ended", membership.id)


def has_address(session: Session, membership: Membership) -> bool:
    found = grants.of(session, membership.id, KIND)
    return found is not None and found.token_sha256 is not None


def opened(session: Session, word: str, at_ms: int) -> PerkGrant:
    """Raises NotFound for a word that opens nothing, or nothing any more."""
    return _alive(session, PerkGrant.token_sha256 == sha256(word), at_ms)


def opened_by_id(session: Session, grant_id: str, at_ms: int) -> PerkGrant:
    """For an address that was signed for the grant. Raises NotFound."""
    return _alive(session, PerkGrant.id == grant_id, at_ms)


def _alive(session: Session, which: Any, at_ms: int) -> PerkGrant:
    wanted = (
        select(PerkGrant)
        .join(Membership, Membership.id == PerkGrant.membership_id)
        .join(Account, Account.id == Membership.account_id)
        .where(Account.closed_ms.is_(None))
    )
    alive = PerkGrant.revoked_ms.is_(None), PerkGrant.token_sha256.is_not(None)
    gives = memberships.gives_perks(at_ms)
    found = session.scalars(
        wanted.where(which, PerkGrant.kind == KIND, *alive, gives)
    ).one_or_none()
    if found is None:
        raise NotFound(OVER)
    return found


def _held(session: Session, membership: Membership, at_ms: int) -> PerkGrant:
    found = grants.held(session, membership.account_id, membership.creator_id, KIND, at_ms)
    if found is None or found.membership_id != membership.id:
        raise NotFound("This membership has no private feed now.")
    return found
