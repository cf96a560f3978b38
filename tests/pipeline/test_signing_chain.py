"""The chain that signs clips: made once, renewed in time, or the operator's own."""

import multiprocessing
import stat
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ffmpeg as graphs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from pipeline import ffmpeg
from pipeline.provenance import (
    Chain,
    ChainBroken,
    anchors,
    chain,
    ensure_chain,
    read,
    sign,
)
from tests.claims import GOAL


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    room = tmp_path_factory.mktemp("chain")
    picture = graphs.input("testsrc2=size=128x72:rate=10:duration=0.3", f="lavfi")
    video = graphs.output(picture, ffmpeg.url(room / "video.mp4"), vcodec="libx264")
    ffmpeg.run(ffmpeg.arguments(video))
    return room


@pytest.fixture(scope="module")
def signer(room: Path) -> Chain:
    return ensure_chain(room / "keys")


def test_the_keys_are_for_the_owner_only(room: Path, signer: Chain) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    own = room / "keys" / "own"
    assert (mode(room / "keys"), mode(own)) == (0o700, 0o700)
    holding = [file for file in own.iterdir() if b"PRIVATE KEY" in file.read_bytes()]
    assert signer.key_path in holding
    assert {mode(file) for file in holding} == {0o600}
    assert "PRIVATE" not in signer.chain_pem + signer.anchors_pem


def _make(folder: Path) -> str:
    return ensure_chain(folder).chain_pem


def test_processes_that_start_at_once_end_with_one_chain(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        chains = pool.map(_make, [tmp_path / "keys"] * 6, chunksize=1)
    assert len(set(chains)) == 1
    assert anchors(tmp_path / "keys").count("BEGIN CERTIFICATE") == 1


def test_the_key_is_renewed_in_time_and_older_clips_still_verify(
    room: Path, tmp_path: Path
) -> None:
    keys, made = tmp_path / "keys", datetime.now(UTC) - timedelta(days=340)
    first = ensure_chain(keys, made)
    clip = tmp_path / "clip.mp4"
    sign(room / "video.mp4", clip, first, GOAL)
    assert ensure_chain(keys, made + timedelta(days=330)) == first
    second = ensure_chain(keys)
    assert second.subject != first.subject
    assert second.anchors_pem == first.anchors_pem
    assert read(clip, second.anchors_pem).state == "Trusted"
    # A process that still holds the first chain goes on; the renewal after that takes its key away.
    sign(room / "video.mp4", clip, first, GOAL)
    ensure_chain(keys, datetime.now(UTC) + timedelta(days=360))
    assert not first.key_path.exists()
    assert second.key_path.exists()


def test_a_new_root_is_added_to_the_old_ones(room: Path, tmp_path: Path) -> None:
    keys, made = tmp_path / "keys", datetime.now(UTC) - timedelta(days=6 * 365)
    first = ensure_chain(keys, made)
    clip = tmp_path / "clip.mp4"
    sign(room / "video.mp4", clip, first, GOAL)
    second = ensure_chain(keys)
    assert second.not_after > first.not_after + timedelta(days=5 * 365)
    assert second.anchors_pem.startswith(first.anchors_pem)
    assert read(clip, second.anchors_pem).state == "Trusted"
    sign(room / "video.mp4", clip, second, GOAL)
    assert read(clip, second.anchors_pem).state == "Trusted"


def test_a_crash_between_two_files_is_mended_at_the_next_start(
    room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = chain._write
    for survived in range(4):
        keys, left = tmp_path / str(survived), survived

        def write(file: Path, text: str, mode: int) -> None:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            whole(file, text, mode)

        monkeypatch.setattr(chain, "_write", write)
        with pytest.raises(KeyboardInterrupt):
            ensure_chain(keys)
        monkeypatch.setattr(chain, "_write", whole)
        clip = tmp_path / "clip.mp4"
        sign(room / "video.mp4", clip, ensure_chain(keys), GOAL)
        assert len(list((keys / "own").glob("signer-*.key"))) == 1


@pytest.fixture
def operators(tmp_path: Path) -> Path:
    """A folder with a chain that the operator brought, root included, and nothing of ours."""
    made, folder = ensure_chain(tmp_path / "made"), tmp_path / "operators"
    folder.mkdir()
    (folder / "signer.pem").write_text(made.chain_pem + made.anchors_pem)
    (folder / "anchors.pem").write_text(made.anchors_pem)
    (folder / "signer.key").write_text(made.key_path.read_text())
    return folder


def test_the_operator_s_own_chain_signs(room: Path, operators: Path, tmp_path: Path) -> None:
    signer = ensure_chain(operators)
    assert signer.key_path == operators / "signer.key"
    assert signer.chain_pem.count("BEGIN CERTIFICATE") == 2
    clip = tmp_path / "clip.mp4"
    sign(room / "video.mp4", clip, signer, GOAL)
    assert read(clip, signer.anchors_pem).state == "Trusted"
    assert sorted(file.name for file in operators.iterdir()) == [
        "anchors.pem",
        "signer.key",
        "signer.pem",
    ]


def test_clips_that_were_signed_before_the_operator_s_chain_came_still_verify(
    room: Path, operators: Path, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    clip = tmp_path / "clip.mp4"
    sign(room / "video.mp4", clip, ensure_chain(keys), GOAL)
    for file in operators.iterdir():
        (keys / file.name).write_bytes(file.read_bytes())
    assert ensure_chain(keys).key_path == keys / "signer.key"
    assert read(clip, ensure_chain(keys).anchors_pem).state == "Trusted"


def _other_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("signer.key", None, r"signer\.key is missing"),
        ("signer.pem", None, r"signer\.pem is missing"),
        ("anchors.pem", None, r"anchors\.pem is missing"),
        ("signer.key", b"rubbish", r"signer\.key holds no readable PEM key"),
        ("signer.pem", b"rubbish", r"signer\.pem holds no readable PEM certificate"),
        ("signer.key", _other_key(), r"signer\.key is not the key of the first certificate"),
    ],
)
def test_a_chain_that_does_not_do_is_named(
    operators: Path, file: str, content: bytes | None, said: str
) -> None:
    if content is None:
        (operators / file).unlink()
    else:
        (operators / file).write_bytes(content)
    with pytest.raises(ChainBroken, match=said) as raised:
        ensure_chain(operators)
    assert str(operators) not in str(raised.value)


def test_anchors_that_do_not_fit_the_chain_are_named(operators: Path, tmp_path: Path) -> None:
    (operators / "anchors.pem").write_text(ensure_chain(tmp_path / "another").anchors_pem)
    with pytest.raises(ChainBroken, match=r"signer\.pem does not lead to .* anchors\.pem"):
        ensure_chain(operators)


def test_a_chain_in_the_wrong_order_is_named(operators: Path) -> None:
    found = x509.load_pem_x509_certificates((operators / "signer.pem").read_bytes())
    turned = [found[0], found[2], found[1]]
    (operators / "signer.pem").write_bytes(
        b"".join(one.public_bytes(serialization.Encoding.PEM) for one in turned)
    )
    with pytest.raises(ChainBroken, match=r"signer\.pem is not in order"):
        ensure_chain(operators)


def test_an_expired_chain_is_named(operators: Path) -> None:
    with pytest.raises(ChainBroken, match=r"signer\.pem expired on \d{4}-"):
        ensure_chain(operators, datetime.now(UTC) + timedelta(days=30 * 365))


def test_a_key_that_was_exchanged_under_a_running_process_signs_nothing(
    room: Path, operators: Path, tmp_path: Path
) -> None:
    signer = ensure_chain(operators)
    (operators / "signer.key").write_bytes(_other_key())
    with pytest.raises(ChainBroken, match=r"signer\.key is not the key"):
        sign(room / "video.mp4", tmp_path / "clip.mp4", signer, GOAL)
    assert not (tmp_path / "clip.mp4").exists()


def test_what_would_not_verify_is_never_handed_out(
    room: Path, signer: Chain, tmp_path: Path
) -> None:
    astray = replace(signer, anchors_pem=ensure_chain(tmp_path / "another").anchors_pem)
    clip = tmp_path / "clip.mp4"
    with pytest.raises(ChainBroken, match="signed by somebody this Reelyard does not know"):
        sign(room / "video.mp4", clip, astray, GOAL)
    assert not clip.exists()


def test_a_clip_whose_certificate_has_expired_says_so(room: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    nearly = datetime.now(UTC) - chain.ISSUER_LIFE + timedelta(seconds=2)
    signer = ensure_chain(keys, nearly)
    clip = tmp_path / "clip.mp4"
    sign(room / "video.mp4", clip, signer, GOAL)
    until = time.monotonic() + 5
    while (verdict := read(clip, signer.anchors_pem)).state == "Trusted":
        assert time.monotonic() < until
        time.sleep(0.2)
    assert verdict.state == "Invalid"
    assert "the signer's certificate has expired (signingCredential.expired)" in verdict.problems


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["es384", "ed25519", "ps256"],
)
def test_an_operator_may_bring_other_kinds_of_key(
    room: Path,
    operators: Path,
    tmp_path: Path,
    key: Any,
) -> None:
    issuer_file = tmp_path / "made" / "own" / "issuer.pem"
    issuer = x509.load_pem_x509_certificate(issuer_file.read_bytes())
    issuer_key = serialization.load_pem_private_key(issuer_file.read_bytes(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    leaf = chain._certificate(
        "signer", key, issuer, issuer_key, datetime.now(UTC), issuer.not_valid_after_utc
    )
    (operators / "signer.pem").write_text(chain._pem(leaf) + chain._pem(issuer))
    (operators / "signer.key").write_text(chain._key_pem(key))
    clip = tmp_path / "clip.mp4"
    signer = ensure_chain(operators)
    sign(room / "video.mp4", clip, signer, GOAL)
    assert read(clip, signer.anchors_pem).state == "Trusted"
