"""The media child: a process of its own that decodes, encodes and listens, under limits, offline.

The parent sends one JSON request on standard input. The child answers JSON lines:
{"progress": 0..1} while it works, then {"ok": result} or {"refused"|"failed": text}. It dies with
its parent and takes its ffmpeg with it.
"""

import contextlib
import functools
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import ffmpeg, landlock
from pipeline.errors import ChildFailed, Refused
from pipeline.ffmpeg import die_with_parent

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
STDERR_KEPT = 20_000
SYSTEM = (
    *("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo"),
    *("/sys/devices/system/cpu", "/sys/bus/pci/devices"),
)
"""What programs need of any machine; of /proc no other process's."""


@dataclass(frozen=True, slots=True)
class Limits:
    memory_mb: int = 6144
    """Address space, not resident size: numerical libraries reserve more than they touch."""
    cpu_s: int = 7200
    wall_s: int = 7200
    file_mb: int = 65_536
    open_files: int = 512
    processes: int = 0
    """0: as the machine has it. A limit counts all processes of the user, not only the child's."""
    nice: int = 0
    """Added to the process's niceness: work that can wait gives way."""


class Stopped(Exception):
    """The caller no longer wants the answer."""


def run(
    task: str,
    request: dict[str, Any],
    *,
    limits: Limits | None = None,
    reads: Sequence[Path] = (),
    writes: Sequence[Path] = (),
    progress: Callable[[float], None] | None = None,
    stop: threading.Event | None = None,
    log: Callable[[str], None] | None = None,
) -> Any:
    """Run `task` of pipeline.child. Raises Refused, ChildFailed, or Stopped once `stop` is set.

    With `reads` or `writes` the child opens nothing of the machine's but these and its programs.
    """
    limits = limits or Limits()
    message = {
        "limits": _as_dict(limits),
        "reads": [str(path) for path in reads],
        "writes": [str(path) for path in writes],
        "request": request,
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "pipeline.child", task],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=die_with_parent,
        env=_environment(writes),
    )
    watch = _Watch(child, limits.wall_s, stop)
    try:
        with contextlib.suppress(BrokenPipeError):
            assert child.stdin is not None
            child.stdin.write(json.dumps(message).encode())
            child.stdin.close()
        return _answer(child, watch, progress)
    finally:
        watch.finish()
        if log and watch.stderr:
            log(watch.stderr)


def _answer(
    child: "subprocess.Popen[bytes]", watch: "_Watch", progress: Callable[[float], None] | None
) -> Any:
    assert child.stdout is not None
    last: dict[str, Any] = {}
    for line in child.stdout:
        last = _message(line) or last
        if "progress" in last and progress:
            progress(float(last["progress"]))
    code = child.wait()
    if watch.stopped:
        raise Stopped
    if watch.timed_out:
        raise ChildFailed("this took longer than a media job may take", retry=False)
    if "ok" in last:
        return last["ok"]
    if "refused" in last:
        raise Refused(last["refused"])
    if "failed" in last:
        raise ChildFailed(last["failed"])
    raise ChildFailed(_how_it_died(code))


def _message(line: bytes) -> dict[str, Any]:
    """{} for what a library printed."""
    with contextlib.suppress(ValueError):
        said = json.loads(line)
        return said if isinstance(said, dict) else {}
    return {}


def _how_it_died(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "the media process used more processor time than it may"
    if code < 0:
        return f"the media process was killed ({signal.Signals(-code).name})"
    return f"the media process ended without an answer (exit {code})"


class _Watch:
    """Reads the child's standard error and ends its whole process group on time-out or stop."""

    def __init__(
        self, child: "subprocess.Popen[bytes]", wall_s: int, stop: threading.Event | None
    ) -> None:
        self.child, self.stop = child, stop
        self.timed_out = self.stopped = False
        self.stderr = ""
        self.deadline = threading.Timer(wall_s, self._late)
        self.deadline.daemon = True
        self.deadline.start()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.over = threading.Event()
        if stop is not None:
            threading.Thread(target=self._wait_for_stop, args=(stop,), daemon=True).start()

    def finish(self) -> None:
        self.over.set()
        self.deadline.cancel()
        self._kill()
        self.child.wait()
        self.reader.join(timeout=1)
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _late(self) -> None:
        self.timed_out = True
        self._kill()

    def _wait_for_stop(self, stop: threading.Event) -> None:
        while not self.over.is_set():
            if stop.wait(0.2):
                self.stopped = True
                self._kill()
                return

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, signal.SIGKILL)

    def _read(self) -> None:
        assert self.child.stderr is not None
        with contextlib.suppress(ValueError, OSError):
            for line in self.child.stderr:
                self.stderr = (self.stderr + line.decode(errors="replace"))[-STDERR_KEPT:]


def _environment(writes: Sequence[Path]) -> dict[str, str]:
    """What the child may know: no secret, no address of a server."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "REELYARD_FFMPEG", "PYTHONPATH", "VIRTUAL_ENV")
    return {
        "TMPDIR": str(writes[0]) if writes else os.environ.get("TMPDIR", tempfile.gettempdir()),
        **{name: os.environ[name] for name in kept if name in os.environ},
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _as_dict(limits: Limits) -> dict[str, int]:
    return {name: getattr(limits, name) for name in Limits.__slots__}


def confine(limits: dict[str, int], reads: Sequence[str] = (), writes: Sequence[str] = ()) -> None:
    """In the child, before any media is touched."""
    mega = 1 << 20
    wanted = {
        resource.RLIMIT_AS: limits["memory_mb"] * mega,
        resource.RLIMIT_CPU: limits["cpu_s"] + 1,
        resource.RLIMIT_FSIZE: limits["file_mb"] * mega,
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_CORE: 0,
    }
    if limits["processes"]:
        wanted[resource.RLIMIT_NPROC] = limits["processes"]
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # At the hard CPU limit comes SIGKILL, which does not tell why: the soft one comes before.
        soft = max(1, value - 1) if kind == resource.RLIMIT_CPU else value
        resource.setrlimit(kind, (soft, value))
    os.nice(limits["nice"])
    leave_network()
    if reads or writes:
        landlock.restrict(
            [*map(Path, SYSTEM), *_programs(), *map(Path, reads)],
            [*map(Path, writes), Path("/dev/null")],
        )


def _programs() -> list[Path]:
    """This Python, its packages, our own code and ffmpeg."""
    own = Path(__file__).parent
    return [Path(sys.prefix), Path(sys.base_prefix), own, Path(ffmpeg.binary())]


def leave_network() -> bool:
    """An empty network namespace of one's own; False where the machine does not give one."""
    from pipeline.ffmpeg import _libc

    return any(_libc.unshare(flags) == 0 for flags in (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET))


@functools.cache
def has_network_namespace() -> bool:
    """Asked by `doctor`, in a process of its own so that the caller keeps its network."""
    probe = "from pipeline.sandbox import leave_network; raise SystemExit(not leave_network())"
    return subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
