"""Clients that send slowly on purpose lose their connection; whoever just is slow keeps it."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn

from catalog.app import create_app
from catalog.web import patience, straight

HEAD_S = 0.7
GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = (
    b"POST /api/v1/verify HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n"
)


class Protocol(straight.Protocol):
    head_s = HEAD_S
    most = 12


@pytest.fixture
def connect(
    database: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], socket.socket]]:
    monkeypatch.setattr(patience, "PACE", 100)
    config = uvicorn.Config(
        create_app(), http=Protocol, log_level="error", lifespan="off", timeout_keep_alive=5
    )
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    made: list[socket.socket] = []

    def connecting() -> socket.socket:
        made.append(socket.create_connection(listening.getsockname(), timeout=5))
        return made[-1]

    yield connecting
    for one in made:
        one.close()
    server.should_exit = True
    thread.join(timeout=10)


def lasts(link: socket.socket, most_s: float, piece: bytes = b"") -> float:
    """For how long the other end takes pieces, one each 20 ms."""
    started = time.monotonic()
    link.settimeout(0.02)
    while time.monotonic() - started < most_s:
        try:
            if piece:
                link.sendall(piece)
            if not link.recv(4_000):
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return time.monotonic() - started


def status(link: socket.socket) -> int:
    """What the answer says; it is read to its end, which need not come with its head."""
    link.settimeout(30)
    answer = http.client.HTTPResponse(link)
    answer.begin()
    answer.read()
    return answer.status


@pytest.mark.parametrize(
    ("begun", "piece"),
    [
        (b"", b""),
        (b"GET / HT", b""),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"X-a: b\r\n"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", b"y"),
        (GET + b"GET / HTTP/1.1\r\n", b"X-a: b\r\n"),
        (POST % 9_999, b""),
        (POST % 9_999, b"x"),
    ],
    ids=["silent", "begun", "one header each time", "one letter each time", "the second request",
         "no body", "one byte of the body each time"],
)  # fmt: skip
def test_a_request_that_does_not_arrive_is_given_up(
    connect: Callable[[], socket.socket],
    begun: bytes,
    piece: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    started, link = time.monotonic(), connect()
    link.sendall(begun)
    if begun.startswith(GET):
        assert status(link) == 200
    assert lasts(link, 3, piece) < 3
    assert time.monotonic() - started >= HEAD_S
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []


def test_a_head_that_began_is_answered_408_and_one_that_did_not_by_nothing(
    connect: Callable[[], socket.socket],
) -> None:
    begun, silent = connect(), connect()
    begun.sendall(b"GET / HT")
    assert status(begun) == 408
    assert silent.recv(100) == b""


def test_an_upload_that_progresses_takes_as_long_as_it_needs(
    connect: Callable[[], socket.socket],
) -> None:
    link = connect()
    pieces = 20
    link.sendall(POST % (pieces * 100))
    for _ in range(pieces):  # for twice as long as a head may take
        link.sendall(b"x" * 100)
        time.sleep(HEAD_S / 10)
    assert status(link) == 200


def test_a_kept_connection_may_rest_longer_than_a_head_may_take(
    connect: Callable[[], socket.socket],
) -> None:
    link = connect()
    for rest_s in (HEAD_S * 1.5, 0):
        link.sendall(GET)
        assert status(link) == 200
        time.sleep(rest_s)


def test_many_slow_ones_leave_room_for_who_asks(
    connect: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Protocol, "head_s", 60.0)
    slow = [connect() for _ in range(3 * Protocol.most)]
    for one in slow:
        try:
            one.sendall(b"GET / HTTP/1.1\r\n")
        except ConnectionError:
            continue  # it made room
    asking = connect()
    asking.sendall(GET)
    assert status(asking) == 200
    gone = sum(lasts(one, 0.03) < 0.03 for one in slow)
    assert gone >= len(slow) - Protocol.most
