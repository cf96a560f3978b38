"""`reelyard process`: from a file to clips on sale, or to a reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import ffmpeg
from tests import tiny_whisper
from tests.commands import processed, reelyard
from workers.demo.recording import truth

GOALS = [goal for goal in truth().goals if goal.end_ms < 72_000]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"REELYARD_DATA": str(tmp_path_factory.mktemp("house") / "data")}


@pytest.fixture(scope="module")
def told(house: dict[str, str], match: Path) -> dict[str, Any]:
    """What `process --json` says of the match, processed once for all tests here."""
    return processed(match, **house)[0]


def test_the_goals_are_the_clips(told: dict[str, Any]) -> None:
    assert (told["state"], told["duration_ms"]) == ("done", 72_000)
    assert len(told["clips"]) == len(GOALS)
    for clip, goal in zip(told["clips"], GOALS, strict=True):
        assert clip["start_ms"] <= goal.ball_in_ms
        assert clip["end_ms"] >= goal.cheer_end_ms - 1_500
        assert 15_000 <= clip["end_ms"] - clip["start_ms"] <= 90_000
        assert clip["score"] == pytest.approx(sum(clip["reasons"].values()), abs=0.01)


def test_a_clip_has_a_title_tags_words_and_files(told: dict[str, Any]) -> None:
    for clip, heard in zip(told["clips"], ("corner", "smash"), strict=True):
        assert clip["title"]
        assert clip["tags"]
        assert heard in clip["transcript"].lower()
        shown = {"poster", "captions", "manifest", "preview", "hover", "storyboard"}
        assert set(clip["files"]) == {"master", *shown}
        assert all(Path(path).is_file() for path in clip["files"].values())
        assert Path(clip["files"]["captions"]).read_text().startswith("WEBVTT")


def test_a_clip_is_trusted_and_one_changed_byte_is_not(
    told: dict[str, Any], house: dict[str, str], tmp_path: Path
) -> None:
    master = Path(told["clips"][0]["files"]["master"])
    verdict = json.loads(reelyard("verify", str(master), "--json", **house).stdout)
    assert verdict["state"] == "Trusted"
    assert verdict["recording_sha256"] == told["sha256"]
    assert verdict["span"]["start_ms"] == told["clips"][0]["start_ms"]
    bad = tmp_path / "bad.mp4"
    data = bytearray(master.read_bytes())
    data[len(data) // 2] ^= 1
    bad.write_bytes(data)
    done = reelyard("verify", str(bad), **house)
    assert done.returncode == 1
    assert "changed" in done.stdout


def test_the_invariants_hold(told: dict[str, Any], house: dict[str, str]) -> None:
    done = reelyard("check", **house)
    assert done.returncode == 0, done.stdout


def test_the_same_bytes_again_are_the_same_recording(
    told: dict[str, Any], house: dict[str, str], match: Path, tmp_path: Path
) -> None:
    again = tmp_path / "another name.mp4"
    again.write_bytes(match.read_bytes())
    second = processed(again, **house)[0]
    assert second["id"] == told["id"]
    assert [clip["id"] for clip in second["clips"]] == [clip["id"] for clip in told["clips"]]
    assert "same recording" in second["reason"]


def test_a_refused_file_has_a_reason_and_the_others_go_on(
    house: dict[str, str], tmp_path: Path
) -> None:
    text, tone, silent = tmp_path / "notes.mp4", tmp_path / "tone.m4a", tmp_path / "silent.mp4"
    text.write_text("Shopping list\n" * 50)
    sine, picture = "sine=d=4", "testsrc2=s=320x180:d=4"
    ffmpeg.run(["-f", "lavfi", "-i", sine, "-c:a", "aac", ffmpeg.url(tone)])
    ffmpeg.run(["-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p", ffmpeg.url(silent)])
    missing = tmp_path / "-i.mp4"
    done = reelyard("process", "--json", str(text), str(tone), str(silent), str(missing), **house)
    assert done.returncode == 2
    rows = json.loads(done.stdout)["recordings"]
    assert [row["state"] for row in rows] == ["rejected", "done", "done", "rejected"]
    assert "text" in rows[0]["reason"]
    assert "No moment stood out" in rows[1]["reason"]
    assert "Traceback" not in done.stdout + done.stderr


def test_a_wrong_setting_is_one_line() -> None:
    done = reelyard("status", REELYARD_CLIP_MIN_S="soon")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "REELYARD_CLIP_MIN_S='soon'" in done.stderr


def test_a_folder_with_a_whisper_model_is_used(match: Path, tmp_path: Path) -> None:
    model, short = tmp_path / "model", tmp_path / "short.mp4"
    said = "and clara scores the first goal of the final"
    tiny_whisper.build(model, said)
    ffmpeg.run(["-t", "36", "-i", ffmpeg.url(match), "-c", "copy", ffmpeg.url(short)])
    told = processed(
        short,
        REELYARD_DATA=str(tmp_path / "data"),
        REELYARD_SPEECH_MODEL=str(model),
        REELYARD_RENDITIONS="false",
    )[0]
    assert [clip["speech"]["engine"] for clip in told["clips"]] == ["whisper"]
    words = set(told["clips"][0]["transcript"].split())
    assert words, "it speaks from 0 to 5.2 s of each piece; some of it lies in the clip"
    assert words <= set(said.split())
