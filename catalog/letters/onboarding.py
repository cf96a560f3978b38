"""Writes the letters of the series (catalog.letters.series), each to its member on its day."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.letters import conditions, hours, sending, series, stops
from catalog.letters.basis import Basis
from catalog.letters.series import BEGUN, ONBOARDING, Lesson, Series
from catalog.members import announcements, ladder, leaving, memberships
from models.account import Account
from models.base import reading
from models.consent import Letter, Subscriber, SubscriberState
from models.creator import Creator
from models.membership import Membership, MembershipState, Tier
from models.perk import Announcement
from models.settings import settings

BATCH = 500
ALIVE = (MembershipState.ACTIVE, MembershipState.GRACE)


def due(at_ms: int) -> Iterator[str]:
    """For the timer: ids of memberships that have something to be told, each for a step() in a
    transaction of its own. Outside of the hours nobody.
    """
    if not hours.is_open(at_ms):
        return
    after = ""
    while True:
        with reading() as session:
            rows = session.execute(_members(at_ms, after)).all()
            told = _told(session, [row[0] for row in rows])
            stopped = stops.among(session, [row[3] for row in rows])
        for membership_id, key, begun_ms, email in rows:
            found = series.all_of()[key]
            if email not in stopped and series.due(
                found, told.get(membership_id, set()), begun_ms, at_ms
            ):
                yield membership_id
        if len(rows) < BATCH:
            return
        after = rows[-1][0]


def step(session: Session, membership_id: str, at_ms: int) -> bool:
    """At most one letter to this member. Notes what is passed over on the way."""
    of = session.get(Membership, membership_id, with_for_update=True)
    if of is None:
        return False
    tier = session.get_one(Tier, of.tier_id)
    found = series.all_of().get(tier.key)
    if found is None or conditions.any_holds(found.stop, session, of, at_ms):
        return False
    begun_ms = _begun(session, of, tier)
    for one in series.due(found, _told(session, [of.id]).get(of.id, set()), begun_ms, at_ms):
        if _passed_over(session, found, one, of, begun_ms, at_ms):
            session.add(_row(one, of, at_ms))
            session.flush()
        else:
            return _sent(session, one, of, tier, at_ms)
    return False


def _members(at_ms: int, after: str) -> Any:
    """Those who wish it, had none today and whose tier began lately: id, the tier's key, since
    when, address. Whom a rule stops is left out here: each would be looked at anew in every round.
    """
    begun_ms = func.coalesce(Letter.at_ms, Membership.joined_ms, Membership.created_ms)
    marker = and_(
        Letter.subject_id == Membership.id, Letter.number == BEGUN, Letter.series == Tier.key
    )
    wish = and_(
        Subscriber.email == Account.email,
        Subscriber.purpose == ONBOARDING,
        Subscriber.creator_id == Membership.creator_id,
        Subscriber.state == SubscriberState.CONFIRMED,
    )
    goes_on = [key for key, one in series.all_of().items() if "leaving" not in one.stop]
    return (
        select(Membership.id, Tier.key, begun_ms, Subscriber.email)
        .join(Tier, Tier.id == Membership.tier_id)
        .join(Account, Account.id == Membership.account_id)
        .join(Subscriber, wish)
        .outerjoin(Letter, marker)
        .where(
            Membership.state.in_(ALIVE),
            Membership.ends_at_period.is_(False) | Tier.key.in_(goes_on),
            ~sending.had_one(at_ms),
            Membership.id > after,
            Tier.key.in_(list(series.all_of())),
            begun_ms > at_ms - series.horizon_ms() - series.DAY_MS,
        )
        .order_by(Membership.id)
        .limit(BATCH)
    )


def _told(session: Session, ids: Sequence[str]) -> dict[str, set[int]]:
    rows = session.execute(
        select(Letter.subject_id, Letter.number).where(
            Letter.subject_id.in_(ids), Letter.series == ONBOARDING
        )
    )
    found: dict[str, set[int]] = {}
    for subject_id, number in rows:
        found.setdefault(subject_id, set()).add(number)
    return found


def _begun(session: Session, of: Membership, tier: Tier) -> int:
    marked = select(Letter.at_ms).where(
        Letter.subject_id == of.id, Letter.series == tier.key, Letter.number == BEGUN
    )
    return session.scalar(marked) or of.joined_ms or of.created_ms


def _passed_over(
    session: Session, found: Series, one: Lesson, of: Membership, begun_ms: int, at_ms: int
) -> bool:
    knows = bool(one.unless) and conditions.all_hold(one.unless, session, of, at_ms)
    fits = conditions.all_hold(one.when, session, of, at_ms)
    return knows or not fits or series.is_late(found, one, begun_ms, at_ms)


def _sent(session: Session, one: Lesson, of: Membership, tier: Tier, at_ms: int) -> bool:
    """The row first: of two that write at once, the database lets one."""
    account, creator = session.get_one(Account, of.account_id), session.get(Creator, of.creator_id)
    assert creator is not None
    told = facts(session, of, tier, creator, at_ms)
    made_of = Basis(
        clips=[found.clip_id for found in told["early"]],
        announcements=[found.id for found in told["announced"]],
        membership=of.id,
        until_ms=told["withdraw_ms"],
    )
    row = _row(one, of, at_ms)
    try:
        with session.begin_nested() as both:
            session.add(row)
            session.flush()
            made = sending.send(
                session, account.email, ONBOARDING, one.template, at_ms, creator.id, made_of, **told
            )
            if made is None:
                both.rollback()
                return False
            row.mail_id = made.id
    except IntegrityError:
        return False
    return True


def facts(
    session: Session, of: Membership, tier: Tier, creator: Creator, at_ms: int
) -> dict[str, Any]:
    """What the templates may say."""
    reader = sending.reader_of(session, session.get_one(Account, of.account_id).email)
    early = ladder.early_for(session, reader, at_ms, 50).rows
    perks = {one["kind"]: one for one in tier.perks}
    home = settings().base_url
    until_ms = leaving.withdraw_until(session, of)
    return {
        "membership": of,
        "tier": tier,
        "early": [one for one in early if one.creator_id == creator.id][:3],
        "downloads": perks.get("downloads", {}).get("count", 0),
        "discount": perks.get("discount", {}).get("percent", 0),
        "seats": perks.get("seats", {}).get("count", 0),
        "announced": _announced(session, of, at_ms),
        "withdraw_ms": until_ms if at_ms < until_ms else None,
        "in_trial": memberships.in_trial(of),
        "page": f"{home}/memberships/{of.id}",
        "leave": f"{home}/memberships/{of.id}/leave",
        "clips": f"{home}/?creator={creator.id}",
    }


def _announced(session: Session, of: Membership, at_ms: int) -> Sequence[Announcement]:
    """As the membership's page lists them, the next first."""
    mine = announcements.for_member(session, of.account_id, at_ms)
    found = [one.announcement for one in mine if one.announcement.creator_id == of.creator_id]
    return found[:3]


def _row(one: Lesson, of: Membership, at_ms: int) -> Letter:
    return Letter(series=ONBOARDING, number=one.number, subject_id=of.id, at_ms=at_ms)
