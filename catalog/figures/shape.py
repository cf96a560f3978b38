"""What a figure is: a name, a sentence that defines it, values, tables, charts. Plain values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["text", "month", "moment", "count", "cents", "millicents", "share", "points"]
"""`millicents` are thousandths of a cent. A `share` is of one; `points` are a difference of two."""
Cell = str | int | float | None


@dataclass(frozen=True)
class Value:
    label: str
    unit: Unit
    amount: Cell
    """None: there is nothing yet that it could be told of; `note` says so."""
    currency: str = ""
    note: str = ""


@dataclass(frozen=True)
class Column:
    key: str
    title: str
    unit: Unit = "text"


@dataclass(frozen=True)
class Table:
    """A cell of money is in its row's `currency`."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    """How its columns hang together."""

    def dicts(self) -> list[dict[str, Cell]]:
        keys = [column.key for column in self.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Chart:
    """Of each series one number for each label. Stacked bars, or lines."""

    title: str
    unit: Unit
    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[float | None, ...]], ...]
    currency: str = ""
    lines: bool = False


@dataclass(frozen=True)
class Figure:
    name: str
    title: str
    definition: str
    values: tuple[Value, ...]
    tables: tuple[Table, ...] = ()
    """The first one says what the charts draw."""
    charts: tuple[Chart, ...] = ()
    filters: tuple[str, ...] = ()
    """By what its rows can be asked for."""
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Of these filters, all that they can be."""
    empty: str = ""
    """What is said where there is nothing to draw."""


@dataclass(frozen=True)
class Rows:
    """A page of what a figure was counted from, newest first; `after`: where the next begins."""

    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]] = field(default_factory=tuple)
    after: str = ""
