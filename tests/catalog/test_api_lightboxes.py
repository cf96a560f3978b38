"""Lightboxes and saved searches by the API: the same rows as the pages', by token or by browser."""

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from catalog import lightboxes, listings
from catalog.auth import Visitor
from models.base import reading, unit_of_work
from models.listing import Listing
from tests import factories, people

BOXES, SEARCHES = "/api/v1/lightboxes", "/api/v1/searches"
Headers = dict[str, str]


def token(email: str = "lena@example.org", *scopes: str) -> Headers:
    return people.token(people.account(email), *(scopes or ("lightboxes:read", "lightboxes:write")))


@pytest.fixture
def mine(client: TestClient) -> Headers:
    return token()


def offered(count: int = 1) -> list[Listing]:
    with unit_of_work() as session:
        return [factories.listing(session, title=f"Goal {i}") for i in range(count)]


def made(client: TestClient, headers: Headers, *clip_ids: str, name: str = "Goals") -> str:
    """The lightbox's address."""
    answer = client.post(BOXES, json={"name": name}, headers=headers)
    assert answer.status_code == 201, answer.text
    home = f"{BOXES}/{answer.json()['id']}"
    for clip_id in clip_ids:
        assert client.put(f"{home}/clips/{clip_id}", headers=headers).status_code == 200
    return home


def titles(answer: Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["title"] for one in answer.json()["listings"]]


def test_a_program_keeps_shares_renames_and_takes_back(client: TestClient, mine: Headers) -> None:
    one, other = offered(2)
    home = made(client, mine, one.clip_id, other.id, other.clip_id)
    box = client.get(home, headers=mine).json()
    assert (box["name"], box["clips"], box["gone"], box["shared_url"]) == ("Goals", 2, 0, None)
    renamed = client.patch(home, json={"name": " Best\nof May "}, headers=mine).json()
    assert renamed["name"] == "Best of May"
    shared = client.put(f"{home}/share", headers=mine).json()["shared_url"]
    assert client.put(f"{home}/share", headers=mine).json()["shared_url"] == shared
    link = "/api/v1/shared/" + shared.rpartition("/")[2]
    stranger = client.get(link)
    assert sorted(titles(stranger)) == ["Goal 0", "Goal 1"]
    assert (stranger.json()["name"], stranger.json()["total"]) == ("Best of May", 2)
    assert client.get("/shared/" + shared.rpartition("/")[2]).status_code == 200, "as the page"
    out = client.delete(f"{home}/clips/{one.clip_id}", headers=mine)
    assert out.json()["clips"] == 1
    assert titles(client.get(f"{home}/clips", headers=mine)) == ["Goal 1"]
    assert client.delete(f"{home}/share", headers=mine).json()["shared_url"] is None
    assert client.get(link).status_code == 404
    assert client.delete(home, headers=mine).status_code == 204
    assert client.get(BOXES, headers=mine).json() == {"lightboxes": []}


def test_what_is_off_sale_is_counted_and_not_shown(client: TestClient, mine: Headers) -> None:
    kept, gone = offered(2)
    home = made(client, mine, kept.clip_id, gone.clip_id)
    with unit_of_work() as session:
        listings.withdraw(session, gone.clip_id, "test")
    listed = client.get(BOXES, headers=mine).json()["lightboxes"]
    assert [(one["clips"], one["gone"]) for one in listed] == [(1, 1)]
    assert titles(client.get(f"{home}/clips", headers=mine)) == ["Goal 0"]
    assert client.put(f"{home}/clips/{gone.clip_id}", headers=mine).status_code == 404


def test_its_clips_come_in_pages_and_none_twice(client: TestClient, mine: Headers) -> None:
    home = made(client, mine, *(one.clip_id for one in offered(5)))
    found: list[str] = []
    address = f"{home}/clips?limit=2"
    for left in (3, 1, 0):
        answer = client.get(address, headers=mine)
        found += titles(answer)
        assert answer.json()["total"] == 5
        assert bool(answer.json()["next_cursor"]) == bool(left) == ("link" in answer.headers)
        address = answer.headers.get("link", "<>").partition(">")[0].strip("<")
        address = address[address.find("/api") :]
    assert sorted(found) == [f"Goal {i}" for i in range(5)]
    assert client.get(f"{home}/clips?cursor=soon", headers=mine).status_code == 400


def test_a_stranger_finds_nothing_and_changes_nothing(client: TestClient, mine: Headers) -> None:
    (listing,) = offered()
    home = made(client, mine, listing.clip_id)
    before = client.get(home, headers=mine).json()
    search = client.post(SEARCHES, json={"name": "x", "query": "q=goal"}, headers=mine).json()
    eve = token("eve@example.org")
    for method, path in (
        ("GET", home),
        ("GET", f"{home}/clips"),
        ("DELETE", home),
        ("PUT", f"{home}/share"),
        ("DELETE", f"{home}/share"),
        ("PUT", f"{home}/clips/{listing.clip_id}"),
        ("DELETE", f"{home}/clips/{listing.clip_id}"),
        ("DELETE", f"{SEARCHES}/{search['id']}"),
    ):
        assert client.request(method, path, headers=eve).status_code == 404, (method, path)
    assert client.patch(home, json={"name": "Eve's"}, headers=eve).status_code == 404
    assert client.get(BOXES, headers=eve).json() == {"lightboxes": []}
    assert client.get(SEARCHES, headers=eve).json() == {"searches": []}
    assert client.get(home, headers=mine).json() == before


def test_each_door_has_its_scope(client: TestClient, mine: Headers) -> None:
    home = made(client, mine)
    reads, other = (
        token("lena@example.org", "lightboxes:read"),
        token("lena@example.org", "pools:read"),
    )
    assert client.get(home, headers=reads).status_code == 200
    assert client.get(home, headers=other).status_code == 403
    for change in (
        client.post(BOXES, json={"name": "x"}, headers=reads),
        client.patch(home, json={"name": "x"}, headers=reads),
        client.delete(home, headers=reads),
        client.post(SEARCHES, json={"name": "x", "query": "q=x"}, headers=reads),
    ):
        assert change.status_code == 403


def test_a_guest_has_those_of_the_browser_and_changes_them_from_our_pages_alone(
    client: TestClient,
) -> None:
    (listing,) = offered()
    assert client.post(BOXES, json={"name": "x"}).status_code in (400, 401), "nobody's"
    people.post(client, "/lightboxes/add", clip=listing.clip_id, name="Goals")
    box = client.get(BOXES).json()["lightboxes"][0]
    assert (box["name"], box["clips"]) == ("Goals", 1)
    home = f"{BOXES}/{box['id']}"
    assert client.patch(home, json={"name": "Best"}).status_code == 400
    ours = {"X-Form-Token": people.form_token(client)}
    assert client.patch(home, json={"name": "Best"}, headers=ours).json()["name"] == "Best"
    assert client.get(SEARCHES).status_code == 401


def test_searches_are_saved_listed_followed_and_deleted(client: TestClient, mine: Headers) -> None:
    offered()
    asked = {"name": "Goals", "query": "q=goal&order=score&cursor=3~1&evil=1"}
    saved = client.post(SEARCHES, json=asked, headers=mine)
    assert saved.status_code == 201
    assert saved.json()["query"] == "q=goal&order=score"
    assert client.get(SEARCHES, headers=mine).json()["searches"] == [saved.json()]
    followed = saved.json()["listings_url"]
    assert client.get(followed[followed.find("/api") :]).status_code == 200
    assert client.post(SEARCHES, json=asked | {"query": "a=b"}, headers=mine).status_code == 400
    address = f"{SEARCHES}/{saved.json()['id']}"
    assert client.delete(address, headers=mine).status_code == 204
    assert client.delete(address, headers=mine).status_code == 404


def test_a_lightbox_is_the_same_row_by_page_and_by_program(
    client: TestClient, mine: Headers
) -> None:
    made(client, mine, name="Ours")
    me = Visitor(account_id=people.account("lena@example.org"))
    with reading() as session:
        assert [one.name for one in lightboxes.all_of(session, me)] == ["Ours"]
    people.sign_in(client, "lena@example.org")
    assert "Ours" in client.get("/lightboxes").text
