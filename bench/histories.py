"""Years of members, payments, visits and offers, made up, the same for the same seed: rows alone.

Written in bulk, without what the database would check.
"""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from bench import shelves
from models.account import Account
from models.base import Base
from models.creator import Creator
from models.membership import Charge, MemberEvent, Membership, Tier
from models.offer import ContentSession, Offer, OfferView
from models.order import Order
from models.payment import PaymentEvent

LAST_DAY = date(2026, 10, 15)
END_MS = int(datetime(2026, 10, 16, tzinfo=UTC).timestamp()) * 1000
DAY_MS = 86_400_000
DAYS = 730
SHARES = {"member": 0.3, "payment": 0.2, "visit": 0.3, "view": 0.2}
CREATORS, OFFERS = 20, 40
TIERS = (("early", 300, 3_000), ("drops", 900, 9_000), ("events", 2_500, 25_000))
LICENSES = 0.2
"""Of the payments; the others are members'."""
BATCH = 20_000
Rows = dict[str, list[dict[str, Any]]]


def fill(engine: Engine, events: int, seed: int = 1) -> None:
    chance = random.Random(seed)
    with engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:
            raw: Any = connection.connection
            raw.executescript("PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF;")
        connection.begin()
        if not sqlite:  # neither its triggers nor its foreign keys look at what is written here
            connection.execute(text("SET session_replication_role = replica"))
        creators = [f"{chance.getrandbits(128):032x}" for _ in range(CREATORS)]
        for rows in _all(chance, creators, events):
            _write(connection, rows)
        connection.commit()
        if sqlite:
            raw.executescript("PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE"))


def _all(chance: random.Random, creators: list[str], events: int) -> Iterator[Rows]:
    people = [_id(chance) for _ in range(100)]
    offers = [_offer(chance, creators) for _ in range(OFFERS)]
    yield {
        Creator.__tablename__: [
            {"id": one, "slug": f"c{at}", "name": f"Creator {at}", "created_ms": 0}
            for at, one in enumerate(creators)
        ],
        Account.__tablename__: [_account(one) for one in people],
        Tier.__tablename__: [_tier(one, *step) for one in creators for step in TIERS],
        Offer.__tablename__: offers,
    }
    yield from _batches(_memberships(chance, creators, people), int(events * SHARES["member"]))
    makers = {
        "payment": lambda at: _payment(chance, creators, people),
        "visit": lambda at: {ContentSession.__tablename__: [_visit(chance, creators)]},
        "view": lambda at: {OfferView.__tablename__: [_view(chance, offers)]},
    }
    for name, make in makers.items():
        yield from _batches(map(make, range(events)), int(events * SHARES[name]))


def _batches(made: Iterator[Rows], events: int) -> Iterator[Rows]:
    batch: Rows = {}
    many = held = 0
    for rows in made:
        for name, some in rows.items():
            batch.setdefault(name, []).extend(some)
        new = len(rows.get(MemberEvent.__tablename__, [0]))
        many, held = many + new, held + new
        if held >= BATCH:
            yield batch
            batch, held = {}, 0
        if many >= events:
            break
    yield batch


def _memberships(chance: random.Random, creators: list[str], people: list[str]) -> Iterator[Rows]:
    """Each a life of its own: joined, renewed, sometimes changed or paused, mostly ended."""
    while True:
        creator, at = _one_of(chance, creators), END_MS - int(DAYS * DAY_MS * chance.random())
        key, month, _ = chance.choice(TIERS)
        mrr, id_ = month * 1000, _id(chance)
        steps = [("trial", key, 0)] if chance.random() < 0.2 else []
        steps.append(("joined", key, mrr))
        while chance.random() < 0.9 and len(steps) < 40:
            kind = chance.choices(("renewed", "changed", "paused"), (18, 1, 1))[0]
            if kind == "changed":
                key, month, _ = chance.choice(TIERS)
                mrr = month * 1000
            steps.append((kind, key, 0 if kind == "paused" else mrr))
            if kind == "paused":
                steps.append(("resumed", key, mrr))
        steps.append(("ended", key, 0))
        yield {
            Membership.__tablename__: [_membership(id_, creator, chance.choice(people), key, at)],
            MemberEvent.__tablename__: list(_events(chance, id_, creator, at, steps)),
        }


def _events(
    chance: random.Random, id_: str, creator: str, at: int, steps: list[tuple[str, str, int]]
) -> Iterator[dict[str, Any]]:
    tier, before = "", 0
    for kind, key, mrr in steps:
        if at >= END_MS:
            return
        yield {
            "id": _id(chance),
            "membership_id": id_,
            "creator_id": creator,
            "kind": kind,
            "tier_key": key,
            "before_tier_key": tier,
            "tier_id": f"{creator[:20]}{key:0>12}",
            "before_mrr": before,
            "after_mrr": mrr,
            "currency": "USD",
            "facts": "{}",
            "at_ms": at,
        }
        tier, before = key, mrr
        at += int(30 * DAY_MS * (0.9 + chance.random() / 5))


def _payment(chance: random.Random, creators: list[str], people: list[str]) -> Rows:
    id_, cents, at = _id(chance), chance.choice((300, 900, 2_500, 4_900)), _moment(chance)
    licensed = chance.random() < LICENSES
    kind = "refunded" if chance.random() < 0.03 else "paid"
    event = {
        "processor": "sandbox",
        "event_id": f"evt_{id_}",
        "kind": kind,
        "order_id": id_ if licensed else None,
        "charge_id": None if licensed else id_,
        "payment_ref": id_,
        "movement_ref": id_,
        "amount_cents": cents,
        "currency": "USD",
        "counted": True,
        "outcome": "granted",
        "facts": "{}",
        "happened_ms": at,
        "received_ms": at,
    }
    made: Rows = {PaymentEvent.__tablename__: [event]}
    owner = chance.choice(people)
    if licensed:
        made[Order.__tablename__] = [_order(id_, owner, cents, at)]
    else:
        made[Charge.__tablename__] = [_charge(id_, owner, _one_of(chance, creators), cents, at)]
    return made


def _visit(chance: random.Random, creators: list[str]) -> dict[str, Any]:
    held_out = chance.choices((None, False, True), (4, 5, 1))[0]
    buys = chance.random() < (0.03 if held_out is False else 0.02)
    at = _moment(chance)
    return {
        "id": _id(chance),
        "whose": _id(chance),
        "creator_id": _one_of(chance, creators),
        "member": chance.random() < 0.2,
        "clips": 1 + int(chance.random() * 6),
        "held_out": held_out,
        "bought_cents": 500 if buys else 0,
        "currency": "USD" if buys else "",
        "begun_ms": at,
        "seen_ms": at,
    }


def _view(chance: random.Random, offers: list[dict[str, Any]]) -> dict[str, Any]:
    held_out = chance.random() < 0.1
    answers = ("none", "accepted", "undone", "declined")
    answer = "none" if held_out else chance.choices(answers, (80, 3, 1, 16))[0]
    at = _moment(chance)
    return {
        "id": _id(chance),
        "offer_id": chance.choice(offers)["id"],
        "whose": _id(chance),
        "held_out": held_out,
        "cents": 500,
        "currency": "USD",
        "reason": "You watched this clip to its end.",
        "data_used": "[]",
        "what": "{}",
        "answer": answer,
        "answered_ms": None if answer == "none" else at,
        "at_ms": at,
    }


def _account(id_: str) -> dict[str, Any]:
    return {
        "id": id_,
        "email": f"{id_[:12]}@example.org",
        "name": "",
        "roles": "[]",
        "created_ms": 0,
    }


def _tier(creator: str, key: str, month: int, year: int) -> dict[str, Any]:
    price = {"month_cents": month, "year_cents": year, "currency": "USD", "lead_ms": 0}
    name = {"key": key, "rank": 1, "name": key.title(), "summary": "", "perks": "[]"}
    return (
        {"id": f"{creator[:20]}{key:0>12}", "creator_id": creator, "created_ms": 0} | price | name
    )


def _offer(chance: random.Random, creators: list[str]) -> dict[str, Any]:
    kind = chance.choice(("personal", "pack", "bundle", "tip", "trial"))
    words = {"kind": kind, "moment": "end", "title": f"A small {kind}", "facts": "{}"}
    numbers = {"rank": 0, "starts_ms": 0, "holdout": 10, "created_ms": 0}
    return {"id": _id(chance), "creator_id": _one_of(chance, creators)} | words | numbers


def _membership(id_: str, creator: str, owner: str, key: str, at: int) -> dict[str, Any]:
    return {
        "id": id_,
        "account_id": owner,
        "creator_id": creator,
        "tier_id": f"{creator[:20]}{key:0>12}",
        "period": "month",
        "price_cents": 300,
        "currency": "USD",
        "state": "ended",
        "anchor_ms": at,
        "periods": 1,
        "period_start_ms": at,
        "period_end_ms": at,
        "paused_left_ms": 0,
        "credit_cents": 0,
        "ends_at_period": False,
        "end_reason": "cancelled",
        "created_ms": at,
    }


def _order(id_: str, owner: str, cents: int, at: int) -> dict[str, Any]:
    made = {"id": id_, "account_id": owner, "guest": "", "email": "", "name": "", "country": ""}
    money = {"state": "paid", "reason": "", "total_cents": cents, "currency": "USD", "attempt": 1}
    ways = {"processor": "sandbox", "payment_ref": id_, "created_ms": at, "changed_ms": at}
    return made | money | ways


def _charge(id_: str, owner: str, creator: str, cents: int, at: int) -> dict[str, Any]:
    made = {"id": id_, "key": id_, "kind": "tip", "account_id": owner, "creator_id": creator}
    money = {"lines": "[]", "amount_cents": cents, "currency": "USD", "refunded_cents": 0}
    ways = {"state": "paid", "attempt": 1, "processor": "sandbox", "payment_ref": id_, "error": ""}
    return made | money | ways | {"created_ms": at, "paid_ms": at}


def _one_of(chance: random.Random, creators: list[str]) -> str:
    """Half of everything is the first one's."""
    return creators[int(CREATORS * chance.random()) if chance.random() < 0.5 else 0]


def _moment(chance: random.Random) -> int:
    """More of late than long ago."""
    return END_MS - 1 - int(DAYS * DAY_MS * chance.random() ** 1.5)


def _id(chance: random.Random) -> str:
    return f"{chance.getrandbits(128):032x}"


def _write(connection: Connection, rows: Rows) -> None:
    for table in Base.metadata.sorted_tables:
        shelves.write(connection, table, rows.get(table.name, []))
