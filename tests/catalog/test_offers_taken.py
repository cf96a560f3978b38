"""Offers that are taken: at the price that was shown, once, and back again to the cent."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.auth import Visitor
from catalog.errors import NotFound, Refusal
from catalog.members import memberships, methods
from catalog.offers import answers, desk
from catalog.offers.choosing import Shown
from catalog.payments import sandbox
from models.base import reading, unit_of_work
from models.clip import Clip
from models.license import License, LicenseState
from models.membership import Charge, ChargeState, Membership
from models.offer import ContentSession, Offer, OfferAnswer
from models.order import Order, OrderState
from models.payment import SandboxCustomer
from tests import member_factories as members
from tests import offer_factories as offers
from tests import order_factories as shop


def personal(card: str = "works") -> tuple[Visitor, Shown]:
    [clip], who = offers.clips(), offers.person(card)
    offers.make("keep")
    return who, offers.surely(offers.shown(who, clip))


def take(who: Visitor, shown: Shown) -> str:
    """Where it goes on; empty where nothing is to be done."""
    return answers.accept(
        who, shown.view.id, cents=shown.view.cents, currency=shown.view.currency
    ).url


def rows(kind: type) -> list:  # type: ignore[type-arg]  # of any kind of row
    with reading() as session:
        return list(session.scalars(select(kind)))


def visit() -> ContentSession:
    [found] = rows(ContentSession)
    return found


def test_one_click_buys_at_the_price_of_the_card_and_licenses(database: Path) -> None:
    who, shown = personal()
    assert take(who, shown) == ""
    [order] = rows(Order)
    [granted] = rows(License)
    assert (order.state, order.total_cents, order.offer_view_id) == ("paid", 900, shown.view.id)
    assert granted.state == LicenseState.ACTIVE
    assert shop.net() == 900
    assert visit().bought_cents == 900
    with reading() as session:
        found = answers.standing(session, who, shown.view.id)
        assert found.state == "accepted"
        assert 23 < ((found.undo_until_ms or 0) - offers.now()) / offers.HOUR_MS <= 24


def test_taken_back_all_of_it_returns_and_the_license_ends(database: Path) -> None:
    who, shown = personal()
    take(who, shown)
    answers.undo(who, shown.view.id)
    answers.undo(who, shown.view.id)
    shop.pay_back()
    assert shop.net() == 0
    [granted] = rows(License)
    assert granted.state == LicenseState.REVOKED
    assert offers.view(shown.view.id).answer == OfferAnswer.UNDONE
    assert visit().bought_cents == 0
    with pytest.raises(Refusal, match="answered this offer before") as refused:
        take(who, shown)
    assert refused.value.code == "offer_answered"
    assert len(rows(Order)) == 1


def test_a_double_click_buys_once(database: Path) -> None:
    who, shown = personal()
    problems: list[Exception] = []

    def click() -> None:
        try:
            take(who, shown)
        except Exception as error:
            problems.append(error)

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    assert problems == []
    assert [order.state for order in rows(Order)] == [OrderState.PAID]
    assert shop.net() == 900
    take(who, shown)
    assert shop.net() == 900


def test_another_price_than_the_cards_buys_nothing_and_says_the_new_one(database: Path) -> None:
    who, shown = personal()
    offers.change(Clip, shown.clip.id, end_ms=9_000)
    for cents in (900, 800):
        with pytest.raises(Refusal, match=r"It costs \$8.00 USD now") as refused:
            answers.accept(who, shown.view.id, cents=cents, currency="USD")
        assert refused.value.code == "price_changed"
        assert refused.value.facts == {"cents": 800, "currency": "USD"}
    assert rows(Order) == []
    assert shop.net() == 0


def test_a_price_that_a_program_made_up_buys_nothing(database: Path) -> None:
    who, shown = personal()
    for cents, currency in ((1, "USD"), (0, "USD"), (900, "EUR")):
        with pytest.raises(Refusal, match="not what the card showed"):
            answers.accept(who, shown.view.id, cents=cents, currency=currency)
    assert rows(Order) == []


def test_what_has_ended_is_not_sold(database: Path) -> None:
    who, shown = personal()
    offers.change(Offer, shown.offer.id, ends_ms=offers.now() - 1)
    with pytest.raises(Refusal, match="This offer ended on") as refused:
        take(who, shown)
    assert refused.value.code == "offer_ended"
    offers.change(Offer, shown.offer.id, ends_ms=None)
    with unit_of_work() as session:
        desk.end(session, offers.STAFF, shown.offer.creator_id, "keep")
    with pytest.raises(Refusal, match="not made any more"):
        take(who, shown)
    assert rows(Order) == []


def test_a_deadline_that_is_shown_holds_in_the_cart_as_well(database: Path) -> None:
    [clip], who = offers.clips(), offers.person(card="")
    ends_ms = offers.now() + offers.HOUR_MS
    offers.make("keep", ends_ms=ends_ms)
    shown = offers.surely(offers.shown(who, clip))
    assert shown.offer.ends_ms == ends_ms
    take(who, shown)
    [order] = rows(Order)
    with reading() as session:
        found = session.get_one(Order, order.id)
        assert [line.quote.expires_ms for line in found.lines] == [ends_ms]


def test_a_declined_card_says_so_and_nothing_is_bought(database: Path) -> None:
    who, shown = personal("declines")
    with pytest.raises(Refusal, match=r"declined\. Nothing was taken"):
        take(who, shown)
    assert rows(License) == []
    assert [order.state for order in rows(Order)] == [OrderState.CANCELLED]
    assert offers.view(shown.view.id).answer == OfferAnswer.NONE
    with unit_of_work() as session:
        session.scalars(select(SandboxCustomer)).one().card = "works"
    assert take(who, shown) == ""
    assert shop.net() == 900


def test_a_payment_that_is_late_is_not_asked_for_twice(database: Path) -> None:
    who, shown = personal("late")
    for _ in range(2):
        take(who, shown)
        with reading() as session:
            assert answers.standing(session, who, shown.view.id).state == "waits"
    assert len(rows(Order)) == 1


def test_without_a_kept_method_it_goes_through_the_usual_checkout(database: Path) -> None:
    [clip] = offers.clips()
    offers.make("keep")
    who = Visitor(guest="a" * 64)
    shown = offers.surely(offers.shown(who, clip))
    assert take(who, shown) == "/checkout"
    assert take(who, shown) == "/checkout"
    [order] = rows(Order)
    assert (order.state, order.total_cents) == (OrderState.CART, 900)
    assert offers.view(shown.view.id).answer == OfferAnswer.NONE
    pay(who, order.id, 900)
    assert offers.view(shown.view.id).answer == OfferAnswer.ACCEPTED
    assert visit().bought_cents == 900


def test_a_pack_is_one_order_at_less(database: Path) -> None:
    first, second = offers.clips(2, series="Harbour Cup")
    offers.make("scene")
    who = offers.person()
    shown = offers.surely(offers.shown(who, first))
    assert take(who, shown) == ""
    [order] = rows(Order)
    assert order.total_cents == 990
    with reading() as session:
        lines = session.get_one(Order, order.id).lines
        assert [line.listing.clip_id for line in lines] == [first, second]
        assert [line.price_cents for line in lines] == [495, 495]
        assert "Scene pack 45 %" in str(lines[0].quote.breakdown)
    answers.undo(who, shown.view.id)
    shop.pay_back()
    assert shop.net() == 0
    assert {one.state for one in rows(License)} == {LicenseState.REVOKED}


def test_a_part_of_it_that_is_gone_sells_nothing(database: Path) -> None:
    first, second = offers.clips(2, series="Harbour Cup")
    offers.make("scene")
    who = offers.person()
    shown = offers.surely(offers.shown(who, first))
    from catalog import listings

    with unit_of_work() as session:
        listings.withdraw(session, second, "a test")
    with pytest.raises(Refusal, match="can't be had like this any more"):
        take(who, shown)
    assert rows(Order) == []


def tipping(card: str = "works") -> tuple[Visitor, Shown]:
    who, shown = personal(card="works")
    take(who, shown)
    offers.make("tip")
    later = offers.now() + offers.HOUR_MS
    found = offers.surely(offers.shown(who, shown.clip.id, "bought", at_ms=later))
    with unit_of_work() as session:
        session.scalars(select(SandboxCustomer)).one().card = card
    return who, found


def test_a_tip_is_paid_once_and_taken_back_to_the_cent(database: Path) -> None:
    who, shown = tipping()
    take(who, shown)
    take(who, shown)
    assert shop.net() == 1_100
    [charge] = rows(Charge)
    assert (charge.amount_cents, charge.offer_view_id) == (200, shown.view.id)
    assert offers.view(shown.view.id).answer == OfferAnswer.ACCEPTED
    answers.undo(who, shown.view.id)
    refund_charges()
    assert shop.net() == 900
    assert offers.view(shown.view.id).answer == OfferAnswer.UNDONE


def test_a_tip_whose_payment_is_late_is_not_asked_for_again(database: Path) -> None:
    who, shown = tipping("late")
    take(who, shown)
    [charge] = rows(Charge)
    offers.change(Charge, charge.id, created_ms=charge.created_ms - offers.HOUR_MS)
    take(who, shown)
    assert len(rows(Charge)) == 1
    with reading() as session:
        assert answers.standing(session, who, shown.view.id).state == "waits"


def test_a_tip_that_is_declined_is_none(database: Path) -> None:
    who, shown = tipping("declines")
    with pytest.raises(Refusal, match="declined"):
        take(who, shown)
    assert shop.net() == 900
    assert offers.view(shown.view.id).answer == OfferAnswer.NONE


def test_a_trial_begins_without_a_charge_and_is_over_when_it_is_taken_back(
    database: Path,
) -> None:
    [clip], who = offers.clips(), offers.person()
    with unit_of_work() as session:
        members.tiers(session)
    offers.make("trial")
    shown = offers.surely(offers.shown(who, clip))
    take(who, shown)
    take(who, shown)
    [made] = rows(Membership)
    assert (made.state, made.price_cents) == ("active", 300)
    assert 6.9 < (made.period_end_ms - offers.now()) / offers.DAY_MS <= 7
    assert offers.view(shown.view.id).answer == OfferAnswer.ACCEPTED
    answers.undo(who, shown.view.id)
    with reading() as session:
        assert memberships.alive(session, who.account_id or "", made.creator_id) is None
    assert shop.net() == 0
    assert offers.view(shown.view.id).answer == OfferAnswer.UNDONE


def test_a_declined_offer_can_not_be_taken_and_said_twice_is_said_once(database: Path) -> None:
    who, shown = personal()
    for _ in range(2):
        with unit_of_work() as session:
            answers.decline(session, who, shown.view.id)
    with pytest.raises(Refusal, match="answered this offer before"):
        take(who, shown)
    assert rows(Order) == []


def test_somebody_elses_offer_is_absent(database: Path) -> None:
    who, shown = personal()
    other = offers.person()
    for act in (
        lambda: take(other, shown),
        lambda: answers.undo(other, shown.view.id),
        lambda: _declined(other, shown),
    ):
        with pytest.raises(NotFound):
            act()
    take(who, shown)


def test_a_day_later_it_stays_bought(database: Path) -> None:
    who, shown = personal()
    take(who, shown)
    [order] = rows(Order)
    offers.change(Order, order.id, undo_until_ms=offers.now() - 1)
    with pytest.raises(Refusal, match="can't be taken back"):
        answers.undo(who, shown.view.id)
    assert shop.net() == 900


def test_a_method_that_was_removed_leads_to_the_checkout(database: Path) -> None:
    who, shown = personal()
    with reading() as session:
        kept = methods.stored(session, who.account_id or "")
    assert kept is not None
    methods.remove(who, kept.id)
    assert take(who, shown) == "/checkout"


def pay(who: Visitor, order_id: str, cents: int) -> None:
    from catalog import checkout

    checkout.begin(who, order_id, shop.BUYER, agreed=True, cents=cents, currency="USD")
    payment = shop.order(order_id).payment_ref
    shop.tell(payment, sandbox.answered(payment, "pay")[1])


def refund_charges() -> None:
    from models.payment import Refund

    for row in rows(Refund):
        if row.charge_id:
            told = sandbox.refund(row.id, row.charge_id, row.payment_ref, row.amount_cents)
            shop.hear_lost(told)
    assert {one.state for one in rows(Charge)} == {ChargeState.REFUNDED}


def _declined(who: Visitor, shown: Shown) -> None:
    with unit_of_work() as session:
        answers.decline(session, who, shown.view.id)
