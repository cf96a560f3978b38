"""As tests.crashing, for what is taken of members: collecting, joining on a page, changing.

`python -m tests.crashing_members STRIDE` works on the database of the settings.
"""

import sys
from typing import Any

from catalog.members import billing, collecting
from catalog.payments import sandbox
from models.base import unit_of_work
from models.membership import ChargeState, MembershipState
from tests import member_factories as members
from tests.crashing import dies, each_point, pay


def collecting_one(at: int) -> tuple[bool, str]:
    """The timer asks again, later, under the same key."""
    _, membership_id = members.member()
    end = members.of(membership_id).period_end_ms
    with unit_of_work() as session:
        charge_id = billing.advance(session, membership_id, end) or ""
    died = dies(at, lambda: collecting.collect(charge_id, end))
    for again in (1, 2):
        collecting.collect(charge_id, end + again * collecting.ASK_MS)
    return died, _right(charge_id, membership_id, 2)


def advancing_one(at: int) -> tuple[bool, str]:
    _, membership_id = members.member()
    end = members.of(membership_id).period_end_ms

    def advance() -> None:
        with unit_of_work() as session:
            billing.advance(session, membership_id, end)

    died = dies(at, advance)
    advance()
    charge = members.charges(membership_id)[-1]
    collecting.collect(charge.id, end)
    return died, _right(charge.id, membership_id, 2)


def joining(at: int) -> tuple[bool, str]:
    """Its member clicks again."""
    who, tier_id = members.stranger("works")
    wanted: dict[str, Any] = {"cents": 300, "currency": "USD"}
    died = dies(at, lambda: billing.join(who, tier_id, "month", **wanted))
    way = billing.join(who, tier_id, "month", **wanted)
    charge = members.charge_of(way.charge_id)
    if charge.next_try_ms:
        collecting.collect(charge.id, charge.next_try_ms)
    return died, _right(charge.id, charge.membership_id or "", 1)


def paying(at: int) -> tuple[bool, str]:
    """On the processor's page; then the processor is asked."""
    who, tier_id = members.stranger("")
    way = billing.join(who, tier_id, "month", cents=300, currency="USD")
    payment = way.url.rpartition("/")[2]
    died = dies(at, lambda: pay(payment))
    held = members.charge_of(way.charge_id).held_until_ms or 0
    collecting.reconcile(way.charge_id, held - 1)
    charge = members.charge_of(way.charge_id)
    if charge.state == ChargeState.PAID:
        return died, _right(charge.id, charge.membership_id or "", 1)
    collecting.reconcile(way.charge_id, held)
    gone = members.of(charge.membership_id or "").state == MembershipState.ENDED
    unpaid = sandbox.ask(payment)[0].kind == "expired"
    return died, "" if gone and unpaid else f"not paid, and not over: {charge.state}"


def withdrawing(at: int) -> tuple[bool, str]:
    """Clicked again, and the step runs again."""
    who, membership_id = members.member()
    died = dies(at, lambda: billing.withdraw(who, membership_id))
    if members.of(membership_id).state != MembershipState.ENDED:
        billing.withdraw(who, membership_id)
    members.pay_back()
    members.pay_back()
    [charge] = members.charges(membership_id)
    good = charge.refunded_cents in (299, 300) and len(members.refunds(charge.id)) == 1
    return died, "" if good else f"{charge.refunded_cents} back"


def _right(charge_id: str, membership_id: str, periods: int) -> str:
    charge, row = members.charge_of(charge_id), members.of(membership_id)
    paid = len(members.payments(charge_id))
    good = (charge.state, row.state, row.periods, paid) == ("paid", "active", periods, 1)
    return "" if good else f"{charge.state}, {row.state}, {row.periods} periods, {paid} payments"


if __name__ == "__main__":
    each_point((collecting_one, advancing_one, joining, paying, withdrawing), int(sys.argv[1]))
