"""Run the command line as a user does: a process of its own, the settings in its environment."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests import warm

ROOT = Path(__file__).parents[1]
LONGEST_S = 600


def environment(**settings: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **settings}


def reelyard(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """To its end."""
    with tempfile.TemporaryDirectory(prefix="reelyard-test-") as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        child = warm.start(*arguments, out=out, err=err, environment=environment(**settings))
        child.join(LONGEST_S)
        if child.exitcode is None:
            warm.kill(child)
            raise AssertionError(f"not within {LONGEST_S} s: reelyard {arguments}")
        said = [path.read_text(encoding="utf-8") for path in (out, err)]
    return subprocess.CompletedProcess(["reelyard", *arguments], child.exitcode, *said)


def processed(*files: Path, **settings: str) -> list[dict[str, Any]]:
    """The recordings of `reelyard process --json`."""
    done = reelyard("process", "--json", *map(str, files), **settings)
    assert done.returncode in (0, 1, 2), done.stderr
    assert done.stdout, done.stderr
    recordings: list[dict[str, Any]] = json.loads(done.stdout)["recordings"]
    return recordings


def way_in(url: str, *arguments: str, **settings: str) -> str:
    """A link that signs in once at the house that runs at `url`; the operator's by default."""
    made = reelyard("sign-in", *arguments, **settings)
    assert made.returncode == 0, made.stderr
    return url.rstrip("/") + urlsplit(made.stdout.strip()).path


@contextmanager
def running(*arguments: str, log: Path, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The command as a process group of its own, ended (SIGTERM, then SIGKILL) with the block."""
    with log.open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "workers.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment(**settings),
            start_new_session=True,
        )
    try:
        yield child
    finally:
        end(child)


def end(child: "subprocess.Popen[bytes]", within_s: float = 30) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    try:
        child.wait(timeout=within_s)
    except subprocess.TimeoutExpired:
        kill(child)


def kill(child: "subprocess.Popen[bytes]") -> None:
    """kill -9 of the process and what it started in its group; media children die by themselves."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def until(holds: Callable[[], Any], within_s: float, what: str) -> Any:
    """Ask every tenth of a second; what it answered when it held."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        answer = holds()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {within_s:.0f} s: {what}")
