"""A live chat's log as one value a second: where it suddenly had something to say.

Known forms: JSON lines {"time_ms" or "t" (seconds), "text"}; a Twitch export
({"comments": [{"content_offset_seconds", "message": {"body"}}]}); YouTube's live chat as JSON
lines with "videoOffsetTimeMsec". Who wrote is never kept, and neither is what.
"""

import io
import json
import re
from array import array
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
TIMES = {"time_ms": 1000, "t": 1, "time_in_seconds": 1}
"""Names of a message's time, and how many of its units make a second."""
TWITCH = '"content_offset_seconds"'
_OFFSET = re.compile(rf"{TWITCH}\s*:\s*(-?\d{{1,9}}(?:\.\d{{1,9}})?)")
NOBODY = ("", "[]", '{"comments": []}', '{"comments":[]}')
MOST_AT_ONCE = 4 << 20


def stir(text: str) -> tuple[float, ...]:
    """0..1 a second; empty where nobody wrote. Raises Refused for what is no chat log.

    Keeps one number a message, however long the log is.
    """
    text = text.strip("\ufeff \r\n\t")
    times = array("d", (at for at in _all_times(text) if 0 <= at < LONGEST_S))
    if not times:
        if text in NOBODY:
            return ()
        raise Refused("no message with a time was found in it")
    counts = np.bincount(np.array(times, np.int64), minlength=1).astype(np.float64)
    near = np.convolve(counts, np.ones(FELT_S), "same")[: len(counts)]
    usual = percentile_around(near, USUAL_S, 50, FELT_S)
    over = (near - usual) / np.sqrt(usual + 1)
    felt = np.where(near >= LEAST, np.clip((over - 2) / 5, 0, 1), 0.0)
    early = np.concatenate([felt[LATE_S:], np.zeros(min(LATE_S, len(felt)))])[: len(felt)]
    return tuple(round(float(value), 3) for value in early)


def _all_times(text: str) -> Iterator[float]:
    if TWITCH in text:
        # Its messages hold much else; the whole of it would take many times its size.
        yield from (float(found[1]) for found in _OFFSET.finditer(text))
        return
    for row in _whole(text) if text[:1] == "[" else _lines(text):
        yield from _times(row)


def _whole(text: str) -> list[Any]:
    if len(text) > MOST_AT_ONCE:
        raise Refused("it is one JSON list of more than 4 MB; write a message a line")
    try:
        rows: list[Any] = json.loads(text)
    except ValueError as error:
        raise Refused("it is no JSON") from error
    except RecursionError as error:
        raise Refused("it is nested too deeply") from error
    return rows


def _lines(text: str) -> Iterator[Any]:
    # Only at line feeds: a message may hold other line ends, which JSON need not escape.
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        if not line.strip():
            continue
        if len(line) > MOST_AT_ONCE:
            raise Refused(f"line {number} is longer than 4 MB")
        try:
            yield json.loads(line)
        except ValueError as error:
            raise Refused(f"line {number} is no JSON") from error
        except RecursionError as error:
            raise Refused("it is nested too deeply") from error


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
