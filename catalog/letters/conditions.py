"""What a series may ask about a member: few facts, each with a name, none of them about what was
watched. "segment:NAME" asks whether they are in their creator's segment of that name, or of that
key: what a segment knows, and from whom, is catalog.segments' to say.
"""

from collections.abc import Callable

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from catalog import segments
from models.account import Account, SignIn
from models.consent import Subscriber, SubscriberState
from models.membership import Membership, MembershipState, Period, Tier
from models.perk import Announcement, MemberDownload, PerkGrant

SEGMENT = "segment:"
Condition = Callable[[Session, Membership, int], bool]


def any_holds(names: tuple[str, ...], session: Session, of: Membership, at_ms: int) -> bool:
    return any(holds(name, session, of, at_ms) for name in names)


def all_hold(names: tuple[str, ...], session: Session, of: Membership, at_ms: int) -> bool:
    return all(holds(name, session, of, at_ms) for name in names)


def holds(name: str, session: Session, of: Membership, at_ms: int) -> bool:
    if name.startswith(SEGMENT):
        return in_segment(session, of, name.removeprefix(SEGMENT), at_ms)
    return CONDITIONS[name](session, of, at_ms)


def is_known(name: str) -> bool:
    return name in CONDITIONS or (name.startswith(SEGMENT) and len(name) > len(SEGMENT))


def in_segment(session: Session, of: Membership, name: str, at_ms: int) -> bool:
    """Nobody is in one that is not there, is closed, or has too few people by now."""
    found = segments.open_named(session, of.creator_id, name)
    key = found.id if found else name
    return segments.holds(session, of.creator_id, key, of.account_id, at_ms) is not None


def left(session: Session, of: Membership, at_ms: int) -> bool:
    return of.state in (MembershipState.ENDED, MembershipState.PENDING)


def leaving(session: Session, of: Membership, at_ms: int) -> bool:
    """Cancelled: it goes on until its period ends, and needs no more words."""
    return of.ends_at_period


def paused(session: Session, of: Membership, at_ms: int) -> bool:
    return of.state == MembershipState.PAUSED


def unsubscribed(session: Session, of: Membership, at_ms: int) -> bool:
    return not _any(
        session,
        select(Subscriber.id)
        .join(Account, Account.email == Subscriber.email)
        .where(
            Account.id == of.account_id,
            Subscriber.purpose == "onboarding",
            Subscriber.creator_id == of.creator_id,
            Subscriber.state == SubscriberState.CONFIRMED,
        ),
    )


def has_feed(session: Session, of: Membership, at_ms: int) -> bool:
    """Its private feed has an address."""
    return _any(
        session,
        _grants(of, "feed").where(PerkGrant.token_sha256.is_not(None)),
    )


def has_downloaded(session: Session, of: Membership, at_ms: int) -> bool:
    made = select(MemberDownload.id).join(PerkGrant, PerkGrant.id == MemberDownload.grant_id)
    return _any(session, made.where(PerkGrant.membership_id == of.id))


def visited(session: Session, of: Membership, at_ms: int) -> bool:
    """Signed in again since joining."""
    since = of.joined_ms or of.created_ms
    return _any(
        session,
        select(SignIn.token_sha256).where(
            SignIn.account_id == of.account_id, SignIn.created_ms > since
        ),
    )


def has_announcement(session: Session, of: Membership, at_ms: int) -> bool:
    """A drop or an event that its tier may have is announced and not over."""
    rank = select(Tier.rank).where(Tier.id == of.tier_id).scalar_subquery()
    return _any(
        session,
        select(Announcement.id).where(
            Announcement.creator_id == of.creator_id,
            Announcement.rank <= rank,
            Announcement.at_ms > at_ms,
            Announcement.withdrawn_ms.is_(None),
        ),
    )


def pays_yearly(session: Session, of: Membership, at_ms: int) -> bool:
    return of.period == Period.YEAR


CONDITIONS: dict[str, Condition] = {
    one.__name__: one
    for one in (
        left,
        leaving,
        paused,
        unsubscribed,
        has_feed,
        has_downloaded,
        visited,
        has_announcement,
        pays_yearly,
    )
}


def _grants(of: Membership, kind: str) -> Select[str]:
    return select(PerkGrant.id).where(
        PerkGrant.membership_id == of.id,
        PerkGrant.kind == kind,
        PerkGrant.revoked_ms.is_(None),
    )


def _any(session: Session, wanted: Select[str]) -> bool:
    return session.scalars(wanted.limit(1)).first() is not None
