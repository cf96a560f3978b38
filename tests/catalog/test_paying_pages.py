"""Pages while a payment is not known of yet, was declined, or has nothing to be taken from: each
says one thing, and what it says is so.
"""

from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from catalog.auth import Visitor
from catalog.letters import stops
from catalog.members import advancing, billing, charge_rows, oneclick, tiers, unkept
from models.account import Account
from models.base import reading, unit_of_work
from models.mail import Mail
from models.membership import Charge, ChargeState, Membership, MembershipState, Tier
from models.payment import SandboxCustomer, SandboxPayment
from tests import member_factories as members
from tests import people
from tests.people import post

LIN = "lin@example.org"
FIELDS = {"period": "month", "currency": "USD"}
AGAIN = 'http-equiv="refresh"'


@pytest.fixture
def ladder(client: TestClient) -> dict[str, Tier]:
    people.sign_in(client, LIN)
    with unit_of_work() as session:
        return {one.key: one for one in members.tiers(session)}


@pytest.fixture
def lin(ladder: dict[str, Tier]) -> str:
    """A member of the lowest tier by a kept card. Her membership's id."""
    with unit_of_work() as session:
        account = session.scalars(select(Account).filter_by(email=LIN)).one()
        members.method(session, account.id)
    way = billing.join(
        members.visitor_of(account), ladder["early"].id, "month", cents=300, currency="USD"
    )
    with reading() as session:
        return session.get_one(Charge, way.charge_id).membership_id or ""


def row(membership_id: str) -> Membership:
    with reading() as session:
        return session.get_one(Membership, membership_id)


def card(how: str) -> None:
    with unit_of_work() as session:
        for one in session.scalars(select(SandboxCustomer)):
            one.card = how


def moved(membership_id: str, ms: int) -> None:
    """Its whole time is so much earlier."""
    with unit_of_work() as session:
        found = session.get_one(Membership, membership_id)
        for name in ("anchor_ms", "period_start_ms", "period_end_ms"):
            setattr(found, name, getattr(found, name) - ms)


def due(membership_id: str) -> Charge:
    """Its period is over and the renewal was tried."""
    found = row(membership_id)
    moved(membership_id, found.period_end_ms - found.period_start_ms + 60_000)
    with unit_of_work() as session:
        charge = advancing.advance(session, membership_id, members.now(session))
        now = members.now(session)
    assert charge
    billing.collect(charge, now)
    with reading() as session:
        return session.get_one(Charge, charge)


def upgrade(client: TestClient, membership_id: str, tier: Tier) -> str:
    fields: dict[str, Any] = {
        "tier_id": tier.id,
        "period": "month",
        "cents": 600,
        "currency": "USD",
    }
    return post(client, f"/memberships/{membership_id}/change", **fields).headers["location"]


def subjects(purpose: str) -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Mail.subject).filter_by(purpose=purpose)))


def join(client: TestClient, tier: Tier) -> str:
    """Up to the processor's page. The membership's."""
    fields: dict[str, Any] = {
        "tier_id": tier.id,
        "period": "month",
        "cents": 300,
        "currency": "USD",
    }
    post(client, "/creators/ada/join", **fields)
    with reading() as session:
        return f"/memberships/{session.scalars(select(Membership.id)).one()}"


def answered(client: TestClient, how: str) -> str:
    with reading() as session:
        payment = session.scalars(select(SandboxPayment.id).filter_by(state="open")).one()
    return post(client, f"/sandbox/pay/{payment}", answer=how).headers["location"]


@pytest.mark.parametrize("how", ["late", "silent"])
def test_an_upgrade_that_is_not_heard_of_yet_is_not_said_to_be_done(
    client: TestClient, lin: str, ladder: dict[str, Tier], how: str
) -> None:
    card(how)
    there = upgrade(client, lin, ladder["drops"])
    for path in (there, f"/memberships/{lin}"):
        page = client.get(path).text
        assert "Your payment of $6.00 for a change is being confirmed" in page
        assert "Your membership is changed" not in page
        assert 'id="change"' not in page, "no second offer"
        assert AGAIN in page
    again = client.get(f"/memberships/{lin}/change?tier={ladder['drops'].id}&period=month")
    assert again.headers["location"] == f"/memberships/{lin}?back=1"
    if how == "late":  # its word takes seconds; whoever asks hears of the silent one
        return
    with unit_of_work() as session:
        waiting = charge_rows.open_of(session, lin)[0]
        later = members.now(session) + 200_000
    billing.collect(waiting.id, later)
    page = client.get(f"/memberships/{lin}").text
    assert row(lin).tier_id == ladder["drops"].id
    assert "being confirmed" not in page
    assert AGAIN not in page


def test_a_join_that_is_told_of_late_says_one_thing(
    client: TestClient, ladder: dict[str, Tier]
) -> None:
    here = join(client, ladder["early"])
    back = answered(client, "late")
    page = client.get(back).text
    assert "Your payment is being confirmed" in page
    for contrary in ("Nothing was taken", "not a member yet", "Go on to the payment"):
        assert contrary not in page
    given_up = post(client, f"{here}/give-up").headers["location"]
    page = client.get(given_up).text
    assert "It was paid meanwhile" in page
    assert "Paid until" in page


def test_a_renewal_that_is_told_of_late_says_one_thing(client: TestClient, lin: str) -> None:
    card("declines")
    due(lin)
    assert "/sandbox/pay/" in post(client, f"/memberships/{lin}/pay").headers["location"]
    page = client.get(answered(client, "late")).text
    assert "Your payment is being confirmed" in page
    for contrary in ("was declined", "tried again", "Go on to the payment", "Pay $3.00 now"):
        assert contrary not in page


def test_without_a_method_the_page_says_so_and_one_can_be_added(
    client: TestClient, lin: str
) -> None:
    here = f"/memberships/{lin}"
    post(client, f"{here}/method/remove")
    for path in (here, "/memberships"):
        page = client.get(path).text
        assert "no payment method is kept to take it from" in page
        assert "Then $3.00 is charged" not in page
    assert "Add a payment method" in client.get(here).text
    there = post(client, f"{here}/method").headers["location"]
    back = post(client, there.partition("?")[0], card="works", back=f"{here}/method")
    done = client.get(back.headers["location"]).headers["location"]
    page = client.get(done).text
    assert "is known here now" in page
    assert "tried again" not in page, "nothing was declined"
    assert "Then $3.00 is charged" in page
    assert len(client.get("/charges").text.split("Paid</span>")) <= 2, "nothing was charged by it"


def test_a_mail_warns_once_before_the_day_of_a_payment_without_a_method(
    client: TestClient, lin: str
) -> None:
    found = row(lin)
    post(client, f"/memberships/{lin}/method/remove")
    for now, told in ((found.period_end_ms - unkept.SOON_MS - 1, 0), (found.period_end_ms - 1, 1)):
        with unit_of_work() as session:
            assert unkept.warn(session, now, 10) == told
            assert unkept.warn(session, now, 10) == 0
    with reading() as session:
        text = session.scalars(select(Mail.text).filter_by(purpose="membership-renews-soon")).one()
    assert "No payment method of yours is kept" in text
    assert "is charged" not in text


def test_what_falls_due_without_a_method_was_not_declined_by_anybody(
    client: TestClient, lin: str
) -> None:
    here = f"/memberships/{lin}"
    post(client, f"{here}/method/remove")
    due(lin)
    page = client.get(here).text
    assert "could not be taken: no payment method is kept" in page
    assert "declined" not in page
    assert subjects("membership-declined") == [
        "Your payment for Ada is due, and no payment method is kept"
    ]
    there = post(client, f"{here}/method").headers["location"]
    back = post(client, there.partition("?")[0], card="works", back=f"{here}/method")
    done = client.get(back.headers["location"]).headers["location"]
    page = client.get(done).text
    assert "is being tried again" in page
    assert AGAIN in page
    with unit_of_work() as session:
        due_now = charge_rows.due(session, members.now(session), 10)
        now = members.now(session)
    for one in due_now:
        billing.collect(one, now)
    assert row(lin).state == MembershipState.ACTIVE
    assert AGAIN not in client.get(done).text


def test_a_tip_that_goes_back_is_not_thanked_for(client: TestClient, lin: str) -> None:
    with reading() as session:
        who = members.visitor_of(session.scalars(select(Account).filter_by(email=LIN)).one())
    way = oneclick.tip(who, row(lin).creator_id, 200, "USD")
    here = f"/charges/{way.charge_id}"
    assert "Thank you" in client.get(here).text
    post(client, f"{here}/undo")
    page = client.get(here).text
    assert "Thank you" not in page
    assert "$2.00 is on its way back" in page or "$2.00 went back" in page
    assert "Paid</span>" not in page


def test_a_trial_is_told_of_as_a_trial(client: TestClient, ladder: dict[str, Tier]) -> None:
    with unit_of_work() as session:
        account = session.scalars(select(Account).filter_by(email=LIN)).one()
        members.method(session, account.id)
    way = billing.join(
        members.visitor_of(account),
        ladder["early"].id,
        "month",
        cents=300,
        currency="USD",
        trial_days=14,
    )
    with reading() as session:
        one = session.get_one(Charge, way.charge_id)
    welcome = client.get(f"/memberships/{one.membership_id}/welcome").text
    assert "The receipt is on its way" not in welcome
    assert "paid back" not in welcome
    page = client.get(f"/memberships/{one.membership_id}").text
    assert "with the time that is paid" not in page
    assert "Nothing to pay" in page
    assert "Joining" not in page
    up = client.get(f"/memberships/{one.membership_id}/change?tier={ladder['drops'].id}").text
    assert "alone and ends with it" in up
    assert "nothing is paid for it" not in up
    done = post(
        client,
        f"/memberships/{one.membership_id}/change",
        tier_id=ladder["drops"].id,
        period="month",
        cents=900,
        currency="USD",
    ).headers["location"]
    page = client.get(done).text
    assert "it is drops now" in page.lower()
    assert len(subjects("membership-changed")) == 1


def test_an_old_version_of_a_tier_is_told_apart_and_what_is_lost_is_said(
    client: TestClient, lin: str, ladder: dict[str, Tier]
) -> None:
    owner = Visitor(account_id="a" * 32, creator_ids=frozenset({ladder["early"].creator_id}))
    with unit_of_work() as session:
        made = tiers.change(session, owner, ladder["early"].id, lead_ms=48 * members.HOUR_MS)
    page = client.get(f"/memberships/{lin}").text
    assert "What you have, as you joined it" in page
    assert "As it is for who joins now" in page
    assert "24 hours" in page
    assert "48 hours" in page
    for other in (made, ladder["drops"]):
        up = client.get(f"/memberships/{lin}/change?tier={other.id}&period=month").text
        assert "gone for good" in up


def test_an_address_that_mail_came_back_from_is_said_where_it_matters(
    client: TestClient, lin: str
) -> None:
    paths = ("/memberships", f"/memberships/{lin}", "/account")
    for path in paths:
        assert "came back as undeliverable" not in client.get(path).text
    with unit_of_work() as session:
        stops.stop(session, LIN, stops.BOUNCED)
    for path in paths:
        assert "came back as undeliverable" in client.get(path).text


def test_a_charge_that_was_paid_meanwhile_is_not_given_up(
    client: TestClient, ladder: dict[str, Tier]
) -> None:
    join(client, ladder["early"])
    answered(client, "late")
    with reading() as session:
        charge = session.scalars(select(Charge)).one()
    assert charge.state == ChargeState.ASKED
    page = client.get(f"/charges/{charge.id}?back=1").text
    assert "Your payment is being confirmed" in page
    assert "Go on to the payment" not in page
    there = post(client, f"/charges/{charge.id}/give-up").headers["location"]
    assert "It was paid meanwhile" in client.get(there).text
