"""Feeds of pools: what a partner may have, no sooner and no later, in formats that others read."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event as events

from catalog import feeds, listings, partners, pools, tokens
from models.account import Account, Role, Token
from models.base import engine, reading, unit_of_work
from models.clip import AssetKind
from models.license import License
from models.listing import Listing
from models.pool import PoolMember
from tests import delivery_factories, factories, json_feed, mrss, people, pool_factories
from tests.pool_factories import run_light, visitor

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
FORMS = ("mrss", "rss", "json")
MEDIA, ATOM = f"{{{mrss.SPACE}}}", "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def word(client: TestClient) -> str:
    """A token of Pia, who draws from the pool `goals`."""
    with unit_of_work() as session:
        pool = pool_factories.pool(session, slug="goals", name="Goals & more")
        account_id = pool_factories.partner(session, pool)
        return pool_factories.token(session, account_id)


def offered(**values: Any) -> str:
    """A clip with its files, on sale and in the pool; answers its listing's id."""
    visible_from_ms = values.pop("visible_from_ms", None)
    with unit_of_work() as session:
        recording = factories.recording(session, sidecar={"rights_holder": "Ada & Sons"})
        clip = factories.clip(session, recording, **values)
        factories.transcript(session, clip, "and it is in")
        for kind, suffix, mime in (
            (AssetKind.MASTER, ".mp4", "video/mp4"),
            (AssetKind.PREVIEW, ".mp4", "video/mp4"),
            (AssetKind.POSTER, ".jpg", "image/jpeg"),
            (AssetKind.CAPTIONS, ".vtt", "text/vtt"),
        ):
            content = f"{kind} {clip.id}".encode()
            factories.asset(session, clip, kind, content, suffix=suffix, mime=mime)
        listing = factories.listing(session, clip, visible_from_ms=visible_from_ms)
        listings.set_price_from(session, listing.id, 4_900, "USD")
    run_light("route")
    return listing.id


def read(client: TestClient, word: str, form: str = "mrss", **more: Any) -> Any:
    params = {"token": word} if word else {}
    return client.get(f"/feeds/goals.{form}", params=params, **more)


def items(client: TestClient, word: str, form: str) -> list[str]:
    """Clips that the feed says can be had."""
    answer = read(client, word, form)
    assert answer.status_code == 200
    if form == "json":
        return [item["id"].rpartition("/")[2] for item in answer.json()["items"]]
    found = []
    for item in ET.fromstring(answer.content).iter("item"):
        status = item.find(f"{MEDIA}status")
        if status is None or status.get("state") == "active":
            found.append((item.findtext("guid") or "").rpartition("/")[2])
    return found


def clip_of(listing_id: str) -> str:
    with reading() as session:
        return session.get_one(Listing, listing_id).clip_id


def test_mrss_keeps_to_the_vocabulary_of_its_specification(client: TestClient, word: str) -> None:
    for i in range(3):
        offered(title=f"Goal {i} <b>&amp; \u202eevil\u0007</b>", tags=["goal", "a, b"])
    gone = offered()
    with unit_of_work() as session:
        listings.withdraw(session, clip_of(gone), "a test")
    run_light("route")
    answer = read(client, word)
    assert answer.headers["content-type"].startswith("application/rss+xml")
    root = ET.fromstring(answer.content)
    assert mrss.faults(root) == []
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    channel = root.find("channel")
    assert channel is not None
    for needed in ("title", "link", "description"):
        assert channel.findtext(needed)
    item = channel.findall("item")[1]
    names = {child.tag.removeprefix(MEDIA) for child in item if child.tag.startswith(MEDIA)}
    assert names >= {
        "content",
        "player",
        "title",
        "description",
        "keywords",
        "thumbnail",
        "category",
        "credit",
        "copyright",
        "license",
        "subTitle",
        "price",
        "status",
    }
    title = item.findtext(f"{MEDIA}title") or ""
    assert title.startswith("Goal")
    assert "<b>&amp; evil </b>" in title
    content = item.find(f"{MEDIA}content")
    assert content is not None
    assert (content.get("expression"), content.get("duration")) == ("sample", "27")
    assert content.get("url", "").endswith("/preview.mp4")
    price = item.find(f"{MEDIA}price")
    assert price is not None
    assert (price.get("price"), price.get("currency")) == ("49.00", "USD")
    valid = item.findtext("{http://purl.org/dc/terms/}valid") or ""
    start = re.fullmatch(r"start=(.+);scheme=W3C-DTF", valid)
    assert start
    assert datetime.fromisoformat(start[1]).tzinfo is not None


def test_the_vocabulary_finds_what_is_not_in_it() -> None:
    wrong = f"""<rss xmlns:m="{mrss.SPACE}"><channel><item><m:content colour="red" medium="film"/>
    <m:picture/><m:status/><m:title>a</m:title><m:title>b</m:title></item></channel></rss>"""
    assert mrss.faults(ET.fromstring(wrong)) == [
        "item: title twice",
        "media:content has no colour",
        "media:content medium='film'",
        "there is no media:picture",
        "media:status needs state",
        "content without url and without player",
    ]


def test_rss_and_json_feed_have_what_their_readers_need(client: TestClient, word: str) -> None:
    offered(title="The winning goal")
    item = next(ET.fromstring(read(client, word, "rss").content).iter("item"))
    assert [child.tag.rpartition("}")[2] for child in item] == [
        "title",
        "link",
        "guid",
        "pubDate",
        "description",
        "creator",
        "category",
        "enclosure",
    ]
    enclosure = item.find("enclosure")
    assert enclosure is not None
    assert set(enclosure.attrib) == {"url", "length", "type"}
    assert parsedate_to_datetime(item.findtext("pubDate") or "").tzinfo is not None
    answer = read(client, word, "json")
    assert answer.headers["content-type"].startswith("application/feed+json")
    jsonschema.validate(answer.json(), json_feed.SCHEMA)
    told = answer.json()["items"][0]
    assert told["attachments"][0]["duration_in_seconds"] == 27
    assert told["_reelyard"]["why"] == ["The rule takes every clip."]


def test_nothing_shows_before_it_is_on_sale_and_the_embargo_has_passed(
    client: TestClient, word: str
) -> None:
    with reading() as session:
        now = pools.now(session)
    old = offered(visible_from_ms=now - 3 * HOUR_MS)
    fresh = offered(visible_from_ms=now - HOUR_MS)
    coming = offered(visible_from_ms=now + HOUR_MS)
    with unit_of_work() as session:
        own = pool_id(session)
        assert session.get(PoolMember, (own, coming)) is None, "it comes in on its day"
        session.add(PoolMember(pool_id=own, listing_id=coming, why=["An older release did."]))
        for one in (old, fresh, coming):
            member = session.get_one(PoolMember, (pool_id(session), one))
            member.added_ms = now - 3 * HOUR_MS
    shown = {clip_of(old), clip_of(fresh)}
    for form in FORMS:
        assert set(items(client, word, form)) == shown
    with unit_of_work() as session:
        session.get_one(pools.Pool, pool_id(session)).embargo_ms = 2 * HOUR_MS
    for form in FORMS:
        assert items(client, word, form) == [clip_of(old)]
        assert fresh not in read(client, word, form).text
        assert clip_of(coming) not in read(client, word, form).text


def pool_id(session: Any) -> str:
    found = session.query(pools.Pool).filter_by(slug="goals").one()
    return str(found.id)


def test_what_is_withdrawn_vanishes_at_once(client: TestClient, word: str) -> None:
    kept, gone = offered(), offered()
    with unit_of_work() as session:
        listings.withdraw(session, clip_of(gone), "a test")
    for form in FORMS:
        assert items(client, word, form) == [clip_of(kept)]
    run_light("route")
    for form in FORMS:
        assert items(client, word, form) == [clip_of(kept)]


def test_mrss_tells_for_thirty_days_what_to_take_down(client: TestClient, word: str) -> None:
    gone = offered(title="A secret title")
    with unit_of_work() as session:
        listings.withdraw(session, clip_of(gone), "a test")
    run_light("route")
    answer = read(client, word)
    status = ET.fromstring(answer.content).find(f".//item/{MEDIA}status")
    assert status is not None
    assert status.get("state") == "deleted"
    assert clip_of(gone) in answer.text
    assert "secret" not in answer.text
    for form in ("rss", "json"):
        assert clip_of(gone) not in read(client, word, form).text
    with unit_of_work() as session:
        member = session.get_one(PoolMember, (pool_id(session), gone))
        member.added_ms = 1
        member.removed_ms = pools.now(session) - feeds.DELETED_MS - 1
    assert clip_of(gone) not in read(client, word).text


def test_what_partners_never_had_is_not_told_as_taken_down(client: TestClient, word: str) -> None:
    with unit_of_work() as session:
        session.get_one(pools.Pool, pool_id(session)).embargo_ms = DAY_MS
    gone = offered()
    with unit_of_work() as session:
        listings.withdraw(session, clip_of(gone), "a test")
    run_light("route")
    assert clip_of(gone) not in read(client, word).text


def test_pages_lead_through_all_of_it(
    client: TestClient, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PAGE", 2)
    wanted = sorted(clip_of(offered()) for _ in range(5))
    for form in FORMS:
        assert sorted(paged(client, f"/feeds/goals.{form}?token={word}")) == wanted


def paged(client: TestClient, url: str) -> list[str]:
    seen: list[str] = []
    while url:
        answer = client.get(url.removeprefix("http://127.0.0.1:8000"))
        assert answer.status_code == 200
        if ".json" in url:
            told = answer.json()
            seen += [item["id"].rpartition("/")[2] for item in told["items"]]
            url = told.get("next_url", "")
        else:
            root = ET.fromstring(answer.content)
            seen += [(one.findtext("guid") or "")[-32:] for one in root.iter("item")]
            links = {one.get("rel"): one.get("href") for one in root.iter(f"{ATOM}link")}
            assert links["self"]
            assert links["first"]
            url = links.get("next") or ""
    return seen


def test_who_has_it_already_gets_304(client: TestClient, word: str) -> None:
    offered()
    kept = {}
    for form in FORMS:
        first = read(client, word, form)
        tag, date = first.headers["etag"], first.headers["last-modified"]
        assert read(client, word, form).headers["etag"] == tag
        assert read(client, word, form, headers={"If-None-Match": tag}).status_code == 304
        assert read(client, word, form, headers={"If-Modified-Since": date}).status_code == 304
        both = {"If-None-Match": '"other"', "If-Modified-Since": date}
        assert read(client, word, form, headers=both).status_code == 200
        never = {"If-Modified-Since": "yesterday"}
        assert read(client, word, form, headers=never).status_code == 200
        kept[form] = tag
    earlier = {"If-Modified-Since": format_datetime(datetime.now(UTC) - timedelta(seconds=5))}
    offered()
    for form, tag in kept.items():
        assert read(client, word, form, headers=earlier).status_code == 200
        assert read(client, word, form, headers={"If-None-Match": tag}).status_code == 200


def test_only_the_pools_partners_owner_and_staff_read_it(client: TestClient, word: str) -> None:
    offered()
    assert read(client, "").status_code == 401
    assert read(client, "rly_" + secrets.token_urlsafe(32)).status_code == 401
    with unit_of_work() as session:
        stranger = people.account("ben@example.org", Role.PARTNER)
    with unit_of_work() as session:
        others = pool_factories.token(session, stranger)
        pia = people_id(session)
        wrong = pool_factories.token(session, pia, "catalog:read")
    for path in ("goals.mrss", "nothing.mrss"):
        assert client.get(f"/feeds/{path}", params={"token": others}).status_code == 404
    refused = read(client, wrong)
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert read(client, "", headers={"Authorization": f"Bearer {word}"}).status_code == 200
    assert client.get("/feeds/goals.atom", params={"token": word}).status_code == 404
    people.sign_in(client, "sam@house.example", Role.STAFF)
    assert read(client, "").status_code == 200


def people_id(session: Any) -> str:
    return str(session.query(Account).filter_by(email="pia@partner.example").one().id)


def test_a_revoked_token_or_an_ended_partnership_ends_it_at_once(
    client: TestClient, word: str
) -> None:
    offered()
    staff = visitor("sam@house.example", Role.STAFF)
    with unit_of_work() as session:
        pia = people_id(session)
        second = pool_factories.token(session, pia)
        tokens.revoke(session, pia, session.query(Token).filter_by(begins=word[:12]).one().id)
    assert read(client, word).status_code == 401
    assert read(client, second).status_code == 200
    with unit_of_work() as session:
        drawing = partners.of(session, session.query(pools.Pool).one())
        assert drawing[0].used_ms is not None
        partners.end(session, staff, "goals", pia)
    assert read(client, second).status_code == 404


def test_an_address_with_a_token_is_told_to_nobody(client: TestClient, word: str) -> None:
    offered()
    answer = read(client, word)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "private" in answer.headers["cache-control"]
    assert word not in read(client, "", headers={"Authorization": f"Bearer {word}"}).text
    refused = read(client, word + "x")
    assert word not in refused.text
    # Links to the pages and the media of the house carry none.
    for url in re.findall(r'(?:href|url)="([^"]+)"', answer.text):
        assert ("token=" in url) == ("/feeds/" in url)


def test_a_partner_with_a_license_is_led_to_the_clean_file_and_only_while_it_lives(
    client: TestClient, word: str
) -> None:
    listing_id = offered()
    with unit_of_work() as session:
        pia = people_id(session)
        listing = session.get_one(Listing, listing_id)
        row = delivery_factories.license_of(session, listing, account_id=pia)
        able = pool_factories.token(session, pia, "pools:read", "licenses:read")

    def content(token: str) -> Any:
        root = ET.fromstring(read(client, token).content)
        assert mrss.faults(root) == []
        return root.find(f".//item/{MEDIA}content").attrib  # type: ignore[union-attr]

    assert content(word)["expression"] == "sample"
    assert content(able)["expression"] == "full"
    door = content(able)["url"].removeprefix("http://127.0.0.1:8000")
    led = client.get(door)
    assert led.status_code == 307
    assert row.id.encode() in client.get(led.headers["location"]).content
    assert client.get(door.replace(able, word)).status_code == 404
    with unit_of_work() as session:
        session.get_one(License, row.id).ends_ms = 1
    assert client.get(door).status_code == 404
    assert content(able)["expression"] == "sample"


def test_a_closed_pool_has_no_feed(client: TestClient, word: str) -> None:
    staff = visitor("sam@house.example", Role.STAFF)
    with unit_of_work() as session:
        pools.close(session, staff, "goals")
    assert read(client, word).status_code == 404


def test_a_longer_feed_asks_the_database_no_more_often(client: TestClient, word: str) -> None:
    def asked() -> int:
        counted: list[str] = []

        def note(*given: Any) -> None:
            counted.append(given[2])

        events.listen(engine(), "before_cursor_execute", note)
        assert read(client, word).status_code == 200
        events.remove(engine(), "before_cursor_execute", note)
        return len(counted)

    offered()
    read(client, word)
    few = asked()
    for _ in range(4):
        offered()
    assert asked() == few
