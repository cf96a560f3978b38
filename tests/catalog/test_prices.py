"""A creator's own prices: seen before they are saved, theirs alone, taken back by one button."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from catalog import prices, pricing
from catalog.web import deals
from models.account import Role
from models.base import unit_of_work
from models.creator import creator_of
from models.job import Job
from models.listing import Listing
from models.terms import PriceRule
from tests import people
from tests import rights_factories as rights


@pytest.fixture
def listing(client: TestClient) -> str:
    """Of ada, who is signed in."""
    with unit_of_work() as session:
        rights.publish(session)
        made = rights.listing(session).id
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")
    return made


def base(slug: str, kind: str) -> int:
    with unit_of_work() as session:
        whose = creator_of(session, slug).id if slug else ""
        return pricing.rules(session, whose)[kind].base_cents


def rows() -> int:
    with unit_of_work() as session:
        return session.scalar(select(func.count()).select_from(PriceRule)) or 0


def test_what_typical_uses_cost_is_shown_before_it_is_saved(
    client: TestClient, listing: str
) -> None:
    before, was = rows(), base("ada", "social")
    page = client.get("/prices").text
    assert page.count("price-examples") == 6, "every paid kind"
    assert f'value="{was / 100:.2f}"' in page
    form = {"creator": "ada", "base_social": f"{was * 3 / 100}"}
    shown = people.post(client, "/prices/preview", **form).text
    assert "Nothing is saved yet" in shown

    def costs(text: str) -> list[float]:
        return [float(one.replace(",", "")) for one in re.findall(r'right">\$([\d,.]+)<', text)]

    changed = [pair for pair in zip(costs(page), costs(shown), strict=True) if pair[0] != pair[1]]
    assert len(changed) == 3, "the three uses of the one kind"
    assert all(2.8 < new / old < 3.2 for old, new in changed)
    assert rows() == before


def test_own_prices_hold_for_new_quotes_until_the_houses_are_taken_back(
    client: TestClient, listing: str
) -> None:
    house = base("", "social")
    form = {"creator": "ada", "base_social": "1,250.50"}
    assert people.post(client, "/prices", **form).status_code == 303
    assert (base("ada", "social"), base("", "social"), base("bo", "social")) == (
        125_050,
        house,
        house,
    )
    assert "Your own. The house takes" in client.get("/prices?creator=ada").text
    with unit_of_work() as session:
        (job,) = session.scalars(select(Job).filter_by(step="reprice"))
        ada = creator_of(session, "ada").id
        assert job.subject == ada
        row = session.get_one(Listing, listing)
        was = row.price_from_cents
        last = prices.reprice(session, ada, "")
        assert prices.reprice(session, ada, last) == ""
        assert row.price_from_cents == pricing.price_from(session, row)[0]
        assert was is None
    assert people.post(client, "/prices/house", creator="ada").status_code == 303
    assert base("ada", "social") == house


def test_the_same_price_again_is_no_change(client: TestClient, listing: str) -> None:
    before = rows()
    same = {"creator": "ada", "base_social": f"{base('ada', 'social') / 100:.2f}"}
    assert people.post(client, "/prices", **same).status_code == 303
    assert rows() == before


def test_amounts_that_can_not_be_are_told_and_nothing_changes(
    client: TestClient, listing: str
) -> None:
    before = rows()
    for typed in ("0", "-5", "1e3", "12.345", "a", "0.99", "100000.01", "9" * 30, "١٢"):
        form = {"creator": "ada", "base_social": typed, "base_editorial": "70"}
        answer = people.post(client, "/prices", **form)
        assert answer.status_code == 400, typed
        assert "notice-stop" in answer.text
        assert people.post(client, "/prices/preview", **form).status_code == 400
    assert people.post(client, "/prices", creator="ada", base_comp="5").status_code == 404
    assert rows() == before


def test_prices_are_their_creators_and_the_houses_are_for_staff(
    client: TestClient, listing: str
) -> None:
    before = rows()
    people.sign_in(client, "bo@example.org", Role.CREATOR, creator="bo")
    for creator in ("ada", "", "nobody"):
        form = {"creator": creator, "base_social": "99"}
        assert people.post(client, "/prices", **form).status_code == 404
        assert people.post(client, "/prices/preview", **form).status_code == 404
        assert people.post(client, "/prices/house", creator=creator).status_code == 404
        assert client.get(f"/prices?creator={creator}").status_code == 404
    assert rows() == before
    people.sign_in(client, "lin@example.org", Role.LICENSEE)
    assert client.get("/prices").status_code == 404
    people.sign_out(client)
    assert client.get("/prices").headers["location"].startswith("/sign-in")
    people.sign_in(client, "root@example.org", Role.STAFF)
    assert "Prices of the house" in client.get("/prices").text
    assert people.post(client, "/prices", creator="", base_social="99").status_code == 303
    assert (base("", "social"), base("bo", "social")) == (9_900, 9_900)


@pytest.mark.parametrize(
    ("text", "cents"),
    [("49", 4_900), (" 1,250.5 ", 125_050), ("$9.99", 999), ("€1000", 100_000), ("", None)],
)
def test_amounts_are_read_as_people_write_them(text: str, cents: Any) -> None:
    assert deals.cents_of(text) == cents
