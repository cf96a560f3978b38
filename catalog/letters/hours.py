"""When letters leave: in the hours of the setting, by UTC. Where a reader lives is not known."""

from models.settings import settings

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def next_open(at_ms: int) -> int:
    """That moment itself, or the first one after it at which a letter may leave."""
    first, last = map(int, settings().letters_hours.split("-"))
    day_ms = at_ms - at_ms % DAY_MS
    if at_ms < day_ms + first * HOUR_MS:
        return day_ms + first * HOUR_MS
    if at_ms < day_ms + last * HOUR_MS:
        return at_ms
    return day_ms + DAY_MS + first * HOUR_MS


def is_open(at_ms: int) -> bool:
    return next_open(at_ms) == at_ms


def same_day_from(at_ms: int) -> int:
    """The earliest moment before it of which same_day() says yes."""
    return min(at_ms - at_ms % DAY_MS, at_ms - DAY_MS // 2 + 1)


def same_day(one_ms: int, other_ms: int) -> bool:
    """Or less than half a day apart, around midnight."""
    return one_ms // DAY_MS == other_ms // DAY_MS or abs(one_ms - other_ms) < DAY_MS // 2
