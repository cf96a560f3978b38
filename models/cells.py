"""Cells: a small set of numbers as a column, such that the database itself finds overlaps."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import JSON, Dialect
from sqlalchemy.dialects.postgresql import INT4MULTIRANGE, Range
from sqlalchemy.dialects.postgresql.ranges import MultiRange
from sqlalchemy.types import TypeDecorator, TypeEngine


class Cells(TypeDecorator[frozenset[int]]):
    """On PostgreSQL a multirange, which an exclusion constraint can compare; elsewhere JSON."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(INT4MULTIRANGE() if dialect.name == "postgresql" else JSON())

    def process_bind_param(self, value: Collection[int] | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if dialect.name == "postgresql":
            return MultiRange(_ranges(value))
        return sorted(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> frozenset[int] | None:
        if value is None:
            return None
        if dialect.name == "postgresql":
            return frozenset(n for part in value for n in range(part.lower, part.upper))
        return frozenset(value)


def _ranges(value: Collection[int]) -> list[Range[int]]:
    """Neighbours together, as PostgreSQL writes them."""
    found: list[Range[int]] = []
    for one in sorted(value):
        if found and found[-1].upper == one:
            found[-1] = Range(found[-1].lower, one + 1)
        else:
            found.append(Range(one, one + 1))
    return found
