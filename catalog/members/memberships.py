"""Memberships: whose they are, and whether they give their perks at a moment."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, or_, select
from sqlalchemy.orm import Session, joinedload

from catalog.auth import Visitor, needs
from catalog.currencies import unit_cents
from catalog.errors import NotFound
from catalog.members import periods, proration
from models.membership import Membership, MembershipState, Period, Tier

RENEWING_MS = 3_600_000
"""So long after a period's end its perks stay while the next one is being paid."""
MOST_LISTED = 500
_LOCKED = (
    select(Membership)
    .where(Membership.id == bindparam("id"))
    .with_for_update(of=Membership)
    .execution_options(populate_existing=True)
)


def alive(session: Session, account_id: str, creator_id: str) -> Membership | None:
    """The one that was joined and has not ended; it may be paused."""
    wanted = _whole().where(
        Membership.account_id == account_id, Membership.creator_id == creator_id, is_alive()
    )
    return session.scalars(wanted).one_or_none()


def of_account(session: Session, account_id: str) -> Sequence[Membership]:
    """Those that were ever joined and the ones that are being joined: newest first."""
    joined = Membership.joined_ms.is_not(None) | (Membership.state == MembershipState.PENDING)
    wanted = _whole().where(Membership.account_id == account_id, joined)
    newest = Membership.created_ms.desc(), Membership.id
    return session.scalars(wanted.order_by(*newest).limit(MOST_LISTED)).all()


def of_creator(session: Session, creator_id: str) -> Sequence[Membership]:
    """Those that are alive, newest first."""
    wanted = _whole().where(Membership.creator_id == creator_id, is_alive())
    newest = Membership.joined_ms.desc(), Membership.id
    return session.scalars(wanted.order_by(*newest).limit(MOST_LISTED)).all()


def mine(session: Session, visitor: Visitor, membership_id: str) -> Membership:
    """One's own. Raises SignInNeeded, NotFound."""
    needs(visitor)
    wanted = _whole().where(
        Membership.id == membership_id, Membership.account_id == visitor.account_id
    )
    found = session.scalars(wanted).one_or_none()
    if found is None:
        raise NotFound("There is no membership at this address for you.")
    return found


def mine_locked(session: Session, visitor: Visitor, membership_id: str) -> Membership:
    mine(session, visitor, membership_id)
    return locked(session, membership_id)


def locked(session: Session, membership_id: str) -> Membership:
    """Before its charges are: everything that changes one begins here."""
    return session.scalars(_LOCKED, {"id": membership_id}).one()


def has_perks(membership: Membership, at_ms: int) -> bool:
    """Within what is paid, a trial, or the grace of one that was declined. The SQL twin:
    gives_perks().
    """
    if membership.state == MembershipState.ACTIVE:
        more = 0 if membership.ends_at_period else RENEWING_MS
        return at_ms < membership.period_end_ms + more
    if membership.state == MembershipState.GRACE:
        return at_ms < (membership.grace_until_ms or 0)
    return False


def gives_perks(at_ms: int | ColumnElement[int]) -> ColumnElement[bool]:
    more = case((Membership.ends_at_period, 0), else_=RENEWING_MS)
    return or_(
        and_(Membership.state == MembershipState.ACTIVE, Membership.period_end_ms + more > at_ms),
        and_(Membership.state == MembershipState.GRACE, Membership.grace_until_ms > at_ms),
    )


def is_alive() -> ColumnElement[bool]:
    return Membership.state.not_in((MembershipState.PENDING, MembershipState.ENDED))


def in_trial(membership: Membership) -> bool:
    """Nothing was paid yet; also of one whose first payment was declined."""
    return membership.trial_until_ms == membership.period_end_ms


def price_of(tier: Tier, period: Period | str) -> int:
    return tier.month_cents if period == Period.MONTH else tier.year_cents


def mrr(membership: Membership) -> int:
    """Thousandths of a cent that recur in a month."""
    recurs = membership.state in (MembershipState.ACTIVE, MembershipState.GRACE)
    if not recurs or in_trial(membership):
        return 0
    return proration.monthly(membership.price_cents, periods.MONTHS[Period(membership.period)])


def unused_cents(membership: Membership, at_ms: int) -> int:
    """What is left of what was paid for the current period."""
    if in_trial(membership):
        return 0
    if membership.state == MembershipState.PAUSED:  # its time stood still
        at_ms = membership.period_end_ms - membership.paused_left_ms
    return proration.worth(
        membership.price_cents,
        membership.period_start_ms,
        membership.period_end_ms,
        at_ms,
        unit_cents(membership.currency),
    )


def _whole() -> Select[Membership]:
    return select(Membership).options(
        joinedload(Membership.tier),
        joinedload(Membership.next_tier),
        joinedload(Membership.creator),
    )
