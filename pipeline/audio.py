"""Sound as mono samples: whole spans for the speech engine, blocks for what reads on and on."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import ffmpeg
from pipeline.timeline import Span

Samples = NDArray[np.float32]

RATE = 16_000
LONGEST_S = 12 * 3600
GAP_MS = 100
"""Shorter holes between two packets are rounding of their time stamps."""


def decode_pcm(
    path: Path, span: Span | None = None, rate: int = RATE, audio_index: int | None = None
) -> Samples:
    """The span's sound (all of it without one) as mono, -1..1. Holes in the sound are silence.

    `audio_index` counts all streams of the file, as the probe does; without it the first sound
    is taken.
    Needs 4 bytes a sample: at 16 kHz 230 MB an hour. Raises ChildFailed where there is no sound.
    """
    options = {}
    if span is not None:
        options = {"ss": span.start_ms / 1000, "t": span.length_ms / 1000}
    source = ffmpeg.source(path, vn=None, sn=None, dn=None, **options)
    chosen = source["a:0" if audio_index is None else str(audio_index)]
    # `first_pts` and `async` put silence where there is no sound: times stay those of the picture.
    even = chosen.filter(
        "aresample",
        rate,
        **{"async": 1, "first_pts": 0, "min_hard_comp": GAP_MS / 1000, "rematrix_maxval": 1},
    )
    pcm = even.output("pipe:", format="f32le", acodec="pcm_f32le", ac=1)
    return np.frombuffer(ffmpeg.run(ffmpeg.arguments(pcm)), np.float32)


class Mixer:
    """Makes blocks of 16 kHz mono of decoded frames, at the time their stamps say."""

    def __init__(self, start_s: float, block_s: int = 30, longest_s: int = LONGEST_S) -> None:
        """`start_s`: the stamp that is time zero. Nothing is answered beyond `longest_s`."""
        self._start_s = start_s
        self._block = block_s * RATE
        self._longest = longest_s * RATE
        self._resampler: _Resampler | None = None
        self._parts: list[Samples] = []
        self._waiting = 0
        self._written = 0

    def add(self, frame: Any) -> Iterator[Samples]:
        """Whole blocks, as soon as there are any."""
        if self._resampler is not None and self._resampler.heard != _kind(frame):
            yield from self._flushed()
        if frame.time is not None:
            hole = round((frame.time - self._start_s) * RATE) - self._position()
            if hole > GAP_MS * RATE // 1000:
                yield from self._flushed()
                yield from self._silence(hole)
        if self._resampler is None:
            self._resampler = _Resampler(frame)
        for made in self._resampler.add(frame):
            yield from self._append(made)

    def rest(self) -> Iterator[Samples]:
        """What is left at the end of the file."""
        yield from self._flushed()
        if self._waiting:
            yield np.nan_to_num(np.concatenate(self._parts), posinf=1.0, neginf=-1.0)
            self._parts, self._waiting = [], 0

    def _position(self) -> int:
        """Samples until now, those counted that the resampler still holds."""
        return self._written + (self._resampler.held if self._resampler is not None else 0)

    def _flushed(self) -> Iterator[Samples]:
        if self._resampler is not None:
            rest, self._resampler = self._resampler.rest(), None
            for made in rest:
                yield from self._append(made)

    def _silence(self, count: int) -> Iterator[Samples]:
        while count > 0 and self._written < self._longest:
            step = min(count, self._block)
            yield from self._append(np.zeros(step, np.float32))
            count -= step

    def _append(self, samples: Samples) -> Iterator[Samples]:
        samples = samples[: max(0, self._longest - self._written)]
        self._parts.append(samples)
        self._waiting += len(samples)
        self._written += len(samples)
        if self._waiting >= self._block:
            joined = np.nan_to_num(np.concatenate(self._parts), posinf=1.0, neginf=-1.0)
            whole = len(joined) // self._block * self._block
            for at in range(0, whole, self._block):
                yield joined[at : at + self._block]
            self._parts, self._waiting = [joined[whole:]], len(joined) - whole


class _Resampler:
    """Frames of one kind to 16 kHz mono, many at a time: asking after each costs twice the work."""

    TOGETHER = 64

    def __init__(self, frame: Any) -> None:
        import av

        self.heard = _kind(frame)
        graph = av.filter.Graph()
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=frame.time_base or Fraction(1, frame.sample_rate),
        )
        mono = f"sample_fmts=flt:channel_layouts=mono:sample_rates={RATE}"
        steps = [
            source,
            graph.add("aformat", mono),
            graph.add("asetnsamples", f"n={4 * RATE}:p=0"),
            graph.add("abuffersink"),
        ]
        for a, b in pairwise(steps):
            a.link_to(b)
        graph.configure()
        self._graph, self._source, self._sink = graph, source, steps[-1]
        self._put = 0
        self._got = 0
        self._count = 0

    @property
    def held(self) -> int:
        """Samples that are in and not yet out."""
        return round(self._put * RATE / self.heard[0]) - self._got

    def add(self, frame: Any) -> Iterator[Samples]:
        self._source.push(frame)
        self._put += frame.samples
        self._count = (self._count + 1) % self.TOGETHER
        if not self._count:
            yield from self._made()

    def rest(self) -> Iterator[Samples]:
        self._source.push(None)
        yield from self._made()

    def _made(self) -> Iterator[Samples]:
        import av

        while True:
            try:
                frame: Any = self._sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            made: Samples = frame.to_ndarray()[0]
            self._got += len(made)
            yield made


def _kind(frame: Any) -> tuple[int, str, str]:
    return frame.sample_rate, frame.layout.name, frame.format.name
