"""Rows of members: tiers, memberships, charges, kept methods. A test names only what it is about.

They are written as rows, without events and mails; what is to happen as it does to people goes
through catalog.members.billing.
"""

import secrets
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.members import billing, charge_rows, joining, periods
from catalog.payments import ledger, sandbox
from models.account import Account
from models.base import now_ms, reading, unit_of_work
from models.creator import Creator
from models.membership import (
    Charge,
    ChargeKind,
    ChargeState,
    Membership,
    MembershipState,
    PaymentMethod,
    Period,
    Tier,
)
from models.payment import Refund, RefundState, SandboxCustomer, SandboxPayment
from tests import factories

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
PRICES = {
    "early": (1, 300, 3_000, 24),
    "drops": (2, 900, 9_000, 48),
    "events": (3, 2_500, 25_000, 72),
}
"""Rank, cents a month and a year, hours ahead."""


def person(session: Session, email: str = "", **values: Any) -> Account:
    """A verified account."""
    name = email or f"{secrets.token_hex(6)}@example.org"
    given = {"email": name, "name": name.split("@")[0].title(), "roles": [], "verified_ms": 1}
    return _kept(session, Account(**{**given, **values}))


def tier(session: Session, key: str = "early", of: Creator | None = None, **values: Any) -> Tier:
    """The current one of this creator and key; made where absent. The creator takes members."""
    creator = of or factories.creator(session)
    creator.members_ms = creator.members_ms or 1
    current = select(Tier).filter_by(creator_id=creator.id, key=key, retired_ms=None)
    found = session.scalars(current).first()
    if found is not None and not values:
        return found
    rank, month, year, hours = PRICES.get(key, (4, 500, 5_000, 24))
    given = {
        "creator_id": creator.id,
        "key": key,
        "rank": rank,
        "name": key.capitalize(),
        "summary": f"What {key} gives.",
        "month_cents": month,
        "year_cents": year,
        "currency": "USD",
        "lead_ms": hours * HOUR_MS,
        "perks": [{"kind": "early"}, {"kind": "feed"}, {"kind": "downloads", "count": 2}],
    }
    return _kept(session, Tier(**{**given, **values}))


def tiers(session: Session, of: Creator | None = None) -> list[Tier]:
    """The three of them, the lowest first."""
    return [tier(session, key, of) for key in PRICES]


def membership(
    session: Session, account_id: str = "", of: Tier | None = None, **values: Any
) -> Membership:
    """Active in its first period, which began a day ago, by the database's clock."""
    step = of or tier(session)
    period = Period(values.pop("period", Period.MONTH))
    began = values.pop("anchor_ms", None) or (session.scalar(select(now_ms())) or 0) - DAY_MS
    given = {
        "account_id": account_id or person(session).id,
        "creator_id": step.creator_id,
        "tier_id": step.id,
        "period": period,
        "price_cents": step.month_cents if period == Period.MONTH else step.year_cents,
        "currency": step.currency,
        "state": MembershipState.ACTIVE,
        "anchor_ms": began,
        "periods": 1,
        "period_start_ms": began,
        "period_end_ms": periods.end(began, period, 1),
        "joined_ms": began,
    }
    return _kept(session, Membership(**{**given, **values}))


def charge(session: Session, of: Membership | None = None, **values: Any) -> Charge:
    """Paid, for the membership's current period; a tip has none (`kind="tip"`, no membership)."""
    member = of or (None if values.get("kind") == ChargeKind.TIP else membership(session))
    cents = values.get("amount_cents", member.price_cents if member else 200)
    given: dict[str, Any] = {
        "key": secrets.token_hex(16),
        "kind": ChargeKind.JOIN,
        "lines": [{"what": "Membership", "cents": cents}],
        "amount_cents": cents,
        "currency": "USD",
        "state": ChargeState.PAID,
        "processor": "sandbox",
        "paid_ms": member.period_start_ms if member else session.scalar(select(now_ms())),
    }
    if member is not None:
        given |= {
            "account_id": member.account_id,
            "creator_id": member.creator_id,
            "membership_id": member.id,
            "tier_id": member.tier_id,
            "period": member.period,
            "from_ms": member.period_start_ms,
            "to_ms": member.period_end_ms,
            "currency": member.currency,
        }
    if "account_id" not in given and "account_id" not in values:
        given["account_id"] = person(session).id
    if "creator_id" not in given and "creator_id" not in values:
        given["creator_id"] = factories.creator(session).id
    return _kept(session, Charge(**{**given, **values}))


def method(session: Session, account_id: str, card: str = "works", **values: Any) -> PaymentMethod:
    """Kept at the sandbox, where its card works, declines, is late or silent."""
    customer = _kept(session, SandboxCustomer(card=card))
    given = {
        "account_id": account_id,
        "processor": "sandbox",
        "customer_ref": customer.id,
        "method_ref": f"card_{customer.id}"[:200],
        "label": "Sandbox card",
    }
    return _kept(session, PaymentMethod(**{**given, **values}))


_kept = factories._kept


def visitor_of(account: Account) -> Visitor:
    return Visitor(account_id=account.id, email=account.email, name=account.name)


def member(key: str = "early", period: str = "month", card: str = "works") -> tuple[Visitor, str]:
    """Joined as people join, by a kept card: the visitor, and the membership's id."""
    with unit_of_work() as session:
        account, step = person(session), tier(session, key)
        tiers(session)
        method(session, account.id, card)
        cents = step.month_cents if period == "month" else step.year_cents
    who = visitor_of(account)
    way = billing.join(who, step.id, period, cents=cents, currency="USD")
    with reading() as session:
        return who, session.get_one(Charge, way.charge_id).membership_id or ""


def joined(session: Session, account_id: str, step: Tier, period: Period, at_ms: int) -> Charge:
    """By the kept card of the account, at a time of its own: for years that are tried out."""
    charge = joining.ask(session, account_id, step.id, period, at_ms)
    billing.collect_in(session, charge.id, at_ms)
    return charge


def of(membership_id: str) -> Membership:
    with reading() as session:
        return session.get_one(Membership, membership_id)


def charge_of(charge_id: str) -> Charge:
    with reading() as session:
        return session.get_one(Charge, charge_id)


def pay_back() -> list[str]:
    """What the step `refund` does, for all that is asked."""
    with reading() as session:
        rows = session.scalars(select(Refund).filter_by(state=RefundState.ASKED)).all()
    told = [
        sandbox.refund(
            row.id, row.order_id or row.charge_id or "", row.payment_ref, row.amount_cents
        )
        for row in rows
    ]
    return [outcome for facts in told for outcome in ledger.hear_all(facts)]


def now(session: Session) -> int:
    return session.scalar(select(now_ms())) or 0


def sandboxed(charge_id: str) -> str:
    """The last payment at the sandbox for this charge."""
    with reading() as session:
        wanted = select(SandboxPayment.id).filter_by(order_ref=charge_id)
        return session.scalars(wanted.order_by(SandboxPayment.created_ms.desc())).first() or ""


def forget_cards() -> None:
    with unit_of_work() as session:
        session.execute(update(PaymentMethod).values(removed_ms=1))


def let_time_pass(membership_id: str, ms: int) -> None:
    """As if it had begun so long before."""
    moved = ("anchor_ms", "period_start_ms", "period_end_ms", "joined_ms")
    with unit_of_work() as session:
        row = session.get_one(Membership, membership_id)
        for name in moved:
            setattr(row, name, getattr(row, name) - ms)


def charges(membership_id: str) -> list[Charge]:
    with reading() as session:
        return list(charge_rows.of_membership(session, membership_id))


def refunds(charge_id: str = "") -> list[Refund]:
    wanted = select(Refund).where(Refund.charge_id.is_not(None))
    with reading() as session:
        return [one for one in session.scalars(wanted) if charge_id in ("", one.charge_id)]


def payments(charge_id: str) -> list[SandboxPayment]:
    """Those at the sandbox that were paid."""
    wanted = select(SandboxPayment).filter_by(order_ref=charge_id, state="paid")
    with reading() as session:
        return list(session.scalars(wanted))


def stranger(card: str) -> tuple[Visitor, str]:
    """Somebody who has not joined, with a kept card or none, and the id of a tier."""
    with unit_of_work() as session:
        account, step = person(session), tier(session)
        if card:
            method(session, account.id, card)
    return visitor_of(account), step.id


def due_now(membership_id: str) -> None:
    """Its next try, as if its day had come."""
    with unit_of_work() as session:
        tried = update(Charge).where(Charge.membership_id == membership_id)
        session.execute(tried.where(Charge.next_try_ms.is_not(None)).values(next_try_ms=1))


def at(membership_id: str, at_ms: int) -> Membership:
    """After all that is due then, as the timer and its steps do it."""
    with unit_of_work() as session:
        for one in billing.due(session, at_ms, 10):
            billing.advance(session, one, at_ms)
        for one in charge_rows.due(session, at_ms, 10):
            billing.collect_in(session, one, at_ms)
    return of(membership_id)


def use_card(card: sandbox.Card) -> None:
    """The only one that is kept behaves so from now on."""
    with reading() as session:
        customer = session.scalars(select(SandboxCustomer.id)).one()
    sandbox.behave(customer, card)
