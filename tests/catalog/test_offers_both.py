"""On both databases: four clicks at once, two tabs at once, and what a visit brought."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import checkout, segments
from catalog.auth import Visitor
from catalog.letters import telling
from catalog.offers import answers, hashes, sessions
from catalog.payments import sandbox
from models.base import reading, unit_of_work
from models.clip import Clip
from models.offer import ContentSession, OfferChoice, OfferView
from models.order import Order, OrderState
from tests import member_factories
from tests import offer_factories as offers
from tests import order_factories as shop
from tests.both import database_of


@pytest.fixture
def clip(server: tuple[str, str], home: Path) -> Iterator[str]:
    kind, url = server
    with database_of(kind, url, home):
        [made] = offers.clips()
        offers.make("keep")
        yield made


def test_many_clicks_and_tabs_at_once_are_one_card_one_order_one_visit(clip: str) -> None:
    who = offers.person()

    def visit() -> None:
        with unit_of_work() as session:
            sessions.touch(session, who, session.get_one(Clip, clip), offers.now())

    at_once(visit)
    at_once(lambda: offers.shown(who, clip))
    [view] = offers.views(who)
    at_once(lambda: answers.accept(who, view.id, cents=900, currency="USD"))
    with reading() as session:
        assert [one.state for one in session.scalars(select(Order))] == [OrderState.PAID]
        found = session.scalars(select(ContentSession)).one()
        assert (found.clips, found.bought_cents, found.held_out) == (4, 900, False)
        assert session.scalars(select(OfferView)).one().session_id == found.id
    assert shop.net() == 900
    at_once(lambda: answers.undo(who, view.id))
    shop.pay_back()
    assert shop.net() == 0


def test_who_has_no_cookie_is_counted_held_and_carried_on_both(clip: str) -> None:
    who = hashes.passing(Visitor(), "192.0.2.7")

    def visit(visitor: Visitor) -> None:
        with unit_of_work() as session:
            sessions.touch(session, visitor, session.get_one(Clip, clip), offers.now())

    at_once(lambda: visit(who))
    at_once(lambda: offers.shown(who, clip))
    with reading() as session:
        view = session.scalars(select(OfferView)).one()
        assert session.scalars(select(ContentSession.clips)).one() == 4
    guest = hashes.passing(Visitor(guest="b" * 64), "192.0.2.7")
    answers.accept(guest, view.id, cents=900, currency="USD")
    with reading() as session:
        order_id = session.scalars(select(Order.id)).one()
    checkout.begin(guest, order_id, shop.BUYER, agreed=True, cents=900, currency="USD")
    payment = shop.order(order_id).payment_ref
    shop.tell(payment, sandbox.answered(payment, "pay")[1])
    at_once(lambda: visit(guest))
    with unit_of_work() as session:
        found = session.scalars(select(ContentSession)).one()
        assert (found.clips, found.bought_cents) == (8, 900)
        answers.never(session, who, None)
        hashes.forget(session, offers.now() + offers.DAY_MS)
        assert session.scalars(select(OfferChoice)).all() == []


def test_a_segment_is_a_condition_on_both(clip: str) -> None:
    with unit_of_work() as session:
        tier = member_factories.tier(session, "early")
        tier.perks = []
        people = [member_factories.membership(session, of=tier) for _ in range(20)]
        rule = segments.rule_of({"tiers": ["early"]})
        made = segments.save(session, offers.STAFF, tier.creator_id, "Early", rule)
    offers.make("keep", facts={"segment": made.id})
    inside = Visitor(account_id=people[0].account_id)
    assert offers.shown(inside, clip) is not None
    assert offers.shown(offers.person(), clip) is None
    with unit_of_work() as session:
        assert telling.write(session, "0" * 32, made.id, "", offers.now()).last == ""
        wanted = segments.people(session, tier.creator_id, made.id, offers.now())
        assert len(session.scalars(wanted).all()) == 20


def at_once(act: Callable[[], object]) -> None:
    problems: list[Exception] = []

    def one() -> None:
        try:
            act()
        except Exception as error:
            problems.append(error)

    acts = [threading.Thread(target=one) for _ in range(4)]
    for each in acts:
        each.start()
    for each in acts:
        each.join()
    assert problems == []
