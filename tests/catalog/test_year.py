"""A year of members through the real engine: the books and every figure equal what is known."""

from pathlib import Path

import pytest

from bench import year, year_model
from catalog.members import proration


def test_a_years_books_and_figures_equal_the_known_totals(database: Path) -> None:
    done = year.lived(55, seed=7, visits=64, ticks_a_day=1)
    assert done.wrong == []
    assert [row[0] for row in done.rows] == [f"2028-{month:02}" for month in range(1, 13)]
    licensing, held = year.HEAD.index("licensing"), year.HEAD.index("held")
    assert any(row[licensing] != "$0.00" for row in done.rows)
    assert done.rows[-1][held] != done.rows[0][held]


def test_a_cent_too_much_is_found(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        proration, "monthly", lambda cents, months: cents * 1000 // months + (months == 12)
    )
    done = year.lived(20, seed=3, visits=0, ticks_a_day=1, days=31)
    assert any("MRR" in one for one in done.wrong)


def test_the_models_calendar_is_told_without_the_engines() -> None:
    anchor = year_model.after(0, "month", 0)
    assert anchor == 0
    january = 1_832_889_600_000 + 12_345  # 31 January 2028
    days = [
        (year_model.after(january, "month", count) - january) // year_model.DAY_MS
        for count in range(1, 4)
    ]
    assert days == [29, 60, 90]
