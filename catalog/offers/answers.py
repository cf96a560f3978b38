"""What becomes of an offer: taken at the price that was shown, declined, never again, undone."""

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.entitlements import now_of
from catalog.errors import NotFound, Refusal, SignInNeeded
from catalog.members import billing
from catalog.members.granting import UNDO_MS
from catalog.offers import choosing, hashes, heard, kinds
from catalog.offers.choosing import Shown
from catalog.offers.deals import Deal, Onward, Way
from catalog.offers.kinds import tip
from catalog.web.words import moment, money
from models.base import reading, unit_of_work
from models.clip import Clip
from models.membership import Charge, ChargeKind, ChargeState
from models.offer import Offer, OfferAnswer, OfferChoice, OfferView
from models.order import Order, OrderState

ABSENT = "There is no offer at this address for you, or it was shown to another browser."
NOTHING = "Nothing was bought."


@dataclass(frozen=True)
class Standing:
    """An offer as its person sees it afterwards."""

    view: OfferView
    offer: Offer
    clip: Clip
    state: str
    """open, waits (for its payment), accepted, undone, declined, over"""
    shown: Shown | None
    """While it can be taken."""
    order: Order | None = None
    charge: Charge | None = None
    undo_until_ms: int | None = None
    """Until then its buyer takes it back; None: not by this button."""


def accept(visitor: Visitor, view_id: str, *, cents: int, currency: str) -> Way:
    """One click by the kept method, else to the checkout. `cents`: what the card showed. By a
    guest or an account: the card is theirs from then on.

    Clicked twice, it is bought once. Raises NotFound, and Refusal where it has ended, costs
    something else now, or the payment is declined: then nothing is bought."""
    with unit_of_work(actor=visitor.actor) as session:
        view, offer = _mine(session, visitor, view_id, locked=True)
        _claimed(session, visitor, view)
        if view.answer == OfferAnswer.ACCEPTED:
            return Way(view.id)
        if view.answer != OfferAnswer.NONE:
            raise Refusal(f"You answered this offer before. {NOTHING}", "offer_answered")
        kind = kinds.of(offer.kind)
        onward: Onward | None = kind.under_way(session, visitor, view)
        if onward is None:
            now = now_of(session)
            _not_over(offer, view, now)
            deal = _as_shown(session, visitor, view, offer, now, cents, currency)
            onward = kind.begin(session, visitor, offer, view, deal)
    return onward()


def decline(session: Session, visitor: Visitor, view_id: str) -> None:
    """Said twice, it is said once. What was bought meanwhile stays bought. After a day it is not
    counted any more."""
    view, _ = _mine(session, visitor, view_id, locked=True)
    now = now_of(session)
    if view.answer == OfferAnswer.NONE and now - view.at_ms < heard.ANSWER_MS:
        view.answer, view.answered_ms = OfferAnswer.DECLINED, now


def never(session: Session, visitor: Visitor, view_id: str | None) -> None:
    """ "Not this again"; without an offer: no offers at all."""
    whose = _whose(session, visitor)
    name = ""
    if view_id is not None:
        _, offer = _mine(session, visitor, view_id)
        decline(session, visitor, view_id)
        name = choosing.stem(offer)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(OfferChoice).values(whose=whose, offer_id=name)
    session.execute(row.on_conflict_do_nothing())


def again(session: Session, visitor: Visitor) -> None:
    """Offers may be shown again, all of them."""
    whose = hashes.whose(session, visitor)
    session.execute(delete(OfferChoice).where(OfferChoice.whose == whose))


def wants_none(session: Session, visitor: Visitor) -> bool:
    whose = hashes.known(session, visitor)
    return bool(whose) and session.get(OfferChoice, (whose, "")) is not None


def undo(visitor: Visitor, view_id: str) -> None:
    """Within a day; all of it goes back, and what was licensed or joined ends. Twice is once."""
    with reading() as session:
        found = standing(session, visitor, view_id)
    if found.state == "undone":
        return
    if found.state != "accepted" or found.undo_until_ms is None:
        raise Refusal("This can't be taken back with one click (any more).", "not_undoable")
    charge = found.charge
    if found.order is not None:
        billing.undo_order(visitor, found.order.id)
    elif charge is not None and charge.kind == ChargeKind.TIP:
        billing.undo_charge(visitor, charge.id)
    elif charge is not None:
        billing.withdraw(visitor, charge.membership_id or "")
        with unit_of_work(actor=visitor.actor) as session:
            heard.charge_undone(session, session.get_one(Charge, charge.id))


def standing(session: Session, visitor: Visitor, view_id: str) -> Standing:
    """For the page that shows what became of it. Raises NotFound."""
    view, offer = _mine(session, visitor, view_id)
    clip, now = session.get_one(Clip, view.clip_id), now_of(session)
    order = session.get(Order, view.order_id) if view.order_id else None
    charge = tip.charge_of(session, visitor, view) if visitor.account_id else None
    state = _state(view, order, charge)
    shown = None
    if state == "open":
        shown = _shown_still(session, visitor, view, offer, now)
        state = "open" if shown else "over"
    until = _undo_until(order, charge) if state == "accepted" else None
    until = until if until is not None and now < until else None
    return Standing(view, offer, clip, state, shown, order, charge, until)


def _state(view: OfferView, order: Order | None, charge: Charge | None) -> str:
    if view.answer in (OfferAnswer.ACCEPTED, OfferAnswer.UNDONE):
        return str(view.answer)
    held = order is not None and order.state == OrderState.HELD
    if held or (charge is not None and charge.state == ChargeState.ASKED):
        return "waits"
    for made in (
        order,
        charge,
    ):  # it was confirmed too late to be counted; it is theirs all the same
        if made is not None and made.state in ("paid", "refunded"):
            return "accepted" if made.state == "paid" else "undone"
    return {OfferAnswer.DECLINED: "declined", OfferAnswer.REPLACED: "over"}.get(
        OfferAnswer(view.answer), "open"
    )


def _undo_until(order: Order | None, charge: Charge | None) -> int | None:
    if order is not None:
        return order.undo_until_ms if order.state == OrderState.PAID else None
    if charge is None or charge.state != ChargeState.PAID:
        return None
    if charge.kind == ChargeKind.TIP:
        return charge.undo_until_ms
    return (charge.paid_ms or 0) + UNDO_MS if not charge.amount_cents else None


def _shown_still(
    session: Session, visitor: Visitor, view: OfferView, offer: Offer, at_ms: int
) -> Shown | None:
    if choosing.has_ended(offer, at_ms) or at_ms - view.at_ms >= heard.ANSWER_MS:
        return None
    clip = session.get_one(Clip, view.clip_id)
    deal = kinds.of(offer.kind).deal(session, visitor, offer, clip, at_ms, view.what)
    if deal is None or (deal.cents, deal.currency) != (view.cents, view.currency):
        return None
    return choosing.shown(session, visitor, view, deal)


def _not_over(offer: Offer, view: OfferView, at_ms: int) -> None:
    if at_ms - view.at_ms >= heard.ANSWER_MS:
        raise Refusal(
            f"This card is more than a day old. Watch the clip again for what is offered now. "
            f"{NOTHING}",
            "offer_ended",
        )
    if offer.ends_ms is not None and at_ms >= offer.ends_ms:
        raise Refusal(f"This offer ended on {moment(offer.ends_ms)}. {NOTHING}", "offer_ended")
    if choosing.has_ended(offer, at_ms):
        raise Refusal(f"This offer is not made any more. {NOTHING}", "offer_ended")


def _as_shown(
    session: Session,
    visitor: Visitor,
    view: OfferView,
    offer: Offer,
    at_ms: int,
    cents: int,
    currency: str,
) -> Deal:
    """The same things at the same price as on the card; else Refusal with what it is now."""
    clip = session.get_one(Clip, view.clip_id)
    found: Deal | None = kinds.of(offer.kind).deal(session, visitor, offer, clip, at_ms, view.what)
    if found is None or found.what != view.what:
        raise Refusal(
            f"It can't be had like this any more: a part of it is yours already or was taken off "
            f"sale. {NOTHING}",
            "offer_changed",
        )
    price = (found.cents, found.currency)
    if price != (view.cents, view.currency) or price != (cents, currency):
        now = f"{money(found.cents, found.currency)} {found.currency}"
        raise Refusal(
            f"It costs {now} now, which is not what the card showed. {NOTHING}",
            "price_changed",
            cents=found.cents,
            currency=found.currency,
        )
    return found


def _mine(
    session: Session, visitor: Visitor, view_id: str, *, locked: bool = False
) -> tuple[OfferView, Offer]:
    """Held back ones are nobody's to see. One that was shown to a browser without a cookie is
    whoever's has its address, which no one can guess: a telephone's network changes on the way."""
    wanted = select(OfferView).where(OfferView.id == view_id, OfferView.held_out.is_(False))
    if locked:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(wanted).one_or_none()
    passing = found is not None and found.whose.startswith(hashes.TODAY)
    if found is None or not (passing or found.whose == hashes.known(session, visitor)):
        raise NotFound(ABSENT)
    return found, session.get_one(Offer, found.offer_id)


def _claimed(session: Session, visitor: Visitor, view: OfferView) -> None:
    """What was shown to a browser without a cookie is somebody's as soon as they take it."""
    if not hashes.is_known(visitor):
        raise SignInNeeded("Without an account or a cookie nothing can be bought.")
    if view.whose.startswith(hashes.TODAY):
        view.whose, view.account_id = hashes.whose(session, visitor), visitor.account_id


def _whose(session: Session, visitor: Visitor) -> str:
    whose = hashes.whose(session, visitor)
    if not whose:
        raise SignInNeeded("Without an account or a cookie there is nobody to remember this for.")
    return whose
