"""Kept methods: what an account may be charged by, as its processor keeps it."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.auth import Visitor, needs
from catalog.entitlements import now_of
from catalog.errors import NotFound, Refusal
from catalog.payments.facts import Kept
from catalog.payments.processors import by_name, chosen
from models import event
from models.base import reading, unit_of_work
from models.membership import Charge, ChargeState, PaymentMethod


def stored(session: Session, account_id: str) -> PaymentMethod | None:
    """The one that is charged: the last that was kept, at the processor of today."""
    wanted = select(PaymentMethod).filter_by(
        account_id=account_id, processor=chosen(), removed_ms=None
    )
    newest = PaymentMethod.created_ms.desc(), PaymentMethod.id
    return session.scalars(wanted.order_by(*newest)).first()


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


def portal(visitor: Visitor, back_url: str) -> str:
    """Where one's method is changed or removed. Raises Refusal where none is kept."""
    needs(visitor)
    with reading() as session:
        found = stored(session, visitor.account_id or "")
        if found is None:
            raise Refusal("No payment method of yours is kept here.", "no_method")
        processor, customer_ref = found.processor, found.customer_ref
    return by_name(processor).portal(customer_ref, back_url)


def refresh(visitor: Visitor) -> bool:
    """After a visit there: what is kept now is kept here, and what was declined is tried again at
    once. False where nothing is kept any more.
    """
    needs(visitor)
    account_id = visitor.account_id or ""
    with reading() as session:
        old = stored(session, account_id)
    if old is None:
        return False
    kept = by_name(old.processor).kept(old.customer_ref)
    with unit_of_work(actor=visitor.actor) as session:
        now = now_of(session)
        if kept is None:
            _removed(session, old.id, now)
            return False
        keep(session, account_id, old.processor, kept, now)
        session.execute(
            update(Charge)
            .where(
                Charge.account_id == account_id,
                Charge.state == ChargeState.ASKED,
                Charge.next_try_ms > now,
                Charge.error != "",
            )
            .values(next_try_ms=now)
        )
    return True


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
