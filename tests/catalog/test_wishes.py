"""A wish that is withdrawn late: asking for other terms keeps no old price alive."""

from pathlib import Path

import pytest
from sqlalchemy import update

from catalog import quotes, wishes
from catalog.auth import Visitor
from catalog.errors import Refusal, TooMany
from catalog.uses import DAY_MS
from models.account import Role
from models.base import now_ms, unit_of_work
from models.quote import Quote, QuoteState
from tests import pool_factories
from tests import rights_factories as rights


@pytest.fixture
def lin(database: Path) -> Visitor:
    return pool_factories.visitor("lin@example.org", Role.LICENSEE)


def asked(visitor: Visitor) -> Quote:
    with unit_of_work() as session:
        rights.publish(session)
        row = rights.quote(session, rights.listing(session), "social", visitor)
        return wishes.ask(session, visitor, row.id, price_cents=900, use=None, text="")


def grow_old(quote_id: str, days: int, **changed: object) -> None:
    """As if it had been made so many days ago; of its last day `expires_ms` tells."""
    with unit_of_work() as session:
        values = {"created_ms": now_ms() - days * DAY_MS, **changed}
        session.execute(update(Quote).where(Quote.id == quote_id).values(values))


def days_pass(quote_id: str, days: int) -> None:
    """By the quote's clock."""
    with unit_of_work() as session:
        moments = ("created_ms", "expires_ms", "agreed_until_ms")
        values = {name: getattr(Quote, name) - days * DAY_MS for name in moments}
        session.execute(update(Quote).where(Quote.id == quote_id).values(values))


def withdrawn(visitor: Visitor, quote_id: str) -> Quote:
    with unit_of_work() as session:
        return wishes.withdraw(session, visitor, quote_id)


def test_in_its_week_the_first_price_is_good_to_the_weeks_end(lin: Visitor) -> None:
    row = asked(lin)
    grow_old(row.id, 3)
    after = withdrawn(lin, row.id)
    assert after.state == QuoteState.OPEN
    assert after.expires_ms == after.created_ms + quotes.GOOD_DAYS * DAY_MS
    with unit_of_work() as session:
        assert quotes.orderable(session, lin, row.id).price_cents == row.price_cents


@pytest.mark.parametrize("lapsed", [False, True], ids=["the wish is open", "the wish expired too"])
def test_after_its_week_the_first_price_is_gone(lin: Visitor, lapsed: bool) -> None:
    row = asked(lin)
    grow_old(row.id, quotes.GOOD_DAYS + 1, **({"expires_ms": now_ms() - 1} if lapsed else {}))
    after = withdrawn(lin, row.id)
    assert after.state == QuoteState.OPEN
    with unit_of_work() as session:
        with pytest.raises(Refusal) as refused:
            quotes.orderable(session, lin, row.id)
        with pytest.raises(Refusal):
            wishes.ask(session, lin, row.id, price_cents=800, use=None, text="again")
    assert refused.value.code == "quote_expired"


def test_a_price_that_was_agreed_to_dies_on_its_day_whatever_is_asked(lin: Visitor) -> None:
    row = asked(lin)
    ada = pool_factories.visitor("ada@example.org", Role.CREATOR, creator="ada")
    with unit_of_work() as session:
        wishes.accept(session, ada, row.id)
    for _ in range(2):  # days before its end
        days_pass(row.id, 3)
        with unit_of_work() as session:
            wishes.ask(session, lin, row.id, price_cents=None, use=None, text="and now?")
        withdrawn(lin, row.id)
    days_pass(row.id, 2)
    with unit_of_work() as session, pytest.raises(Refusal) as refused:
        quotes.orderable(session, lin, row.id)
    assert refused.value.code == "quote_expired"


def test_an_hour_has_thirty_wishes(lin: Visitor) -> None:
    row = asked(lin)
    for turn in range(wishes.MOST_A_WHILE - 1):
        if turn % 2:
            with unit_of_work() as session:
                wishes.ask(session, lin, row.id, price_cents=None, use=None, text="please")
        else:
            withdrawn(lin, row.id)
    with pytest.raises(TooMany):
        withdrawn(lin, row.id)
    with unit_of_work() as session, pytest.raises(TooMany):
        wishes.ask(session, lin, row.id, price_cents=None, use=None, text="please")


def test_a_price_that_was_agreed_to_stays_good_as_long_as_it_was(lin: Visitor) -> None:
    row = asked(lin)
    ada = pool_factories.visitor("ada@example.org", Role.CREATOR, creator="ada")
    with unit_of_work() as session:
        agreed = wishes.accept(session, ada, row.id)
    grow_old(row.id, quotes.GOOD_DAYS - 2)
    with unit_of_work() as session:
        wishes.ask(session, lin, row.id, price_cents=500, use=None, text="and a little less?")
    grow_old(row.id, quotes.GOOD_DAYS + 1)
    after = withdrawn(lin, row.id)
    assert (after.state, after.price_cents) == (QuoteState.OPEN, agreed.price_cents)
    with unit_of_work() as session:
        assert quotes.orderable(session, lin, row.id).price_cents == 900
