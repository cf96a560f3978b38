"""A certificate is signed, says what was licensed and nothing private, and any change is found."""

import base64
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog import certificates, keys
from catalog.certificates import State
from models.base import unit_of_work
from models.clip import AssetKind, ClipKind
from models.pool import ReelPart
from pipeline import landlock, sandbox
from pipeline.errors import ChildFailed
from tests import factories, license_factories
from tests.commands import environment

SAID: dict[str, Any] = {
    "schema": certificates.SCHEMA,
    "license": "0f" * 16,
    "licensee": "Łódź Film \U0001f3ac",
    "clip": {"id": "1a" * 16, "title": "The winning goal", "span_ms": [60_000, 87_000]},
    "starts": "2026-11-22T10:00:00.000+00:00",
    "ends": None,
}
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-keys.LARGEST, keys.LARGEST) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def written(value: Any) -> str:
    """RFC 8785 once more, from its text and not from our code: section 3.2."""
    if isinstance(value, dict):
        units = {name: list(memoryview(name.encode("utf-16-le")).cast("H")) for name in value}
        parts = [
            f"{written(name)}:{written(value[name])}"
            for name in sorted(value, key=units.__getitem__)
        ]
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(one) for one in value) + "]"
    if isinstance(value, str):
        short = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
        named = short | {'"': '\\"', "\\": "\\\\"}
        marks = (named.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value)
        return '"' + "".join(marks) + '"'
    return (
        {True: "true", False: "false", None: "null"}.get(value, str(value))
        if (value is None or isinstance(value, bool))
        else str(value)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "licenses"


@pytest.fixture(scope="module")
def signed(folder: Path) -> dict[str, Any]:
    return keys.sign(folder, SAID, NOW)


@given(VALUES)
@example({"\ufb33": 1, "\U0001f600": 2, "\r": 3, "1": 4, "\u0080": 5, "ö": 6, "€": 7})
def test_the_canonical_form_is_that_of_the_standard(value: Any) -> None:
    made = keys.canonical(value)
    assert made.decode() == written(value)
    assert json.loads(made) == value


@pytest.mark.parametrize(
    "value", [1.0, 0.1, 2**53, [-(2**53)], {"a": float("nan")}, "\ud800", {1: 2}]
)
def test_what_readers_of_json_may_read_differently_is_never_signed(value: Any) -> None:
    with pytest.raises(keys.NotCanonical):
        keys.canonical(value)


def test_anyone_can_check_the_signature_with_the_published_key(
    folder: Path, signed: dict[str, Any]
) -> None:
    def raw(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "==")

    published = json.loads((folder / "published.json").read_text())["keys"]
    jwk = next(one for one in published if one["kid"] == signed["signature"]["key"])
    assert (jwk["kty"], jwk["crv"], jwk["use"]) == ("OKP", "Ed25519", "sig")
    stripped = deepcopy(signed)
    value = stripped["signature"].pop("value")
    public = Ed25519PublicKey.from_public_bytes(raw(jwk["x"]))
    public.verify(raw(value), written(stripped).encode())
    assert keys.check(signed, keys.published(folder)) == "valid"


@settings(max_examples=400)
@given(st.data())
def test_any_single_changed_character_is_found(
    folder: Path, signed: dict[str, Any], data: st.DataObject
) -> None:
    text = json.dumps(signed, indent=1, ensure_ascii=False)
    at = data.draw(st.integers(0, len(text) - 1))
    instead = data.draw(st.sampled_from('0aZ-_ ,:"{}\\\u202e') | st.characters(codec="utf-8"))
    changed = text[:at] + instead + text[at + 1 :]
    try:
        document = keys.read_json(changed.encode())
    except ValueError:
        return  # no JSON any more
    if document != signed:  # else it was white space
        assert keys.check(document, keys.published(folder)) in ("changed", "unknown key")


def test_the_signature_itself_can_be_written_in_one_way_only(
    folder: Path, signed: dict[str, Any]
) -> None:
    """The last letter of base64 has bits to spare: others would decode to the same bytes."""
    value, published = signed["signature"]["value"], keys.published(folder)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/="
    others = [value[:-1] + letter for letter in alphabet if letter != value[-1]]
    for other in (*others, value + "==", f" {value}", f"{value}\n", "", value[:-1], None, 7):
        document = signed | {"signature": signed["signature"] | {"value": other}}
        assert keys.check(document, published) == "changed"
    for more in ({"algorithm": "none"}, {"algorithm": "ES256"}, {"note": "x"}):
        document = signed | {"signature": signed["signature"] | more}
        assert keys.check(document, published) == "changed"


@given(st.dictionaries(TEXT, VALUES) | st.fixed_dictionaries({"signature": VALUES}))
def test_no_document_at_all_breaks_the_check(folder: Path, document: dict[str, Any]) -> None:
    assert keys.check(document, keys.published(folder)) in ("changed", "unknown key")


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 2}', "[]", "NaN", '{"a": Infinity}', "", "\xff", "[" * 100_000]
)
def test_a_file_that_readers_may_read_differently_is_no_license(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        keys.read_json(text.encode("latin-1"))


def test_a_key_signs_for_a_year_and_its_licenses_verify_for_ever(tmp_path: Path) -> None:
    first = keys.sign(tmp_path, SAID, NOW)
    same = keys.sign(tmp_path, SAID, NOW + timedelta(days=364))
    later = keys.sign(tmp_path, SAID, NOW + timedelta(days=365))
    assert first == same
    assert first["signature"]["key"] != later["signature"]["key"]
    published = keys.published(tmp_path)
    assert [keys.check(one, published) for one in (first, later)] == ["valid", "valid"]
    assert len(list(tmp_path.glob("*.pem"))) == 1, "the old private key is not kept"


def test_a_lost_private_key_is_replaced_and_its_licenses_still_verify(tmp_path: Path) -> None:
    first = keys.sign(tmp_path, SAID, NOW)
    next(tmp_path.glob("*.pem")).unlink()
    second = keys.sign(tmp_path, SAID, NOW)
    published = keys.published(tmp_path)
    assert [keys.check(one, published) for one in (first, second)] == ["valid", "valid"]


def test_another_houses_license_is_told_apart(tmp_path: Path, folder: Path) -> None:
    foreign = keys.sign(tmp_path, SAID, NOW)
    assert keys.check(foreign, keys.published(folder)) == "unknown key"


def test_a_key_can_not_be_passed_off_under_anothers_name(
    tmp_path: Path, folder: Path, signed: dict[str, Any]
) -> None:
    keys.sign(tmp_path, SAID, NOW)
    jwk = keys.published(tmp_path)[0] | {"kid": signed["signature"]["key"]}
    assert keys.jwks(json.dumps({"keys": [jwk]}).encode()) == []


def test_processes_that_start_at_once_end_with_one_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys" / "licenses"
    act = "import sys, pathlib, catalog.keys as k; k.sign(pathlib.Path(sys.argv[1]), {})"

    def start(_: int) -> int:
        command = [sys.executable, "-c", act, str(folder)]
        return subprocess.run(command, env=environment(), check=False).returncode

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(start, range(4))) == {0}
    assert len(keys.published(folder)) == 1
    private = list(folder.glob("*.pem"))
    assert [oct(file.stat().st_mode & 0o777) for file in private] == ["0o600"]
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(landlock.version() < 1, reason="this kernel has no Landlock")
def test_the_media_child_can_not_read_the_key(tmp_path: Path) -> None:
    keys.sign(tmp_path / "licenses", SAID, NOW)
    private = next((tmp_path / "licenses").glob("*.pem"))
    upload = tmp_path / "upload"
    upload.write_bytes(b"media")
    request = {"source": str(private), "anchors": ""}
    with pytest.raises(ChildFailed, match="PermissionError"):
        sandbox.run("verify", request, reads=[upload])


def test_it_says_what_was_licensed_and_nothing_private(database: Path) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session, title="The winning goal")
        master = factories.asset(session, clip, AssetKind.MASTER, b"master")
        listing = factories.listing(session, clip)
        made = license_factories.license(session, listing, price_cents=98_765)
        document, clip_row = made.certificate, listing.clip
        text = json.dumps(document)
        assert document["license"] == made.id
        assert document["licensee"] == "Ada Films"
        assert document["clip"]["essence_sha256"] == clip_row.essence_sha256
        assert document["clip"]["master_sha256"] == master.sha256
        assert document["clip"]["recording"]["sha256"] == clip_row.recording.sha256
        assert document["clip"]["span_ms"] == [60_000, 87_000]
        assert document["verify"].endswith(f"/verify/{made.id}")
        assert datetime.fromisoformat(document["starts"]).timestamp() * 1000 == made.starts_ms
        assert datetime.fromisoformat(document["ends"]).timestamp() * 1000 == made.ends_ms
    assert "ada@films.example" not in text
    assert "98765" not in text
    assert keys.check(document, keys.published(certificates.key_folder())) == "valid"


NAMES = {
    "Ada \u202eFilms\u2066\x07\n  & Co": "Ada Films & Co",
    "<b>Ada</b>": "<b>Ada</b>",
    "ada@films.example": "account ",
    "Ada <ada@films.example>": "Ada",
    "नमस्\u200dते 山田": "नमस्\u200dते 山田",
}


def test_a_name_is_kept_but_not_what_hides_in_it(database: Path) -> None:
    with unit_of_work() as session:
        for given_name, shown in NAMES.items():
            made = license_factories.license(session, licensee=given_name)
            assert made.certificate["licensee"].startswith(shown)
            assert "@" not in made.certificate["licensee"]


def test_what_holds_is_one_sentence(database: Path) -> None:
    day = factories.DAY_MS
    now = license_factories.now_ms()
    asked = {
        State.LICENSED: {},
        State.LATER: {"starts_ms": now + day, **license_factories.ENDLESS},
        State.EXPIRED: {"starts_ms": now - 9 * day, "ends_ms": now - day},
        State.REVOKED: {"state": "revoked", "revoked_ms": now},
    }
    what = "for websites and blogs, and social media; worldwide;"
    begins = {
        State.LICENSED: f"Licensed to Ada Films {what}",
        State.LATER: f"Licensed to Ada Films {what}",
        State.EXPIRED: "Expired on ",
        State.REVOKED: "Revoked on ",
    }
    with unit_of_work() as session:
        for state, values in asked.items():
            made = license_factories.license(session, **values)
            verdict = certificates.verdict(session, made.id)
            assert verdict.state == state
            assert verdict.sentence.startswith(begins[state])
            assert verdict.holds == (state == State.LICENSED)
            assert ("no end date" in verdict.sentence) == (state == State.LATER)


def test_a_license_that_was_changed_in_the_database_is_not_to_be_relied_on(database: Path) -> None:
    with unit_of_work() as session:
        made = license_factories.license(session)
        made.certificate = made.certificate | {"licensee": "Mallory"}
        verdict = certificates.verdict(session, made.id)
    assert (verdict.state, verdict.signature, verdict.holds) == (State.CHANGED, "changed", False)
    assert "Mallory" not in verdict.sentence


def test_limits_are_told_in_words(database: Path) -> None:
    fields = {"watermarked": True, "private": True, "commercial": False, "sublicensing": True}
    with unit_of_work() as session:
        terms = license_factories.terms(session, version=902, fields=fields)
        use = {"seats": 5, "audience": 2_000_000}
        made = license_factories.license(session, terms_id=terms.id, use=use)
        told = dict(certificates.limits(made.certificate))
    assert told == {
        "Watermark": "on every copy",
        "Public use": "not allowed",
        "Seats": "5",
        "Projects": "1",
        "Audience": "up to 2,000,000",
        "Exclusive": "no",
        "Commercial use": "not allowed",
        "Sublicensing": "allowed",
        "AI training": "not allowed",
        "Credit": "Ada",
    }


@pytest.mark.usefixtures("database")
def test_a_reels_span_is_of_the_recording_not_of_the_reel() -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        spans = ((60_000, 80_000), (300_000, 330_000))
        parts = [factories.clip(session, recording, start_ms=a, end_ms=b) for a, b in spans]
        reel = factories.clip(session, recording, kind=ClipKind.REEL, start_ms=0, end_ms=50_000)
        for number, one in enumerate(parts):
            session.add(ReelPart(reel_id=reel.id, position=number, clip_id=one.id, at_ms=0))
        made = license_factories.license(session, factories.listing(session, reel))
        assert made.certificate["clip"]["span_ms"] == [60_000, 330_000]
