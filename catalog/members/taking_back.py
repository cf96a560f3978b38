"""All of a payment of a member went back, by whomever: what it paid for ends. What was left of
other payments is kept, or goes back too. Repeated, it does nothing more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.members import (
    charge_rows,
    leaving,
    memberevents,
    memberships,
    notices,
    proration,
)
from models.license import License, LicenseState
from models.membership import (
    Charge,
    ChargeKind,
    MemberEventKind,
    Membership,
    MembershipState,
    Tier,
)
from models.perk import MemberDownload, PerkGrant

COPIES = "What was paid for the membership that it came with went back."
RECKONED = "What it was reckoned with went back."


def taken_back(session: Session, charge: Charge, at_ms: int) -> None:
    """The charge and its membership are locked."""
    if charge.membership_id is None:
        return
    membership = charge_rows.membership_of(charge)
    rows = charge_rows.of_membership(session, membership.id)
    granted = sorted(
        (one for one in rows if one.paid_ms is not None),
        key=lambda one: (one.created_ms, one.kind != ChargeKind.JOIN),
    )
    _copies_end(session, charge, granted)
    done = _done(session, membership.id)
    over = membership.state in (MembershipState.PENDING, MembershipState.ENDED)
    if over or charge.id in done:
        return
    found = sources(granted)
    paused = membership.state == MembershipState.PAUSED
    runs = paused or membership.period_end_ms > at_ms
    carried = charge.id in found.carried and (charge.to_ms or 0) > at_ms
    if runs and (charge.id in found.own or carried):
        here = memberships.unused_cents(membership, at_ms) + membership.credit_cents
        rest = max(0, here - charge.amount_cents)
        tier_id = _tier_before(membership, charge, [one for one in granted if one.id not in done])
        if tier_id is None:
            membership.credit_cents = rest
            leaving.end(session, membership, "refunded", at_ms)
        else:
            _step_back(session, membership, session.get_one(Tier, tier_id), rest, at_ms, charge)
    elif charge.id in found.credit:
        membership.credit_cents = max(0, membership.credit_cents - charge.amount_cents)
        _ask_anew(session, membership)
        _record(session, membership, charge, at_ms)


@dataclass(frozen=True)
class Sources:
    """Of which charges the money is."""

    own: frozenset[str]
    """That were asked for the last period."""
    carried: frozenset[str]
    """Whose rest went over into it from the time before."""
    credit: frozenset[str]


def sources(granted: Sequence[Charge]) -> Sources:
    """In the order in which they were granted."""
    own: set[str] = set()
    carried: set[str] = set()
    credit: set[str] = set()
    left, older = 0, None
    for one in granted:
        change = proration.credit_change(one.lines)
        if one.kind != ChargeKind.CHANGE:  # what was paid before is used up
            own, carried = set(), set()
        elif older is None or not _differs(older, one):
            own, carried = set(), carried | own
        if change < 0:
            carried |= credit
        own.add(one.id)
        if change > 0:
            credit |= own | carried
        left, older = max(0, left + change), one
        credit = credit if left else set()
    return Sources(frozenset(own), frozenset(carried), frozenset(credit))


def _done(session: Session, membership_id: str) -> set[str]:
    """Charges of which this was done before. Their money may have come back since, and gone."""
    told = memberevents.of_membership(session, membership_id)
    return {str(one.facts.get("taken_back", "")) for one in told}


def _record(session: Session, membership: Membership, charge: Charge, at_ms: int) -> None:
    changed = MemberEventKind.CHANGED
    memberevents.record(session, membership, changed, at_ms, taken_back=charge.id)


def _tier_before(membership: Membership, charge: Charge, granted: Sequence[Charge]) -> str | None:
    """Of the same period, before this charge paid the difference to a higher tier."""
    if len(granted) < 2 or granted[-1].id != charge.id or not _differs(granted[-2], charge):
        return None
    older = granted[-2]
    return older.tier_id if older.tier_id != membership.tier_id else None


def _differs(older: Charge, charge: Charge) -> bool:
    """It paid the difference within a period; else one of its own began, as it does after a
    trial.
    """
    trial = older.kind == ChargeKind.JOIN and not older.amount_cents
    return charge.kind == ChargeKind.CHANGE and charge.period == older.period and not trial


def _step_back(
    session: Session,
    membership: Membership,
    tier: Tier,
    rest_cents: int,
    at_ms: int,
    charge: Charge,
) -> None:
    """To the tier before, for the rest of the same period."""
    membership.tier_id = tier.id
    membership.price_cents = memberships.price_of(tier, membership.period)
    left = memberships.unused_cents(membership, at_ms)
    membership.credit_cents = max(0, rest_cents - left)
    _ask_anew(session, membership)
    _record(session, membership, charge, at_ms)
    notices.began(session, membership, at_ms)
    notices.of_membership(session, membership, "membership-stepped-back", charge=charge)


def _ask_anew(session: Session, membership: Membership) -> None:
    """What waits for its payment was reckoned with what is not there any more."""
    for one in charge_rows.open_of(session, membership.id):
        if one.kind == ChargeKind.CHANGE:
            charge_rows.void(session, one, RECKONED)
        elif charge_rows.priced_anew(one, membership.credit_cents):
            one.attempt += 1
            one.payment_ref, one.held_until_ms = "", None
    session.flush()


def _copies_end(session: Session, charge: Charge, granted: Sequence[Charge]) -> None:
    """The licenses of what was downloaded in the time that it paid for."""
    from catalog import licenses

    later = [one.id for one in granted]
    number = later.index(charge.id) if charge.id in later else len(later)
    begins = charge.paid_ms if charge.kind == ChargeKind.CHANGE else charge.from_ms
    wanted = (
        select(License.id)
        .join(MemberDownload, MemberDownload.license_id == License.id)
        .join(PerkGrant, PerkGrant.id == MemberDownload.grant_id)
        .where(
            PerkGrant.membership_id == charge.membership_id,
            License.state == LicenseState.ACTIVE,
            MemberDownload.at_ms >= (begins or 0),
        )
    )
    # A pause may have moved its end: it is where the next one begins.
    ends = [one.from_ms for one in granted[number + 1 :] if one.kind == ChargeKind.RENEWAL]
    if ends:
        wanted = wanted.where(MemberDownload.at_ms < ends[0])
    for license_id in session.scalars(wanted.order_by(License.granted_ms, License.id)).all():
        licenses.revoke(session, license_id, COPIES)
