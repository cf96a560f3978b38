"""A change of what one has seen: refused where somebody else was quicker."""

from concurrent.futures import ThreadPoolExecutor

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
    assert says == {
        ("put", "/api/v1/pools/{slug}"),
        ("patch", "/api/v1/lightboxes/{lightbox_id}"),
    }


def test_a_lightbox_is_renamed_as_it_was_seen_or_not_at_all(client: TestClient) -> None:
    headers = people.token(
        people.account("lena@example.org"), "lightboxes:read", "lightboxes:write"
    )
    home = "/api/v1/lightboxes"
    made = client.post(home, json={"name": "Goals"}, headers=headers).json()
    address = f"{home}/{made['id']}"
    seen = {"If-Match": client.get(address, headers=headers).headers["etag"]}
    renamed = client.patch(address, json={"name": "Best"}, headers=headers | seen)
    assert renamed.status_code == 200, renamed.text
    late = client.patch(address, json={"name": "Worst"}, headers=headers | seen)
    assert late.status_code == 412
    assert late.headers["content-type"] == "application/problem+json"
    now = {"If-Match": client.get(address, headers=headers).headers["etag"]}
    assert client.put(f"{address}/share", headers=headers).status_code == 200
    shared = client.patch(address, json={"name": "Worst"}, headers=headers | now)
    assert shared.status_code == 412, "whatever of it has changed"
    assert client.patch(address, json={"name": "Last"}, headers=headers).json()["name"] == "Last"


@pytest.mark.parametrize("what", ["pools", "lightboxes"])
def test_of_many_who_saw_the_same_one_alone_changes_it(
    client: TestClient, headers: dict[str, str], what: str
) -> None:
    ours = headers | people.token(
        people.account("sam@example.org"),
        *("pools:read", "pools:write", "lightboxes:read", "lightboxes:write"),
    )
    body = POOL if what == "pools" else {"name": "Goals"}
    made = client.post(f"/api/v1/{what}", json=body, headers=ours).json()
    address = f"/api/v1/{what}/{made.get('slug') or made['id']}"
    matching = ours | {"If-Match": client.get(address, headers=ours).headers["etag"]}
    method = "PUT" if what == "pools" else "PATCH"

    def change(number: int) -> int:
        named = body | {"name": f"Mine {number}"}
        return client.request(method, address, json=named, headers=matching).status_code

    with ThreadPoolExecutor(4) as threads:
        codes = sorted(threads.map(change, range(4)))
    assert codes == [200, 412, 412, 412]
