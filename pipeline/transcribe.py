"""Words with times from PCM. The engine is chosen outside the media child, which has no network."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import Refused
from pipeline.speech import sphinx, vad, whisper
from pipeline.speech.fetch import find_model, folder_of, hub_cache
from pipeline.speech.words import in_order, segmented
from pipeline.timeline import Segment, Span, Word

ENGINES = ("auto", "whisper", "pocketsphinx", "none")

_NOTES = {
    "good": "good: fit for captions",
    "fair": "fair: fit for captions after a look",
    "rough": "rough: for tags, not for captions",
    "none": "no speech engine was used",
}


@dataclass(frozen=True, slots=True)
class Transcript:
    engine: str
    version: str
    model: str
    quality: str
    """good, fair, rough or none; `quality_note` says it to a person."""
    language: str
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Choice:
    engine: str
    """whisper, pocketsphinx or none: never auto."""
    model_path: Path | None
    note: str
    """Why, and what to do for a better one."""


def quality_note(quality: str) -> str:
    return _NOTES[quality]


def choose_engine(
    engine: str,
    model: str,
    *,
    cache_dir: Path | None = None,
    fetch: bool = True,
    progress: Callable[[float], None] | None = None,
) -> Choice:
    """`auto`: whisper where its model can be had, else pocketsphinx, else none. May download (see
    `find_model`); answers within 5 s where there is no network. ValueError: no such engine."""
    if engine not in ENGINES:
        raise ValueError(f"speech engine {engine!r}: one of {', '.join(ENGINES)}")
    if engine == "none":
        return Choice("none", None, "speech is switched off")
    missing = ""
    if engine in ("auto", "whisper"):
        try:
            place = cache_dir or hub_cache()
            folder = find_model(model, fetch=fetch, cache_dir=place, progress=progress)
        except ValueError as error:
            folder, missing = None, str(error)
        if folder is not None:
            note = f"whisper {_name(folder)}, {quality_note(_grade(folder))}"
            return Choice("whisper", folder, note)
        missing = missing or (
            f"the whisper model {model!r} is not on this machine and its hub can't be reached;"
            " give a folder with a CTranslate2 Whisper model for a better transcript"
        )
    if engine == "whisper":
        return Choice("none", None, f"no speech is transcribed: {missing}")
    if not sphinx.usable():
        return Choice("none", None, f"pocketsphinx is not installed with its model. {missing}")
    rough = f"pocketsphinx, {quality_note('rough')}"
    return Choice("pocketsphinx", None, f"{rough}; {missing}" if missing else rough)


def transcribe(
    pcm: NDArray[np.float32],
    spans: Sequence[Span] | None,
    *,
    engine: str = "auto",
    model: str = "small",
    offset_ms: int = 0,
    language: str | None = None,
    threads: int = 2,
    progress: Callable[[float], None] | None = None,
) -> Transcript:
    """16 kHz mono, -1..1. `spans`, in ms from the start of `pcm`: where to listen (to the speech
    in them); None: everywhere. Times in the answer have `offset_ms` added. Never fetches: `auto`
    takes whisper only where `model` is a folder. Refused: whisper is named and `model` is none.
    """
    if engine not in ENGINES:
        raise ValueError(f"speech engine {engine!r}: one of {', '.join(ENGINES)}")
    pcm = np.nan_to_num(np.ascontiguousarray(pcm, dtype=np.float32), posinf=0.0, neginf=0.0)
    heed, tell = _within(spans, len(pcm) * 1000 // vad.RATE), progress or (lambda part: None)
    folder = folder_of(model)
    if engine == "whisper" and folder is None:
        raise Refused(
            f"No whisper model in {model!r}: there must be a model.bin and a config.json."
        )
    if engine in ("auto", "whisper") and folder is not None:
        words, spoken = whisper.words(pcm, heed, folder, tell, language=language, threads=threads)
        done = _empty("whisper", "faster-whisper", _name(folder), _grade(folder), spoken)
    elif engine != "none" and (language or "en").startswith("en") and sphinx.usable():
        words = sphinx.words(pcm, heed, tell)
        done = _empty("pocketsphinx", "pocketsphinx", "en-us", "rough", "en")
    else:
        words, done = [], Transcript("none", "", "", "none", language or "", ())
    tell(1.0)
    return _with(done, words, offset_ms)


def _within(spans: Sequence[Span] | None, length_ms: int) -> list[Span]:
    """In order, inside the sound, those that touch made one."""
    whole = [Span(0, length_ms)] if spans is None else sorted(spans, key=lambda span: span.start_ms)
    kept: list[Span] = []
    for span in whole:
        start, end = max(0, span.start_ms), min(length_ms, span.end_ms)
        if end <= start:
            continue
        if kept and start <= kept[-1].end_ms:
            last = kept.pop()
            start, end = last.start_ms, max(end, last.end_ms)
        kept.append(Span(start, end))
    return kept


def _empty(engine: str, package: str, model: str, quality: str, language: str) -> Transcript:
    return Transcript(engine, metadata.version(package), model, quality, language, ())


def _with(done: Transcript, words: Sequence[Word], offset_ms: int) -> Transcript:
    moved = [
        Word(word.start_ms + offset_ms, word.end_ms + offset_ms, word.text, word.confidence)
        for word in in_order(words)
    ]
    return Transcript(
        done.engine, done.version, done.model, done.quality, done.language, segmented(moved)
    )


def _grade(folder: Path) -> str:
    return "good" if whisper.is_small_or_larger(folder) else "fair"


def _name(folder: Path) -> str:
    """A model in the hub's cache lies in a folder named by a hash; two above it is the name."""
    cached = re.search(r"models--[^/]+?--(?:faster-whisper-)?([^/]+)/snapshots/", folder.as_posix())
    return cached[1] if cached else folder.name
