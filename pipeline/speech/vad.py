"""Where somebody speaks: the Silero network that faster-whisper carries, so nothing is fetched."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.timeline import Span

RATE = 16_000
FRAME = 512
"""Samples per probability: 32 ms."""
FRAME_MS = FRAME * 1000 / RATE
_PIECE = 120 * RATE
"""The network copies its input a few times over: two minutes at once bound that."""
_LEAD = 32 * FRAME
"""What the network hears before a piece, so that it does not start deaf."""


def probabilities(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """One value in 0..1 per 32 ms of 16 kHz mono."""
    from faster_whisper.vad import get_vad_model  # a second to import: only where it is used

    model: Any = get_vad_model()
    pieces = []
    for start in range(0, len(pcm), _PIECE):
        lead = min(start, _LEAD)
        piece = pcm[start - lead : start + _PIECE]
        heard = model(np.pad(piece, (0, -len(piece) % FRAME)))
        pieces.append(np.ravel(heard)[lead // FRAME :])
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def speech(
    chance: NDArray[np.float32],
    within: Span,
    *,
    merge_ms: int = 300,
    least_ms: int = 160,
    pad_ms: int = 120,
) -> list[Span]:
    """Spans of speech inside `within`, padded; those less than `merge_ms` apart are one."""
    first, last = int(within.start_ms / FRAME_MS), int(np.ceil(within.end_ms / FRAME_MS))
    spans: list[Span] = []
    for start, end in _runs(chance[first:last]):
        begin_ms, end_ms = round((first + start) * FRAME_MS), round((first + end) * FRAME_MS)
        if end_ms - begin_ms < least_ms:
            continue
        begin_ms = max(within.start_ms, begin_ms - pad_ms)
        end_ms = min(within.end_ms, end_ms + pad_ms)
        if spans and begin_ms - spans[-1].end_ms < merge_ms - 2 * pad_ms:
            begin_ms = spans.pop().start_ms
        spans.append(Span(begin_ms, end_ms))
    return spans


def _runs(
    chance: NDArray[np.float32], high: float = 0.5, low: float = 0.35
) -> Iterator[tuple[int, int]]:
    """A run begins above `high` and ends below `low`."""
    start = -1
    for index, value in enumerate(chance.tolist()):
        if start < 0 and value >= high:
            start = index
        elif start >= 0 and value < low:
            yield start, index
            start = -1
    if start >= 0:
        yield start, len(chance)


def cut_long(pcm: NDArray[np.float32], spans: Sequence[Span], longest_ms: int) -> list[Span]:
    """No span longer than `longest_ms`: a long one is cut where its second half is quietest."""
    done: list[Span] = []
    for span in spans:
        rest = span
        while rest.length_ms > longest_ms:
            at_ms = _quietest_ms(pcm, rest.start_ms + longest_ms // 2, rest.start_ms + longest_ms)
            done.append(Span(rest.start_ms, at_ms))
            rest = Span(at_ms, rest.end_ms)
        done.append(rest)
    return done


def _quietest_ms(pcm: NDArray[np.float32], start_ms: int, end_ms: int, step_ms: int = 20) -> int:
    step = RATE * step_ms // 1000
    part = part_of(pcm, Span(start_ms, end_ms))
    count = len(part) // step
    if count < 6:
        return (start_ms + end_ms) // 2
    energy = np.square(part[: count * step].reshape(count, step)).mean(axis=1)
    smooth = np.convolve(energy, np.ones(5) / 5, mode="valid")
    return start_ms + (int(smooth.argmin()) + 2) * step_ms + step_ms // 2


def part_of(pcm: NDArray[np.float32], span: Span) -> NDArray[np.float32]:
    return pcm[span.start_ms * RATE // 1000 : span.end_ms * RATE // 1000]
