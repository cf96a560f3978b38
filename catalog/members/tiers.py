"""Tiers: what a creator lets people join. A change is a new row; members keep what they joined."""

import functools
import itertools
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from catalog.auth import Visitor, needs_creator
from catalog.currencies import unit_cents
from catalog.entitlements import now_of
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members.periods import DAY_MS
from catalog.rules import clean, slug_of
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
MOST = 8
"""That can be joined at once: more of them nobody compares."""
CHANGED = "This tier was changed meanwhile. Look at it as it is now."


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


def add(
    session: Session, visitor: Visitor, creator_id: str, *, rank: int | None = None, **fields: Any
) -> Tier:
    """One more that can be joined: above all others, or beside those of this rank. All of
    CHANGEABLE is to be said. Raises NotFound, BadRequest, Refusal.
    """
    needs_creator(visitor, creator_id)
    take_turn(session, f"tiers {creator_id}")
    missing = CHANGEABLE - set(fields)
    if missing:
        raise BadRequest(f"Of a new tier these are missing: {', '.join(sorted(missing))}.")
    there = current(session, creator_id)
    if len(there) >= MOST:
        raise Refusal(
            f"There are {MOST} tiers, which is as many as can be joined at once. Close one first.",
            "too_many_tiers",
        )
    currency = there[0].currency if there else settings().currency
    said = _checked(fields, currency)
    ranks = {one.rank for one in there}
    if rank is not None and rank not in ranks:
        raise BadRequest("rank: one that a tier has, or none to put it above all others.")
    used = _versions(session, creator_id)
    said["rank"] = rank or max((one.rank for one in used), default=0) + 1
    said["key"] = _key(said["name"], {one.key for one in used})
    _fits(there, said)
    made = Tier(creator_id=creator_id, currency=currency, created_ms=now_of(session), **said)
    session.add(made)
    session.flush()
    event.record(session, "tier.added", made.id, creator=creator_id)
    return made


def close(session: Session, visitor: Visitor, tier_id: str) -> None:
    """Nobody joins it any more; who has it keeps it, with all that it gives, at its price. Twice is
    once. Raises NotFound, Refusal for the only one that is left.
    """
    found = _locked(session, visitor, tier_id)
    there = current(session, found.creator_id)
    if found.retired_ms is not None:
        if any(one.key == found.key for one in there):
            raise Refusal(CHANGED, "retired")
        return
    if len(there) == 1:
        raise Refusal(
            "This is the only tier that can be joined. Add another one first, or take no new "
            "members at all.",
            "last_tier",
        )
    found.retired_ms = now_of(session)
    event.record(session, "tier.closed", found.id)
    session.flush()


def change(session: Session, visitor: Visitor, tier_id: str, **fields: Any) -> Tier:
    """The tier as it is from now on for who joins. Raises NotFound, BadRequest, Refusal."""
    old = _mine(session, visitor, tier_id)
    said = _checked(fields, old.currency)
    if all(getattr(old, name) == value for name, value in said.items()):
        return old
    kept = {name: getattr(old, name) for name in (*CENTS, "lead_ms", "name", "rank")}
    others = [one for one in current(session, old.creator_id) if one.id != old.id]
    _fits(others, {**kept, **said})
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


def _locked(session: Session, visitor: Visitor, tier_id: str) -> Tier:
    """With its creator's other ones: of two that change at once, the second sees the first."""
    found = session.get(Tier, tier_id)
    if found is None:
        raise NotFound("There is no such tier.")
    needs_creator(visitor, found.creator_id)
    take_turn(session, f"tiers {found.creator_id}")
    return session.get_one(Tier, tier_id, with_for_update=True, populate_existing=True)


def _versions(session: Session, creator_id: str) -> list[Tier]:
    """All that there ever were."""
    return list(session.scalars(select(Tier).where(Tier.creator_id == creator_id)))


def _mine(session: Session, visitor: Visitor, tier_id: str) -> Tier:
    found = _locked(session, visitor, tier_id)
    if found.retired_ms is not None:
        raise Refusal(CHANGED, "retired")
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


def _fits(others: Sequence[Tier], said: dict[str, Any]) -> None:
    """What costs more gives as much at least: the ladder goes up. Raises BadRequest."""
    name = said["name"]
    if said["year_cents"] < said["month_cents"]:
        raise BadRequest(f"{name}: a year costs no less than a month.")
    for one in others:
        if one.rank == said["rank"]:
            continue
        above = one.rank > said["rank"]
        low, high = (said, _said(one)) if above else (_said(one), said)
        if any(low[price] > high[price] for price in CENTS):
            raise BadRequest(
                f"{high['name']} is above {low['name']} and would cost less. A tier costs at least "
                "what those below it cost."
            )
        if low["lead_ms"] > high["lead_ms"]:
            raise BadRequest(
                f"{high['name']} is above {low['name']} and would see clips later. A tier sees "
                "them at least as early as those below it."
            )


def _said(tier: Tier) -> dict[str, Any]:
    return {name: getattr(tier, name) for name in (*CENTS, "lead_ms", "name")}


def _key(name: str, used: set[str]) -> str:
    """A word that no tier of the creator's ever had: what was said of that one is not of this."""
    word = slug_of(name, "tier")[:36].rstrip("-")
    numbered = (f"{word}-{number}" for number in itertools.count(2))
    return next(one for one in itertools.chain([word], numbered) if one not in used)


def _checked(fields: dict[str, Any], currency: str) -> dict[str, Any]:
    if not fields or set(fields) - CHANGEABLE:
        raise BadRequest(f"Of a tier these can be changed: {', '.join(sorted(CHANGEABLE))}.")
    said = dict(fields)
    for name, most in LONGEST.items():
        if name in said:
            said[name] = clean(str(said[name]))
            if not 0 < len(said[name]) <= most:
                raise BadRequest(f"{name}: 1 to {most} characters.")
    unit = unit_cents(currency)
    for name in CENTS:
        price = said.get(name, 100)
        if not (_whole(price) and 100 <= price <= MOST_CENTS * unit and price % unit == 0):
            most = MOST_CENTS * unit // 100
            raise BadRequest(f"{name}: a price from 1 to {most:,}, in whole cents.")
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
    currency = settings().currency
    given |= {name: seed[name] * unit_cents(currency) for name in CENTS}
    return Tier(
        creator_id=creator_id,
        currency=currency,
        lead_ms=seed["lead_hours"] * HOUR_MS,
        **given,
    )


@functools.cache
def _seeds() -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(SEEDS.read_text(encoding="utf-8"))["tier"]
    return found
