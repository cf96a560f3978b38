"""Text that a database can't keep: the asker is told so, at every door, and nothing is changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog.app import create_app
from models.account import Role
from models.base import reading, unit_of_work
from models.quote import Quote
from tests import people
from tests import rights_factories as rights
from tests.both import database_of, server_of

TITLE = "Part of this request can&#39;t be read"
NUL = "a%00b"
PAGES = [f"/{noun}/{NUL}" for noun in ("clips", "quotes", "orders", "pools", "recordings")]
API = [f"/api/v1/{noun}/{NUL}" for noun in ("listings", "quotes", "orders", "pools", "recordings")]


@pytest.fixture
def lin(home: Path) -> Iterator[TestClient]:
    """Signed in, at a house on PostgreSQL: SQLite keeps NUL and finds nothing by it."""
    with (
        server_of("postgresql") as server,
        database_of("postgresql", server, home),
        TestClient(
            create_app(),
            base_url="http://127.0.0.1",
            raise_server_exceptions=False,
            follow_redirects=False,
        ) as client,
    ):
        people.sign_in(client, "lin@example.org", Role.LICENSEE)
        yield client


def test_an_address_that_holds_nul_is_told_in_a_page_and_in_a_problem(lin: TestClient) -> None:
    for path in PAGES:
        page = lin.get(path)
        assert (page.status_code, page.headers["content-type"][:9]) == (400, "text/html"), path
        assert TITLE in page.text, path
    for path in API:
        answer = lin.get(path)
        assert answer.status_code == 400, path
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.json()
        assert told["title"] == "Part of this request can't be read"
        assert told["type"].endswith("/problems/unreadable")
        assert "holds a character that can't be kept" in told["detail"]


def test_a_change_that_holds_nul_is_not_made_and_the_next_one_is(lin: TestClient) -> None:
    with unit_of_work() as session:
        rights.publish(session)
        clip_id = rights.listing(session).clip_id
    headers = {"X-Form-Token": people.form_token(lin)}
    asked = {"listing_id": clip_id, "kind": "social"}
    home = "/api/v1/quotes/" + lin.post("/api/v1/quotes", json=asked, headers=headers).json()["id"]
    wish = {"price_cents": 900, "text": "for a\0school"}
    answer = lin.post(f"{home}/ask", json=wish, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    form = {"price": "9", "text": "for a\0school"}
    page = people.post(lin, home.removeprefix("/api/v1") + "/ask", **form)
    assert (page.status_code, TITLE in page.text) == (400, True)
    with reading() as session:
        assert [(one.state, one.notes) for one in session.scalars(select(Quote))] == [("open", [])]
    wish["text"] = "for a school"
    assert lin.post(f"{home}/ask", json=wish, headers=headers).status_code == 200
