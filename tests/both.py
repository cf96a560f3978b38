"""The same test on SQLite and on PostgreSQL: ask for the fixture `either` by its parameter."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import forget
from tests.databases import migrated, new_migrated, shared_postgres

BOTH = ("sqlite", "postgresql")


@contextmanager
def database_of(kind: str, server: str, home: Path) -> Iterator[str]:
    """Its address: an empty, migrated database that the settings name while the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        if kind == "postgresql":
            url = new_migrated(server)
        else:
            home.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{home / 'rights.db'}"
        patch.setenv("REELYARD_DATABASE_URL", url)
        forget()
        if kind == "sqlite":
            migrated()
        try:
            yield url
        finally:
            forget()


@contextmanager
def server_of(kind: str) -> Iterator[str]:
    """A PostgreSQL server where the kind needs one."""
    yield shared_postgres() if kind == "postgresql" else ""
