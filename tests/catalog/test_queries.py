"""However many rows a page or an answer has, the database is asked as often as for a few."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from catalog import carts, checkout, earnings, feeds, lightboxes, orders, pools, quotes
from catalog.api import orders as orders_api
from catalog.api import quotes as quotes_api
from catalog.auth import Visitor
from models.account import Role
from models.base import reading, unit_of_work
from models.lightbox import LightboxItem
from models.pool import Pool
from tests import delivery_factories, factories, pool_factories
from tests import order_factories as shop

FEW, MANY = 2, 9
MOST_OF_FIFTY = 120


@contextmanager
def counted() -> Iterator[list[str]]:
    asked: list[str] = []

    def heard(*given: Any) -> None:
        asked.append(given[2])

    event.listen(Engine, "before_cursor_execute", heard)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", heard)


def cost(read: Callable[[], Any]) -> int:
    read()  # what is read once in a process
    with counted() as asked:
        read()
    return len(asked)


def within(read: Callable[[Session], Any]) -> Callable[[], Any]:
    def run() -> None:
        with reading() as session:
            read(session)

    return run


@pytest.fixture
def lin(database: Path) -> Visitor:
    shop.open_shop()
    return pool_factories.visitor("lin@example.org", Role.LICENSEE)


def test_the_carts_lines_are_looked_at_together(lin: Visitor) -> None:
    def look(session: Session) -> None:
        found = carts.cart(session, lin)
        assert found is not None
        orders.standing(session, lin, found)

    shop.in_cart(lin, *[1_000] * FEW)
    few = cost(within(look))
    shop.in_cart(lin, *[1_000] * MANY)
    assert cost(within(look)) == few


def test_a_checkout_of_fifty_lines_is_no_thousand_questions(lin: Visitor) -> None:
    order_id = shop.in_cart(lin, *[1_000] * 50)
    with counted() as asked:
        checkout.begin(lin, order_id, shop.BUYER, agreed=True, cents=50_000, currency="USD")
    assert len(asked) <= MOST_OF_FIFTY
    assert shop.kept() == 50


def test_lists_of_orders_and_quotes(lin: Visitor) -> None:
    lists = [
        lambda: orders_api.list_orders(lin),
        lambda: quotes_api.list_quotes(lin),
        within(lambda session: quotes.of_visitor(session, lin)),
    ]
    for _ in range(FEW):
        shop.paid(lin, 1_000)
    few = [cost(one) for one in lists]
    for _ in range(MANY):
        shop.paid(lin, 1_000)
    assert [cost(one) for one in lists] == few


def test_earnings_and_their_sums(lin: Visitor) -> None:
    def read(session: Session) -> None:
        earnings.page(session, shop.STAFF, None, 100)
        earnings.totals(session, shop.STAFF)
        earnings.by_clip(session, shop.STAFF, 10)
        earnings.by_month(session, shop.STAFF)
        earnings.unassigned(session, shop.STAFF)

    shop.paid(lin, *[1_000] * FEW)
    few = cost(within(read))
    shop.paid(lin, *[1_000] * MANY)
    assert cost(within(read)) == few


def test_the_sales_come_in_pages_and_the_file_has_them_all(
    lin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earnings, "PIECE", 3)
    shop.paid(lin, *[1_000] * 7)
    found: list[str] = []
    mark: str | None = ""
    while mark is not None:
        with reading() as session:
            page = earnings.page(session, shop.STAFF, mark, 3)
        found += [sale.license.id for sale in page.rows]
        mark = page.next_cursor
    assert len(found) == len(set(found)) == page.total == 7
    rows = "".join(earnings.as_csv(shop.STAFF)).splitlines()
    assert len(rows) == 8
    assert [row.split(",")[1] for row in rows[1:]] == found


def test_lightboxes_read_one_clip_each(lin: Visitor) -> None:
    def fill(boxes: int, clips: int) -> None:
        with unit_of_work() as session:
            listed = [factories.listing(session).id for _ in range(clips)]
            for number in range(boxes):
                box = lightboxes.make(session, lin, f"box {number}")
                session.add_all(LightboxItem(lightbox_id=box.id, listing_id=one) for one in listed)

    fill(FEW, 1)
    few = cost(within(lambda session: lightboxes.overview(session, lin)))
    fill(MANY, 5)
    assert cost(within(lambda session: lightboxes.overview(session, lin))) == few
    with reading() as session:
        shown = lightboxes.overview(session, lin)
        kept = {one.lightbox.id: lightboxes.show(session, lin, one.lightbox.id) for one in shown}
    assert all(one.first == kept[one.lightbox.id].listings[0] for one in shown)
    assert sorted(one.clips for one in shown) == [1] * FEW + [5] * MANY


def test_a_feed_of_licensed_clips(lin: Visitor) -> None:
    with unit_of_work() as session:
        slug = pool_factories.pool(session).slug

    def fill(count: int) -> None:
        with unit_of_work() as session:
            pool = session.query(Pool).one()
            for _ in range(count):
                _, listing = delivery_factories.full_clip(session)
                delivery_factories.license_of(session, listing, account_id=lin.account_id)
                pools.enter(session, pool, listing, ["a test"], hand="in")

    with unit_of_work() as session:
        pool_factories.partner(session, session.query(Pool).one(), "lin@example.org")
    fill(FEW)
    few = cost(within(lambda session: feeds.as_json(feeds.read(session, lin, slug, "json"))))
    fill(MANY)
    assert cost(within(lambda session: feeds.read(session, lin, slug, "json"))) == few
    with reading() as session:
        found = feeds.read(session, lin, slug, "json")
    assert [one.file and one.file.full for one in found.entries] == [True] * (FEW + MANY)
