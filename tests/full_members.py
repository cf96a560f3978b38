"""For a house in use: creators whom people join, and one person's membership in each state."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.members import advancing, announcements, billing, tiers
from catalog.offers import desk as desk_of_offers
from models.account import Account
from models.base import reading, unit_of_work
from models.creator import Creator, creator_of
from models.membership import Charge, Membership, Tier
from models.payment import SandboxCustomer
from tests import factories
from tests import member_factories as members
from tests import offer_factories as offers

DAY_MS = members.DAY_MS
MOVED = ("anchor_ms", "period_start_ms", "period_end_ms")


def fill(member: Visitor, boss: Visitor, slug: str) -> tuple[dict[str, str], dict[str, str]]:
    """Pages of the member and of the creator `boss`, who works as `slug`."""
    clip = _opened(boss, slug)
    own = _joined(member, slug)
    paused, leaving = _joined(member, "bela-kis"), _joined(member, "cora-ives")
    billing.pause(member, paused, 2)
    billing.cancel(member, leaving)
    gone = _joined(member, "dan-obi")
    billing.withdraw(member, gone)
    declined = _joined(member, "ewa-lund", "drops")
    _declined(declined)
    by_key = _tiers(slug)
    here = f"/memberships/{own}"
    theirs = {
        "memberships": "/memberships",
        "membership": here,
        "membership change": f"{here}/change?tier={by_key['drops']}&period=month",
        "membership later": f"{here}/change?tier={by_key['early']}&period=year",
        "membership leave": f"{here}/leave",
        "membership withdraw": f"{here}/withdraw",
        "membership perks": f"{here}/perks",
        "membership paused": f"/memberships/{paused}",
        "membership leaving": f"/memberships/{leaving}?done=left",
        "membership declined": f"/memberships/{declined}",
        "membership ended": f"/memberships/{gone}",
        "membership receipt": f"/memberships/{gone}/withdrawn",
        "welcome": f"{here}/welcome",
        "clip early": f"/clips/{clip}",
        "join member": f"/creators/{slug}/join",
        "join signed in": "/creators/fay-noor/join?tier=early",
        "join trial": "/creators/gia-roth/join?tier=early",
        "charges": "/charges",
        "charge": f"/charges/{_charge(own)}",
        "charge refunded": f"/charges/{_charge(gone)}",
        "charge declined": f"/charges/{_charge(declined, 'renewal')}",
        "account data": "/account/data",
        "account erase": "/account/data/erase",
        "account letters": "/account/letters",
    }
    desk = {
        "members": f"/members/{slug}",
        "members desks": "/members",
        "charge of a member": f"/charges/{_charge(own)}",
        "account data": "/account/data",
        "account erase": "/account/data/erase",
        "charges empty": "/charges",
        "offers": "/offers",
        "segments": f"/members/{slug}/segments",
        "figures": "/figures",
        "members ladder": f"/clips/{clip}/ladder",
        "clip words": f"/clips/{clip}/words",
        "members close": f"/members/{slug}/close",
        **_of_tier(slug, by_key["drops"]),
    }
    with unit_of_work() as session:
        members.tiers(session, creator_of(session, "fay-noor"))
        tried = creator_of(session, "gia-roth")
        members.tiers(session, tried)
        desk_of_offers.put(session, offers.STAFF, tried.id, "trial", holdout=0)
    return theirs, desk


def _of_tier(slug: str, tier_id: str) -> dict[str, str]:
    here = f"/members/{slug}/tiers"
    return {
        "members tier": f"{here}/{tier_id}",
        "members tier new": f"{here}/new",
        "members tier test": f"{here}/{tier_id}/test",
        "members tier close": f"{here}/{tier_id}/close",
    }


def guest(slug: str) -> dict[str, str]:
    return {
        "creator": f"/creators/{slug}",
        "join": f"/creators/{slug}/join",
        "join chosen": f"/creators/{slug}/join?tier=drops&period=year",
        "join closed": "/creators/dan-obi/join",
        "join trial": "/creators/gia-roth/join?tier=early",
        "join trial yearly": "/creators/gia-roth/join?tier=early&period=year",
        "privacy": "/privacy",
    }


def _opened(boss: Visitor, slug: str) -> str:
    """With a drop announced, a tier on test, and a clip that members see before everybody."""
    with unit_of_work() as session:
        creator = creator_of(session, slug)
        steps = tiers.open_for(session, boss, creator.id)
        now = tiers.now_of(session)
        said = {"kind": "drop", "title": "Harbour print, small edition", "summary": "Signed."}
        at_ms = now + 40 * DAY_MS
        announcements.announce(
            session, boss, creator.id, **said, rank=2, at_ms=at_ms, now_ms=now
        )  # fmt: skip
        event = {**said, "kind": "event", "title": "An evening at the harbour"}
        for seats_count in (12, None):
            made = announcements.announce(
                session, boss, creator.id, **event, rank=3, at_ms=at_ms + DAY_MS, now_ms=now,
                seats_count=seats_count,
            )  # fmt: skip
        announcements.withdraw(session, boss, made.id, now)
        tiers.start_test(session, boss, steps[2].id)
        recording = factories.recording(session, creator_id=creator.id)
        work = factories.clip(session, recording, title="Not yet out")
        listing = factories.listing(session, work)
        listing.visible_from_ms = now + DAY_MS // 2
        return work.id


def _charge(membership_id: str, kind: str = "join") -> str:
    return next(one.id for one in members.charges(membership_id) if one.kind == kind)


def _joined(member: Visitor, slug: str, key: str = "early") -> str:
    with unit_of_work() as session:
        creator = creator_of(session, slug)
        if not tiers.current(session, creator.id):
            members.tiers(session, creator)
        step = session.scalars(
            select(Tier).filter_by(creator_id=creator.id, key=key, retired_ms=None)
        ).one()
        if not _has_method(session, str(member.account_id)):
            members.method(session, str(member.account_id))
    way = billing.join(member, step.id, "month", cents=step.month_cents, currency=step.currency)
    with reading() as session:
        return session.get_one(Charge, way.charge_id).membership_id or ""


def _has_method(session: Session, account_id: str) -> bool:
    from catalog.members import methods

    session.get_one(Account, account_id).verified_ms = 1
    return methods.stored(session, account_id) is not None


def _declined(membership_id: str) -> None:
    """Its renewal, a moment ago."""
    with unit_of_work() as session:
        row = session.get_one(Membership, membership_id)
        length = row.period_end_ms - row.period_start_ms
        for name in MOVED:
            setattr(row, name, getattr(row, name) - length - 60_000)
        card = session.scalars(select(SandboxCustomer)).one()
        card.card = "declines"
    with unit_of_work() as session:
        charge = advancing.advance(session, membership_id, tiers.now_of(session))
        now = tiers.now_of(session)
    assert charge
    billing.collect(charge, now)
    with unit_of_work() as session:
        session.scalars(select(SandboxCustomer)).one().card = "works"
        creator = session.scalars(select(Creator).filter_by(slug="dan-obi")).one()
        creator.members_ms = None


def _tiers(slug: str) -> dict[str, str]:
    with reading() as session:
        return {one.key: one.id for one in tiers.current(session, creator_of(session, slug).id)}
