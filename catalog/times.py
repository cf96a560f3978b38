"""Moments of a recording as people write them: 1:02:03.5, 62.5 or 62500ms."""

import re

from catalog.errors import BadRequest

LONGEST_MS = 10**9
_CLOCK = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,4}):)?(\d{1,7})(?:[.,](\d{1,9}))?", re.ASCII)
_MS = re.compile(r"(\d{1,10}) ?ms", re.ASCII)


def parse(text: str) -> int:
    """Milliseconds. Raises BadRequest with how to write it."""
    cleaned = text.strip().removesuffix(" s")
    exact = _MS.fullmatch(cleaned)
    if exact:
        return _sane(int(exact[1]), text)
    found = _CLOCK.fullmatch(cleaned)
    if not found:
        raise _unreadable(text)
    hours, minutes, seconds, part = found.groups()
    below = (int(seconds) < 60 or minutes is None) and (int(minutes or 0) < 60 or hours is None)
    if not below:
        raise _unreadable(text)
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds)
    # Half a millisecond counts as one; 10 ** -9 s and less is nothing.
    return _sane(whole * 1000 + round(float(f"0.{part or 0}") * 1000), text)


def written(ms: int) -> str:
    """So that parse() gives it back: 1:28.24, and 1:02:03 where nothing is left over."""
    seconds, rest = divmod(ms, 1000)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    start = f"{hours}:{minutes:02}" if hours else str(minutes)
    return f"{start}:{seconds % 60:02}" + (f".{rest:03}".rstrip("0") if rest else "")


def _sane(ms: int, text: str) -> int:
    if ms > LONGEST_MS:
        raise _unreadable(text)
    return ms


def _unreadable(text: str) -> BadRequest:
    return BadRequest(
        f"“{text.strip()[:40]}” is no time. Write it as 1:02:03.5, 62.5 (seconds) or 62500ms."
    )
