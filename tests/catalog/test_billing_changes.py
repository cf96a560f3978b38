"""Another tier, another period, a pause: more at once for the difference, less from the next period
on, and nothing that was paid is lost.
"""

from pathlib import Path

import pytest

from catalog.auth import Visitor
from catalog.errors import BadRequest, Refusal
from catalog.members import billing, changes, memberevents, memberships, pausing, tiers
from catalog.payments import sandbox
from models.base import reading, unit_of_work
from models.membership import Charge, ChargeKind, ChargeState, MembershipState, Period, Tier
from tests import member_factories as members
from tests import order_factories as shop
from tests.member_factories import use_card
from workers.books import money_adds_up


def tier_of(membership_id: str, key: str) -> Tier:
    with reading() as session:
        creator_id = members.of(membership_id).creator_id
        return next(one for one in tiers.current(session, creator_id) if one.key == key)


def quoted(membership_id: str, key: str, period: str = "month") -> changes.Change:
    tier, row = tier_of(membership_id, key), members.of(membership_id)
    with reading() as session:
        at = row.period_start_ms + (row.period_end_ms - row.period_start_ms) // 2
        return billing.quote_change(session, row, tier, Period(period), at)


def change(who: Visitor, membership_id: str, key: str, period: str = "month") -> billing.Way:
    """For what the page shows now."""
    tier, row = tier_of(membership_id, key), members.of(membership_id)
    with reading() as session:
        now = changes.quote_change(session, row, tier, Period(period), members.now(session))
    cents = now.amount_cents
    return billing.change(who, membership_id, tier.id, period, cents=cents, currency="USD")


def test_an_upgrade_in_the_middle_costs_half_the_difference(database: Path) -> None:
    _, membership_id = members.member()
    found = quoted(membership_id, "drops")
    lines = [line["cents"] for line in found.lines]
    assert found.when == "now"
    assert abs(found.amount_cents - 300) <= 1
    assert sum(lines) == found.amount_cents
    assert found.to_ms == members.of(membership_id).period_end_ms


def test_an_upgrade_is_there_at_once_and_two_clicks_pay_it_once(database: Path) -> None:
    who, membership_id = members.member()
    way = change(who, membership_id, "drops")
    assert way.url == ""
    assert members.charge_of(way.charge_id).amount_cents == 600
    assert change(who, membership_id, "drops") == billing.Way("")
    row = members.of(membership_id)
    assert (row.tier_id, row.price_cents) == (tier_of(membership_id, "drops").id, 900)
    assert shop.net() == 900
    with reading() as session:
        last = memberevents.latest(session, membership_id)
        assert last is not None
        assert (last.kind, last.before_tier_key, last.tier_key) == ("changed", "early", "drops")
        assert (last.before_mrr, last.after_mrr) == (300_000, 900_000)
    assert list(money_adds_up()) == []


def test_an_upgrade_to_another_period_begins_one_and_takes_off_what_is_left(
    database: Path,
) -> None:
    who, membership_id = members.member()
    way = change(who, membership_id, "events", "year")
    charge, row = members.charge_of(way.charge_id), members.of(membership_id)
    assert charge.amount_cents == 25_000 - 300
    assert (row.period, row.price_cents, row.anchor_ms) == ("year", 25_000, charge.from_ms)
    assert row.period_end_ms == charge.to_ms
    assert list(money_adds_up()) == []


def test_what_is_too_much_stays_as_credit_and_is_never_a_negative_charge(database: Path) -> None:
    who, membership_id = members.member(period="year")
    way = change(who, membership_id, "drops", "month")
    charge, row = members.charge_of(way.charge_id), members.of(membership_id)
    assert (charge.amount_cents, charge.state) == (0, ChargeState.PAID)
    assert row.credit_cents == 3_000 - 900
    with unit_of_work() as session:  # two free months, then the rest is paid
        for cents, credit in ((0, 1_200), (0, 300), (600, 0)):
            at = session.get_one(type(row), row.id).period_end_ms
            charge_id = billing.advance(session, membership_id, at)
            if charge_id:
                assert session.get_one(Charge, charge_id).amount_cents == cents
                billing.collect_in(session, charge_id, at)
            assert bool(charge_id) == bool(cents)
            assert session.get_one(type(row), row.id).credit_cents == credit
    assert shop.net() == 3_000 + 600
    assert list(money_adds_up()) == []


@pytest.mark.parametrize(
    ("to", "period", "cents"), [("early", "month", 300), ("drops", "year", 9_000)]
)
def test_less_or_another_period_comes_with_the_next_one(
    database: Path, to: str, period: str, cents: int
) -> None:
    who, membership_id = members.member("drops")
    assert change(who, membership_id, to, period) == billing.Way("")
    row = members.of(membership_id)
    assert (row.price_cents, row.next_tier_id) == (900, tier_of(membership_id, to).id)
    with unit_of_work() as session:
        charge_id = billing.advance(session, membership_id, row.period_end_ms)
        assert charge_id
        assert session.get_one(Charge, charge_id).amount_cents == cents
        billing.collect_in(session, charge_id, row.period_end_ms)
    after = members.of(membership_id)
    assert (after.price_cents, after.period, after.next_tier_id) == (cents, period, None)
    assert after.period_start_ms == row.period_end_ms
    assert list(money_adds_up()) == []


def test_a_step_down_can_be_taken_back(database: Path) -> None:
    who, membership_id = members.member("drops")
    change(who, membership_id, "early")
    billing.keep_as_is(who, membership_id)
    assert members.of(membership_id).next_tier_id is None
    change(who, membership_id, "early")
    change(who, membership_id, "drops")
    assert members.of(membership_id).next_tier_id is None


def test_a_card_that_is_declined_in_the_middle_changes_nothing(database: Path) -> None:
    who, membership_id = members.member()
    before = members.of(membership_id)
    use_card("declines")
    with pytest.raises(Refusal, match="nothing was changed"):
        change(who, membership_id, "events")
    after = members.of(membership_id)
    kept = ("tier_id", "price_cents", "period_end_ms", "state", "credit_cents")
    assert [getattr(after, one) for one in kept] == [getattr(before, one) for one in kept]
    assert shop.net() == 300
    use_card("works")
    assert change(who, membership_id, "events").url == ""
    assert members.of(membership_id).price_cents == 2_500
    assert list(money_adds_up()) == []


def test_an_upgrade_whose_word_is_late_is_asked_for_once(database: Path) -> None:
    who, membership_id = members.member()
    use_card("late")
    first = change(who, membership_id, "drops")
    assert members.of(membership_id).price_cents == 300
    assert change(who, membership_id, "drops") == first
    with pytest.raises(Refusal, match="under way"):
        change(who, membership_id, "events")
    payment = members.sandboxed(first.charge_id)
    assert shop.tell(payment, 1) == ["granted"]
    assert members.of(membership_id).price_cents == 900
    assert shop.net() == 900


def test_without_a_kept_card_an_upgrade_is_paid_on_the_page(database: Path) -> None:
    who, membership_id = members.member()
    members.forget_cards()
    way = change(who, membership_id, "drops")
    payment = way.url.rpartition("/")[2]
    assert shop.tell(payment, sandbox.answered(payment, "pay")[1]) == ["granted"]
    assert members.of(membership_id).price_cents == 900


def test_a_price_of_the_hour_before_holds(database: Path) -> None:
    _, membership_id = members.member(period="year")
    row, tier = members.of(membership_id), tier_of(membership_id, "events")
    later = row.period_start_ms + 100 * members.DAY_MS
    with reading() as session:
        shown = changes.quote_change(session, row, tier, Period.YEAR, later).amount_cents
        args = session, row, tier, Period.YEAR
        assert changes.as_shown(*args, later + members.HOUR_MS, shown).amount_cents == shown
        assert changes.as_shown(*args, later + 9 * members.HOUR_MS, shown).amount_cents < shown


@pytest.mark.parametrize("months", [0, 4, -1])
def test_a_pause_has_its_bounds(database: Path, months: int) -> None:
    who, membership_id = members.member()
    with pytest.raises(BadRequest, match="1, 2 or 3"):
        billing.pause(who, membership_id, months)


def test_a_pause_charges_nothing_and_gives_the_rest_back(database: Path) -> None:
    who, membership_id = members.member()
    start = members.of(membership_id)
    half = start.period_start_ms + 15 * members.DAY_MS
    with unit_of_work() as session:
        until = pausing.pause(session, membership_id, 2, half)
        row = session.get_one(type(start), membership_id)
        assert not memberships.has_perks(row, half + 1)
        assert memberships.mrr(row) == 0
        assert list(billing.due(session, until - 1, 9)) == []
        assert list(billing.due(session, until, 9)) == [membership_id]
        billing.advance(session, membership_id, until)
    row = members.of(membership_id)
    assert row.state == MembershipState.ACTIVE
    assert row.period_end_ms == until + start.period_end_ms - half
    assert memberships.unused_cents(row, until) == memberships.unused_cents(start, half)
    with unit_of_work() as session:
        charge_id = billing.advance(session, membership_id, row.period_end_ms)
        assert charge_id
        charge = session.get_one(Charge, charge_id)
        assert (charge.kind, charge.from_ms) == (ChargeKind.RENEWAL, row.period_end_ms)
    with pytest.raises(Refusal):
        billing.pause(who, membership_id, 1)


def test_what_can_not_be_paused_or_changed_says_why(database: Path) -> None:
    who, membership_id = members.member()
    billing.cancel(who, membership_id)
    with pytest.raises(Refusal, match="Stay first"):
        billing.pause(who, membership_id, 1)
    with pytest.raises(Refusal, match="Stay first"):
        change(who, membership_id, "events")
    billing.stay(who, membership_id)
    billing.pause(who, membership_id, 1)
    with pytest.raises(Refusal, match="Resume it"):
        change(who, membership_id, "events")
    billing.resume(who, membership_id)
    assert change(who, membership_id, "events").url == ""
