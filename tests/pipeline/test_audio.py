"""A recording's sound as samples and rows, against sounds of known pitch, time and length."""

from pathlib import Path

import av
import numpy as np
import pytest

from pipeline import curves
from pipeline.audio import RATE, Mixer, decode_pcm
from pipeline.errors import MediaError
from pipeline.timeline import Span
from tests.media import filmed, made, moving, shots, wav


def tone(hz: float, seconds: float) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)


def pitch(samples: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * RATE / len(samples))


@pytest.fixture
def low_then_high(tmp_path: Path) -> Path:
    """Two seconds of 300 Hz, then two of 900 Hz."""
    return wav(tmp_path / "tones.wav", np.concatenate([tone(300, 2), tone(900, 2)]))


def test_all_of_a_sound_is_read_at_its_pitch_and_level(low_then_high: Path) -> None:
    samples = decode_pcm(low_then_high)
    assert samples.dtype == np.float32
    assert len(samples) == 4 * RATE
    assert pitch(samples[: 2 * RATE]) == pytest.approx(300, abs=1)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.01)


def test_a_span_holds_exactly_its_own_time(low_then_high: Path) -> None:
    samples = decode_pcm(low_then_high, Span(1500, 2500))
    assert len(samples) == RATE
    assert pitch(samples[: RATE // 2]) == pytest.approx(300, abs=2)
    assert pitch(samples[RATE // 2 :]) == pytest.approx(900, abs=2)


def test_stereo_becomes_mono_without_clipping(tmp_path: Path) -> None:
    both = np.stack([tone(300, 1) * 1.8, tone(300, 1) * 1.8], axis=1)
    samples = decode_pcm(wav(tmp_path / "loud.wav", both))
    assert 0.85 < np.abs(samples).max() <= 1.0


def test_sound_that_starts_late_is_preceded_by_silence(tmp_path: Path) -> None:
    path = filmed(
        tmp_path / "late.mp4",
        shots([], 75),
        "-map", "0:v", "-map", "1:a", "-af", "adelay=0", "-c:a", "aac",
        sound=wav(tmp_path / "tone.wav", tone(300, 2)),
    )  # fmt: skip
    shifted = ("-itsoffset", "1", "-i", str(path), "-map", "0:v", "-map", "1:a", "-c", "copy")
    late = made(tmp_path / "later.mkv", "-i", str(path), *shifted)
    samples = decode_pcm(late)
    first = int(np.flatnonzero(np.abs(samples) > 0.1)[0])
    assert first / RATE == pytest.approx(1.0, abs=0.05)
    assert np.flatnonzero(np.abs(mixed(late)) > 0.1)[0] / RATE == pytest.approx(1.0, abs=0.05)


def test_the_other_sound_track_can_be_asked_for(tmp_path: Path) -> None:
    low, high = (wav(tmp_path / f"{hz}.wav", tone(hz, 1)) for hz in (300, 900))
    both = made(
        tmp_path / "both.mkv",
        "-i", str(low), "-i", str(high), "-map", "0:a", "-map", "1:a", "-c:a", "pcm_s16le",
    )  # fmt: skip
    assert pitch(decode_pcm(both)) == pytest.approx(300, abs=2)
    assert pitch(decode_pcm(both, audio_index=1)) == pytest.approx(900, abs=2)


def test_a_recording_without_sound_says_so(tmp_path: Path) -> None:
    silent = filmed(tmp_path / "silent.mp4", shots([], 30))
    with pytest.raises(MediaError):
        decode_pcm(silent)


def mixed(path: Path, block_s: int = 30) -> np.ndarray:
    with av.open(str(path)) as container:
        mixer = Mixer(0.0, block_s)
        frames = (mixer.add(frame) for frame in container.decode(audio=0))
        blocks = [block for made in frames for block in made]
        return np.concatenate([*blocks, *mixer.rest()])


def test_blocks_joined_are_the_whole_sound(tmp_path: Path) -> None:
    path = moving(tmp_path / "tone.mp4", "-c:a", "aac", seconds=3)
    whole, pieces = mixed(path), mixed(path, block_s=1)
    assert len(whole) == pytest.approx(3 * RATE, abs=0.06 * RATE)
    assert np.array_equal(whole, pieces)
    assert pitch(whole[RATE : 2 * RATE]) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("block_s", [1, 4, 30])
def test_rows_do_not_depend_on_how_the_sound_was_cut(block_s: int) -> None:
    sound = np.random.default_rng(1).standard_normal(9 * RATE).astype(np.float32) * 0.1
    whole = np.concatenate(list(curves.rows([sound])))
    assert len(whole) == 9_000 // curves.STEP_MS
    size = block_s * RATE
    blocks = [sound[at : at + size] for at in range(0, len(sound), size)]
    assert np.array_equal(whole, np.concatenate(list(curves.rows(blocks))))


def test_only_the_level_changes_with_the_volume() -> None:
    sound = np.random.default_rng(1).standard_normal(4 * RATE).astype(np.float32) * 0.2
    loud, quiet = (np.concatenate(list(curves.rows([sound * gain]))) for gain in (1.0, 0.1))
    shapes = [np.delete(rows[:, curves.SHAPES], curves.LEVEL, axis=1) for rows in (loud, quiet)]
    assert np.allclose(shapes[0][2:-2], shapes[1][2:-2], atol=0.1)
    assert np.allclose((loud - quiet)[2:-2, curves.LEVEL], 20, atol=0.1)


@pytest.mark.parametrize("seconds", [0, 0.001, 0.2])
def test_a_sound_shorter_than_one_row_does_no_harm(seconds: float) -> None:
    rows = list(curves.rows([np.zeros(int(seconds * RATE), np.float32)]))
    assert sum(len(part) for part in rows) <= 1
