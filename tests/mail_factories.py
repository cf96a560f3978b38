"""Every mail of the house, each in the ways in which it differs, to people who may open its links.

What is one call of a room is written by that call; what needs a fault or months of time is written
with the rows that it would be about.
"""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog import adopting, checkout, invoices, mail, partners, pools, wishes
from catalog.auth import Visitor
from catalog.letters import digest, onboarding, sending, series, subscribers
from catalog.members import advancing, announcements, calling_off, leaving, notices, tiers
from catalog.payments import sandbox
from catalog.privacy import erasure
from catalog.privacy.kinds import KINDS
from catalog.rules import Rule, Window
from catalog.web import links
from models.account import Account, Role
from models.base import reading, unit_of_work
from models.clip import AssetKind
from models.consent import Subscriber
from models.creator import Creator, creator_of
from models.listing import Listing
from models.membership import Charge, ChargeKind, Membership, Tier
from models.perk import Announcement
from models.settings import settings
from tests import factories, people, pool_factories
from tests import letter_factories as letters
from tests import license_factories as licenses
from tests import member_factories as members
from tests import order_factories as shop
from tests.letter_factories import DAY_MS, HOUR_MS

LENA, ADA, PIA, SAM = (f"{name}@example.org" for name in ("lena", "ada", "pia", "sam"))
WHY = "It was bought twice."
ROLES = {LENA: Role.LICENSEE, ADA: Role.CREATOR, PIA: Role.PARTNER, SAM: Role.STAFF}


def write_all() -> None:
    """Into an empty house. Its operator is Sam."""
    shop.open_shop()
    for email, role in ROLES.items():
        account_id = people.account(email, role, creator="ada" if email == ADA else "")
        with unit_of_work() as session:
            session.get_one(Account, account_id).verified_ms = 1
    _of_orders()
    _of_quotes()
    _of_licenses()
    _to_partners_and_staff()
    one = _membership()
    with unit_of_work() as session:
        _of_membership(session, session.get_one(Membership, one))
    with unit_of_work() as session:
        _of_charges(session, session.get_one(Membership, one))
    _of_accounts()
    _letters(one)


def _of_orders() -> None:
    """Paid with an account and as a guest, refunded whole and in part, and paid for nothing."""
    paid = _paid(pool_factories.visitor(LENA), 12_000, 8_000)
    _paid(shop.GUEST, 4_900)
    with unit_of_work() as session:
        one = session.scalars(select(Account).filter_by(email=LENA)).one()
        adopting.adopt(session, one, shop.GUEST.guest or "")
    with unit_of_work() as session:
        order = shop.orders.locked(session, paid)
        assert order
        line = order.lines[0]
        note = invoices.credit(session, order, [line], 2_000, WHY, parts={line.id: 2_000})
        for template, said in (
            ("part-refunded", {"line": line, "cents": 2_000, "note": note, "ends": False}),
            ("part-refunded", {"line": line, "cents": 2_000, "note": None, "ends": True}),
            ("money-back", {"cents": 20_000, "why": "The clips were sold to somebody else."}),
            ("granted-again", {"lines": order.lines}),
        ):
            mail.write(session, LENA, template, order=order, **said)
    shop.ask_refund(paid)
    shop.pay_back()


def _paid(who: Visitor, *cents: int) -> str:
    order_id = shop.in_cart(who, *cents)
    buyer = checkout.Buyer("Lena Harbour Films", LENA, "IE")
    checkout.begin(who, order_id, buyer, agreed=True, cents=sum(cents), currency="USD")
    payment = shop.order(order_id).payment_ref
    shop.tell(payment, sandbox.answered(payment, "pay")[1])
    return order_id


def _of_quotes() -> None:
    lena, ada = pool_factories.visitor(LENA), pool_factories.visitor(ADA)
    words = "For one film at a festival in Nairobi; ten screenings, no streaming."

    def asked(price_cents: int | None) -> str:
        with unit_of_work() as session:
            row = shop.quote(session, lena, cents=12_000)
            wishes.ask(session, lena, row.id, price_cents=price_cents, use={}, text=words)
            return row.id

    first, second, third, fourth = (asked(cents) for cents in (4_000, 3_500, None, None))
    gladly = "Gladly, for this."
    with unit_of_work() as session:
        wishes.counter(session, ada, first, price_cents=6_000, use=None, days=7, text=gladly)
        wishes.accept(session, ada, second)
        wishes.decline(session, ada, third, "This moment is promised to the club.")
        wishes.withdraw(session, lena, fourth)


def _of_licenses() -> None:
    with unit_of_work() as session:
        lena = session.scalars(select(Account).filter_by(email=LENA)).one()
        own = {"account_id": lena.id, "licensee": "Lena Harbour Films", "email": LENA}
        for more in ({}, licenses.ENDLESS):
            row = licenses.license(session, **own, **more)
            mail.write(session, LENA, "license", license=row, listing=row.listing)
        title = "A title so long that it has to be told in more than one line of a mail, and more"
        row = licenses.license(session, factories.listing(session, title=title), **own)
        mail.write(session, LENA, "ending", license=row, title=row.listing.clip.title)


def _to_partners_and_staff() -> None:
    ada = pool_factories.visitor(ADA)
    with unit_of_work() as session:
        about, mine = "Every goal of the Harbour Cup.", next(iter(ada.creator_ids))
        pool = pools.make(
            session, ada, name="Goals", about=about, creator_id=mine, rule=Rule(), window=Window()
        )
        partners.invite(session, ada, pool.slug, PIA)
        pia = session.scalars(select(Account.id).filter_by(email=PIA)).one()
        hook = pool_factories.hook(session, pool, pia, "https://partner.example/reelyard/in")
        hook.disabled_why = "No message was taken for five days."
        mail.write(session, PIA, "hook-off", hook=hook)
        clip = factories.clip(session)
        asset = factories.asset(session, clip, AssetKind.DELIVERY, b"a file")
        mail.write(session, SAM, "file-damaged", asset=asset, rows=1)
        what = "A payment of a member is disputed by their bank."
        mail.write(session, SAM, "look", what=what, order_id="")
        mail.write(session, SAM, "look", what=what, order_id=_order(session))


def _order(session: Session) -> str:
    return session.scalars(select(shop.Order.id)).first() or ""


def _membership() -> str:
    """Lena's, in the first tier of Ada, who has announced a drop and an event."""
    ada = pool_factories.visitor(ADA)
    with unit_of_work() as session:
        creator = creator_of(session, "ada")
        steps = tiers.open_for(session, ada, creator.id)
        now = tiers.now_of(session)
        for kind, title, rank in (
            ("drop", "Harbour print, small edition", 2),
            ("event", "An evening at the harbour", 3),
        ):
            announcements.announce(
                session, ada, creator.id, kind=kind, title=title, summary="Signed.", rank=rank,
                at_ms=now + 40 * DAY_MS, now_ms=now,
            )  # fmt: skip
        lena = session.scalars(select(Account).filter_by(email=LENA)).one()
        return members.membership(session, lena.id, steps[0]).id


def _of_membership(session: Session, one: Membership) -> None:
    now, step = tiers.now_of(session), session.get_one(Tier, one.tier_id)
    more = members.tier(session, "drops", session.get_one(Creator, one.creator_id))
    charge = members.charge(session, one)
    paid = {"charge": charge, "invoice": invoices.issue_charge(session, charge, now)}
    free = {"charge": members.charge(session, one, amount_cents=0), "invoice": None}
    up = [{"what": more.name, "cents": 900}, {"what": f"Unused of {step.name}", "cents": -290}]
    rise = {"charge": members.charge(session, one, lines=up, amount_cents=610), "invoice": None}

    def told(what: str, **said: object) -> None:
        session.flush()
        notices.of_membership(session, one, f"membership-{what}", **said)

    for said in (paid, free):
        for what in ("began", "renewed", "changed"):
            told(what, **said)
    one.credit_cents = 150
    told("changed", **rise)
    told("stepped-back", charge=rise["charge"])
    one.credit_cents, one.next_tier_id = 0, more.id
    told("change-asked", next_tier=more, next_cents=900)
    one.next_tier_id = None
    told("change-asked", next_tier=step, next_cents=300)
    for what in ("closing", "leaving", "resumed", "staying"):
        told(what)
    following = advancing._next(session, one)
    told("renews-soon", next=following)
    one.trial_until_ms, one.ends_at_period = one.period_end_ms, True
    for what in ("trial", "leaving", "resumed"):
        told(what, **free)
    told("renews-soon", next=following)
    one.trial_until_ms, one.ends_at_period = None, False
    one.grace_until_ms = now + 7 * DAY_MS
    for due in (now + DAY_MS, None):
        charge.next_try_ms = due
        told("declined", charge=charge, why="The bank said no: insufficient funds.")
    one.paused_until_ms, one.paused_left_ms = now + 30 * DAY_MS, 12 * DAY_MS
    told("paused")
    one.grace_until_ms = one.paused_until_ms = charge.next_try_ms = None
    one.paused_left_ms, one.ended_ms = 0, now
    for reason, cents in (("unpaid", 0), ("refunded", 0), ("closed", 150), ("cancelled", 0)):
        told("ended", reason=reason, back_cents=cents)
    for cents in (287, 0):
        told("withdrawn", receipt=leaving.Receipt(one.id, now, now, cents, "USD", LENA))
    one.ended_ms = None
    for what in session.scalars(select(Announcement).order_by(Announcement.rank)):
        taken = int(what.kind == "event")
        notices.of_membership(session, one, calling_off.TEMPLATE, what=what, seats=taken)


def _of_charges(session: Session, one: Membership) -> None:
    now = tiers.now_of(session)
    charge = session.scalars(select(Charge).filter_by(membership_id=one.id)).first()
    assert charge
    note = invoices.credit_charge(session, charge, 100, WHY, now)
    back = {"cents": 100, "currency": "USD", "why": WHY}
    for of_paper in (note, None):
        notices.of_charge(session, charge, "charge-refunded", note=of_paper, **back)
    notices.of_charge(session, charge, "charge-money-back", **back)
    tip = members.charge(
        session, None, kind=ChargeKind.TIP, account_id=one.account_id, creator_id=one.creator_id,
        undo_until_ms=now + DAY_MS,
    )  # fmt: skip
    for paper in (invoices.issue_charge(session, tip, now), None):
        notices.of_charge(session, tip, "tip-paid", invoice=paper)


def _of_accounts() -> None:
    with unit_of_work() as session:
        now = tiers.now_of(session)
        link = links.magic(session, LENA, "/orders")
        mail.write(session, LENA, "sign_in", link=link, until_ms=now + 900_000)
        endings = [
            erasure.Ending("Ada", "Early clips", now + 20 * DAY_MS, cents, "USD")
            for cents in (287, 0)
        ]
        kept = [one for one in KINDS if one.key in ("invoices", "licenses", "payments", "wishes")]
        for said in (
            {"endings": endings, "name": "Lena", "kept": kept},
            {"endings": [], "name": "", "kept": []},
        ):
            mail.write(session, LENA, "erased", at_ms=now, **said)


def _letters(membership_id: str) -> None:
    """Asked for, confirmed, and then each letter of each series and the digest."""
    noon = letters.noon()
    with unit_of_work() as session:
        one = session.get_one(Membership, membership_id)
        ada = session.get_one(Creator, one.creator_id)
        asked = [("digest", factories.creator(session, slug).id) for slug in ("bea", "cora-ives")]
        subscribers.ask_all(session, LENA, asked, "the page on letters")
        for purpose in ("digest", "onboarding", "news"):
            letters.wish(session, LENA, purpose, ada, confirmed_ms=letters.noon(-40))
    for early in (False, True):
        if early:
            _clips(noon)
        for step in _steps(membership_id):
            _series(membership_id, step, noon)
        with unit_of_work() as session:
            session.execute(update(Subscriber).values(last_sent_ms=None))
            assert _announced(session, membership_id, noon)
            assert bool(digest.write(session, LENA, noon)) or not early


def _announced(session: Session, membership_id: str, noon: int) -> bool:
    """Each that is coming; the second of a day waits."""
    said = {
        "fits": ["tier: Early clips or higher"],
        "used": ["your tier, kept for your membership"],
    }
    page = f"{settings().base_url}/memberships/{membership_id}"
    made = []
    for one in session.scalars(select(Announcement)):
        session.execute(update(Subscriber).values(last_sent_ms=None))
        session.expire_all()
        told = {"announcement": one, "page": page, **said}
        of = one.creator_id
        made.append(sending.send(session, LENA, "news", "told", noon, of, **told))
    return all(made)


def _clips(noon: int) -> None:
    with unit_of_work() as session:
        for title, opens_ms in (
            ("The save of the evening", noon + 20 * HOUR_MS),
            ("The winning goal", tiers.now_of(session) - HOUR_MS),
        ):
            made: Listing = factories.listing(session, title=title)
            made.visible_from_ms, made.published_ms = opens_ms, noon - DAY_MS


def _steps(membership_id: str) -> list[str]:
    with reading() as session:
        creator_id = session.get_one(Membership, membership_id).creator_id
        return [one.id for one in tiers.current(session, creator_id)]


def _series(membership_id: str, tier_id: str, noon: int) -> None:
    with unit_of_work() as session:
        one, step = session.get_one(Membership, membership_id), session.get_one(Tier, tier_id)
        one.tier_id = tier_id
        session.flush()
        for lesson in series.all_of()[step.key].lessons:
            session.execute(update(Subscriber).values(last_sent_ms=None))
            session.expire_all()
            ada = session.get_one(Creator, one.creator_id)
            told = onboarding.facts(session, one, step, ada, noon)
            made = sending.send(session, LENA, "onboarding", lesson.template, noon, ada.id, **told)
            assert made, lesson
