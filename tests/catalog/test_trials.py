"""A trial on the page to join: told in full before the click, begun by it, charged never too early
and not at all for who leaves before.
"""

import re
from pathlib import Path

import pytest
from httpx2 import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from catalog.members import advancing, billing, tiers
from catalog.web.words import moment
from models.account import Account
from models.base import reading, unit_of_work
from models.mail import Mail
from models.membership import Charge, Membership, MembershipState
from tests import member_factories as members
from tests import offer_factories as offers
from tests import order_factories as shop
from tests import people
from tests.people import post

LIN = "lin@example.org"
JOIN = "/creators/ada/join"
DAY_MS = members.DAY_MS
BUTTON = re.compile(r'name="trial" value="(\d+)"')


@pytest.fixture
def ladder(client: TestClient) -> dict[str, str]:
    """Ada's tiers, of which the first can be tried for a week. Lin, signed in, has a card."""
    account_id = people.sign_in(client, LIN)
    with unit_of_work() as session:
        session.get_one(Account, account_id).verified_ms = 1
        members.method(session, account_id)
        found = {one.key: one.id for one in members.tiers(session)}
    offers.make("trial")
    return found


def ask(client: TestClient, tier_id: str, cents: int = 300, **fields: object) -> Response:
    given = {"tier_id": tier_id, "period": "month", "cents": cents, "currency": "USD", **fields}
    return post(client, JOIN, **given)


def mine() -> Membership:
    with reading() as session:
        return session.scalars(select(Membership)).one()


def mails(purpose: str) -> list[str]:
    with reading() as session:
        return list(session.scalars(select(Mail.text).filter_by(purpose=purpose)))


def test_the_page_tells_its_length_what_is_charged_when_and_how_to_leave(
    client: TestClient, ladder: dict[str, str]
) -> None:
    side_by_side = client.get(JOIN).text
    assert side_by_side.count("First 7 days without a charge") == 1
    page = client.get(f"{JOIN}?tier=early").text
    now = members_now()
    first, told = (moment(now + days * DAY_MS).split(",")[0] for days in (7, 4))
    for said in (
        "<strong>Nothing is charged.</strong> Your trial of 7 days begins",
        f"<dt>{told}</dt><dd>A mail reminds you of the first payment",
        f"<dt>{first}</dt><dd><strong>$3.00 USD</strong>",
        f"Leave before {first} and nothing is charged at all",
        "then again each month until you leave",
        "Until 14 days after the first payment you can withdraw",
        "Try it for 7 days",
        "Join and pay $3.00 now",
    ):
        assert said in page, said
    assert BUTTON.findall(page) == ["7"]


def members_now() -> int:
    with reading() as session:
        return members.now(session)


def test_begun_it_charges_nothing_until_its_end_and_a_mail_comes_before(
    client: TestClient, ladder: dict[str, str]
) -> None:
    answer = ask(client, ladder["early"], trial=7)
    assert answer.headers["location"] == f"/memberships/{mine().id}/welcome"
    row = mine()
    assert (row.state, row.trial_until_ms) == (MembershipState.ACTIVE, row.period_end_ms)
    assert row.period_end_ms - (row.joined_ms or 0) == 7 * DAY_MS
    with reading() as session:
        assert session.scalars(select(Charge.amount_cents)).all() == [0]
    [begun] = mails("membership-trial")
    assert "$3.00 USD" in begun
    with unit_of_work() as session:
        assert advancing.remind(session, row.period_end_ms - 3 * DAY_MS - 1, 9) == 0
        assert advancing.remind(session, row.period_end_ms - 3 * DAY_MS, 9) == 1
    assert len(mails("membership-renews-soon")) == 1
    again = ask(client, ladder["early"], trial=7)
    assert again.headers["location"] == answer.headers["location"], "a second click is the same"
    assert not BUTTON.search(client.get(f"{JOIN}?tier=early").text)


def test_who_leaves_before_its_end_is_charged_nothing(
    client: TestClient, ladder: dict[str, str]
) -> None:
    ask(client, ladder["early"], trial=7)
    row = mine()
    post(client, f"/memberships/{row.id}/leave")
    with unit_of_work() as session:
        assert advancing.advance(session, row.id, row.period_end_ms) is None
    assert mine().state == MembershipState.ENDED
    with reading() as session:
        assert session.scalars(select(Charge.amount_cents)).all() == [0]
    gone = client.get(f"{JOIN}?tier=early").text
    assert not BUTTON.search(gone)
    assert "without a charge" not in gone
    refused = ask(client, ladder["early"], trial=7)
    assert refused.status_code == 409
    assert "A trial is for who was not a member here before." in refused.text


def test_one_may_join_at_once_without_it(client: TestClient, ladder: dict[str, str]) -> None:
    ask(client, ladder["early"])
    assert mine().trial_until_ms is None
    with reading() as session:
        assert session.scalars(select(Charge.amount_cents)).all() == [300]


def test_without_a_kept_method_one_is_given_on_the_processor_s_page(
    client: TestClient, ladder: dict[str, str]
) -> None:
    members.forget_cards()
    assert "You give a payment method on the next page" in client.get(f"{JOIN}?tier=early").text
    answer = ask(client, ladder["early"], trial=7)
    assert answer.headers["location"].startswith("/sandbox/")
    assert mine().state == MembershipState.PENDING


def test_somebody_without_an_account_is_told_and_begins_after_the_link(
    client: TestClient, ladder: dict[str, str]
) -> None:
    people.sign_out(client)
    page = client.get(f"{JOIN}?tier=early").text
    assert "Go on: 7 days free, then $3.00 a month" in page
    assert not BUTTON.search(page)
    ask(client, ladder["early"], email="new@example.org", trial=7)
    with reading() as session:
        assert session.scalars(select(Membership)).all() == []


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?tier=drops", "First 7 days"),
        ("?tier=early&period=year", "Paid by the month, it can be tried for 7 days"),
    ],
)
def test_another_tier_or_period_has_no_trial(
    client: TestClient, ladder: dict[str, str], query: str, told: str
) -> None:
    page = client.get(f"{JOIN}{query}").text
    assert told in page
    assert not BUTTON.search(page)
    assert "Join and pay" in page


@pytest.mark.parametrize("fields", [{"trial": 60}, {"trial": 7, "period": "year", "cents": 3_000}])
def test_a_trial_that_the_page_did_not_offer_is_refused(
    client: TestClient, ladder: dict[str, str], fields: dict[str, object]
) -> None:
    refused = ask(client, ladder["early"], **fields)  # type: ignore[arg-type]
    assert refused.status_code == 409
    assert "This trial is not there any more" in refused.text
    with reading() as session:
        assert session.scalars(select(Membership)).all() == []


def test_a_short_trial_names_no_day_of_a_mail_that_comes_with_it(
    client: TestClient, ladder: dict[str, str]
) -> None:
    offers.make("trial", facts={"tier": "early", "days": 3})
    page = client.get(f"{JOIN}?tier=early").text
    assert BUTTON.findall(page) == ["3"]
    assert "A mail reminds you" not in page
    assert "as soon as the trial begins" in page


def test_what_costs_ten_dollars_has_none_and_an_offer_that_ended_is_not_told(
    client: TestClient, ladder: dict[str, str]
) -> None:
    offers.make("trial", facts={"tier": "drops", "days": 7})
    page = f"{JOIN}?tier=drops"
    assert "without a charge" in client.get(page).text
    with unit_of_work() as session:
        tiers.change(session, shop.STAFF, ladder["drops"], month_cents=1_000)
    assert "without a charge" not in client.get(page).text


def test_programs_are_told_and_begin_it_by_its_days(
    client: TestClient, ladder: dict[str, str]
) -> None:
    found = client.get("/api/v1/creators/ada/tiers").json()
    [trial] = found["trials"]
    assert (trial["tier_id"], trial["days"]) == (ladder["early"], 7)
    headers = people.token(people.account(LIN), "memberships:read", "memberships:write")
    wanted = {"tier_id": ladder["early"], "cents": 300, "currency": "USD"}
    people.sign_out(client)
    wrong = client.post("/api/v1/memberships", headers=headers, json={**wanted, "trial_days": 9})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "price_changed")
    made = client.post("/api/v1/memberships", headers=headers, json={**wanted, "trial_days": 7})
    assert (made.status_code, made.json()["trial"]) == (201, True)


def test_a_trial_costs_what_was_told_on_the_day_that_was_told(database: Path) -> None:
    who, tier_id = members.stranger("works")
    billing.join(who, tier_id, "month", cents=300, currency="USD", trial_days=7)
    row = mine()
    with unit_of_work() as session:
        assert advancing.advance(session, row.id, row.period_end_ms - 1) is None
    with unit_of_work() as session:
        charge = advancing.advance(session, row.id, row.period_end_ms)
        assert charge
        assert session.get_one(Charge, charge).amount_cents == 300
