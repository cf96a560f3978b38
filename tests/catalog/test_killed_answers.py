"""A request with an Idempotency-Key whose process died half-way: nobody repeats it unasked."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import func, select, update

from catalog.api.idempotency import KILLED_MS
from models.account import Answered, Role
from models.base import now_ms, reading, unit_of_work
from models.quote import Quote
from tests import people
from tests import rights_factories as rights

KEY = "a-key-of-lins-program"
SLACK_MS = 30_000
"""For a machine that is busy: no test shall need to be quicker."""


@pytest.fixture
def asked(client: TestClient) -> dict[str, Any]:
    """What lin asks for."""
    people.sign_in(client, "lin@example.org", Role.LICENSEE)
    with unit_of_work() as session:
        rights.publish(session)
        return {"listing_id": rights.listing(session).clip_id, "kind": "social"}


def ask(client: TestClient, asked: dict[str, Any], key: str = KEY) -> Response:
    headers = {"X-Form-Token": people.form_token(client), "Idempotency-Key": key}
    return client.post("/api/v1/quotes", json=asked, headers=headers)


def killed(age_ms: int) -> None:
    """As `kill -9` leaves it after the change was made and before its answer was kept."""
    with unit_of_work() as session:
        left = {"status": 0, "body": "", "created_ms": now_ms() - age_ms}
        session.execute(update(Answered).values(left))


def quotes() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Quote)) or 0


def test_at_first_it_may_still_be_at_work(client: TestClient, asked: dict[str, Any]) -> None:
    ask(client, asked)
    killed(KILLED_MS - SLACK_MS)
    answer = ask(client, asked)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
    assert int(answer.headers["retry-after"]) > 0
    assert quotes() == 1


def test_after_two_minutes_it_is_told_as_failed_and_never_done_again(
    client: TestClient, asked: dict[str, Any]
) -> None:
    ask(client, asked)
    killed(KILLED_MS + 1)
    for _ in range(2):
        answer = ask(client, asked)
        assert (answer.status_code, answer.json()["code"]) == (500, "idempotency_key_failed")
        assert "Look whether it took place" in answer.json()["detail"]
        assert "retry-after" not in answer.headers, "waiting does not help"
    assert quotes() == 1


def test_a_new_key_asks_anew_and_the_old_one_is_for_no_other_request(
    client: TestClient, asked: dict[str, Any]
) -> None:
    ask(client, asked)
    killed(KILLED_MS + 1)
    other = ask(client, {**asked, "kind": "standard"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert ask(client, asked, "another-key-of-lin").status_code == 201
    assert quotes() == 2
