"""`python -m pipeline verify FILE`: a stranger's file, read by a child that may do nothing else."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline import __main__ as command
from pipeline import ffmpeg, landlock, sandbox
from pipeline.errors import ChildFailed
from pipeline.provenance import ClipClaim, ensure_chain, sign
from pipeline.timeline import Span
from tests.commands import environment


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    room = tmp_path_factory.mktemp("verify")
    made = "-f lavfi -i testsrc2=s=128x72:r=10:d=1 -c:v libx264 -preset ultrafast"
    ffmpeg.run([*made.split(), "-movflags", "+faststart", ffmpeg.url(room / "plain.mp4")])
    claim = ClipClaim(
        title="t" * 300,
        clip_id="clip-7",
        recording_id="recording-3",
        recording_sha256="5e" * 32,
        recording_title="Final",
        recording_duration_ms=90_000,
        recording_mime="video/mp4",
        span=Span(1_000, 2_000),
        creator="Ann",
        created=datetime(2026, 5, 1, tzinfo=UTC),
    )
    sign(room / "plain.mp4", room / "clip.mp4", ensure_chain(room / "keys"), claim)
    return room


def told(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "verify", *words],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )


def said(room: Path, name: str, *more: str) -> dict[str, Any]:
    done = told(str(room / name), "--json", *more)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_who_signed_is_judged_by_the_roots_that_are_given(room: Path) -> None:
    known = ["--anchors", str(room / "keys" / "own" / "anchors.pem")]
    ours, unknown = said(room, "clip.mp4", *known), said(room, "clip.mp4")
    assert (ours["state"], unknown["state"]) == ("Trusted", "Valid")
    assert (ours["clip_id"], ours["span"]) == ("clip-7", {"start_ms": 1_000, "end_ms": 2_000})
    assert ours["license_id"] is None


def test_a_verdict_is_an_answer_and_not_a_failure(room: Path) -> None:
    assert said(room, "plain.mp4")["state"] == "None"
    data = bytearray((room / "clip.mp4").read_bytes())
    data[-10] ^= 1
    (room / "changed.mp4").write_bytes(data)
    assert said(room, "changed.mp4")["state"] == "Invalid"


def test_what_can_not_be_opened_is_exit_2_and_one_line(room: Path) -> None:
    for words in ([str(room / "absent")], [str(room / "clip.mp4"), "--anchors", str(room / "no")]):
        done = told(*words)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.skipif(landlock.version() < 1, reason="this kernel has no Landlock")
def test_the_child_opens_the_file_and_nothing_beside_it(room: Path) -> None:
    request = {"source": str(room / "plain.mp4"), "anchors": ""}
    with pytest.raises(ChildFailed, match="PermissionError"):
        sandbox.run("verify", request, limits=command.VERIFY, reads=[room / "clip.mp4"])
