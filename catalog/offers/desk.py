"""A creator's own offers: which are made, with what in them, and how many people go without.

Each is one of defaults.toml. A change is a new row, so a view says for ever what it saw; the
comparison begins anew with it.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import segments
from catalog.auth import Visitor, needs_creator
from catalog.entitlements import now_of
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.offers import choosing, kinds, limits, moments, results
from catalog.offers.choosing import SEGMENT
from catalog.offers.results import Result
from catalog.rules import clean
from catalog.web.words import moment
from models import event
from models.offer import Offer, OfferView
from models.turns import take_turn

HOLDOUT = 10
MOST_HOLDOUT, LONGEST_TITLE = 90, 120
DAY_MS = 86_400_000
NOT_SHOWN = "Of a hundred people, not shown to"
BETTER = ("percent", "days")
"""What makes an offer better than the usual price."""
CHANGEABLE = {"title", "facts", "holdout", "ends_ms"}


@dataclass(frozen=True)
class Choice:
    """One of the offers that a creator may make; `row`: as it is made now."""

    key: str
    kind: str
    kind_name: str
    moment: str
    title: str
    facts: dict[str, Any]
    holdout: int
    ends_ms: int | None
    row: Offer | None
    result: Result | None
    segment: segments.Shown | None
    """The members whom it is made to alone; None: to whoever it fits, or its segment is closed."""
    fits: str
    """Why it is shown to nobody just now; empty where it may be."""


def keys() -> dict[str, dict[str, Any]]:
    return dict(limits.defaults()["offer"])


def of_creator(session: Session, visitor: Visitor, creator_id: str) -> list[Choice]:
    needs_creator(visitor, creator_id)
    at_ms, known = now_of(session), _current(session, creator_id)
    return [_choice(session, key, known.get(key), at_ms) for key in keys()]


def put(session: Session, visitor: Visitor, creator_id: str, key: str, **fields: Any) -> Offer:
    """Made from now on, or made otherwise. What is not named stays as it is; what is the same as
    before is no change. Raises NotFound, BadRequest.
    """
    needs_creator(visitor, creator_id)
    seed = _seed(key)
    take_turn(session, f"offers of {creator_id}")
    old, at_ms = _current(session, creator_id).get(key), now_of(session)
    base = old or Offer(title=seed["title"], facts=seed["facts"], holdout=HOLDOUT, ends_ms=None)
    values = {name: fields.get(name, getattr(base, name)) for name in sorted(CHANGEABLE)}
    values["facts"] = _with_segment(values["facts"], base.facts)
    _checked(seed["kind"], values, at_ms, old)
    if seed["kind"] == "trial":
        dear = kinds.trial.too_dear(session, creator_id, values["facts"]["tier"])
        if dear:
            raise BadRequest(dear)
    _check_deadline(session, creator_id, key, values, at_ms)
    _check_segment(session, creator_id, seed["kind"], values["facts"], old)
    if old is not None and all(getattr(old, name) == values[name] for name in CHANGEABLE):
        return old
    if old is not None:
        old.retired_ms = at_ms
    made = Offer(
        creator_id=creator_id,
        key=key,
        kind=seed["kind"],
        moment=seed["moment"],
        rank=seed["rank"],
        starts_ms=at_ms,
        **values,
    )
    session.add(made)
    session.flush()
    event.record(session, "offer.made", made.id, key=key, creator_id=creator_id)
    return made


def end(session: Session, visitor: Visitor, creator_id: str, key: str) -> None:
    """Made to nobody from now on; cards that are open can't be taken any more."""
    needs_creator(visitor, creator_id)
    _seed(key)
    found = _current(session, creator_id).get(key)
    if found is not None:
        found.retired_ms = now_of(session)
        event.record(session, "offer.ended", found.id, key=key, creator_id=creator_id)


def _choice(session: Session, key: str, row: Offer | None, at_ms: int) -> Choice:
    seed = _seed(key)
    segment = None
    if row is not None and choosing.segment_of(row):
        segment = segments.open_one(session, row.creator_id, choosing.segment_of(row))
    return Choice(
        key=key,
        kind=seed["kind"],
        kind_name=kinds.of(seed["kind"]).NAME,
        moment=moments.NAMES[seed["moment"]],
        title=row.title if row else seed["title"],
        facts=dict(row.facts if row else seed["facts"]),
        holdout=row.holdout if row else HOLDOUT,
        ends_ms=row.ends_ms if row else None,
        row=row,
        result=results.of_offer(session, row, at_ms) if row else None,
        segment=segment,
        fits=_fits(session, row, segment, at_ms) if row else "",
    )


def _fits(session: Session, row: Offer, segment: segments.Shown | None, at_ms: int) -> str:
    if row.kind == "trial":
        dear = kinds.trial.too_dear(session, row.creator_id, str(row.facts["tier"]))
        if dear:
            return dear
    if choosing.has_ended(row, at_ms):
        return "Its last day is over."
    if choosing.segment_of(row) and segment is None:
        return "Its segment is closed, so it is shown to nobody."
    if segment is not None and not segment.size.least:
        return f"Fewer than {segments.LEAST} people are in its segment, so it is shown to nobody."
    return ""


def _current(session: Session, creator_id: str) -> dict[str, Offer]:
    wanted = select(Offer).where(Offer.creator_id == creator_id, Offer.retired_ms.is_(None))
    return {row.key: row for row in session.scalars(wanted.order_by(Offer.created_ms, Offer.id))}


def _seed(key: str) -> dict[str, Any]:
    found = keys().get(key)
    if found is None:
        raise NotFound("There is no such offer.")
    return found


def _with_segment(facts: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Not named, it stays; named as empty, it is for everybody."""
    said = facts.get(SEGMENT, before.get(SEGMENT, ""))
    bare = {name: value for name, value in facts.items() if name != SEGMENT}
    return {**bare, SEGMENT: said} if said else bare


def _check_segment(
    session: Session, creator_id: str, kind: str, facts: dict[str, Any], old: Offer | None
) -> None:
    """Raises BadRequest, and Refusal for one that is too small to be offered anything."""
    said = facts.get(SEGMENT, "")
    if not said or (old is not None and choosing.segment_of(old) == said):
        return
    if kind == "trial":
        raise BadRequest("A trial is for who is no member; in a segment there are members alone.")
    found = segments.open_one(session, creator_id, said) if isinstance(said, str) else None
    if found is None:
        raise BadRequest("For: one of your open segments, or everybody.")
    if not found.size.least:
        raise Refusal(
            f"Fewer than {segments.LEAST} people are in it by now. So small a segment would be "
            "about persons, so nothing is offered to it.",
            "too_few",
        )


def _check_deadline(
    session: Session, creator_id: str, key: str, values: dict[str, Any], at_ms: int
) -> None:
    """A card that somebody saw said until when, and for how long it does not come back at its
    price: so it does not. Raises Refusal."""
    days = limits.limits().again_days
    what = next((name for name in BETTER if name in values["facts"]), None)
    if what is None:  # it is the usual price, so its card says no such thing
        return
    seen = select(OfferView.id).where(OfferView.offer_id == Offer.id, OfferView.held_out.is_(False))
    wanted = select(Offer).where(
        Offer.creator_id == creator_id,
        Offer.key == key,
        Offer.ends_ms > at_ms - days * DAY_MS,
        seen.exists(),
    )
    for one in session.scalars(wanted.order_by(Offer.ends_ms)):
        ends_ms = one.ends_ms or 0
        longer = values["ends_ms"] is None or values["ends_ms"] > ends_ms
        if longer and values["facts"][what] >= one.facts[what]:
            raise Refusal(
                f"People read that it ends on {moment(ends_ms)} and does not come back at this "
                f"price for {days} days. Offer less, or wait until "
                f"{moment(ends_ms + days * DAY_MS)}.",
                "deadline",
            )


def _checked(kind: str, values: dict[str, Any], at_ms: int, old: Offer | None) -> None:
    values["title"] = clean(str(values["title"]))
    if not 0 < len(values["title"]) <= LONGEST_TITLE:
        raise BadRequest(f"Title: 1 to {LONGEST_TITLE} characters.")
    bare = {name: value for name, value in values["facts"].items() if name != SEGMENT}
    kinds.of(kind).check(bare)
    holdout, ends_ms = values["holdout"], values["ends_ms"]
    if isinstance(holdout, bool) or not isinstance(holdout, int):
        raise BadRequest(f"{NOT_SHOWN}: a whole number.")
    if not 0 <= holdout <= MOST_HOLDOUT:
        raise BadRequest(f"{NOT_SHOWN}: 0 to {MOST_HOLDOUT}.")
    same = old is not None and old.ends_ms == ends_ms
    if ends_ms is not None and not same and not at_ms < ends_ms < at_ms + 730 * DAY_MS:
        raise BadRequest("Last day: from today on, within two years; or none.")
