"""Which offer fits a visitor at a moment, or none. What it decided is a row, also where the offer
is held back for comparison."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from catalog import segments
from catalog.auth import Visitor
from catalog.entitlements import may_use
from catalog.members import methods, tiers
from catalog.offers import hashes, kinds, limits, moments, sessions
from catalog.offers.deals import UNDER_CENTS, Deal
from catalog.offers.limits import Seen
from catalog.offers.moments import Reason
from models.clip import Clip
from models.offer import ContentSession, Offer, OfferAnswer, OfferChoice, OfferView
from models.turns import take_turn

SEGMENT = "segment"
"""The fact of an offer that is made to the members of one segment alone: its key."""
OPEN_MS = 30 * 60_000
"""So long a card that was not answered is the same card when the page is loaded again."""


@dataclass(frozen=True)
class Shown:
    view: OfferView
    offer: Offer
    deal: Deal
    clip: Clip
    creator: str
    """Their name."""
    method: str
    """The kept method that one click is charged by; empty: it is paid at the checkout."""
    passing: bool
    """To somebody without account and cookie: a "no" is known until the day ends."""

    @property
    def again_days(self) -> int:
        """So long it does not come back at its price once its last day is over."""
        return limits.limits().again_days


@dataclass(frozen=True)
class _Fit:
    offer: Offer
    deal: Deal
    reason: Reason


def fitting(
    session: Session,
    visitor: Visitor,
    moment: str,
    clip: Clip,
    at_ms: int,
    *,
    offset_min: int = 0,
) -> Shown | None:
    """`moment`: "end" at a clip's end, with all that holds there, or "bought".

    None as well for who is in the comparison: to them nothing is different from no offer."""
    whose = hashes.whose(session, visitor, at_ms)
    if not whose or visitor.works_for(clip.recording.creator_id):
        return None
    if not may_use(session, visitor, clip, "see", at_ms):
        return None
    take_turn(session, f"offers {whose}")
    never = set(session.scalars(select(OfferChoice.offer_id).filter_by(whose=whose)))
    if "" in never:
        return None
    rows = _before(session, whose, at_ms)
    seen = [_seen(*row) for row in rows if row[0].answer != OfferAnswer.REPLACED]
    of = limits.limits()
    if limits.is_quiet(at_ms, offset_min, of) or limits.rests(seen, at_ms, of):
        return None
    waiting = _open(rows, moment, clip, at_ms)
    if waiting is not None and stem(waiting[1]) in never:
        return None
    if waiting is not None:
        return _again(session, visitor, *waiting, clip, at_ms)
    if limits.is_full(seen, at_ms, of):
        return None
    visit = sessions.current(session, visitor, clip, at_ms)
    if visit.held_out:  # a visit without offers stays one, or it compares with nothing
        return None
    found = _first(session, visitor, never, seen, moment, clip, at_ms)
    return _recorded(session, visitor, visit, whose, found, clip, at_ms) if found else None


def stem(offer: Offer) -> str:
    """The same for all versions of an offer: what "not this again" and the comparison go by."""
    named = f"{offer.creator_id} {offer.key}"
    return hashlib.sha256(named.encode()).hexdigest()[:32] if offer.key else offer.id


def is_held_out(session: Session, whose: str, offer: Offer) -> bool:
    return hashes.share(session, whose, stem(offer)) < offer.holdout


def segment_of(offer: Offer) -> str:
    """Empty: it is for whoever it fits."""
    return str(offer.facts.get(SEGMENT, ""))


def in_force(session: Session, creator_id: str, at_ms: int) -> Sequence[Offer]:
    """The creator's own choice, the highest rank first."""
    wanted = select(Offer).where(
        Offer.creator_id == creator_id,
        Offer.retired_ms.is_(None),
        Offer.starts_ms <= at_ms,
        or_(Offer.ends_ms.is_(None), Offer.ends_ms > at_ms),
    )
    return session.scalars(wanted.order_by(Offer.rank.desc(), Offer.id)).all()


def any_for(session: Session, visitor: Visitor, clip: Clip, at_ms: int) -> bool:
    """Whether the clip's page leads to offers: its creator makes some, though not to themselves."""
    creator_id = clip.recording.creator_id
    return not visitor.works_for(creator_id) and bool(in_force(session, creator_id, at_ms))


def tip_of(session: Session, visitor: Visitor, clip: Clip, at_ms: int) -> Offer | None:
    """What anybody may give at any time, where the creator takes tips: no card and no cap."""
    creator_id = clip.recording.creator_id
    made = [] if visitor.works_for(creator_id) else in_force(session, creator_id, at_ms)
    return next((one for one in made if one.kind == "tip" and not segment_of(one)), None)


def has_ended(offer: Offer, at_ms: int) -> bool:
    ended = offer.ends_ms is not None and at_ms >= offer.ends_ms
    return ended or offer.retired_ms is not None or at_ms < offer.starts_ms


def shown(session: Session, visitor: Visitor, view: OfferView, deal: Deal) -> Shown:
    offer, clip = session.get_one(Offer, view.offer_id), session.get_one(Clip, view.clip_id)
    kept = methods.stored(session, visitor.account_id) if visitor.account_id else None
    creator = clip.recording.creator.name
    passing = not hashes.is_known(visitor)
    return Shown(view, offer, deal, clip, creator, kept.label if kept else "", passing)


def _first(
    session: Session,
    visitor: Visitor,
    never: set[str],
    seen: list[Seen],
    door: str,
    clip: Clip,
    at_ms: int,
) -> _Fit | None:
    """Of those that fit, the highest; refused ones and what one has are passed over."""
    allowed, of = moments.of_door(door), limits.limits()
    for offer in in_force(session, clip.recording.creator_id, at_ms):
        name = stem(offer)
        if offer.moment not in allowed or offer.kind not in kinds.KINDS or name in never:
            continue
        if limits.enough(seen, name, at_ms, of):
            continue
        reason = moments.holds(session, visitor, offer.moment, clip)
        reason = _among(session, visitor, offer, reason, at_ms) if reason else None
        deal = kinds.of(offer.kind).deal(session, visitor, offer, clip, at_ms) if reason else None
        if reason and deal is not None and 0 < deal.cents < UNDER_CENTS:
            return _Fit(offer, deal, Reason(reason.text, (*reason.data, *deal.used)))
    return None


def _among(
    session: Session, visitor: Visitor, offer: Offer, reason: Reason, at_ms: int
) -> Reason | None:
    """With why this person is among those that it is made to; None where they are not."""
    if not segment_of(offer):
        return reason
    rule = segments.holds(session, offer.creator_id, segment_of(offer), visitor.account_id, at_ms)
    if rule is None:
        return None
    names = {one.key: one.name for one in tiers.current(session, offer.creator_id)}
    told = "; ".join(segments.told(rule, names))
    used = (segments.FACTS[name].used for name in rule.facts())
    return Reason(
        f"{reason.text} It is for members who fit this alone: {told}.", (*reason.data, *used)
    )


def _recorded(
    session: Session,
    visitor: Visitor,
    visit: ContentSession,
    whose: str,
    fit: _Fit,
    clip: Clip,
    at_ms: int,
) -> Shown | None:
    held_out = is_held_out(session, whose, fit.offer)
    if visit.held_out is None:
        visit.held_out, visit.bought_cents = held_out, 0  # what came before is no fruit of it
    view = OfferView(
        offer_id=fit.offer.id,
        whose=whose,
        account_id=visitor.account_id,
        session_id=visit.id,
        clip_id=clip.id,
        held_out=held_out,
        cents=fit.deal.cents,
        currency=fit.deal.currency,
        reason=fit.reason.text[:300],
        data_used=list(fit.reason.data),
        what=fit.deal.what,
        at_ms=at_ms,
    )
    session.add(view)
    session.flush()
    return None if held_out else shown(session, visitor, view, fit.deal)


def _again(
    session: Session, visitor: Visitor, view: OfferView, offer: Offer, clip: Clip, at_ms: int
) -> Shown | None:
    """The card that waits for an answer; with a price of now it is another view of it."""
    if view.held_out or has_ended(offer, at_ms):
        return None
    again = Reason(view.reason, tuple(view.data_used))
    if _among(session, visitor, offer, again, at_ms) is None:
        return None
    deal = kinds.of(offer.kind).deal(session, visitor, offer, clip, at_ms)
    if deal is None or not 0 < deal.cents < UNDER_CENTS:
        return None
    if (deal.cents, deal.currency, deal.what) == (view.cents, view.currency, view.what):
        return shown(session, visitor, view, deal)
    view.answer, view.answered_ms = OfferAnswer.REPLACED, at_ms
    visit = sessions.current(session, visitor, clip, at_ms)
    return _recorded(session, visitor, visit, view.whose, _Fit(offer, deal, again), clip, at_ms)


def _before(session: Session, whose: str, at_ms: int) -> list[tuple[OfferView, Offer]]:
    since = at_ms - limits.limits().memory_ms
    wanted = (
        select(OfferView, Offer)
        .join(Offer, Offer.id == OfferView.offer_id)
        .where(OfferView.whose == whose, OfferView.at_ms > since)
    )
    return [(view, offer) for view, offer in session.execute(wanted.order_by(OfferView.at_ms))]


def _open(
    rows: list[tuple[OfferView, Offer]], door: str, clip: Clip, at_ms: int
) -> tuple[OfferView, Offer] | None:
    allowed = moments.of_door(door)
    for view, offer in reversed(rows):
        here = view.clip_id == clip.id and offer.moment in allowed
        if here and view.answer == OfferAnswer.NONE and at_ms - view.at_ms < OPEN_MS:
            return view, offer
    return None


def _seen(view: OfferView, offer: Offer) -> Seen:
    return Seen(view.at_ms, stem(offer), view.answer, view.answered_ms)
