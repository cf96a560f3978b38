"""One person with something in every kind of row that can be about a person."""

import hashlib
import secrets

from sqlalchemy.orm import Session

from catalog import auth, checkout, lightboxes, mail, tokens
from catalog.auth import Visitor
from catalog.checkout import Buyer
from catalog.members import consents, memberevents
from catalog.members.perks import settle
from catalog.offers import hashes
from catalog.payments import sandbox
from models import event
from models.account import Account, Answered, MagicLink
from models.base import unit_of_work
from models.consent import Letter
from models.license import Download
from models.mail import Mail
from models.membership import ChargeKind, MemberEventKind
from models.offer import ContentSession, Offer, OfferAnswer, OfferChoice, OfferView, Watched
from models.payment import Refund, RefundState
from models.perk import Announcement, MemberDownload, PerkGrant, Seat
from models.pool import HookMessage
from models.quote import QuoteNote
from tests import (
    delivery_factories,
    factories,
    letter_factories,
    license_factories,
    member_factories,
    order_factories,
    pool_factories,
)

EMAIL, NAME = "lena.markerson@example.org", "Lena Markerson"
GUEST = hashlib.sha256(EMAIL.encode()).hexdigest()
"""Of the cookie from before they signed in."""
COUNTRY = "PT"
HELD = {
    ("invoice", "facts"),
    ("license", "licensee"),
    ("license", "certificate"),
    ("quote_note", "text"),
}
"""Table and column where a name or an address outlives an erasure, as the page says."""


def visitor_of(account: Account) -> Visitor:
    return Visitor(account_id=account.id, email=account.email, name=account.name)


def somebody(email: str = EMAIL, name: str = NAME) -> Visitor:
    """Bought, joined, agreed, wrote, looked, drew from a pool."""
    order_factories.open_shop()
    with unit_of_work() as session:
        factories.creator(session).members_ms = None  # what is new is on sale at once
        account = member_factories.person(session, email, name=name, roles=["licensee"])
        account.password_hash = "$argon2id$hash"
        who = visitor_of(account)
    _buys(who, name)
    with unit_of_work(who.actor) as session:
        _joins(session, who)
        _keeps(session, who)
        _is_offered(session, who)
        _draws(session, who)
        _is_known(session, who)
    return who


def _buys(who: Visitor, name: str) -> None:
    order_id = order_factories.in_cart(who)
    buyer = Buyer(name, who.email, COUNTRY)
    checkout.begin(who, order_id, buyer, agreed=True, cents=12_000, currency="USD")
    payment = order_factories.order(order_id).payment_ref
    order_factories.tell(payment, sandbox.answered(payment, "pay")[1])
    bought = order_factories.licenses_of(order_id)[0]
    with unit_of_work() as session:
        work = delivery_factories.full_clip(session)[0]
        copy = delivery_factories.file(session, work, work.assets[0].kind)
        session.add(Download(license_id=bought.id, asset_id=copy.id))
        session.add(
            Refund(
                order_id=order_id, processor="sandbox", payment_ref=payment, amount_cents=100,
                currency="USD", lines=[], why="A part", state=RefundState.DONE,
            )
        )  # fmt: skip
    order_factories.in_cart(who)  # another one, still there
    with unit_of_work() as session:
        asked = order_factories.quote(session, who)
        asked.guest = hashlib.sha256(who.email.encode()).hexdigest()
        session.add(QuoteNote(quote_id=asked.id, number=1, by="licensee", verb="asked",
                              text=f"Cheaper? {who.email}"))  # fmt: skip


def _joins(session: Session, who: Visitor) -> None:
    tier = member_factories.tier(session, "events")
    row = member_factories.membership(session, str(who.account_id), of=tier)
    settle(session, row, row.period_start_ms + 1)
    charge = member_factories.charge(session, row, kind=ChargeKind.JOIN)
    member_factories.method(session, str(who.account_id))
    grant = session.query(PerkGrant).filter_by(membership_id=row.id).first()
    assert grant is not None
    grant.token_sha256 = secrets.token_hex(32)
    shown = Announcement(
        creator_id=tier.creator_id, kind="event", title="Tea", summary="Tea", rank=1, at_ms=9**15
    )
    factories._kept(session, shown)
    session.add(Seat(announcement_id=shown.id, number=1, grant_id=grant.id, taken_ms=1))
    copy = license_factories.license(
        session, account_id=who.account_id, licensee=who.name, email=who.email
    )
    clip_id = copy.listing.clip_id
    session.add(MemberDownload(grant_id=grant.id, clip_id=clip_id, license_id=copy.id))
    session.add(Letter(series="early", number=1, subject_id=row.id))
    memberevents.record(session, row, MemberEventKind.JOINED, row.period_start_ms, charge=charge.id)


def _keeps(session: Session, who: Visitor) -> None:
    listing = factories.listing(session)
    box = lightboxes.make(session, who, f"For {who.name}")
    lightboxes.keep(session, who, listing.clip_id, box.id)
    lightboxes.save_search(session, who, "Goals", "q=goal")


def _is_offered(session: Session, who: Visitor) -> None:
    whose = hashes.whose(session, who)
    creator = factories.creator(session)
    offer = factories._kept(
        session,
        Offer(creator_id=creator.id, kind="tip", moment="end", title="A tip", facts={},
              starts_ms=1, key=secrets.token_hex(4)),
    )  # fmt: skip
    visit = ContentSession(whose=secrets.token_hex(32))
    session.add(visit)
    session.flush()
    view = OfferView(
        session_id=visit.id,
        offer_id=offer.id, whose=whose, account_id=who.account_id, held_out=False, cents=300,
        currency="USD", reason="You watched it to its end", data_used=[],
        answer=OfferAnswer.DECLINED,
    )  # fmt: skip
    session.add(view)
    session.add(OfferChoice(whose=whose, offer_id=offer.id))
    consents.give(session, str(who.account_id), "history", "account")
    consents.give(session, str(who.account_id), "export", "account")
    watched = {"account_id": who.account_id, "creator_id": creator.id, "series": "Cup"}
    session.add(Watched(**watched, last_ms=license_factories.now_ms()))


def _draws(session: Session, who: Visitor) -> None:
    pool = pool_factories.pool(session)
    pool_factories.partner(session, pool, who.email)
    hook = pool_factories.hook(session, pool, str(who.account_id), "https://hooks.example/x")
    session.add(
        HookMessage(id=secrets.token_hex(16), hook_id=hook.id, kind="clip.added", body="{}")
    )


def _is_known(session: Session, who: Visitor) -> None:
    account = session.get_one(Account, str(who.account_id))
    auth.begin_sign_in(session, account, "Firefox on Linux")
    tokens.make(session, account.id, "My program", ["account:read"], 30)
    letter_factories.wish(session, who.email)
    session.add(MagicLink(token_sha256=secrets.token_hex(32), email=who.email, expires_ms=9**15))
    session.add(Answered(key="k", whose=account.id, request_sha256="r", status=200, body="locked"))
    mail.write(session, who.email, "sign_in", link="https://x.example/enter/w", until_ms=1)
    session.add(
        Mail(to="ada@example.org", purpose="note", subject=f"From {who.email}",
             text=f"{who.email} writes", html=f"<p>{who.email}</p>")
    )  # fmt: skip
    event.record(session, "account.name", account.id)
