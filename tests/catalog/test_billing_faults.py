"""What processors tell late, twice, in disorder, wrongly or never; and processes that die between.
Whoever paid has a membership or the money back, once.
"""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from catalog.errors import Refusal
from catalog.members import billing, charge_rows, collecting, memberevents, memberships
from catalog.payments import ledger, sandbox
from catalog.payments.facts import Forged, PaymentFact
from models.base import reading, unit_of_work
from models.job import Job, JobState
from models.mail import Mail
from models.membership import Charge, ChargeState, Membership, MembershipState, Tier
from tests import member_factories as members
from tests import order_factories as shop
from tests.both import BOTH, database_of, server_of
from tests.member_factories import use_card
from workers import members as steps
from workers.books import money_adds_up
from workers.flow import run_one


def at_page() -> tuple[billing.Way, str]:
    """Joining: the way, and its payment at the sandbox."""
    with unit_of_work() as session:
        account, tier = members.person(session), members.tier(session)
    way = billing.join(members.visitor_of(account), tier.id, "month", cents=300, currency="USD")
    return way, way.url.rpartition("/")[2]


def the_membership() -> Membership:
    with reading() as session:
        return session.scalars(select(Membership)).one()


def told(payment: str) -> list[PaymentFact]:
    return sandbox.ask(payment)


def work() -> None:
    """What is due of the steps that move money."""
    with unit_of_work() as session:
        session.query(Job).filter(Job.step.not_in(("charge", "refund", "sandbox"))).update(
            {"state": JobState.DONE}
        )
    while run_one("light"):
        pass


def test_told_ten_times_it_is_granted_once(database: Path) -> None:
    way, payment = at_page()
    number = sandbox.answered(payment, "pay")[1]
    outcomes = [shop.tell(payment, number)[0] for _ in range(10)]
    assert outcomes == ["granted", *[ledger.KNOWN] * 9]
    with reading() as session:
        assert len(memberevents.of_membership(session, the_membership().id)) == 1
    assert members.charge_of(way.charge_id).state == ChargeState.PAID
    assert list(money_adds_up()) == []


def test_a_forged_word_grants_nothing(database: Path) -> None:
    way, payment = at_page()
    body = json.dumps({"type": "payment.paid", "payment": payment, "order": way.charge_id})
    header = {sandbox.HEADER: sandbox.signature("0" * 64, body.encode())}
    with pytest.raises(Forged):
        ledger.receive("sandbox", body.encode(), header)
    assert the_membership().state == MembershipState.PENDING


@pytest.mark.parametrize(("cents", "currency"), [(299, "USD"), (301, "USD"), (300, "EUR")])
def test_another_sum_or_currency_goes_back_and_grants_nothing(
    database: Path, cents: int, currency: str
) -> None:
    way, payment = at_page()
    sandbox.answered(payment, "pay")
    [fact] = told(payment)
    wrong = dataclasses.replace(fact, amount_cents=cents, currency=currency)
    [outcome] = ledger.hear_all([wrong])
    assert outcome == "refunded: The amount that arrived is not the one that was asked for."
    assert members.charge_of(way.charge_id).state == ChargeState.FAILED
    assert the_membership().state == MembershipState.ENDED
    [row] = members.refunds()
    assert (row.amount_cents, row.currency, row.charge_id) == (cents, currency, way.charge_id)


def test_a_lost_word_is_asked_for(database: Path) -> None:
    way, payment = at_page()
    sandbox.answered(payment, "pay")
    with reading() as session:
        now = members.now(session)
    assert way.charge_id not in collecting.waiting(now)
    assert way.charge_id in collecting.waiting(now + collecting.ASK_MS)
    assert collecting.reconcile(way.charge_id, now) == ChargeState.PAID
    assert the_membership().state == MembershipState.ACTIVE


def test_a_page_whose_time_is_over_can_not_be_paid(database: Path) -> None:
    way, payment = at_page()
    charge = members.charge_of(way.charge_id)
    assert charge.held_until_ms
    assert collecting.reconcile(way.charge_id, charge.held_until_ms) == ChargeState.FAILED
    assert sandbox.answered(payment, "pay")[1] == 0
    assert the_membership().state == MembershipState.ENDED
    assert shop.net() == 0


def test_a_refund_told_before_its_payment_grants_nothing(database: Path) -> None:
    way, payment = at_page()
    sandbox.answered(payment, "pay")
    sandbox.refund("elsewhere", way.charge_id, payment, 300)
    paid, back = told(payment)
    ledger.hear_all([back, paid])
    assert the_membership().state == MembershipState.ENDED
    assert members.refunds() == []
    assert shop.net() == 0
    assert list(money_adds_up()) == []


@pytest.mark.parametrize("how", ["refund", "dispute"])
def test_what_the_bank_takes_back_ends_the_membership(database: Path, how: str) -> None:
    _, membership_id = members.member()
    payment = members.sandboxed(members.charges(membership_id)[0].id)
    if how == "refund":
        ledger.hear_all(sandbox.refund("elsewhere", "", payment, 300))
    else:
        shop.tell(payment, sandbox.disputed(payment))
    row = members.of(membership_id)
    assert (row.state, row.end_reason) == (MembershipState.ENDED, "refunded")
    assert shop.net() == 0
    assert list(money_adds_up()) == []


def test_a_part_that_went_back_elsewhere_ends_nothing_and_staff_look(database: Path) -> None:
    _, membership_id = members.member()
    payment = members.sandboxed(members.charges(membership_id)[0].id)
    ledger.hear_all(sandbox.refund("elsewhere", "", payment, 100))
    assert members.of(membership_id).state == MembershipState.ACTIVE
    with reading() as session:
        assert session.scalars(select(Mail).filter_by(purpose="look")).first() is not None
    assert list(money_adds_up()) == []


@settings(  # to shrink a story takes minutes, and it is read as it is
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.permutations(range(5)), st.lists(st.integers(0, 4), max_size=4))
def test_in_any_order_and_repetition_the_end_is_the_same(
    database: Path, order: list[int], again: list[int]
) -> None:
    """Joined, declined, paid, refunded in part at the processor: told anyhow."""
    with unit_of_work() as session:
        account, tier = members.person(session), members.tier(session)
        method = members.method(session, account.id)
    who = members.visitor_of(account)
    way = billing.join(who, tier.id, "month", cents=300, currency="USD")
    charge = members.charge_of(way.charge_id)
    row = members.of(charge.membership_id or "")
    sandbox.behave(method.customer_ref, "declines")
    with unit_of_work() as session:
        renewal = billing.advance(session, row.id, row.period_end_ms)
        assert renewal
        asked = (f"{renewal}-1", renewal, method.customer_ref, 300, "USD")
        declined = sandbox.charge_in(session, *asked, row.period_end_ms)
    sandbox.behave(method.customer_ref, "works")
    with unit_of_work() as session:
        asked = (f"{renewal}-2", renewal, method.customer_ref, 300, "USD")
        paid = sandbox.charge_in(session, *asked, row.period_end_ms)
    back = sandbox.refund(row.id, way.charge_id, members.sandboxed(way.charge_id), 100)
    first = told(members.sandboxed(way.charge_id))[:1]
    facts = [*declined, *paid, *back, *first, *declined]
    for number in (*order, *again):
        with unit_of_work() as session:
            ledger.heard(session, facts[number], row.period_end_ms)
    after = members.of(row.id)
    assert (after.state, after.period_start_ms) == ("active", row.period_end_ms)
    assert members.charge_of(renewal).state == ChargeState.PAID
    assert members.charge_of(way.charge_id).refunded_cents == 100


def test_the_timer_and_its_step_renew_and_try_again(database: Path) -> None:
    _, membership_id = members.member()
    begun = members.of(membership_id)
    members.let_time_pass(membership_id, begun.period_end_ms - begun.period_start_ms)
    use_card("declines")
    steps.advance_members()
    work()
    assert members.of(membership_id).state == MembershipState.GRACE
    use_card("works")
    steps.advance_members()
    work()
    assert members.of(membership_id).state == MembershipState.GRACE  # not before tomorrow
    members.due_now(membership_id)
    for _ in range(2):
        steps.advance_members()
        work()
    assert members.of(membership_id).state == MembershipState.ACTIVE
    assert shop.net() == 600
    assert list(money_adds_up()) == []


def test_a_late_word_of_a_renewal_is_heard_in_its_time(database: Path) -> None:
    _, membership_id = members.member()
    begun = members.of(membership_id)
    members.let_time_pass(membership_id, begun.period_end_ms - begun.period_start_ms)
    use_card("late")
    steps.advance_members()
    work()
    [_, renewal] = members.charges(membership_id)
    assert renewal.state == ChargeState.ASKED
    assert shop.tell(members.sandboxed(renewal.id), 1) == ["granted"]
    steps.advance_members()
    work()
    assert shop.net() == 600
    assert list(money_adds_up()) == []


def test_a_membership_that_can_not_be_advanced_holds_up_no_other(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [members.member()[1] for _ in range(3)]
    for one in ids:
        begun = members.of(one)
        members.let_time_pass(one, begun.period_end_ms - begun.period_start_ms)
    real = billing.advance

    def advance(session: object, one: str, at_ms: int) -> object:
        if one == ids[1]:
            raise RuntimeError("poison")
        return real(session, one, at_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(billing, "advance", advance)
    monkeypatch.setattr(steps, "MOST", 2)
    steps.advance_members()
    work()
    ends = [members.of(one).periods for one in ids]
    assert ends == [2, 1, 2]


def unseen(patch: pytest.MonkeyPatch) -> None:
    """As if another one were paid in the moment after it was looked for."""
    patch.setattr(memberships, "alive", lambda *_: None)


@pytest.mark.parametrize("kind", BOTH)
def test_a_trial_while_another_tier_is_being_paid_is_refused(
    kind: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server_of(kind) as server, database_of(kind, server, home):
        with unit_of_work() as session:
            account, tier = members.person(session), members.tier(session)
            members.membership(session, account.id, of=tier)
            members.method(session, account.id)
        unseen(monkeypatch)
        who = members.visitor_of(account)
        with pytest.raises(Refusal, match="already") as refused:
            billing.join(who, tier.id, "month", cents=300, currency="USD", trial_days=14)
        assert refused.value.code == "already_member"
        assert the_membership().state == MembershipState.ACTIVE
        with reading() as session:
            assert session.scalars(select(Charge)).all() == []


@pytest.mark.parametrize("kind", BOTH)
def test_a_trial_whose_method_is_told_while_another_tier_is_paid_does_not_begin(
    kind: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server_of(kind) as server, database_of(kind, server, home):
        who, tier_id = members.stranger("")
        way = billing.join(who, tier_id, "month", cents=300, currency="USD", trial_days=14)
        with unit_of_work() as session:
            members.membership(session, who.account_id or "", of=session.get_one(Tier, tier_id))
        unseen(monkeypatch)
        payment = way.url.rpartition("/")[2]
        [outcome] = shop.tell(payment, sandbox.answered(payment, "pay")[1])
        assert outcome.startswith("not kept: There is a membership")
        charge = members.charge_of(way.charge_id)
        assert charge.state == ChargeState.FAILED
        assert members.of(charge.membership_id or "").state == MembershipState.ENDED


def test_a_card_that_answers_late_in_the_grace_is_no_second_decline(database: Path) -> None:
    who, membership_id = members.member()
    begun = members.of(membership_id)
    members.let_time_pass(membership_id, begun.period_end_ms - begun.period_start_ms)
    use_card("declines")
    steps.advance_members()
    work()
    use_card("late")
    way = billing.pay(who, membership_id)
    [_, renewal] = members.charges(membership_id)
    assert way == billing.Way(renewal.id), "nothing else is to be paid meanwhile"
    assert renewal.held_until_ms is None
    assert shop.tell(members.sandboxed(renewal.id), 1) == ["granted"]
    assert members.of(membership_id).state == MembershipState.ACTIVE
    assert shop.net() == 600
    assert list(money_adds_up()) == []


@pytest.mark.parametrize("kind", BOTH)
def test_killed_anywhere_it_is_paid_once(kind: str, home: Path) -> None:
    """A process that ends at each seventh, or seventeenth, of its ways to the database."""
    with server_of(kind) as server, database_of(kind, server, home):
        ended = subprocess.run(
            [sys.executable, "-m", "tests.crashing_members", "7" if kind == "sqlite" else "17"],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        assert ended.returncode == 0, ended.stderr
        found = json.loads(ended.stdout)
    assert found["wrong"] == []
    assert all(points >= 1 for points in found["points"].values()), found["points"]


def test_what_is_due_is_what_was_not_asked_yet(database: Path) -> None:
    ids = [members.member()[1] for _ in range(2)]
    end = max(members.of(one).period_end_ms for one in ids)
    with unit_of_work() as session:
        found = [billing.advance(session, one, end) for one in ids]
        assert sorted(charge_rows.due(session, end, 10)) == sorted(filter(None, found))
        assert list(billing.due(session, end, 10)) == []


def test_one_decline_that_two_events_tell_is_one_try(database: Path) -> None:
    """As a processor does that answers at once, and by webhook later."""
    _, membership_id = members.member()
    end = members.of(membership_id).period_end_ms
    use_card("declines")
    with unit_of_work() as session:
        charge_id = billing.advance(session, membership_id, end) or ""
        billing.collect_in(session, charge_id, end)
    [fact] = told(members.sandboxed(charge_id))
    again = dataclasses.replace(fact, event_id="evt_again")
    assert ledger.hear_all([again]) == ["of a try before; nothing was done"]
    charge = members.charge_of(charge_id)
    assert (charge.attempt, charge.next_try_ms) == (2, end + members.DAY_MS)
