"""Days and months by UTC. As of a day means: before its end."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from catalog.errors import BadRequest

DAY_MS = 86_400_000
SHOWN = 13
"""A year, and the month before it to compare with."""
MONTH = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True)
class Month:
    name: str
    """2026-03"""
    start_ms: int
    end_ms: int
    """Not part of it; of the last one the end of the day that is asked for."""


def end_of(day: date) -> int:
    """The first millisecond that does not belong to it any more."""
    return _ms(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1))


def day_of(as_of_ms: int) -> date:
    """The day that ends there, or that this moment is in."""
    return datetime.fromtimestamp((as_of_ms - 1) // 1000, UTC).date()


def parsed(text: str) -> date:
    """Raises BadRequest."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise BadRequest("as_of: a day like 2026-03-31.") from None
    if not 2000 <= found.year < 2200:
        raise BadRequest("as_of: a day between 2000 and 2200.")
    return found


def shown(as_of_ms: int) -> tuple[Month, ...]:
    """The month of that day and the twelve before it."""
    last = day_of(as_of_ms)
    number = last.year * 12 + last.month - 1
    return tuple(
        Month(_name(one), _start(one), min(_start(one + 1), as_of_ms))
        for one in range(number - SHOWN + 1, number + 1)
    )


def span(name: str | None, as_of_ms: int, first_ms: int = 0) -> tuple[int, int]:
    """From when until when a month lasts, as far as it is asked for; without a name all from
    `first_ms` on. Raises BadRequest."""
    if not name:
        return first_ms, as_of_ms
    month = named(name, as_of_ms)
    return month.start_ms, month.end_ms


def named(name: str, as_of_ms: int) -> Month:
    """Raises BadRequest."""
    found = MONTH.fullmatch(name)
    if not found or not 1 <= int(found[2]) <= 12 or not 2000 <= int(found[1]) < 2200:
        raise BadRequest("month: a month like 2026-03.")
    number = int(found[1]) * 12 + int(found[2]) - 1
    return Month(name, _start(number), min(_start(number + 1), as_of_ms))


def name_of(at_ms: int) -> str:
    """The month that this moment is in."""
    return day_of(at_ms + 1).isoformat()[:7]


def _name(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _start(number: int) -> int:
    return _ms(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC))


def _ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000
