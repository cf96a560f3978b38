"""Where bytes are kept: a folder or an S3 bucket.

A key holds its content's sha256, so what lies under a key never changes.
"""

import contextlib
import errno
import fcntl
import functools
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from models.base import new_id
from models.settings import settings

BLOCK = 1 << 20
_FICLONE = 0x40049409


class StoreDown(Exception):
    """The store does not answer or has no room: wait and try again, nothing is lost.

    The text is for users; its cause names addresses and is for the log.
    """


class Stored(NamedTuple):
    key: str
    size: int
    modified_ms: int


class Store(Protocol):
    def put(self, path: Path, key: str) -> None:
        """Store the file's bytes whole or not at all. The source stays as it is."""

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes start..end-1 in blocks. Raises KeyError where there is no such object."""

    def size(self, key: str) -> int:
        """Raises KeyError where there is no such object."""

    def delete(self, key: str) -> None: ...

    def all(self) -> Iterator[Stored]: ...

    def local(self, key: str) -> contextlib.AbstractContextManager[Path]:
        """The object as a file that may be read while the block runs."""


@functools.cache
def store() -> Store:
    """The one that the settings name."""
    parts = urlsplit(settings().resolved_storage_url)
    if parts.scheme == "s3":
        endpoint = parse_qs(parts.query).get("endpoint", [""])[0]
        return S3Store(parts.netloc, parts.path.strip("/"), endpoint or None)
    return LocalStore(Path(unquote(parts.path)))


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class LocalStore:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, path: Path, key: str) -> None:
        final, size = self.folder / key, path.stat().st_size
        tmp = final.with_name(f".{final.name}.{new_id()}.tmp")
        try:
            if final.exists() and final.stat().st_size == size:
                _touch_inode(final)  # so that the collector sees it is wanted again
                return
            final.parent.mkdir(parents=True, exist_ok=True)
            copy_cheaply(path, tmp)
            tmp.replace(final)
            sync_folder(final.parent)
        except OSError as error:
            raise StoreDown(f"can't write to the store: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                tmp.unlink(missing_ok=True)

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with self._found(key).open("rb") as file:
            file.seek(start)
            left = -1 if end is None else end - start
            while left and (block := file.read(BLOCK if left < 0 else min(BLOCK, left))):
                yield block
                left -= len(block) if left > 0 else 0

    def size(self, key: str) -> int:
        return self._found(key).stat().st_size

    def delete(self, key: str) -> None:
        (self.folder / key).unlink(missing_ok=True)

    def all(self) -> Iterator[Stored]:
        for path in self.folder.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                yield Stored(
                    f"{path.parent.name}/{path.name}", stat.st_size, int(stat.st_ctime * 1000)
                )

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        yield self._found(key)

    def _found(self, key: str) -> Path:
        path = self.folder / key
        if not path.is_file():
            raise KeyError(key)
        return path


class S3Store:
    def __init__(self, bucket: str, prefix: str, endpoint: str | None) -> None:
        import boto3
        from botocore.config import Config

        self.bucket, self.prefix = bucket, f"{prefix}/" if prefix else ""
        # A session of its own: boto3's shared one can't make clients in two threads at a time.
        self.client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=settings().s3_access_key or None,
            aws_secret_access_key=settings().s3_secret_key or None,
            config=Config(
                connect_timeout=5,
                read_timeout=30,
                retries={"max_attempts": 5, "mode": "standard"},
                s3={"addressing_style": "path"},
            ),
        )

    def put(self, path: Path, key: str) -> None:
        size = path.stat().st_size
        with _as_store_down():
            self.client.upload_file(str(path), self.bucket, self.prefix + key)
        try:
            kept = self.size(key)
        except KeyError as error:
            raise StoreDown("the store did not keep what was put into it") from error
        if kept != size:
            raise StoreDown(f"the store kept {kept} of {size} bytes")

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        wanted = f"bytes={start}-{'' if end is None else end - 1}"
        with _as_store_down():
            found = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key, Range=wanted)
            yield from found["Body"].iter_chunks(BLOCK)

    def size(self, key: str) -> int:
        with _as_store_down():
            found = self.client.head_object(Bucket=self.bucket, Key=self.prefix + key)
        return int(found["ContentLength"])

    def delete(self, key: str) -> None:
        with _as_store_down():
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def all(self) -> Iterator[Stored]:
        with _as_store_down():
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix
            )
            for page in pages:
                for item in page.get("Contents", []):
                    key = item["Key"].removeprefix(self.prefix)
                    yield Stored(key, item["Size"], int(item["LastModified"].timestamp() * 1000))

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """Fetched once a machine, shared by a recording's jobs, checked against its name."""
        cached = settings().work_folder / "cache" / key.replace("/", "-")
        cached.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as held:
            with _cache_locked(cached):
                if not cached.exists():
                    self._fetch(key, cached)
                cached.touch()
                file = held.enter_context(cached.open("rb"))
                fcntl.flock(file, fcntl.LOCK_SH)  # in use: not to be collected
            yield cached

    def _fetch(self, key: str, cached: Path) -> None:
        tmp = cached.with_name(f".{cached.name}.tmp")
        with tmp.open("wb") as file:
            for block in self.read(key):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if sha256_of(tmp) != Path(key).name.split(".")[0]:
            tmp.unlink()
            raise StoreDown("the store's copy is damaged or came cut short")
        tmp.replace(cached)


@contextmanager
def _as_store_down() -> Iterator[None]:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey"):
            raise KeyError("no such object") from error
        raise StoreDown("the store refused") from error
    except (BotoCoreError, Boto3Error) as error:  # an upload that is refused is a Boto3Error
        raise StoreDown("the store does not answer") from error


def copy_cheaply(source: Path, target: Path) -> None:
    """A clone where the file system can, else a second name for the same bytes, else a copy."""
    with source.open("rb") as read, target.open("xb") as write, contextlib.suppress(OSError):
        fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
        return
    target.unlink()
    try:
        os.link(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        with source.open("rb") as read, target.open("xb") as write:
            shutil.copyfileobj(read, write, BLOCK)
            write.flush()
            os.fsync(write.fileno())


@contextmanager
def _cache_locked(cached: Path) -> Iterator[None]:
    """One at a time fetches or collects. Few lock files for all, since none is ever removed."""
    with (cached.parent / f".{cached.name[:2]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _touch_inode(path: Path) -> None:
    """Renew the change time alone: the modification time may be a creator's own (a hard link)."""
    path.chmod(path.stat().st_mode & 0o7777)


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def collect_cache(older_than_s: float = 3600) -> None:
    """Forget fetched copies that no job has touched for a while."""
    folder = settings().work_folder / "cache"
    for path in folder.glob("*") if folder.exists() else ():
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            old = time.time() - path.stat().st_mtime > older_than_s
            if old and path.suffix != ".lock":
                _collect_unused(path)


def _collect_unused(cached: Path) -> None:
    """Raises BlockingIOError where a job still reads it."""
    with _cache_locked(cached), cached.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        cached.unlink()
