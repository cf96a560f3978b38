"""The house's uplift compares like with like: no effect is found where there is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.base import new_id, unit_of_work
from models.offer import ContentSession, Offer, OfferView
from tests import factories
from tests.both import database_of
from tests.figure_factories import at, figure, month_of, visits


@pytest.fixture
def house(server: tuple[str, str], home: Path) -> Iterator[None]:
    with database_of(*server, home):
        yield


def offer(holdout: int) -> str:
    with unit_of_work() as session:
        made = Offer(
            creator_id=factories.creator(session).id,
            kind="tip",
            moment="end",
            title="A tip",
            facts={},
            starts_ms=0,
            holdout=holdout,
        )
        session.add(made)
        session.flush()
        return made.id


def decided(offers: list[str], begun_ms: int, arm: bool, many: int, bought: int) -> None:
    """Visits in which these fitted, one after the other."""
    with unit_of_work() as session:
        creator_id = factories.creator(session).id
        for number in range(many):
            visit = ContentSession(
                whose=new_id(),
                creator_id=creator_id,
                held_out=arm,
                bought_cents=500 if number < bought else 0,
                currency="USD",
                begun_ms=begun_ms,
            )
            session.add(visit)
            session.flush()
            for place, one in enumerate(offers):
                session.add(
                    OfferView(
                        offer_id=one,
                        whose=visit.whose,
                        session_id=visit.id,
                        held_out=arm,
                        cents=500,
                        currency="USD",
                        reason="",
                        data_used=[],
                        at_ms=begun_ms + place,
                    )
                )


@pytest.mark.usefixtures("house")
def test_creators_who_sell_much_and_compare_nothing_prove_nothing() -> None:
    visits(at(3, 10), shown=(150, 45), held_out=(0, 0), creator_id="a" * 32)
    visits(at(3, 10), shown=(80, 4), held_out=(80, 4), creator_id="b" * 32)
    march = month_of("conversion")
    assert (march["shown"], march["bought"], march["held_out"]) == (230, 49, 80)
    assert march["uplift"] == pytest.approx(0), "they were 16.3 points"
    _, uplift = figure("conversion").values
    assert "goes on" in uplift.note


@pytest.mark.usefixtures("house")
def test_nor_do_offers_of_one_creator_that_are_held_back_differently() -> None:
    often, seldom = offer(50), offer(10)
    for arm in (False, True):
        decided([seldom, often], at(3, 10), arm, 90 if not arm else 10, 45 if not arm else 5)
        decided([often], at(3, 10), arm, 40, 4)
    march = month_of("conversion")
    assert (march["shown"], march["held_out"]) == (130, 50)
    assert march["share"] - march["held_out_share"] == pytest.approx(49 / 130 - 9 / 50)
    assert march["uplift"] == pytest.approx(0), "they were 19.7 points"


@pytest.mark.usefixtures("house")
def test_an_offer_that_came_later_does_not_change_what_was() -> None:
    decided([offer(10)], at(3, 10), False, 30, 6)
    visits(at(3, 11), shown=(0, 0), held_out=(20, 2))
    before = figure("conversion").tables
    with unit_of_work() as session:
        later = Offer(
            creator_id=factories.creator(session).id,
            kind="tip",
            moment="end",
            title="Another tip",
            facts={},
            starts_ms=at(12, 30),
            holdout=60,
        )
        session.add(later)
    assert figure("conversion").tables == before
