"""From a highlight to the files of a clip: words, edges, master, poster, captions, title, tags."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import cut, edges, previews, stills
from pipeline.audio import decode_pcm
from pipeline.captions import webvtt
from pipeline.kinds import CROWD
from pipeline.probe import Probe, probe
from pipeline.shots import cuts_in
from pipeline.tags import confident_text, tags, title
from pipeline.timeline import Segment, Span
from pipeline.transcribe import Transcript, quality_note, transcribe

RATE = 16_000
AROUND_MS = 8_000
"""Listened to beyond the moment, so that edges can move to a pause."""
CUT_WINDOW_MS = 2_500

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for."""

    moment: Span
    peak_ms: int
    min_ms: int
    max_ms: int
    reasons: dict[str, float]
    name: str
    """What the recording is called, for a clip in which nothing is said."""
    speech: str
    """An engine of pipeline.transcribe, or "none"."""
    speech_model: str
    language: str
    exact: bool = False
    """The moment's edges are a person's own: they move to a frame and no further."""


@dataclass(frozen=True, slots=True)
class Made:
    span: Span
    title: str
    tags: list[str]
    transcript: Transcript | None
    width: int
    height: int
    files: dict[str, str]
    """By kind (master, poster, captions, preview, ...): path."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def make(source: Path, about: Probe, wanted: Wanted, folder: Path, progress: Progress) -> Made:
    """1. listen around the moment, 2. choose edges, 3. cut, 4. poster, previews, 5. captions,
    title, tags."""
    around = _around(wanted, about.duration_ms)
    pcm = _sound(source, about, around)
    progress(0.05)
    transcript = _words(pcm, wanted, around)
    segments = transcript.segments if transcript else ()
    progress(0.35)
    span = choose_edges(source, about, wanted, around, pcm, segments)
    progress(0.45)
    master = folder / "master.mp4"
    cut.cut_master(source, about, span, master, lambda done: progress(0.45 + 0.4 * done))
    cut_out = probe(master)
    files = {"master": str(master), "poster": str(folder / "poster.jpg")}
    _poster(master, span, wanted, cut_out, pcm, around, folder / "poster.jpg")
    peak_ms = max(0, wanted.peak_ms - span.start_ms)
    files |= previews.make(
        master, folder, peak_ms=peak_ms, progress=lambda done: progress(0.87 + 0.12 * done)
    )
    said = within(segments, span)
    if transcript and said:
        files["captions"] = str(folder / "captions.vtt")
        note = f"{transcript.engine} {transcript.version}: {quality_note(transcript.quality)}"
        text = webvtt(said, start_ms=span.start_ms, end_ms=span.end_ms, note=note)
        Path(files["captions"]).write_text(text, encoding="utf-8")
    name, labels = _told(transcript, said, span, wanted)
    return Made(
        span=Span(span.start_ms, span.start_ms + min(span.length_ms, cut_out.duration_ms)),
        title=name,
        tags=labels,
        transcript=_only(transcript, said),
        width=cut_out.video.width if cut_out.video else 0,
        height=cut_out.video.height if cut_out.video else 0,
        files=files,
    )


def _told(
    transcript: Transcript | None, said: Sequence[Segment], span: Span, wanted: Wanted
) -> tuple[str, list[str]]:
    """Title and tags. A rough engine's doubtful words are worse than none."""
    events = [name for name in CROWD if wanted.reasons.get(name, 0) > 0.1]
    quality = transcript.quality if transcript else "none"
    language = (transcript.language if transcript else "") or "en"
    text = confident_text(said, quality) if said else ""
    name = title(
        said,
        span,
        events=events,
        fallback=wanted.name,
        quality=quality,
        language=language,
        peak_ms=wanted.peak_ms,
    )
    return name, tags(text, language=language, events=events)


def _only(transcript: Transcript | None, said: tuple[Segment, ...]) -> Transcript | None:
    """What was said inside the clip: more was listened to than is sold."""
    return replace(transcript, segments=said) if transcript else None


def choose_edges(
    source: Path,
    about: Probe,
    wanted: Wanted,
    around: Span,
    pcm: NDArray[np.float32],
    segments: Sequence[Segment],
) -> Span:
    """Pauses first, then the cuts near those two places: only they are decoded."""
    if wanted.exact:
        return _on_frames(source, about, wanted.moment)
    shared: dict[str, Any] = {
        "duration_ms": about.duration_ms,
        "peak_ms": wanted.peak_ms,
        "segments": segments,
        "pauses": edges.pauses_in(pcm, RATE, around.start_ms) if about.audio else [],
        "min_ms": wanted.min_ms,
        "max_ms": wanted.max_ms,
    }
    rough = edges.snap(wanted.moment, **shared)
    if about.video is None:
        return rough
    cuts: list[int] = []
    for at in (rough.start_ms, rough.end_ms):
        window = Span(max(0, at - CUT_WINDOW_MS), min(about.duration_ms, at + CUT_WINDOW_MS))
        cuts += cuts_in(source, window)
    span = edges.snap(wanted.moment, cuts=cuts, **shared)
    return _on_frames(source, about, span, min_ms=wanted.min_ms, max_ms=wanted.max_ms)


def _on_frames(
    source: Path, about: Probe, span: Span, *, min_ms: int = 0, max_ms: int | None = None
) -> Span:
    near = Span(max(0, span.start_ms - 1000), min(about.duration_ms, span.end_ms + 1000))
    times = cut.frame_times(source, about, near)
    return cut.on_frames(span, times, min_ms=min_ms, max_ms=max_ms)


def within(segments: Sequence[Segment], span: Span) -> tuple[Segment, ...]:
    """The segments cut down to the words that are said wholly inside the span."""
    kept = []
    for segment in segments:
        words = tuple(
            word
            for word in segment.words
            if word.start_ms >= span.start_ms - 50 and word.end_ms <= span.end_ms + 50
        )
        if words:
            text = " ".join(word.text.strip() for word in words)
            whole = len(words) == len(segment.words)
            kept.append(
                Segment(
                    max(span.start_ms, words[0].start_ms),
                    min(span.end_ms, words[-1].end_ms),
                    segment.text if whole else text,
                    words,
                )
            )
    return tuple(kept)


def _around(wanted: Wanted, duration_ms: int) -> Span:
    wide = wanted.moment
    if not wanted.exact:
        wide = edges.widen(wide, wanted.min_ms, wanted.max_ms, duration_ms, wanted.peak_ms)
    return Span(max(0, wide.start_ms - AROUND_MS), min(duration_ms, wide.end_ms + AROUND_MS))


def _sound(source: Path, about: Probe, around: Span) -> NDArray[np.float32]:
    if about.audio is None:
        return np.zeros(0, np.float32)
    return decode_pcm(source, around, RATE, about.audio.index)


def _words(pcm: NDArray[np.float32], wanted: Wanted, around: Span) -> Transcript | None:
    if wanted.speech == "none" or not len(pcm):
        return None
    return transcribe(
        pcm,
        None,
        engine=wanted.speech,
        model=wanted.speech_model,
        offset_ms=around.start_ms,
        language=wanted.language or None,
    )


def _poster(
    master: Path,
    span: Span,
    wanted: Wanted,
    cut_out: Probe,
    pcm: NDArray[np.float32],
    around: Span,
    out: Path,
) -> None:
    if cut_out.video is None:
        first = (span.start_ms - around.start_ms) * RATE // 1000
        stills.wave_poster(pcm[first : first + span.length_ms * RATE // 1000], out)
    else:
        stills.poster(master, span.length_ms, max(0, wanted.peak_ms - span.start_ms), out)
