"""What `reelyard kpis` prints."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import select

from catalog import figures
from catalog.entitlements import now_of
from catalog.errors import NotFound
from catalog.figures import months, readers, written
from catalog.figures.shape import Figure
from models.base import reading
from models.creator import Creator

as_data, as_csv = written.as_data, written.values_as_csv


def found(as_of: str, creator: str) -> tuple[list[Figure], int]:
    """Raises BadRequest for what is no day, NotFound for who is no creator."""
    with reading() as session:
        end_ms = months.end_of(readers.day(as_of, now_of(session)))
        creator_id = _id_of(creator) if creator else None
        return figures.all_of(session, end_ms, creator_id), end_ms


def print_tables(out: Console, shown: Sequence[Figure], end_ms: int) -> None:
    day = months.day_of(end_ms)
    out.print(f"As of the end of {day.day} {day:%B %Y}, UTC")
    table = Table(box=None, pad_edge=False)
    for name in ("Figure", "Value", ""):
        table.add_column(name, overflow="fold", justify="right" if name == "Value" else "left")
    for one in shown:
        if not one.values:
            table.add_row(one.title, written.NOTHING, escape(one.empty))
        for value in one.values:
            name = f"{one.title}: {value.label.lower()}"
            said = written.shown(value.amount, value.unit, value.currency)
            table.add_row(escape(name), said, escape(value.note))
    out.print(table)


def _id_of(slug: str) -> str:
    with reading() as session:
        found = session.scalar(select(Creator.id).where(Creator.slug == slug))
    if found is None:
        raise NotFound(f"There is no creator {slug}.")
    return found
