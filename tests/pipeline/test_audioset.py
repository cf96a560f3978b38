"""A model with AudioSet's classes in place of our own: tiny ONNX files whose answers are known."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipeline import audioset, curves, sounds
from pipeline.audio import RATE
from pipeline.sounds import SOUNDS

NAMES = [
    "Speech",
    "Music",
    "Cheering",
    "Applause",
    "Laughter",
    "Noise",
    *(f"class {n}" for n in range(6, 521)),
]
QUIET_S, LOUD_S = 10, 5


def field(number: int, value: bytes | str | int) -> bytes:
    """One field of a protocol buffer message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def varint(value: int) -> bytes:
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def tensor_info(name: str, shape: Sequence[int | str]) -> bytes:
    sizes = [field(1, field(1 if isinstance(size, int) else 2, size)) for size in shape]
    tensor = field(1, 1) + field(2, b"".join(sizes))
    return field(1, name) + field(2, field(1, tensor))


def node(kind: str, inputs: Sequence[str], output: str, attributes: bytes = b"") -> bytes:
    named = b"".join(field(1, name) for name in inputs)
    return field(1, named + field(2, output) + field(4, kind) + attributes)


def constant(name: str, values: np.ndarray) -> bytes:
    sizes = b"".join(field(1, size) for size in values.shape)
    raw = values.astype("<f4").tobytes()
    return field(5, sizes + field(2, 1) + field(8, name) + field(9, raw))


def loudness_model(
    path: Path,
    heard_as: str,
    *,
    shape: Sequence[int | str] = ("samples",),
    classes: int = 521,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Scores the class `heard_as` by the mean of |x|, times five; all others 0.01."""
    weights, rest = np.zeros(classes, np.float32), np.full(classes, 0.01, np.float32)
    weights[NAMES.index(heard_as)] = 5
    axis = field(5, field(1, "axes") + field(8, len(shape) - 1) + field(20, 7))
    graph = [
        node("Abs", ["waveform"], "size"),
        node("ReduceMean", ["size"], "mean", axis),
        node("Mul", ["mean", "weights"], "weighed"),
        node("Add", ["weighed", "rest"], "scores"),
        field(2, "loudness"),
        constant("weights", weights),
        constant("rest", rest),
        field(11, tensor_info("waveform", shape)),
        field(12, tensor_info("scores", [*(1 for _ in shape[1:]), classes])),
    ]
    told = [field(14, field(1, key) + field(2, value)) for key, value in (metadata or {}).items()]
    path.write_bytes(
        field(1, 8) + field(8, field(2, 13)) + field(7, b"".join(graph)) + b"".join(told)
    )
    return path


def named(folder: Path, names: Sequence[str] = NAMES) -> None:
    with (folder / audioset.NAMES_FILE).open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["index", "mid", "display_name"])
        lines.writerows([n, f"/m/{n}", name] for n, name in enumerate(names))


def story() -> list[np.ndarray]:
    """A quiet hiss, loud from QUIET_S for LOUD_S, in blocks."""
    sound = np.random.default_rng(1).standard_normal(25 * RATE) * 0.001
    sound[QUIET_S * RATE : (QUIET_S + LOUD_S) * RATE] *= 150
    return [part.astype(np.float32) for part in np.split(sound, 5)]


def column(name: str, model: Path) -> np.ndarray:
    heard = audioset.listen(story(), model)
    assert heard.likelihoods.shape == (len(heard.level_db), len(SOUNDS))
    return np.asarray(heard.likelihoods[:, SOUNDS.index(name)])


def seconds(curve: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    return curve[int(start_s * 1000 / curves.STEP_MS) : int(end_s * 1000 / curves.STEP_MS)]


@pytest.mark.parametrize("heard_as", ["Cheering", "Applause", "Laughter"])
def test_a_class_of_the_model_becomes_a_kind_of_ours_where_it_is_heard(
    tmp_path: Path, heard_as: str
) -> None:
    model = loudness_model(tmp_path / "ear.onnx", heard_as)
    named(tmp_path)
    kind = {"Cheering": "cheer", "Applause": "applause", "Laughter": "laughter"}[heard_as]
    for name in (kind, "reaction"):
        told = column(name, model)
        assert seconds(told, QUIET_S + 1, QUIET_S + LOUD_S - 1).min() > 0.6
        assert max(seconds(told, 0, QUIET_S - 1).max(), seconds(told, 16, 25).max()) < 0.2
    assert column("speech", model).max() < 0.2


def test_what_is_no_reaction_is_told_as_itself(tmp_path: Path) -> None:
    model = loudness_model(tmp_path / "ear.onnx", "Music")
    named(tmp_path)
    assert column("music", model).max() > 0.6
    assert column("reaction", model).max() < 0.2


@pytest.mark.parametrize(
    ("shape", "metadata"),
    [((1, "samples"), {}), ((1, 15_600), {}), (("n", 32_000), {"sample_rate": "32000"})],
)
def test_models_differ_in_what_they_take(
    tmp_path: Path, shape: tuple[int | str, ...], metadata: dict[str, str]
) -> None:
    stated = {"classes": json.dumps(NAMES), **metadata}
    told = column(
        "cheer", loudness_model(tmp_path / "e.onnx", "Cheering", shape=shape, metadata=stated)
    )
    assert seconds(told, QUIET_S + 1, QUIET_S + LOUD_S - 1).min() > 0.6
    assert seconds(told, 0, QUIET_S - 1).max() < 0.2


def test_all_but_the_likelihoods_is_what_our_own_model_hears(tmp_path: Path) -> None:
    model = loudness_model(tmp_path / "ear.onnx", "Cheering")
    named(tmp_path)
    theirs, ours = audioset.listen(story(), model), sounds.listen(curves.rows(story()))
    assert np.array_equal(theirs.level_db, ours.level_db)
    assert np.array_equal(theirs.voice_db, ours.voice_db)


def test_how_the_sound_is_cut_into_blocks_changes_nothing(tmp_path: Path) -> None:
    model = loudness_model(tmp_path / "ear.onnx", "Cheering")
    named(tmp_path)
    whole = audioset.listen([np.concatenate(story())], model)
    assert np.allclose(whole.likelihoods, audioset.listen(story(), model).likelihoods)


def test_no_sound_is_no_row(tmp_path: Path) -> None:
    model = loudness_model(tmp_path / "ear.onnx", "Cheering")
    named(tmp_path)
    assert audioset.listen([], model).likelihoods.shape == (0, len(SOUNDS))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "ear.onnx"
    broken.write_bytes(b"no model at all")
    with pytest.raises(audioset.NoSuchModel, match="can't be read"):
        audioset.listen(story(), broken)
    with pytest.raises(audioset.NoSuchModel, match="no model file"):
        audioset.listen(story(), tmp_path / "other.onnx")


def test_a_model_of_other_classes_is_refused(tmp_path: Path) -> None:
    model = loudness_model(tmp_path / "ear.onnx", "Cheering")
    with pytest.raises(audioset.NoSuchModel, match="does not name its classes"):
        audioset.listen(story(), model)
    named(tmp_path, NAMES[:10])
    with pytest.raises(audioset.NoSuchModel, match="521 classes, but 10"):
        audioset.listen(story(), model)
    named(tmp_path, [f"class {n}" for n in range(521)])
    with pytest.raises(audioset.NoSuchModel, match="no class for cheer"):
        audioset.listen(story(), model)


def test_a_model_that_takes_pictures_is_refused(tmp_path: Path) -> None:
    model = loudness_model(tmp_path / "ear.onnx", "Cheering", shape=(1, 3, 64, 64))
    with pytest.raises(audioset.NoSuchModel, match="plain samples"):
        audioset.listen(story(), model)
