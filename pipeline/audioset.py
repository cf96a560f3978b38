"""Another model to hear with: an ONNX file that tells AudioSet's classes, in place of our own.

For those who have such a model (YAMNet's or PANNs' kind: samples in, 521 or 527 scores out).
"""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import curves, sounds
from pipeline.audio import RATE, Samples
from pipeline.curves import STEP_MS
from pipeline.errors import MediaError
from pipeline.sounds import SOUNDS, Heard

HEARD_AS = {
    "cheer": ("Cheering", "Crowd", "Whoop", "Yell", "Children shouting", "Battle cry"),
    "applause": ("Applause", "Clapping"),
    "laughter": (
        "Laughter",
        "Baby laughter",
        "Giggle",
        "Snicker",
        "Belly laugh",
        "Chuckle, chortle",
    ),
    "speech": (
        "Speech",
        "Male speech, man speaking",
        "Female speech, woman speaking",
        "Child speech, kid speaking",
        "Conversation",
        "Narration, monologue",
    ),
    "music": ("Music", "Musical instrument", "Singing", "Song", "Background music"),
    "noise": (
        "Noise",
        "Engine",
        "Vehicle",
        "Machine",
        "Tools",
        "Wind",
        "Rain",
        "Water",
        "Fire",
        "Thunder",
        "Explosion",
        "Aircraft",
        "Train",
        "Static",
        "White noise",
        "Pink noise",
        "Environmental noise",
        "Mechanical fan",
        "Typing",
    ),
}
"""AudioSet's display names for what we call by one name. To hear more as a cheer, add it here."""

REACTIONS = ("cheer", "applause", "laughter")
WINDOW_MS, HOP_MS = 1_000, 500
"""Where the model takes any length: it is asked about a second, twice a second."""
NAMES_FILE = "class_map.csv"
RATES = {521: 16_000, 527: 32_000}
"""What models of so many classes were trained at, where the file does not say."""
UNSURE = 0.5
"""Scores are raised to this power: of what sounds under talk such models are seldom surer
than a quarter, and 0.5 must be the middle."""


class NoSuchModel(MediaError):
    """The named file is no model of AudioSet's classes."""

    retry = False


def listen(blocks: Iterable[Samples], model: Path) -> Heard:
    """As `sounds.listen(curves.rows(blocks))`, with the likelihoods of the given model.

    The class names are read from the model's metadata ("classes", a JSON list) or from
    class_map.csv beside it. Raises NoSuchModel.
    """
    ear = Ear(model)

    def passed() -> Iterator[Samples]:
        for block in blocks:
            ear.add(block)
            yield block

    heard = sounds.listen(curves.rows(passed()))
    return replace(heard, likelihoods=ear.likelihoods(len(heard.level_db)))


class Ear:
    """Fed with blocks of 16 kHz samples; asks the model about one window after the other."""

    def __init__(self, model: Path) -> None:
        self._session = _opened(model)
        wanted, told = _shapes(self._session, model)
        self._input = wanted.name
        self._flat = len(wanted.shape) == 1
        self._output = told.name
        names = _names(self._session, model)
        classes = told.shape[-1] if isinstance(told.shape[-1], int) else len(names)
        if classes != len(names):
            raise NoSuchModel(f"{model.name} tells {classes} classes, but {len(names)} are named.")
        self._columns = _columns(names, model)
        stated = self._session.get_modelmeta().custom_metadata_map.get("sample_rate", "")
        self._rate = int(stated) if stated.isdigit() else RATES.get(classes, RATE)
        if self._rate not in (RATE, 2 * RATE):
            raise NoSuchModel(f"{model.name} wants {self._rate} samples a second, not 16,000.")
        fixed = wanted.shape[-1]
        ratio = self._rate // RATE
        self._window = fixed // ratio if isinstance(fixed, int) else WINDOW_MS * RATE // 1000
        self._hop = min(self._window, HOP_MS * RATE // 1000)
        # Half a window more at both ends: the first one is about the first moment.
        self._kept = np.zeros(self._window // 2, np.float32)
        self._told: list[NDArray[np.float32]] = []

    def add(self, block: Samples) -> None:
        held = np.concatenate([self._kept, block])
        while len(held) >= self._window:
            self._told.append(self._ask(held[: self._window]))
            held = held[self._hop :]
        self._kept = held

    def likelihoods(self, rows: int) -> NDArray[np.float32]:
        """(rows, len(SOUNDS)) of all that was added."""
        self.add(np.zeros(self._window - min(self._window, len(self._kept)), np.float32))
        if not rows:
            return np.zeros((0, len(SOUNDS)), np.float32)
        at_ms = np.arange(len(self._told)) * self._hop * 1000 / RATE
        row_ms = np.arange(rows) * STEP_MS + STEP_MS / 2
        scores = np.stack(self._told)
        kinds = {
            name: np.interp(row_ms, at_ms, scores[:, columns].max(1)) ** UNSURE
            for name, columns in self._columns.items()
        }
        kinds["reaction"] = np.max([kinds[name] for name in REACTIONS], axis=0)
        return np.stack([kinds[name] for name in SOUNDS], axis=1).astype(np.float32)

    def _ask(self, samples: Samples) -> NDArray[np.float32]:
        if self._rate != RATE:
            spectrum = np.fft.rfft(samples)
            samples = 2 * np.fft.irfft(spectrum, 2 * len(samples)).astype(np.float32)
        given = samples if self._flat else samples[None]
        (told,) = self._session.run([self._output], {self._input: given})
        scores = np.asarray(told, np.float32)
        scores = scores.reshape(-1, scores.shape[-1]).mean(0)
        if scores.min() < 0 or scores.max() > 1:
            scores = 1 / (1 + np.exp(-np.clip(scores, -30, 30)))
        return np.asarray(np.nan_to_num(scores), np.float32)


def _opened(model: Path) -> Any:
    import onnxruntime

    if not model.is_file():
        raise NoSuchModel(f"There is no model file {model.name}.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no common class for what a bad file raises
        raise NoSuchModel(f"{model.name} can't be read as an ONNX model.") from error


def _shapes(session: Any, model: Path) -> tuple[Any, Any]:
    """The input that takes samples and the output that tells classes."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) not in (1, 2):
        raise NoSuchModel(f"{model.name} does not take plain samples.")
    for output in session.get_outputs():
        last = output.shape[-1] if output.shape else None
        if last in RATES:
            return inputs[0], output
    return inputs[0], session.get_outputs()[0]


def _names(session: Any, model: Path) -> list[str]:
    stated = session.get_modelmeta().custom_metadata_map.get("classes", "")
    try:
        if stated:
            return [str(name) for name in json.loads(stated)]
        with model.with_name(NAMES_FILE).open(newline="", encoding="utf-8") as lines:
            return [line["display_name"] for line in csv.DictReader(lines)]
    except FileNotFoundError:
        raise NoSuchModel(
            f"{model.name} does not name its classes, and there is no {NAMES_FILE} beside it."
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        raise NoSuchModel(f"The class names of {model.name} can't be read.") from error


def _columns(names: list[str], model: Path) -> dict[str, list[int]]:
    columns = {
        kind: [number for number, name in enumerate(names) if name in heard_as]
        for kind, heard_as in HEARD_AS.items()
    }
    if missing := [kind for kind, found in columns.items() if not found]:
        raise NoSuchModel(f"{model.name} has no class for {', '.join(missing)}.")
    return columns
