"""Whose figures, and as of when; what several figures count from is read once."""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.orm import Session

from catalog.errors import BadRequest
from catalog.figures import months
from catalog.figures.months import Month
from catalog.figures.movements import Step, steps

PAGE = 100


@dataclass
class Asked:
    session: Session
    as_of_ms: int
    creator_id: str | None = None
    """None: of the whole house."""

    @cached_property
    def months(self) -> tuple[Month, ...]:
        return months.shown(self.as_of_ms)

    @cached_property
    def steps(self) -> list[Step]:
        return steps(self.session, self.months, self.creator_id)


def mark(after: str) -> tuple[int, str] | None:
    """Of a page before: its last row's time and id. Raises BadRequest."""
    if not after:
        return None
    at, _, id_ = after.partition("~")
    if not (at.isascii() and at.isdigit() and len(at) < 16 and 0 < len(id_) <= 200):
        raise BadRequest("The page mark in this address is damaged. Start from the first page.")
    return int(at), id_
