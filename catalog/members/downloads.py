"""A member's personal downloads: so many clips in each month that is paid, each as a personal
license at no price, delivered like any other. The same clip counts once, whenever it is asked for
again. A pause moves the months, and what was taken in them; what is owed gives none yet.
They outlast the membership, unless its member withdraws from the contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import licenses, listings
from catalog import terms as terms_of
from catalog.auth import Visitor, needs
from catalog.errors import NotFound, Refusal
from catalog.members import charge_rows, memberships, periods
from catalog.members.perks import grants
from catalog.members.perks.downloads import KIND
from catalog.uses import DAY_MS, completed
from catalog.web.words import counted, moment
from models import event
from models.license import License, LicenseState
from models.listing import Listing
from models.membership import ChargeKind, MemberEvent, MemberEventKind, Membership, Period
from models.perk import MemberDownload, PerkGrant
from models.quote import Quote

PERSONAL = "personal"
INCLUDED = "Included in your membership"
WENT_BACK = ("withdrawn", "refunded")
"""Why memberships ended whose money went back, with what it had given."""
WITHDRAWN = "Its licensee withdrew from the membership that it came with."


@dataclass(frozen=True)
class Left:
    """Of this month."""

    count: int
    used: int
    from_ms: int
    """When the next month's begin, if that is paid."""

    @property
    def left(self) -> int:
        return max(self.count - self.used, 0)


def left(session: Session, visitor: Visitor, creator_id: str, at_ms: int) -> Left | None:
    """None for whoever has no such perk."""
    perk = grants.held(session, visitor.account_id, creator_id, KIND, at_ms)
    if perk is None or visitor.account_id is None:
        return None
    used, ends_ms = _used(session, session.get_one(Membership, perk.membership_id), at_ms)
    return Left(int(perk.facts["count"]), len(used), ends_ms)


@dataclass(frozen=True)
class Offered:
    """What the page of a clip shows to a member: the copy that is theirs, or how many are left."""

    mine: License | None
    month: Left | None


def offered(session: Session, visitor: Visitor, listing: Listing, at_ms: int) -> Offered | None:
    """None for whoever has neither. An early clip can't be downloaded before it is public."""
    if visitor.account_id is None or listing.visible_from_ms > at_ms:
        return None
    mine = taken(session, visitor, listing.clip_id)
    alive = mine if mine is not None and mine.state == LicenseState.ACTIVE else None
    month = left(session, visitor, listing.creator_id, at_ms) if mine is None else None
    return Offered(alive, month) if alive or month else None


def taken(session: Session, visitor: Visitor, clip_id: str) -> License | None:
    """The license of a copy that was taken before, whatever became of it; not by a membership that
    was withdrawn from: who is a member again may have the clip again."""
    if visitor.account_id is None:
        return None
    wanted = (
        select(License)
        .join(MemberDownload, MemberDownload.license_id == License.id)
        .join(PerkGrant, PerkGrant.id == MemberDownload.grant_id)
        .join(Membership, Membership.id == PerkGrant.membership_id)
        .where(
            MemberDownload.clip_id == clip_id,
            License.account_id == visitor.account_id,
            Membership.end_reason != "withdrawn",
        )
    )
    return session.scalars(wanted.order_by(License.granted_ms.desc()).limit(1)).first()


def take(session: Session, visitor: Visitor, clip_id: str, at_ms: int) -> License:
    """Raises SignInNeeded, NotFound for who has no such perk, Refusal for an early clip and when
    the month's number is used up."""
    needs(visitor)
    listing = listings.licensable(session, visitor, clip_id)
    perk = grants.held(session, visitor.account_id, listing.creator_id, KIND, at_ms)
    if perk is None:
        raise NotFound("Your membership gives no personal copies of this creator's clips now.")
    # Locked, so that two at once are counted in turn.
    session.get_one(PerkGrant, perk.id, with_for_update=True, populate_existing=True)
    before = taken(session, visitor, listing.clip_id)
    if before is not None and before.state == LicenseState.REVOKED:
        raise Refusal(
            f"Your copy of this clip was taken back: {before.revoked_why}", code="license_revoked"
        )
    if before is not None:
        return before
    used, ends_ms = _used(session, session.get_one(Membership, perk.membership_id), at_ms)
    if listing.clip_id not in used and len(used) >= int(perk.facts["count"]):
        count = counted(int(perk.facts["count"]), "personal download")
        raise Refusal(
            f"Of this month's {count} none is left. More come with the next month that is paid, "
            f"from {moment(ends_ms)}.",
            code="downloads_used",
            next_free_ms=ends_ms,
        )
    return _granted(session, visitor, listing, perk, at_ms)


def alive(session: Session, membership_id: str) -> Sequence[License]:
    """Those that came with this membership and hold, the first first."""
    wanted = (
        select(License)
        .join(MemberDownload, MemberDownload.license_id == License.id)
        .join(PerkGrant, PerkGrant.id == MemberDownload.grant_id)
        .where(PerkGrant.membership_id == membership_id, License.state == LicenseState.ACTIVE)
    )
    return session.scalars(wanted.order_by(License.granted_ms, License.id)).all()


def end_with(session: Session, membership_id: str) -> int:
    """Its member withdrew: the contract that gave these copies is undone. How many end."""
    ended = [licenses.revoke(session, one.id, WITHDRAWN) for one in alive(session, membership_id)]
    return sum(ended)


def _granted(
    session: Session, visitor: Visitor, listing: Listing, perk: PerkGrant, at_ms: int
) -> License:
    terms = terms_of.of_kind(session, PERSONAL)
    terms_of.fits(listing, terms_of.fields(terms))
    quote = Quote(
        listing_id=listing.id,
        terms_id=terms.id,
        account_id=visitor.account_id,
        use=completed(terms_of.fields(terms), {}, at_ms).model_dump(),
        price_cents=0,
        currency=listing.currency or "USD",
        breakdown=[{"what": INCLUDED, "factor": "", "cents": 0}],
        expires_ms=at_ms + DAY_MS,
    )
    session.add(quote)
    session.flush()
    made = licenses.grant_free(session, visitor, quote)
    session.add(
        MemberDownload(grant_id=perk.id, clip_id=listing.clip_id, license_id=made.id, at_ms=at_ms)
    )
    session.flush()
    event.record(
        session, "download.taken", perk.membership_id, clip_id=listing.clip_id, license=made.id
    )
    return made


def _used(session: Session, membership: Membership, at_ms: int) -> tuple[set[str], int]:
    """The month's clips, and when it ends. Also those of a membership with this creator of which
    the money went back: whoever takes, gets it back and joins anew begins nothing.
    """
    from_ms, ends_ms = _month(session, membership, at_ms)
    moves = _moves(session, membership.id)
    taken_before = (
        select(MemberDownload.clip_id, MemberDownload.at_ms, Membership.id)
        .join(PerkGrant, PerkGrant.id == MemberDownload.grant_id)
        .join(Membership, Membership.id == PerkGrant.membership_id)
        .where(
            Membership.account_id == membership.account_id,
            Membership.creator_id == membership.creator_id,
            (Membership.id == membership.id) | Membership.end_reason.in_(WENT_BACK),
        )
    )
    used = set()
    for clip_id, taken_ms, whose in session.execute(taken_before):
        since_ms = from_ms
        if whose == membership.id:
            taken_ms += _moved_ms(moves, taken_ms)
        else:
            since_ms = periods.end(at_ms, Period.MONTH, -1)
        if taken_ms >= since_ms:
            used.add(clip_id)
    return used, ends_ms


def _month(session: Session, membership: Membership, at_ms: int) -> tuple[int, int]:
    """Of a year each month that is paid. The first one of a period that a change began reaches
    back: what was left of the one before was taken off its price.
    """
    start, end = membership.period_start_ms, membership.period_end_ms
    if membership.period == Period.MONTH or memberships.in_trial(membership):
        number, ends_ms = 0, end
    else:
        number = max(k for k in range(12) if k == 0 or periods.end(start, Period.MONTH, k) <= at_ms)
        ends_ms = min(periods.end(start, Period.MONTH, number + 1), end)
    if number or not _changed(session, membership.id):
        return periods.end(start, Period.MONTH, number), ends_ms
    return periods.end(start, Period.MONTH, -1), ends_ms


def _moves(session: Session, membership_id: str) -> list[tuple[int, int]]:
    """Of each pause: when it was over, and by how much it moved what was before."""
    wanted = select(MemberEvent.at_ms, MemberEvent.facts).where(
        MemberEvent.membership_id == membership_id, MemberEvent.kind == MemberEventKind.RESUMED
    )
    return [(at, int(facts.get("moved_ms", 0))) for at, facts in session.execute(wanted)]


def _moved_ms(moves: Sequence[tuple[int, int]], taken_ms: int) -> int:
    return sum(by_ms for over_ms, by_ms in moves if taken_ms < over_ms)


def _changed(session: Session, membership_id: str) -> bool:
    """Whether a change to another length began the period that is paid."""
    found, before = False, None
    for one in charge_rows.of_membership(session, membership_id):
        if one.paid_ms is not None:
            found = one.kind == ChargeKind.CHANGE and (found or one.period != before)
            before = one.period
    return found
