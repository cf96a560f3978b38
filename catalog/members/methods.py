"""Kept methods: what an account may be charged by, as its processor keeps it."""

from typing import Literal

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from catalog.auth import Visitor, needs
from catalog.entitlements import now_of
from catalog.errors import NotFound, Refusal
from catalog.payments.facts import Kept
from catalog.payments.processors import by_name, chosen
from models import event
from models.base import reading, unit_of_work
from models.membership import Charge, ChargeState, PaymentMethod

_STORED = (
    select(PaymentMethod)
    .where(
        PaymentMethod.account_id == bindparam("account"),
        PaymentMethod.processor == bindparam("processor"),
        PaymentMethod.removed_ms.is_(None),
    )
    .order_by(PaymentMethod.created_ms.desc(), PaymentMethod.id)
    .limit(1)
)


def stored(session: Session, account_id: str) -> PaymentMethod | None:
    """The one that is charged: the last that was kept, at the processor of today."""
    return session.scalars(_STORED, {"account": account_id, "processor": chosen()}).first()


def keep(
    session: Session, account_id: str, processor: str, kept: Kept, at_ms: int
) -> PaymentMethod:
    """In the transaction of the fact that told it. It takes the place of the one before."""
    wanted = select(PaymentMethod).filter_by(
        account_id=account_id, processor=processor, method_ref=kept.method_ref
    )
    found = session.scalars(wanted).first()
    if found is None:
        found = PaymentMethod(
            account_id=account_id,
            processor=processor,
            customer_ref=kept.customer_ref,
            method_ref=kept.method_ref,
            label=kept.label[:60],
            created_ms=at_ms,
        )
        session.add(found)
        session.flush()
        event.record(session, "method.kept", found.id)
    found.removed_ms, found.label = None, kept.label[:60]
    session.execute(
        update(PaymentMethod)
        .where(
            PaymentMethod.account_id == account_id,
            PaymentMethod.processor == processor,
            PaymentMethod.id != found.id,
            PaymentMethod.removed_ms.is_(None),
        )
        .values(removed_ms=at_ms)
    )
    return found


def known(session: Session, account_id: str) -> PaymentMethod | None:
    """Also one that was removed: its processor still knows the customer, who may add another."""
    wanted = select(PaymentMethod).filter_by(account_id=account_id, processor=chosen())
    kept_first = PaymentMethod.removed_ms.is_not(None)
    newest = PaymentMethod.removed_ms.desc(), PaymentMethod.created_ms.desc(), PaymentMethod.id
    return session.scalars(wanted.order_by(kept_first, *newest).limit(1)).first()


def portal(visitor: Visitor, back_url: str) -> str:
    """Where one's method is changed, removed or added again, and nothing is charged. Raises Refusal
    for who never had one.
    """
    needs(visitor)
    with reading() as session:
        found = known(session, visitor.account_id or "")
        if found is None:
            raise Refusal("No payment method of yours is kept here.", "no_method")
        processor, customer_ref = found.processor, found.customer_ref
    return by_name(processor).portal(customer_ref, back_url)


Found = Literal["", "kept", "again"]


def refresh(visitor: Visitor) -> Found:
    """After a visit there: what is kept now is kept here. "again": what was declined is tried again
    within a minute. Empty where nothing is kept any more.
    """
    needs(visitor)
    account_id = visitor.account_id or ""
    with reading() as session:
        old = known(session, account_id)
    if old is None:
        return ""
    kept = by_name(old.processor).kept(old.customer_ref)
    with unit_of_work(actor=visitor.actor) as session:
        now = now_of(session)
        if kept is None:
            _removed(session, old.id, now)
            return ""
        keep(session, account_id, old.processor, kept, now)
        again = session.execute(
            update(Charge)
            .where(
                Charge.account_id == account_id,
                Charge.state == ChargeState.ASKED,
                Charge.held_until_ms.is_(None),
                or_(Charge.next_try_ms.is_(None), Charge.next_try_ms > now),
                Charge.error != "",
            )
            .values(next_try_ms=now)
            .returning(Charge.id)
        ).all()
    return "again" if again else "kept"


def remove(visitor: Visitor, method_id: str) -> None:
    """Kept nowhere from now on. Memberships that it pays are not renewed without another one."""
    needs(visitor)
    with unit_of_work(actor=visitor.actor) as session:
        wanted = select(PaymentMethod).filter_by(id=method_id, account_id=visitor.account_id)
        found = session.scalars(wanted).one_or_none()
        if found is None:
            raise NotFound("No such payment method of yours is kept here.")
    by_name(found.processor).forget(found.customer_ref, found.method_ref)
    with unit_of_work(actor=visitor.actor) as session:
        _removed(session, found.id, now_of(session))


def _removed(session: Session, method_id: str, at_ms: int) -> None:
    found = session.get_one(PaymentMethod, method_id)
    if found.removed_ms is None:
        found.removed_ms = at_ms
        event.record(session, "method.removed", found.id)
