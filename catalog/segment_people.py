"""Whom a segment's rule fits: one query for the accounts' ids."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from catalog.members import consents, memberships
from models.license import License
from models.listing import Listing
from models.membership import Membership, Tier
from models.offer import Watched
from models.order import Order, OrderLine, OrderState

if TYPE_CHECKING:
    from catalog.segments import Rule

DAY_MS = 86_400_000
MONTH_MS = 30 * DAY_MS
AGES_MS = 396 * DAY_MS
"""What was watched or bought longer ago is no fact any more."""


def fitting(creator_id: str, rule: "Rule", at_ms: int, *, joined_ms: int | None = None) -> Any:
    """The accounts' ids, each once: members of this creator at this moment. Not who is in a trial:
    accounts that cost nothing would make any number of people."""
    tests: list[ColumnElement[bool]] = [
        Membership.creator_id == creator_id,
        memberships.gives_perks(at_ms),
        or_(Membership.trial_until_ms.is_(None), Membership.trial_until_ms <= at_ms),
    ]
    if joined_ms is not None:
        tests.append(Membership.joined_ms <= joined_ms)
    if rule.tiers:
        tests.append(Tier.key.in_(rule.tiers))
    if rule.tenure:
        tests.append(Membership.joined_ms <= at_ms - rule.tenure * MONTH_MS)
    if rule.series:
        tests.append(_watched(creator_id, rule.series, at_ms))
    if rule.purchases:
        tests.append(_bought(creator_id, at_ms - AGES_MS, rule.purchases))
    if rule.bought_days:
        tests.append(_bought(creator_id, at_ms - rule.bought_days * DAY_MS, 1))
    return (
        select(Membership.account_id)
        .join(Tier, Tier.id == Membership.tier_id)
        .where(and_(*tests))
        .distinct()
    )


def _watched(creator_id: str, series: str, at_ms: int) -> ColumnElement[bool]:
    return Membership.account_id.in_(
        select(Watched.account_id).where(
            Watched.creator_id == creator_id,
            Watched.series == series,
            Watched.last_ms >= at_ms - AGES_MS,
            Watched.account_id.in_(consents.givers("history")),
        )
    )


def _bought(creator_id: str, since_ms: int, least: int) -> ColumnElement[bool]:
    """Licenses that were paid for and not refunded."""
    paid = (
        select(License.account_id)
        .join(Listing, Listing.id == License.listing_id)
        .join(OrderLine, OrderLine.id == License.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            Listing.creator_id == creator_id,
            License.account_id.is_not(None),
            License.granted_ms >= since_ms,
            Order.state == OrderState.PAID,
        )
        .group_by(License.account_id)
        .having(func.count() >= least)
    )
    return Membership.account_id.in_(paid)
