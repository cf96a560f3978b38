"""Times as people write them, there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import times
from catalog.errors import BadRequest


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1:02:03.5", 3_723_500),
        ("62.5", 62_500),
        ("62500ms", 62_500),
        ("1:28", 88_000),
        ("0:00", 0),
        ("7", 7_000),
        ("7,25", 7_250),
        (" 1:28.04 ", 88_040),
        ("12 s", 12_000),
        ("90:00", 5_400_000),
        ("3600.0004", 3_600_000),
    ],
)
def test_what_is_understood(text: str, ms: int) -> None:
    assert times.parse(text) == ms


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1:60", "1:60:00", "1:2:3:4", "1.5.5", "1e3", "9" * 30, "٣", ":30"]
)
def test_what_is_not_says_how_to_write_it(text: str) -> None:
    with pytest.raises(BadRequest, match=r"1:02:03\.5, 62\.5 \(seconds\) or 62500ms"):
        times.parse(text)


@given(st.integers(0, times.LONGEST_MS))
def test_what_is_written_is_read_back(ms: int) -> None:
    assert times.parse(times.written(ms)) == ms
    assert times.parse(f"{ms}ms") == ms
