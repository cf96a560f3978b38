"""The command line in a process of its own that is forked with its modules loaded: what it does is
the same, and it starts in no time. From nothing it starts in `tests.commands.running`.
"""

import multiprocessing
import os
import signal
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_server = multiprocessing.get_context("forkserver")
# The last is what tests run in: each child looks at its main module.
_server.set_forkserver_preload(
    [
        "workers.cli",
        "workers.check",
        "workers.kpis",
        "workers.log",
        "workers.process",
        "workers.start",
        "pytest",
    ]
)


def start(
    *arguments: str, out: Path, err: Path, environment: dict[str, str]
) -> "ForkServerProcess":
    """What it prints is put at the end of the files."""
    given = (arguments, str(out), str(err), environment, str(Path.cwd()))
    made = _server.Process(target=_run, args=given)
    made.start()
    return made


def kill(child: "ForkServerProcess") -> None:
    """kill -9 of the process and what it started in its group."""
    assert child.pid
    if child.exitcode is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.join()


def _run(
    arguments: tuple[str, ...], out: str, err: str, environment: dict[str, str], folder: str
) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, stream)
        os.close(file)
    sys.argv = ["reelyard", *arguments]
    from workers.cli import main

    main()
