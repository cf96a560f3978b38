"""Members with what their tier gives, and clips of their creator that everybody sees."""

import time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.members import perks
from models.listing import Listing
from models.membership import Membership, MembershipState, Tier
from tests import member_factories, rights_factories

ALL = [
    {"kind": "early"},
    {"kind": "feed"},
    {"kind": "downloads", "count": 2},
    {"kind": "discount", "percent": 10},
    {"kind": "drops"},
    {"kind": "seats", "count": 1},
]


def now() -> int:
    return int(time.time() * 1000)


def joined(
    session: Session,
    key: str = "events",
    gives: list[dict[str, Any]] | None = None,
    account: str = "",
) -> Membership:
    """A member of ada's, with what the tier gives."""
    found = session.scalars(select(Tier).filter_by(key=key)).first()
    tier = found or member_factories.tier(session, key, perks=ALL if gives is None else gives)
    made = member_factories.membership(session, account, of=tier)
    perks.settle(session, made, now())
    return made


def ends(session: Session, row: Membership) -> None:
    row = session.get_one(Membership, row.id)
    row.state, row.ended_ms = MembershipState.ENDED, now()
    perks.settle(session, row, now())


def visitor(row: Membership) -> Visitor:
    return Visitor(account_id=row.account_id, email="mia@example.org", name="Mia")


def on_sale(session: Session, **values: Any) -> Listing:
    """For everybody: where its creator has members, what is published now is early."""
    made = rights_factories.listing(session, **values)
    made.visible_from_ms = 1
    session.flush()
    return made
