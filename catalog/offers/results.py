"""What an offer did: how it was answered, and what visits brought with it and without it."""

from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from catalog.offers import uplift
from catalog.offers.uplift import Interval
from models.offer import ContentSession, Offer, OfferAnswer, OfferView

SETTLED_MS = 2 * 86_400_000
"""A visit lasts a day at most, and what was bought can be taken back for a day."""


@dataclass(frozen=True)
class Arm:
    visits: int
    bought: int


@dataclass(frozen=True)
class Result:
    shown: int
    held_out: int
    accepted: int
    undone: int
    declined: int
    with_it: Arm
    without: Arm
    more: Interval | None
    """How much more often visits bought something, in shares."""
    said: str


def of_offer(session: Session, offer: Offer, at_ms: int) -> Result:
    shown, held_out = (
        _counts(session, offer, held_out=False),
        _counts(session, offer, held_out=True),
    )
    one, other = _arm(session, offer, False, at_ms), _arm(session, offer, True, at_ms)
    return Result(
        shown=sum(shown.values()),
        held_out=sum(held_out.values()),
        accepted=shown.get(OfferAnswer.ACCEPTED, 0),
        undone=shown.get(OfferAnswer.UNDONE, 0),
        declined=shown.get(OfferAnswer.DECLINED, 0),
        with_it=one,
        without=other,
        more=uplift.difference(one.bought, one.visits, other.bought, other.visits),
        said=_said(offer, one, other),
    )


def _said(offer: Offer, one: Arm, other: Arm) -> str:
    """Whether the comparison can be stopped, in plain words."""
    if not offer.holdout:
        return "Everybody is shown it, so there is nothing to compare with."
    test = uplift.tested(one.bought, one.visits, other.bought, other.visits)
    if test is None:
        return "The comparison goes on: no visit is two days old in both groups yet."
    return {
        "more": "The comparison goes on: nothing is certain yet.",
        "better": "The comparison can be stopped: with this offer more visits buy something.",
        "worse": "The comparison can be stopped: with this offer fewer visits buy something.",
        "same": "The comparison can be stopped: the offer makes no difference that matters.",
    }[test.verdict]


def _counts(session: Session, offer: Offer, *, held_out: bool) -> dict[str, int]:
    wanted = select(OfferView.answer, func.count()).where(
        OfferView.offer_id == offer.id,
        OfferView.held_out.is_(held_out),
        OfferView.answer != OfferAnswer.REPLACED,
    )
    return {row[0]: row[1] for row in session.execute(wanted.group_by(OfferView.answer))}


def _arm(session: Session, offer: Offer, held_out: bool, at_ms: int) -> Arm:
    """Visits in which this offer was the first that fitted: the others belong to another one."""
    first = (
        select(OfferView.session_id)
        .where(OfferView.offer_id == offer.id, OfferView.held_out.is_(held_out))
        .distinct()
    )
    bought = case((ContentSession.bought_cents > 0, 1), else_=0)
    wanted = select(func.count(), func.sum(bought)).where(
        ContentSession.id.in_(first),
        ContentSession.held_out.is_(held_out),
        ContentSession.begun_ms < at_ms - SETTLED_MS,
    )
    visits, hits = session.execute(wanted).one()
    return Arm(visits, int(hits or 0))
