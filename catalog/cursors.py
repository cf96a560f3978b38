"""Pages of a list that is read newest first: each ends with a mark where the next one begins."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from catalog.errors import BadRequest

MARK = re.compile(r"(\d{1,18})~(\w{1,40})", re.ASCII)
Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    rows: Sequence[Row]
    total: int
    next_cursor: str | None


def page(
    session: Session, wanted: Select[Row], at: Any, key: Any, cursor: str | None, limit: int
) -> Page[Row]:
    """`at`, `key`: the moment and the id that order the rows. Raises BadRequest."""
    total = session.scalar(select(func.count()).select_from(wanted.order_by(None).subquery())) or 0
    found = after(wanted, at, key, cursor).limit(limit + 1)
    rows = list(session.scalars(found).unique())
    more, rows = len(rows) > limit, rows[:limit]
    last = rows[-1] if more else None
    mark = f"{getattr(last, at.key)}~{getattr(last, key.key)}" if last is not None else None
    return Page(rows, total, mark)


def after(wanted: Select[Row], at: Any, key: Any, cursor: str | None) -> Select[Row]:
    """Newest first, from the mark on. Raises BadRequest for a mark that isn't ours."""
    if cursor:
        found = MARK.fullmatch(cursor)
        if not found:
            raise BadRequest("The page mark is damaged. Start from the first page.")
        at_ms, last = int(found[1]), found[2]
        wanted = wanted.where(or_(at < at_ms, (at == at_ms) & (key < last)))
    return wanted.order_by(at.desc(), key.desc())
