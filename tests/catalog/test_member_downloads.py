"""Personal downloads and the member's price: as many and as much as the tier says, no more."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from catalog import deliveries, entitlements, quotes
from catalog.errors import Refusal
from catalog.members import downloads
from models.account import Account
from models.base import unit_of_work
from models.license import License
from models.quote import Quote
from tests import factories, people
from tests import rights_factories as rights
from tests.perk_factories import ends, joined, now, on_sale, visitor

DAY_MS = factories.DAY_MS


def test_downloads_are_counted_by_the_calendar_month_and_each_clip_once(database: Path) -> None:
    at = int(datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC).timestamp() * 1000)
    with unit_of_work() as session:
        rights.publish(session)
        member = joined(session)
        member.period_end_ms = at + 400 * DAY_MS
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
