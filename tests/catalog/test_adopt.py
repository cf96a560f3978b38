"""What a guest began is the account's after signing in; and nobody else's."""

import pytest
from sqlalchemy.orm import Session

from catalog import adopting
from models.account import Account
from models.base import unit_of_work
from models.license import License
from models.lightbox import Lightbox
from models.order import Order, OrderLine, OrderState
from models.quote import Quote
from models.reservation import FOREVER_MS
from models.terms import Terms
from tests import factories, license_factories, people

pytestmark = pytest.mark.usefixtures("database")
EMAIL = "lena@example.org"
GUEST, OTHER = "g" * 64, "o" * 64
USE = {"media": ["web"]}


def terms(session: Session) -> Terms:
    return session.query(Terms).first() or license_factories.terms(session)


def quote(session: Session, **whose: str) -> Quote:
    made = Quote(
        listing_id=factories.listing(session).id,
        terms_id=terms(session).id,
        use=USE,
        price_cents=4_900,
        currency="USD",
        breakdown=[],
        expires_ms=FOREVER_MS,
        **whose,
    )
    session.add(made)
    session.flush()
    return made


def order(session: Session, state: OrderState, lines: int = 1, **whose: str) -> Order:
    made = Order(state=state, total_cents=lines * 4_900, **whose)
    session.add(made)
    session.flush()
    for number in range(lines):
        of = quote(session, **{k: v for k, v in whose.items() if k in ("account_id", "guest")})
        session.add(
            OrderLine(
                order_id=made.id,
                number=number + 1,
                quote_id=of.id,
                listing_id=of.listing_id,
                terms_id=of.terms_id,
                use=USE,
                price_cents=4_900,
            )
        )
    session.flush()
    return made


def granted(session: Session, of: Order | None = None, **whose: str) -> License:
    line = of.lines[0] if of else None
    made = License(
        order_line_id=line.id if line else None,
        listing_id=line.listing_id if line else factories.listing(session).id,
        terms_id=terms(session).id,
        licensee="Lena",
        use=USE,
        price_cents=4_900,
        currency="USD",
        starts_ms=0,
        ends_ms=FOREVER_MS,
        **{"email": EMAIL, **whose},
    )
    session.add(made)
    session.flush()
    return made


def adopted(guest: str = GUEST, *, verified: bool = True) -> str:
    account_id = people.account(EMAIL)
    with unit_of_work() as session:
        account = session.get_one(Account, account_id)
        account.verified_ms = 1 if verified else None
        adopting.adopt(session, account, guest)
    return account_id


def test_all_that_the_guest_began() -> None:
    with unit_of_work() as session:
        rows = [
            quote(session, guest=GUEST),
            order(session, OrderState.CART, guest=GUEST),
            order(session, OrderState.HELD, guest=GUEST),
            Lightbox(name="Goals", guest=GUEST),
        ]
        session.add(rows[-1])
        paid = order(session, OrderState.PAID, guest=GUEST, email="firm@example.org")
        license_ = granted(session, paid, email="firm@example.org")
        theirs = [
            quote(session, guest=OTHER),
            order(session, OrderState.CART, guest=OTHER),
            order(session, OrderState.PAID, guest=OTHER, email="other@example.org"),
        ]
    account_id = adopted()
    with unit_of_work() as session:
        for row in (*rows, paid):
            now = session.get_one(type(row), row.id)
            assert (now.account_id, now.guest) == (account_id, ""), row
        assert session.get_one(License, license_.id).account_id == account_id
        for row in theirs:
            now = session.get_one(type(row), row.id)
            assert (now.account_id, now.guest) == (None, OTHER)


@pytest.mark.parametrize("verified", [True, False])
def test_what_was_bought_with_its_address_once_that_is_verified(verified: bool) -> None:
    with unit_of_work() as session:
        paid = order(session, OrderState.PAID, guest=OTHER, email=EMAIL)
        license_ = granted(session, paid)
        cart = order(session, OrderState.CART, guest=OTHER, email=EMAIL)
        somebody = order(session, OrderState.PAID, guest=OTHER, email="else@example.org")
    account_id = adopted("", verified=verified)
    with unit_of_work() as session:
        owner = account_id if verified else None
        assert session.get_one(Order, paid.id).account_id == owner
        assert session.get_one(License, license_.id).account_id == owner
        assert session.get_one(Order, cart.id).account_id is None, "anyone may write an address"
        assert session.get_one(Order, somebody.id).account_id is None


def test_what_is_another_accounts_stays_so() -> None:
    with unit_of_work() as session:
        bob = people.account("bob@example.org")
    with unit_of_work() as session:
        paid = order(session, OrderState.PAID, account_id=bob, email=EMAIL)
        license_ = granted(session, paid, account_id=bob)
    adopted()
    with unit_of_work() as session:
        assert session.get_one(Order, paid.id).account_id == bob
        assert session.get_one(License, license_.id).account_id == bob
