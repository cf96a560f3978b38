"""The shipped model: what it hears in sounds it was not made from."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import curves, sounds
from pipeline.audio import RATE, Samples, decode_pcm
from pipeline.curves import STEP_MS
from pipeline.scout import scout
from pipeline.sounds import SOUNDS, Heard
from pipeline.train import crowds, synth, tunes
from pipeline.train.synth import Random

SPEECH = Path(__file__).parent.parent / "assets" / "speech.ogg"
SHARED = Path(__file__).parents[2].parent / "shared"
PER_S = 1000 // STEP_MS
UNSEEN = 90_000
"""The training draws its seeds in pairs below this."""


def in_a_room(sound: Samples, seed: int) -> Samples:
    """8 s of a quiet room, in which the sound plays from 2 s on."""
    random = np.random.default_rng([UNSEEN, seed])
    room = synth.coloured(random, 8 * RATE, 0.5)
    out = room / room.std() * 10 ** (-58 / 20)
    out[2 * RATE : 2 * RATE + len(sound)] += sound / np.sqrt(np.mean(sound**2)) * 10 ** (-20 / 20)
    return np.tanh(out).astype(np.float32)


def heard(sound: Samples) -> Heard:
    return sounds.listen(curves.rows([sound]))


def likely(name: str, sound: Samples, start_s: float = 3, end_s: float = 6) -> float:
    told = heard(sound).likelihoods[:, SOUNDS.index(name)]
    return float(told[int(start_s * PER_S) : int(end_s * PER_S)].mean())


@pytest.mark.parametrize("kind", sorted(crowds.CROWDS))
def test_crowds_made_anew_are_heard_as_reactions(kind: str) -> None:
    told = []
    for seed in range(8):
        made = crowds.CROWDS[kind](np.random.default_rng([UNSEEN, seed]), 5 * RATE, ())
        told.append(likely("reaction", in_a_room(made, seed)))
    assert np.mean(np.array(told) > 0.5) >= 0.75
    assert np.median(told) > 0.7


@pytest.mark.parametrize("make", sorted({*synth.NOISES, tunes.music}, key=lambda one: one.__name__))
def test_machines_weather_animals_and_music_are_no_reactions(make: Any) -> None:
    told = []
    for seed in range(5):
        random: Random = np.random.default_rng([UNSEEN, seed])
        told.append(likely("reaction", in_a_room(make(random, 5 * RATE), seed)))
    # A hail of noise bursts may be taken for hands now and then.
    assert np.mean(np.array(told) < 0.5) >= 0.6
    assert np.median(told) < 0.3


def test_talk_is_speech_and_no_reaction() -> None:
    said = decode_pcm(SPEECH)[: 12 * RATE]
    assert likely("speech", said, 1, 11) > 0.8
    assert likely("reaction", said, 1, 11) < 0.2


@pytest.mark.parametrize("gain_db", [-20, 12])
def test_the_volume_does_not_change_what_is_heard(gain_db: float) -> None:
    made = in_a_room(crowds.applause(np.random.default_rng([UNSEEN, 2]), 5 * RATE), 2)
    louder = (made * 10 ** (gain_db / 20)).astype(np.float32)
    assert likely("reaction", louder) == pytest.approx(likely("reaction", made), abs=0.1)


def test_the_answer_does_not_depend_on_the_blocks() -> None:
    sound = in_a_room(crowds.cheer(np.random.default_rng([UNSEEN, 1]), 5 * RATE), 1)
    sound = np.tile(sound, 10)
    whole = heard(sound)

    def blocks() -> Iterator[Samples]:
        for at in range(0, len(sound), 7 * RATE):
            yield sound[at : at + 7 * RATE]

    cut = sounds.listen(curves.rows(blocks()))
    for name in ("likelihoods", "level_db", "voice_db", "pitch_hz", "voiced", "onset_db"):
        assert np.allclose(getattr(cut, name), getattr(whole, name), atol=0.02), name


def test_all_of_what_is_heard_has_a_value_a_row() -> None:
    told = heard(in_a_room(synth.animal(np.random.default_rng(1), 5 * RATE), 1))
    rows = len(told.level_db)
    assert rows == 8 * PER_S
    assert told.likelihoods.shape == (rows, len(SOUNDS))
    assert len(told.voice_db) == rows * curves.FINE
    assert len(told.pitch_hz) == len(told.voiced) == len(told.onset_db) == rows


def test_no_sound_is_no_row() -> None:
    told = sounds.listen([])
    assert told.likelihoods.shape == (0, len(SOUNDS))
    assert len(told.level_db) == len(told.onset_db) == 0


def test_the_weights_are_small() -> None:
    assert sounds.MODEL.stat().st_size <= 1_000_000


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the composer and its sounds in ../shared")
@pytest.mark.parametrize(("difficulty", "seed"), [("medium", 6101), ("hard", 6102)])
def test_planted_reactions_are_found_in_a_composed_recording(
    tmp_path: Path, difficulty: str, seed: int
) -> None:
    composer = SHARED / "bench" / "compose.py"
    words = ["--split", "dev", "--seed", str(seed), "--difficulty", difficulty, "--audio-only"]
    subprocess.run(
        [sys.executable, str(composer), *words, "--out", str(tmp_path)],
        check=True,
        capture_output=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    found = scout(tmp_path / "audio.wav").highlights()
    detected = [
        {"start": one.span.start_ms / 1000, "end": one.span.end_ms / 1000, "score": one.score}
        for one in found
        if one.chosen
    ]
    truth = json.loads((tmp_path / "truth.json").read_text())
    result = scorer().score_highlights(truth, {"highlights": detected})
    assert result["f1"] >= 0.9, result


def scorer() -> Any:
    spec = importlib.util.spec_from_file_location("score", SHARED / "bench" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
