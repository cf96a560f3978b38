"""What an offer did: how it was answered, and what visits brought with it and without it."""

from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from catalog.offers import uplift
from catalog.offers.heard import SETTLED_MS
from catalog.offers.uplift import Interval
from models.offer import ContentSession, Offer, OfferAnswer, OfferView


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
    verdict: str
    """none: nothing to compare; early: no visit is old enough; else that of the test"""
    said: str
    """What that means and what to do, for somebody who knows no statistics."""


def of_offer(session: Session, offer: Offer, at_ms: int) -> Result:
    shown, held_out = (
        _counts(session, offer, held_out=False),
        _counts(session, offer, held_out=True),
    )
    arms = _arms(session, offer, at_ms)
    one, other = arms[False], arms[True]
    verdict, said = _said(offer, one, other)
    return Result(
        shown=sum(shown.values()),
        held_out=sum(held_out.values()),
        accepted=shown.get(OfferAnswer.ACCEPTED, 0),
        undone=shown.get(OfferAnswer.UNDONE, 0),
        declined=shown.get(OfferAnswer.DECLINED, 0),
        with_it=one,
        without=other,
        more=uplift.difference(one.bought, one.visits, other.bought, other.visits),
        verdict=verdict,
        said=said,
    )


def _said(offer: Offer, one: Arm, other: Arm) -> tuple[str, str]:
    if not offer.holdout:
        return "none", (
            "Everybody is shown it, so there is nothing to compare with. Leave out 10 of a hundred "
            "people to find out what it brings."
        )
    shares = one.bought, one.visits, other.bought, other.visits
    test = uplift.tested(*shares)
    if test is None:
        return "early", (
            "Too early to say: no visit is two days old yet in both groups. Before that, what was "
            "bought can still be taken back."
        )
    return test.verdict, {
        "more": f"Too early to say: it may be chance. {_wait(uplift.still(*shares))}",
        "better": "It works: with this offer more visits buy something, and that is no chance. The "
        "comparison can be stopped: set the people who are left out to 0.",
        "worse": "It costs you sales: with this offer fewer visits buy something, and that is no "
        "chance. The comparison can be stopped, and so had the offer better be.",
        "same": "It makes no difference that matters: less than one visit in two hundred, either "
        "way. The comparison can be stopped; keep the offer or not, as you like.",
    }[test.verdict]


def _wait(visits: int | None) -> str:
    if visits is None:
        return "As it looks now, it would take longer than is worth waiting for."
    known = max(visits, 1)
    step = 10 ** max(len(str(known)) - 2, 0)
    return f"If it goes on like this, about {-(-known // step) * step:,} more visits will tell."


def _counts(session: Session, offer: Offer, *, held_out: bool) -> dict[str, int]:
    wanted = select(OfferView.answer, func.count()).where(
        OfferView.offer_id == offer.id,
        OfferView.held_out.is_(held_out),
        OfferView.answer != OfferAnswer.REPLACED,
    )
    return {row[0]: row[1] for row in session.execute(wanted.group_by(OfferView.answer))}


def _arms(session: Session, offer: Offer, at_ms: int) -> dict[bool, Arm]:
    """Visits in which this offer was the first that fitted. What was bought in a visit belongs to
    what was drawn first: who comes to a second offer is no chance any more."""
    mine = select(OfferView.session_id).where(OfferView.offer_id == offer.id)
    number = func.row_number().over(
        partition_by=OfferView.session_id, order_by=(OfferView.at_ms, OfferView.id)
    )
    views = (
        select(OfferView.session_id, OfferView.offer_id, number.label("number"))
        .where(OfferView.session_id.in_(mine))
        .subquery()
    )
    bought = case((ContentSession.bought_cents > 0, 1), else_=0)
    wanted = (
        select(ContentSession.held_out, func.count(), func.sum(bought))
        .join(views, views.c.session_id == ContentSession.id)
        .where(
            views.c.number == 1,
            views.c.offer_id == offer.id,
            ContentSession.held_out.is_not(None),
            ContentSession.begun_ms < at_ms - SETTLED_MS,
        )
    )
    rows = session.execute(wanted.group_by(ContentSession.held_out)).all()
    found = {bool(row[0]): Arm(row[1], int(row[2] or 0)) for row in rows}
    return {held_out: found.get(held_out, Arm(0, 0)) for held_out in (False, True)}
