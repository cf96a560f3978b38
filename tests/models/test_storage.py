"""Both stores keep bytes whole, give ranges, and never show a part under a final name."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.storage import LocalStore, S3Store, Store, sha256_of, store
from tests.servers import S3_KEYS, s3_server

DATA = os.urandom(3_000_000)
KEY = f"{hashlib.sha256(DATA).hexdigest()[:2]}/{hashlib.sha256(DATA).hexdigest()}.mp4"


@pytest.fixture(params=["local", "s3"])
def kept(
    request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    if request.param == "local":
        yield store()
        return
    with s3_server() as url:
        monkeypatch.setenv("REELYARD_STORAGE_URL", url)
        for name, value in S3_KEYS.items():
            monkeypatch.setenv(name, value)
        yield store()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "made.mp4"
    path.write_bytes(DATA)
    return path


def test_what_is_put_comes_back_whole_and_in_ranges(kept: Store, file: Path) -> None:
    kept.put(file, KEY)
    assert b"".join(kept.read(KEY)) == DATA
    assert b"".join(kept.read(KEY, 5, 5 + 2_000_000)) == DATA[5 : 5 + 2_000_000]
    assert b"".join(kept.read(KEY, len(DATA) - 1)) == DATA[-1:]
    assert kept.size(KEY) == len(DATA)
    assert [stored.key for stored in kept.all()] == [KEY]
    with kept.local(KEY) as path:
        assert sha256_of(path) == KEY[3:67]
    assert file.read_bytes() == DATA


def test_putting_twice_is_one_object(kept: Store, file: Path) -> None:
    kept.put(file, KEY)
    kept.put(file, KEY)
    assert len(list(kept.all())) == 1


def test_what_is_not_there_is_a_key_error(kept: Store) -> None:
    with pytest.raises(KeyError):
        kept.size(KEY)
    with pytest.raises(KeyError):
        list(kept.read(KEY))
    kept.delete(KEY)


def test_the_store_is_the_one_the_settings_name(kept: Store) -> None:
    assert isinstance(kept, LocalStore | S3Store)


def test_the_local_store_takes_no_second_room_and_leaves_the_original_alone(
    home: Path, file: Path
) -> None:
    before = file.stat()
    store().put(file, KEY)
    after = file.stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    kept = home / "blobs" / KEY
    assert kept.stat().st_ino == after.st_ino or kept.read_bytes() == DATA


def test_a_copy_that_fails_leaves_nothing(
    home: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("models.storage.sync_folder", fails)
    with pytest.raises(Exception, match="No space left"):
        store().put(file, KEY)
    assert [path.name for path in (home / "blobs").rglob("*.tmp")] == []
