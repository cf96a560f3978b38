"""The database's clock, set by hand: whatever asks it for now hears what is said here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from models.base import engine

UNIX_EPOCH = 2_440_587.5
"""As a Julian day."""
DAY_MS = 86_400_000
SCHEMA = (
    "CREATE SCHEMA IF NOT EXISTS year_clock",
    "CREATE OR REPLACE FUNCTION year_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
    "VOLATILE AS $$ SELECT to_timestamp(current_setting('year.now')::numeric / 1000) $$",
)


class Clock:
    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def set(self, at_ms: int, session: Session | None = None) -> None:
        """`session`: of a transaction that is open."""
        self.at_ms = at_ms
        if session is not None and session.get_bind().dialect.name == "postgresql":
            session.execute(text(f"SET LOCAL year.now = '{at_ms}'"))


@contextmanager
def simulated(at_ms: int) -> Iterator[Clock]:
    """All that this process asks its database, until it is over."""
    clock, of = Clock(at_ms), engine()
    sqlite = of.dialect.name == "sqlite"
    if not sqlite:
        with of.begin() as connection:
            for line in SCHEMA:
                connection.execute(text(line))

    def connected(connection: Any, record: object) -> None:
        # Half a millisecond more, for what is cut off where days become milliseconds again.
        connection.create_function(
            "julianday", 1, lambda _: (clock.at_ms + 0.5) / DAY_MS + UNIX_EPOCH
        )

    def begun(connection: Any) -> None:
        # The names of the system's own schema go last, so this clock is found before its.
        connection.exec_driver_sql("SET LOCAL search_path = public, year_clock, pg_catalog")
        connection.exec_driver_sql(f"SET LOCAL year.now = '{clock.at_ms}'")

    listener = ("connect", connected) if sqlite else ("begin", begun)
    of.dispose()
    event.listen(of, *listener)
    try:
        yield clock
    finally:
        event.remove(of, *listener)
        of.dispose()
