"""A member's personal downloads: so many clips a calendar month (UTC), each as a personal license
at no price, delivered like any other. The same clip counts once, whenever it is asked for again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import licenses, listings
from catalog import terms as terms_of
from catalog.auth import Visitor, needs
from catalog.errors import NotFound, Refusal
from catalog.members import periods
from catalog.members.perks import grants
from catalog.members.perks.downloads import KIND
from catalog.uses import DAY_MS, completed
from catalog.web.words import counted, moment
from models import event
from models.license import License, LicenseState
from models.listing import Listing
from models.membership import Membership, Period
from models.perk import MemberDownload, PerkGrant
from models.quote import Quote

PERSONAL = "personal"
INCLUDED = "Included in your membership"


@dataclass(frozen=True)
class Left:
    """Of this month."""

    count: int
    used: int
    from_ms: int
    """When the next month's begin."""

    @property
    def left(self) -> int:
        return max(self.count - self.used, 0)


def left(session: Session, visitor: Visitor, creator_id: str, at_ms: int) -> Left | None:
    """None for whoever has no such perk."""
    perk = grants.held(session, visitor.account_id, creator_id, KIND, at_ms)
    if perk is None or visitor.account_id is None:
        return None
    used = _used(session, visitor.account_id, creator_id, at_ms)
    return Left(int(perk.facts["count"]), used, periods.end(_month_ms(at_ms), Period.MONTH, 1))


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
    """The license of a copy that was taken before, whatever became of it."""
    if visitor.account_id is None:
        return None
    wanted = (
        select(License)
        .join(MemberDownload, MemberDownload.license_id == License.id)
        .where(
            MemberDownload.clip_id == clip_id,
            License.account_id == visitor.account_id,
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
    found = left(session, visitor, listing.creator_id, at_ms)
    if found is None or not found.left:
        count = counted(int(perk.facts["count"]), "personal download")
        begins_ms = periods.end(_month_ms(at_ms), Period.MONTH, 1)
        raise Refusal(
            f"Of this month's {count} none is left. The next month's begin {moment(begins_ms)}.",
            code="downloads_used",
            next_free_ms=begins_ms,
        )
    return _granted(session, visitor, listing, perk, at_ms)


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


def _used(session: Session, account_id: str, creator_id: str, at_ms: int) -> int:
    """In the month, by whichever membership of theirs: leaving and joining anew begins nothing."""
    from_ms = _month_ms(at_ms)
    wanted = (
        select(func.count())
        .select_from(MemberDownload)
        .join(PerkGrant, PerkGrant.id == MemberDownload.grant_id)
        .join(Membership, Membership.id == PerkGrant.membership_id)
        .where(
            Membership.account_id == account_id,
            Membership.creator_id == creator_id,
            MemberDownload.at_ms >= from_ms,
            MemberDownload.at_ms < periods.end(from_ms, Period.MONTH, 1),
        )
    )
    return session.scalar(wanted) or 0


def _month_ms(at_ms: int) -> int:
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return int(datetime(at.year, at.month, 1, tzinfo=UTC).timestamp()) * 1000
