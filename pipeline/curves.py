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
PER_ROW = 25
"""Spectra in a row's step; a row looks at four steps, the second before and around it."""
SPAN = 4 * PER_ROW
BEFORE = 20
"""Spectra before a block's first window, for what looks back 200 ms."""

LEVEL = 0
"""Column of the loudness in dB below full scale; the others do not change with the volume."""

FINE = 5
"""The last columns: level (dB) of the voice band, 300 to 3,400 Hz, in the row's own five 50 ms."""
PITCH, VOICED, ONSET = -FINE - 3, -FINE - 2, -FINE - 1
"""Columns of the row's own 250 ms: median fundamental of the voiced spectra in Hz (0 without),
their share, and the largest rise of the level within 50 ms in dB."""
SHAPES = slice(0, PITCH)
"""What a model of sounds may look at."""

_VOICE = slice(10, 109)
_GROUPS = ((0, 8), (8, 18), (18, 29), (29, 40))
_MODULATION_HZ = ((1, 3), (3, 7), (7, 15), (15, 30), (30, 49))
_TICK = 40
"""Samples of a tick, of which the quickest events are read: 400 a second."""
_QUICK_HZ = ((15, 30), (30, 60), (60, 120), (120, 199))
_LATER = ((5, 7), (7, 9), (9, 12), (12, 16), (16, 20), (20, 26))
"""Steps of 20 ms."""
_PITCHES_HZ = np.exp(np.linspace(np.log(500), np.log(70), 80)).astype(np.float32)
_HARMONICS = slice(2, 64)
"""Bins in which a fundamental shows, 60 to 2,000 Hz."""
_VOICED = 0.4
_QUIET_DB = -70.0
"""A rise from below this counts from here."""


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
    spectra = np.fft.rfft(frames * np.hanning(WINDOW).astype(np.float32))
    power = np.asarray(np.abs(spectra) ** 2 / (WINDOW * WINDOW / 16), np.float32)
    mel = 10 * np.log10(power @ _mel() + 1e-10)
    whole = power.sum(1)
    loud = 10 * np.log10(whole + 1e-10)
    voiced, pitch = _pitch(power)

    bands, level = _windows(mel), _windows(loud)
    middle = bands.mean(2)
    centre = middle.mean(1, keepdims=True)
    flux = np.abs(np.diff(mel, axis=0, prepend=mel[:1])).mean(1)
    tilt = np.log(pitch / 200)
    parts = [voiced, _lasting(power), flux, _flatness(power), tilt, tilt * voiced]
    short = _windows(np.column_stack(parts))
    return np.column_stack(
        [
            10 * np.log10(_windows(whole).mean(1) + 1e-10),
            middle - centre,
            bands.std(2),
            _modulation(mel),
            short.mean(2),
            short.std(2),
            np.diff(np.percentile(level, [10, 50, 90], axis=1), axis=0).T,
            _quick(samples, steps),
            _repeats(bands),
            _own_pitch(pitch, voiced),
            _own(_rise(loud)).max(1),
            _own(10 * np.log10(power[:, _VOICE].sum(1) + 1e-10)).reshape(steps, FINE, -1).mean(2),
        ]
    ).astype(np.float32)


def _windows(series: Rows) -> Rows:
    """The second around each row: (steps, ..., SPAN)."""
    cut = np.lib.stride_tricks.sliding_window_view
    return np.asarray(cut(series[BEFORE:], SPAN, axis=0)[::PER_ROW])


def _own(series: Rows) -> Rows:
    """The quarter of a second that is the row's alone: (steps, PER_ROW)."""
    return _windows(series)[:, SPAN // 2 - PER_ROW // 2 :][:, :PER_ROW]


def _rise(loud: Rows) -> Rows:
    """How much louder than the quietest of the 50 ms before."""
    floored = np.maximum(loud, _QUIET_DB)
    before = np.lib.stride_tricks.sliding_window_view(np.pad(floored, (5, 0), "edge"), 6).min(1)
    return np.asarray(floored - before)


def _own_pitch(pitch: Rows, voiced: Rows) -> Rows:
    own, sure = _own(pitch), _own(voiced) > _VOICED
    count = sure.sum(1)
    # The voiced ones first, in order: their median is in the middle of them.
    ordered = np.sort(np.where(sure, own, np.inf), axis=1)
    median = ordered[np.arange(len(own)), np.maximum(0, count - 1) // 2]
    return np.column_stack([np.where(count > 0, median, 0), count / PER_ROW])


def _repeats(bands: Rows) -> Rows:
    """How like itself the sound is some 100 to 500 ms later: laughs repeat, words do not."""
    halves = bands.reshape(*bands.shape[:2], SPAN // 2, 2).mean(3)
    halves = halves - halves.mean(2, keepdims=True)
    power = (np.abs(np.fft.rfft(halves, 128, axis=2)) ** 2).sum(1)
    alike = np.fft.irfft(power, axis=1)
    # Fewer pairs are so far apart.
    fair = alike[:, :26] / (alike[:, :1] + 1e-3) * (SPAN // 2) / (SPAN // 2 - np.arange(26))
    parts = [fair[:, a:b].max(1) for a, b in _LATER]
    return np.column_stack([*parts, np.max(parts, axis=0) - fair[:, 3:].min(1)])


def _quick(samples: Samples, steps: int) -> Rows:
    """Claps, crackles, rain: how the upper sound jumps from tick to tick, 400 times a second."""
    first = BEFORE * FRAME + WINDOW // 2 - FRAME // 2
    last = first + ((steps - 1) * PER_ROW + SPAN) * FRAME
    upper = np.diff(samples[first - 3 * _TICK - 1 : last])
    ticks = 10 * np.log10(np.square(upper).reshape(-1, _TICK).mean(1) + np.float32(1e-11))
    per = FRAME // _TICK
    cut = np.lib.stride_tricks.sliding_window_view
    jumps = ticks[3:] - np.maximum(ticks[1:-2], ticks[:-3])
    ticks = ticks[3:]
    jumped = cut(jumps, SPAN * per)[:: PER_ROW * per]
    around = cut(ticks, SPAN * per)[:: PER_ROW * per]
    spread = np.percentile(around, [10, 50, 90, 99], axis=1)
    still = around - around.mean(1, keepdims=True)
    square = still * still
    deviation = np.sqrt(square.mean(1)) + 0.1
    pulse = np.abs(np.fft.rfft(still * np.hanning(SPAN * per).astype(np.float32))) ** 2
    return np.column_stack(
        [
            np.diff(spread, axis=0).T,
            deviation,
            (square * still).mean(1) / deviation**3,
            np.log((square * square).mean(1) / deviation**4 + 0.1),
            (jumped > 6).mean(1) * 20,
            (jumped > 12).mean(1) * 20,
            *(np.log10(pulse[:, a:b].sum(1) + 1.0) for a, b in _QUICK_HZ),
        ]
    ).astype(np.float32)


def _flatness(power: Rows) -> Rows:
    """How like noise, in four parts of the spectrum: 0 is noise, -20 a tone (dB)."""
    parts = [power[:, a:b] + 1e-12 for a, b in ((3, 16), (16, 48), (48, 112), (112, 240))]
    return np.column_stack(
        [10 * np.log10(np.exp(np.log(p).mean(1)) / p.mean(1)) for p in parts]
    ).astype(np.float32)


def _lasting(power: Rows) -> Rows:
    """How spectral lines last, 50 and 200 ms."""
    logs = np.log(power[:, :128] + 1e-10)
    smooth = np.cumsum(np.pad(logs, ((0, 0), (6, 5)), mode="edge"), axis=1)
    fine = logs[:, 6:-5] - (smooth[:, 11:] - smooth[:, :-11])[:, 6:-5] / 11
    fine /= np.linalg.norm(fine, axis=1, keepdims=True) + 1e-6
    return np.column_stack(
        [
            np.concatenate([np.zeros(lag, np.float32), (fine[lag:] * fine[:-lag]).sum(1)])
            for lag in (5, BEFORE)
        ]
    )


@cache
def _cosines() -> NDArray[np.float32]:
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE)[_HARMONICS, None]
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(WINDOW), 4 * WINDOW)) ** 2)
    # The window alone makes a long period look weak: made up for, as far as noise allows.
    fade = np.interp(RATE / _PITCHES_HZ, np.arange(WINDOW), window[:WINDOW] / window[0])
    return np.asarray(np.cos(2 * np.pi * hz / _PITCHES_HZ) / np.maximum(fade, 0.4), np.float32)


def _pitch(power: Rows) -> tuple[Rows, Rows]:
    """How periodic at 70 to 500 Hz, 0..1, and with what fundamental (Hz)."""
    # Of the magnitude, not of the power: it is less led by the loudest harmonic.
    magnitude = np.sqrt(power[:, _HARMONICS])
    periodic = magnitude @ _cosines() / (magnitude.sum(1, keepdims=True) + 1e-9)
    # A period's double fits as well: of equals, the higher pitch.
    best = np.argmax(periodic - np.linspace(0, 0.08, len(_PITCHES_HZ), dtype=np.float32), axis=1)
    return periodic[np.arange(len(best)), best], _PITCHES_HZ[best]


def _modulation(mel: Rows) -> Rows:
    """How fast each band group goes up and down (syllables 3 to 7 Hz, claps above)."""
    groups = _windows(np.column_stack([mel[:, a:b].mean(1) for a, b in _GROUPS]))
    groups = (groups - groups.mean(2, keepdims=True)) * np.hanning(SPAN).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(groups, axis=2)) ** 2
    parts = [spectrum[:, :, a:b].sum(2) for a, b in _MODULATION_HZ]
    return np.log10(np.concatenate(parts, axis=1) + 1.0).astype(np.float32)
