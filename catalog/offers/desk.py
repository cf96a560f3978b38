"""A creator's own offers: which are made, with what in them, and how many people go without.

Each is one of defaults.toml. A change is a new row, so a view says for ever what it saw; the
comparison begins anew with it.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import Visitor, needs_creator
from catalog.entitlements import now_of
from catalog.errors import BadRequest, NotFound
from catalog.offers import choosing, kinds, limits, moments, results
from catalog.offers.results import Result
from catalog.rules import clean
from models import event
from models.offer import Offer
from models.turns import take_turn

HOLDOUT = 10
MOST_HOLDOUT, LONGEST_TITLE = 90, 120
DAY_MS = 86_400_000
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
    _checked(seed["kind"], values, at_ms, old)
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
    ended = row is not None and choosing.has_ended(row, at_ms)
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
        fits="Its last day is over." if ended else "",
    )


def _current(session: Session, creator_id: str) -> dict[str, Offer]:
    wanted = select(Offer).where(Offer.creator_id == creator_id, Offer.retired_ms.is_(None))
    return {row.key: row for row in session.scalars(wanted.order_by(Offer.created_ms, Offer.id))}


def _seed(key: str) -> dict[str, Any]:
    found = keys().get(key)
    if found is None:
        raise NotFound("There is no such offer.")
    return found


def _checked(kind: str, values: dict[str, Any], at_ms: int, old: Offer | None) -> None:
    values["title"] = clean(str(values["title"]))
    if not 0 < len(values["title"]) <= LONGEST_TITLE:
        raise BadRequest(f"title: 1 to {LONGEST_TITLE} characters.")
    kinds.of(kind).check(values["facts"])
    holdout, ends_ms = values["holdout"], values["ends_ms"]
    if isinstance(holdout, bool) or not isinstance(holdout, int):
        raise BadRequest("holdout: a whole number.")
    if not 0 <= holdout <= MOST_HOLDOUT:
        raise BadRequest(f"holdout: 0 to {MOST_HOLDOUT} of a hundred people.")
    same = old is not None and old.ends_ms == ends_ms
    if ends_ms is not None and not same and not at_ms < ends_ms < at_ms + 730 * DAY_MS:
        raise BadRequest("ends_ms: a moment from now on, within two years.")
