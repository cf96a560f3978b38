"""The base of all rows, the engine, and the only place that commits."""

import contextvars
import functools
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import JSON, BigInteger, Engine, MetaData, create_engine, event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.functions import FunctionElement

from models.settings import settings


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's own way to declare it)
        int: BigInteger,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        list[int]: JSON,
        list[str]: JSON,
        dict[str, float]: JSON,
    }


class now_ms(FunctionElement[int]):
    """The *database's* clock, milliseconds since 1970: workers' clocks may err, leases may not."""

    inherit_cache = True
    type = BigInteger()


@compiles(now_ms, "sqlite")
def _sqlite_now(element: Any, compiler: Any, **kw: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(now_ms, "postgresql")
def _postgres_now(element: Any, compiler: Any, **kw: Any) -> str:
    return "CAST(extract(epoch from clock_timestamp()) * 1000 AS BIGINT)"


def new_id() -> str:
    """128 random bits: an id that may stand in a public address."""
    return secrets.token_hex(16)


@functools.cache
def engine(url: str | None = None) -> Engine:
    """One engine for each database address; the settings' own by default."""
    address = url or settings().resolved_database_url
    if address.startswith("sqlite"):
        return _sqlite(address)
    return _postgres(address)


def _postgres(address: str) -> Engine:
    made = create_engine(
        address, pool_pre_ping=True, pool_size=10, max_overflow=10, hide_parameters=True
    )

    @event.listens_for(made, "connect")
    def _connected(connection: Any, record: object) -> None:
        """To compile a query that takes 30 ms takes longer than the query."""
        connection.execute("SET jit = off")
        connection.commit()

    return made


_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    # A search touches thousands of pages: mapped, they are not copied one by one. Pages that the
    # system keeps anyway are no memory of ours.
    "mmap_size=8589934592",
    "cache_size=-16384",
)


def _sqlite(address: str) -> Engine:
    made = create_engine(
        address,
        connect_args={"timeout": 60, "check_same_thread": False},
        hide_parameters=True,  # a failure is logged; addresses and words of links are not
    )

    @event.listens_for(made, "connect")
    def _connected(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None  # the begin below is ours, not the driver's
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(made, "begin")
    def _begun(connection: Any) -> None:
        # A writer that starts as a reader can't be promoted while another writes: it gets
        # "database is locked".
        reads = connection.get_execution_options().get("reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return made


@contextmanager
def unit_of_work(actor: str = "") -> Iterator[Session]:
    """One transaction, committed when the block ends or not at all. Never held while media runs.

    `actor`: the account that its events are by.
    """
    made = Session(engine(), expire_on_commit=False, info={"actor": actor})
    with made as session, session.begin():
        yield session


_read: contextvars.ContextVar[Session | None] = contextvars.ContextVar("read", default=None)


@contextmanager
def reading() -> Iterator[Session]:
    """A transaction that writes nothing and on SQLite waits for no writer.

    Within another one it is the same: a page that held a connection and waited for a second one
    would wait for pages that do likewise.
    """
    within = _read.get()
    if within is not None:
        yield within
        return
    with Session(engine().execution_options(reads=True), expire_on_commit=False) as session:
        mark = _read.set(session)
        try:
            yield session
        finally:
            _read.reset(mark)
