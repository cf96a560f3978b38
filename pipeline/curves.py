"""Sound described four times a second: spectrum, modulation, tone, level. Samples in, rows out."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.audio import RATE, Samples

Rows = NDArray[np.float32]

STEP_MS = 250
FRAME = 160
"""Samples from one spectrum to the next: 100 spectra a second."""
WINDOW = 512
BANDS = 40
FLOOR_DB = -100.0
PER_ROW = 25
"""Spectra in a row's step; a row looks at four steps, the second before and around it."""
SPAN = 4 * PER_ROW
BEFORE = 20
"""Spectra before a block's first window, for what looks back 200 ms."""

LEVEL = 0
"""Column of the loudness in dB below full scale; the others do not change with the volume."""

FINE = 5
"""The last columns: level (dB) of the voice band, 300 to 3,400 Hz, in the row's own five 50 ms."""

_VOICE = slice(10, 109)
_GROUPS = ((0, 8), (8, 18), (18, 29), (29, 40))
_MODULATION_HZ = ((1, 3), (3, 7), (7, 15), (15, 30), (30, 49))


@cache
def _mel() -> NDArray[np.float32]:
    """Triangles of equal mel width from 60 to 7,600 Hz, each of area 1; (bins, bands)."""

    def to_mel(hz: Any) -> Any:
        return 2595 * np.log10(1 + hz / 700)

    edges = np.linspace(to_mel(60.0), to_mel(7600.0), BANDS + 2)
    hz = to_mel(np.fft.rfftfreq(WINDOW, 1 / RATE))[:, None]
    up = (hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - hz) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0, np.minimum(up, down))
    return np.asarray(weights / np.maximum(weights.sum(0), 1e-9), np.float32)


def rows(blocks: Iterable[Samples]) -> Iterator[Rows]:
    """A row for each quarter of a second; row i is about the second around i * STEP_MS + 125 ms.

    The rows are the same however the samples were cut into blocks.
    """
    lead = SPAN // 2 - PER_ROW // 2 + BEFORE
    # Half a window more at both ends: spectrum i is then centred on sample i * FRAME.
    kept = np.zeros(lead * FRAME + WINDOW // 2, np.float32)
    for block in blocks:
        held = np.concatenate([kept, block])
        steps = ((len(held) - WINDOW) // FRAME + 1 - BEFORE - SPAN) // PER_ROW + 1
        if steps > 0:
            yield _describe(held, steps)
            held = held[steps * PER_ROW * FRAME :]
        kept = held
    seen = len(kept) - lead * FRAME - WINDOW // 2
    steps = max(0, -(-seen // (PER_ROW * FRAME)))
    if steps:
        yield _describe(np.pad(kept, (0, SPAN * FRAME + WINDOW + PER_ROW * FRAME)), steps)


def _describe(samples: Samples, steps: int) -> Rows:
    count = BEFORE + (steps - 1) * PER_ROW + SPAN
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::FRAME][:count]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32))) ** 2
    power = power.astype(np.float32) / (WINDOW * WINDOW / 16)
    mel = 10 * np.log10(power @ _mel() + 1e-10)
    loud = 10 * np.log10(power.sum(1) + 1e-10)
    tone = _tones(power)
    cut = np.lib.stride_tricks.sliding_window_view

    def windows(series: Rows) -> Rows:
        """(steps, ..., SPAN)"""
        return np.asarray(cut(series[BEFORE:], SPAN, axis=0)[::PER_ROW])

    bands, level = windows(mel), windows(loud)
    middle = bands.mean(2)
    centre = middle.mean(1, keepdims=True)
    flux = np.abs(np.diff(mel, axis=0, prepend=mel[:1])).mean(1)
    voice = 10 * np.log10(power[:, _VOICE].sum(1) + 1e-10)
    own = windows(voice)[:, SPAN // 2 - PER_ROW // 2 :][:, :PER_ROW]
    short = windows(np.column_stack([tone, flux, _flatness(power)]))
    return np.column_stack(
        [
            10 * np.log10(np.mean(10 ** (level / 10), axis=1)),
            middle - centre,
            bands.std(2),
            _modulation(bands),
            short.mean(2),
            short.std(2),
            np.diff(np.percentile(level, [10, 50, 90], axis=1), axis=0).T,
            own.reshape(steps, FINE, -1).mean(2),
        ]
    ).astype(np.float32)


def _flatness(power: Rows) -> Rows:
    """How like noise, in four parts of the spectrum: 0 is noise, -20 a tone (dB)."""
    parts = [power[:, a:b] + 1e-12 for a, b in ((3, 16), (16, 48), (48, 112), (112, 240))]
    return np.column_stack(
        [10 * np.log10(np.exp(np.log(p).mean(1)) / p.mean(1)) for p in parts]
    ).astype(np.float32)


def _tones(power: Rows) -> Rows:
    """Voicing (how periodic at 70 to 400 Hz, 0..1); how spectral lines last (50 and 200 ms)."""
    logs = np.log(power[:, :128] + 1e-10)
    smooth = np.cumsum(np.pad(logs, ((0, 0), (6, 5)), mode="edge"), axis=1)
    fine = logs[:, 6:-5] - (smooth[:, 11:] - smooth[:, :-11])[:, 6:-5] / 11
    fine /= np.linalg.norm(fine, axis=1, keepdims=True) + 1e-6
    lasting = [
        np.concatenate([np.zeros(lag, np.float32), (fine[lag:] * fine[:-lag]).sum(1)])
        for lag in (5, BEFORE)
    ]
    # The periodicity of the magnitude, not of the power: it is less led by the loudest harmonic.
    periodic = np.fft.irfft(np.sqrt(power), axis=1)
    voiced = periodic[:, 40:229].max(1) / (periodic[:, 0] + 1e-9)
    return np.column_stack([voiced, *lasting]).astype(np.float32)


def _modulation(bands: Rows) -> Rows:
    """How fast each band group goes up and down (syllables 3 to 7 Hz, claps above)."""
    groups = np.stack([bands[:, a:b].mean(1) for a, b in _GROUPS], axis=1)
    groups = (groups - groups.mean(2, keepdims=True)) * np.hanning(SPAN).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(groups, axis=2)) ** 2
    parts = [spectrum[:, :, a:b].sum(2) for a, b in _MODULATION_HZ]
    return np.log10(np.concatenate(parts, axis=1) + 1.0).astype(np.float32)
