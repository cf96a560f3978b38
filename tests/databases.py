"""Migrated databases that are copied: the migrations run once in a process for each kind."""

import functools
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psycopg

from models import base
from models.migrations import migrate
from tests.servers import address_on, new_database, postgres_server

_left = ExitStack()
"""What this process ends with its tests."""


def migrated() -> None:
    """As `migrate()` leaves the new database of the settings."""
    bound = base.engine()
    if bound.dialect.name != "sqlite":
        migrate()
        return
    assert bound.url.database
    path = Path(bound.url.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    assert not path.exists(), "it would be lost"
    path.write_bytes(_sqlite())


def new_migrated(server: str) -> str:
    """postgresql://... of a migrated database on that server."""
    return new_database(server, like=_postgresql(server))


def shared_postgres() -> str:
    """postgresql://... of the one server of this process: each test takes a database of its own."""
    return _server()


def end_shared() -> None:
    _left.close()
    _server.cache_clear()


@functools.cache
def _server() -> str:
    return _left.enter_context(postgres_server())


@functools.cache
def _sqlite() -> bytes:
    with tempfile.TemporaryDirectory(prefix="reelyard-test-") as folder:
        path = Path(folder) / "migrated.db"
        _made(f"sqlite:///{path}")  # its last connection leaves all of it in this one file
        assert [one.name for one in path.parent.iterdir()] == [path.name]
        return path.read_bytes()


@functools.cache
def _postgresql(server: str) -> str:
    """The name of the one to copy; nobody may be connected to it."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    _made(address_on(server, "migrated"))
    return "migrated"


def _made(url: str) -> None:
    migrate(url)
    base.engine(url).dispose()
