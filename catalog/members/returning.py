"""Money of a member given back by staff, or by the creator whose member it is."""

from sqlalchemy.orm import Session

from catalog.auth import Visitor, needs, needs_creator
from catalog.entitlements import now_of
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members import charge_rows, paybacks, taking_back
from models.membership import Charge, ChargeState
from models.payment import Refund


def shown(session: Session, visitor: Visitor, charge_id: str) -> Charge:
    """To its payer, its creator and staff. Raises SignInNeeded, NotFound."""
    needs(visitor)
    found = session.get(Charge, charge_id)
    if found is None or not (
        found.account_id == visitor.account_id or visitor.works_for(found.creator_id)
    ):
        raise NotFound("There is no payment at this address for you.")
    return found


def give_back(
    session: Session, visitor: Visitor, charge_id: str, cents: int | None, why: str
) -> Refund:
    """All that is left where no sum is named: then what it pays for ends now. A part ends nothing.
    What had gone back and is here again is left as well. Raises NotFound, BadRequest,
    Refusal.
    """
    charge = charge_rows.locked(session, charge_id)
    if charge is None:
        raise NotFound("There is no such payment.")
    needs_creator(visitor, charge.creator_id)
    if charge.state not in (ChargeState.PAID, ChargeState.REFUNDED):
        raise Refusal("Nothing is left to refund: this is not paid, or not any more.", "not_paid")
    left = paybacks.left_of(session, charge)
    if left <= 0:
        raise Refusal("This was refunded already, or is being refunded.", "refunded")
    wanted = left if cents is None else cents
    if not 0 < wanted <= left:
        raise BadRequest("amount: no more than is left of the payment, and more than nothing.")
    made = paybacks.of_paid(session, charge, wanted, _said(why))
    if wanted == left:
        taking_back.taken_back(session, charge, now_of(session))
    return made


def give_spare_back(session: Session, visitor: Visitor, charge_id: str, why: str) -> list[Refund]:
    """What was paid for it and gave nothing, where it is here all the same. Raises NotFound,
    Refusal.
    """
    charge = charge_rows.locked(session, charge_id)
    if charge is None:
        raise NotFound("There is no such payment.")
    needs_creator(visitor, charge.creator_id)
    found = paybacks.spare(session, charge)
    if not found:
        raise Refusal("Nothing is here that could go back, or it is on its way.", "nothing_here")
    return [
        paybacks.of_movement(
            session, charge, one.processor, one.movement_ref, cents, one.currency, _said(why)
        )
        for one, cents in found
    ]


def _said(why: str) -> str:
    return " ".join(why.split())[:300] or "Refunded by the seller"
