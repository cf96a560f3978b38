"""What a pool earned is what it was at the time, however its clips come and go afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import figures, listings, pools, routing
from models.base import reading, unit_of_work
from models.listing import Listing
from models.pool import Partner, Pool
from models.settings import settings
from tests import member_factories, pool_factories
from tests import order_factories as shop
from tests.both import BOTH, database_of, server_of


@pytest.fixture(params=BOTH)
def either(request: pytest.FixtureRequest, home: Path) -> Iterator[str]:
    with server_of(request.param) as server, database_of(request.param, server, home):
        yield request.param


def earned_by_pool(as_of_ms: int) -> int:
    with reading() as session:
        rows = figures.one_of(session, "monetised", as_of_ms).tables[0].rows
    return next(int(str(row[1])) for row in rows if row[0] == "pool")


def moment() -> int:
    with reading() as session:
        return member_factories.now(session) + 1


def out_and_in(listing: Listing, pool_id: str, *, by_hand: bool) -> None:
    with unit_of_work() as session:
        listings.withdraw(session, listing.clip_id, "A complaint.")
        routing.route(session, listing.id)
    with unit_of_work() as session:
        listings.restore(session, listing.clip_id, "It was none.")
        routing.route(session, listing.id)
        if by_hand:
            pool, row = session.get_one(Pool, pool_id), session.get_one(Listing, listing.id)
            pools.enter(session, pool, row, ["x"], hand="in", person=True)


def test_what_a_pool_earned_stays_when_its_clip_leaves_and_comes_again(either: str) -> None:
    assert settings().payments == "sandbox"
    with unit_of_work() as session:
        account = member_factories.person(session)
    order_id, payment = shop.at_processor(member_factories.visitor_of(account))
    with unit_of_work() as session:
        listing = session.scalars(select(Listing)).one()
        pool_id = pool_factories.pool(session, slug="goals").id
        pools.enter(session, session.get_one(Pool, pool_id), listing, ["x"], hand="in", person=True)
        session.add(Partner(pool_id=pool_id, account_id=account.id))
    before = moment()
    shop.tell(payment, shop.sandbox.answered(payment, "pay")[1])
    after = moment()
    assert shop.order(order_id).paid_ms
    for by_hand in (False, True, True):
        assert (earned_by_pool(before), earned_by_pool(after)) == (0, 1)
        out_and_in(listing, pool_id, by_hand=by_hand)
    assert earned_by_pool(moment()) == 1


def test_what_is_licensed_while_it_is_out_is_not_earned_by_the_pool(either: str) -> None:
    with unit_of_work() as session:
        account = member_factories.person(session)
    _, payment = shop.at_processor(member_factories.visitor_of(account))
    with unit_of_work() as session:
        listing = session.scalars(select(Listing)).one()
        pool = pool_factories.pool(session, slug="goals")
        pools.enter(session, pool, listing, ["x"], hand="in", person=True)
        session.add(Partner(pool_id=pool.id, account_id=account.id))
    with unit_of_work() as session:
        pools.take_out(session, shop.STAFF, "goals", listing.id)
    shop.tell(payment, shop.sandbox.answered(payment, "pay")[1])
    with unit_of_work() as session:
        pools.put_in(session, shop.STAFF, "goals", listing.id)
    assert earned_by_pool(moment()) == 0
