"""Erasing a person: what ends, what goes, what the law makes us keep and why.

All of it is one transaction; then the step `erase` tells processors to forget cards and takes the
address out of the outbox folder. The receipt is written first, to the address that then is gone;
its own row is the last that holds it, for RECEIPT_MS.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from catalog import adopting, earnings, mail
from catalog.auth import Visitor, needs
from catalog.entitlements import now_of
from catalog.errors import Refusal
from catalog.members import leaving, memberships, notices, tried
from catalog.privacy import kinds, traces
from catalog.privacy.kinds import KINDS, NOBODY, UNCOUNTED, Fate, Kind, Person, person_of
from catalog.web.words import money
from models import event
from models.account import Account, Answered
from models.creator import Creator
from models.mail import Mail
from models.membership import Membership, PaymentMethod
from models.order import Order, OrderLine, OrderState
from models.quote import Quote, QuoteNote
from models.settings import settings
from models.steps import ask

ERASED = "erased"
"""The reason of memberships that end so, and the template of the receipt."""
RECEIPT_MS = 7 * 86_400_000
LATER = ("account", "payment_methods")
"""Kinds that are not emptied as the others are: by hand below, and by the step."""


@dataclass(frozen=True)
class Ending:
    """What becomes of one membership."""

    creator: str
    tier: str
    paid_until_ms: int
    back_cents: int
    """What goes back, because fourteen days are not over; else what is paid is left."""
    currency: str


@dataclass(frozen=True)
class Outlook:
    endings: Sequence[Ending]
    refusal: Refusal | None
    """Why it can't be done now, and what to do."""
    kinds: Sequence[Kind]
    """What there is of them."""


def outlook(session: Session, visitor: Visitor) -> Outlook:
    """What an erasure would do now."""
    needs(visitor)
    account = session.get_one(Account, str(visitor.account_id))
    at_ms = now_of(session)
    found = [_ending(session, one, at_ms) for one in _alive(session, account.id)]
    there = kinds.of(session, person_of(session, account.id))
    return Outlook(found, _refusal(session, visitor, account), there)


def erase(session: Session, visitor: Visitor) -> Sequence[Ending]:
    """For good. Raises Refusal where something must be done before. Again is fine."""
    needs(visitor)
    account = session.get(Account, str(visitor.account_id), with_for_update={"key_share": True})
    if account is None or account.email.endswith(mail.ERASED):
        return []
    refused = _refusal(session, visitor, account)
    if refused is not None:
        raise refused
    adopting.adopt(session, account, "")  # what was bought by this address as a guest is theirs too
    me, at_ms = person_of(session, account.id), now_of(session)
    kept = stays(session, me)
    tried.remember(session, me.id, me.email)
    endings = _end_memberships(session, me, at_ms)
    _drop_unordered(session, me)
    for kind in reversed(KINDS):
        if kind.key not in LATER:
            _apply(session, me, kind)
    session.execute(delete(Answered).where(Answered.whose == me.id))
    _out_of_others_mails(session, me)
    receipt = mail.write(
        session, me.email, ERASED, at_ms=at_ms, endings=endings, kept=kept, name=account.name
    )
    session.execute(
        update(PaymentMethod)
        .where(PaymentMethod.account_id == me.id)
        .values(removed_ms=func.coalesce(PaymentMethod.removed_ms, at_ms), label="")
    )
    _close(account, at_ms)
    ask(session, "erase", receipt.id, None, spec=me.id)
    event.record(session, "account.erased", me.id)
    session.flush()
    session.expire_all()
    return endings


def stays(session: Session, me: Person) -> list[Kind]:
    """Theirs that holds a name or what was paid, for the sentence on what is kept and why."""
    named = ("invoices", "licenses", "payments", "wishes")
    return [one for one in kinds.of(session, me) if one.key in named]


def _close(account: Account, at_ms: int) -> None:
    account.email = nobody(account.id)
    account.name, account.password_hash, account.roles = "", "", []
    account.verified_ms, account.closed_ms = None, account.closed_ms or at_ms


def nobody(account_id: str) -> str:
    return f"{account_id}{mail.ERASED}"


def _refusal(session: Session, visitor: Visitor, account: Account) -> Refusal | None:
    if account.email == settings().operator.lower():
        return Refusal(
            "This is the operator's account, which the settings of this house name. Name another "
            "one there first.",
            "operator",
        )
    desks = session.scalars(select(Creator.name).where(Creator.account_id == account.id)).all()
    if desks:
        return Refusal(_desk_words(session, visitor, desks), "desk", desks=list(desks))
    held = select(Order.id).where(Order.account_id == account.id, Order.state == OrderState.HELD)
    if session.scalars(held).first():
        return Refusal(
            "A payment of yours is under way. Finish it, or wait ten minutes until it is let go; "
            "then erase your account.",
            "paying",
        )
    return None


def _desk_words(session: Session, visitor: Visitor, desks: Sequence[str]) -> str:
    sums = earnings.in_all(earnings.sales(session, visitor)) if visitor.creator_ids else []
    owed = " and ".join(money(one.kept_cents, one.currency) for one in sums if one.kept_cents > 0)
    earned = f" {owed} of sales are still to be paid out to it." if owed else ""
    return (
        f"You work at the desk of {' and '.join(desks)}: its clips, members and books need "
        f"somebody.{earned} Write to {settings().operator}, have what is owed paid out and the "
        "desk handed over or closed; then erase your account."
    )


def _alive(session: Session, account_id: str) -> Sequence[Membership]:
    of = memberships.of_account(session, account_id)
    return [one for one in of if one.state not in ("pending", "ended")]


def _ending(session: Session, one: Membership, at_ms: int) -> Ending:
    back = 0
    if at_ms < leaving.withdraw_until(session, one):
        back = leaving.back_cents(one, at_ms)
    return Ending(one.creator.name, one.tier.name, one.period_end_ms, back, one.currency)


def _end_memberships(session: Session, me: Person, at_ms: int) -> list[Ending]:
    """The receipt tells of them; mails of their own would be written to an address that goes."""
    session.info[notices.QUIET] = True
    found = []
    for one in _alive(session, me.id):
        ending = _ending(session, one, at_ms)
        if ending.back_cents:
            ending = _withdrawn(session, one.id, ending, at_ms)
        found.append(ending)
    leaving.end_all(session, me.id, ERASED, at_ms)
    del session.info[notices.QUIET]
    return found


def _withdrawn(session: Session, membership_id: str, of: Ending, at_ms: int) -> Ending:
    said = leaving.withdraw(session, membership_id, at_ms)
    return Ending(of.creator, of.tier, of.paid_until_ms, said.refund_cents, of.currency)


def _drop_unordered(session: Session, me: Person) -> None:
    """Carts, and quotes that no order and no talk belongs to."""
    carts = select(Order.id).where(Order.account_id == me.id, Order.state == OrderState.CART)
    ids = session.scalars(carts).all()
    session.execute(delete(OrderLine).where(OrderLine.order_id.in_(ids)))
    session.execute(delete(Order).where(Order.id.in_(ids)))
    ordered = select(OrderLine.id).where(OrderLine.quote_id == Quote.id).exists()
    talked = select(QuoteNote.quote_id).where(QuoteNote.quote_id == Quote.id).exists()
    loose = select(Quote.id).where(Quote.account_id == me.id, ~ordered, ~talked)
    session.execute(
        delete(Quote).where(Quote.id.in_(loose)), execution_options={"synchronize_session": False}
    )


def _apply(session: Session, me: Person, kind: Kind) -> None:
    if kind.fate == Fate.REMOVED:
        gone = delete(kind.row).where(kind.mine(me))
        session.execute(gone, execution_options={"synchronize_session": False})
    elif kind.emptied:
        made = {NOBODY: nobody(me.id), UNCOUNTED: secrets.token_hex(32)}
        values = {
            name: made.get(value, value) if isinstance(value, str) else value
            for name, value in kind.emptied.items()
        }
        emptied = update(kind.row).where(kind.mine(me)).values(values)
        session.execute(emptied, execution_options={"synchronize_session": False})


def _out_of_others_mails(session: Session, me: Person) -> None:
    """Those that have not left yet; what lies in the outbox is for the step."""
    said = Mail.text.contains(me.email, autoescape=True) | Mail.subject.contains(
        me.email, autoescape=True
    )
    found, instead = traces.named(me.email), nobody(me.id)
    for row in session.scalars(select(Mail).where(said, Mail.to != me.email)):
        row.subject = found.sub(instead, row.subject)[:300]
        row.text, row.html = found.sub(instead, row.text), found.sub(instead, row.html)
