"""A license's page and files: fresh links, ranges, names for people, history, the end of it."""

import re
import time
from email.message import Message
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select

from catalog import deliveries, listings
from models.account import Role
from models.base import reading, unit_of_work
from models.clip import Asset, AssetKind, Clip
from models.job import JobState
from models.license import Download, License, LicenseState
from models.mail import Mail
from models.reservation import FOREVER_MS
from models.settings import settings
from models.storage import store
from tests import factories, people
from tests.delivery_factories import full_clip, license_of, word_of_guest

LEA = "lea@films.example"


@pytest.fixture
def lea(client: TestClient) -> str:
    """The client is signed in as a licensee."""
    return people.sign_in(client, LEA, Role.LICENSEE)


def granted(account_id: str, **values: Any) -> License:
    with unit_of_work() as session:
        _, listing = full_clip(session, title=values.pop("title", "The winning goal"))
        return license_of(session, listing, account_id=account_id, **values)


def files(row: License) -> dict[str, Asset]:
    with reading() as session:
        found = deliveries.files(session, session.get_one(License, row.id))
        return {one.label: one.asset for one in found}


def fresh(client: TestClient, row: License, label: str = "The clip") -> str:
    """What the button gives."""
    made = people.post(client, f"/licenses/{row.id}/downloads/{files(row)[label].id}")
    assert made.status_code == 303, made.text
    assert made.headers["cache-control"] == "no-store"
    return made.headers["location"]


def content(asset: Asset) -> bytes:
    return b"".join(store().read(asset.key))


def turn(row: License, **values: Any) -> None:
    with unit_of_work() as session:
        changed = session.get_one(License, row.id)
        for name, value in values.items():
            setattr(changed, name, value)


def fetched(row: License) -> int:
    with reading() as session:
        return len(session.scalars(select(Download).filter_by(license_id=row.id)).all())


def name_told(answer: Any) -> str:
    message = Message()
    message["Content-Disposition"] = answer.headers["content-disposition"]
    assert message.get_content_disposition() == "attachment"
    return message.get_filename() or ""


def test_the_page_says_what_until_when_and_gives_every_file(client: TestClient, lea: str) -> None:
    row = granted(lea)
    text = client.get(f"/licenses/{row.id}").text
    for said in (
        "The winning goal",
        "Licensed to Ada Films for websites and blogs, and social media; worldwide",
        "You may show it on your own channels.",
        f"/licenses/{row.id}/certificate.pdf",
        f"/licenses/{row.id}/certificate.json",
        f"/verify/{row.id}",
        "Nothing has been downloaded yet.",
        f"The winning goal - {row.id[:8]}.mp4",
    ):
        assert said in text, said
    assert list(files(row)) == ["The clip", "Captions", "Poster", "Manifest"]
    assert text.count(f"/licenses/{row.id}/downloads/") == 4


def test_each_file_comes_whole_under_a_name_for_people(client: TestClient, lea: str) -> None:
    row = granted(lea)
    for label, asset in files(row).items():
        answer = client.get(fresh(client, row, label))
        assert answer.content == content(asset)
        assert name_told(answer) == f"The winning goal - {row.id[:8]}{asset.suffix}"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "content-encoding" not in answer.headers


def test_a_broken_download_goes_on_where_it_stopped(client: TestClient, lea: str) -> None:
    row = granted(lea)
    whole = content(files(row)["The clip"])
    address = fresh(client, row)
    head = client.head(address)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole))
    assert head.headers["accept-ranges"] == "bytes"
    etag = head.headers["etag"]
    first = client.get(address, headers={"Range": "bytes=0-99"})
    rest = client.get(address, headers={"Range": "bytes=100-", "If-Range": etag})
    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.content + rest.content == whole
    other = client.get(address, headers={"Range": "bytes=100-", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, whole)


def test_one_range_a_request_and_no_flood_of_them(client: TestClient, lea: str) -> None:
    address = fresh(client, granted(lea))
    assert client.get(address, headers={"Range": "bytes=0-1,4-5"}).status_code == 416
    flood = "bytes=" + ",".join(f"{at}-{at}" for at in range(10_000))
    started = time.monotonic()
    answer = client.get(address, headers={"Range": flood})
    assert answer.status_code in (416, 431)
    assert len(answer.content) < 10_000
    assert time.monotonic() - started < 1


def test_a_download_is_noted_once_however_many_ranges_it_takes(
    client: TestClient, lea: str
) -> None:
    row = granted(lea)
    address = fresh(client, row)
    client.head(address)
    assert fetched(row) == 0
    client.get(address, headers={"Range": "bytes=100-"})
    assert fetched(row) == 0, "it goes on with one that began before"
    for wanted in ("bytes=0-9", "bytes=10-19", "bytes=0-"):
        client.get(address, headers={"Range": wanted})
    client.get(address)
    assert fetched(row) == 1
    client.get(fresh(client, row, "Captions"))
    assert fetched(row) == 2
    page = client.get(f"/licenses/{row.id}").text
    assert len(re.findall(r"<td>(The clip|Captions)</td>", page)) == 2


def test_what_is_counted_already_waits_for_no_writer(client: TestClient, lea: str) -> None:
    address = fresh(client, granted(lea))
    client.get(address)
    with unit_of_work() as session:
        session.connection()  # from here on nobody else can write, on SQLite
        started = time.monotonic()
        assert client.get(address, headers={"Range": "bytes=0-9"}).status_code == 206
    assert time.monotonic() - started < 10


def test_a_revoked_license_closes_links_that_are_out_already(client: TestClient, lea: str) -> None:
    row = granted(lea)
    address = fresh(client, row)
    assert client.get(address).status_code == 200
    turn(row, state=LicenseState.REVOKED, revoked_ms=1_760_000_000_000, revoked_why="Refunded.")
    answer = client.get(address)
    assert answer.status_code == 403
    assert "revoked" in answer.text
    again = people.post(client, f"/licenses/{row.id}/downloads/{files(row)['The clip'].id}")
    assert again.status_code == 403
    page = client.get(f"/licenses/{row.id}").text
    assert "This license was revoked on" in page
    assert "9 Oct 2025, 08:53 UTC" in page
    assert "Refunded." in page
    assert "/downloads/" not in page


def test_an_ended_license_says_so_and_offers_a_new_one(client: TestClient, lea: str) -> None:
    row = granted(lea)
    address = fresh(client, row)
    turn(row, ends_ms=int(time.time() * 1000) - 1)
    assert client.get(address).status_code == 403
    page = client.get(f"/licenses/{row.id}").text
    assert "This license ended on" in page
    assert "License it again" in page
    assert "/downloads/" not in page


def test_an_endless_license_is_told_so(client: TestClient, lea: str) -> None:
    row = granted(lea, ends_ms=FOREVER_MS)
    assert "with no end date" in client.get(f"/licenses/{row.id}").text


def test_while_its_copy_is_made_the_page_says_so(client: TestClient, lea: str) -> None:
    row = granted(lea, delivered=False)
    assert "being prepared" in client.get(f"/licenses/{row.id}").text
    with unit_of_work() as session:
        job = factories.job(session, factories.recording(session), "deliver", JobState.QUARANTINED)
        job.subject, job.spec, job.recording_id = row.id, "", None
    assert "could not be prepared" in client.get(f"/licenses/{row.id}").text


def test_a_comp_license_gives_the_marked_preview(client: TestClient, lea: str) -> None:
    row = granted(lea, kind="comp")
    assert list(files(row)) == ["The marked preview", "Captions", "Poster", "Manifest"]
    assert "gives the marked preview" in client.get(f"/licenses/{row.id}").text


def test_strangers_find_no_license_and_others_no_button(client: TestClient, lea: str) -> None:
    row = granted(lea)
    asset = files(row)["The clip"]
    for email, roles, creator, code in (
        ("sam@example.org", (Role.LICENSEE,), "", 404),
        ("bob@example.org", (Role.CREATOR,), "bob", 404),
        ("ada@example.org", (Role.CREATOR,), "ada", 200),
        ("sue@example.org", (Role.STAFF,), "", 200),
    ):
        people.sign_in(client, email, *roles, creator=creator)
        page = client.get(f"/licenses/{row.id}")
        assert page.status_code == code, email
        assert "/downloads/" not in page.text
        made = people.post(client, f"/licenses/{row.id}/downloads/{asset.id}")
        assert made.status_code == 404, email
    people.sign_out(client)
    assert client.get(f"/licenses/{row.id}").status_code == 404
    assert client.get(f"/licenses/{'0' * 32}").status_code == 404
    assert client.get("/licenses/nothing").status_code in (404, 422)


def test_a_form_of_another_site_makes_no_link(client: TestClient, lea: str) -> None:
    row = granted(lea)
    path = f"/licenses/{row.id}/downloads/{files(row)['The clip'].id}"
    assert client.post(path, data={"form_token": "x"}).status_code == 400
    token = people.form_token(client)
    evil = {"Origin": "https://evil.example"}
    assert client.post(path, data={"form_token": token}, headers=evil).status_code == 400


def test_a_link_for_one_file_opens_no_other(client: TestClient, lea: str) -> None:
    row, other = granted(lea), granted(lea, title="Another")
    address = fresh(client, row)
    path, query = address.split("?")
    theirs = files(other)["The clip"]
    for wrong in (
        path.replace(files(row)["The clip"].id, files(row)["Captions"].id),
        path.replace(files(row)["The clip"].id, theirs.id),
        path.replace(row.id, other.id),
        path.replace("delivery.mp4", "master.mp4"),
        f"/deliveries/{other.id}/{theirs.id}/delivery.mp4",
    ):
        assert client.get(f"{wrong}?{query}").status_code == 403, wrong
    assert client.get(path).status_code == 422
    assert client.get(f"{path}?{query}".replace("signature=", "signature=0")).status_code == 422


def test_a_guest_s_own_browser_downloads(client: TestClient) -> None:
    word, guest = word_of_guest()
    with unit_of_work() as session:
        _, listing = full_clip(session)
        row = license_of(session, listing, guest=guest)
    client.cookies.set("guest", word)
    assert client.get(f"/licenses/{row.id}").status_code == 200
    assert client.get(fresh(client, row)).content == content(files(row)["The clip"])


def test_the_license_outlives_the_sale_of_its_clip(client: TestClient, lea: str) -> None:
    """Withdrawn from sale, it stays with those who licensed it."""
    row = granted(lea)
    with unit_of_work() as session:
        listings.withdraw(session, session.get_one(License, row.id).listing.clip_id, "test")
    assert client.get(fresh(client, row)).status_code == 200


@example("🎬" * 200)
@example("con: a/b\\c\u202e.exe")
@given(st.text(max_size=400))
def test_any_title_is_a_name_that_every_disk_takes(title: str) -> None:
    clip, row = Clip(title=title), License(id="3f" * 16)
    asset = Asset(kind=AssetKind.DELIVERY, suffix=".mp4")
    name = deliveries.name_of(clip, row, asset)
    assert name.endswith(" - 3f3f3f3f.mp4")
    assert not set(name) & set('/\\:*?"<>|\r\n\t\0\u202e\u2066')
    assert len(name.encode()) <= 255
    assert name[0] not in " ."
    header = deliveries.attachment(name)
    assert header.isascii()
    assert header.count('"') == 2
    assert not set(header) & set("\r\n")


def test_a_reminder_comes_two_weeks_before_the_end_and_once(client: TestClient, lea: str) -> None:
    now = int(time.time() * 1000)
    day = factories.DAY_MS
    soon = granted(lea, ends_ms=now + 13 * day)
    granted(lea, ends_ms=now + 15 * day)
    granted(lea, ends_ms=now + 13 * day, kind="comp")
    granted(lea, stands="revoked")
    granted(lea, stands="ended")
    for told in (1, 0):
        with unit_of_work() as session:
            assert deliveries.remind(session) == told
    with reading() as session:
        mail = session.scalars(select(Mail)).one()
        assert session.get_one(License, soon.id).reminded_ms is not None
    assert mail.to == "ada@films.example"
    assert mail.subject.startswith('Your license for "The winning goal" ends on ')
    assert f"/licenses/{soon.id}" in mail.text


def test_the_file_may_be_handed_over_to_nginx(
    client: TestClient, lea: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = granted(lea)
    address = fresh(client, row)
    monkeypatch.setenv("REELYARD_HAND_OFF", "nginx")
    settings.cache_clear()
    asset = files(row)["The clip"]
    for method in ("GET", "HEAD"):
        answer = client.request(method, address)
        assert answer.headers["x-accel-redirect"] == f"/_blobs/{asset.key}"
        assert answer.content == b""
        assert answer.headers["cache-control"] == "no-store"
        assert name_told(answer).endswith(".mp4")
    assert client.get(address, headers={"Range": "bytes=0-1,4-5"}).status_code == 416
    store().delete(asset.key)
    assert client.get(address).status_code == 404
