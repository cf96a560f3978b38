"""Rows of a sound: pitch, blows and shapes of sounds that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import curves
from pipeline.audio import RATE, Samples
from pipeline.curves import FINE, LEVEL, ONSET, PITCH, STEP_MS, VOICED, Rows

PER_S = 1000 // STEP_MS


def described(sound: np.ndarray) -> Rows:
    return np.concatenate(list(curves.rows([sound.astype(np.float32)])))


def voice(hz: float, seconds: float) -> np.ndarray:
    """Harmonics that fall off as a voice's do."""
    time = np.arange(int(seconds * RATE)) / RATE
    return 0.1 * np.sum([np.sin(2 * np.pi * hz * h * time) / h for h in range(1, 16)], axis=0)


def hiss(seconds: float, gain: float = 0.1) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(int(seconds * RATE)) * gain


@pytest.mark.parametrize("hz", [90, 120, 170, 240, 330, 450])
def test_a_voice_has_its_pitch(hz: float) -> None:
    rows = described(voice(hz, 3))[2:-2]
    assert rows[:, PITCH] == pytest.approx(hz, rel=0.04)
    assert rows[:, VOICED].min() > 0.9


def test_hiss_and_silence_have_no_pitch() -> None:
    assert described(hiss(3))[2:-2, VOICED].max() < 0.1
    still = described(np.zeros(3 * RATE))
    assert not still[:, VOICED].any()
    assert not still[:, PITCH].any()


def test_pitch_is_told_for_the_quarter_second_in_which_it_is_heard() -> None:
    rows = described(np.concatenate([hiss(2), voice(200, 2), hiss(2)]))
    voiced = rows[:, VOICED]
    assert voiced[2 * PER_S + 1 : 4 * PER_S - 1].min() > 0.9
    assert max(voiced[1 : 2 * PER_S - 1].max(), voiced[4 * PER_S + 1 : -1].max()) < 0.1


def test_a_blow_is_a_rise_in_its_own_row_alone() -> None:
    sound = hiss(6, 0.001)
    at = int(3.1 * RATE)
    sound[at : at + RATE // 5] += hiss(0.2, 0.5)
    rise = described(sound)[:, ONSET]
    assert int(np.argmax(rise)) == int(3.1 * PER_S)
    assert rise.max() > 30
    assert np.delete(rise, int(np.argmax(rise)))[2:-2].max() < 10


def test_what_swells_slowly_is_no_blow() -> None:
    swell = hiss(4) * np.linspace(0.05, 1, 4 * RATE)
    assert described(swell)[2:-2, ONSET].max() < 10


def test_claps_jump_and_rain_does_not() -> None:
    """The quick shapes alone tell sudden sounds from even ones of the same colour and level."""
    claps = np.zeros(4 * RATE)
    for at in range(0, len(claps) - 400, RATE // 4):
        claps[at : at + 400] = hiss(1)[:400] * np.exp(-np.arange(400) / 60)
    shapes = [described(sound)[4:-4, curves.SHAPES] for sound in (claps, hiss(4, 0.05))]
    spread = [rows.std(0) + 0.05 for rows in shapes]
    apart = np.abs(shapes[0].mean(0) - shapes[1].mean(0)) / (spread[0] + spread[1])
    assert (apart > 2).sum() > 20


cuts = st.lists(st.integers(1, 3 * RATE), min_size=1, max_size=12)


@settings(max_examples=20, deadline=None)
@given(cuts)
def test_rows_are_the_same_however_the_sound_is_cut(lengths: list[int]) -> None:
    sound = (voice(150, 7) + hiss(7, 0.02)).astype(np.float32)
    blocks: list[Samples] = np.split(sound, np.minimum(np.cumsum(lengths), len(sound)).tolist())
    cut = np.concatenate(list(curves.rows(blocks)))
    whole = described(sound)
    assert cut.shape == whole.shape == (7 * PER_S, whole.shape[1])
    assert np.allclose(cut, whole, atol=1e-3)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(2 * RATE),
        np.ones(2 * RATE),
        np.sign(hiss(2)),
        hiss(2, 1e-8),
        np.concatenate([np.zeros(RATE), [1.0], np.zeros(RATE)]),
    ],
    ids=["silence", "a constant", "clipped", "a whisper", "one click"],
)
def test_whatever_the_sound_rows_are_numbers(sound: np.ndarray) -> None:
    rows = described(sound)
    assert np.isfinite(rows).all()
    assert rows[:, LEVEL].max() < 10
    assert (rows[:, VOICED] >= 0).all()
    assert (rows[:, VOICED] <= 1).all()
    assert len(rows[0, -FINE:]) == FINE
