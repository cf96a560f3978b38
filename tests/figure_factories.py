"""What figures count: member events, visits, sales, at times of the test's own."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from catalog import figures
from catalog.auth import Visitor
from catalog.figures import months
from catalog.figures.shape import Figure
from catalog.payments import ledger
from catalog.payments.facts import PaymentFact, house
from models.base import new_id, now_ms, reading, unit_of_work
from models.membership import MemberEvent, MemberEventKind
from models.offer import ContentSession
from models.payment import PaymentKind
from tests import factories
from tests import order_factories as shop

DAY_MS = months.DAY_MS
LAST = date(2026, 3, 31)
END_MS = months.end_of(LAST)
TIERS = ("early", "drops", "events")


def at(month: int, day: int = 1, hour: int = 0) -> int:
    return int(datetime(2026, month, day, hour, tzinfo=UTC).timestamp()) * 1000


def figure(name: str, as_of_ms: int = END_MS, creator_id: str | None = None) -> Figure:
    with reading() as session:
        return figures.one_of(session, name, as_of_ms, creator_id)


def rows(name: str, as_of_ms: int = END_MS, table: int = 0, **values: Any) -> list[dict[str, Any]]:
    found = figure(name, as_of_ms, **values)
    return found.tables[table].dicts() if len(found.tables) > table else []


def month_of(name: str, month: str = "2026-03", **values: Any) -> dict[str, Any]:
    return next(row for row in rows(name, **values) if row["month"] == month)


def today_ms() -> int:
    return months.end_of(datetime.now(UTC).date())


def happened(
    membership_id: str, creator_id: str, *told: tuple[int, str, str, int], currency: str = "USD"
) -> list[MemberEvent]:
    """Events of one membership: when, what, the tier after it, what recurs after it (cents)."""
    made, tier, before = [], "", 0
    for when, kind, after_tier, cents in told:
        made.append(
            MemberEvent(
                membership_id=membership_id,
                creator_id=creator_id,
                kind=MemberEventKind(kind),
                tier_key=after_tier,
                before_tier_key=tier,
                tier_id="t" * 32,
                before_mrr=before,
                after_mrr=cents * 1000,
                currency=currency,
                at_ms=when,
            )
        )
        tier, before = after_tier, cents * 1000
    with unit_of_work() as session:
        session.add_all(made)
    return made


def sold(visitor: Visitor, cents: int) -> str:
    """The order of a license of a clip whose creator has no members, who would see it first."""
    with unit_of_work() as session:
        recording = factories.recording(session, creator_id=factories.creator(session, "eve").id)
        listing_id = factories.listing(session, factories.clip(session, recording)).id
    return shop.paid(visitor, cents, listing_id=listing_id)[0]


def visits(begun_ms: int, shown: tuple[int, int], held_out: tuple[int, int], **values: Any) -> None:
    """So many visits, and in how many of them something was bought; one in which nothing fitted."""
    with unit_of_work() as session:
        for out, (many, bought) in ((False, shown), (True, held_out), (None, (1, 0))):
            for number in range(many):
                session.add(
                    ContentSession(
                        whose=new_id(),
                        held_out=out,
                        bought_cents=500 if number < bought else 0,
                        currency="USD" if number < bought else "",
                        begun_ms=begun_ms,
                        **values,
                    )
                )


def told(kind: PaymentKind, order_id: str, payment: str, cents: int, movement: str) -> str:
    """What the sandbox tells of money that moved by nobody's doing here."""
    with unit_of_work() as session:
        ours, now = house(session), session.scalar(select(now_ms())) or 0
    fact = PaymentFact(
        processor="sandbox",
        event_id=f"evt_{movement}_{kind}",
        kind=kind,
        payment_ref=payment,
        movement_ref=movement,
        order_id=order_id,
        amount_cents=cents,
        currency="USD",
        happened_ms=now,
        house=ours,
    )
    return ledger.hear_all([fact])[0]
