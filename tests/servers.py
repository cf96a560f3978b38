"""The real servers that tests run against: children on free ports, with nothing left behind."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest
import redis

S3_KEYS = {"REELYARD_S3_ACCESS_KEY": "reelyard", "REELYARD_S3_SECRET_KEY": "reelyard-secret"}
"""What the settings need beside the address of `s3_server()`; it takes any key."""


def missing(name: str) -> NoReturn:
    """Ends the test: skipped at home, failed where CI=true, for there all of it must run."""
    reason = f"{name} is not installed here; `make test` says how to get it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def program(*names: str) -> str:
    """The first of them that is installed. Debian keeps PostgreSQL's programs off the PATH."""
    folders = [os.environ.get("PATH", ""), *map(str, postgres_folders())]
    for name in names:
        found = shutil.which(name, path=os.pathsep.join(folders))
        if found:
            return found
    missing(names[0])


def postgres_folders() -> list[Path]:
    def number(folder: Path) -> float:
        return float(folder.parent.name)

    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=number, reverse=True)


def chromium_path() -> str:
    return program("chromium", "chromium-browser", "google-chrome")


def flite_path() -> str:
    return program("flite")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def redis_server(port: int | None = None, folder: Path | None = None) -> Iterator[str]:
    """redis://... Kept as operators must keep it: AOF every second, nothing evicted.

    With a port and a folder, a second call brings back the server that the first one stopped.
    """
    binary = program("redis-server")
    port = port or free_port()
    with _folder(folder) as data:
        command = [binary, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(data)]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
        command += ["--maxmemory-policy", "noeviction"]
        url = f"redis://127.0.0.1:{port}/0"
        with _child(command, data, lambda: _redis_answers(url)):
            yield url


@contextmanager
def postgres_server() -> Iterator[str]:
    """postgresql://... of an empty database. See `new_database` for one of each test's own."""
    initdb, postgres = program("initdb"), program("postgres")
    # PostgreSQL refuses to run as root; Debian's package made this account.
    user = "postgres" if os.geteuid() == 0 else None
    port = free_port()
    with _folder(None) as data:
        if user:
            account = pwd.getpwnam(user)
            os.chown(data, account.pw_uid, account.pw_gid)
        cluster = ["--pgdata", str(data / "cluster")]
        make = ["--auth=trust", "--username=reelyard", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            [initdb, *cluster, *make], check=True, capture_output=True, user=user, cwd=data
        )
        command = [postgres, "-D", str(data / "cluster"), "-h", "127.0.0.1", "-p", str(port)]
        for option in ("fsync=off", "full_page_writes=off", "unix_socket_directories="):
            command += ["-c", option]
        url = f"postgresql://reelyard@127.0.0.1:{port}/postgres"
        with _child(command, data, lambda: _postgres_answers(url), user, signal.SIGINT):
            yield url


def new_database(server: str, like: str = "template1") -> str:
    """postgresql://... of an empty database on that server, or of a copy."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    return address_on(server, name)


def address_on(server: str, name: str) -> str:
    return urlsplit(server)._replace(path=f"/{name}").geturl()


@contextmanager
def s3_server(bucket: str = "reelyard") -> Iterator[str]:
    """s3://BUCKET?endpoint=http://... with that bucket made; see S3_KEYS."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    binary = str(Path(sys.executable).with_name("moto_server"))
    with _folder(None) as data:
        command = [binary, "--host", "127.0.0.1", "--port", str(port)]
        with _child(command, data, lambda: _port_answers(port)):
            new_bucket(endpoint, bucket)
            yield f"s3://{bucket}?endpoint={endpoint}"


def new_bucket(endpoint: str, bucket: str) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=S3_KEYS["REELYARD_S3_ACCESS_KEY"],
        aws_secret_access_key=S3_KEYS["REELYARD_S3_SECRET_KEY"],
    )
    try:
        client.create_bucket(Bucket=bucket)
    finally:
        client.close()


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """Not under pytest's tmp_path, which only root could enter for the account `postgres`."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="reelyard-test-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@contextmanager
def _child(
    command: Sequence[str],
    folder: Path,
    answers: Callable[[], bool],
    user: str | None = None,
    end: signal.Signals = signal.SIGTERM,
) -> Iterator[None]:
    """`end` asks for an orderly end at once; PostgreSQL hears SIGTERM as "when all have gone"."""
    # A pytest that is killed takes its servers with it.
    setpriv = shutil.which("setpriv")
    guarded = [setpriv, "--pdeathsig", end.name[3:], "--", *command] if setpriv else list(command)
    log = folder / "server.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            guarded,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            user=user,
            cwd=folder,
            start_new_session=True,
        )
    try:
        _wait(child, answers, log)
        yield
    finally:
        _stop(child, end)


def _wait(child: subprocess.Popen[bytes], answers: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 30
    while not answers():
        if child.poll() is not None or time.monotonic() > deadline:
            text = log.read_text(errors="replace")[-2000:]
            pytest.fail(f"{child.args!r} did not start (exit {child.returncode}):\n{text}")
        time.sleep(0.05)


def _stop(child: subprocess.Popen[bytes], end: signal.Signals) -> None:
    child.send_signal(end)
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _port_answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _redis_answers(url: str) -> bool:
    client = redis.Redis.from_url(url)
    try:
        return bool(client.ping())
    except redis.exceptions.RedisError:
        return False
    finally:
        client.close()


def _postgres_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
