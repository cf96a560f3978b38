"""What time is worth, to the cent: by rule, and through the whole engine for any story."""

import contextlib
import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.currencies import unit_cents
from catalog.errors import Refusal
from catalog.members import billing, changes, leaving, memberevents, memberships, pausing, proration
from catalog.members.notices import QUIET
from models.base import unit_of_work
from models.creator import creator_of
from models.membership import Charge, ChargeState, Membership, MembershipState, Period, Tier
from models.payment import Refund
from tests import member_factories as members

HOUR_MS, DAY_MS = members.HOUR_MS, members.DAY_MS
cents = st.integers(0, 100_000)
units = st.sampled_from((1, 100))
"""A cent, or the whole of a currency that has none."""
BEGIN_MS = 1_800_000_000_000 - 1_800_000_000_000 % HOUR_MS


@given(cents, st.integers(1, 10**11), st.lists(st.integers(0, 10**11), max_size=8), units)
def test_what_is_used_piece_by_piece_is_what_was_paid(
    price: int, length: int, moments: list[int], unit: int
) -> None:
    price -= price % unit
    cuts = [0, *sorted(min(one, length) for one in moments), length]
    left = [proration.worth(price, 0, length, at, unit) for at in cuts]
    assert (left[0], left[-1]) == (price, 0)
    assert all(one % unit == 0 for one in left)
    assert left == sorted(left, reverse=True)
    assert sum(one - other for one, other in itertools.pairwise(left)) == price


def test_half_a_period_is_half_its_price() -> None:
    assert proration.worth(300, 0, 30 * DAY_MS, 15 * DAY_MS) == 150
    assert proration.worth(299, 0, 30 * DAY_MS, 15 * DAY_MS) == 150
    assert proration.worth(300, 0, 30 * DAY_MS, -5) == 300
    assert proration.worth(300, 0, 30 * DAY_MS, 31 * DAY_MS) == 0
    assert proration.worth(300, 0, 30 * DAY_MS, 15 * DAY_MS, 100) == 200


@given(cents, cents, cents, st.integers(1, 60))
def test_no_sum_is_below_nothing_and_nothing_is_lost(
    wanted: int, unused: int, credit: int, least: int
) -> None:
    found = proration.summed([("new", wanted)], ("old", unused), credit, least)
    assert sum(one["cents"] for one in found.lines) == found.amount_cents
    assert found.amount_cents >= 0
    assert credit + found.credit_change >= 0
    assert proration.credit_change(found.lines) == found.credit_change
    let_go = wanted - unused - found.credit_change * -1 - found.amount_cents
    assert 0 <= let_go < least
    assert let_go == found.let_go_cents
    assert found.amount_cents == 0 or found.amount_cents >= least


def test_a_yearly_price_is_told_by_the_month_in_thousandths_of_a_cent() -> None:
    assert proration.monthly(300, 1) == 300_000
    assert proration.monthly(3_000, 12) == 250_000
    assert proration.monthly(1_000, 12) == 83_333


steps = st.lists(
    st.tuples(
        st.sampled_from(["change", "change", "pause", "resume", "leave", "stay", "wait"]),
        st.sampled_from(["early", "drops", "events"]),
        st.sampled_from(list(Period)),
        st.integers(0, 24 * 45),
    ),
    max_size=12,
)


def tiers_in(session: Session, currency: str) -> list[Tier]:
    """Of a creator whose members pay in it."""
    creator = creator_of(session, currency.lower())
    for key in members.PRICES:
        if session.scalars(select(Tier).filter_by(creator_id=creator.id, key=key)).first() is None:
            members.tier(session, key, creator, currency=currency)
    return members.tiers(session, creator)


class Story:
    """One membership on a clock of its own, and what of its payments was used so far."""

    def __init__(self, session: Session, tiers: dict[str, Tier], key: str, period: Period) -> None:
        self.session, self.tiers, self.at = session, tiers, BEGIN_MS
        account = members.person(session)
        members.method(session, account.id)
        charge = members.joined(session, account.id, tiers[key], period, self.at)
        assert charge.membership_id
        self.id, self.used = charge.membership_id, 0

    @property
    def membership(self) -> Membership:
        return self.session.get_one(Membership, self.id)

    def unused(self) -> int:
        return memberships.unused_cents(self.membership, self.at)

    def go(self, hours: int) -> None:
        """The clock goes on, and what falls due on the way is done in its time."""
        until = self.at + hours * HOUR_MS
        while self.membership.state != MembershipState.ENDED:
            one = self.membership
            paused = one.state == MembershipState.PAUSED
            turn = (one.paused_until_ms or 0) if paused else one.period_end_ms
            before = self.unused()
            self.at = min(turn, until)
            self.used += before - self.unused()
            if turn > until:
                return
            charge_id = billing.advance(self.session, self.id, self.at)
            if charge_id:
                billing.collect_in(self.session, charge_id, self.at)

    def do(self, what: str, key: str, period: Period) -> None:
        if what == "change":
            tier = self.tiers[key].id
            charge = changes.ask(self.session, self.id, tier, period, self.at)
            if charge is not None and charge.state == ChargeState.ASKED:
                billing.collect_in(self.session, charge.id, self.at)
        elif what == "pause":
            pausing.pause(self.session, self.id, 2, self.at)
        elif what == "resume":
            pausing.resume(self.session, self.id, self.at)
        elif what == "leave":
            leaving.cancel(self.session, self.id, self.at)
        elif what == "stay":
            leaving.stay(self.session, self.id, self.at)

    def paid(self) -> int:
        rows = self.session.scalars(select(Charge).filter_by(membership_id=self.id)).all()
        assert all(sum(line["cents"] for line in row.lines) == row.amount_cents for row in rows)
        assert all(row.state == ChargeState.PAID for row in rows)
        back = select(func.sum(Refund.amount_cents)).join(Charge, Charge.id == Refund.charge_id)
        returned = self.session.scalar(back.where(Charge.membership_id == self.id)) or 0
        return sum(row.amount_cents for row in rows) - int(returned)


@settings(  # to shrink a story takes minutes, and it is read as it is
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(["early", "drops", "events"]),
    st.sampled_from(list(Period)),
    steps,
    st.sampled_from(["USD", "JPY"]),
)
def test_in_any_story_what_was_paid_is_what_was_used_and_what_is_left(
    database: Path,
    key: str,
    period: Period,
    told: list[tuple[str, str, Period, int]],
    currency: str,
) -> None:
    with unit_of_work() as session:
        session.info[QUIET] = True
        tiers = {one.key: one for one in tiers_in(session, currency)}
        story = Story(session, tiers, key, period)
        for what, to, by, hours in told:
            with contextlib.suppress(Refusal):
                story.do(what, to, by)
            assert story.paid() == story.used + story.unused() + story.membership.credit_cents
            story.go(hours)
            assert story.paid() == story.used + story.unused() + story.membership.credit_cents
        asked = select(Charge.amount_cents).filter_by(membership_id=story.id)
        sums = [story.unused(), story.membership.credit_cents, *session.scalars(asked)]
        assert all(one % unit_cents(currency) == 0 for one in sums)
        events = memberevents.of_membership(session, story.id)
        chain = [0, *(one.after_mrr for one in events)]
        assert [one.before_mrr for one in events] == chain[:-1]
        assert sum(one.after_mrr - one.before_mrr for one in events) == chain[-1]
        assert chain[-1] == memberships.mrr(story.membership)
        moments = [one.at_ms for one in events]
        assert moments == sorted(set(moments))


@pytest.mark.parametrize(("shown", "right"), [(300, True), (301, False)])
def test_the_price_that_was_shown_is_the_price_that_is_charged(
    database: Path, shown: int, right: bool
) -> None:
    with unit_of_work() as session:
        account, tier = members.person(session), members.tier(session)
        members.method(session, account.id)
    who = members.visitor_of(account)
    if right:
        assert billing.join(who, tier.id, "month", cents=shown, currency="USD").url == ""
        return
    with pytest.raises(Refusal, match="Nothing was charged"):
        billing.join(who, tier.id, "month", cents=shown, currency="USD")
