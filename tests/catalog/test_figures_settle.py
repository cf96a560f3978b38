"""Whatever happens afterwards, the figures of a moment that is over stay as they were, to the cent:
refunds, disputes lost and won, licenses that end and hold again, answers that come too late.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some
from sqlalchemy import select

from catalog import checkout, figures, licenses, listings, settling
from catalog.errors import CatalogError
from catalog.figures import written
from catalog.offers import heard
from catalog.offers.heard import SETTLED_MS
from models.base import new_id, now_ms, reading, unit_of_work
from models.event import Event
from models.listing import Listing
from models.membership import Charge, ChargeKind, MemberEvent, MemberEventKind
from models.offer import ContentSession, Offer, OfferAnswer, OfferView
from models.order import OrderLine
from models.payment import PaymentKind
from tests import factories, member_factories
from tests import order_factories as shop
from tests.figure_factories import TIERS, told

numbers = count(1)


@dataclass
class House:
    """Two creators with a clip each, and what has happened so far."""

    creators: tuple[str, str]
    works: tuple[str, str]
    view_id: str
    membership_id: str
    orders: list[tuple[str, str]] = field(default_factory=list)
    disputes: list[tuple[str, str, int, str]] = field(default_factory=list)
    members: int = 0


@pytest.fixture
def house(database: Path) -> House:
    shop.open_shop()
    with unit_of_work() as session:
        creators, works = [], []
        for slug in ("ada", "bob"):
            creator = factories.creator(session, slug)
            recording = factories.recording(session, creator_id=creator.id)
            creators.append(creator.id)
            works.append(factories.listing(session, factories.clip(session, recording)).id)
        membership_id = member_factories.membership(session).id
        view_id = _shown(session, creators[0])
    return House((creators[0], creators[1]), (works[0], works[1]), view_id, membership_id)


def _shown(session: Any, creator_id: str) -> str:
    """An offer that was shown just so long ago that its answer stands, and was accepted."""
    at = (session.scalar(select(now_ms())) or 0) - SETTLED_MS - 60_000
    offer = Offer(
        creator_id=creator_id, kind="tip", moment="end", title="A tip", facts={}, starts_ms=0
    )
    visit = ContentSession(
        whose=new_id(),
        creator_id=creator_id,
        held_out=False,
        bought_cents=300,
        currency="USD",
        begun_ms=at,
    )
    session.add_all([offer, visit])
    session.flush()
    view = OfferView(
        offer_id=offer.id,
        whose="w" * 64,
        session_id=visit.id,
        held_out=False,
        cents=300,
        currency="USD",
        reason="You watched it to its end.",
        data_used=[],
        answer=OfferAnswer.ACCEPTED,
        answered_ms=at,
        at_ms=at,
    )
    session.add(view)
    session.flush()
    return view.id


def buy(house: House) -> None:
    _bought(house, house.works[:1], 12_000)


def buy_both(house: House) -> None:
    _bought(house, house.works, 8_000)


def _bought(house: House, works: tuple[str, ...], cents: int) -> None:
    order_id = ""
    for one in works:
        order_id = shop.in_cart(shop.GUEST, cents, listing_id=one)
    total = cents * len(works)
    checkout.begin(shop.GUEST, order_id, shop.BUYER, agreed=True, cents=total, currency="USD")
    payment = shop.order(order_id).payment_ref
    shop.tell(payment, shop.sandbox.answered(payment, "pay")[1])
    house.orders.append((order_id, payment))


def refund_a_line(house: House) -> None:
    order_id, _ = house.orders[-1]
    shop.ask_refund(order_id, [_lines(order_id)[0].id])
    shop.pay_back_what_can_be()


def refund_all(house: House) -> None:
    shop.ask_refund(house.orders[-1][0])
    shop.pay_back_what_can_be()


def part_goes_back(house: House) -> None:
    order_id, payment = house.orders[-1]
    told(PaymentKind.REFUNDED, order_id, payment, 1_000, f"re_{next(numbers)}")


def part_is_assigned(house: House) -> None:
    order_id, _ = house.orders[-1]
    with unit_of_work() as session:
        settling.assign(session, shop.STAFF, order_id, _lines(order_id)[0].id, 1_000)


def dispute(house: House) -> None:
    order_id, payment = house.orders[-1]
    cents, movement = shop.order(order_id).total_cents, f"dp_{next(numbers)}"
    told(PaymentKind.DISPUTED, order_id, payment, cents, movement)
    house.disputes.append((order_id, payment, cents, movement))


def win(house: House) -> None:
    order_id, *rest = house.disputes.pop()
    told(PaymentKind.RESTORED, order_id, *rest)
    with unit_of_work() as session:
        settling.grant_again(session, shop.STAFF, order_id)


def revoke(house: House) -> None:
    """For a breach: nothing is paid back."""
    for one in shop.licenses_of(house.orders[-1][0])[:1]:
        with unit_of_work() as session:
            licenses.revoke(session, one.id, "used outside its terms")


def withdraw(house: House) -> None:
    with unit_of_work() as session:
        listings.withdraw(session, session.get_one(Listing, house.works[0]).clip_id, "not mine")


def restore(house: House) -> None:
    with unit_of_work() as session:
        listings.restore(
            session, session.get_one(Listing, house.works[0]).clip_id, "mine after all"
        )


def a_member_moves(house: House) -> None:
    """Joins, goes up, ends; again and again."""
    kinds = ((MemberEventKind.JOINED, 300), (MemberEventKind.CHANGED, 900))
    kind, cents = (*kinds, (MemberEventKind.ENDED, 0))[house.members % 3]
    before = (0, 300, 900)[house.members % 3]
    tiers = ("", *TIERS)
    with unit_of_work() as session:
        at = house.members % 3
        session.add(
            MemberEvent(
                membership_id=house.membership_id,
                creator_id=house.creators[0],
                kind=kind,
                tier_key=tiers[min(at + 1, 2)],
                before_tier_key=tiers[at],
                tier_id="t" * 32,
                before_mrr=before * 1000,
                after_mrr=cents * 1000,
                currency="USD",
                at_ms=session.scalar(select(now_ms())) or 0,
            )
        )
    house.members += 1


def merch_is_sold(house: House) -> None:
    facts = {"cents": 4_000, "currency": "EUR", "creator_id": house.creators[0]}
    with unit_of_work() as session:
        session.add(Event(kind="merch.sold", subject="o1", facts=facts))


def an_offer_is_undone_too_late(house: House) -> None:
    with unit_of_work() as session:
        view = session.get_one(OfferView, house.view_id)
        charge = Charge(
            kind=ChargeKind.TIP,
            account_id=new_id(),
            creator_id=house.creators[0],
            offer_view_id=view.id,
            amount_cents=300,
            currency="USD",
            paid_ms=view.at_ms,
        )
        heard.charge_undone(session, charge)


ACTIONS: tuple[Callable[[House], None], ...] = (
    *(buy, buy_both, refund_a_line, refund_all, part_goes_back, part_is_assigned),
    *(dispute, win, revoke, withdraw, restore, a_member_moves, merch_is_sold),
    an_offer_is_undone_too_late,
)
some_actions = some.lists(some.sampled_from(ACTIONS), min_size=1, max_size=5)


def do(house: House, action: Callable[[House], None]) -> None:
    """What can't be done as things stand is not done: there is nothing to refund, or it is over."""
    with contextlib.suppress(CatalogError, IndexError):
        action(house)


def seen(house: House, as_of_ms: int) -> list[Any]:
    """Of the house and of each creator."""
    found = []
    for creator_id in (None, *house.creators):
        with reading() as session:
            found.append(written.as_data(figures.all_of(session, as_of_ms, creator_id), as_of_ms))
    return found


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example([buy, dispute], [win])
@example([buy_both, dispute], [win])
@example([buy, revoke], [refund_all])
@example([buy, part_goes_back], [part_is_assigned, refund_all])
@example([buy_both, part_goes_back], [part_is_assigned, refund_a_line, dispute])
@example([a_member_moves], [an_offer_is_undone_too_late, a_member_moves, withdraw, restore])
@given(some_actions, some_actions)
def test_figures_of_a_moment_that_is_over_never_change(
    house: House, before: list[Callable[[House], None]], after: list[Callable[[House], None]]
) -> None:
    for action in before:
        do(house, action)
    time.sleep(0.003)
    with reading() as session:
        now = session.scalar(select(now_ms())) or 0
    first = seen(house, now)
    for action in after:
        do(house, action)
        assert seen(house, now) == first, f"{action.__name__} changed what was over"


def test_what_creators_share_adds_up_to_the_house(house: House) -> None:
    def net() -> list[int]:
        time.sleep(0.003)
        with reading() as session:
            now = (session.scalar(select(now_ms())) or 0) + 1
            found = [
                figures.one_of(session, "licensing", now, one).tables[0].dicts()
                for one in (None, *house.creators)
            ]
        return [sum(int(row["net_cents"] or 0) for row in rows) for rows in found]

    buy_both(house)
    assert net() == [16_000, 8_000, 8_000]
    order_id, payment = house.orders[-1]
    with reading() as session:
        mine = select(OrderLine.id).filter_by(order_id=order_id, listing_id=house.works[1])
        shop.ask_refund(order_id, [session.scalars(mine).one()])
    shop.pay_back()
    assert net() == [8_000, 8_000, 0]
    told(PaymentKind.DISPUTED, order_id, payment, 8_000, "dp_last")
    assert net() == [0, 0, 0]
    told(PaymentKind.RESTORED, order_id, payment, 8_000, "dp_last")
    assert net() == [8_000, 8_000, 0]
    buy(house)
    assert net() == [20_000, 20_000, 0]


def _lines(order_id: str) -> list[OrderLine]:
    with reading() as session:
        wanted = select(OrderLine).filter_by(order_id=order_id).order_by(OrderLine.listing_id)
        return list(session.scalars(wanted))
