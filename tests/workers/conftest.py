"""What is dropped, and where."""

from pathlib import Path

import pytest

from pipeline import ffmpeg


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
