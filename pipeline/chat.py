"""A live chat's log as one value a second: where it suddenly had something to say.

Known forms: JSON lines {"time_ms" or "t" (seconds), "text"}; a Twitch export
({"comments": [{"content_offset_seconds", "message": {"body"}}]}); YouTube's live chat as JSON
lines with "videoOffsetTimeMsec". Who wrote is never kept, and neither is what.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.errors import Refused
from pipeline.series import percentile_around

LATE_S = 6
"""A chat speaks of what happened some seconds ago: the stream's delay and the time to type."""
FELT_S = 5
LEAST = 4
"""Messages within FELT_S that are a stir at all."""
USUAL_S = 180
LONGEST_S = 12 * 3600
TIMES = {"time_ms": 1000, "t": 1, "time_in_seconds": 1, "content_offset_seconds": 1}
"""Names of a message's time, and how many of its units make a second."""


def stir(text: str) -> tuple[float, ...]:
    """0..1 a second; empty where nobody wrote. Raises Refused for what is no chat log."""
    try:
        rows = _rows(text.removeprefix("\ufeff"))
    except RecursionError as error:
        raise Refused("it is nested too deeply") from error
    if not rows:
        return ()
    times = [at for row in rows for at in _times(row) if 0 <= at < LONGEST_S]
    if not times:
        raise Refused("no message with a time was found in it")
    counts = np.bincount(np.array(times, np.int64), minlength=1).astype(np.float64)
    near = np.convolve(counts, np.ones(FELT_S), "same")[: len(counts)]
    usual = percentile_around(near, USUAL_S, 50, FELT_S)
    over = (near - usual) / np.sqrt(usual + 1)
    felt = np.where(near >= LEAST, np.clip((over - 2) / 5, 0, 1), 0.0)
    early = np.concatenate([felt[LATE_S:], np.zeros(min(LATE_S, len(felt)))])[: len(felt)]
    return tuple(round(float(value), 3) for value in early)


def _rows(text: str) -> list[Any]:
    try:
        whole = json.loads(text)
    except ValueError:
        return list(_lines(text))
    if isinstance(whole, dict) and isinstance(whole.get("comments"), list):
        return list(whole["comments"])
    return whole if isinstance(whole, list) else [whole]


def _lines(text: str) -> Iterator[Any]:
    # Not splitlines(): a message may hold other line ends, which JSON need not escape.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            raise Refused(f"line {number} is no JSON") from error


def _times(row: Any) -> Iterator[float]:
    if not isinstance(row, dict):
        return
    if "replayChatItemAction" in row:
        yield from _number(row["replayChatItemAction"], "videoOffsetTimeMsec", 1000)
        return
    for name, per_second in TIMES.items():
        if name in row:
            yield from _number(row, name, per_second)
            return


def _number(row: Any, name: str, per_second: int) -> Iterator[float]:
    try:
        at = float(row[name]) / per_second
    except (KeyError, TypeError, ValueError, OverflowError):
        return
    if at == at and abs(at) < LONGEST_S:
        yield at
