"""What a command costs as a whole process: wall, CPU with its children, largest resident set."""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    wall_s: float
    cpu_s: float
    rss_mb: float


@dataclass(frozen=True)
class Command:
    words: Sequence[str]
    settings: dict[str, str]


def run(command: Command) -> Cost:
    """Raises RuntimeError where it fails: a cost without the work would be a lie."""
    started = time.monotonic()
    with subprocess.Popen(
        command.words,
        env={**os.environ, **command.settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stderr is not None
        said = child.stderr.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command.words[:4])}: {said.decode()[-300:]}")
    wall = time.monotonic() - started
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def compared(ours: Command, theirs: Command, pairs: int) -> tuple[list[Cost], list[Cost]]:
    """In turn, A B A B, so that a machine whose speed drifts slows both."""
    costs = [(run(ours), run(theirs)) for _ in range(pairs)]
    return [a for a, _ in costs], [b for _, b in costs]
