"""Orders and licenses by the API come in pages, however many there are; each is told once."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from models.base import unit_of_work
from models.license import License
from models.order import Order, OrderState
from tests import license_factories, people

Headers = dict[str, str]
COUNT = 7
AT_MS = 1_700_000_000_000


def order(session: Session, account_id: str, at_ms: int) -> None:
    session.add(Order(account_id=account_id, state=OrderState.CANCELLED, created_ms=at_ms))


def license_of(session: Session, account_id: str, at_ms: int) -> None:
    license_factories.license(session, account_id=account_id, granted_ms=at_ms)


@pytest.mark.parametrize(
    ("noun", "scope", "make"),
    [("orders", "orders:read", order), ("licenses", "licenses:read", license_of)],
)
def test_pages_lead_to_the_last_and_hold_each_once(
    client: TestClient, noun: str, scope: str, make: Callable[[Session, str, int], None]
) -> None:
    mine, other = people.account("lena@example.org"), people.account("eve@example.org")
    with unit_of_work() as session:
        for i in range(COUNT):
            make(session, mine, AT_MS + i // 3)  # several of one moment
        make(session, other, AT_MS)
    headers = people.token(mine, scope)
    found: list[str] = []
    address = f"/api/v1/{noun}?limit=3"
    for _ in range(3):
        answer = client.get(address, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["total"] == COUNT
        found += [one["id"] for one in answer.json()[noun]]
        link = answer.headers.get("link", "")
        assert bool(link) == bool(answer.json()["next_cursor"])
        address = link[link.find("/api") : link.find(">")]
    assert not link
    assert len(found) == len(set(found)) == COUNT
    row = Order if noun == "orders" else License
    with unit_of_work() as session:
        owners = {session.get_one(row, one).account_id for one in found}
    assert owners == {mine}
    assert client.get(f"/api/v1/{noun}?cursor=1~~", headers=headers).status_code == 400
    assert client.get(f"/api/v1/{noun}?limit=0", headers=headers).status_code == 422
