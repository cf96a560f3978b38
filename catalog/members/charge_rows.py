"""Charges as rows: asked for once by a key, found, locked, taken back. What becomes of one when a
processor tells is in catalog.members.charges.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from catalog.auth import Visitor, needs
from catalog.errors import NotFound
from catalog.members import proration
from catalog.payments.processors import by_name, chosen
from models import event
from models.membership import Charge, ChargeKind, ChargeState, Membership, Period, Tier

MOST_LISTED = 200
# Every payment asks these several times: made once, they cost half.
_BY_KEY = select(Charge).where(Charge.key == bindparam("key"))
_LOCKED = (
    select(Charge)
    .where(Charge.id == bindparam("id"))
    .with_for_update(of=Charge)
    .execution_options(populate_existing=True)
)
_MEMBERSHIP_LOCKED = (
    select(Membership)
    .where(
        Membership.id
        == select(Charge.membership_id).where(Charge.id == bindparam("id")).scalar_subquery()
    )
    .with_for_update(of=Membership)
    .execution_options(populate_existing=True)
)
_OPEN = (
    select(Charge)
    .where(Charge.membership_id == bindparam("id"), Charge.state == ChargeState.ASKED)
    .order_by(Charge.created_ms, Charge.id)
)


def ask(
    session: Session,
    key: str,
    kind: ChargeKind,
    account_id: str,
    creator_id: str,
    wanted: proration.Sum,
    currency: str,
    at_ms: int,
    **values: Any,
) -> Charge:
    """The row; asked for twice by one key it is one. What costs nothing is granted at once."""
    found = session.scalars(_BY_KEY, {"key": key}).first()
    if found is not None:
        return found
    made = Charge(
        key=key,
        kind=kind,
        account_id=account_id,
        creator_id=creator_id,
        lines=list(wanted.lines),
        amount_cents=wanted.amount_cents,
        currency=currency,
        state=ChargeState.ASKED,
        attempt=1,
        processor=chosen(),
        created_ms=at_ms,
        next_try_ms=at_ms,
        **values,
    )
    session.add(made)
    session.flush()
    event.record(session, "charge.asked", made.id, what=kind, cents=made.amount_cents)
    return made


def of_member(
    session: Session,
    key: str,
    kind: ChargeKind,
    membership: Membership,
    wanted: proration.Sum,
    at_ms: int,
    *,
    tier: Tier,
    period: Period,
    from_ms: int | None,
    to_ms: int | None,
    offer_view_id: str | None = None,
) -> Charge:
    return ask(
        session,
        key,
        kind,
        membership.account_id,
        membership.creator_id,
        wanted,
        membership.currency,
        at_ms,
        membership_id=membership.id,
        tier_id=tier.id,
        period=period,
        from_ms=from_ms,
        to_ms=to_ms,
        offer_view_id=offer_view_id,
    )


def least_cents(currency: str) -> int:
    return by_name(chosen()).least_cents(currency)


def key_of(charge: Charge) -> str:
    """Of this try, for the processor."""
    return f"{charge.id}-{charge.attempt}"


def locked(session: Session, charge_id: str) -> Charge | None:
    """After its membership, as everything here locks. Its `membership` is the locked one."""
    membership = session.scalars(_MEMBERSHIP_LOCKED, {"id": charge_id}).one_or_none()
    charge = session.scalars(_LOCKED, {"id": charge_id}).one_or_none()
    if charge is not None:
        set_committed_value(charge, "membership", membership)
    return charge


def membership_of(charge: Charge) -> Membership:
    """Of a locked charge."""
    assert charge.membership is not None
    return charge.membership


def visible(session: Session, visitor: Visitor, charge_id: str) -> Charge:
    """One's own. Raises SignInNeeded, NotFound."""
    needs(visitor)
    wanted = select(Charge).filter_by(id=charge_id, account_id=visitor.account_id)
    found = session.scalars(wanted).one_or_none()
    if found is None:
        raise NotFound("There is no payment at this address for you.")
    return found


def of_account(session: Session, account_id: str) -> Sequence[Charge]:
    """What was paid or is being paid, newest first."""
    kept = Charge.state != ChargeState.VOID
    wanted = select(Charge).where(Charge.account_id == account_id, kept)
    newest = Charge.created_ms.desc(), Charge.id
    return session.scalars(wanted.order_by(*newest).limit(MOST_LISTED)).all()


def of_membership(session: Session, membership_id: str) -> Sequence[Charge]:
    wanted = select(Charge).filter_by(membership_id=membership_id)
    return session.scalars(wanted.order_by(Charge.created_ms, Charge.id)).all()


def open_of(session: Session, membership_id: str, *kinds: ChargeKind) -> Sequence[Charge]:
    found = session.scalars(_OPEN, {"id": membership_id}).all()
    return [one for one in found if one.kind in kinds] if kinds else found


def due(session: Session, at_ms: int, most: int) -> Sequence[str]:
    """Those that are to be collected now; what is paid on a processor's page is not among them."""
    wanted = select(Charge.id).where(
        Charge.state == ChargeState.ASKED,
        Charge.next_try_ms <= at_ms,
        Charge.held_until_ms.is_(None),
    )
    return session.scalars(wanted.order_by(Charge.next_try_ms, Charge.id).limit(most)).all()


def void(session: Session, charge: Charge, why: str) -> None:
    """It is not wanted any more; what arrives for it all the same goes back. It is locked."""
    if charge.state == ChargeState.ASKED:
        over(charge, ChargeState.VOID, why)
        event.record(session, "charge.void", charge.id, why=why)


def priced_anew(charge: Charge, credit_cents: int) -> bool:
    """A renewal that reckoned with more credit than there is: what it costs without. Where it was
    asked for already, the next try must have a key of its own. It is locked.
    """
    if credit_cents + proration.credit_change(charge.lines) >= 0:
        return False
    said = [
        (str(one["what"]), int(one["cents"]))
        for one in charge.lines
        if one["cents"] > 0 and not one.get("credit")
    ]
    least = least_cents(charge.currency)
    wanted = proration.summed(said, ("", 0), credit_cents, least)
    charge.lines, charge.amount_cents = list(wanted.lines), wanted.amount_cents
    return True


def over(charge: Charge, state: ChargeState, why: str) -> None:
    charge.state, charge.error = state, why[:300]
    charge.next_try_ms, charge.held_until_ms = None, None
