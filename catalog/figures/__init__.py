"""The figures: one small module each, with its definition, computed as of the end of any day.

Only rows from before that moment are taken, all of them by the database. Computed again later,
they are the same to the cent: what has happened is appended, never changed.
"""

from collections.abc import Mapping
from types import ModuleType

from sqlalchemy.orm import Session

from catalog.errors import BadRequest, NotFound
from catalog.figures import (
    conversion,
    fulfilment,
    licensing,
    members,
    monetised,
    months,
    mrr,
    offered,
)
from catalog.figures.asked import Asked
from catalog.figures.shape import Figure, Rows

FIGURES: Mapping[str, ModuleType] = {
    one.NAME: one for one in (mrr, members, conversion, offered, fulfilment, licensing, monetised)
}
end_of = months.end_of


def all_of(session: Session, as_of_ms: int, creator_id: str | None = None) -> list[Figure]:
    """Of one creator, or of the house. `as_of_ms` is not part of it any more."""
    asked = Asked(session, as_of_ms, creator_id)
    return [one.figure(asked) for one in FIGURES.values()]


def one_of(session: Session, name: str, as_of_ms: int, creator_id: str | None = None) -> Figure:
    """Raises NotFound."""
    figure: Figure = _named(name).figure(Asked(session, as_of_ms, creator_id))
    return figure


def filters_of(name: str) -> tuple[str, ...]:
    """By what its rows can be asked for. Raises NotFound."""
    filters: tuple[str, ...] = _named(name).FILTERS
    return filters


def rows_of(
    session: Session,
    name: str,
    as_of_ms: int,
    creator_id: str | None = None,
    *,
    wanted: Mapping[str, str] | None = None,
    after: str = "",
) -> Rows:
    """What a figure was counted from, page by page. Raises NotFound, BadRequest."""
    if any("\x00" in word for word in (wanted or {}).values()) or "\x00" in after:
        raise BadRequest("This address holds a character that stands for nothing.")
    rows: Rows = _named(name).drill(Asked(session, as_of_ms, creator_id), wanted or {}, after)
    return rows


def _named(name: str) -> ModuleType:
    if name not in FIGURES:
        raise NotFound("There is no figure of this name.")
    return FIGURES[name]
