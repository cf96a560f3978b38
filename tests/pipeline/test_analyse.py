"""`python -m pipeline analyse`, as a shell sees it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.__main__ import analyse, main
from tests.media import filmed, shots, wav
from tests.pipeline.test_scout import CHEER_S, story


def shell(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *words], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cuts at 12 s and 36 s; a cheer."""
    folder = tmp_path_factory.mktemp("analyse")
    sound = wav(folder / "sound.wav", story(cheer=True))
    return filmed(
        folder / "film.mp4", shots([120, 360], 750), "-c:a", "aac", rate="10", sound=sound
    )


def test_the_form_is_the_one_that_is_scored(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    done = shell("analyse", str(film), "--speech", "none", "--full", "--json", str(out))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = json.loads(out.read_text())
    keys = {"duration_ms", "profile", "cuts", "pictures", "highlights", "segments"}
    assert set(found) == keys
    assert found["duration_ms"] == pytest.approx(75_000, abs=100)
    assert found["profile"] == "stage"
    assert found["cuts"] == [12.0, 36.0]
    assert len(found["pictures"]) == 75
    assert found["segments"] == []
    (moment,) = found["highlights"]
    assert set(moment) == {"start", "end", "score", "reasons"}
    assert moment["start"] < CHEER_S[0] + 0.3
    assert moment["end"] == pytest.approx(CHEER_S[1], abs=2)


def test_without_full_no_picture_is_decoded_for_cuts(film: Path) -> None:
    found = analyse(film, speech="none")
    assert (found["cuts"], found["pictures"]) == ([], [])


def test_what_kind_of_recording_it_is_can_be_said(film: Path) -> None:
    assert analyse(film, speech="none", profile="game")["profile"] == "game"
    assert shell("analyse", str(film), "--profile", "opera").returncode == 2


def test_words_come_with_their_times(film: Path) -> None:
    segments = analyse(film, speech="pocketsphinx")["segments"]
    assert segments
    assert all(0 <= part["start"] < part["end"] <= 75 and part["text"] for part in segments)


def test_sound_alone_is_analysed(tmp_path: Path) -> None:
    found = analyse(wav(tmp_path / "talk.wav", story(cheer=True)), full=True, speech="none")
    assert found["cuts"] == []
    assert len(found["highlights"]) == 1


def test_picture_alone_is_analysed(tmp_path: Path) -> None:
    silent = filmed(tmp_path / "silent.mp4", shots([30, 60], 90))
    found: dict[str, Any] = analyse(silent, full=True)
    assert found["cuts"] == [1.2, 2.4]
    assert found["segments"] == []


@pytest.mark.parametrize("name", ["text.mp4", "empty.mp4", "new\nline.mp4", "-i.mp4"])
def test_what_cant_be_analysed_is_one_clear_line(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_text("" if name.startswith("empty") else "just words " * 200)
    assert main(["analyse", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    done = shell("analyse", str(tmp_path / "nowhere.mp4"))
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}/nowhere.mp4: No such file or directory\n"


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    done = shell("analyse", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_an_output_that_cant_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = filmed(tmp_path / "quiet.mp4", shots([], 50))
    nowhere = tmp_path / "no" / "out.json"
    assert main(["analyse", str(quiet), "--speech", "none", "--json", str(nowhere)]) == 2
    assert str(nowhere) in capsys.readouterr().err
