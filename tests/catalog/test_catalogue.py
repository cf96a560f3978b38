"""The catalogue page: filters in its address, kept for all, gone when a clip is withdrawn."""

import re
import time

import pytest
from fastapi.testclient import TestClient

from catalog import listings
from models.base import unit_of_work
from models.clip import AssetKind
from models.listing import Listing
from tests import factories, people


def test_every_filter_is_in_the_address_and_can_be_taken_back(client: TestClient) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session, sidecar={"series": "Harbour Cup"})
        listing = factories.listing(session, factories.clip(session, recording, tags=["a b", "c"]))
        listings.set_price_from(session, listing.id, 4_900, "USD")
    page = client.get("/").text
    offered = re.findall(r'class="facet" href="([^"]+)"', page)
    assert len(offered) >= 5
    for link in offered:
        there = client.get(link.replace("&amp;", "&"))
        assert "The winning goal" in there.text, link
        assert 'class="chip chip-on" href="/"' in there.text, link
    both = client.get("/?q=goal&tag=a+b&kind=cheer").text
    assert 'href="/?q=goal&amp;kind=cheer"' in both
    assert '<input type="hidden" name="tag" value="a b">' in both
    assert "$49.00" in page


def test_a_card_quotes_what_was_said_and_links_to_its_second(client: TestClient) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session)
        factories.transcript(session, clip, "and it is in", "listen to <b>this</b>")
        factories.listing(session, clip)
    page = client.get("/?q=listen").text
    assert f'href="/clips/{clip.id}?t=3.0#player"' in page
    assert "<mark>listen</mark> to &lt;b&gt;this" in page


def test_a_card_plays_the_hover_preview_and_never_the_master(client: TestClient) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session)
        master = factories.asset(session, clip, AssetKind.MASTER, b"master")
        factories.listing(session, clip)
    assert "data-preview" not in client.get("/").text
    with unit_of_work() as session:
        hover = factories.asset(session, clip, AssetKind.HOVER, b"hover")
    client.cookies.set("guest", "x" * 32)
    page = client.get("/").text
    assert hover.id in page
    assert master.id not in page


def test_suggestions_as_a_list_and_as_json(client: TestClient) -> None:
    with unit_of_work() as session:
        factories.listing(session, title="The winning goal", tags=["wind & rain"])
    found = client.get("/suggest?q=win&form=json").json()["suggestions"]
    assert [(one["kind"], one["label"]) for one in found] == [
        ("tag", "wind & rain"),
        ("clip", "The winning goal"),
    ]
    assert "The winning goal" in client.get(found[0]["url"]).text
    listed = client.get("/suggest?q=win").text
    assert 'role="option"' in listed
    assert "wind &amp; rain" in listed
    assert client.get("/suggest?q=").text.strip() == ""


def test_the_api_takes_the_same_filters_and_is_not_fetched_twice(client: TestClient) -> None:
    with unit_of_work() as session:
        factories.listing(session, title="The winning goal", tags=["crowd"])
    asked = "/api/v1/listings?q=win&tag=crowd&kind=cheer&length=30s&release=unknown&order=match"
    first = client.get(asked, headers={"Accept-Encoding": "identity"})
    answer = first.json()
    assert [one["title"] for one in answer["listings"]] == ["The winning goal"]
    assert (answer["total"], answer["exact"]) == (1, True)
    assert answer["facets"]["tag"] == [
        {"value": "crowd", "label": "crowd", "count": 1, "exact": True}
    ]
    again = {"If-None-Match": first.headers["etag"], "Accept-Encoding": "identity"}
    assert client.get(asked, headers=again).status_code == 304
    for wrong in ("length=2h", "price=-1", "release=maybe", "order=price"):
        assert client.get(f"/api/v1/listings?{wrong}").status_code == 422


def test_an_embargo_ends_on_the_page_without_any_worker(client: TestClient) -> None:
    now = int(time.time() * 1000)
    with unit_of_work() as session:
        title = "The winning goal"
        listing = factories.listing(session, title=title, visible_from_ms=now + 60_000)
    assert "The winning goal" not in client.get("/").text
    with unit_of_work() as session:  # as if a minute had passed
        session.get_one(Listing, listing.id).visible_from_ms = now
    assert _until(lambda: "The winning goal" in client.get("/").text, 1.9)


def test_a_withdrawn_clip_vanishes_from_kept_pages_within_a_second(client: TestClient) -> None:
    with unit_of_work() as session:
        listing = factories.listing(session, title="The winning goal")
    pages = ("/", f"/clips/{listing.clip_id}")
    for path in (*pages, *pages):
        assert "The winning goal" in client.get(path).text
    with unit_of_work() as session:
        listings.withdraw(session, listing.clip_id, "test")
    gone = _until(
        lambda: all("The winning goal" not in client.get(path).text for path in pages), 1.0
    )
    assert gone


def test_pages_are_kept_for_those_without_cookies_alone(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unit_of_work() as session:
        listing = factories.listing(session, title="Before")
    client.get("/")
    with unit_of_work() as session:  # behind the edition's back, to tell a kept page from a new one
        session.get_one(Listing, listing.id).clip.title = "After"
    kept = client.get("/")
    assert "Before" in kept.text
    assert "set-cookie" not in kept.headers
    assert kept.headers["x-content-type-options"] == "nosniff"
    assert "After" in client.get("/?q=before").text, "another address is another page"
    client.cookies.set("theme", "dark")
    dark = client.get("/").text
    assert "After" in dark
    assert 'data-theme="dark"' in dark
    people.sign_in(client, "lee@example.org")
    mine = client.get("/").text
    assert "After" in mine
    client.cookies.clear()
    assert "Before" in client.get("/").text
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def _until(holds: object, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False
