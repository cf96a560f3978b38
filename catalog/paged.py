"""Lists for staff, in pages by number: they are read from the top and seldom far."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

PAGE = 50
Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    rows: Sequence[Row]
    more: bool
    total: int


def page_of(session: Session, wanted: Select[Row], offset: int) -> Page[Row]:
    counted = session.scalar(select(func.count()).select_from(wanted.order_by(None).subquery()))
    rows = session.scalars(wanted.offset(offset).limit(PAGE + 1)).all()
    return Page(rows[:PAGE], len(rows) > PAGE, counted or 0)
