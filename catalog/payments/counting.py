"""Which events the sums count.

What went and came back is two events of one movement, told in any order. The second counts only
where the first was counted; told before it, neither is, as if nothing had moved. No event is ever
changed, so each is decided when it is heard, under its order's lock.
"""

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from catalog.payments.facts import MONEY_OUT, PaymentFact
from models.payment import PaymentEvent, PaymentKind

_KNOWN = select(PaymentEvent.kind, PaymentEvent.counted).where(
    PaymentEvent.processor == bindparam("processor"),
    PaymentEvent.movement_ref == bindparam("movement"),
)


def counts(session: Session, fact: PaymentFact) -> bool:
    """Of what moves money."""
    known = _known(session, fact)
    if (fact.kind, True) in known:
        return False
    if fact.kind == PaymentKind.RESTORED:
        return any(counted and kind in MONEY_OUT for kind, counted in known)
    if fact.kind in MONEY_OUT:
        return all(kind != PaymentKind.RESTORED for kind, _ in known)
    return True


def never_went(session: Session, fact: PaymentFact) -> bool:
    """It came back, or was called off, and nothing was told to have gone before."""
    went = any(kind in MONEY_OUT for kind, _ in _known(session, fact))
    return fact.kind == PaymentKind.RESTORED and not went


def _known(session: Session, fact: PaymentFact) -> set[tuple[PaymentKind, bool]]:
    named = {"processor": fact.processor, "movement": fact.movement_ref}
    return {(PaymentKind(kind), counted) for kind, counted in session.execute(_KNOWN, named)}
