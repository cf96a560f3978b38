"""faster-whisper on PCM arrays: given a path it would open the file itself, with every decoder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import Refused
from pipeline.speech import vad
from pipeline.timeline import Span, Word

LONGEST_MS = 300_000
_SMALL_WIDTH = 768
"""Whisper's width: tiny 384, base 512, small 768, medium 1024, large 1280."""


def words(
    pcm: NDArray[np.float32],
    spans: list[Span],
    folder: Path,
    progress: Callable[[float], None],
    *,
    language: str | None,
    threads: int,
) -> tuple[list[Word], str]:
    """`spans`: where to listen, in ms from the start of `pcm`. Answers the language too."""
    chance = vad.probabilities(pcm)
    pieces = vad.cut_long(pcm, spans, LONGEST_MS)
    pieces = [piece for piece in pieces if vad.speech(chance, piece)]
    model = _load(folder, threads) if pieces else None
    heard: list[Word] = []
    for number, piece in enumerate(pieces):

        def ahead(part: float, number: int = number) -> None:
            progress((number + part) / len(pieces))

        found, spoken = _piece(model, vad.part_of(pcm, piece), piece.start_ms, language, ahead)
        heard, language = heard + found, language or spoken
    return heard, language or ""


def _load(folder: Path, threads: int) -> Any:
    from faster_whisper import WhisperModel

    try:
        return WhisperModel(
            str(folder),
            device="cpu",
            compute_type="int8",
            cpu_threads=threads,
            local_files_only=True,
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise Refused(
            f"The speech model in {folder.name} can't be loaded ({error}). It must be a Whisper"
            " model in CTranslate2 form with model.bin and tokenizer.json."
        ) from error


def _piece(
    model: Any,
    pcm: NDArray[np.float32],
    offset_ms: int,
    language: str | None,
    progress: Callable[[float], None],
) -> tuple[list[Word], str]:
    segments, info = model.transcribe(
        pcm,
        language=language,
        beam_size=5,
        temperature=[0.0, 0.4, 0.8],
        condition_on_previous_text=False,
        word_timestamps=True,
        vad_filter=True,
        vad_parameters={"min_silence_duration_ms": 500, "speech_pad_ms": 200},
    )
    length_s = max(len(pcm) / vad.RATE, 0.001)
    heard: list[Word] = []
    for segment in segments:
        heard += _words(segment, offset_ms, offset_ms + int(length_s * 1000))
        progress(min(1.0, segment.end / length_s))
    return heard, str(info.language)


def _words(segment: Any, offset_ms: int, end_ms: int) -> list[Word]:
    spoken = [
        (part.start, part.end, part.word.strip(), part.probability) for part in segment.words or ()
    ]
    if not spoken:
        chance = float(np.exp(segment.avg_logprob))
        spoken = [(segment.start, segment.end, segment.text.strip(), chance)]
    return [
        Word(
            min(offset_ms + round(start * 1000), end_ms - 1),
            min(offset_ms + round(end * 1000), end_ms),
            text,
            min(1.0, max(0.0, float(chance))),
        )
        for start, end, text, chance in spoken
        if text
    ]


def is_small_or_larger(folder: Path) -> bool:
    """By the width written in model.bin; a folder's name says nothing."""
    try:
        with (folder / "model.bin").open("rb") as file:
            return _width(file) >= _SMALL_WIDTH
    except (OSError, ValueError):
        return False


def _width(file: BinaryIO) -> int:
    """CTranslate2's model.bin: version, spec name, revision, count of variables; then of each the
    name, rank, dimensions, type, size and bytes."""

    def number(size: int) -> int:
        raw = file.read(size)
        if len(raw) != size:
            raise ValueError("a truncated model.bin")
        return int.from_bytes(raw, "little")

    version = number(4)
    if version < 6:
        raise ValueError(f"model.bin of version {version}")
    file.seek(number(2), 1)
    number(4)
    for _ in range(number(4)):
        name = file.read(number(2)).rstrip(b"\0")
        shape = [number(4) for _ in range(number(1))]
        number(1)
        if name == b"encoder/position_encodings/encodings":
            return shape[1]
        file.seek(number(4), 1)
    raise ValueError("not a Whisper model")
