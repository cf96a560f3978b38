"""A clip's manifest, signed for real and read back."""

import http.server
import json
import os
import random
import threading
from dataclasses import replace
from pathlib import Path

import c2pa
import ffmpeg as graphs
import pytest

from pipeline import ffmpeg
from pipeline.errors import MediaError, Refused
from pipeline.provenance import (
    Chain,
    chain,
    ensure_chain,
    manifest_json,
    read,
    sign,
)
from pipeline.timeline import Span
from tests.claims import GOAL

CLAIM = replace(
    GOAL,
    parameters={"codec": "h264", "size": "128x72", "fps": 10.0},
    software=[("ffmpeg", "9.0.2"), ("libx264", "165")],
    speech_engine="pocketsphinx",
    speech_version="5.0.4",
    speech_quality="tags only",
    highlight_score=0.81,
    highlight_reasons={"cheer": 0.5, "activity": 0.31},
)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """video.mp4 and picture.jpg as they come from ffmpeg; clip.mp4 and poster.jpg, signed."""
    room = tmp_path_factory.mktemp("provenance")
    picture = graphs.input("testsrc2=size=128x72:rate=10:duration=0.6", f="lavfi")
    tone = graphs.input("sine=frequency=440:duration=0.6", f="lavfi")
    video = graphs.output(
        picture,
        tone,
        ffmpeg.url(room / "video.mp4"),
        vcodec="libx264",
        preset="ultrafast",
        acodec="aac",
        movflags="+faststart",
    )
    ffmpeg.run(ffmpeg.arguments(video))
    still = graphs.output(picture, ffmpeg.url(room / "picture.jpg"), vframes=1, update=1)
    ffmpeg.run(ffmpeg.arguments(still))
    signer = ensure_chain(room / "keys")
    sign(room / "video.mp4", room / "clip.mp4", signer, CLAIM)
    sign(room / "picture.jpg", room / "poster.jpg", signer, CLAIM)
    return room


@pytest.fixture(scope="module")
def signer(room: Path) -> Chain:
    return ensure_chain(room / "keys")


def boxes(data: bytes) -> dict[str, tuple[int, int]]:
    """Where each top-level box of an MP4 begins and ends."""
    found, start = {}, 0
    while start < len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        found[data[start + 4 : start + 8].decode()] = (start, start + size)
        start += size
    return found


def flipped(data: bytes, at: int, bits: int = 0xFF) -> bytes:
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]


# What a signed clip says


@pytest.mark.parametrize("name", ["clip.mp4", "poster.jpg"])
def test_what_was_signed_is_trusted_and_says_where_it_came_from(
    room: Path, signer: Chain, name: str
) -> None:
    verdict = read(room / name, signer.anchors_pem)
    assert (verdict.state, verdict.problems) == ("Trusted", ())
    assert verdict.recording_id == "recording-3"
    assert verdict.recording_sha256 == "5e" * 32
    assert verdict.recording_title == "Saturday's final"
    assert verdict.span == Span(61_250, 91_500)
    assert (verdict.clip_id, verdict.title) == ("clip-7", "The winning goal")
    assert verdict.creator == "Ann Example"
    assert verdict.signed_by == signer.subject
    assert verdict.signed_at == CLAIM.created
    assert verdict.ai_training is False
    assert verdict.actions == ("c2pa.opened", "c2pa.trimmed", "c2pa.transcoded")


def test_the_manifest_tells_any_c2pa_reader_how_the_clip_was_made(
    room: Path, signer: Chain
) -> None:
    store = manifest_json(room / "clip.mp4", signer.anchors_pem)
    manifest = store["manifests"][store["active_manifest"]]
    said = {one["label"]: one["data"] for one in manifest["assertions"]}
    opened, trimmed, transcoded = said["c2pa.actions.v2"]["actions"]
    assert manifest["ingredients"][0]["relationship"] == "parentOf"
    assert "c2pa.ingredient" in opened["parameters"]["ingredients"][0]["url"]
    assert trimmed["parameters"] == {"from_ms": 61_250, "to_ms": 91_500}
    assert transcoded["parameters"] == {"codec": "h264", "size": "128x72", "fps": 10.0}
    assert said["c2pa.actions.v2"]["softwareAgents"][transcoded["softwareAgentIndex"]] == {
        "name": "ffmpeg",
        "version": "9.0.2",
    }
    assert said["org.reelyard.speech"]["engine"] == "pocketsphinx"
    assert said["org.reelyard.highlight"]["reasons"] == {"cheer": 0.5, "activity": 0.31}
    assert said["cawg.metadata"]["dc:creator"] == ["Ann Example"]
    assert {one["use"] for one in said["cawg.training-mining"]["entries"].values()} == {
        "notAllowed"
    }
    assert store["validation_results"]["activeManifest"]["failure"] == []


def test_the_creator_can_allow_ai_training(room: Path, signer: Chain, tmp_path: Path) -> None:
    out = tmp_path / "allowed.mp4"
    sign(room / "video.mp4", out, signer, replace(CLAIM, allow_ai_training=True))
    assert read(out, signer.anchors_pem).ai_training is True


def test_nothing_private_comes_into_a_manifest(room: Path, signer: Chain, tmp_path: Path) -> None:
    claim = replace(
        CLAIM,
        title="Ask ann@secret.example about\x00this",
        creator="ann@secret.example",
        recording_title="/home/ann/secret-folder/final.mp4",
        parameters={"codec": "h264", "location": "+48.2+16.3/", "serial": "secret-serial"},
    )
    out = tmp_path / "private.mp4"
    sign(room / "video.mp4", out, signer, claim)
    assert b"secret" not in out.read_bytes()
    assert b"48.2" not in out.read_bytes()
    verdict = read(out, signer.anchors_pem)
    assert verdict.title == "Ask … about this"
    assert verdict.recording_title == "final.mp4"


def test_a_clip_without_speech_or_score_does_not_speak_of_them(
    room: Path, signer: Chain, tmp_path: Path
) -> None:
    out = tmp_path / "plain.mp4"
    sign(
        room / "video.mp4",
        out,
        signer,
        replace(CLAIM, speech_engine=None, highlight_score=None, software=(), parameters={}),
    )
    assert read(out, signer.anchors_pem).state == "Trusted"
    assert "org.reelyard.speech" not in json.dumps(manifest_json(out))


# What was changed


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ("mdat", "the picture or sound was changed after signing (assertion.bmffHash.mismatch)"),
        ("moov", "the picture or sound was changed after signing (assertion.bmffHash.mismatch)"),
        ("uuid", "the manifest itself was changed"),
        ("ftyp", "the file's header or filler was changed after signing"),
    ],
)
def test_one_changed_byte_is_named(
    room: Path, signer: Chain, tmp_path: Path, box: str, said: str
) -> None:
    data = (room / "clip.mp4").read_bytes()
    start, end = boxes(data)[box]
    changed = tmp_path / "changed.mp4"
    changed.write_bytes(flipped(data, (start + end) // 2))
    verdict = read(changed, signer.anchors_pem)
    assert verdict.state == "Invalid"
    assert any(problem.startswith(said) for problem in verdict.problems), verdict.problems


def test_a_changed_recording_hash_is_not_believed(
    room: Path, signer: Chain, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.mp4"
    changed.write_bytes((room / "clip.mp4").read_bytes().replace(b"5e" * 32, b"5f" * 32))
    verdict = read(changed, signer.anchors_pem)
    assert verdict.state == "Invalid"
    assert verdict.problems[0].startswith("the manifest itself was changed")


def test_the_signature_s_padding_is_watched_too(room: Path, signer: Chain, tmp_path: Path) -> None:
    """C2PA itself calls these Trusted: the padding of zeros is not covered by the signature."""
    for name in ["clip.mp4", "poster.jpg"]:
        data = (room / name).read_bytes()
        changed = tmp_path / name
        changed.write_bytes(flipped(data, data.rindex(b"\x63pad") + 100))
        assert manifest_json(changed, signer.anchors_pem)["validation_state"] == "Trusted"
        verdict = read(changed, signer.anchors_pem)
        assert verdict.state == "Invalid"
        assert "padding" in verdict.problems[0]


@pytest.mark.parametrize("name", ["clip.mp4", "poster.jpg"])
def test_no_bit_can_be_changed_unseen(room: Path, signer: Chain, tmp_path: Path, name: str) -> None:
    """Every box is covered, `ftyp` and `free` as well: no offset is left out of the draw."""
    seed = int(os.environ.get("REELYARD_TEST_SEED", random.randrange(1 << 32)))
    print(f"REELYARD_TEST_SEED={seed}")  # noqa: T201 - pytest shows it where the test fails
    draw = random.Random(seed)
    data = (room / name).read_bytes()
    manifest = data.index(b"jumb")
    offsets = [draw.randrange(len(data)) for _ in range(60)]
    offsets += [manifest + draw.randrange(5000) for _ in range(60)]
    changed = tmp_path / name
    for at in offsets:
        changed.write_bytes(flipped(data, at, 1 << draw.randrange(8)))
        verdict = read(changed, signer.anchors_pem)
        assert verdict.state in ("Invalid", "None"), f"byte {at}"
        assert verdict.problems, f"byte {at}"


@pytest.mark.parametrize(
    "more", [b"garbage" * 20, b"\0", b"\0\0\0\x10freegarbage!"], ids=["text", "byte", "free box"]
)
def test_what_is_added_at_the_end_is_seen(
    room: Path, signer: Chain, tmp_path: Path, more: bytes
) -> None:
    longer = tmp_path / "longer.mp4"
    longer.write_bytes((room / "clip.mp4").read_bytes() + more)
    verdict = read(longer, signer.anchors_pem)
    assert verdict.state == "Invalid"
    assert verdict.problems


def test_broken_files_get_a_verdict_and_never_an_exception(
    room: Path, signer: Chain, tmp_path: Path
) -> None:
    seed = int(os.environ.get("REELYARD_TEST_SEED", random.randrange(1 << 32)))
    draw = random.Random(seed)
    broken = tmp_path / "broken.mp4"
    for name in ["clip.mp4", "poster.jpg"]:
        data = (room / name).read_bytes()
        for _ in range(40):
            cut = draw.randrange(len(data))
            broken.write_bytes(data[:cut] + draw.randbytes(draw.randrange(40)) + data[cut + 20 :])
            verdict = read(broken, signer.anchors_pem)
            assert verdict.state in ("Invalid", "None"), f"seed {seed}"
            broken.write_bytes(data[:cut])
            assert read(broken, signer.anchors_pem).state in ("Invalid", "None"), f"seed {seed}"


@pytest.mark.parametrize("content", [b"", b"hello", b"<html></html>" * 99, bytes(5000)])
def test_what_is_no_video_has_no_manifest(signer: Chain, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "text.mp4"
    file.write_bytes(content)
    verdict = read(file, signer.anchors_pem)
    assert verdict.state == "None"
    assert verdict.problems[0].startswith("no manifest")
    assert manifest_json(file) == {}


def test_an_unsigned_video_has_no_manifest(room: Path, signer: Chain) -> None:
    verdict = read(room / "video.mp4", signer.anchors_pem)
    assert (verdict.state, verdict.problems) == ("None", ("no manifest",))


def test_a_stranger_s_clip_is_valid_but_not_trusted(
    room: Path, signer: Chain, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs.mp4"
    sign(room / "video.mp4", theirs, ensure_chain(tmp_path / "their keys"), CLAIM)
    for known in (signer.anchors_pem, ""):
        verdict = read(theirs, known)
        assert verdict.state == "Valid"
        assert verdict.problems == (
            "signed by somebody this Reelyard does not know (signingCredential.untrusted)",
        )


def test_a_manifest_elsewhere_is_never_asked_for(room: Path, signer: Chain, tmp_path: Path) -> None:
    asked: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        algorithm, key = chain.signing_key(signer)
        info = c2pa.C2paSignerInfo(
            algorithm.encode(), signer.chain_pem.encode(), key.encode(), None
        )
        file = tmp_path / "remote.jpg"
        first = {
            "action": "c2pa.created",
            "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
        }
        created = {"label": "c2pa.actions.v2", "data": {"actions": [first]}}
        with (
            c2pa.Signer.from_info(info) as one,
            c2pa.Builder({"title": "remote", "assertions": [created]}) as builder,
            (room / "picture.jpg").open("rb") as source,
            file.open("w+b") as out,
        ):
            builder.set_no_embed()
            builder.set_remote_url(f"http://127.0.0.1:{server.server_port}/manifest.c2pa")
            builder.sign(one, "image/jpeg", source, out)
        verdict = read(file, signer.anchors_pem)
        server.shutdown()
    assert verdict.state == "None"
    assert "only an address" in verdict.problems[0]
    assert asked == []


# How the file is written


def test_a_failed_signing_leaves_what_was_there(room: Path, signer: Chain, tmp_path: Path) -> None:
    out = tmp_path / "clip.mp4"
    out.write_bytes(b"before")
    nobody = "http://127.0.0.1:9/"
    with pytest.raises(MediaError, match="could not be signed"):
        sign(room / "video.mp4", out, signer, CLAIM, ta_url=nobody)
    with pytest.raises(Refused, match="neither"):
        sign(Path(__file__), out, signer, CLAIM)
    assert out.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_clip_can_be_signed_in_its_place(room: Path, signer: Chain, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes((room / "video.mp4").read_bytes())
    sign(clip, clip, signer, CLAIM)
    assert read(clip, signer.anchors_pem).state == "Trusted"
