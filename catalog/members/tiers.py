"""Tiers: what a creator lets people join. A change is a new row; members keep what they joined."""

import functools
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from catalog.auth import Visitor, needs_creator
from catalog.entitlements import now_of
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members.periods import DAY_MS
from catalog.rules import clean
from models import event
from models.creator import Creator
from models.membership import Tier
from models.settings import settings
from models.turns import take_turn

SEEDS = Path(__file__).parent / "tiers.toml"
HOUR_MS = 3_600_000
TEST_DAYS = 90
MOST_CENTS = 100_000
LONGEST = {"name": 80, "summary": 300}
CENTS = ("month_cents", "year_cents")
CHANGEABLE = {*LONGEST, *CENTS, "lead_ms", "perks"}


def open_for(session: Session, visitor: Visitor, creator_id: str) -> list[Tier]:
    """People can join from now on; the tiers are the seeds' where there are none yet."""
    needs_creator(visitor, creator_id)
    take_turn(session, f"tiers {creator_id}")
    creator = session.get_one(Creator, creator_id)
    found = current(session, creator_id)
    if not found:
        session.add_all(_seeded(creator_id, seed) for seed in _seeds())
        session.flush()
        found = current(session, creator_id)
    if creator.members_ms is None:
        creator.members_ms = now_of(session)
        event.record(session, "members.opened", creator_id)
    return found


def close_for(session: Session, visitor: Visitor, creator_id: str) -> None:
    """Nobody joins any more, and nobody is charged again: memberships go on until their period
    ends, and their members are told so within a minute (catalog.members.advancing).
    """
    needs_creator(visitor, creator_id)
    creator = session.get_one(Creator, creator_id)
    if creator.members_ms is not None:
        creator.members_ms = None
        event.record(session, "members.closed", creator_id)


def current(session: Session, creator_id: str) -> list[Tier]:
    """The ladder that can be joined, the lowest first."""
    wanted = select(Tier).where(Tier.creator_id == creator_id, Tier.retired_ms.is_(None))
    return list(session.scalars(wanted.order_by(Tier.rank, Tier.id)))


def joinable(session: Session, creator_id: str, at_ms: int) -> list[Tier]:
    """Of these, a tier on trial takes nobody after its trial."""
    return [one for one in current(session, creator_id) if takes_new(one, at_ms)]


def takes_new(tier: Tier, at_ms: int) -> bool:
    return tier.retired_ms is None and (tier.test_until_ms is None or at_ms < tier.test_until_ms)


def change(session: Session, visitor: Visitor, tier_id: str, **fields: Any) -> Tier:
    """The tier as it is from now on for who joins. Raises NotFound, BadRequest, Refusal."""
    old = _mine(session, visitor, tier_id)
    said = _checked(fields)
    if all(getattr(old, name) == value for name, value in said.items()):
        return old
    return _replaced(session, old, said)


def start_test(session: Session, visitor: Visitor, tier_id: str, days: int = TEST_DAYS) -> Tier:
    """On trial for so many days; who joins in them is told apart in the figures."""
    old = _mine(session, visitor, tier_id)
    if not 1 <= days <= 366:
        raise BadRequest("days: a test of a tier lasts 1 to 366 days.")
    if old.test_until_ms is not None and old.test_until_ms > now_of(session):
        raise Refusal("This tier is on trial already.", "on_trial")
    return _replaced(session, old, {"test_until_ms": now_of(session) + days * DAY_MS})


def end_test(session: Session, visitor: Visitor, tier_id: str) -> Tier:
    """It stays, as a tier like others."""
    return _replaced(session, _mine(session, visitor, tier_id), {"test_until_ms": None})


def _mine(session: Session, visitor: Visitor, tier_id: str) -> Tier:
    found = session.get(Tier, tier_id, with_for_update=True)
    if found is None:
        raise NotFound("There is no such tier.")
    needs_creator(visitor, found.creator_id)
    if found.retired_ms is not None:
        raise Refusal("This tier was changed meanwhile. Look at it as it is now.", "retired")
    return found


def _replaced(session: Session, old: Tier, said: dict[str, Any]) -> Tier:
    kept = {
        column.key: getattr(old, column.key)
        for column in inspect(Tier).column_attrs
        if column.key not in ("id", "created_ms", "retired_ms")
    }
    now = now_of(session)
    old.retired_ms = now
    session.flush()
    made = Tier(**{**kept, **said, "created_ms": now})
    session.add(made)
    session.flush()
    event.record(session, "tier.changed", made.id, of=old.id, fields=sorted(said))
    return made


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    if not fields or set(fields) - CHANGEABLE:
        raise BadRequest(f"Of a tier these can be changed: {', '.join(sorted(CHANGEABLE))}.")
    said = dict(fields)
    for name, most in LONGEST.items():
        if name in said:
            said[name] = clean(str(said[name]))
            if not 0 < len(said[name]) <= most:
                raise BadRequest(f"{name}: 1 to {most} characters.")
    for name in CENTS:
        if name in said and not (_whole(said[name]) and 100 <= said[name] <= MOST_CENTS):
            raise BadRequest(f"{name}: a price from 1 to {MOST_CENTS // 100}, in whole cents.")
    if "perks" in said:
        from catalog.members import perks

        perks.checked(said["perks"])
    if "lead_ms" in said and not (_whole(said["lead_ms"]) and 0 <= said["lead_ms"] <= 30 * DAY_MS):
        raise BadRequest("lead_ms: from nothing to 30 days.")
    return said


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _seeded(creator_id: str, seed: dict[str, Any]) -> Tier:
    given = {name: value for name, value in seed.items() if name != "lead_hours"}
    return Tier(
        creator_id=creator_id,
        currency=settings().currency,
        lead_ms=seed["lead_hours"] * HOUR_MS,
        **given,
    )


@functools.cache
def _seeds() -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(SEEDS.read_text(encoding="utf-8"))["tier"]
    return found
