"""The manifests of licensed copies and reels: the chain from the recording to the copy holds."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import pytest

from pipeline.provenance import (
    Chain,
    CopyClaim,
    Part,
    ReelClaim,
    ensure_chain,
    manifest_json,
    read,
    sign,
)
from tests.claims import GOAL
from tests.media import moving

ENDS = datetime(2027, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two signed clips."""
    room = tmp_path_factory.mktemp("copies")
    bare = moving(room / "bare.mp4", "-c:a", "aac", "-movflags", "+faststart", seconds=1)
    signer = ensure_chain(room / "keys")
    for number in (7, 8):
        sign(bare, room / f"{number}.mp4", signer, replace(GOAL, clip_id=f"clip-{number}"))
    return room


@pytest.fixture(scope="module")
def signer(room: Path) -> Chain:
    return ensure_chain(room / "keys")


def copy_claim(room: Path, **values: Any) -> CopyClaim:
    given: dict[str, Any] = {
        "title": "The winning goal",
        "clip_id": "clip-7",
        "clip": room / "7.mp4",
        "license_id": "1c" * 16,
        "license_kind": "standard",
        "ends": ENDS,
        "verify_url": "https://reelyard.example/verify/" + "1c" * 16,
        "creator": "Ann Example",
        "created": datetime(2026, 11, 22, 9, tzinfo=UTC),
    }
    return CopyClaim(**given | values)


def packets(path: Path) -> str:
    """What is decoded, to the byte."""
    digest = sha256()
    with av.open(str(path)) as container:
        for packet in container.demux():
            digest.update(bytes(packet) + f"{packet.stream.index} {packet.pts}".encode())
    return digest.hexdigest()


def test_a_copy_is_trusted_and_names_its_license_clip_and_recording(
    room: Path, signer: Chain, tmp_path: Path
) -> None:
    sign(room / "7.mp4", tmp_path / "copy.mp4", signer, copy_claim(room))
    said = read(tmp_path / "copy.mp4", signer.anchors_pem)
    assert (said.state, said.problems) == ("Trusted", ())
    assert (said.license_id, said.license_kind, said.license_ends) == ("1c" * 16, "standard", ENDS)
    assert said.verify_url == "https://reelyard.example/verify/" + "1c" * 16
    assert said.clip_id == "clip-7"
    assert (said.recording_id, said.recording_sha256) == ("recording-3", "5e" * 32)
    assert said.span == GOAL.span
    assert said.actions == ("c2pa.opened", "c2pa.published")


def test_a_copy_loses_nothing(room: Path, signer: Chain, tmp_path: Path) -> None:
    sign(room / "7.mp4", tmp_path / "copy.mp4", signer, copy_claim(room))
    assert packets(tmp_path / "copy.mp4") == packets(room / "7.mp4")


def test_the_clip_s_own_manifest_is_inside(room: Path, signer: Chain, tmp_path: Path) -> None:
    sign(room / "7.mp4", tmp_path / "copy.mp4", signer, copy_claim(room))
    store = manifest_json(tmp_path / "copy.mp4", signer.anchors_pem)
    ingredient = store["manifests"][store["active_manifest"]]["ingredients"][0]
    assert ingredient["relationship"] == "parentOf"
    clip = store["manifests"][ingredient["active_manifest"]]
    assert clip["ingredients"][0]["instance_id"] == "urn:reelyard:recording:recording-3"
    own = manifest_json(room / "7.mp4", signer.anchors_pem)
    assert ingredient["active_manifest"] == own["active_manifest"]


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_one_changed_byte_is_seen(room: Path, signer: Chain, tmp_path: Path, at: float) -> None:
    sign(room / "7.mp4", tmp_path / "copy.mp4", signer, copy_claim(room))
    data = bytearray((tmp_path / "copy.mp4").read_bytes())
    data[int(len(data) * at)] ^= 1
    (tmp_path / "copy.mp4").write_bytes(data)
    assert read(tmp_path / "copy.mp4", signer.anchors_pem).state == "Invalid"


def test_an_endless_license_names_no_end(room: Path, signer: Chain, tmp_path: Path) -> None:
    sign(room / "7.mp4", tmp_path / "copy.mp4", signer, copy_claim(room, ends=None))
    assert read(tmp_path / "copy.mp4", signer.anchors_pem).license_ends is None


def test_a_marked_copy_says_that_it_was_changed(room: Path, signer: Chain, tmp_path: Path) -> None:
    preview = moving(tmp_path / "preview.mp4", "-c:a", "aac", size="160x90", seconds=1)
    sign(preview, tmp_path / "copy.mp4", signer, copy_claim(room, marked=True))
    said = read(tmp_path / "copy.mp4", signer.anchors_pem)
    assert said.state == "Trusted"
    assert said.actions == ("c2pa.opened", "c2pa.edited", "c2pa.transcoded")
    assert said.recording_id == "recording-3"


def test_nobody_s_name_or_address_comes_into_a_copy(
    room: Path, signer: Chain, tmp_path: Path
) -> None:
    claim = copy_claim(room, creator="Ann <ann@example.org>", title="Goal by bob@example.org")
    sign(room / "7.mp4", tmp_path / "copy.mp4", signer, claim)
    data = (tmp_path / "copy.mp4").read_bytes()
    assert b"@example.org" not in data
    assert str(room).encode() not in data


def test_a_reel_names_its_clips_and_holds_their_manifests(
    room: Path, signer: Chain, tmp_path: Path
) -> None:
    parts = [
        Part("clip-7", "The winning goal", room / "7.mp4", 0, 1_000),
        Part("clip-8", "The save", room / "8.mp4", 1_000, 1_000),
    ]
    claim = ReelClaim(
        title="Highlights of Saturday's final",
        clip_id="reel-1",
        parts=parts,
        creator="Ann Example",
        created=datetime(2026, 11, 22, 9, tzinfo=UTC),
        highlight_score=0.7,
    )
    sign(room / "bare.mp4", tmp_path / "reel.mp4", signer, claim)
    said = read(tmp_path / "reel.mp4", signer.anchors_pem)
    assert (said.state, said.clip_id) == ("Trusted", "reel-1")
    assert said.part_clip_ids == ("clip-7", "clip-8")
    assert said.actions[:3] == ("c2pa.created", "c2pa.placed", "c2pa.placed")
    store = manifest_json(tmp_path / "reel.mp4", signer.anchors_pem)
    ingredients = store["manifests"][store["active_manifest"]]["ingredients"]
    assert {one["relationship"] for one in ingredients} == {"componentOf"}
    for one, number in zip(ingredients, (7, 8), strict=True):
        own = manifest_json(room / f"{number}.mp4", signer.anchors_pem)
        assert one["active_manifest"] == own["active_manifest"]
