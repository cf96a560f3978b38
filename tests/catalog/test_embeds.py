"""Clips on other people's pages: linked data, Open Graph, oEmbed, the sitemap, the frame."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as some

from catalog import listings, xmls
from catalog.web import sitemap
from models.base import unit_of_work
from models.clip import AssetKind
from models.creator import Creator
from models.listing import Listing
from tests import factories

HOSTILE = '</script><script>alert(1)</script>"><img src=x onerror=alert(1)>&amp;\u2028'
HOME = "http://127.0.0.1:8000"
NAMES = {"s": sitemap.SITEMAP, "v": sitemap.VIDEO}
XSD = {
    "thumbnail_loc": (1, 1, r"https?://\S+"),
    "title": (1, 1, r".{1,100}"),
    "description": (1, 1, r".{1,2048}"),
    "content_loc": (0, 1, r"https?://\S+"),
    "player_loc": (0, 1, r"https?://\S+"),
    "duration": (0, 1, r"[1-9]\d{0,4}"),
    "publication_date": (0, 1, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"),
    "tag": (0, 32, r".+"),
}
"""Of sitemap-video.xsd 1.1: each element in this order, how often at least and most, its text."""


def on_sale(title: str = "The winning goal", *, preview: bool = True, **values: Any) -> Listing:
    visible_from_ms = values.pop("visible_from_ms", None)
    with unit_of_work() as session:
        clip = factories.clip(session, title=title, **values)
        jpeg = {"suffix": ".jpg", "mime": "image/jpeg"}
        factories.asset(session, clip, AssetKind.POSTER, b"poster", **jpeg)
        factories.asset(session, clip, AssetKind.MASTER, b"clean")
        if preview:
            factories.asset(session, clip, AssetKind.PREVIEW, b"marked")
        listing = factories.listing(session, clip, visible_from_ms=visible_from_ms)
        session.refresh(clip)
        assert [asset.kind for asset in clip.assets]
        return listing


def linked_data(page: str) -> Any:
    """What a program finds in it: the text of a script element ends at the next end tag."""
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script', page, re.DOTALL)
    assert len(found) == 1
    return json.loads(found[0])


def test_a_clip_is_a_video_object_with_its_license(client: TestClient) -> None:
    listing = on_sale(tags=["goal", "cup"])
    page = client.get(f"/clips/{listing.clip_id}").text
    said = linked_data(page)
    assert (said["@context"], said["@type"]) == ("https://schema.org", "VideoObject")
    assert said["name"] == "The winning goal"
    assert said["duration"] == "PT27S"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", said["uploadDate"])
    assert said["license"] == f"{HOME}/terms"
    assert said["acquireLicensePage"] == f"{HOME}/clips/{listing.clip_id}#deal"
    assert said["creator"] == {"@type": "Person", "name": "Ada"}
    assert said["creditText"] == "Ada / Reelyard"
    assert re.fullmatch(r"© \d{4} Ada", said["copyrightNotice"])
    assert said["keywords"] == ["cup", "goal"] or said["keywords"] == ["goal", "cup"]
    assert said["embedUrl"] == f"{HOME}/embed/{listing.clip_id}"


def test_its_content_is_the_preview_and_never_the_clean_file(client: TestClient) -> None:
    shown, waiting = on_sale(), on_sale(preview=False)
    for listing, content in ((shown, True), (waiting, False)):
        page = client.get(f"/clips/{listing.clip_id}").text
        said = linked_data(page)
        assert ("contentUrl" in said) == content
        assert ('property="og:video"' in page) == content
        assert "master.mp4" not in page
    path = urlsplit(linked_data(client.get(f"/clips/{shown.clip_id}").text)["contentUrl"]).path
    assert client.get(path).content == b"marked"


def test_hostile_titles_end_no_block(client: TestClient) -> None:
    listing = on_sale(HOSTILE)
    page = client.get(f"/clips/{listing.clip_id}").text
    assert linked_data(page)["name"] == HOSTILE
    for text in (page, client.get(f"/embed/{listing.clip_id}").text):
        assert "<script>alert" not in text
        assert "<img src=x" not in text


@given(some.text(max_size=50))
def test_any_title_is_read_back_as_it_was(title: str) -> None:
    from catalog.web.linked import _json

    block = str(_json({"name": title}))
    assert not re.search(r"[<>&\u2028\u2029]", block)
    assert json.loads(block) == {"name": title}


def test_a_clip_of_sound_alone_is_no_video(client: TestClient) -> None:
    listing = on_sale(width=0, height=0)
    said = linked_data(client.get(f"/clips/{listing.clip_id}").text)
    assert said["@type"] == "AudioObject"
    assert "width" not in said
    assert oembed(client, listing)["type"] == "rich"
    assert "<video:" not in client.get("/sitemap-1.xml").text


def test_open_graph_and_the_player_card(client: TestClient) -> None:
    listing = on_sale()
    page = client.get(f"/clips/{listing.clip_id}").text
    tags = dict(re.findall(r'<meta (?:property|name)="([\w:]+)" content="([^"]*)">', page))
    assert tags["og:title"] == "The winning goal"
    assert tags["og:url"] == f"{HOME}/clips/{listing.clip_id}"
    assert tags["og:image"].startswith(f"{HOME}/media/")
    assert tags["og:video"].endswith("preview.mp4")
    assert tags["twitter:card"] == "player"
    assert tags["twitter:player"] == f"{HOME}/embed/{listing.clip_id}"
    assert int(tags["twitter:player:width"]) > 0


def oembed(client: TestClient, listing: Listing, **fields: Any) -> dict[str, Any]:
    url = f"{HOME}/clips/{listing.clip_id}"
    answer = client.get("/oembed", params={"url": url, **fields})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_oembed_is_found_from_the_page_and_answers_what_its_specification_asks(
    client: TestClient,
) -> None:
    listing = on_sale()
    page = client.get(f"/clips/{listing.clip_id}").text
    found = re.findall(r'type="(\w+/\w+)\+oembed" href="http://[^/]+([^"]+)"', page)
    addresses = {kind: address.replace("&amp;", "&") for kind, address in found}
    told = client.get(addresses["application/json"]).json()
    assert (told["type"], told["version"]) == ("video", "1.0")
    assert told["title"] == "The winning goal"
    assert told["author_name"] == "Ada"
    assert told["provider_name"] == "Reelyard"
    assert (told["width"], told["height"]) == (640, 416)
    frame = ElementTree.fromstring(told["html"].replace(" allowfullscreen", ""))
    assert frame.tag == "iframe"
    assert frame.attrib["src"] == f"{HOME}/embed/{listing.clip_id}"
    assert {"thumbnail_url", "thumbnail_width", "thumbnail_height"} <= told.keys()
    answer = client.get(addresses["text/xml"])
    assert answer.headers["content-type"].startswith("text/xml")
    root = ElementTree.fromstring(answer.content)
    assert root.tag == "oembed"
    assert {one.tag: one.text for one in root} == {name: str(one) for name, one in told.items()}


@pytest.mark.parametrize(
    ("wide", "high"), [(320, None), (None, 200), (400, 100), (1, 1), (9_999, 9_999)]
)
def test_the_frame_and_its_picture_keep_within_what_was_asked_for(
    client: TestClient, wide: int | None, high: int | None
) -> None:
    limits = {"maxwidth": wide, "maxheight": high}
    asked = {name: value for name, value in limits.items() if value}
    for shape in ({"width": 1280, "height": 720}, {"width": 720, "height": 1280}, {"width": 0}):
        told = oembed(client, on_sale(**shape), **asked)
        assert 1 <= told["width"] <= (wide or 640)
        assert 1 <= told["height"] <= (high or 2_000)
        assert told.get("thumbnail_width", 1) <= (wide or 10_000)
        assert told.get("thumbnail_height", 1) <= (high or 10_000)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"url": "http://elsewhere.example/clips/1"}, 404),
        ({"url": f"{HOME}/recordings"}, 404),
        ({"url": f"{HOME}/clips/nope"}, 404),
        ({"url": "javascript:alert(1)"}, 404),
        ({"url": "http://[bad/clips/1"}, 404),
        ({"url": f"{HOME}/clips/CLIP", "format": "yaml"}, 501),
        ({"url": f"{HOME}/clips/CLIP", "maxwidth": "0"}, 422),
        ({}, 422),
    ],
)
def test_what_oembed_can_not_answer_is_a_problem(
    client: TestClient, asked: Mapping[str, str], status: int
) -> None:
    clip_id = on_sale().clip_id
    params = {name: value.replace("CLIP", clip_id) for name, value in asked.items()}
    answer = client.get("/oembed", params=params)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_not_public_is_nowhere(client: TestClient) -> None:
    hidden = on_sale("Embargoed", visible_from_ms=9_999_999_999_999)
    withdrawn = on_sale("Withdrawn")
    with unit_of_work() as session:
        listings.withdraw(session, withdrawn.clip_id, "test")
    for listing in (hidden, withdrawn):
        assert client.get(f"/embed/{listing.clip_id}").status_code == 404
        url = f"{HOME}/clips/{listing.clip_id}"
        assert client.get("/oembed", params={"url": url}).status_code == 404
        assert listing.clip_id not in client.get("/sitemap-1.xml").text


def test_the_embedded_page_alone_may_be_framed_and_sets_no_cookie(client: TestClient) -> None:
    listing = on_sale()
    answer = client.get(f"/embed/{listing.clip_id}")
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors *" in policy
    assert "default-src 'self'" in policy
    assert "set-cookie" not in answer.headers
    assert "<form" not in answer.text
    for path in ("/", f"/clips/{listing.clip_id}", "/docs", "/embed/nope", "/oembed"):
        assert "frame-ancestors 'none'" in client.get(path).headers["content-security-policy"]


def test_robots_lead_to_the_sitemap(client: TestClient) -> None:
    text = client.get("/robots.txt").text
    assert f"Sitemap: {HOME}/sitemap.xml" in text
    assert "Disallow: /recordings\n" in text
    assert "Disallow: /media" not in text  # search engines fetch posters and previews


def test_the_sitemap_holds_each_public_clip_as_the_schema_wants_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemap, "PART", 3)
    made = {on_sale(f"{HOSTILE} {i}\x01 " + "x" * 150, tags=tags(i)).clip_id for i in range(7)}
    index = ElementTree.fromstring(client.get("/sitemap.xml").content)
    first, *parts = [str(one.text) for one in index.findall("s:sitemap/s:loc", NAMES)]
    assert first == f"{HOME}/sitemap-creators.xml"
    assert parts == [f"{HOME}/sitemap-{number}.xml" for number in (1, 2, 3)]
    found: list[str] = []
    for address in parts:
        answer = client.get(urlsplit(address).path)
        assert answer.headers["content-type"] == "application/xml"
        for url in ElementTree.fromstring(answer.content).findall("s:url", NAMES):
            location = url.findtext("s:loc", "", NAMES)
            found.append(location.rsplit("/", 1)[1])
            keeps_to_the_schema(url)
    assert sorted(found) == sorted(made)
    assert client.get("/sitemap-4.xml").status_code == 404
    assert client.get("/sitemap-0.xml").status_code in (404, 422)


def test_the_sitemap_leads_to_creators_of_whom_something_is_public(client: TestClient) -> None:
    def told() -> dict[str, str]:
        answer = client.get("/sitemap-creators.xml")
        assert answer.headers["content-type"] == "application/xml"
        found = ElementTree.fromstring(answer.content).findall("s:url", NAMES)
        return {
            one.findtext("s:loc", "", NAMES): one.findtext("s:lastmod", "", NAMES) for one in found
        }

    with unit_of_work() as session:
        factories.creator(session, "nothing-yet")
    assert told() == {}
    on_sale("Embargoed", visible_from_ms=9_999_999_999_999)
    assert told() == {}
    older, newer = (on_sale(visible_from_ms=1_700_000_000_000 + i) for i in (0, 86_400_000))
    with unit_of_work() as session:
        creator = session.get_one(Listing, newer.id).creator_id
        slug = session.get_one(Creator, creator).slug
    assert told() == {f"{HOME}/creators/{slug}": "2023-11-15T22:13:20+00:00"}
    assert client.get(f"/creators/{slug}").status_code == 200
    with unit_of_work() as session:
        listings.withdraw(session, newer.clip_id, "test")
    assert told() == {f"{HOME}/creators/{slug}": "2023-11-14T22:13:20+00:00"}
    with unit_of_work() as session:
        listings.withdraw(session, older.clip_id, "test")
    assert told() == {}


def tags(i: int) -> list[str]:
    return [f"tag {n}" for n in range(40 if i == 0 else i)]


def keeps_to_the_schema(url: ElementTree.Element) -> None:
    videos = url.findall("v:video", NAMES)
    assert len(videos) == 1
    names = [one.tag.removeprefix(f"{{{sitemap.VIDEO}}}") for one in videos[0]]
    assert names == sorted(names, key=list(XSD).index)
    for name, (least, most, pattern) in XSD.items():
        texts = [one.text or "" for one in videos[0].findall(f"v:{name}", NAMES)]
        assert least <= len(texts) <= most, name
        for text in texts:
            assert re.fullmatch(pattern, text, re.DOTALL), (name, text)


@given(some.text())
def test_whatever_a_text_holds_its_xml_can_be_read(text: str) -> None:
    root = ElementTree.fromstring(xmls.document(("a", {"b": text}, [("c", {}, text)])))
    wanted = xmls.FORBIDDEN.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    assert (root[0].text or "") == wanted
