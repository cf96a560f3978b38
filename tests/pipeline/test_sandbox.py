"""The media child keeps its limits, ends when it shall, and never outlives who asked."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pipeline import landlock, sandbox
from pipeline.errors import ChildFailed, Refused
from pipeline.probe import probe
from pipeline.sandbox import Limits, has_network_namespace
from tests.media import made, moving

PROC = Path("/proc")
LONG_S = 600
pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="processes are looked up in /proc")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moving(tmp_path_factory.mktemp("short") / "a.mp4")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Quickly made, and minutes of work to encode: the same two seconds over and over."""
    folder = tmp_path_factory.mktemp("long")
    two = moving(folder / "two.mp4", size="1280x720", seconds=2)
    again = ("-stream_loop", str(LONG_S // 2), "-i", str(two), "-c", "copy")
    return made(folder / "long.mkv", *again)


def chunk(source: Path, folder: Path) -> dict[str, Any]:
    """A request that takes minutes of ffmpeg."""
    return {
        "source": str(source),
        "probe": probe(source).as_dict(),
        "span": {"start_ms": 0, "end_ms": LONG_S * 1000},
        "folder": str(folder),
    }


def children(pid: int) -> set[int]:
    """All that descend from it."""
    parents = {}
    for entry in PROC.glob("[0-9]*/stat"):
        try:
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(entry.parent.name)] = int(parent)
    found, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in found} - found
        grown = bool(more)
        found |= more
    return found - {pid}


def alive(pids: set[int]) -> set[int]:
    running = set()
    for pid in pids:
        try:
            state = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            running.add(pid)
    return running


def within(seconds: float, true: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return true()


def is_ffmpeg(pid: int) -> bool:
    try:
        return "ffmpeg" in (PROC / str(pid) / "exe").readlink().name
    except OSError:
        return False


def with_ffmpeg(pid: int) -> set[int]:
    """Waits for the child and its ffmpeg."""
    assert within(20, lambda: any(is_ffmpeg(each) for each in children(pid)))
    return children(pid)


def test_a_task_is_answered(short: Path) -> None:
    answer = sandbox.run("probe", {"source": str(short)})
    assert answer == json.loads(json.dumps(probe(short).as_dict()))


def test_a_refusal_comes_through_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no recording")
    with pytest.raises(Refused, match="is text"):
        sandbox.run("probe", {"source": str(tmp_path / "a.mp4")})


def test_what_went_wrong_is_in_the_log_and_not_in_the_message(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(ChildFailed) as failure:
        sandbox.run("probe", {"source": str(tmp_path / "gone.mp4")}, log=said.append)
    assert str(tmp_path) not in str(failure.value)
    assert "Traceback" in said[0]
    assert "gone.mp4" in said[0]


def test_child_and_ffmpeg_die_with_their_parent(long: Path, tmp_path: Path) -> None:
    code = (
        "import json, sys, threading; from pipeline import sandbox\n"
        "run = lambda: sandbox.run('chunk', json.loads(sys.argv[1]))\n"
        "threads = [threading.Thread(target=run)]; threads[0].start(); threads[0].join()"
    )
    request = json.dumps(chunk(long, tmp_path))
    with subprocess.Popen([sys.executable, "-c", code, request]) as parent:
        family = with_ffmpeg(parent.pid)
        parent.kill()
    assert len(family) >= 2
    assert within(2, lambda: not alive(family)), alive(family)


def test_a_killed_child_takes_its_ffmpeg_along_and_the_caller_goes_on(
    long: Path, tmp_path: Path, short: Path
) -> None:
    mine = children(os.getpid())
    failures: list[Exception] = []

    def ask() -> None:
        try:
            sandbox.run("chunk", chunk(long, tmp_path))
        except ChildFailed as failure:
            failures.append(failure)

    asking = threading.Thread(target=ask)
    asking.start()
    family = with_ffmpeg(os.getpid()) - mine
    os.kill(next(pid for pid in family if not is_ffmpeg(pid)), signal.SIGKILL)
    asking.join(5)
    assert "SIGKILL" in str(failures[0])
    assert within(2, lambda: not alive(family))
    assert sandbox.run("probe", {"source": str(short)})


def test_stop_ends_the_work_at_once(long: Path, tmp_path: Path) -> None:
    stop, mine = threading.Event(), children(os.getpid())
    told: list[float] = []

    def halt(done: float) -> None:
        told.append(done)
        stop.set()

    with pytest.raises(sandbox.Stopped):
        sandbox.run("chunk", chunk(long, tmp_path), progress=halt, stop=stop)
    assert 0 <= told[0] < 0.5
    assert within(1, lambda: children(os.getpid()) <= mine)


def test_too_long_is_ended_and_not_tried_again(long: Path, tmp_path: Path) -> None:
    mine = children(os.getpid())
    with pytest.raises(ChildFailed, match="longer than") as failure:
        sandbox.run("chunk", chunk(long, tmp_path), limits=Limits(wall_s=1))
    assert not failure.value.retry
    assert within(1, lambda: children(os.getpid()) <= mine)


def test_too_much_memory_fails_and_the_caller_lives(long: Path, tmp_path: Path) -> None:
    """The encoder of a 720p picture does not fit."""
    with pytest.raises(ChildFailed, match="could not"):
        sandbox.run("chunk", chunk(long, tmp_path), limits=Limits(memory_mb=400, wall_s=20))
    assert sandbox.run("probe", {"source": str(long)}, limits=Limits(memory_mb=4096))


def test_too_much_output_fails(long: Path, tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match="could not"):
        sandbox.run("chunk", chunk(long, tmp_path), limits=Limits(file_mb=1, wall_s=20))
    assert all(path.stat().st_size <= 1 << 20 for path in tmp_path.iterdir())


def test_many_threads_may_ask_at_once(short: Path) -> None:
    answers: list[Any] = []

    def ask() -> None:
        answers.append(sandbox.run("probe", {"source": str(short)}))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [answers[0]] * 6


def confined(code: str, **limits: int) -> "subprocess.CompletedProcess[str]":
    """Python in a process of its own, confined as the child is."""
    start = (
        "import json, sys; from pipeline.sandbox import confine\n"
        f"confine(json.loads({json.dumps(asdict(Limits(**limits)))!r}))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, check=False
    )


def test_the_child_has_no_network() -> None:
    if not has_network_namespace():
        pytest.skip("this machine gives no network namespace")
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        try:
            connect = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
            outside = subprocess.run([sys.executable, "-c", connect], check=False)
            inside = confined(connect)
        finally:
            server.kill()
    assert outside.returncode == 0
    assert inside.returncode == 1
    assert "OSError" in inside.stderr


SERVER = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    while True:
        server.accept()
"""


def test_limits_hold_in_the_child() -> None:
    assert "MemoryError" in confined("bytearray(600 << 20)", memory_mb=500).stderr
    assert (
        "Too many open files"
        in confined("files = [open('/dev/null') for _ in range(100)]", open_files=64).stderr
    )
    assert int(confined("import os; print(os.nice(0))", nice=7).stdout) == min(19, os.nice(0) + 7)


def test_too_much_processor_time_says_so() -> None:
    """SIGXCPU comes before the kill that would not tell why."""
    done = confined("while True: pass", cpu_s=1)
    assert done.returncode == -signal.SIGXCPU


def test_the_child_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_DATABASE_URL", "postgresql://ann:secret@db/reelyard")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert not [value for value in sandbox._environment([]).values() if "secret" in value]


def test_what_a_library_prints_is_no_answer(
    short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('7\\n[]\\nnull\\nprogress')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path.cwd())]))
    assert sandbox.run("probe", {"source": str(short)})["duration_ms"] > 0


@pytest.mark.skipif(landlock.version() < 1, reason="this kernel has no Landlock")
def test_a_task_opens_nothing_but_what_it_was_given(tmp_path: Path) -> None:
    given, beside = tmp_path / "given" / "a.mp4", tmp_path / "beside" / "b.mp4"
    for path in (given, beside):
        path.parent.mkdir()
        moving(path)
    assert sandbox.run("probe", {"source": str(given)}, reads=[given])["duration_ms"] >= 1000
    with pytest.raises((ChildFailed, Refused)):
        sandbox.run("probe", {"source": str(beside)}, reads=[given])
