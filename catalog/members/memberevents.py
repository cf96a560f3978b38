"""What happened to memberships: append-only, and what recurs is told without a gap."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from catalog.members.memberships import mrr
from models.membership import MemberEvent, MemberEventKind, Membership, Tier

_LATEST = (
    select(MemberEvent)
    .where(MemberEvent.membership_id == bindparam("id"))
    .order_by(MemberEvent.at_ms.desc())
    .limit(1)
)


def record(
    session: Session, membership: Membership, kind: MemberEventKind, at_ms: int, **facts: Any
) -> MemberEvent:
    """After the change. What was before is what the last event left, so that the sum of all
    changes is what recurs now. Two of one membership never share a moment, nor go back in time,
    whatever the clock does.
    """
    session.flush()
    last = latest(session, membership.id)
    tier = session.get_one(Tier, membership.tier_id)
    made = MemberEvent(
        membership_id=membership.id,
        creator_id=membership.creator_id,
        kind=kind,
        tier_key=tier.key,
        before_tier_key=last.tier_key if last else "",
        tier_id=tier.id,
        before_mrr=last.after_mrr if last else 0,
        after_mrr=mrr(membership),
        currency=membership.currency,
        facts=facts,
        at_ms=max(at_ms, last.at_ms + 1) if last else at_ms,
    )
    session.add(made)
    session.flush()
    return made


def latest(session: Session, membership_id: str) -> MemberEvent | None:
    return session.scalars(_LATEST, {"id": membership_id}).first()


def of_membership(session: Session, membership_id: str) -> Sequence[MemberEvent]:
    """In order."""
    wanted = select(MemberEvent).filter_by(membership_id=membership_id)
    return session.scalars(wanted.order_by(MemberEvent.at_ms)).all()
