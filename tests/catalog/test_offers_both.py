"""On both databases: four clicks at once, two tabs at once, and what a visit brought."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.offers import answers, sessions
from models.base import reading, unit_of_work
from models.clip import Clip
from models.offer import ContentSession, OfferView
from models.order import Order, OrderState
from tests import offer_factories as offers
from tests import order_factories as shop
from tests.both import BOTH, database_of, server_of


@pytest.fixture(scope="module", params=BOTH)
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    with server_of(request.param) as url:
        yield request.param, url


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
