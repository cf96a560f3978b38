"""Segments: a creator's members by a rule over few facts.

A person can't be found by them: a rule has three facts at most, each with coarse steps alone; a
segment has LEAST people or is refused; its size is told in tens, rounded down; and it must differ
from each other open segment by nobody or by LEAST people, so that what is left between two of them
names nobody. Facts are looked at anew each time, so people drop out as facts age. A file stays with
who took it, so each is held against all that its creator took before: see `_leaves_few`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from catalog import segment_people
from catalog.auth import Visitor, needs_creator
from catalog.csvs import rows_as_csv
from catalog.entitlements import now_of
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members import consents
from models import event
from models.account import Account
from models.base import new_id
from models.creator import Creator
from models.event import Event
from models.listing import Listing
from models.offer import Segment

LEAST = 20
STEP = 10
FACTS_MOST = 3
OPEN_MOST = 20
"""Segments of one creator: each may be compared with each."""
DAY_MS, MONTH_MS, AGES_MS = segment_people.DAY_MS, segment_people.MONTH_MS, segment_people.AGES_MS
FILE_AGE_MS = MONTH_MS
"""Who joined later is in no file: so nobody makes up a crowd around one person in a day."""
HANDED_OUT = "address.handed_out"
UNUSED_MS = 365 * DAY_MS
TENURES = (1, 3, 6, 12, 24)
COUNTS = (1, 2, 3, 5, 10)
DAYS = (30, 90, 180, 365)


@dataclass(frozen=True)
class Fact:
    title: str
    says: str
    """What is looked at, as the page says it."""
    basis: str
    used: str
    """As a member reads it, beside what was chosen for them by it."""


FACTS = {
    "tiers": Fact(
        "Tier", "Which of your tiers they are members of now.",
        "Contract: you give them what the tier promises.",
        "which tier you are a member of",
    ),
    "tenure": Fact(
        "Tenure", "For how many months they have been members, without a break.",
        "Contract: it is the membership itself.",
        "for how long you have been a member",
    ),
    "series": Fact(
        "Series watched", "Whether they opened clips of one of your series in the last 13 months.",
        "Consent: only members who let the series they watch be remembered.",
        "the series you watched, as you agreed to",
    ),
    "purchases": Fact(
        "Purchases", "How many licenses of your clips they bought in the last 13 months.",
        "Legitimate interest: your own sales, counted.",
        "how many licenses of this creator's clips you bought",
    ),
    "bought_days": Fact(
        "Last purchase", "Whether the last license of a clip of yours was bought so lately.",
        "Legitimate interest: your own sales, by date.",
        "when you last bought a license of this creator's clips",
    ),
}  # fmt: skip


class Rule(BaseModel):
    """What is set must hold, all of it. Steps alone: a free number would find a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tiers: Annotated[list[str], Field(max_length=10)] = []
    tenure: Literal[1, 3, 6, 12, 24] | None = None
    series: Annotated[str, Field(max_length=200)] = ""
    purchases: Literal[1, 2, 3, 5, 10] | None = None
    bought_days: Literal[30, 90, 180, 365] | None = None

    def facts(self) -> list[str]:
        return [name for name in FACTS if getattr(self, name)]


@dataclass(frozen=True)
class Size:
    """`least`: rounded down to tens, 0 for fewer than LEAST."""

    least: int

    @property
    def said(self) -> str:
        return f"{self.least} or more people" if self.least else f"Fewer than {LEAST} people"


@dataclass(frozen=True)
class Shown:
    segment: Segment
    rule: Rule
    size: Size
    closes_ms: int


def rule_of(given: Mapping[str, Any]) -> Rule:
    """Raises BadRequest for what is no fact, no fact at all, or too many."""
    try:
        rule = Rule.model_validate(given)
    except ValidationError as error:
        raise BadRequest("A segment is made of the facts that are listed, and of no others.") from (
            error
        )
    if not 1 <= len(rule.facts()) <= FACTS_MOST:
        raise BadRequest(f"Choose one fact at least, and {FACTS_MOST} at most.")
    return rule


def size(session: Session, visitor: Visitor, creator_id: str, rule: Rule) -> Size:
    """Before it is saved."""
    needs_creator(visitor, creator_id)
    return _size(session, creator_id, rule, now_of(session))


def save(session: Session, visitor: Visitor, creator_id: str, name: str, rule: Rule) -> Segment:
    """Raises BadRequest, and Refusal with "too_few", "too_near", "too_many" or "named"."""
    needs_creator(visitor, creator_id)
    name = " ".join(name.split())
    if not name or len(name) > 120:
        raise BadRequest("Give the segment a name of 120 characters at most.")
    session.get(Creator, creator_id, with_for_update={"key_share": True})
    at_ms, others = now_of(session), _open(session, creator_id)
    if len(others) >= OPEN_MOST:
        raise Refusal(f"There are {OPEN_MOST} segments already. Close one first.", "too_many")
    if any(one.name == name for one in others):
        raise Refusal("A segment of this name is there already. Choose another name.", "named")
    if not _size(session, creator_id, rule, at_ms).least:
        raise Refusal(
            f"Fewer than {LEAST} people fit. So small a segment would be about persons; take out a "
            "fact or choose a wider step.",
            "too_few",
        )
    near = _near(session, creator_id, rule, others, at_ms)
    if near is not None:
        raise Refusal(
            f"It differs from “{near.name}” by fewer than {LEAST} people, so the two together "
            "would tell who they are. Change the rule, or close the other one.",
            "too_near",
        )
    made = Segment(creator_id=creator_id, name=name, rule=rule.model_dump(exclude_defaults=True))
    session.add(made)
    session.flush()
    event.record(session, "segment.saved", made.id, rule=made.rule)
    return made


def of_creator(session: Session, visitor: Visitor, creator_id: str) -> list[Shown]:
    needs_creator(visitor, creator_id)
    at_ms = now_of(session)
    return [_shown(session, one, at_ms) for one in _open(session, creator_id)]


def close(session: Session, visitor: Visitor, segment_id: str) -> None:
    found = _mine(session, visitor, segment_id)
    found.closed_ms = now_of(session)
    event.record(session, "segment.closed", found.id)


def close_unused(session: Session, at_ms: int) -> None:
    over = (Segment.used_ms < at_ms - UNUSED_MS) & Segment.closed_ms.is_(None)
    ids = session.scalars(
        update(Segment).where(over).values(closed_ms=at_ms).returning(Segment.id)
    ).all()
    for one in ids:
        event.record(session, "segment.closed", one, unused=True)


def open_one(session: Session, creator_id: str, segment_id: str) -> Shown | None:
    """For what is meant for a segment: as it is now. None: closed, or another creator's."""
    found = session.get(Segment, segment_id)
    if found is None or found.closed_ms is not None or found.creator_id != creator_id:
        return None
    return _shown(session, found, now_of(session))


def open_named(session: Session, creator_id: str, name: str) -> Segment | None:
    return session.scalars(
        select(Segment).filter_by(creator_id=creator_id, name=name, closed_ms=None)
    ).one_or_none()


def people(session: Session, creator_id: str, segment_id: str, at_ms: int) -> Any:
    """A query for the accounts' ids. None where it is closed, or fits fewer than LEAST by now."""
    found = session.get(Segment, segment_id)
    if found is None or found.closed_ms is not None or found.creator_id != creator_id:
        return None
    rule = rule_of(found.rule)
    if not _size(session, creator_id, rule, at_ms).least:
        return None
    found.used_ms = max(found.used_ms, at_ms)
    return segment_people.fitting(creator_id, rule, at_ms)


def mine(session: Session, visitor: Visitor, segment_id: str) -> Segment:
    """Open, and of a creator that this visitor works for. Raises NotFound."""
    return _mine(session, visitor, segment_id)


def holds(
    session: Session, creator_id: str, segment_id: str, account_id: str | None, at_ms: int
) -> Rule | None:
    """The rule, where this person is among them now. Nobody is in one that is closed or fits fewer
    than LEAST people by now, and nobody by a fact that they did not agree to, or took back.
    """
    found = session.get(Segment, segment_id) if account_id else None
    if found is None or found.closed_ms is not None or found.creator_id != creator_id:
        return None
    rule = rule_of(found.rule)
    people = segment_people.fitting(creator_id, rule, at_ms).subquery()
    mine = func.sum(case((people.c.account_id == account_id, 1), else_=0))
    count, is_mine = session.execute(select(func.count(), mine).select_from(people)).one()
    if count < LEAST or not is_mine:
        return None
    if found.used_ms < at_ms - DAY_MS:
        found.used_ms = at_ms
    return rule


def exported(session: Session, visitor: Visitor, segment_id: str) -> tuple[str, str]:
    """A file's name, and its CSV: of those who agreed to it, address and name, no fact of theirs.
    Each of them can see later who had it. Raises Refusal where too few fit by now, or where this
    file and earlier ones would tell of few.
    """
    found = _mine(session, visitor, segment_id)
    creator = session.get_one(Creator, found.creator_id, with_for_update={"key_share": True})
    at_ms = now_of(session)
    rule = rule_of(found.rule)
    if not _size(session, found.creator_id, rule, at_ms).least:
        raise Refusal(f"By now fewer than {LEAST} people fit, so nothing is handed out.", "too_few")
    rows = _to_hand_out(session, found.creator_id, rule, at_ms)
    if len(rows) < LEAST:
        raise Refusal(
            f"Fewer than {LEAST} of them agreed to be in a file and have been members for 30 days. "
            "So small a file would be about persons, so nothing is handed out.",
            "too_few",
        )
    if _leaves_few(session, found.creator_id, {row.id for row in rows}, at_ms):
        raise Refusal(
            f"Beside the files that you took before, this one would tell of fewer than {LEAST} "
            "people who they are. Take it again when more have joined or left.",
            "too_near",
        )
    file = new_id()
    for row in rows:
        facts = {"segment": found.id, "name": found.name, "file": file}
        facts |= {"creator": creator.name, "creator_id": creator.id}
        event.record(session, HANDED_OUT, row.id, **facts)
    found.used_ms = at_ms
    event.record(session, "segment.exported", found.id, people=len(rows))
    return f"segment-{found.id[:8]}.csv", rows_as_csv(
        ("email", "name"), [(row.email, row.name) for row in rows]
    )


def _to_hand_out(session: Session, creator_id: str, rule: Rule, at_ms: int) -> Sequence[Any]:
    wanted = (
        select(Account.id, Account.email, Account.name)
        .where(
            Account.id.in_(
                segment_people.fitting(creator_id, rule, at_ms, joined_ms=at_ms - FILE_AGE_MS)
            ),
            Account.id.in_(consents.givers("export")),
            Account.verified_ms.is_not(None),
            Account.closed_ms.is_(None),
        )
        .order_by(Account.email)
    )
    return session.execute(wanted).all()


def _leaves_few(session: Session, creator_id: str, people: set[str], at_ms: int) -> bool:
    """Whether these and the creator's earlier files, added to and taken from each other in any way,
    could leave a few: so it is where a few are in the very same ones of them."""
    wanted = select(Event.subject, Event.facts["file"].as_string()).where(
        Event.kind == HANDED_OUT,
        Event.at_ms >= at_ms - AGES_MS,
        Event.facts["creator_id"].as_string() == creator_id,
    )
    files: dict[str, set[str]] = {one: {"this"} for one in people}
    for one, file in session.execute(wanted):
        files.setdefault(one, set()).add(file)
    alike = Counter(frozenset(one) for one in files.values())
    return min(alike.values()) < LEAST


def series_of(session: Session, creator_id: str) -> Sequence[str]:
    wanted = select(Listing.series).where(Listing.creator_id == creator_id, Listing.series != "")
    return session.scalars(wanted.distinct().order_by(Listing.series)).all()


def told(rule: Rule, tiers: Mapping[str, str]) -> list[str]:
    """One sentence for each fact."""
    named = " or ".join(tiers.get(key, key) for key in rule.tiers)
    plural = "licenses" if (rule.purchases or 0) > 1 else "license"
    said = {
        "tiers": f"Member of {named}",
        "tenure": f"Member for {rule.tenure} months or longer"
        if (rule.tenure or 0) > 1
        else "Member for a month or longer",
        "series": f"Watched the series {rule.series}",
        "purchases": f"Bought {rule.purchases} {plural} or more in 13 months",
        "bought_days": f"Last bought within {rule.bought_days} days",
    }
    return [said[name] for name in rule.facts()]


def _mine(session: Session, visitor: Visitor, segment_id: str) -> Segment:
    found = session.get(Segment, segment_id, with_for_update=True)
    if found is None or found.closed_ms is not None:
        raise NotFound("There is no such segment.")
    needs_creator(visitor, found.creator_id)
    return found


def _open(session: Session, creator_id: str) -> Sequence[Segment]:
    wanted = select(Segment).where(Segment.creator_id == creator_id, Segment.closed_ms.is_(None))
    return session.scalars(wanted.order_by(Segment.name)).all()


def _shown(session: Session, one: Segment, at_ms: int) -> Shown:
    rule = rule_of(one.rule)
    found = _size(session, one.creator_id, rule, at_ms)
    return Shown(one, rule, found, one.used_ms + UNUSED_MS)


def _size(session: Session, creator_id: str, rule: Rule, at_ms: int) -> Size:
    found = segment_people.fitting(creator_id, rule, at_ms).subquery()
    count = session.scalar(select(func.count()).select_from(found)) or 0
    return Size(count - count % STEP if count >= LEAST else 0)


def _near(
    session: Session, creator_id: str, rule: Rule, others: Sequence[Segment], at_ms: int
) -> Segment | None:
    """An open segment with which this one leaves a few people over, on either side."""
    mine = segment_people.fitting(creator_id, rule, at_ms)
    for one in others:
        theirs = segment_people.fitting(creator_id, rule_of(one.rule), at_ms)
        for these, those in ((mine, theirs), (theirs, mine)):
            left = select(Account.id).where(Account.id.in_(these), Account.id.not_in(those))
            count = session.scalar(select(func.count()).select_from(left.subquery())) or 0
            if 0 < count < LEAST:
                return one
    return None
