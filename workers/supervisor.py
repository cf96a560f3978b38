"""Several worker processes under one: a child that dies is started again, all end together."""

import signal
import subprocess
import sys
import time

from pipeline.ffmpeg import die_with_parent
from workers import log

ENDED_WITHIN_S = 28


def supervise(processes: int, threads: int) -> None:
    """Until SIGTERM or Ctrl-C."""
    command = [sys.executable, "-m", "workers.cli", "work", "--threads", str(threads)]
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, end)

    def begin() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, preexec_fn=die_with_parent)

    children = [begin() for _ in range(processes)]
    while not ended:
        for number, child in enumerate(children):
            if child.poll() is not None:
                log.log().warning("worker process ended; started again", exit=child.returncode)
                children[number] = begin()
        time.sleep(0.5)
    for child in children:
        child.send_signal(signal.SIGTERM)
    until = time.monotonic() + ENDED_WITHIN_S
    for child in children:
        try:
            child.wait(timeout=max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
