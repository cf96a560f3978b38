"""One cart for each buyer: what two tabs, two sign-ins and two clicks at once make of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from catalog import accounts, carts, checkout, orders, quotes, wishes
from catalog.auth import Visitor
from catalog.errors import Refusal, SignInNeeded
from catalog.payments import ledger, sandbox
from catalog.uses import MEDIA
from models.account import Role
from models.base import reading, unit_of_work
from models.license import LicenseState
from models.order import Order, OrderLine, OrderState
from models.quote import Quote
from tests import order_factories as shop
from tests import people, pool_factories
from tests import rights_factories as rights
from tests.both import BOTH, database_of, server_of

AT_ONCE = 8


@pytest.fixture(params=BOTH)
def either(request: pytest.FixtureRequest, home: Path) -> Iterator[None]:
    with server_of(request.param) as url, database_of(request.param, url, home):
        yield


def put(visitor: Visitor, listing_id: str, kind: str, **use: object) -> str:
    """The quote's id."""
    with unit_of_work() as session:
        made = quotes.open_quote(session, visitor, listing_id, kind, use)
        orders.add(session, visitor, made.id)
        return made.id


def cart(visitor: Visitor) -> Order:
    with reading() as session:
        found = carts.cart(session, visitor)
        assert found is not None
        return found


def begun(visitor: Visitor, order: Order) -> str:
    """Its payment at the sandbox."""
    checkout.begin(
        visitor, order.id, shop.BUYER, agreed=True, cents=order.total_cents, currency="USD"
    )
    return shop.order(order.id).payment_ref


def sale() -> str:
    """A listing's id, cleared for every use."""
    shop.open_shop()
    with unit_of_work() as session:
        return rights.listing(session).id


@pytest.mark.parametrize("private_first", [True, False])
def test_a_personal_copy_and_the_exclusive_of_one_clip_are_granted_together(
    database: Path, private_first: bool
) -> None:
    listing = sale()
    for kind, use in (("personal", {}), ("exclusive", {"media": list(MEDIA)})):
        put(shop.GUEST, listing, kind, **use)
    order = cart(shop.GUEST)
    personal, exclusive = order.lines
    names = ("0" * 32, "f" * 32) if private_first else ("f" * 32, "0" * 32)
    with unit_of_work() as session:  # whatever chance says, either may be the first
        for line, name in zip((personal, exclusive), names, strict=True):
            session.execute(update(OrderLine).where(OrderLine.id == line.id).values(id=name))
    payment = begun(shop.GUEST, cart(shop.GUEST))
    assert shop.tell(payment, sandbox.answered(payment, "pay")[1]) == [ledger.GRANTED]
    assert [one.state for one in shop.licenses()] == [LicenseState.ACTIVE] * 2


def test_licenses_that_shut_each_other_out_are_named_before_anything_is_paid(
    database: Path,
) -> None:
    listing = sale()
    for kind in ("standard", "exclusive"):
        put(shop.GUEST, listing, kind)
    with pytest.raises(Refusal, match="in this order shut each other out"):
        begun(shop.GUEST, cart(shop.GUEST))
    assert shop.kept() == 0


def test_the_same_clip_for_the_same_use_is_there_once(database: Path) -> None:
    listing = sale()
    put(shop.GUEST, listing, "exclusive")
    second = put(shop.GUEST, listing, "exclusive")
    assert [line.quote_id for line in cart(shop.GUEST).lines] == [second]
    put(shop.GUEST, listing, "exclusive", term_days=30)
    assert len(cart(shop.GUEST).lines) == 2, "another use is another line"


def test_ones_own_payment_in_another_tab_is_named_as_ones_own(database: Path) -> None:
    listing = sale()
    put(shop.GUEST, listing, "exclusive")
    begun(shop.GUEST, cart(shop.GUEST))
    for visitor, words in ((shop.GUEST, "You are already paying"), (shop.OTHER, "Somebody else")):
        put(visitor, listing, "exclusive")
        with reading() as session:
            found = carts.cart(session, visitor)
            assert found is not None
            [one] = orders.standing(session, visitor, found)
        assert one.problem.startswith(words)
        assert one.code == "on_hold"


def test_a_use_that_changed_at_the_same_price_stops_the_checkout_until_it_is_taken(
    database: Path,
) -> None:
    shop.open_shop()
    lin = pool_factories.visitor("lin@example.org", Role.LICENSEE)
    ada = pool_factories.visitor("ada@example.org", Role.CREATOR, creator="ada")
    with unit_of_work() as session:
        row = shop.quote(session, lin, kind="standard", cents=50_000)
        orders.add(session, lin, row.id)
        wishes.ask(session, lin, row.id, price_cents=50_000, use={"term_days": 3_650}, text="")
    with unit_of_work() as session:
        wishes.accept(session, ada, row.id)
    with unit_of_work() as session:
        found = carts.cart(session, lin, locked=True)
        assert found is not None
        [one] = orders.standing(session, lin, found)
        assert one.code == "use_changed"
        orders.quote_again(session, lin, one.line.id)
    order = cart(lin)
    assert order.lines[0].use["term_days"] == 3_650
    with reading() as session:
        assert [one.problem for one in orders.standing(session, lin, cart(lin))] == [""]


def test_what_a_guest_chose_is_in_the_old_cart_after_the_sign_in(database: Path) -> None:
    lena = Visitor(account_id=people.account("lena@example.org"))
    shop.in_cart(lena, 1_000)
    shop.in_cart(shop.GUEST, 7_000)
    with unit_of_work() as session:
        word = accounts.make_link(session, "lena@example.org", "/")
        accounts.enter(session, word, shop.GUEST.guest)
    order = cart(lena)
    assert [line.price_cents for line in order.lines] == [1_000, 7_000]
    assert order.total_cents == 8_000
    with reading() as session:
        assert len(session.scalars(select(Order)).all()) == 1


@pytest.mark.usefixtures("either")
def test_clicks_at_once_make_one_cart() -> None:
    shop.open_shop()
    with unit_of_work() as session:
        made = [shop.quote(session, shop.GUEST, cents=1_000 + n).id for n in range(AT_ONCE)]

    def add(quote_id: str) -> None:
        with unit_of_work() as session:
            orders.add(session, shop.GUEST, quote_id)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(add, made))
    with reading() as session:
        [order] = session.scalars(select(Order).filter_by(state=OrderState.CART)).unique()
        assert len(order.lines) == AT_ONCE


def test_what_is_free_is_for_accounts_alone(database: Path) -> None:
    shop.open_shop()
    with unit_of_work() as session:
        free = shop.quote(session, shop.GUEST, kind="comp", cents=0).id
    with unit_of_work() as session, pytest.raises(SignInNeeded):
        orders.add(session, shop.GUEST, free)
    with unit_of_work() as session, pytest.raises(SignInNeeded):
        orders.of_quotes(session, shop.GUEST, [free])
    shop.in_cart(shop.GUEST, 1_000)
    with unit_of_work() as session:  # as one that was put there before
        session.execute(update(Quote).values(price_cents=0))
        session.execute(update(OrderLine).values(price_cents=0))
        found = carts.cart(session, shop.GUEST)
        assert found is not None
        [one] = orders.standing(session, shop.GUEST, found)
    assert one.code == "sign_in_needed"


def test_the_clips_page_names_ones_own_payment_as_the_cart_does(
    client: TestClient, database: Path
) -> None:
    lin = people.sign_in(client, "lin@example.org", Role.LICENSEE)
    listing = sale()
    buyer = Visitor(account_id=lin)
    put(buyer, listing, "exclusive")
    begun(buyer, cart(buyer))
    address = f"/clips/{listing}?kind=exclusive&shown=exclusive&media=web&where=world&term=365"
    said = client.get(address, follow_redirects=True).text
    assert "You are already paying" in said
    assert "Somebody else" not in said
    people.sign_in(client, "ben@example.org", Role.LICENSEE)
    assert "Somebody else is paying" in client.get(address, follow_redirects=True).text
