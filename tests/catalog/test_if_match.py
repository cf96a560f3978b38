"""A change of what one has seen: refused where somebody else was quicker."""

import pytest
from fastapi.testclient import TestClient

from models.account import Role
from tests import people

POOL = {"name": "Goals", "about": "", "rule": {"least_score": 0.5}}


@pytest.fixture
def headers(database: object) -> dict[str, str]:
    return people.token(people.account("sam@example.org", Role.STAFF), "pools:read", "pools:write")


def test_a_pool_is_changed_as_it_was_seen_or_not_at_all(
    client: TestClient, headers: dict[str, str]
) -> None:
    made = client.post("/api/v1/pools", json=POOL, headers=headers).json()
    address = f"/api/v1/pools/{made['slug']}"
    seen = client.get(address, headers=headers).headers["etag"]
    matching = headers | {"If-Match": seen}
    first = client.put(address, json=POOL | {"about": "one"}, headers=matching)
    assert first.status_code == 200, first.text
    late = client.put(address, json=POOL | {"about": "two"}, headers=matching)
    assert late.status_code == 412
    assert client.get(address, headers=headers).json()["about"] == "one"


def test_only_what_looks_at_it_says_so(client: TestClient) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    says = {
        (method, path)
        for path, methods in paths.items()
        for method, one in methods.items()
        if "412" in one.get("responses", {})
    }
    assert says == {("put", "/api/v1/pools/{slug}")}
