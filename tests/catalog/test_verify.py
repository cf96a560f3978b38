"""Anyone may check a license or a file; only those it concerns get the certificate itself."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from catalog import certificates, keys
from models.account import Role
from models.base import unit_of_work
from models.clip import AssetKind, Clip
from models.settings import settings
from pipeline import ffmpeg
from pipeline.provenance import ClipClaim, CopyClaim, ensure_chain, sign
from pipeline.timeline import Span
from tests import factories, license_factories, people


def granted(**values: Any) -> str:
    with unit_of_work() as session:
        return license_factories.license(session, **values).id


def document_of(license_id: str) -> dict[str, Any]:
    with unit_of_work() as session:
        return certificates.verdict(session, license_id).document


def send(client: TestClient, content: bytes, name: str = "clip.mp4") -> Response:
    """By the page's form."""
    token = people.form_token(client)
    return client.post("/verify", data={"form_token": token}, files={"file": (name, content)})


def told(client: TestClient, content: bytes) -> dict[str, Any]:
    """By the API, as the body."""
    answer = client.post("/api/v1/verify", content=content)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(autouse=True)
def _nothing_is_kept(database: Path) -> Iterator[None]:
    yield
    left = settings().work_folder / "verify"
    assert not left.exists() or list(left.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "state", "sentence"),
    [
        ({}, "licensed", "Licensed to Ada Films for websites and blogs"),
        (license_factories.ENDLESS, "licensed", "with no end date."),
        ({"starts": 9}, "licensed later", "; from "),
        ({"starts": -9, "ends": -1}, "expired", "Expired on "),
        (
            {"state": "revoked", "revoked_ms": 1_800_000_000_000},
            "revoked",
            "15 Jan 2027, 08:00 UTC",
        ),
    ],
)
def test_a_license_says_first_whether_it_holds(
    client: TestClient, values: dict[str, Any], state: str, sentence: str
) -> None:
    now, values = license_factories.now_ms(), dict(values)
    for name in ("starts", "ends"):
        if name in values:
            values[f"{name}_ms"] = now + values.pop(name) * factories.DAY_MS
    id_ = granted(**values)
    page, twin = client.get(f"/verify/{id_}"), client.get(f"/api/v1/licenses/{id_}/verify").json()
    assert page.status_code == 200
    first = page.text.partition("<h1>")[2].partition("</h1>")[0]
    assert sentence in first
    assert sentence in twin["sentence"]
    assert (twin["state"], twin["signature"]) == (state, "valid")
    assert twin["holds"] == (state == "licensed")
    assert "The signature" not in first
    assert "Valid (Ed25519" in " ".join(page.text.split())


def test_the_public_proof_tells_neither_price_nor_address(client: TestClient) -> None:
    id_ = granted(price_cents=98_765)
    for path in (f"/verify/{id_}", f"/api/v1/licenses/{id_}/verify"):
        text = client.get(path).text
        assert "Ada Films" in text
        for private in ("ada@films.example", "987.65", "98765", "98,765"):
            assert private not in text


def test_an_unknown_license_is_told_in_words(client: TestClient) -> None:
    for id_ in ("0" * 32, "nonsense", "%00", "a" * 300, "<b>", "\u202e"):
        answer = client.get(f"/verify/{id_}")
        assert answer.status_code == 404
        assert "Not a license of this Reelyard" in answer.text
        assert client.get(f"/api/v1/licenses/{id_}/verify").status_code == 404


def test_the_form_takes_an_id_or_the_address_it_stands_in(client: TestClient) -> None:
    id_ = granted()
    form = client.get("/verify")
    assert form.text.count("<label") == 2
    for given in (id_, f"  {id_.upper()} ", f"http://127.0.0.1:8000/verify/{id_}", f"{id_}/"):
        answer = people.post(client, "/verify", license=given)
        assert (answer.status_code, answer.headers.get("location")) == (303, f"/verify/{id_}")
    assert people.post(client, "/verify", license="my license").status_code == 404


def test_three_people_and_the_certificate(client: TestClient) -> None:
    owner = people.account("buyer@example.org", Role.LICENSEE)
    id_ = granted(account_id=owner)
    doors = [f"/licenses/{id_}/certificate.{kind}" for kind in ("pdf", "json")]

    def opened() -> tuple[list[int], bool]:
        return [client.get(door).status_code for door in doors], doors[0] in client.get(
            f"/verify/{id_}"
        ).text

    assert opened() == ([404, 404], False)  # a guest
    people.sign_in(client, "stranger@example.org", Role.LICENSEE)
    assert opened() == ([404, 404], False)
    people.sign_in(client, "buyer@example.org")
    assert opened() == ([200, 200], True)
    people.sign_in(client, "ada@example.org", Role.CREATOR, creator="ada")  # whose clip it is
    assert opened() == ([200, 200], True)
    document = client.get(doors[1])
    assert "attachment" in document.headers["content-disposition"]
    assert keys.check(document.json(), keys.published(certificates.key_folder())) == "valid"
    assert client.get(doors[0]).content.startswith(b"%PDF-")


def test_names_are_shown_as_text(client: TestClient) -> None:
    name = "<img src=x onerror=alert(1)> \u202eslliB"
    id_ = granted(licensee=name)
    text = client.get(f"/verify/{id_}").text
    assert "<img" not in text
    assert "&lt;img src=x" in text
    assert "\u202e" not in text
    assert "<img" in client.get(f"/api/v1/licenses/{id_}/verify").json()["licensee"]


def test_the_keys_are_published_to_everyone(client: TestClient) -> None:
    empty = client.get("/.well-known/reelyard-keys.json").json()
    id_ = granted()
    answer = client.get("/.well-known/reelyard-keys.json")
    assert empty == {"keys": []}
    assert answer.headers["access-control-allow-origin"] == "*"
    assert keys.check(document_of(id_), keys.jwks(answer.content)) == "valid"
    assert "PRIVATE" not in answer.text
    assert '"d"' not in answer.text
    assert answer.json()["keys"][0]["kid"] in client.get("/keys").text


@pytest.mark.parametrize(
    ("kind", "said", "sentence"),
    [
        (AssetKind.MASTER, "not licensed", "Not licensed: it is the master of “The winning goal”"),
        (AssetKind.PREVIEW, "not licensed", "Not licensed: it is the preview of"),
        (AssetKind.DELIVERY, "license", "Licensed to Ada Films"),
        (AssetKind.ORIGINAL, "unknown", "Not licensed, as far as this file tells."),
    ],
)
def test_exact_bytes_are_known(
    client: TestClient, kind: AssetKind, said: str, sentence: str
) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session)
        listing = factories.listing(session, clip)
        asset = factories.asset(session, clip, kind, b"these very bytes")
        if kind == AssetKind.DELIVERY:
            asset.license_id = license_factories.license(session, listing).id
    found = told(client, b"these very bytes")
    assert (found["said"], found["sentence"].startswith(sentence)) == (said, True)
    assert found["found_by"] == ("" if said == "unknown" else "bytes")
    page = send(client, b"these very bytes")
    assert page.status_code == 200
    assert sentence in page.text


def video(path: Path, seconds: int = 1) -> Path:
    made = f"-f lavfi -i testsrc2=s=128x72:r=10:d={seconds} -c:v libx264 -preset ultrafast"
    ffmpeg.run([*made.split(), "-movflags", "+faststart", ffmpeg.url(path)])
    return path


def signed_clip(folder: Path, clip: Clip) -> Path:
    claim = ClipClaim(
        title=clip.title,
        clip_id=clip.id,
        recording_id=clip.recording_id,
        recording_sha256=clip.recording.sha256,
        recording_title=clip.recording.title,
        recording_duration_ms=600_000,
        recording_mime="video/mp4",
        span=Span(clip.start_ms, clip.end_ms),
        creator="Ada",
        created=datetime.now(UTC),
    )
    chain = ensure_chain(settings().resolved_keys)
    sign(video(folder / "plain.mp4"), folder / "clip.mp4", chain, claim)
    return folder / "clip.mp4"


def delivered(folder: Path, clip: Clip, master: Path, license_id: str) -> Path:
    claim = CopyClaim(
        title=clip.title,
        clip_id=clip.id,
        clip=master,
        license_id=license_id,
        license_kind="social",
        ends=None,
        verify_url=certificates.verify_url(license_id),
        creator="Ada",
        created=datetime.now(UTC),
    )
    sign(master, folder / "copy.mp4", ensure_chain(settings().resolved_keys), claim)
    return folder / "copy.mp4"


def test_a_copy_is_known_by_its_manifest_until_it_is_changed(
    client: TestClient, tmp_path: Path
) -> None:
    """No asset row has these bytes: what is told comes from the manifest alone."""
    with unit_of_work() as session:
        clip = factories.clip(session)
        listing = factories.listing(session, clip)
        id_ = license_factories.license(session, listing).id
        master = signed_clip(tmp_path, clip)
        copy = delivered(tmp_path, clip, master, id_).read_bytes()

    found = told(client, copy)
    assert (found["said"], found["found_by"]) == ("license", "manifest")
    assert found["license"]["license_id"] == id_
    assert found["license"]["clip"]["start_ms"] == 60_000
    assert "Licensed to Ada Films" in send(client, copy).text

    bare = told(client, master.read_bytes())
    assert (bare["said"], bare["license"]) == ("not licensed", None)
    assert bare["clip"]["recording_title"] == "Final match"

    middle = copy.index(b"mdat") + 200
    changed = copy[:middle] + bytes([copy[middle] ^ 1]) + copy[middle + 1 :]
    spoilt = told(client, changed)
    assert (spoilt["said"], spoilt["license"]) == ("changed", None)
    assert "changed" in spoilt["problems"][0]

    with unit_of_work() as session:
        from models.license import License, LicenseState

        row = session.get_one(License, id_)
        row.state, row.revoked_ms = LicenseState.REVOKED, license_factories.now_ms()
    assert told(client, copy)["license"]["state"] == "revoked"


def test_a_clip_of_another_house_is_not_taken_for_ours(client: TestClient, tmp_path: Path) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session)
        foreign = signed_clip(tmp_path, clip).read_bytes()
    keys_of_ours = settings().resolved_keys
    keys_of_ours.rename(keys_of_ours.with_name("other"))
    ensure_chain(keys_of_ours)
    found = told(client, foreign)
    assert (found["said"], found["clip"]) == ("somebody else's", None)


def test_a_license_as_json_is_looked_up(client: TestClient) -> None:
    id_ = granted()
    text = json.dumps(document_of(id_), indent=1).encode()
    found = told(client, text)
    assert (found["said"], found["found_by"]) == ("license", "signature")
    changed = told(client, text.replace(b"Ada Films", b"Eve Films"))
    assert (changed["said"], changed["license"]) == ("changed", None)
    assert "changed after it was signed" in send(client, text.replace(b"Ada", b"Eve")).text
