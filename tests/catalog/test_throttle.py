"""Rate limits: how often in a window, for each alone, and with no address in the database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from catalog import passwords, throttle
from catalog.errors import TooMany
from catalog.web import account, visitors
from models.account import Account, Throttle
from models.base import reading, unit_of_work
from models.mail import Mail
from tests import people
from tests.both import BOTH, database_of, server_of

EMAIL = "lena@example.org"
LONG_S = 86_400
"""So that no window ends while a test runs, but at midnight."""


def taken(whom: str, most: int, what: str = "try") -> bool:
    try:
        with unit_of_work() as session:
            throttle.take(session, what, whom, most, LONG_S)
    except TooMany:
        return False
    return True


@pytest.fixture(params=BOTH)
def either(request: pytest.FixtureRequest, home: Path) -> Iterator[None]:
    with server_of(request.param) as server, database_of(request.param, server, home):
        yield


@pytest.mark.usefixtures("either")
def test_so_many_and_no_more_for_each_alone() -> None:
    assert [taken("a", 3) for _ in range(5)] == [True, True, True, False, False]
    assert taken("b", 3)
    assert taken("a", 3, what="another thing")


@pytest.mark.usefixtures("database")
def test_it_says_when_to_try_again() -> None:
    with unit_of_work() as session, pytest.raises(TooMany) as told:
        throttle.take(session, "try", "a", 0, 60)
    assert 1 <= told.value.retry_s <= 61
    assert f"Try again in {told.value.retry_s} seconds" in str(told.value)


@pytest.mark.usefixtures("database")
def test_no_address_is_in_a_row(database: Path) -> None:
    assert taken("203.0.113.77", 3)
    assert taken(EMAIL, 3)
    stored = b"".join(one.read_bytes() for one in database.glob("reelyard.db*"))
    assert b"203.0.113.77" not in stored
    assert EMAIL.encode() not in stored
    with reading() as session:
        keys = session.scalars(select(Throttle.key)).all()
    assert len(set(keys)) == 2


@pytest.mark.usefixtures("database")
def test_what_is_old_is_swept() -> None:
    taken("a", 3)
    with unit_of_work() as session:
        session.add(Throttle(key="old", window_ms=1_000, count=9))
    with unit_of_work() as session:
        throttle.sweep(session)
    with reading() as session:
        assert [one.split(":")[0] for one in session.scalars(select(Throttle.key))] == ["try"]


@given(most=st.integers(1, 20), tries=st.integers(1, 40))
def test_in_memory_it_is_the_same(most: int, tries: int) -> None:
    throttle._glances.clear()

    def glanced() -> bool:
        try:
            throttle.glance("read", "a", most, 10**9)
        except TooMany:
            return False
        return True

    assert sum(glanced() for _ in range(tries)) == min(most, tries)


def test_searches_are_limited_generously(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "SEARCHES", 3)
    monkeypatch.setattr(visitors, "SEARCHES_S", 10**9)
    throttle._glances.clear()
    codes = [client.get(path).status_code for path in ("/?q=a", "/?q=b", "/api/v1/listings")]
    assert codes == [200] * 3
    for path in ("/?q=c", "/api/v1/listings"):
        refused = client.get(path)
        assert refused.status_code == 429
        assert refused.headers["retry-after"]
    assert client.get("/sign-in").status_code == 200
    throttle._glances.clear()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "REMEMBERED", 10)
    for i in range(100):
        throttle.glance("read", str(i), 1, 10**9)
    assert len(throttle._glances) <= 11


@pytest.fixture
def long_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUARTER_S", "HOUR_S"):
        monkeypatch.setattr(account, name, LONG_S)


@pytest.mark.usefixtures("long_windows")
def test_a_password_can_not_be_guessed_at_leisure(client: TestClient) -> None:
    """Ten tries, then not even the right one: until then a link still gets them in."""
    account_id = people.account(EMAIL)
    with unit_of_work() as session:
        session.get_one(Account, account_id).password_hash = passwords.made("correct horse 7")
    client.get("/sign-in")
    codes = [
        people.post(client, "/sign-in", email=EMAIL, password="wrong").status_code
        for _ in range(10)
    ]
    assert codes == [401] * 10
    for email in (EMAIL, f" {EMAIL.upper()}"):
        told = people.post(client, "/sign-in", email=email, password="correct horse 7")
        assert told.status_code == 429
        assert int(told.headers["retry-after"]) > 0
        assert "Try again in" in told.text
    unknown = people.post(client, "/sign-in", email="nobody@example.org", password="x")
    assert unknown.status_code == 401, "another account's tries are its own"
    assert people.post(client, "/sign-in/link", email=EMAIL).status_code == 200


@pytest.mark.usefixtures("long_windows")
def test_a_mailbox_is_not_filled_by_strangers(client: TestClient) -> None:
    client.get("/sign-in")
    codes = [people.post(client, "/sign-in/link", email=EMAIL).status_code for _ in range(7)]
    assert codes == [200] * 5 + [429] * 2
    with reading() as session:
        assert len(session.scalars(select(Mail)).all()) == 5


@pytest.mark.usefixtures("long_windows")
def test_one_address_can_not_write_to_everybody(client: TestClient) -> None:
    client.get("/sign-in")
    codes = [
        people.post(client, "/sign-in/link", email=f"p{i}@example.org").status_code
        for i in range(22)
    ]
    assert codes == [200] * 20 + [429] * 2
