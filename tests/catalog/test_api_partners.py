"""Partners by the API: invited and ended by the pool's owner, told to nobody else."""

import pytest
from fastapi.testclient import TestClient

from catalog.web import pools as pages
from models.account import Role
from models.base import unit_of_work
from tests import people, pool_factories

Headers = dict[str, str]
HOME = "/api/v1/pools/goals/partners"
PIA = {"email": "pia@partner.example"}


@pytest.fixture
def sam(client: TestClient) -> Headers:
    """A token of the house, whose pool it is."""
    with unit_of_work() as session:
        pool_factories.pool(session, slug="goals", name="Goals")
    account_id = people.account("sam@example.org", Role.STAFF)
    return people.token(account_id, "pools:read", "pools:write", "hooks:write")


def test_one_is_invited_draws_and_draws_no_more(client: TestClient, sam: Headers) -> None:
    made = client.post(HOME, json=PIA, headers=sam)
    assert made.status_code == 201, made.text
    again = client.post(HOME, json=PIA, headers=sam).json()
    assert (again["account_id"], again["ended_ms"]) == (made.json()["account_id"], None)
    listed = client.get(HOME, headers=sam).json()["partners"]
    assert [(one["email"], one["ended_ms"]) for one in listed] == [(PIA["email"], None)]
    pia = people.token(again["account_id"], "pools:read", "pools:write")
    assert client.get("/feeds/goals.json", headers=pia).status_code == 200
    assert client.delete(f"{HOME}/{again['account_id']}", headers=sam).status_code == 204
    assert client.get("/feeds/goals.json", headers=pia).status_code == 404
    (ended,) = client.get(HOME, headers=sam).json()["partners"]
    assert ended["ended_ms"] is not None
    assert client.delete(f"{HOME}/{'0' * 32}", headers=sam).status_code == 404


def test_a_partner_and_a_stranger_neither_see_nor_change_them(
    client: TestClient, sam: Headers
) -> None:
    account_id = client.post(HOME, json=PIA, headers=sam).json()["account_id"]
    pia = people.token(account_id, "pools:read", "pools:write")
    eve = people.token(people.account("eve@example.org"), "pools:read", "pools:write")
    for headers in (pia, eve):
        assert client.get(HOME, headers=headers).status_code == 404
        assert client.post(HOME, json=PIA, headers=headers).status_code == 404
        assert client.delete(f"{HOME}/{account_id}", headers=headers).status_code == 404
    reads = people.token(people.account("sam@example.org"), "pools:read")
    assert client.post(HOME, json=PIA, headers=reads).status_code == 403
    assert client.post(HOME, json={"email": "no address"}, headers=sam).status_code in (400, 409)
    assert len(client.get(HOME, headers=sam).json()["partners"]) == 1


def test_nobody_is_flooded_with_invitations(
    client: TestClient, sam: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.api.partners.INVITES", 2)
    assert pages.INVITES > 2
    codes = [client.post(HOME, json=PIA, headers=sam).status_code for _ in range(3)]
    assert codes == [201, 201, 429]
