"""Personal copies: each month that is paid gives as many as the tier says, and nothing else gives
more of them.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.errors import NotFound, Refusal
from catalog.members import billing, changes, downloads, leaving, pausing, perks
from catalog.members.notices import QUIET
from models.base import unit_of_work
from models.membership import Charge, ChargeState, Membership, MembershipState, Period
from models.perk import MemberDownload, PerkGrant
from tests import license_factories, perk_factories
from tests import member_factories as members

HOUR_MS, DAY_MS = members.HOUR_MS, members.DAY_MS
BEGIN_MS = 1_800_000_000_000 - 1_800_000_000_000 % HOUR_MS
COPIES = [{"kind": "early"}, {"kind": "downloads", "count": 3}]


class Member:
    """Of a tier with three copies a month, on a clock of its own."""

    def __init__(self, session: Session, period: Period = Period.MONTH, clips: int = 24) -> None:
        self.session, self.at = session, BEGIN_MS
        session.info[QUIET] = True
        license_factories.terms(session, "personal")
        account = members.person(session)
        members.method(session, account.id)
        self.who = members.visitor_of(account)
        self.tier = members.tier(session, "events")
        self.tier.perks = COPIES
        self.clips = [perk_factories.on_sale(session).clip_id for _ in range(clips)]
        self.join(period)

    @property
    def row(self) -> Membership:
        return self.session.get_one(Membership, self.id)

    def join(self, period: Period) -> None:
        charge = members.joined(self.session, str(self.who.account_id), self.tier, period, self.at)
        self.id = charge.membership_id or ""
        self.settle()

    def settle(self) -> None:
        perks.settle(self.session, self.row, self.at)

    def take(self, most: int = 9) -> int:
        """How many of so many new ones are had."""
        for had in range(most):
            try:
                downloads.take(self.session, self.who, self.clips[-1], self.at)
            except (Refusal, NotFound):
                return had
            self.clips.pop()
        return most

    def go(self, ms: int) -> None:
        until = self.at + ms
        while self.row.state != MembershipState.ENDED:
            row = self.row
            paused = row.state == MembershipState.PAUSED
            turn = (row.paused_until_ms or 0) if paused else row.period_end_ms
            self.at = min(turn, until)
            if turn > until:
                break
            charge_id = billing.advance(self.session, self.id, self.at)
            if charge_id:
                billing.collect_in(self.session, charge_id, self.at)
        self.at = until
        self.settle()

    def pause(self, months: int) -> None:
        pausing.pause(self.session, self.id, months, self.at)
        self.settle()


def test_each_month_that_is_paid_gives_its_copies(database: Path) -> None:
    with unit_of_work() as session:
        member = Member(session)
        end = member.row.period_end_ms
        assert member.take() == 3
        found = downloads.left(session, member.who, member.tier.creator_id, member.at)
        assert found is not None
        assert (found.left, found.from_ms) == (0, end)
        member.go(end - member.at - 1_000)
        with pytest.raises(Refusal) as refused:
            downloads.take(session, member.who, member.clips[-1], member.at)
        assert refused.value.code == "downloads_used"
        assert refused.value.facts["next_free_ms"] == end
        member.go(1_000)
        assert member.take() == 3


def test_a_pause_begins_no_other_month(database: Path) -> None:
    with unit_of_work() as session:
        member = Member(session)
        assert member.take(2) == 2
        member.go(HOUR_MS)
        member.pause(2)
        member.go(62 * DAY_MS)
        assert member.row.state == MembershipState.ACTIVE
        assert member.take() == 1
        member.go(member.row.period_end_ms - member.at)
        assert member.take() == 3


def test_a_year_gives_them_month_by_month_and_a_pause_moves_the_months(database: Path) -> None:
    with unit_of_work() as session:
        member = Member(session, Period.YEAR)
        assert member.take() == 3
        member.go(20 * DAY_MS)
        assert member.take() == 0
        member.pause(1)
        member.go(35 * DAY_MS)
        assert member.take() == 0
        member.go(10 * DAY_MS)
        assert member.take() == 3
        found = downloads.left(session, member.who, member.tier.creator_id, member.at)
        assert found is not None
        assert BEGIN_MS + 85 * DAY_MS < found.from_ms < BEGIN_MS + 95 * DAY_MS


def test_what_is_owed_gives_no_copies_yet(database: Path) -> None:
    with unit_of_work() as session:
        member = Member(session)
        assert member.take() == 3
        member.at = member.row.period_end_ms + 60_000  # its renewal is under way
        assert member.take() == 0


def test_a_fee_that_went_back_gave_no_copies(database: Path) -> None:
    """Withdrawn and joined anew: what was fetched before counts."""
    with unit_of_work() as session:
        member = Member(session)
        assert member.take() == 3
        member.at += HOUR_MS
        leaving.withdraw(session, member.id, member.at)
        member.at += HOUR_MS
        member.join(Period.MONTH)
        assert member.take() == 0
        member.go(member.row.period_end_ms - member.at)
        assert member.take() == 3


def test_a_change_that_takes_off_what_is_left_takes_its_copies_along(database: Path) -> None:
    with unit_of_work() as session:
        member = Member(session)
        above = members.tier(
            session, "above", rank=4, month_cents=3_000, year_cents=30_000, perks=COPIES
        )
        assert member.take() == 3
        member.at += HOUR_MS
        charge = changes.ask(session, member.id, above.id, Period.YEAR, member.at)
        assert charge is not None
        billing.collect_in(session, charge.id, member.at)
        member.settle()
        assert member.take() == 0
        member.go(31 * DAY_MS)
        assert member.take() == 3


steps: st.SearchStrategy[list[tuple[str, int]]] = st.lists(
    st.tuples(st.sampled_from(["pause", "resume", "leave", "stay", "wait"]), st.integers(1, 960)),
    max_size=8,
)


@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.sampled_from(list(Period)), steps)
def test_in_any_story_no_fee_gives_more_copies_than_it_pays_for(
    database: Path, period: Period, told: Sequence[tuple[str, int]]
) -> None:
    with unit_of_work() as session:
        member = Member(session, period, clips=0)
        for what, hours in told:
            member.clips += [perk_factories.on_sale(session).clip_id for _ in range(3)]
            member.take(3)
            with contextlib.suppress(Refusal):
                _do(member, what)
            member.settle()
            member.go(hours * HOUR_MS)
        fees = session.scalars(
            select(Charge.period).filter_by(membership_id=member.id, state=ChargeState.PAID)
        )
        of = select(PerkGrant.id).where(PerkGrant.membership_id == member.id)
        count = select(func.count()).select_from(MemberDownload)
        had = session.scalar(count.where(MemberDownload.grant_id.in_(of))) or 0
        assert had <= sum(3 * (12 if one == "year" else 1) for one in fees)


def _do(member: Member, what: str) -> None:
    session, at = member.session, member.at
    if what == "pause":
        pausing.pause(session, member.id, 1, at)
    elif what == "resume":
        pausing.resume(session, member.id, at)
    elif what == "leave":
        leaving.cancel(session, member.id, at)
    elif what == "stay":
        leaving.stay(session, member.id, at)
