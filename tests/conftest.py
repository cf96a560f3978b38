"""A fresh home (settings, database, store) for each test that asks for one; the shared match."""

import fcntl
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from models import base, settings, storage
from tests import databases
from workers import broker
from workers.demo.recording import make_recording

hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")  # a busy machine is no fault of the code

MATCH_S = 72
"""Two goals of the demo's game, and the loud machine between them."""


def forget() -> None:
    """What is read once in a process is read anew."""
    if base.engine.cache_info().currsize:
        base.engine().dispose()
    for cached in (settings.settings, base.engine, storage.store, broker.broker):
        cached.cache_clear()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty data folder; nothing of the caller's own settings holds."""
    for name in list(os.environ):
        if name.startswith(settings.PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REELYARD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("REELYARD_KEEP_FREE_MB", "0")
    monkeypatch.setenv("REELYARD_INBOX_QUIET_S", "0.5")
    forget()
    yield tmp_path / "data"
    forget()


@pytest.fixture
def database(home: Path) -> Path:
    """A SQLite database as the migrations build it."""
    databases.migrated()
    return home


def pytest_collection_finish() -> None:
    """The modules are here to stay: looked through again and again, they cost a tenth of it all."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    databases.end_shared()


@pytest.fixture(scope="session")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first part of the demo's recording; its truth is workers.demo.recording.truth(). The
    processes of one run draw it once.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "the-match"
    folder.mkdir(exist_ok=True)
    path = folder / "Harbour Cup.mp4"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            making = folder / "making.mp4"
            make_recording(making, seconds=MATCH_S)
            making.rename(path)
    return path
