"""pocketsphinx: its English model is in its wheel. Good for tags, too rough for captions."""

import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.speech import vad
from pipeline.timeline import Span, Word

LONGEST_MS = 20_000
_NOT_A_WORD = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+)$")
_ALTERNATE = re.compile(r"\(\d+\)$")
_LOW = 0.1
"""A word below this is dropped where the voice network hears little voice under it."""
_PRUNE = {"maxhmmpf": 3000, "maxwpf": 20}
"""A third less CPU for 0.3 points of word error."""


def usable() -> bool:
    spec = importlib.util.find_spec("pocketsphinx")
    return spec is not None and (Path(spec.origin or "").parent / "model" / "en-us").is_dir()


def words(
    pcm: NDArray[np.float32], spans: list[Span], progress: Callable[[float], None]
) -> list[Word]:
    """`spans`: where to listen, in ms from the start of `pcm`."""
    import pocketsphinx

    chance = vad.probabilities(pcm)
    voiced = [each for span in spans for each in vad.speech(chance, span)]
    chunks = vad.cut_long(pcm, voiced, LONGEST_MS)
    decoder: Any = pocketsphinx.Decoder(loglevel="FATAL", **_PRUNE) if chunks else None
    heard: list[Word] = []
    for number, chunk in enumerate(chunks, 1):
        heard += [word for word in _decoded(decoder, pcm, chunk) if _believable(word, chance)]
        progress(number / len(chunks))
    return heard


def _decoded(decoder: Any, pcm: NDArray[np.float32], chunk: Span) -> Iterator[Word]:
    decoder.start_utt()
    # The whole utterance at once: the cepstral mean is then known from the first frame on.
    decoder.process_raw(_int16(vad.part_of(pcm, chunk)), full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return
    for part in decoder.seg():
        if not _NOT_A_WORD.match(part.word):
            yield Word(
                chunk.start_ms + part.start_frame * 10,
                min(chunk.end_ms, chunk.start_ms + part.end_frame * 10 + 10),
                _ALTERNATE.sub("", part.word),
                min(1.0, float(part.prob)),
            )


def _int16(part: NDArray[np.float32]) -> bytes:
    """A quiet voice is raised, by 30 dB at most: 16 bits would leave little of it."""
    gain = min(30.0, 0.9 / max(float(np.abs(part).max(initial=0.0)), 1e-6))
    loud = np.clip(part * max(gain, 1.0), -1.0, 1.0) * 32767
    return bytes(loud.astype("<i2").tobytes())


def _believable(word: Word, chance: NDArray[np.float32]) -> bool:
    first = int(word.start_ms / vad.FRAME_MS)
    last = max(first + 1, int(word.end_ms / vad.FRAME_MS))
    voice = float(chance[first:last].mean()) if first < len(chance) else 0.0
    return word.confidence >= _LOW or voice >= 0.5
