"""Onboarding as data: series/TIER.toml says which letter comes on which day, and when not.

A letter's number stands for what it tells, in every series: who changes the tier goes on in the
other series and is told nothing twice. Days are counted from when the tier began. Rows and data
alone; what writes the letters is catalog.letters.onboarding.
"""

import functools
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.account import Account
from models.base import new_id
from models.consent import Letter, Subscriber
from models.mail import Mail
from models.membership import Membership, Tier

FOLDER = Path(__file__).parent / "series"
DAY_MS = 86_400_000
ONBOARDING = "onboarding"
"""Letter.series of every letter, whatever the tier: its unique row is what keeps from repeating."""
BEGUN = 0
"""The number of the row that says when a tier began; its series is the tier's key."""


@dataclass(frozen=True)
class Lesson:
    number: int
    day: int
    template: str
    when: tuple[str, ...]
    """Names of catalog.letters.conditions: all must hold on its day, else it is passed over.
    "segment:NAME" is one: it is for that segment of the creator's members alone."""
    unless: tuple[str, ...]
    """Where all of these hold, its reader knows it already: it is passed over."""


@dataclass(frozen=True)
class Series:
    stop: tuple[str, ...]
    """Names of catalog.letters.conditions: while one holds, nothing is sent and days go by."""
    late_days: int
    """So many days after its day a letter has lost its use."""
    lessons: tuple[Lesson, ...]


@functools.cache
def all_of() -> dict[str, Series]:
    """By the tier's key."""
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.toml"))}


def began(session: Session, membership: Membership, at_ms: int) -> None:
    """After it started or changed its tier; a tier that one comes back to began the first time."""
    tier = session.get_one(Tier, membership.tier_id)
    _keep(session, tier.key, BEGUN, membership.id, at_ms)


def ended(session: Session, membership: Membership, at_ms: int) -> None:
    """What still waits to leave is not sent: nobody is welcomed who has left."""
    theirs = (
        select(Subscriber.id)
        .join(Account, Account.email == Subscriber.email)
        .where(
            Account.id == membership.account_id,
            Subscriber.purpose == ONBOARDING,
            Subscriber.creator_id == membership.creator_id,
        )
    )
    session.execute(
        update(Mail)
        .where(Mail.subscriber_id.in_(theirs), Mail.sent_ms.is_(None))
        .values(error="the membership ended", text="", html="")
        .execution_options(synchronize_session=False)
    )


def due(of: Series, told: Collection[int], begun_ms: int, at_ms: int) -> list[Lesson]:
    """What its day has come for and was not told, in order."""
    return [
        one for one in of.lessons if one.number not in told and begun_ms + one.day * DAY_MS <= at_ms
    ]


def is_late(of: Series, one: Lesson, begun_ms: int, at_ms: int) -> bool:
    return at_ms > begun_ms + (one.day + of.late_days) * DAY_MS


def horizon_ms() -> int:
    """A tier that began longer ago has nothing left to tell."""
    last = [one.day + of.late_days for of in all_of().values() for one in of.lessons]
    return max(last, default=0) * DAY_MS


def _read(path: Path) -> Series:
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    lessons = [
        Lesson(
            number=one["number"],
            day=one["day"],
            template=one["template"],
            when=tuple(one.get("when", ())),
            unless=tuple(one.get("unless", ())),
        )
        for one in told["letter"]
    ]
    return Series(tuple(told["stop"]), told["late_days"], tuple(lessons))


def _keep(session: Session, series: str, number: int, subject_id: str, at_ms: int) -> None:
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    values = {
        "id": new_id(),
        "series": series,
        "number": number,
        "subject_id": subject_id,
        "at_ms": at_ms,
    }
    session.execute(insert(Letter).values(**values).on_conflict_do_nothing())
