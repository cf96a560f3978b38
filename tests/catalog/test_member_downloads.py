"""Personal downloads and the member's price: as many and as much as the tier says, no more."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog import deliveries, entitlements, quotes
from catalog.errors import Refusal
from catalog.members import downloads, leaving, memberships
from models.account import Account
from models.base import unit_of_work
from models.license import License, LicenseState
from models.mail import Mail
from models.membership import Membership
from models.quote import Quote
from tests import factories, license_factories, people
from tests import rights_factories as rights
from tests.perk_factories import ends, joined, now, on_sale, visitor

DAY_MS = factories.DAY_MS


def test_downloads_are_counted_by_the_month_that_is_paid_and_each_clip_once(
    database: Path,
) -> None:
    at = int(datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC).timestamp() * 1000)
    with unit_of_work() as session:
        rights.publish(session)
        member = joined(session)
        member.period_start_ms, member.period_end_ms = at - 20 * DAY_MS, at + 1_000
        who = visitor(member)
        session.get_one(Account, member.account_id).email = who.email
        clips = [on_sale(session).clip_id for _ in range(4)]
        first = downloads.take(session, who, clips[0], at)
        assert downloads.take(session, who, clips[0], at).id == first.id
        downloads.take(session, who, clips[1], at)
        with pytest.raises(Refusal) as refused:
            downloads.take(session, who, clips[2], at)
        assert refused.value.code == "downloads_used"
        assert refused.value.facts["next_free_ms"] == at + 1_000
        member.period_start_ms, member.period_end_ms = at + 1_000, at + 30 * DAY_MS
        downloads.take(session, who, clips[2], at + 1_000)
        assert downloads.take(session, who, clips[0], at + 1_000).id == first.id
        left = downloads.left(session, who, member.creator_id, at + 1_000)
        assert left is not None
        assert (left.count, left.used, left.left) == (2, 1, 1)
        assert (first.price_cents, first.terms.kind, first.endless) == (0, "personal", True)
        assert deliveries.state(session, first) == "preparing"
        clip = first.listing.clip
        assert entitlements.may_use(session, who, clip, "clean", at)


def test_an_early_clip_is_no_personal_download_and_can_t_be_licensed(client: TestClient) -> None:
    account_id = people.sign_in(client, "mia@example.org")
    with unit_of_work() as session:
        rights.publish(session)
        joined(session, account=account_id)
        listing = rights.listing(session)
        listing.visible_from_ms = day = now() + DAY_MS
    page = client.get(f"/clips/{listing.clip_id}").text
    assert "Early for you" in page
    assert "License this clip" not in page
    assert "Download for yourself" not in page
    wanted = {"listing_id": listing.id, "kind": "personal", "use": {}}
    headers = {"X-Form-Token": people.form_token(client)}
    told = client.post("/api/v1/quotes", json=wanted, headers=headers)
    assert (told.status_code, told.json()["code"]) == (409, "early_access")
    assert told.json()["next_free_ms"] == day
    for path in ("quote", "personal", "price"):
        fields = {"kind": "personal"}
        answer = people.post(
            client, f"/clips/{listing.clip_id}/{path}", {"hx-request": "1"}, **fields
        )
        assert answer.status_code == 409, path
        assert "it can be licensed, from" in answer.text
    with unit_of_work() as session:
        assert session.query(Quote).count() == session.query(License).count() == 0
    people.sign_in(client, "sam@example.org")
    assert (
        people.post(client, f"/clips/{listing.clip_id}/quote", kind="personal").status_code == 404
    )


def test_a_download_of_the_page_is_a_license_s_delivery(client: TestClient) -> None:
    account_id = people.sign_in(client, "mia@example.org")
    with unit_of_work() as session:
        rights.publish(session)
        joined(session, account=account_id)
        clip_id = on_sale(session).clip_id
    assert "2 of 2 left this month" in client.get(f"/clips/{clip_id}").text
    made = people.post(client, f"/clips/{clip_id}/personal")
    assert made.headers["location"].startswith("/licenses/")
    assert client.get(made.headers["location"]).status_code == 200
    assert "Open its files" in client.get(f"/clips/{clip_id}").text
    people.sign_in(client, "sam@example.org")
    assert people.post(client, f"/clips/{clip_id}/personal").status_code == 404


def test_the_discount_is_off_personal_licenses_of_that_creator_and_a_quote_keeps_it(
    database: Path,
) -> None:
    with unit_of_work() as session:
        rights.publish(session)
        member = joined(session)
        who, mine = visitor(member), on_sale(session)
        other = on_sale(session, creator_id=factories.creator(session, "bob").id)
        opened = {
            (name, kind): quotes.open_quote(session, one, listing.id, kind, {})
            for name, one in (("member", who), ("guest", rights.guest()))
            for listing, kind in ((mine, "personal"), (mine, "social"))
        }
        full, less = opened["guest", "personal"], opened["member", "personal"]
        assert less.price_cents * 10 == full.price_cents * 9
        assert less.breakdown[-1] == {
            "what": "Member discount 10 %",
            "factor": "0.9",
            "cents": None,
        }
        assert opened["member", "social"].price_cents == opened["guest", "social"].price_cents
        elsewhere = quotes.open_quote(session, who, other.id, "personal", {})
        assert elsewhere.price_cents == full.price_cents
        ends(session, member)
        assert quotes.orderable(session, who, less.id).price_cents == less.price_cents
        later = quotes.open_quote(session, who, mine.id, "personal", {})
        assert later.price_cents == full.price_cents


def test_the_page_shows_a_member_their_price(client: TestClient) -> None:
    account_id = people.sign_in(client, "mia@example.org")
    with unit_of_work() as session:
        rights.publish(session)
        clip_id = on_sale(session).clip_id
    path = f"/clips/{clip_id}?kind=personal"
    assert "Member discount" not in client.get(path).text
    with unit_of_work() as session:
        joined(session, account=account_id)
    assert "Member discount 10 %" in client.get(path).text


def test_leaving_keeps_what_was_downloaded(client: TestClient) -> None:
    mine, _ = _a_member_with_a_copy(client)
    page = client.get(f"/memberships/{mine}/leave").text
    assert "you keep 1 clip that you downloaded as a member, with its license" in page
    people.post(client, f"/memberships/{mine}/leave")
    with unit_of_work() as session:
        row = memberships.locked(session, mine)
        leaving.end(session, row, leaving.CANCELLED, now())
        [kept] = downloads.alive(session, mine)
        who = visitor(row)
        assert entitlements.may_use(session, who, kept.listing.clip, "clean", now())
    assert "stays yours after that too" in last_mail("membership-leaving")
    told = last_mail("membership-ended")
    assert "What you licensed or downloaded stays yours." in told


def test_a_withdrawal_ends_it_and_says_so_before_and_after(client: TestClient) -> None:
    mine, _ = _a_member_with_a_copy(client)
    here = f"/memberships/{mine}"
    asked = client.get(f"{here}/withdraw").text
    assert "The license of 1 clip that you downloaded as a member ends too" in asked
    assert "you keep it" in asked
    people.post(client, f"{here}/withdraw")
    assert (
        "The license of 1 clip that you downloaded as a member ended"
        in client.get(f"{here}/withdrawn").text
    )
    assert "the license of 1 clip that you downloaded as a member ended" in last_mail(
        "membership-withdrawn"
    )
    with unit_of_work() as session:
        [one] = session.query(License).all()
        assert (one.state, one.revoked_why) == (LicenseState.REVOKED, downloads.WITHDRAWN)
        who = visitor(session.get_one(Membership, mine))
        assert not entitlements.may_use(session, who, one.listing.clip, "clean", now())
    assert "was revoked" in client.get(f"/licenses/{one.id}").text


def test_a_withdrawal_without_downloads_says_that_there_are_none(client: TestClient) -> None:
    account_id = people.sign_in(client, "mia@example.org")
    with unit_of_work() as session:
        mine = joined(session, account=account_id).id
    assert "You downloaded nothing" in client.get(f"/memberships/{mine}/withdraw").text
    people.post(client, f"/memberships/{mine}/withdraw")
    assert "Downloads" not in client.get(f"/memberships/{mine}/withdrawn").text
    assert "Downloads" not in last_mail("membership-withdrawn")


def test_a_license_that_was_bought_stays_after_a_withdrawal(client: TestClient) -> None:
    mine, _ = _a_member_with_a_copy(client)
    with unit_of_work() as session:
        owner = session.get_one(Membership, mine).account_id
        bought = license_factories.license(session, on_sale(session), account_id=owner).id
    people.post(client, f"/memberships/{mine}/withdraw")
    with unit_of_work() as session:
        assert session.get_one(License, bought).state == LicenseState.ACTIVE


def test_who_joins_again_may_have_it_again_and_no_more_of_the_month(client: TestClient) -> None:
    mine, clip_id = _a_member_with_a_copy(client)
    with unit_of_work() as session:
        second, third = (on_sale(session).clip_id for _ in range(2))
    people.post(client, f"/clips/{second}/personal")
    people.post(client, f"/memberships/{mine}/withdraw")
    with unit_of_work() as session:
        again = joined(session, account=session.get_one(Membership, mine).account_id)
        who = visitor(again)
        left = downloads.left(session, who, again.creator_id, now())
        assert left is not None
        assert (left.used, left.left) == (2, 0)
        for one in (clip_id, second, clip_id):
            assert downloads.take(session, who, one, now()).state == LicenseState.ACTIVE
        with pytest.raises(Refusal) as refused:
            downloads.take(session, who, third, now())
        assert refused.value.code == "downloads_used"
        assert len(downloads.alive(session, again.id)) == 2


def _a_member_with_a_copy(client: TestClient) -> tuple[str, str]:
    account_id = people.sign_in(client, "mia@example.org")
    with unit_of_work() as session:
        rights.publish(session)
        mine = joined(session, account=account_id).id
        clip_id = on_sale(session).clip_id
    assert people.post(client, f"/clips/{clip_id}/personal").status_code == 303
    return mine, clip_id


def last_mail(purpose: str) -> str:
    with unit_of_work() as session:
        wanted = select(Mail.text).filter_by(purpose=purpose).order_by(Mail.created_ms.desc())
        return session.scalars(wanted).first() or ""
