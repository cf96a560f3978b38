"""What settled stays: figures as of a day are the same later, whatever is done about old cards. And
an erasure takes what a person said of offers, and no figure."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog import checkout, figures
from catalog.auth import Visitor
from catalog.errors import Refusal
from catalog.figures import conversion
from catalog.offers import answers, heard, results, sessions
from catalog.offers.choosing import Shown
from catalog.payments import sandbox
from catalog.privacy import erasure
from models.base import reading, unit_of_work
from models.clip import Clip
from models.license import License
from models.offer import ContentSession, Offer, OfferChoice, OfferView
from models.order import Order
from tests import offer_factories as offers
from tests import order_factories as shop

DAY_MS = offers.DAY_MS


def card(card: str = "works") -> tuple[Visitor, Shown]:
    [clip], who = offers.clips(), offers.person(card)
    offers.make("keep")
    with unit_of_work() as session:
        sessions.touch(session, who, session.get_one(Clip, clip), offers.now())
    return who, offers.surely(offers.shown(who, clip))


def days_go_by(days: float) -> None:
    """All that happened so far is so much longer ago."""
    by = int(days * DAY_MS)
    with unit_of_work() as session:
        for view in session.scalars(select(OfferView)):
            view.at_ms -= by
            view.answered_ms = view.answered_ms and view.answered_ms - by
        for visit in session.scalars(select(ContentSession)):
            visit.begun_ms -= by
            visit.seen_ms -= by
            visit.whose = f"{visit.id:0>64}"  # its day's key is gone
        for offer in session.scalars(select(Offer)):
            offer.starts_ms -= by


def counted() -> tuple[Any, ...]:
    """All that figures say as of now, and the rows that they are made of."""
    with reading() as session:
        rows = [
            (one.id, one.answer, one.answered_ms, one.order_id, one.held_out, one.at_ms)
            for one in session.scalars(select(OfferView).order_by(OfferView.id))
        ]
        visits = [
            (one.id, one.begun_ms, one.clips, one.held_out, one.bought_cents, one.currency)
            for one in session.scalars(select(ContentSession).order_by(ContentSession.id))
        ]
        offer = session.scalars(select(Offer)).one()
        names = ("conversion", "offers")
        found = [figures.one_of(session, name, offers.now()).tables for name in names]
        arms = results.of_offer(session, offer, offers.now())
        return rows, visits, found, (arms.with_it, arms.without)


def refused(act: Callable[[], object]) -> None:
    with pytest.raises(Refusal) as found:
        act()
    assert found.value.code in ("offer_ended", "not_undoable", "too_late")


def test_figures_wait_as_long_as_rows_may_change() -> None:
    assert heard.SETTLED_MS == results.SETTLED_MS == conversion.SETTLED_MS == 2 * DAY_MS


def test_an_old_card_is_not_answered_any_more(database: Path) -> None:
    who, shown = card()
    days_go_by(2.1)
    before = counted()
    assert before[2][1][0].rows, "it is counted by now"
    view_id = shown.view.id
    refused(lambda: answers.accept(who, view_id, cents=900, currency="USD"))
    with unit_of_work() as session:
        answers.decline(session, who, view_id)
        answers.never(session, who, view_id)
        assert session.scalars(select(OfferChoice)).one().offer_id, "the wish holds all the same"
        assert answers.standing(session, who, view_id).state == "over"
    refused(lambda: answers.undo(who, view_id))
    assert counted() == before
    assert shop.net() == 0


def test_a_day_old_card_is_over_so_that_taking_back_fits_in_as_well(database: Path) -> None:
    who, shown = card()
    days_go_by(0.99)
    answers.accept(who, shown.view.id, cents=900, currency="USD")
    days_go_by(0.99)
    answers.undo(who, shown.view.id)
    assert offers.view(shown.view.id).answer == "undone"
    who, shown = card()
    days_go_by(1)
    refused(lambda: answers.accept(who, shown.view.id, cents=900, currency="USD"))


def test_a_cart_that_is_paid_days_later_is_a_sale_and_no_answer(database: Path) -> None:
    who, shown = card("")
    answers.accept(who, shown.view.id, cents=900, currency="USD")
    days_go_by(3)
    before = counted()
    with reading() as session:
        order_id = session.scalars(select(Order.id)).one()
    checkout.begin(who, order_id, shop.BUYER, agreed=True, cents=900, currency="USD")
    payment = shop.order(order_id).payment_ref
    shop.tell(payment, sandbox.answered(payment, "pay")[1])
    assert shop.net() == 900
    assert counted() == before
    with reading() as session:
        assert session.scalars(select(License)).one()


def test_what_is_taken_back_late_is_taken_back_and_changes_no_figure(database: Path) -> None:
    who, shown = card()
    answers.accept(who, shown.view.id, cents=900, currency="USD")
    days_go_by(2.1)
    before = counted()
    assert before[1][0][4] == 900
    answers.undo(who, shown.view.id)
    shop.pay_back()
    assert shop.net() == 0
    assert counted() == before


def test_another_days_purchase_is_not_taken_out_of_this_days_visit(database: Path) -> None:
    who, shown = card()
    with unit_of_work() as session:
        visit = session.scalars(select(ContentSession)).one()
        visit.bought_cents, visit.begun_ms = 500, visit.begun_ms - DAY_MS
        visit.whose = f"{visit.id:0>64}"
    answers.accept(who, shown.view.id, cents=900, currency="USD")
    answers.undo(who, shown.view.id)
    with reading() as session:
        assert session.scalars(select(ContentSession)).one().bought_cents == 500


def test_an_erasure_takes_every_choice_of_the_person_and_no_figure(database: Path) -> None:
    who, shown = card()
    other = offers.person()
    with unit_of_work() as session:
        answers.never(session, who, shown.view.id)
        answers.never(session, who, None)
        answers.never(session, other, None)
        assert len(session.scalars(select(OfferChoice)).all()) == 3
        theirs = session.scalars(select(OfferChoice.whose).where(OfferChoice.offer_id != "")).one()
    days_go_by(3)
    before = counted()
    with unit_of_work(who.actor) as session:
        erasure.erase(session, who)
    with reading() as session:
        [left] = session.scalars(select(OfferChoice))
        assert left.whose != theirs
        view = session.get_one(OfferView, shown.view.id)
        assert (view.account_id, view.whose == theirs) == (None, False)
    assert counted() == before
