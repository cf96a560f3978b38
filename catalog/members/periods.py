"""Periods of a membership: whole calendar months or years in UTC, counted from its anchor.

Counted from the anchor, not from the period before: who joined on the 31st pays on the 28th in
February and on the 31st in March.
"""

import calendar
from datetime import UTC, datetime, timedelta

from models.membership import Period

DAY_MS = 86_400_000
MONTHS = {Period.MONTH: 1, Period.YEAR: 12}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def end(anchor_ms: int, period: Period | str, n: int) -> int:
    """When the n-th period from the anchor ends; of 0 the anchor itself."""
    anchor = _EPOCH + timedelta(milliseconds=anchor_ms)
    months = anchor.year * 12 + anchor.month - 1 + n * MONTHS[Period(period)]
    year, month = divmod(months, 12)
    day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
    then = anchor.replace(year=year, month=month + 1, day=day)
    return (then - _EPOCH) // timedelta(milliseconds=1)
