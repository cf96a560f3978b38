"""All of a payment of a member, or a part, goes back: by staff, at the processor, by the bank. What
it paid for ends, what other payments paid for stays or goes back too, and no cent gets stuck.
"""

import dataclasses
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.auth import Visitor
from catalog.members import (
    billing,
    changes,
    charge_rows,
    memberships,
    pausing,
    returning,
    tiers,
)
from catalog.members.periods import DAY_MS
from catalog.payments import ledger, sandbox
from models.account import Role
from models.base import reading, unit_of_work
from models.mail import Mail
from models.membership import Charge, ChargeState, MembershipState, Period, Tier
from models.payment import PaymentKind
from tests import member_factories as members
from tests import order_factories as shop
from tests.member_factories import at, use_card
from workers.books import money_adds_up

STAFF = Visitor(account_id="5" * 32, roles=frozenset({Role.STAFF}))
HOUR_MS = members.HOUR_MS
HOW = ["staff", "processor", "dispute"]


def goes_back(charge: Charge, how: str, at_ms: int | None = None) -> None:
    """All of it, heard of at this moment; by staff always now."""
    payment = members.sandboxed(charge.id)
    if how == "staff":
        with unit_of_work() as session:
            returning.give_back(session, STAFF, charge.id, None, "Sorry")
        members.pay_back()
        return
    if how == "dispute":
        sandbox.disputed(payment)
        facts = sandbox.ask(payment)
    else:
        facts = sandbox.refund("elsewhere", "", payment, charge.amount_cents)
    for fact in facts:
        with unit_of_work() as session:
            ledger.heard(session, fact, at_ms)
    members.pay_back()


def tier_of(membership_id: str, key: str) -> Tier:
    with reading() as session:
        current = tiers.current(session, members.of(membership_id).creator_id)
        return next(one for one in current if one.key == key)


def changed(membership_id: str, key: str, period: Period, at_ms: int) -> Charge | None:
    """Asked for and, where it costs something, taken, at this moment."""
    wanted = tier_of(membership_id, key).id
    with unit_of_work() as session:
        charge = changes.ask(session, membership_id, wanted, period, at_ms)
        if charge is not None and charge.state == ChargeState.ASKED:
            billing.collect_in(session, charge.id, at_ms)
    return charge


def mails(purpose: str) -> list[str]:
    with reading() as session:
        return [one.text for one in session.scalars(select(Mail).filter_by(purpose=purpose))]


def upgraded() -> tuple[str, Charge, Charge]:
    """Joined for 300, then 600 more for the tier above: the membership and both payments."""
    _, membership_id = members.member("early")
    row = members.of(membership_id)
    changed(membership_id, "drops", Period.MONTH, row.period_start_ms + 1_000)
    first, second = members.charges(membership_id)
    return membership_id, first, second


@pytest.mark.parametrize("how", HOW)
def test_after_a_pause_the_payment_still_pays_for_the_time_that_was_moved(
    database: Path, how: str
) -> None:
    _, membership_id = members.member("events")
    begun = members.of(membership_id).period_start_ms
    long_ago = 40 * DAY_MS
    members.let_time_pass(membership_id, long_ago)
    with unit_of_work() as session:
        [charge] = charge_rows.of_membership(session, membership_id)
        assert charge.from_ms
        assert charge.to_ms
        charge.from_ms, charge.to_ms = charge.from_ms - long_ago, charge.to_ms - long_ago
        pausing.pause(session, membership_id, 1, begun - 39 * DAY_MS)
        pausing.resume(session, membership_id, begun - HOUR_MS)
    assert (charge.to_ms or 0) < begun < members.of(membership_id).period_end_ms
    goes_back(charge, how)
    row = members.of(membership_id)
    assert (row.state, row.end_reason) == (MembershipState.ENDED, "refunded")
    assert memberships.mrr(row) == 0
    assert shop.net() == 0
    assert list(money_adds_up()) == []


@pytest.mark.parametrize("how", HOW)
def test_while_it_is_paused_it_ends_too(database: Path, how: str) -> None:
    who, membership_id = members.member()
    billing.pause(who, membership_id, 2)
    goes_back(members.charges(membership_id)[0], how)
    assert members.of(membership_id).state == MembershipState.ENDED
    assert list(money_adds_up()) == []


@pytest.mark.parametrize("how", HOW)
def test_the_difference_that_goes_back_leads_back_to_the_tier_before(
    database: Path, how: str
) -> None:
    membership_id, _, difference = upgraded()
    assert difference.amount_cents == 600
    goes_back(difference, how)
    row = members.of(membership_id)
    assert row.state == MembershipState.ACTIVE
    assert row.tier_id == tier_of(membership_id, "early").id
    assert (row.price_cents, row.credit_cents) == (300, 0)
    assert shop.net() == 300
    [said] = mails("membership-stepped-back")
    assert "is Early again" in said
    assert "$3.00" in said
    assert at(membership_id, row.period_end_ms).state == MembershipState.ACTIVE
    assert shop.net() == 600
    assert list(money_adds_up()) == []


def test_it_leads_back_late_in_the_period_too(database: Path) -> None:
    """By then most of both payments is used; what is left of the first is not lost."""
    membership_id, _, difference = upgraded()
    row = members.of(membership_id)
    goes_back(difference, "processor", row.period_end_ms - DAY_MS)
    assert members.of(membership_id).tier_id == tier_of(membership_id, "early").id
    assert members.of(membership_id).credit_cents == 0
    assert shop.net() == 300


def test_credit_that_the_difference_used_comes_back_with_it(database: Path) -> None:
    _, membership_id = members.member("early", "year")
    later = members.of(membership_id).period_start_ms + 200 * DAY_MS
    changed(membership_id, "drops", Period.MONTH, later)
    before = members.of(membership_id).credit_cents
    changed(membership_id, "events", Period.MONTH, later + 1)
    assert members.of(membership_id).credit_cents == 0
    difference = members.charges(membership_id)[-1]
    assert 0 < difference.amount_cents == 1_600 - before
    goes_back(difference, "processor", later + 2)
    row = members.of(membership_id)
    assert row.tier_id == tier_of(membership_id, "drops").id
    assert row.credit_cents == before
    assert list(money_adds_up()) == []


def test_a_year_that_the_bank_takes_back_pays_for_no_month_after_it(database: Path) -> None:
    _, membership_id = members.member("early", "year")
    start = members.of(membership_id).period_start_ms
    changed(membership_id, "drops", Period.MONTH, start)
    assert members.of(membership_id).credit_cents == 2_100
    goes_back(members.charges(membership_id)[0], "dispute", start + DAY_MS)
    row = members.of(membership_id)
    assert (row.state, row.credit_cents) == (MembershipState.ENDED, 0)
    assert shop.net() == 0
    assert members.refunds() == []
    assert list(money_adds_up()) == []


@pytest.mark.parametrize("how", HOW)
def test_the_first_payment_of_a_period_ends_it_and_the_rest_of_others_goes_back(
    database: Path, how: str
) -> None:
    membership_id, joined, difference = upgraded()
    goes_back(joined, how)
    row = members.of(membership_id)
    assert (row.state, row.end_reason) == (MembershipState.ENDED, "refunded")
    [rest] = members.refunds(difference.id)
    assert 598 <= rest.amount_cents <= 600
    assert shop.net() == 600 - rest.amount_cents
    assert "of your other payments that was not used goes back" in mails("membership-ended")[0]
    assert list(money_adds_up()) == []


@pytest.mark.parametrize("how", HOW)
def test_a_month_that_is_used_up_takes_nothing_with_it(database: Path, how: str) -> None:
    """Its membership goes on, and credit that a later payment made stays."""
    _, membership_id = members.member("events")
    [first] = members.charges(membership_id)
    began = members.of(membership_id).period_start_ms
    changed(membership_id, "drops", Period.YEAR, began + HOUR_MS)
    end = members.of(membership_id).period_end_ms
    at(membership_id, end)
    changed(membership_id, "events", Period.MONTH, end + HOUR_MS)
    before = members.of(membership_id)
    assert before.credit_cents > 6_000
    if how == "staff":
        move = end + HOUR_MS - began
        members.let_time_pass(membership_id, move)
    goes_back(first, how, end + 2 * HOUR_MS)
    row = members.of(membership_id)
    assert (row.state, row.credit_cents) == (MembershipState.ACTIVE, before.credit_cents)
    assert shop.net() == 9_000
    assert list(money_adds_up()) == []


def from_a_year() -> tuple[str, Charge, int]:
    """Of a year that was paid some is left as credit when its month ends. With the end."""
    _, membership_id = members.member("drops", "year")
    [year] = members.charges(membership_id)
    later = members.of(membership_id).period_start_ms + 250 * DAY_MS
    changed(membership_id, "events", Period.MONTH, later)
    row = members.of(membership_id)
    assert 0 < row.credit_cents < 2_500
    return membership_id, year, row.period_end_ms


def test_credit_that_it_made_goes_with_it_and_what_is_asked_for_is_priced_anew(
    database: Path,
) -> None:
    membership_id, year, end = from_a_year()
    use_card("declines")
    assert at(membership_id, end).state == MembershipState.GRACE
    goes_back(year, "dispute", end + HOUR_MS)
    row, asked = members.of(membership_id), members.charges(membership_id)[-1]
    assert (row.state, row.credit_cents) == (MembershipState.GRACE, 0)
    assert (asked.state, asked.amount_cents) == (ChargeState.ASKED, 2_500)
    assert [one["cents"] for one in asked.lines] == [2_500]
    use_card("works")
    assert at(membership_id, end + DAY_MS).state == MembershipState.ACTIVE
    assert shop.net() == 2_500
    assert len(members.payments(asked.id)) == 1
    assert members.refunds() == []
    assert list(money_adds_up()) == []


def test_a_try_at_the_old_price_that_is_told_late_goes_back_once(database: Path) -> None:
    membership_id, year, end = from_a_year()
    use_card("silent")
    at(membership_id, end)
    asked = members.charges(membership_id)[-1]
    old = sandbox.ask(members.sandboxed(asked.id))
    goes_back(year, "dispute", end + HOUR_MS)
    for fact in old:
        with unit_of_work() as session:
            ledger.heard(session, fact, end + 2 * HOUR_MS)
    use_card("works")
    row = at(membership_id, end + DAY_MS)
    assert (row.state, row.period_start_ms) == (MembershipState.ACTIVE, end)
    members.pay_back()
    assert shop.net() == 2_500
    assert len(members.refunds()) == 1
    assert list(money_adds_up()) == []


def test_an_upgrade_that_waits_on_its_page_is_not_asked_for_any_more(database: Path) -> None:
    """It was reckoned with what is gone by now."""
    membership_id, _, difference = upgraded()
    row = members.of(membership_id)
    with unit_of_work() as session:
        events = tier_of(membership_id, "events").id
        open_one = changes.ask(session, membership_id, events, Period.MONTH, row.period_start_ms)
        assert open_one is not None
        open_one.held_until_ms = row.period_end_ms
    goes_back(difference, "processor")
    assert members.charge_of(open_one.id).state == ChargeState.VOID
    assert members.of(membership_id).state == MembershipState.ACTIVE


def test_a_disputed_part_is_a_part(database: Path) -> None:
    who, membership_id = members.member("events")
    [charge] = members.charges(membership_id)
    [paid] = sandbox.ask(members.sandboxed(charge.id))
    fact = dataclasses.replace(paid, event_id="dp", kind=PaymentKind.DISPUTED, amount_cents=500)
    fact = dataclasses.replace(fact, movement_ref="dp_1")
    assert ledger.hear_all([fact]) == ["partly disputed; staff decide what it means"]
    charge = members.charge_of(charge.id)
    assert (charge.state, charge.refunded_cents) == (ChargeState.PAID, 500)
    assert members.of(membership_id).state == MembershipState.ACTIVE
    assert "disputed by their bank" in mails("look")[0]
    receipt = billing.withdraw(who, membership_id)
    assert receipt.refund_cents == 2_000, "what is left of it, and no more"
