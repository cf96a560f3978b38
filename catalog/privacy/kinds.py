"""Every kind of row that is about a person: where it is found, why it is kept, how long, and what
becomes of it when the person is erased. The page, the export and the erasure read this table; a
row that names a person and is not here fails a test (tests/catalog/test_privacy_kinds.py).
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, literal, select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.offers import hashes
from models.account import Account, MagicLink, SignIn, Token
from models.base import Base
from models.consent import Consent, Letter, Subscriber
from models.creator import Creator
from models.event import Event
from models.license import Download, License
from models.lightbox import Lightbox, LightboxItem, SavedSearch
from models.mail import Mail
from models.membership import Charge, MemberEvent, Membership, PaymentMethod
from models.offer import ContentSession, OfferChoice, OfferView, Watched
from models.order import Invoice, Order, OrderLine
from models.payment import PaymentEvent, Refund
from models.perk import MemberDownload, PerkGrant, Seat
from models.pool import Hook, HookMessage, Partner
from models.quote import Quote, QuoteNote

BOOKS = "10 years at least, as tax law asks of those who keep books"
WHILE = "Until you erase your account"
NOBODY, UNCOUNTED = "nobody's address", "nobody's hash"
"""What an erasure puts there is made for each person: catalog.privacy.erasure knows how."""


class Basis(enum.StrEnum):
    """Of the General Data Protection Regulation, article 6(1)."""

    CONTRACT = "Contract (b)"
    CONSENT = "Your consent (a)"
    LAW = "Legal duty (c)"
    INTEREST = "Legitimate interest (f)"


class Fate(enum.StrEnum):
    REMOVED = "removed"
    EMPTIED = "emptied"
    """The row stays for the books, without what says who it was."""
    KEPT = "kept"


@dataclass(frozen=True)
class Person:
    id: str
    email: str
    whose: str
    """By which offers count them; see catalog.offers.hashes."""


@dataclass(frozen=True)
class Kind:
    key: str
    """Its files in the export."""
    row: type[Base]
    title: str
    why: str
    until: str
    basis: Basis
    mine: Callable[[Person], ColumnElement[bool]]
    fate: Fate
    after: str
    """What an erasure does to it, in words."""
    hidden: tuple[str, ...] = ()
    """Columns that are not handed out: they open doors."""
    emptied: Mapping[str, Any] = field(default_factory=dict)
    """By column, what an erasure puts there."""


def person_of(session: Session, account_id: str) -> Person:
    row = session.get_one(Account, account_id)
    whose = hashes.known(session, Visitor(account_id=account_id))
    return Person(row.id, row.email, whose)


def of(session: Session, me: Person) -> list[Kind]:
    """Those of which there is something about this person."""
    return [
        one
        for one in KINDS
        if session.scalar(select(literal(1)).select_from(one.row).where(one.mine(me)).limit(1))
    ]


def _tokens(me: Person) -> ColumnElement[bool]:
    own = select("token:" + Token.id).where(Token.account_id == me.id)
    return (Event.actor == me.id) | (Event.subject == me.id) | Event.actor.in_(own)


def _of_order(column: Any) -> Callable[[Person], ColumnElement[bool]]:
    return lambda me: column.in_(select(Order.id).where(Order.account_id == me.id))


def _of_membership(column: Any) -> Callable[[Person], ColumnElement[bool]]:
    return lambda me: column.in_(select(Membership.id).where(Membership.account_id == me.id))


def _of_money(row: Any) -> Callable[[Person], ColumnElement[bool]]:
    """Of an order or of a charge."""
    charges = select(Charge.id)
    return lambda me: (
        row.order_id.in_(select(Order.id).where(Order.account_id == me.id))
        | row.charge_id.in_(charges.where(Charge.account_id == me.id))
    )


def _through(column: Any, key: Any, owner: Any) -> Callable[[Person], ColumnElement[bool]]:
    """By rows that point to rows of the account."""
    return lambda me: column.in_(select(key).where(owner == me.id))


def _grants(me: Person) -> Any:
    of = select(Membership.id).where(Membership.account_id == me.id)
    return select(PerkGrant.id).where(PerkGrant.membership_id.in_(of))


def _letters(me: Person) -> ColumnElement[bool]:
    wishes = select(Subscriber.id).where(Subscriber.email == me.email)
    of = select(Membership.id).where(Membership.account_id == me.id)
    return Letter.subject_id.in_(wishes) | Letter.subject_id.in_(of)


STAYS = "Stays: what was paid must be provable. Nothing in it says who you are."
KINDS: tuple[Kind, ...] = (
    Kind(
        "account", Account, "Account",
        "To know you again, and to write to you about what you asked for.", WHILE, Basis.CONTRACT,
        lambda me: Account.id == me.id, Fate.EMPTIED,
        "Address, name and password go. A number without a person stays, for the books to point "
        "to.", hidden=("password_hash",),
    ),
    Kind(
        "desks", Creator, "Desks you work at", "To know whose footage you may work on.",
        "Until the desk is handed over", Basis.CONTRACT,
        lambda me: Creator.account_id == me.id, Fate.KEPT,
        "An account with a desk can't be erased: the desk must be handed over first.",
    ),
    Kind(
        "sign_ins", SignIn, "Where you are signed in", "So that you stay signed in and see where.",
        "30 days after it ends", Basis.CONTRACT,
        lambda me: SignIn.account_id == me.id, Fate.REMOVED, "Gone: you are signed out everywhere.",
        hidden=("token_sha256",),
    ),
    Kind(
        "sign_in_links", MagicLink, "Links to sign in", "So that each works once.",
        "30 days after it ends", Basis.CONTRACT,
        lambda me: MagicLink.email == me.email, Fate.REMOVED, "Gone.", hidden=("token_sha256",),
    ),
    Kind(
        "tokens", Token, "API tokens", "So that programs of yours may act for you.", WHILE,
        Basis.CONTRACT, lambda me: Token.account_id == me.id, Fate.REMOVED,
        "Gone: programs that use them are refused.", hidden=("token_sha256",),
    ),
    Kind(
        "memberships", Membership, "Memberships", "To give you what you pay for.", BOOKS,
        Basis.CONTRACT, lambda me: Membership.account_id == me.id, Fate.EMPTIED,
        "Ended at once. Which tier, when and for how much stays for the books, without a person.",
    ),
    Kind(
        "membership_history", MemberEvent, "What happened to memberships",
        "Figures that can be recomputed.", BOOKS, Basis.LAW,
        _of_membership(MemberEvent.membership_id), Fate.KEPT, STAYS,
    ),
    Kind(
        "perks", PerkGrant, "What memberships gave you", "To give each thing once.", WHILE,
        Basis.CONTRACT, _of_membership(PerkGrant.membership_id), Fate.EMPTIED,
        "Revoked; private addresses stop working. That something was given stays.",
        hidden=("token_sha256",), emptied={"token_sha256": None},
    ),
    Kind(
        "seats", Seat, "Seats at events", "So that no seat is given twice.", "Until the event",
        Basis.CONTRACT, lambda me: Seat.grant_id.in_(_grants(me)), Fate.EMPTIED, "Given back.",
        emptied={"grant_id": None, "taken_ms": None},
    ),
    Kind(
        "member_downloads", MemberDownload, "Clips you downloaded as a member",
        "To count a month's downloads.", BOOKS, Basis.CONTRACT,
        lambda me: MemberDownload.grant_id.in_(_grants(me)), Fate.KEPT,
        "Stays with the license that each copy was made for.",
    ),
    Kind(
        "charges", Charge, "Payments for memberships and tips", "To charge what was agreed, once.",
        BOOKS, Basis.LAW, lambda me: Charge.account_id == me.id, Fate.KEPT, STAYS,
    ),
    Kind(
        "payment_methods", PaymentMethod, "Kept payment methods",
        "To charge a renewal. The card itself is kept at the processor alone.",
        "Until you remove it", Basis.CONTRACT, lambda me: PaymentMethod.account_id == me.id,
        Fate.REMOVED, "Gone here; the processor is told to forget it.",
    ),
    Kind(
        "orders", Order, "Orders", "To sell you licenses.", BOOKS, Basis.LAW,
        lambda me: Order.account_id == me.id, Fate.EMPTIED,
        "A cart is deleted. Of the others address and name go; what was bought stays.",
        emptied={"email": NOBODY, "name": "", "guest": ""},
    ),
    Kind(
        "order_lines", OrderLine, "What was ordered", "To sell you licenses.", BOOKS, Basis.LAW,
        _of_order(OrderLine.order_id), Fate.KEPT, STAYS,
    ),
    Kind(
        "invoices", Invoice, "Invoices and credit notes", "Tax law asks for them.", BOOKS,
        Basis.LAW, _of_money(Invoice), Fate.KEPT,
        "Stay as they were issued, with your name and address: it is unlawful to change them.",
    ),
    Kind(
        "payments", PaymentEvent, "What processors told of payments", "So that the books balance.",
        BOOKS, Basis.LAW, _of_money(PaymentEvent), Fate.KEPT, STAYS,
    ),
    Kind(
        "refunds", Refund, "Money that went back", "So that the books balance.", BOOKS, Basis.LAW,
        _of_money(Refund), Fate.KEPT, STAYS,
    ),
    Kind(
        "licenses", License, "Licenses", "They are the proof of what you may do.",
        "As long as the license lasts, and " + BOOKS, Basis.CONTRACT,
        lambda me: License.account_id == me.id, Fate.EMPTIED,
        "Stay valid, and their certificates keep the licensee's name: a proof without it would "
        "prove nothing. The address goes, and you can no longer fetch the files here.",
        emptied={"email": NOBODY},
    ),
    Kind(
        "downloads", Download, "Files you fetched", "To show that a license was fulfilled.", BOOKS,
        Basis.CONTRACT, _through(Download.license_id, License.id, License.account_id), Fate.KEPT,
        "Stay with the license: a file and a time.",
    ),
    Kind(
        "quotes", Quote, "Quotes", "To keep a price that was named.",
        "30 days after a guest's ends; else " + WHILE.lower(), Basis.CONTRACT,
        lambda me: Quote.account_id == me.id, Fate.EMPTIED,
        "Gone, but for those that were ordered or talked about: they belong to a contract.",
        emptied={"guest": ""},
    ),
    Kind(
        "wishes", QuoteNote, "Wishes for other terms", "What both sides said of a price.", BOOKS,
        Basis.CONTRACT, _through(QuoteNote.quote_id, Quote.id, Quote.account_id), Fate.KEPT,
        "Stay word for word, as letters about a contract do. They say who asked nowhere but in "
        "what you wrote yourself.",
    ),
    Kind(
        "lightboxes", Lightbox, "Lightboxes", "You made them.", WHILE, Basis.CONTRACT,
        lambda me: Lightbox.account_id == me.id, Fate.REMOVED, "Gone; shared addresses too.",
        hidden=("share",),
    ),
    Kind(
        "lightbox_clips", LightboxItem, "Clips in lightboxes", "You put them there.", WHILE,
        Basis.CONTRACT, _through(LightboxItem.lightbox_id, Lightbox.id, Lightbox.account_id),
        Fate.REMOVED, "Gone.",
    ),
    Kind(
        "searches", SavedSearch, "Saved searches", "You saved them.", WHILE, Basis.CONTRACT,
        lambda me: SavedSearch.account_id == me.id, Fate.REMOVED, "Gone.",
    ),
    Kind(
        "consents", Consent, "What you agreed to", "To show that you did, and when you took it "
        "back.", WHILE, Basis.LAW, lambda me: Consent.account_id == me.id, Fate.REMOVED,
        "Taken back, and gone.",
    ),
    Kind(
        "watched", Watched, "Series you watched", "Offers and letters that fit.",
        "13 months, or until you take your consent back", Basis.CONSENT,
        lambda me: Watched.account_id == me.id, Fate.REMOVED, "Gone.",
    ),
    Kind(
        "letters", Subscriber, "Letters you asked for", "To send them, and to show that you asked.",
        "30 days after you ended them", Basis.CONSENT,
        lambda me: Subscriber.email == me.email, Fate.REMOVED, "Ended, and gone.",
    ),
    Kind(
        "letters_sent", Letter, "Letters of a series", "So that none is sent twice.", WHILE,
        Basis.INTEREST, _letters, Fate.REMOVED, "Gone.",
    ),
    Kind(
        "mails", Mail, "Mails written to you", "To send them, and to know what did not arrive. "
        "Their text is deleted once they leave.", "13 months", Basis.CONTRACT,
        lambda me: Mail.to == me.email, Fate.REMOVED,
        "Gone, but for the receipt of the erasure itself: that goes after 7 days.",
        hidden=("text", "html", "headers"),
    ),
    Kind(
        "offers_seen", OfferView, "Offers you were shown, or kept from",
        "Not to show them too often, and to tell whether they help.",
        "13 months; then without you", Basis.INTEREST,
        lambda me: OfferView.account_id == me.id, Fate.EMPTIED,
        "Stay as numbers, without you.", hidden=("whose",),
        emptied={"account_id": None, "whose": UNCOUNTED},
    ),
    Kind(
        "visits", ContentSession, "Visits in which an offer was decided for you",
        "To tell whether offers help. Other visits lead to nobody.",
        "13 months; then without you", Basis.INTEREST,
        lambda me: ContentSession.id.in_(
            select(OfferView.session_id).where(OfferView.account_id == me.id)
        ), Fate.KEPT,
        "Stay as numbers: nothing leads from you to them any more.", hidden=("whose",),
    ),
    Kind(
        "offer_choices", OfferChoice, "Offers you don't want again", "Not to show them.", WHILE,
        Basis.INTEREST, lambda me: OfferChoice.whose == me.whose, Fate.REMOVED, "Gone.",
        hidden=("whose",),
    ),
    Kind(
        "partnerships", Partner, "Pools you may draw from", "To let you.", WHILE, Basis.CONTRACT,
        lambda me: Partner.account_id == me.id, Fate.REMOVED, "Gone.",
    ),
    Kind(
        "webhooks", Hook, "Webhooks", "To tell your programs of clips.", WHILE, Basis.CONTRACT,
        lambda me: Hook.account_id == me.id, Fate.REMOVED, "Gone.",
        hidden=("secret", "old_secret"),
    ),
    Kind(
        "webhook_messages", HookMessage, "Messages to your webhooks", "To send them again.",
        "90 days", Basis.CONTRACT, _through(HookMessage.hook_id, Hook.id, Hook.account_id),
        Fate.REMOVED, "Gone.",
    ),
    Kind(
        "events", Event, "What was done in your name", "So that every change can be explained.",
        BOOKS, Basis.INTEREST, _tokens, Fate.KEPT,
        "Stay: they name a number that then is nobody's.",
    ),
)  # fmt: skip
"""In the order of the page and the export. An erasure goes through them from the last."""

LEFT_OUT = {
    "answered": "Answers to repeated requests, locked with a key that only the asking program has; "
    "gone after a day, and by an erasure.",
    "stopped": "Addresses that letters must not go to, by a hash that can't be read back; it "
    "outlives an erasure, so that nobody is written to who complained. In the same way, for three "
    "years after an erasure, whose member an address was: a trial is had once.",
    "throttle": "How often an address did something, by a hash, for two days.",
    "reservation": "The calendar of a clip: which media and places are taken, not by whom.",
    "asset": "The files themselves: fetch those of a license on its page.",
    "rendition_chunk": "Pieces of a recording.",
    "sandbox_payment": "The books of the sandbox, which moves no money.",
    "sandbox_customer": "The books of the sandbox: a card that is none.",
}
"""Tables that name or lead to a person and are in no export, and why."""
BY_KEY = {one.key: one for one in KINDS}
