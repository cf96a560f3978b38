"""Figures for people, spreadsheets and programs."""

from collections.abc import Iterable, Iterator
from typing import Any

from catalog.csvs import more_as_csv, rows_as_csv
from catalog.figures.months import day_of
from catalog.figures.shape import Cell, Column, Figure, Rows, Table, Unit
from catalog.web.words import moment, moment_iso, money

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
NOTHING = "\N{EN DASH}"


def shown(cell: Cell, unit: Unit, currency: str = "") -> str:
    """As on a page."""
    if cell is None:
        return NOTHING
    if isinstance(cell, str):
        return month(cell) if unit == "month" else cell
    if unit == "moment":
        return moment(int(cell))
    if unit == "cents":
        return money(int(cell), currency)
    if unit == "millicents":
        return money(cents(int(cell)), currency)
    if unit == "share":
        return f"{cell * 100:.1f} %"
    if unit == "points":
        return f"{cell * 100:+.1f} points"
    return f"{cell:,}"


def cents(millicents: int) -> int:
    """The nearest one; half a cent goes away from nothing."""
    whole = (2 * abs(millicents) + 1000) // 2000
    return whole if millicents >= 0 else -whole


def month(name: str) -> str:
    """2026-03 reads as March 2026."""
    return f"{MONTHS[int(name[5:]) - 1]} {name[:4]}"


def as_data(figures: list[Figure], as_of_ms: int) -> dict[str, Any]:
    """Whole numbers where amounts are whole; nothing is rounded."""
    return {"as_of": day_of(as_of_ms).isoformat(), "figures": [one_as_data(one) for one in figures]}


def one_as_data(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "title": figure.title,
        "definition": figure.definition,
        "values": [
            {
                "label": one.label,
                "unit": one.unit,
                "amount": one.amount,
                "currency": one.currency,
                "note": one.note,
            }
            for one in figure.values
        ],
        "tables": {table.key: table.dicts() for table in figure.tables},
        "columns": {
            table.key: [
                {"key": one.key, "title": one.title, "unit": one.unit} for one in table.columns
            ]
            for table in figure.tables
        },
    }


def values_as_csv(figures: list[Figure], as_of_ms: int) -> str:
    day = day_of(as_of_ms).isoformat()
    return rows_as_csv(
        ("as_of", "figure", "value", "amount", "unit", "currency", "note"),
        [
            (day, one.name, value.label, value.amount, value.unit, value.currency, value.note)
            for one in figures
            for value in one.values
        ],
    )


def table_as_csv(table: Table) -> str:
    return rows_as_csv([_head(column) for column in table.columns], map(_whole(table), table.rows))


def rows_csv(pages: Iterable[Rows]) -> Iterator[str]:
    """A page at a time, however many there are; the first one's columns are its head."""
    for number, found in enumerate(pages):
        if not number:
            yield rows_as_csv([_head(column) for column in found.columns], [])
        yield more_as_csv(map(_whole(Table("", "", found.columns, ())), found.rows))


def _head(column: Column) -> str:
    return f"{column.key}_millicents" if column.unit == "millicents" else column.key


def _whole(table: Table) -> Any:
    moments = {at for at, column in enumerate(table.columns) if column.unit == "moment"}

    def row(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
        return tuple(
            moment_iso(int(cell)) if at in moments and cell is not None else cell
            for at, cell in enumerate(cells)
        )

    return row
