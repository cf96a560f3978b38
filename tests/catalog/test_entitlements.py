"""Nothing leaves but what the policy says: every kind of file, person, license and door.

The policy, in words: what is on sale is seen by all, with a mark. The clean clip is had by its
creator, by staff, and by whoever holds a license of it that lives and is no comp. A recording's
own streams are its creator's and staff's. Originals leave for nobody. A licensed copy leaves for
its licensee alone, by a signed address. A token speaks for its account where programs ask (files,
API) and opens no page.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient

from catalog import auth, deliveries
from catalog.app import create_app
from catalog.auth import NOBODY, Visitor
from catalog.entitlements import may_use
from catalog.web import visitors
from models.account import Account, Role, Token
from models.base import reading, unit_of_work
from models.clip import Asset, AssetKind, Clip
from models.license import License
from models.listing import ListingState
from models.migrations import migrate
from models.recording import Recording
from models.storage import store
from tests import delivery_factories, factories, people
from tests.conftest import forget
from tests.delivery_factories import full_clip, license_of, word_of_guest

LICENSES = {
    "none": None,
    "alive": ("standard", "alive"),
    "later": ("standard", "later"),
    "ended": ("standard", "ended"),
    "revoked": ("standard", "revoked"),
    "comp": ("comp", "alive"),
}
ON_SALE = {
    "public": tuple(LICENSES),
    "withdrawn": ("none", "alive"),
    "embargoed": ("none", "alive"),
}
STAFF_LIKE = {"owner", "staff", "owner's token"}
HOLDERS = {"licensee", "guest", "licensee's token"}
TOLD_APART = (AssetKind.MASTER, AssetKind.DELIVERY, AssetKind.PREVIEW)
DAY_MS = factories.DAY_MS


@dataclass
class Work:
    """A clip, how it is sold, and how those who hold a license of it hold it."""

    sale: str
    license: str
    clip: Clip
    assets: list[Asset]
    account_license: License | None
    guest_license: License | None


@dataclass
class World:
    works: list[Work]
    people: dict[str, dict[str, Any]]
    """By name: what their requests carry."""
    recording: Recording
    streams: list[Asset]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One house for all that only look."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REELYARD_DATA", str(tmp_path_factory.mktemp("house")))
        forget()
        migrate()
        with TestClient(create_app(), base_url="http://127.0.0.1", follow_redirects=False) as made:
            yield made
    forget()


@pytest.fixture(scope="module")
def world(client: TestClient) -> World:
    people.account("ada@example.org", Role.CREATOR, creator="ada")
    licensee = people.account("lea@films.example", Role.LICENSEE)
    word, guest = word_of_guest()
    works = [
        _work(sale, state, licensee, guest) for sale, states in ON_SALE.items() for state in states
    ]
    with unit_of_work() as session:
        recording = factories.recording(session)
        chunk = factories.chunk(session, recording, "720p", 0)
        sound = factories.chunk(session, recording, "audio", 0)
        original = factories.asset(session, recording, AssetKind.ORIGINAL, b"the original")
        streams = [
            session.get_one(Asset, chunk.asset_id),
            session.get_one(Asset, sound.asset_id),
            original,
        ]
    return World(works, _people(word), recording, streams)


def _work(sale: str, state: str, licensee: str, guest: str) -> Work:
    with unit_of_work() as session:
        clip, listing = full_clip(session)
        held: list[License | None] = [None, None]
        if LICENSES[state] is not None:
            kind, stands = LICENSES[state]
            held = [
                license_of(session, listing, account_id=licensee, kind=kind, stands=stands),
                license_of(session, listing, guest=guest, kind=kind, stands=stands),
            ]
        if sale == "withdrawn":
            listing.state = ListingState.WITHDRAWN
        if sale == "embargoed":
            listing.visible_from_ms = int(time.time() * 1000) + DAY_MS
        session.flush()
        session.refresh(clip)
        return Work(sale, state, clip, list(clip.assets), *held)


def _people(guest_word: str) -> dict[str, dict[str, Any]]:
    def signed_in(email: str, *roles: Role, creator: str = "") -> dict[str, Any]:
        account_id = people.account(email, *roles, creator=creator)
        with unit_of_work() as session:
            row = session.get_one(Account, account_id)
            return {"cookies": {visitors.SIGN_IN: auth.begin_sign_in(session, row)}}

    def token(email: str, *scopes: str) -> dict[str, Any]:
        word = f"rlyd_{email}_{'_'.join(scopes)}"
        with unit_of_work() as session:
            session.add(
                Token(
                    account_id=people.account(email),
                    name="test",
                    token_sha256=auth.sha256(word),
                    begins=word[:8],
                    scopes=list(scopes),
                    expires_ms=2**52,
                )
            )
        return {"headers": {"Authorization": f"Bearer {word}"}}

    return {
        "nobody": {},
        "guest": {"cookies": {visitors.GUEST: guest_word}},
        "another guest": {"cookies": {visitors.GUEST: "another-word"}},
        "stranger": signed_in("sam@example.org", Role.LICENSEE),
        "licensee": signed_in("lea@films.example", Role.LICENSEE),
        "owner": signed_in("ada@example.org", Role.CREATOR, creator="ada"),
        "other creator": signed_in("bob@example.org", Role.CREATOR, creator="bob"),
        "partner and member": signed_in("pia@example.org", Role.PARTNER, Role.MEMBER),
        "staff": signed_in("sue@example.org", Role.STAFF),
        "licensee's token": token("lea@films.example", "licenses:read"),
        "licensee's small token": token("lea@films.example", "catalog:read"),
        "owner's token": token("ada@example.org", "recordings:read"),
        "owner's small token": token("ada@example.org", "catalog:read"),
    }


def may(person: str, work: Work, kind: AssetKind) -> bool:
    """The policy once more, in its own words."""
    works_on_it = person in STAFF_LIKE
    if kind in (AssetKind.DELIVERY, AssetKind.ORIGINAL):
        return False
    if kind == AssetKind.CHUNK:
        return works_on_it
    if kind == AssetKind.MASTER:
        return works_on_it or (person in HOLDERS and work.license in ("alive", "later"))
    return work.sale == "public" or works_on_it


def sees_page(person: str, work: Work) -> bool:
    """Who works on it looks at it before its day; withdrawn it is nobody's."""
    return work.sale == "public" or (work.sale == "embargoed" and person in STAFF_LIKE)


def asked(client: TestClient, path: str, person: dict[str, Any], method: str = "GET") -> Any:
    client.cookies.clear()
    for name, value in person.get("cookies", {}).items():
        client.cookies.set(name, value)
    return client.request(method, path, headers=person.get("headers", {}))


def address(asset: Asset) -> str:
    return f"/media/{asset.id}/{asset.kind}{asset.suffix}"


def test_every_file_by_its_own_address(client: TestClient, world: World) -> None:
    for name, person in world.people.items():
        for work in world.works:
            for asset in work.assets:
                if asset.kind not in TOLD_APART and work.license != "none":
                    continue  # those that are seen with the clip are alike
                answer = asked(client, address(asset), person)
                case = (name, work.sale, work.license, asset.kind)
                assert answer.status_code == (200 if may(name, work, asset.kind) else 404), case
                content = b"".join(store().read(asset.key))
                assert (answer.content == content) == may(name, work, asset.kind), case
                if may(name, work, asset.kind):
                    kept = answer.headers["cache-control"]
                    everybody_s = work.sale == "public" and asset.kind != AssetKind.MASTER
                    assert kept.startswith("private") if everybody_s else kept == "no-store", case


def test_a_recording_s_streams(client: TestClient, world: World) -> None:
    playlist = f"/recordings/{world.recording.id}/hls/master.m3u8"
    rung = f"/recordings/{world.recording.id}/hls/720p.m3u8"
    for name, person in world.people.items():
        allowed = name in STAFF_LIKE
        for asset in world.streams:
            wanted = allowed and asset.kind == AssetKind.CHUNK
            assert (asked(client, address(asset), person).status_code == 200) == wanted, name
            assert (asked(client, address(asset), person, "HEAD").status_code == 200) == wanted
        for path in (playlist, rung):
            answer = asked(client, path, person)
            signed_in = allowed and "headers" not in person
            assert (answer.status_code == 200) == signed_in, (name, path)
            assert ("#EXTM3U" in answer.text) == signed_in, (name, path)


def test_the_api_names_what_its_asker_may_fetch_and_no_more(
    client: TestClient, world: World
) -> None:
    for name, person in world.people.items():
        for work in world.works:
            answer = asked(client, f"/api/v1/listings/{work.clip.id}", person)
            case = (name, work.sale, work.license)
            if not sees_page(name, work):
                assert answer.status_code == 404, case
                continue
            assert answer.json()["early"] == (work.sale == "embargoed"), case
            told = {one["kind"] for one in answer.json()["files"]}
            wanted = {asset.kind for asset in work.assets if may(name, work, asset.kind)}
            assert told == {str(kind) for kind in wanted}, case
            addresses = {one["url"] for one in answer.json()["files"]}
            assert addresses <= {f"http://127.0.0.1:8000{address(one)}" for one in work.assets}


def test_the_page_plays_what_its_visitor_may_have(client: TestClient, world: World) -> None:
    for name, person in world.people.items():
        for work in world.works:
            text = asked(client, f"/clips/{work.clip.id}", person).text
            case = (name, work.sale, work.license)
            plays_master = "/master.mp4" in text
            program = "headers" in person
            clean = may(name, work, AssetKind.MASTER) and not program
            seen = sees_page(name, work) and not (program and work.sale == "embargoed")
            assert plays_master == (seen and clean), case
            assert ("marked preview" in text) == (seen and not clean), case
            assert ("License this clip" in text) == (work.sale == "public"), case
            assert "/delivery." not in text, case


def test_the_manifest_is_seen_where_the_clip_is(client: TestClient, world: World) -> None:
    for work in world.works:
        for path in (
            f"/clips/{work.clip.id}/manifest.json",
            f"/api/v1/clips/{work.clip.id}/manifest",
        ):
            answer = asked(client, path, world.people["nobody"])
            assert (answer.status_code == 200) == (work.sale == "public"), work.sale


def test_a_signed_address_is_made_for_its_licensee_alone(client: TestClient, world: World) -> None:
    for work in world.works:
        for whose, row in (("licensee", work.account_license), ("guest", work.guest_license)):
            if row is None:
                continue
            alive = work.license not in ("ended", "revoked")
            with reading() as session:
                files = deliveries.files(session, session.get_one(License, row.id))
            assert {one.label for one in files} >= {"Captions", "Poster", "Manifest"}
            for name, person in world.people.items():
                if "headers" in person:
                    continue  # forms are for browsers; programs have the API
                path = f"/licenses/{row.id}/downloads/{files[0].asset.id}"
                asked(client, "/healthz", person)
                made = people.post(client, path)
                case = (name, whose, work.sale, work.license)
                assert (made.status_code == 303) == (name == whose and alive), case
                if made.status_code == 303:
                    got = asked(client, made.headers["location"], world.people["nobody"])
                    assert got.status_code == 200, case
                    assert row.id.encode() in got.content, case
                else:
                    assert made.status_code in (403, 404), case


def test_no_license_opens_another_s_files(client: TestClient, world: World) -> None:
    """A copy of one license is not had by another license of the same clip."""
    work = next(one for one in world.works if one.license == "alive" and one.sale == "public")
    assert work.account_license is not None
    assert work.guest_license is not None
    with reading() as session:
        other = deliveries.files(session, session.get_one(License, work.guest_license.id))
    asked(client, "/healthz", world.people["licensee"])
    for one in other:
        path = f"/licenses/{work.account_license.id}/downloads/{one.asset.id}"
        made = people.post(client, path)
        shared = one.asset.kind in (AssetKind.CAPTIONS, AssetKind.POSTER)
        assert made.status_code == (303 if shared else 404), one.label


def test_a_license_lives_until_its_last_millisecond(world: World) -> None:
    with unit_of_work() as session:
        clip, listing = full_clip(session)
    account_id = people.account("lea@films.example", Role.LICENSEE)
    visitor = Visitor(account_id=account_id)
    with unit_of_work() as session:
        row = license_of(session, session.merge(listing), account_id=account_id)
        clip = session.get_one(Clip, clip.id)
        assert may_use(session, visitor, clip, "clean", row.ends_ms - 1)
        assert not may_use(session, visitor, clip, "clean", row.ends_ms)
        assert not may_use(session, NOBODY, clip, "clean", row.ends_ms - 1)
        assert may_use(session, NOBODY, clip, "preview", row.ends_ms)


def test_a_guest_s_license_follows_the_account_it_was_given_to(world: World) -> None:
    """Once an account took it over, the browser's cookie alone opens nothing."""
    _, guest = word_of_guest()
    account_id = people.account("lea@films.example", Role.LICENSEE)
    with unit_of_work() as session:
        clip, listing = full_clip(session)
        row = license_of(session, listing, guest=guest)
        now = int(time.time() * 1000)
        assert may_use(session, Visitor(guest=guest), clip, "clean", now)
        row.account_id = account_id
        session.flush()
        assert not may_use(session, Visitor(guest=guest), clip, "clean", now)
        assert may_use(session, Visitor(account_id=account_id), clip, "clean", now)


def test_the_factories_know_every_kind() -> None:
    """A new kind of file comes into these tests by itself, or not into the store."""
    known = {*delivery_factories.OF_CLIP, AssetKind.DELIVERY, AssetKind.CHUNK, AssetKind.ORIGINAL}
    assert set(AssetKind) == known
