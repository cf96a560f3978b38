"""Leaving, withdrawing, a card that is declined: what ends when, what goes back, who is told."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from catalog.errors import Refusal
from catalog.members import (
    advancing,
    billing,
    collecting,
    dunning,
    leaving,
    memberevents,
    memberships,
    methods,
    tiers,
)
from catalog.members.periods import DAY_MS
from catalog.payments import sandbox
from models.base import reading, unit_of_work
from models.mail import Mail
from models.membership import Charge, ChargeState, MemberEventKind, Membership, MembershipState
from tests import member_factories as members
from tests import order_factories as shop
from tests.member_factories import at, use_card
from workers.books import money_adds_up


def last_mail(purpose: str) -> Mail:
    with reading() as session:
        wanted = select(Mail).filter_by(purpose=purpose).order_by(Mail.created_ms.desc())
        found = session.scalars(wanted).first()
        assert found is not None, purpose
        return found


def kinds(membership_id: str) -> list[str]:
    with reading() as session:
        return [str(one.kind) for one in memberevents.of_membership(session, membership_id)]


def renewal(membership_id: str) -> Charge:
    with reading() as session:
        wanted = select(Charge).filter_by(membership_id=membership_id, kind="renewal")
        return session.scalars(wanted.order_by(Charge.created_ms.desc())).first() or Charge()


def test_leaving_keeps_what_is_paid_and_can_be_taken_back(database: Path) -> None:
    who, membership_id = members.member()
    ends = billing.cancel(who, membership_id)
    assert billing.cancel(who, membership_id) == ends
    row = members.of(membership_id)
    assert row.ends_at_period
    assert memberships.has_perks(row, ends - 1)
    assert not memberships.has_perks(row, ends)
    assert "not charged again" in last_mail("membership-leaving").text
    billing.stay(who, membership_id)
    assert kinds(membership_id) == ["joined", "leaving", "staying"]
    assert at(membership_id, ends).state == MembershipState.ACTIVE
    assert shop.net() == 600


def test_what_has_ended_is_joined_anew(database: Path) -> None:
    who, membership_id = members.member()
    ends = billing.cancel(who, membership_id)
    assert at(membership_id, ends + 5 * DAY_MS).state == MembershipState.ENDED
    assert members.of(membership_id).ended_ms == ends
    for again in (billing.stay, billing.cancel, billing.withdraw):
        with pytest.raises(Refusal, match="ended"):
            again(who, membership_id)
    tier_id = members.of(membership_id).tier_id
    assert billing.join(who, tier_id, "month", cents=300, currency="USD").url == ""
    assert list(money_adds_up()) == []


def test_withdrawing_ends_it_now_and_gives_back_what_was_not_used(database: Path) -> None:
    _, membership_id = members.member(period="year")
    start = members.of(membership_id)
    week = start.period_start_ms + 7 * DAY_MS
    with unit_of_work() as session:
        receipt = leaving.withdraw(session, membership_id, week)
    days = (start.period_end_ms - start.period_start_ms) // DAY_MS
    assert receipt.refund_cents == round(3_000 * (days - 7) / days)
    assert (receipt.received_ms, receipt.currency) == (week, "USD")
    row = members.of(membership_id)
    assert (row.state, row.end_reason) == ("ended", "withdrawn")
    assert members.pay_back() == ["returned"]
    assert shop.net() == 3_000 - receipt.refund_cents
    text = last_mail("membership-withdrawn").text
    assert "UTC" in text
    assert membership_id in text
    assert "Credit note" in last_mail("charge-refunded").text
    assert list(money_adds_up()) == []


def test_after_an_upgrade_both_payments_go_back_in_part(database: Path) -> None:
    who, membership_id = members.member()
    with reading() as session:
        tier = tiers.current(session, members.of(membership_id).creator_id)[2]
    billing.change(who, membership_id, tier.id, "month", cents=2_200, currency="USD")
    receipt = billing.withdraw(who, membership_id)
    assert 2_498 <= receipt.refund_cents <= 2_500
    members.pay_back()
    assert shop.net() == 2_500 - receipt.refund_cents
    assert list(money_adds_up()) == []


def test_withdrawing_is_for_fourteen_days(database: Path) -> None:
    _, membership_id = members.member()
    late = members.of(membership_id).period_start_ms + 14 * DAY_MS
    with unit_of_work() as session, pytest.raises(Refusal, match="fourteen days"):
        leaving.withdraw(session, membership_id, late)


def test_a_declined_renewal_is_tried_again_and_its_perks_stay(database: Path) -> None:
    _, membership_id = members.member()
    end = members.of(membership_id).period_end_ms
    use_card("declines")
    row = at(membership_id, end)
    assert (row.state, row.grace_until_ms) == ("grace", end + 7 * DAY_MS)
    tries = [(1, 3), (3, 5), (5, None)]
    assert renewal(membership_id).next_try_ms == end + DAY_MS
    for day, following in tries:
        row = at(membership_id, end + day * DAY_MS)
        assert memberships.has_perks(row, end + day * DAY_MS)
        wanted = None if following is None else end + following * DAY_MS
        assert renewal(membership_id).next_try_ms == wanted
    mail = last_mail("membership-declined").text
    assert "Pay now" in mail
    assert f"/memberships/{membership_id}" in mail
    assert memberships.has_perks(row, end + 7 * DAY_MS - 1)
    assert not memberships.has_perks(row, end + 7 * DAY_MS)
    row = at(membership_id, end + 7 * DAY_MS)
    assert (row.state, row.end_reason, row.ended_ms) == ("ended", "unpaid", end + 7 * DAY_MS)
    assert renewal(membership_id).state == ChargeState.VOID
    assert kinds(membership_id) == ["joined", *["declined"] * 4, "ended"]
    assert shop.net() == 300
    assert list(money_adds_up()) == []


def test_one_that_is_paid_in_its_grace_loses_no_day_and_wins_none(database: Path) -> None:
    _, membership_id = members.member()
    end = members.of(membership_id).period_end_ms
    use_card("declines")
    at(membership_id, end)
    use_card("works")
    row = at(membership_id, end + 3 * DAY_MS)
    assert (row.state, row.period_start_ms, row.grace_until_ms) == ("active", end, None)
    assert kinds(membership_id)[-2:] == ["declined", "recovered"]
    assert shop.net() == 600
    assert list(money_adds_up()) == []


def test_its_member_pays_at_once_with_another_card(database: Path) -> None:
    who, membership_id = members.member()
    begun = members.of(membership_id)
    members.let_time_pass(membership_id, begun.period_end_ms - begun.period_start_ms)
    use_card("declines")
    with reading() as session:
        now = members.now(session)
    assert at(membership_id, now).state == MembershipState.GRACE
    way = billing.pay(who, membership_id)
    payment = way.url.rpartition("/")[2]
    assert shop.tell(payment, sandbox.answered(payment, "pay")[1]) == ["granted"]
    assert members.of(membership_id).state == MembershipState.ACTIVE
    assert billing.pay(who, membership_id) == billing.Way("")
    assert list(money_adds_up()) == []


def test_a_page_that_is_left_in_the_grace_declines_nothing(database: Path) -> None:
    who, membership_id = members.member()
    begun = members.of(membership_id)
    members.let_time_pass(membership_id, begun.period_end_ms - begun.period_start_ms)
    use_card("declines")
    with reading() as session:
        now = members.now(session)
    at(membership_id, now)
    way = billing.pay(who, membership_id)
    before = kinds(membership_id)
    assert billing.give_up(who, way.charge_id) == ChargeState.ASKED
    assert kinds(membership_id) == before
    charge = members.charge_of(way.charge_id)
    assert (charge.held_until_ms, charge.next_try_ms) == (None, (charge.from_ms or 0) + DAY_MS)


def test_another_card_at_the_processor_is_tried_at_once(database: Path) -> None:
    who, membership_id = members.member()
    end = members.of(membership_id).period_end_ms
    use_card("declines")
    at(membership_id, end)
    use_card("works")
    assert "/sandbox/cards/" in methods.portal(who, "/memberships")
    assert methods.refresh(who)
    with reading() as session:
        assert (renewal(membership_id).next_try_ms or 0) <= members.now(session)


def test_leaving_in_the_grace_ends_it_and_asks_for_nothing(database: Path) -> None:
    who, membership_id = members.member()
    end = members.of(membership_id).period_end_ms
    use_card("declines")
    at(membership_id, end)
    billing.cancel(who, membership_id)
    use_card("works")
    assert at(membership_id, end + DAY_MS).state == MembershipState.ENDED
    assert shop.net() == 300


def test_leaving_a_pause_gives_the_rest_of_what_is_paid(database: Path) -> None:
    who, membership_id = members.member()
    billing.pause(who, membership_id, 3)
    ends = billing.cancel(who, membership_id)
    row = members.of(membership_id)
    assert (row.state, row.ends_at_period, row.period_end_ms) == ("active", True, ends)
    assert memberships.has_perks(row, ends - 1)


def test_a_renewal_nobody_knows_of_takes_no_perks(database: Path) -> None:
    """Its word is lost; asked again the processor knows."""
    _, membership_id = members.member()
    end = members.of(membership_id).period_end_ms
    use_card("silent")
    row = at(membership_id, end)
    assert (row.state, row.period_end_ms) == ("active", end)
    assert memberships.has_perks(row, end + members.HOUR_MS - 1)
    with unit_of_work() as session:
        assert list(billing.due(session, end + 60_000, 5)) == []
    row = at(membership_id, end + collecting.ASK_MS)
    assert row.period_start_ms == end
    assert shop.net() == 600


def test_one_that_stays_unknown_for_an_hour_has_its_grace(database: Path) -> None:
    _, membership_id = members.member()
    end = members.of(membership_id).period_end_ms
    with unit_of_work() as session:
        charge_id = billing.advance(session, membership_id, end)
    later = end + memberships.RENEWING_MS
    with unit_of_work() as session:
        assert list(billing.due(session, later, 5)) == [membership_id]
        billing.advance(session, membership_id, later)
        assert list(billing.due(session, later, 5)) == []
        assert session.get_one(Membership, membership_id).state == MembershipState.GRACE
        billing.collect_in(session, charge_id or "", later)
    row = members.of(membership_id)
    assert (row.state, row.period_start_ms) == ("active", end)
    assert MemberEventKind.RECOVERED in kinds(membership_id)


def test_who_pays_a_year_or_ends_a_trial_is_told_before(database: Path) -> None:
    _, membership_id = members.member(period="year")
    end = members.of(membership_id).period_end_ms
    with unit_of_work() as session:
        assert advancing.remind(session, end - 15 * DAY_MS, 10) == 0
        assert advancing.remind(session, end - 14 * DAY_MS, 10) == 1
        assert advancing.remind(session, end - 13 * DAY_MS, 10) == 0
    assert "$30.00" in last_mail("membership-renews-soon").text


def test_a_creator_who_closes_charges_nobody_again(database: Path) -> None:
    who, membership_id = members.member()
    row = members.of(membership_id)
    with unit_of_work() as session:
        tiers.close_for(session, shop.STAFF, row.creator_id)
    assert at(membership_id, row.period_start_ms + DAY_MS).ends_at_period
    with pytest.raises(Refusal, match="takes no members"):
        billing.stay(who, membership_id)
    assert at(membership_id, row.period_end_ms).state == MembershipState.ENDED
    assert shop.net() == 300
    assert dunning.GRACE_MS == 7 * DAY_MS


def test_a_removed_card_is_charged_no_more(database: Path) -> None:
    who, membership_id = members.member()
    with reading() as session:
        found = methods.stored(session, who.account_id or "")
        assert found is not None
    methods.remove(who, found.id)
    methods.remove(who, found.id)
    row = at(membership_id, members.of(membership_id).period_end_ms)
    assert row.state == MembershipState.GRACE
    assert "No payment method" in renewal(membership_id).error
    assert shop.net() == 300
    with unit_of_work() as session:
        session.execute(update(Charge).values(next_try_ms=1))
    assert shop.net() == 300


def test_what_was_kept_as_credit_goes_back_when_it_ends(database: Path) -> None:
    who, membership_id = members.member(period="year")
    with reading() as session:
        tier = tiers.current(session, members.of(membership_id).creator_id)[1]
    billing.change(who, membership_id, tier.id, "month", cents=0, currency="USD")
    assert members.of(membership_id).credit_cents == 2_100
    ends = billing.cancel(who, membership_id)
    at(membership_id, ends)
    assert "$21.00" in last_mail("membership-ended").text
    members.pay_back()
    assert shop.net() == 900
    assert list(money_adds_up()) == []


def test_nobody_pays_for_months_in_which_the_house_was_away(database: Path) -> None:
    _, membership_id = members.member()
    later = members.of(membership_id).period_end_ms + 400 * DAY_MS
    row = at(membership_id, later)
    assert (row.period_start_ms, row.periods) == (later, 1)
    assert len(members.charges(membership_id)) == 2
    with unit_of_work() as session:
        assert list(billing.due(session, later, 5)) == []
    assert shop.net() == 600
    assert list(money_adds_up()) == []
