"""One fee gives what it pays for, once: pauses, trials and steps up do not stretch it."""

from pathlib import Path

import pytest

from catalog.auth import Visitor
from catalog.errors import NotFound, Refusal
from catalog.members import (
    billing,
    changes,
    memberevents,
    memberships,
    pausing,
    tiers,
)
from models.base import reading, unit_of_work
from models.membership import ChargeState, Membership, MembershipState, Period, Tier
from tests import member_factories as members
from tests import order_factories as shop
from tests.member_factories import at, use_card
from workers.books import money_adds_up

HOUR_MS, DAY_MS = members.HOUR_MS, members.DAY_MS
BEGIN_MS = 1_800_000_000_000 - 1_800_000_000_000 % HOUR_MS


def on_trial(days: int = 14) -> tuple[Visitor, str]:
    """Of the lowest tier, with a card that works."""
    with unit_of_work() as session:
        account, tier = members.person(session), members.tier(session)
        members.tiers(session)
        members.method(session, account.id)
    who = members.visitor_of(account)
    way = billing.join(who, tier.id, "month", cents=300, currency="USD", trial_days=days)
    return who, members.charge_of(way.charge_id).membership_id or ""


def tier_of(membership_id: str, key: str) -> Tier:
    with reading() as session:
        creator_id = members.of(membership_id).creator_id
        return next(one for one in tiers.current(session, creator_id) if one.key == key)


def quoted(membership_id: str, key: str, period: Period = Period.MONTH) -> changes.Change:
    with reading() as session:
        row, at_ms = members.of(membership_id), members.now(session)
        return changes.quote_change(session, row, tier_of(membership_id, key), period, at_ms)


# Pauses


def test_what_is_paid_can_be_paused_once_and_again_when_the_next_is_paid(database: Path) -> None:
    _, membership_id = members.member()
    at = members.of(membership_id).period_start_ms + HOUR_MS
    with unit_of_work() as session:
        until = pausing.pause(session, membership_id, 3, at)
        ends = pausing.resume(session, membership_id, until)
        with pytest.raises(Refusal, match="paused in this period before") as refused:
            pausing.pause(session, membership_id, 1, until + HOUR_MS)
        assert refused.value.code == "paused_before"
        charge_id = billing.advance(session, membership_id, ends)
        assert charge_id
        billing.collect_in(session, charge_id, ends)
        assert pausing.pause(session, membership_id, 1, ends + HOUR_MS)


def test_a_year_of_pauses_is_not_had_for_one_fee(database: Path) -> None:
    _, membership_id = members.member("events")
    at = began = members.of(membership_id).period_start_ms
    with unit_of_work() as session:
        for _ in range(6):
            try:
                at = pausing.pause(session, membership_id, 3, at + HOUR_MS)
                pausing.resume(session, membership_id, at)
            except Refusal:
                break
        assert session.get_one(Membership, membership_id).period_end_ms < began + 4 * 31 * DAY_MS


# Trials


def test_more_than_the_trial_s_tier_ends_the_trial_and_is_paid_in_full_now(database: Path) -> None:
    who, membership_id = on_trial()
    found = quoted(membership_id, "events")
    assert (found.when, found.amount_cents) == ("now", 2_500)
    with pytest.raises(Refusal, match="It costs"):
        billing.change(
            who, membership_id, tier_of(membership_id, "events").id, "month",
            cents=0, currency="USD",
        )  # fmt: skip
    assert members.of(membership_id).tier_id == tier_of(membership_id, "early").id
    events = tier_of(membership_id, "events").id
    way = billing.change(who, membership_id, events, "month", cents=2_500, currency="USD")
    charge, row = members.charge_of(way.charge_id), members.of(membership_id)
    assert (charge.state, charge.amount_cents) == (ChargeState.PAID, 2_500)
    assert (row.tier_id, row.price_cents, row.period_end_ms) == (events, 2_500, charge.to_ms)
    assert not memberships.in_trial(row)
    with reading() as session:
        last = memberevents.latest(session, membership_id)
        assert last is not None
        assert (last.before_mrr, last.after_mrr) == (0, 2_500_000)
    assert shop.net() == 2_500
    assert list(money_adds_up()) == []


def test_a_card_that_is_declined_leaves_the_trial_as_it_was(database: Path) -> None:
    with unit_of_work() as session:
        account, tier = members.person(session), members.tier(session)
        members.tiers(session)
        members.method(session, account.id, "declines")
    who = members.visitor_of(account)
    way = billing.join(who, tier.id, "month", cents=300, currency="USD", trial_days=14)
    membership_id = members.charge_of(way.charge_id).membership_id or ""
    before = members.of(membership_id)
    events = tier_of(membership_id, "events").id
    with pytest.raises(Refusal, match="declined"):
        billing.change(who, membership_id, events, "month", cents=2_500, currency="USD")
    after = members.of(membership_id)
    assert memberships.in_trial(after)
    assert (after.tier_id, after.period_end_ms) == (before.tier_id, before.period_end_ms)


def test_the_year_of_a_trial_s_tier_comes_after_the_trial_at_its_price(database: Path) -> None:
    who, membership_id = on_trial()
    found = quoted(membership_id, "early", Period.YEAR)
    until = members.of(membership_id).period_end_ms
    assert (found.when, found.amount_cents, found.from_ms) == ("period_end", 3_000, until)
    early = tier_of(membership_id, "early").id
    assert billing.change(who, membership_id, early, "year", cents=3_000, currency="USD").url == ""
    assert memberships.in_trial(members.of(membership_id))
    with unit_of_work() as session:
        charge_id = billing.advance(session, membership_id, until)
        assert charge_id
        assert billing.collect_in(session, charge_id, until) == "paid"
    row = members.of(membership_id)
    assert (row.period, row.price_cents) == ("year", 3_000)


# Too little, or nothing, for more


@pytest.mark.parametrize(("left_ms", "least"), [(15 * HOUR_MS, 50), (1_000, 1)])
def test_a_step_up_for_which_nothing_could_be_charged_waits_for_the_next_period(
    database: Path, monkeypatch: pytest.MonkeyPatch, left_ms: int, least: int
) -> None:
    monkeypatch.setattr("catalog.payments.sandbox.least_cents", lambda currency: least)
    _, membership_id = members.member()
    row, events = members.of(membership_id), tier_of(membership_id, "events")
    end = (row.period_end_ms // HOUR_MS) * HOUR_MS + (left_ms if left_ms < HOUR_MS else 0)
    with unit_of_work() as session:
        session.get_one(Membership, membership_id).period_end_ms = end
    at = end - left_ms
    with unit_of_work() as session:
        row = session.get_one(Membership, membership_id)
        found = changes.quote_change(session, row, events, Period.MONTH, at)
        assert (found.when, found.amount_cents, found.from_ms) == ("period_end", 2_500, end)
        assert changes.ask(session, membership_id, events.id, Period.MONTH, at) is None
        assert row.tier_id == tier_of(membership_id, "early").id
        assert row.next_tier_id == events.id


def test_a_tier_that_does_not_exist_is_not_found(database: Path) -> None:
    who, membership_id = members.member()
    for tier_id in ("x", "f" * 32):
        with pytest.raises(NotFound, match="no such tier"):
            billing.change(who, membership_id, tier_id, "month", cents=0, currency="USD")


def test_staying_after_all_keeps_the_change_that_was_to_come(database: Path) -> None:
    who, membership_id = members.member("drops")
    early = tier_of(membership_id, "early").id
    billing.change(who, membership_id, early, "month", cents=300, currency="USD")
    billing.cancel(who, membership_id)
    billing.stay(who, membership_id)
    assert members.of(membership_id).next_tier_id == early


# The end of a grace


@pytest.mark.parametrize("days", [8, 30])
def test_a_try_that_was_promised_is_made_before_a_grace_ends(database: Path, days: int) -> None:
    """The house was away since the first one; the card works again meanwhile. Nobody pays for a
    time without the house."""
    _, membership_id = members.member(card="works")
    use_card("declines")
    end = members.of(membership_id).period_end_ms
    assert at(membership_id, end).state == MembershipState.GRACE
    use_card("works")
    back = end + days * DAY_MS
    row = at(membership_id, back)
    assert (row.state, row.grace_until_ms) == (MembershipState.ACTIVE, None)
    assert row.period_start_ms == (back if days == 30 else end)
    assert row.period_end_ms > back + 20 * DAY_MS
    assert shop.net() == 600
    assert list(money_adds_up()) == []


@pytest.mark.parametrize("days", [8, 30])
def test_a_try_that_is_declined_once_more_ends_it(database: Path, days: int) -> None:
    _, membership_id = members.member()
    use_card("declines")
    end = members.of(membership_id).period_end_ms
    at(membership_id, end)
    back = end + days * DAY_MS
    row = at(membership_id, back)
    assert row.state == MembershipState.GRACE
    assert not memberships.has_perks(row, back)
    row = at(membership_id, back + 60_000)
    assert (row.state, row.ended_ms) == (MembershipState.ENDED, end + 7 * DAY_MS)
    assert shop.net() == 300


def test_a_card_that_is_new_is_tried_before_a_grace_ends(database: Path) -> None:
    """After the last try, and it became known here without a visit to the processor's page."""
    who, membership_id = members.member()
    use_card("declines")
    end = members.of(membership_id).period_end_ms
    for day in (0, 1, 3, 5):
        at(membership_id, end + day * DAY_MS)
    with unit_of_work() as session:
        members.method(session, str(who.account_id), created_ms=end + 6 * DAY_MS)
    assert at(membership_id, end + 6 * DAY_MS).state == MembershipState.GRACE
    row = at(membership_id, end + 7 * DAY_MS)
    assert (row.state, row.period_start_ms) == (MembershipState.ACTIVE, end)
    assert shop.net() == 600


def test_a_grace_whose_tries_were_all_made_ends_in_time(database: Path) -> None:
    _, membership_id = members.member()
    use_card("declines")
    end = members.of(membership_id).period_end_ms
    for day in (0, 1, 3, 5):
        assert at(membership_id, end + day * DAY_MS).state == MembershipState.GRACE
    assert at(membership_id, end + 7 * DAY_MS).state == MembershipState.ENDED
