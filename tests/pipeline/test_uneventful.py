"""Recordings in which nothing happens, or that are broken: no moment is invented, nothing falls."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.audio import RATE
from pipeline.scout import Scouted, scout
from tests.media import filmed, made, shots, wav
from workers.demo import noises

SECONDS = 90


def chosen(found: Scouted) -> list[object]:
    return [one for one in found.highlights() if one.chosen]


def hiss(level: float, seconds: int = SECONDS) -> np.ndarray:
    return np.random.default_rng(2).standard_normal(seconds * RATE) * level


def test_silence_has_no_moment_at_all(tmp_path: Path) -> None:
    found = scout(wav(tmp_path / "silence.wav", np.zeros(SECONDS * RATE)))
    assert found.highlights() == ()
    assert len(found.curve) == SECONDS


def test_a_still_picture_with_music_has_none(tmp_path: Path) -> None:
    music = noises.jingle(60).mean(axis=1)[::3]
    sound = wav(tmp_path / "music.wav", 0.2 * music / np.abs(music).max())
    still = np.repeat(shots([], 1), 60 * 5, axis=0)
    assert chosen(scout(filmed(tmp_path / "still.mp4", still, rate="5", sound=sound))) == []


@pytest.mark.parametrize("hours", [1, 3])
def test_black_hours_have_none(tmp_path: Path, hours: int) -> None:
    black = f"color=black:s=64x36:r=1:d={hours * 3600}"
    encoded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10")
    found = scout(made(tmp_path / "black.mp4", "-f", "lavfi", "-i", black, *encoded))
    assert found.highlights() == ()
    assert found.duration_ms == pytest.approx(hours * 3_600_000, abs=2_000)
    assert len(found.curve) == pytest.approx(hours * 3600, abs=2)


def test_sound_clipped_throughout_is_no_reaction(tmp_path: Path) -> None:
    clipped = np.clip(hiss(3.0), -1, 1)
    assert chosen(scout(wav(tmp_path / "clipped.wav", clipped))) == []


def test_sound_that_outlasts_the_picture_counts_to_its_end(tmp_path: Path) -> None:
    sound = wav(tmp_path / "long.wav", hiss(0.01, 60))
    picture = shots([100], 500)
    found = scout(filmed(tmp_path / "short.mp4", picture, sound=sound))
    assert found.duration_ms == pytest.approx(60_000, abs=500)
    assert chosen(found) == []


def test_a_picture_that_outlasts_the_sound_counts_to_its_end(tmp_path: Path) -> None:
    sound = wav(tmp_path / "short.wav", hiss(0.01, 8))
    found = scout(filmed(tmp_path / "long.mp4", shots([100], 1000), sound=sound))
    assert found.duration_ms == pytest.approx(40_000, abs=500)
    assert len(found.curve) == 40
    assert chosen(found) == []


def test_the_same_recording_gives_the_same_moments(tmp_path: Path) -> None:
    path = wav(tmp_path / "hiss.wav", hiss(0.05, 20) * np.linspace(0, 1, 20 * RATE))
    assert scout(path) == scout(path)
