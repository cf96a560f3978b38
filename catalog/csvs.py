"""Tables as CSV (RFC 4180) that no spreadsheet takes for formulas."""

import csv
import io
from collections.abc import Iterable, Sequence

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


def rows_as_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Text that a spreadsheet would run starts with an apostrophe; numbers stay numbers."""
    return more_as_csv([header]) + more_as_csv(rows)


def more_as_csv(rows: Iterable[Sequence[object]]) -> str:
    written = io.StringIO(newline="")
    table = csv.writer(written, lineterminator="\r\n")
    table.writerows([_cell(value) for value in row] for row in rows)
    return written.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    said = str(value).replace("\x00", "")
    return f"'{said}" if said.lstrip(" \u00a0\ufeff").startswith(RISKY) else said
