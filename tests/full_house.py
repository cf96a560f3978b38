"""A house with something on every page: people, quotes, orders, licenses, pools, mails, errors."""

import secrets
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import (
    auth,
    checkout,
    lightboxes,
    mail,
    orders,
    partners,
    pools,
    prices,
    quotes,
    terms,
    tokens,
    wishes,
)
from catalog.auth import Visitor
from catalog.payments import sandbox
from catalog.rules import Rule, Window
from models.account import Account, Role
from models.base import reading, unit_of_work
from models.license import License, LicenseState
from models.listing import Listing, Release
from models.pool import HookMessage, Pool
from models.quote import Quote
from models.recording import RecordingState
from tests import delivery_factories as deliveries
from tests import factories, full_letters, full_members, pool_factories
from tests import license_factories as licenses
from tests import order_factories as shop
from tests.people import account

Pages = dict[str, dict[str, str]]
"""Of each person, by a name: the address."""
LIN, ADA, PIA, SAM = (f"{name}@example.org" for name in ("lin", "ada", "pia", "sam"))
PEOPLE = ("guest", LIN, ADA, PIA, SAM)
FILM = "Lin Harbour Films"
STANDS = {"alive": (-1, 300), "later": (1, 9), "ended": (-9, -1), "revoked": (-1, 300)}
"""Days from now: begins, ends."""
CLEARED = {"releases": ["everyone in it"], "series": "Harbour Cup", "language": "en"}


def fill(stock: Sequence[str] = (), creator: str = "ada") -> Pages:
    """`stock`: ids of listings that are there already, five at least; none: they are made."""
    shop.open_shop()
    stock = list(stock) or _stock()
    with unit_of_work() as session:
        prices.reprice(session, prices.HOUSE, "")
    for email, role in ((LIN, Role.LICENSEE), (SAM, Role.STAFF), (PIA, Role.PARTNER)):
        account(email, role)
    account(ADA, Role.CREATOR, creator=creator)
    lin, ada = _visitor(LIN), _visitor(ADA)
    with reading() as session:
        clip = session.get_one(Listing, stock[0]).clip_id
        recording = session.get_one(Listing, stock[0]).clip.recording_id
    desk = _desk(stock, ada, recording)
    bought = _quotes(stock, lin, ada) | _orders(stock, lin) | _licenses(stock, lin)
    joined, members = full_members.fill(lin, ada, creator)
    return {
        "guest": _guest(clip)
        | _verdicts(stock)
        | full_members.guest(creator)
        | full_letters.fill(creator),
        LIN: bought | _kept(stock, lin) | joined,
        ADA: desk | members | {"answer": _asked(stock[1], lin)},
        PIA: {"pools": "/pools", "pool": desk["pool"], "hook": _hook(desk["pool"])},
        SAM: _staff(),
    }


def words_of_sign_in() -> dict[str, str]:
    """What the cookie of each person holds."""
    with unit_of_work() as session:
        rows = session.scalars(select(Account).where(Account.email.in_((LIN, ADA, PIA, SAM))))
        return {row.email: auth.begin_sign_in(session, row) for row in rows}


def _visitor(email: str) -> Visitor:
    return pool_factories.visitor(email)


def _stock() -> list[str]:
    with unit_of_work() as session:
        recording = factories.recording(session, sidecar=CLEARED)
        factories.recording(session, state=RecordingState.WORKING, title="Semi-final")
        made = []
        for number, tags in enumerate((["goal"], ["goal", "crowd"], ["save"]) * 3):
            clip = factories.clip(
                session,
                recording,
                title=f"A goal to remember {number}",
                tags=tags,
                score=0.9,
                start_ms=number * 60_000,
                end_ms=number * 60_000 + 27_000,
            )
            factories.transcript(session, clip, "and it is in", "listen to this crowd")
            for kind in deliveries.OF_CLIP:
                deliveries.file(session, clip, kind)
            listing = factories.listing(session, clip)
            listing.release = Release.CLEARED
            made.append(listing.id)
        return made


def _guest(clip: str) -> dict[str, str]:
    return {
        "home": "/",
        "search": "/?q=goal&tag=crowd",
        "search nothing": "/?q=goal+zebra",
        "clip": f"/clips/{clip}",
        "embed": f"/embed/{clip}",
        "keep": f"/lightboxes/add?clip={clip}",
        "cart empty": "/cart",
        "lightboxes empty": "/lightboxes",
        "sign in": "/sign-in",
        "sign in used": "/enter/used",
        "terms": "/terms",
        "terms of one": "/terms/exclusive",
        "verify": "/verify",
        "verify unknown": "/verify/" + "0" * 32,
        "keys": "/keys",
        "docs": "/docs",
        "problems": "/problems",
        "problem": "/problems/quote_expired",
        "missing": "/clips/" + "0" * 32,
    }


def _verdicts(stock: Sequence[str]) -> dict[str, str]:
    """A license in each way that it may stand."""
    with unit_of_work() as session:
        of = session.get_one(Listing, stock[2])
        found = {f"verify {stands}": _license(session, of, stands).id for stands in STANDS}
        forged = _license(session, of, "alive")
        forged.certificate = forged.certificate | {"licensee": "Somebody Else"}
        found["verify changed"] = forged.id
    return {name: f"/verify/{one}" for name, one in found.items()}


def _license(
    session: Session, of: Listing, stands: str, account_id: str | None = None, kind: str = "social"
) -> License:
    now, day = licenses.now_ms(), factories.DAY_MS
    starts, ends = STANDS[stands]
    row = licenses.license(
        session,
        of,
        terms_id=terms.of_kind(session, kind).id,
        account_id=account_id,
        licensee=FILM,
        starts_ms=now + starts * day,
        ends_ms=now + ends * day,
    )
    if stands == "revoked":
        row.state, row.revoked_ms, row.revoked_why = (
            LicenseState.REVOKED,
            now,
            "The money went back.",
        )
    deliveries.copy(session, row, b"the copy for " + row.id.encode() * 30_000)
    deliveries.copy(session, row, b"{}", ".json", "application/json")
    return row


def _quote(listing: str, visitor: Visitor, kind: str = "standard", **values: int) -> str:
    with unit_of_work() as session:
        row = quotes.open_quote(session, visitor, listing, kind, {})
        for name, value in values.items():
            setattr(row, name, value)
        return row.id


def _asked(listing: str, lin: Visitor) -> str:
    quote = _quote(listing, lin)
    text = "For one film at a festival in Nairobi; ten screenings, no streaming."
    with unit_of_work() as session:
        wishes.ask(session, lin, quote, price_cents=4_000, use=None, text=text)
    return f"/quotes/{quote}"


def _quotes(stock: Sequence[str], lin: Visitor, ada: Visitor) -> dict[str, str]:
    found = {"quote": f"/quotes/{_quote(stock[0], lin)}", "quote asked": _asked(stock[0], lin)}
    found["quote expired"] = f"/quotes/{_quote(stock[0], lin, expires_ms=1_700_000_000_000)}"
    found["quote countered"], found["quote declined"] = (_asked(stock[n], lin) for n in (2, 3))
    with unit_of_work() as session:
        answered = found["quote countered"].rpartition("/")[2]
        text = "With my name at the end, gladly."
        wishes.counter(session, ada, answered, price_cents=6_000, use=None, days=7, text=text)
        declined = found["quote declined"].rpartition("/")[2]
        wishes.decline(session, ada, declined, "This moment is promised to the club.")
    return found | {"quotes": "/quotes"}


def _orders(stock: Sequence[str], lin: Visitor) -> dict[str, str]:
    """Paid, given back, waiting, declined; sold for good to one; and two in the cart."""
    paid = _ordered(lin, *(_quote(one, lin) for one in stock[:2]))
    back = _ordered(lin, _quote(stock[2], lin, "editorial"))
    for order in (paid, back):
        _answered(order, "pay")
    shop.ask_refund(back)
    shop.pay_back()
    declined = _ordered(lin, _quote(stock[3], lin))
    _answered(declined, "decline")
    waiting = _ordered(lin, _quote(stock[3], lin))
    sold = _ordered(lin, _quote(stock[4], lin, "exclusive"))
    _answered(sold, "pay")
    with reading() as session:
        gone = session.get_one(Listing, stock[4]).clip_id
    for kind in ("standard", "social"):
        with unit_of_work() as session:
            orders.add(session, lin, _quote_in(session, stock[3], lin, kind))
    payment = shop.order(waiting).payment_ref
    return {
        "cart": "/cart",
        "checkout": "/checkout",
        "orders": "/orders",
        "order paid": f"/orders/{paid}",
        "order refunded": f"/orders/{back}",
        "order declined": f"/orders/{declined}",
        "order waiting": f"/orders/{waiting}",
        "payment": f"/sandbox/pay/{payment}",
        "clip sold": f"/clips/{gone}",
        "licenses": "/licenses",
        "certificate": f"/licenses/{shop.licenses_of(paid)[0].id}",
    }


def _quote_in(session: Session, listing: str, visitor: Visitor, kind: str) -> str:
    row: Quote = quotes.open_quote(session, visitor, listing, kind, {})
    return row.id


def _ordered(lin: Visitor, *wanted: str) -> str:
    with unit_of_work() as session:
        for one in wanted:
            order = orders.add(session, lin, one)
        order_id, cents, currency = order.id, order.total_cents, order.currency
    buyer = checkout.Buyer(FILM, LIN, "KE")
    checkout.begin(lin, order_id, buyer, agreed=True, cents=cents, currency=currency)
    return order_id


def _answered(order_id: str, answer: sandbox.Answer) -> None:
    payment = shop.order(order_id).payment_ref
    shop.tell(payment, sandbox.answered(payment, answer)[1])


def _licenses(stock: Sequence[str], lin: Visitor) -> dict[str, str]:
    """With the files delivered, and of the other kinds."""
    with unit_of_work() as session:
        of = session.get_one(Listing, stock[1])
        mine = {stands: _license(session, of, stands, lin.account_id) for stands in STANDS}
        mine["comp"] = _license(session, of, "alive", lin.account_id, "comp")
    return {f"license {name}": f"/licenses/{row.id}" for name, row in mine.items()}


def _kept(stock: Sequence[str], lin: Visitor) -> dict[str, str]:
    with unit_of_work() as session:
        box = lightboxes.make(session, lin, "Opening titles")
        empty = lightboxes.make(session, lin, "Later")
        for one in stock[:5]:
            clip_id = session.get_one(Listing, one).clip_id
            lightboxes.keep(session, lin, clip_id, box.id)
        word = lightboxes.share(session, lin, box.id).share
        lightboxes.save_search(session, lin, "Goals with a crowd", "q=goal&tag=crowd")
        clip_id = session.get_one(Listing, stock[0]).clip_id
        tokens.make(session, str(lin.account_id), "Nightly copy", ["orders:read"], 90)
    return {
        "lightboxes": "/lightboxes",
        "lightbox": f"/lightboxes/{box.id}",
        "lightbox empty": f"/lightboxes/{empty.id}",
        "lightbox shared": f"/shared/{word}",
        "keep": f"/lightboxes/add?clip={clip_id}",
        "searches": "/searches",
        "search new": "/searches/new?query=q%3Dgoal",
        "account": "/account",
    }


def _desk(stock: Sequence[str], ada: Visitor, recording: str) -> dict[str, str]:
    """Her pool, of which a partner draws."""
    with unit_of_work() as session:
        rule, window = Rule(least_score=0.5, tags=["goal"]), Window(embargo_ms=3_600_000)
        mine = next(iter(ada.creator_ids))
        about = "Every goal of the Harbour Cup, an hour after it is on sale."
        pool = pools.make(
            session, ada, name="Goals", about=about, creator_id=mine, rule=rule, window=window
        )
        for one in stock[:6]:
            pools.put_in(session, ada, pool.slug, one)
        partners.invite(session, ada, pool.slug, PIA)
    return {
        "pools": "/pools",
        "pool": f"/pools/{pool.slug}",
        "pool rule": f"/pools/{pool.slug}/rule",
        "pool new": "/pools/new",
        "earnings": "/earnings",
        "prices": "/prices",
        "recordings": "/recordings",
        "recording": f"/recordings/{recording}",
        "quotes to answer": "/quotes",
    }


def _hook(address: str) -> str:
    """Of Pia's program, with a message that was taken and one that was not."""
    said = {"at_ms": 1_760_000_000_000, "took_ms": 84, "round": 0}
    with unit_of_work() as session:
        pool = session.scalars(select(Pool).filter_by(slug=address.rpartition("/")[2])).one()
        owner = session.scalars(select(Account.id).filter_by(email=PIA)).one()
        hook = pool_factories.hook(session, pool, owner, "https://partner.example/reelyard/in")
        for status, end in ((200, "delivered_ms"), (503, "given_up_ms")):
            message = HookMessage(
                id=f"msg_{secrets.token_hex(8)}",
                hook_id=hook.id,
                kind="clip.added",
                body='{"type": "clip.added", "data": {"clip": {"title": "The winning goal"}}}',
                tries=[
                    said | {"status": status, "answer": "thank you" if status == 200 else "later"}
                ],
            )
            setattr(message, end, said["at_ms"])
            session.add(message)
        return f"/hooks/{hook.id}"


def _staff() -> dict[str, str]:
    with unit_of_work() as session:
        letter = mail.write(
            session, LIN, "sign_in", link="https://reelyard.example/enter/x", until_ms=1
        )
    return {
        "staff": "/staff",
        "creators": "/staff/creators",
        "events": "/staff/events",
        "ledger": "/staff/ledger",
        "account data": "/account/data",
        "outbox": "/outbox",
        "letter": f"/outbox/{letter.id}",
        "orders empty": "/orders",
    }
