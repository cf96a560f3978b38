"""The steps that move money, and the timer that asks for what was not told."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from catalog.payments import sandbox
from catalog.payments.facts import ProcessorDown
from models.base import now_ms, reading, unit_of_work
from models.job import Job, JobState
from models.order import OrderState
from models.payment import RefundState
from tests import order_factories as shop
from workers import books, refunds
from workers.flow import run_one


def jobs(step: str) -> list[Job]:
    with reading() as session:
        return list(session.scalars(select(Job).filter_by(step=step)))


def work() -> None:
    """What is due of the light queue, but for mails and deliveries, which are others' tests."""
    with unit_of_work() as session:
        others = Job.step.not_in(("refund", "sandbox"))
        session.execute(update(Job).where(others).values(state=JobState.DONE))
    while run_one("light"):
        pass


def test_a_refund_is_done_by_its_step(database: Path) -> None:
    order_id, payment = shop.paid()
    shop.ask_refund(order_id)
    work()
    assert [job.state for job in jobs("refund")] == [JobState.DONE]
    assert shop.order(order_id).state == OrderState.REFUNDED
    assert shop.at_sandbox(payment).refunded_cents == 12_000
    assert shop.net() == 0
    assert list(books.money_adds_up()) == []


def test_a_processor_that_is_away_costs_no_try(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id, _ = shop.paid()
    shop.ask_refund(order_id)

    def away(*_: object) -> None:
        raise ProcessorDown("nobody answers")

    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "refund", away)
        work()
    [job] = jobs("refund")
    assert (job.state, job.attempt, job.waiting) == (JobState.READY, 0, "the payment processor")
    assert [one.state for one in shop.refunds(order_id)] == [RefundState.ASKED]
    with unit_of_work() as session:
        session.execute(update(Job).where(Job.step == "refund").values(run_after_ms=now_ms()))
    work()
    assert shop.order(order_id).state == OrderState.REFUNDED


def test_one_that_the_processor_refuses_is_given_to_a_person(database: Path) -> None:
    order_id, payment = shop.paid()
    shop.ask_refund(order_id)
    with unit_of_work() as session:
        session.merge(shop.at_sandbox(payment)).state = "declined"  # type: ignore[assignment]
    work()
    [row] = shop.refunds(order_id)
    assert row.state == RefundState.FAILED
    assert row.error


def test_a_late_webhook_comes_in_its_time(database: Path) -> None:
    order_id, payment = shop.at_processor()
    sandbox.answered(payment, "late")
    work()
    assert shop.order(order_id).state == OrderState.HELD
    with unit_of_work() as session:
        row = session.merge(shop.at_sandbox(payment))
        row.events = [{**event, "tell_ms": 0} for event in row.events]
        session.execute(update(Job).where(Job.step == "sandbox").values(run_after_ms=now_ms()))
    work()
    assert shop.order(order_id).state == OrderState.PAID


def test_the_timer_asks_for_lost_webhooks_and_lets_go_of_old_holds(database: Path) -> None:
    lost, payment = shop.at_processor(kind="exclusive")
    sandbox.answered(payment, "pay")
    left, _ = shop.at_processor(shop.OTHER, kind="exclusive")
    shop.grow_old(lost, 12)
    shop.grow_old(left, 12)
    refunds.reconcile()
    assert shop.order(lost).state == OrderState.PAID
    assert shop.order(left).state == OrderState.CANCELLED
    assert shop.kept() == 1


def test_one_order_that_fails_keeps_no_other_from_its_turn(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, first = shop.at_processor()
    fine, second = shop.at_processor(shop.OTHER)
    sandbox.answered(second, "pay")
    shop.grow_old(broken, 4)
    shop.grow_old(fine, 3)
    known = sandbox.ask

    def asked(ref: str) -> object:
        if ref == first:
            raise ProcessorDown("of this one nothing is known")
        return known(ref)

    monkeypatch.setattr(sandbox, "ask", asked)
    refunds.reconcile()
    assert shop.order(fine).state == OrderState.PAID


class TestTheInvariant:
    def test_holds_after_a_day_of_trade(self, database: Path) -> None:
        shop.paid(shop.GUEST, 12_000, 5_000)
        order_id, _ = shop.paid(shop.OTHER)
        shop.ask_refund(order_id)
        shop.pay_back()
        assert list(books.money_adds_up()) == []

    def test_finds_a_license_that_nobody_keeps_the_rights_for(self, database: Path) -> None:
        shop.paid(kind="exclusive")
        shop.release_all()
        [found] = books.money_adds_up()
        assert "not kept for it" in found

    def test_finds_money_that_bought_nothing(self, database: Path) -> None:
        order_id, _ = shop.paid()
        shop.cancel_behind_the_back(order_id)
        assert any("bought nothing" in found for found in books.money_adds_up())

    def test_finds_what_the_processor_never_told(self, database: Path) -> None:
        _, payment = shop.paid()
        with unit_of_work() as session:
            session.merge(shop.at_sandbox(payment)).events = []
        assert any("never told" in found for found in books.money_adds_up())
