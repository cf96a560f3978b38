"""Money of members that went back and is here again, or could not be sent back: it has a door. And
the copies of a time whose money went back.
"""

import dataclasses
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog.auth import Visitor
from catalog.errors import Refusal
from catalog.members import (
    billing,
    charge_rows,
    downloads,
    memberevents,
    paybacks,
    perks,
    returning,
    taking_back,
)
from catalog.payments import ledger, sandbox
from catalog.payments.facts import PaymentFact
from models.account import Role
from models.base import reading, unit_of_work
from models.license import License, LicenseState
from models.membership import Charge, ChargeState, Membership, MembershipState
from models.order import Invoice
from models.payment import PaymentKind
from tests import license_factories, people, perk_factories
from tests import member_factories as members
from tests import order_factories as shop
from tests.catalog.test_billing_back import HOW, STAFF, goes_back, mails, upgraded
from workers.books import money_adds_up


def came_back(fact: PaymentFact) -> None:
    back = dataclasses.replace(fact, event_id="back", kind=PaymentKind.RESTORED)
    ledger.hear_all([back])


@pytest.mark.parametrize("how", ["won", "sent back"])
def test_money_that_is_here_again_can_be_given_back(database: Path, how: str) -> None:
    who, membership_id = members.member("events")
    [charge] = members.charges(membership_id)
    payment = members.sandboxed(charge.id)
    if how == "won":
        goes_back(charge, "dispute")
        kind = PaymentKind.DISPUTED
    else:
        billing.withdraw(who, membership_id)
        members.pay_back()
        kind = PaymentKind.REFUNDED
    gone = shop.net()
    came_back(next(one for one in sandbox.ask(payment) if one.kind == kind))
    assert shop.net() == 2_500
    charge = members.charge_of(charge.id)
    assert (charge.state, charge.refunded_cents) == (ChargeState.PAID, 0)
    assert members.of(membership_id).state == MembershipState.ENDED
    assert [one.state for one in members.refunds()] == ([] if how == "won" else ["failed"])
    with unit_of_work() as session:
        made = returning.give_back(session, STAFF, charge.id, 2_500 - gone, "You won")
        assert paybacks.left_of(session, session.get_one(Charge, charge.id)) == gone
    [told] = [one for one in sandbox.ask(payment) if one.kind == PaymentKind.PAID]
    done = dataclasses.replace(told, event_id="2", movement_ref="re_2", refund_id=made.id)
    done = dataclasses.replace(done, kind=PaymentKind.REFUNDED, amount_cents=made.amount_cents)
    assert ledger.hear_all([done]) == ["returned"]
    assert shop.net() == gone
    assert members.charge_of(charge.id).refunded_cents == 2_500 - gone
    with reading() as session:
        notes = session.scalars(select(Invoice).filter_by(kind="credit")).all()
        assert [one.facts["cents"] for one in notes] == [2_500 - gone], "credited once"


def test_what_came_back_and_goes_again_takes_no_second_step(database: Path) -> None:
    membership_id, _, difference = upgraded()
    goes_back(difference, "processor")
    payment = members.sandboxed(difference.id)
    came_back(next(one for one in sandbox.ask(payment) if one.kind == PaymentKind.REFUNDED))
    with unit_of_work() as session:
        returning.give_back(session, STAFF, difference.id, None, "Once more")
    assert members.of(membership_id).state == MembershipState.ACTIVE
    with reading() as session:
        told = memberevents.of_membership(session, membership_id)
        assert [str(one.kind) for one in told] == ["joined", "changed", "changed"]


def spare_of(who: Visitor, tier_id: str) -> str:
    """Paid after it was not wanted any more: the charge. Its money is to go back."""
    way = billing.join(who, tier_id, "month", cents=300, currency="USD")
    with unit_of_work() as session:
        charge_rows.void(session, session.get_one(Charge, way.charge_id), "Too late.")
    payment = way.url.rpartition("/")[2]
    shop.tell(payment, sandbox.answered(payment, "pay")[1])
    return way.charge_id


def test_a_payment_that_gave_nothing_and_could_not_be_sent_back_has_a_door(
    database: Path,
) -> None:
    spare = spare_of(*members.stranger(""))
    [first] = members.refunds()
    with unit_of_work() as session:
        paybacks.refused(session, first.id, "The bank is closed.")
        [again] = returning.give_spare_back(session, STAFF, spare, "")
        assert again.amount_cents == 300
        with pytest.raises(Refusal, match="on its way"):
            returning.give_spare_back(session, STAFF, spare, "")
        with pytest.raises(Refusal):
            returning.give_back(session, STAFF, spare, None, "")
    members.pay_back()
    assert shop.net() == 0
    assert list(money_adds_up()) == []


@pytest.mark.parametrize("how", HOW)
def test_copies_of_the_time_whose_money_went_back_end(database: Path, how: str) -> None:
    with unit_of_work() as session:
        license_factories.terms(session, "personal")
    who, membership_id = members.member("events")
    with unit_of_work() as session:
        row = session.get_one(Membership, membership_id)
        perks.settle(session, row, perk_factories.now())
        clips = [perk_factories.on_sale(session).clip_id for _ in range(2)]
    for clip_id in clips:
        with unit_of_work() as session:
            downloads.take(session, who, clip_id, perk_factories.now())
    goes_back(members.charges(membership_id)[0], how)
    with reading() as session:
        found = session.scalars(select(License)).all()
        assert [one.state for one in found] == [LicenseState.REVOKED] * 2
        assert {one.revoked_why for one in found} == {taking_back.COPIES}
    assert "have ended" in mails("membership-ended")[0]


def test_both_doors_are_on_the_page_of_the_payment(client: TestClient) -> None:
    _, membership_id = members.member()
    [charge] = members.charges(membership_id)
    payment = members.sandboxed(charge.id)
    goes_back(charge, "dispute")
    address = f"/charges/{charge.id}"
    people.sign_in(client, "staff@example.org", Role.STAFF)
    assert "Refund it" not in client.get(address).text
    came_back(next(one for one in sandbox.ask(payment) if one.kind == PaymentKind.DISPUTED))
    assert "Refund it" in client.get(address).text
    assert people.post(client, f"{address}/refund").status_code == 303
    assert "Refund it" not in client.get(address).text

    who, tier_id = members.stranger("")
    spare = spare_of(who, tier_id)
    [refund] = members.refunds(spare)
    with unit_of_work() as session:
        paybacks.refused(session, refund.id, "The bank is closed.")
    address = f"/charges/{spare}"
    assert "Send $3.00 back" in client.get(address).text
    assert people.post(client, f"{address}/give-back", why="Here it is").status_code == 303
    assert "Send $3.00 back" not in client.get(address).text
    assert "Here it is" in client.get(address).text
    assert people.post(client, f"{address}/give-back").status_code == 409
    people.sign_out(client)
    people.sign_in(client, "other@example.org")
    assert people.post(client, f"{address}/give-back").status_code == 404
