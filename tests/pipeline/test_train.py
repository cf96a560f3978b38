"""The training of the model of sounds: scenes whose truth is known, and a network that learns."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import sounds
from pipeline.audio import RATE, Samples
from pipeline.curves import STEP_MS
from pipeline.sounds import SOUNDS
from pipeline.train import __main__ as training
from pipeline.train import crowds, mix, synth, tunes, voices
from pipeline.train.fit import fit
from pipeline.train.mix import IGNORED, Corpus
from tests.media import wav

REACTION = SOUNDS.index("reaction")


def random(seed: int = 1) -> synth.Random:
    return np.random.default_rng(seed)


def talk() -> Samples:
    """A buzz of changing pitch with pauses: nobody, but as periodic as a voice."""
    pitch = 140 + 40 * synth.wander(random(), 6 * RATE, 2)
    buzz = voices.pulses(random(), pitch, 0.05)
    return mix.unit(buzz * np.repeat(np.arange(12) % 3 > 0, RATE // 2).astype(np.float32))


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    pieces = {
        "speech": [talk()],
        "noise": [synth.steady(random(2), 4 * RATE)],
        "applause": [crowds.applause(random(3), 4 * RATE)],
    }
    return Corpus(pieces, voices.vowels(random(4), talk(), 6))


@pytest.mark.parametrize(
    "make",
    [*crowds.CROWDS.values(), crowds.murmur, *sorted({*synth.NOISES}, key=repr), tunes.music],
)
def test_what_is_made_has_the_length_asked_for_and_sounds(make: object) -> None:
    assert callable(make)
    for seed in range(3):
        made = make(random(seed), 3 * RATE)
        assert made.dtype == np.float32
        assert len(made) == 3 * RATE
        assert np.isfinite(made).all()
        assert made.std() > 0


def test_vowels_are_two_periods_of_the_voice() -> None:
    line = voices.pulses(random(), np.full(3 * RATE, 160, np.float32), 0.0)
    found = voices.vowels(random(), mix.unit(line), 5)
    assert len(found) == 5
    assert [len(one) / 2 for one in found] == pytest.approx([RATE / 160] * 5, rel=0.05)


def test_a_scene_is_the_same_for_the_same_seed(corpus: Corpus) -> None:
    (a, truth), (b, again) = (mix.scene(random(7), corpus) for _ in range(2))
    assert np.array_equal(a, b)
    assert np.array_equal(truth, again)
    assert len(a) == len(truth) == mix.SCENE_S * 1000 // STEP_MS
    assert set(np.unique(truth)) <= {IGNORED, 0.0, 1.0}


def test_what_is_loudest_is_there_and_what_is_far_below_is_not(corpus: Corpus) -> None:
    stage = mix._Stage(random())
    whole = synth.steady(random(), stage.count)
    stage.put("noise", whole, -20)
    stage.put("applause", crowds.applause(random(), 5 * RATE), -10, 2 * RATE)
    stage.put("cheer", crowds.cheer(random(), 5 * RATE), -60, 9 * RATE)
    truth = stage.truth(64)
    clapped, quiet = slice(3 * 4, 6 * 4), slice(10 * 4, 13 * 4)
    assert (truth[clapped, SOUNDS.index("applause")] == 1).all()
    assert (truth[clapped, REACTION] == 1).all()
    assert (truth[quiet, REACTION] == 0).all()
    assert (truth[quiet, SOUNDS.index("noise")] == 1).all()


def test_a_network_learns_and_does_so_the_same_way_each_time() -> None:
    draw = random()
    seen = draw.standard_normal((3000, 6)).astype(np.float32)
    truth = np.column_stack([seen[:, 0] + seen[:, 1] > 0, seen[:, 2] > 0]).astype(np.float32)
    truth[::7, 0] = IGNORED
    layers = fit(seen, truth, seed=3, sizes=(24, 12), rounds=250)
    again = fit(seen, truth, seed=3, sizes=(24, 12), rounds=250)
    assert all(
        np.array_equal(a, b)
        for one, two in zip(layers, again, strict=True)
        for a, b in zip(one, two, strict=True)
    )
    inner = seen
    for weights, bias in layers[:-1]:
        inner = np.maximum(0, inner @ weights + bias)
    said = inner @ layers[-1][0] + layers[-1][1] > 0
    known = truth[:, 0] != IGNORED
    assert np.mean(said[known, 0] == truth[known, 0]) > 0.85
    assert np.mean(said[:, 1] == truth[:, 1]) > 0.95


def test_the_command_makes_a_model_that_can_be_loaded(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = []
    for category, pieces in corpus.pieces.items():
        name = f"{category}.wav"
        wav(tmp_path / name, pieces[0] * 0.1)
        lines.append({"file": name, "category": category})
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["file", "category"])
        table.writeheader()
        table.writerows(lines)
    out = tmp_path / "made.npz"
    words = [str(tmp_path), "--scenes", "3", "--processes", "1", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["train", *words, "--without", "noise.wav"])
    training.main()
    monkeypatch.setattr(sounds, "MODEL", out)
    sounds._model.cache_clear()
    try:
        rows, _ = mix.scene(random(), corpus)
        told = sounds.likelihoods(rows)
    finally:
        monkeypatch.undo()
        sounds._model.cache_clear()
    assert told.shape == (len(rows), len(SOUNDS))
    assert ((told >= 0) & (told <= 1)).all()
