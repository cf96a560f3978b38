"""What is dropped, and where."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from models import settings as house
from pipeline import ffmpeg
from tests import programs
from tests.programs import LOOPBACK, Program


@pytest.fixture(scope="session")
def tone(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tone") / "tone.m4a"
    ffmpeg.run(["-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac", ffmpeg.url(path)])
    return path.read_bytes()


@pytest.fixture
def inbox(database: Path) -> Path:
    """No watcher: each test says what happens when."""
    folder = database / "inbox"
    (folder / "ada").mkdir(parents=True)
    return folder


@pytest.fixture
def program() -> Iterator[Program]:
    """A partner's, that hears webhooks."""
    with programs.program() as made:
        yield made


@pytest.fixture
def room(database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A house that may tell programs on this machine."""
    monkeypatch.setenv("REELYARD_HOOK_NETWORKS", json.dumps(LOOPBACK))
    house.settings.cache_clear()
    return database
