"""The pages of one's memberships: what is told in each state, and each way on, back and out."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx2 import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from catalog.members import advancing, billing, tiers
from models.account import Account
from models.base import reading, unit_of_work
from models.mail import Mail
from models.membership import Charge, Membership, MembershipState, Period, Tier
from models.payment import SandboxCustomer, SandboxPayment
from tests import factories, people
from tests import member_factories as members
from tests.people import post

LIN = "lin@example.org"
DAY_MS = members.DAY_MS


@pytest.fixture
def lin(client: TestClient) -> str:
    """A member since a moment ago, by a kept card; signed in. Her membership's id."""
    people.sign_in(client, LIN)
    with unit_of_work() as session:
        account = session.scalars(select(Account).filter_by(email=LIN)).one()
        steps = members.tiers(session)
        members.method(session, account.id)
    who = members.visitor_of(account)
    way = billing.join(who, steps[0].id, "month", cents=300, currency="USD")
    with reading() as session:
        return session.get_one(Charge, way.charge_id).membership_id or ""


def row(membership_id: str) -> Membership:
    with reading() as session:
        return session.get_one(Membership, membership_id)


def tier(key: str) -> Tier:
    with reading() as session:
        wanted = select(Tier).filter_by(key=key, retired_ms=None)
        return session.scalars(wanted).one()


def day(ms: int) -> str:
    from catalog.web.words import moment

    return moment(ms).split(",")[0]


def mails() -> list[str]:
    with reading() as session:
        return [one.subject for one in session.scalars(select(Mail).order_by(Mail.created_ms))]


def moved(membership_id: str, **values: object) -> None:
    with unit_of_work() as session:
        found = session.get_one(Membership, membership_id)
        for name, value in values.items():
            setattr(found, name, value)


def quote(client: TestClient, membership_id: str, key: str, period: str = "month") -> Response:
    here = f"/memberships/{membership_id}/change?tier={tier(key).id}&period={period}"
    return client.get(here)


def there_to(there: Response) -> str:
    """Where the processor's page leads back to."""
    return parse_qs(urlsplit(there.headers["location"]).query)["back"][0]


def change(
    client: TestClient, membership_id: str, page: Response, tier_id: str, period: str = "month"
) -> Response:
    cents = re.search(r'name="cents" value="(\d+)"', page.text)
    assert cents
    fields = {"tier_id": tier_id, "period": period, "cents": cents[1], "currency": "USD"}
    return post(client, f"/memberships/{membership_id}/change", **fields)


def test_the_list_and_the_page_tell_what_is_paid_and_what_comes(
    client: TestClient, lin: str
) -> None:
    until = day(row(lin).period_end_ms)
    for path in ("/memberships", f"/memberships/{lin}"):
        page = client.get(path).text
        assert "Ada" in page
        assert "Paid until" in page
        assert until in page
        assert "Then $3.00 is charged" in page
    assert "Sandbox card" in page
    assert ">Leave</a>" in page
    assert "Withdraw from this contract" in page
    assert "Invoice" in page
    assert 'href="/memberships"' in client.get("/").text


def test_an_empty_list_leads_somewhere(client: TestClient) -> None:
    people.sign_in(client, LIN)
    with unit_of_work() as session:
        members.tier(session)
    page = client.get("/memberships").text
    assert "You are not a member of anybody yet" in page
    assert 'href="/creators/ada/join"' in page
    assert 'href="/memberships"' not in client.get("/").text


def test_nobody_sees_or_touches_the_membership_of_another(client: TestClient, lin: str) -> None:
    people.sign_out(client)
    assert client.get(f"/memberships/{lin}").status_code == 303  # to sign in
    people.sign_in(client, "mallory@example.org")
    for path in ("", "/change", "/leave", "/withdraw", "/welcome", "/withdrawn", "/method"):
        assert client.get(f"/memberships/{lin}{path}").status_code in (404, 400), path
    for path in ("stay", "leave", "withdraw", "resume", "pay", "give-up", "keep", "method"):
        assert post(client, f"/memberships/{lin}/{path}").status_code == 404, path
    assert row(lin).state == MembershipState.ACTIVE
    assert row(lin).ends_at_period is False


def test_a_step_up_is_quoted_line_by_line_and_charged_as_shown(
    client: TestClient, lin: str
) -> None:
    page = quote(client, lin, "events")
    assert "What is paid now" in page.text
    assert "events, for what is left of the period" in page.text.lower()
    assert "-$3.00" in page.text
    assert "$22.00" in page.text
    done = change(client, lin, page, tier("events").id)
    assert done.headers["location"] == f"/memberships/{lin}?done=changed"
    assert "Your membership is changed" in client.get(done.headers["location"]).text
    assert row(lin).tier_id == tier("events").id
    with reading() as session:
        amounts = [one.amount_cents for one in session.scalars(select(Charge))]
    assert sorted(amounts) == [300, 2200]


def test_a_step_up_that_is_clicked_twice_is_paid_once(client: TestClient, lin: str) -> None:
    page = quote(client, lin, "drops")
    for _ in range(2):
        assert change(client, lin, page, tier("drops").id).status_code == 303
    with reading() as session:
        assert len(session.scalars(select(Charge)).all()) == 2


def test_another_period_comes_with_the_next_and_can_be_taken_back(
    client: TestClient, lin: str
) -> None:
    page = quote(client, lin, "early", "year")
    until = day(row(lin).period_end_ms)
    assert f"Change on {until}" in page.text
    assert "nothing is paid now" in page.text
    done = change(client, lin, page, tier("early").id, "year")
    shown = client.get(done.headers["location"]).text
    assert "From <time" in shown
    assert "paid by the year. Nothing was paid now" in shown
    assert "$30.00" in shown
    post(client, f"/memberships/{lin}/keep")
    assert row(lin).next_period is None
    assert "Then $3.00 is charged" in client.get(f"/memberships/{lin}").text


def test_a_card_declined_in_the_middle_of_an_upgrade_changes_nothing(
    client: TestClient, lin: str
) -> None:
    with unit_of_work() as session:
        session.scalars(select(SandboxCustomer)).one().card = "declines"
    answer = change(client, lin, quote(client, lin, "drops"), tier("drops").id)
    here = answer.headers["location"]
    for _ in range(2):  # it may be looked at again
        page = client.get(here)
        assert page.status_code == 200
        assert "was declined. Nothing was taken and nothing was changed" in page.text
        assert "Use another payment method" in page.text
    there = post(client, f"/memberships/{lin}/method", tier_id=tier("drops").id, period="month")
    back = post(
        client, there.headers["location"].partition("?")[0], card="works", back=there_to(there)
    )
    assert client.get(back.headers["location"]).headers["location"] == f"{here}&done=method"
    assert "was declined" not in client.get(f"{here}&done=method").text
    assert (
        client.get(f"/memberships/{lin}/change").headers["location"] == f"/memberships/{lin}#change"
    )
    assert row(lin).tier_id == tier("early").id


def test_a_price_that_changed_meanwhile_is_shown_anew(client: TestClient, lin: str) -> None:
    fields = {"tier_id": tier("drops").id, "period": "month", "cents": 1, "currency": "USD"}
    answer = post(client, f"/memberships/{lin}/change", **fields)
    assert answer.status_code == 409
    assert "is not what this page showed" in answer.text
    assert "Change and pay $6.00" in answer.text


def test_a_tier_that_was_retired_meanwhile_can_not_be_had(client: TestClient, lin: str) -> None:
    page, old = quote(client, lin, "drops"), tier("drops").id
    with unit_of_work() as session:
        session.get_one(Tier, old).retired_ms = tiers.now_of(session)
    answer = change(client, lin, page, old)
    assert answer.status_code == 409
    assert "This tier can&#39;t be had any more" in answer.text


def test_leaving_takes_two_clicks_and_can_be_taken_back(client: TestClient, lin: str) -> None:
    until = day(row(lin).period_end_ms)
    first = client.get(f"/memberships/{lin}/leave").text
    assert f">Leave on {until}</button>" in first
    assert first.count("<select") == 0  # no survey
    done = post(client, f"/memberships/{lin}/leave").headers["location"]
    page = client.get(done).text
    assert "You leave on" in page
    assert until in page
    assert "Nothing is charged any more" in page
    assert mails()[-1].startswith("You leave Ada on")
    assert post(client, f"/memberships/{lin}/leave").status_code == 303  # twice is once
    assert len([one for one in mails() if one.startswith("You leave")]) == 1
    page = client.get(post(client, f"/memberships/{lin}/stay").headers["location"]).text
    assert "You stay" in page
    assert row(lin).ends_at_period is False


def test_withdrawing_ends_it_now_with_a_receipt_by_page_and_mail(
    client: TestClient, lin: str
) -> None:
    asked = client.get(f"/memberships/{lin}/withdraw").text
    assert "No reason is needed" in asked
    assert "$3.00 USD" in asked
    receipt = post(client, f"/memberships/{lin}/withdraw").headers["location"]
    page = client.get(receipt).text
    ended = row(lin)
    assert (ended.state, ended.end_reason) == (MembershipState.ENDED, "withdrawn")
    from catalog.web.words import moment

    assert moment(ended.ended_ms or 0) in page
    assert "UTC" in page
    assert "$3.00 USD" in page
    assert mails()[-1].startswith("Receipt of your withdrawal")
    assert post(client, f"/memberships/{lin}/withdraw").status_code == 409
    assert "because you withdrew" in client.get(f"/memberships/{lin}").text


def test_after_fourteen_days_the_page_offers_leaving_alone(client: TestClient, lin: str) -> None:
    found = row(lin)
    moved(lin, joined_ms=(found.joined_ms or 0) - 15 * DAY_MS)
    with unit_of_work() as session:
        for one in session.scalars(select(Charge)):
            one.paid_ms = (one.paid_ms or 0) - 15 * DAY_MS
    assert "Withdraw from this contract" not in client.get(f"/memberships/{lin}").text
    assert client.get(f"/memberships/{lin}/withdraw").status_code == 303
    answer = post(client, f"/memberships/{lin}/withdraw")
    assert answer.status_code == 409
    assert "fourteen days" in answer.text


def test_a_pause_says_until_when_and_ends_by_a_click(client: TestClient, lin: str) -> None:
    assert post(client, f"/memberships/{lin}/pause", months=9).status_code == 400
    done = post(client, f"/memberships/{lin}/pause", months=2).headers["location"]
    page = client.get(done).text
    assert "Paused until" in page
    assert "Resume now" in page
    assert "What it gives you" not in page
    assert "Then it goes on with the" in page
    post(client, f"/memberships/{lin}/resume")
    assert row(lin).state == MembershipState.ACTIVE
    page = client.get(f"/memberships/{lin}").text
    assert "You can pause again once the next one is paid, from" in page
    assert 'name="months"' not in page
    assert post(client, f"/memberships/{lin}/pause", months=1).status_code == 409


def test_a_tier_that_there_is_not_is_not_found(client: TestClient, lin: str) -> None:
    here = f"/memberships/{lin}/change"
    fields = {"period": "month", "cents": 0, "currency": "USD"}
    assert post(client, here, tier_id="x", **fields).status_code == 404
    assert client.get(f"{here}?tier=x").status_code == 404


def test_a_declined_renewal_says_until_when_and_what_to_do(client: TestClient, lin: str) -> None:
    with unit_of_work() as session:
        session.scalars(select(SandboxCustomer)).one().card = "declines"
        found = session.get_one(Membership, lin)
        length = found.period_end_ms - found.period_start_ms
        for name in ("anchor_ms", "period_start_ms", "period_end_ms"):
            setattr(found, name, getattr(found, name) - length - 60_000)
    with unit_of_work() as session:
        charge = advancing.advance(session, lin, tiers.now_of(session))
        now = tiers.now_of(session)
    assert charge
    billing.collect(charge, now)
    page = client.get(f"/memberships/{lin}").text
    assert "was declined" in page
    assert page.count(day(row(lin).grace_until_ms or 0)) == 2, "until then, and what happens then"
    assert "The payment is tried again on" in page
    assert "Change the payment method" in page
    assert "Pay $3.00 now" in page
    with unit_of_work() as session:
        session.scalars(select(SandboxCustomer)).one().card = "works"
    post(client, f"/memberships/{lin}/pay")
    assert row(lin).state == MembershipState.ACTIVE


def test_the_method_is_changed_at_the_processor_and_known_on_the_way_back(
    client: TestClient, lin: str
) -> None:
    there = post(client, f"/memberships/{lin}/method").headers["location"]
    assert there.startswith("/sandbox/cards/")
    assert client.get(there).status_code == 200
    back = post(
        client, there.partition("?")[0], card="works", back=f"/memberships/{lin}/method"
    ).headers["location"]
    done = client.get(back).headers["location"]
    assert "is known here now" in client.get(done).text
    post(client, f"/memberships/{lin}/method/remove")
    assert "None is kept" in client.get(f"/memberships/{lin}").text
    up = quote(client, lin, "drops")
    assert "you pay on the next page" in up.text
    assert change(client, lin, up, tier("drops").id).headers["location"].startswith("/sandbox/pay/")
    page = client.get(f"/memberships/{lin}").text
    assert "$6.00 waits for your payment" in page
    with reading() as session:
        payment = session.scalars(select(SandboxPayment.id).filter_by(state="open")).one()
    back = post(client, f"/sandbox/pay/{payment}", answer="pay").headers["location"]
    assert client.get(back).status_code == 200
    assert row(lin).tier_id == tier("drops").id


def test_the_page_counts_early_clips_and_downloads(client: TestClient, lin: str) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session, factories.recording(session), title="Tomorrow's goal")
        now = tiers.now_of(session)
        factories.listing(session, clip, visible_from_ms=now + 80 * members.HOUR_MS)
    assert "None is in its early window" in client.get(f"/memberships/{lin}").text
    with unit_of_work() as session:
        clip = factories.clip(session, factories.recording(session), title="Next goal")
        listing = factories.listing(session, clip)
        listing.visible_from_ms = tiers.now_of(session) + members.HOUR_MS
    page = client.get(f"/memberships/{lin}").text
    assert "1 clip now" in page
    assert "Next goal" in page
    assert "Tomorrow's goal" not in page
    assert '<strong class="figure">2</strong> of 2 left this month' in page
    assert "No address" in page


def test_periods_are_kept_in_the_words_of_the_page(client: TestClient, lin: str) -> None:
    moved(lin, period=Period.YEAR, price_cents=3000)
    assert "again each year" in client.get(f"/memberships/{lin}").text
