"""Files by the server that visitors meet: whole, in ranges, one after the other on a connection."""

import contextlib
import http.client
import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from catalog.app import create_app
from catalog.web import straight
from models.base import unit_of_work
from models.clip import Asset, AssetKind, Clip
from models.storage import store
from tests import factories

CONTENT = os.urandom(3_000_001)


@pytest.fixture
def port(database: object) -> Iterator[int]:
    config = uvicorn.Config(
        create_app(), port=0, http=straight.Protocol, log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def asset(database: object) -> Asset:
    with unit_of_work() as session:
        clip = factories.clip(session)
        factories.listing(session, clip)
        return factories.asset(session, clip, AssetKind.PREVIEW, CONTENT)


def path(asset: Asset) -> str:
    return f"/media/{asset.id}/preview.mp4"


def test_captions_go_out_as_any_file_does(port: int, asset: Asset) -> None:
    with unit_of_work() as session:
        clip = session.get_one(Clip, asset.clip_id)
        words = factories.asset(
            session, clip, AssetKind.CAPTIONS, b"WEBVTT\n", suffix=".vtt", mime="text/vtt"
        )
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(2):
        link.request("GET", f"/media/{words.id}/captions.vtt")
        answer = link.getresponse()
        assert (answer.status, answer.read()) == (200, b"WEBVTT\n")
    link.close()


def test_ranges_one_after_the_other_on_one_connection(port: int, asset: Asset) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for asked, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=1000000-2999999", 1_000_000, 3_000_000),
        ("bytes=-7", len(CONTENT) - 7, len(CONTENT)),
        (None, 0, len(CONTENT)),
    ):
        link.request("GET", path(asset), headers={"Range": asked} if asked else {})
        answer = link.getresponse()
        assert answer.read() == CONTENT[start:end]
        assert answer.status == (206 if asked else 200)
        assert answer.headers["content-length"] == str(end - start)
        assert answer.headers["x-content-type-options"] == "nosniff"
    link.request("HEAD", path(asset))
    head = link.getresponse()
    assert (head.read(), head.headers["content-length"]) == (b"", str(len(CONTENT)))
    link.request("GET", "/healthz")
    assert link.getresponse().status == 200
    link.close()


def test_a_reader_that_goes_away_harms_nobody(port: int, asset: Asset) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as gone:
            gone.sendall(f"GET {path(asset)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            gone.recv(100)
    slow = socket.create_connection(("127.0.0.1", port))
    slow.sendall(f"GET {path(asset)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    started = time.monotonic()
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("GET", path(asset))
    assert link.getresponse().read() == CONTENT
    assert time.monotonic() - started < 5, "it waits for no reader that does not read"
    link.close()
    slow.close()


@pytest.mark.parametrize("leaves", ["with a reset", "with a goodbye"])
def test_a_download_that_is_broken_off_closes_its_file_and_is_no_error(
    port: int,
    database: object,
    leaves: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session)
        factories.listing(session, clip)
        long = factories.asset(session, clip, AssetKind.PREVIEW, bytes(20_000_000))
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that most of it has to wait
    reader.connect(("127.0.0.1", port))
    reader.sendall(f"GET {path(long)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert reader.recv(100).startswith(b"HTTP/1.1 200")
    assert opened(long) == 1
    if leaves == "with a reset":
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reader.close()
    until = time.monotonic() + 5
    while opened(long) and time.monotonic() < until:
        time.sleep(0.01)
    assert opened(long) == 0
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as link:
        link.request("GET", "/healthz")  # by now the server is done with the one before
        assert link.getresponse().status == 200
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert capfd.readouterr() == ("", "")


def opened(asset: Asset) -> int:
    """How many times this process, in which the server runs, has the file open."""
    file, count = store().folder / asset.key, 0  # type: ignore[attr-defined]  # a local one, here
    for one in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            count += one.resolve() == file
    return count


def test_a_file_that_is_gone_or_cut_short_is_told_before_any_byte(port: int, asset: Asset) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    folder = store().folder  # type: ignore[attr-defined]  # a local one, here
    (folder / asset.key).write_bytes(b"short")
    link.request("GET", path(asset))
    answer = link.getresponse()
    assert answer.status == 404
    assert b"missing from the store" in answer.read()
    link.close()
