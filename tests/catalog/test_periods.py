"""Periods are calendar months and years in UTC, counted from the day one joined."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.members import periods
from models.membership import Period


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("anchor", "period", "number", "wanted"),
    [
        ((2027, 1, 31, 9), "month", 1, (2027, 2, 28, 9)),
        ((2027, 1, 31, 9), "month", 2, (2027, 3, 31, 9)),
        ((2027, 1, 31, 9), "month", 3, (2027, 4, 30, 9)),
        ((2028, 1, 31), "month", 1, (2028, 2, 29)),
        ((2027, 12, 15), "month", 1, (2028, 1, 15)),
        ((2028, 2, 29), "year", 1, (2029, 2, 28)),
        ((2028, 2, 29), "year", 4, (2032, 2, 29)),
        ((2028, 1, 1), "year", 1, (2029, 1, 1)),
        ((2027, 5, 5), "month", 0, (2027, 5, 5)),
    ],
)
def test_the_last_days_of_months_come_back(
    anchor: tuple[int, ...], period: str, number: int, wanted: tuple[int, ...]
) -> None:
    assert periods.end(ms(*anchor), period, number) == ms(*wanted)


def test_a_year_with_a_leap_day_has_366_days() -> None:
    assert periods.end(ms(2028, 1, 1), "year", 1) - ms(2028, 1, 1) == 366 * periods.DAY_MS
    assert periods.end(ms(2027, 1, 1), "year", 1) - ms(2027, 1, 1) == 365 * periods.DAY_MS


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_clock_change_moves_nothing(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    assert periods.end(ms(2027, 2, 28, 2, 30), "month", 1) == ms(2027, 3, 28, 2, 30)
    monkeypatch.undo()
    time.tzset()


moments = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1)).map(
    lambda one: (
        (one.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    )
)


@given(moments, st.sampled_from(list(Period)), st.integers(0, 60))
def test_periods_follow_on_each_other_and_keep_the_hour(
    anchor: int, period: Period, number: int
) -> None:
    start, end = (periods.end(anchor, period, one) for one in (number, number + 1))
    days = (end - start) / periods.DAY_MS
    assert (365 <= days <= 366) if period == Period.YEAR else (28 <= days <= 31)
    assert start % periods.DAY_MS == anchor % periods.DAY_MS
    assert periods.end(anchor, Period.MONTH, 12 * number) == periods.end(
        anchor, Period.YEAR, number
    )
