"""Creators see every cent: of their own clips, and of no others."""

import csv
import io
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from catalog import earnings
from catalog.auth import Visitor
from catalog.errors import NotFound
from catalog.payments import ledger, sandbox
from models.account import Role
from models.base import reading, unit_of_work
from tests import factories
from tests import order_factories as shop
from tests.people import sign_in


def listing_of(slug: str, title: str = "A goal") -> str:
    shop.open_shop()
    with unit_of_work() as session:
        whose = factories.creator(session, slug)
        recording = factories.recording(session, creator_id=whose.id)
        return factories.listing(session, factories.clip(session, recording, title=title)).id


def creator(slug: str) -> Visitor:
    with unit_of_work() as session:
        mine = frozenset({factories.creator(session, slug).id})
    return Visitor(account_id="c" * 32, roles=frozenset({Role.CREATOR}), creator_ids=mine)


def sold(slug: str, cents: int, title: str = "A goal") -> tuple[str, str]:
    return shop.paid(shop.GUEST, cents, listing_id=listing_of(slug, title))


def test_are_of_ones_own_clips_to_the_cent(database: Path) -> None:
    sold("ada", 12_001)
    sold("ada", 5_000)
    sold("ben", 99_999)
    with reading() as session:
        found = earnings.sales(session, creator("ada"))
        assert sorted(sale.price_cents for sale in found) == [5_000, 12_001]
        [sums] = earnings.in_all(found)
    assert (sums.count, sums.price_cents, sums.kept_cents) == (2, 17_001, 17_001)


def test_say_what_was_refunded_and_what_a_dispute_took(database: Path) -> None:
    first, _ = sold("ada", 12_000)
    _, disputed = sold("ada", 5_000)
    sold("ada", 700)
    shop.ask_refund(first)
    with reading() as session:
        waiting = {sale.standing for sale in earnings.sales(session, creator("ada"))}
    assert waiting == {"licensed", "being refunded"}
    shop.pay_back()
    sandbox.disputed(disputed)
    ledger.hear_all(sandbox.ask(disputed))
    with reading() as session:
        found = earnings.sales(session, creator("ada"))
        assert {sale.standing: sale.kept_cents for sale in found} == {
            "licensed": 700,
            "refunded": 0,
            "disputed": 0,
        }
        ada = creator("ada")
        for sums in (
            earnings.in_all(found),
            earnings.totals(session, ada),
            earnings.by_month(session, ada),
            earnings.by_clip(session, ada, 10),
        ):
            assert sum(one.kept_cents for one in sums) == 700 == shop.net()


def test_as_csv_sum_to_the_same_and_hold_no_formula(database: Path) -> None:
    sold("ada", 12_000, title="=cmd|' /C calc'!A0")
    text = "".join(earnings.as_csv(creator("ada")))
    [row] = csv.DictReader(io.StringIO(text))
    assert row["title"].startswith("'=")
    assert (row["price_cents"], row["kept_cents"]) == ("12000", "12000")


def test_are_not_for_those_who_sell_nothing(client: TestClient) -> None:
    with reading() as session, pytest.raises(NotFound):
        earnings.sales(session, Visitor(account_id="x" * 32))
    assert client.get("/earnings").status_code in (303, 401)
    sign_in(client, "lena@example.org", Role.LICENSEE)
    for path in ("/earnings", "/earnings.csv", "/staff/ledger", "/staff/ledger.csv"):
        assert client.get(path).status_code == 404
    assert client.get("/api/v1/ledger").status_code == 404


def test_have_a_page_and_the_ledger_one_for_staff(client: TestClient) -> None:
    sold("ada", 12_000)
    sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    page = client.get("/earnings").text
    assert "$120.00" in page
    assert "buyer@example.org" not in page
    assert client.get("/api/v1/earnings").json()["sums"][0]["kept_cents"] == 12_000
    assert client.get("/staff/ledger").status_code == 404
    sign_in(client, "staff@example.org", Role.STAFF)
    books = client.get("/staff/ledger").text
    assert "Granted" in books or "granted" in books
    assert client.get("/staff/ledger.csv").headers["content-type"].startswith("text/csv")
    assert client.get("/api/v1/ledger").json()[0]["net_cents"] == 12_000
    assert client.get("/staff/ledger?before=x").status_code == 400
