"""What a process runs beside its foreground: workers, relay, timers, inbox, web."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from catalog.web import straight
from models.settings import settings
from workers import lease
from workers.broker import start_workers
from workers.inbox import Inbox
from workers.lease import release_dead
from workers.log import log
from workers.periodic import periodic
from workers.relay import relay

STOP_S = 20.0
"""For all running jobs together: the whole process shall end within 30 s."""


@contextmanager
def working(threads: int | None = None) -> Iterator[None]:
    """Work on due jobs while the block runs; on leaving, running jobs are handed back."""
    over = threading.Event()
    release_dead()
    workers = start_workers(threads or settings().media_threads)
    helpers = [_thread(relay, over), _thread(periodic, over)]
    try:
        yield
    finally:
        lease.stopping.set()
        over.set()
        until = time.monotonic() + STOP_S
        for worker in workers:
            worker.stop(timeout=max(500, int((until - time.monotonic()) * 1000)))
        for helper in helpers:
            helper.join(timeout=5)
        lease.stopping.clear()


@contextmanager
def watching() -> Iterator[None]:
    over = threading.Event()
    inbox = Inbox(settings().resolved_inbox)
    inbox.folder.mkdir(parents=True, exist_ok=True)  # here, where it can end the program
    watcher = _thread(inbox.watch, over)
    log().info("watching", inbox=str(inbox.folder))
    try:
        yield
    finally:
        over.set()
        watcher.join(timeout=10)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but the signal is not raised again: what stands around it ends in order."""
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, self.handle_exit)
        yield


def serve(host: str, port: int) -> None:
    """The catalogue, in the foreground, until SIGINT or SIGTERM."""
    config = uvicorn.Config(
        "catalog.app:create_app",
        factory=True,
        host=host,
        port=port,
        http=straight.Protocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=262_144,  # what is too long is told by catalog.limits
    )
    log().info("serving", url=f"http://{host}:{port}/")
    _Server(config).run()


def wait_for_end() -> None:
    """In the foreground until SIGINT or SIGTERM."""
    ended = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: ended.set())
    ended.wait()


def _thread(run: Callable[[threading.Event], Any], over: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=run, args=(over,), daemon=True, name=run.__name__)
    thread.start()
    return thread
