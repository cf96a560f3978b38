"""The only place that starts ffmpeg. Graphs are built elsewhere with ffmpeg-python and run here."""

import ctypes
import functools
import os
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ffmpeg as graphs
import imageio_ffmpeg

from pipeline.errors import ChildFailed

OLDEST = (8, 1, 2)
"""Older ones have a heap write in the MagicYUV decoder."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@functools.cache
def binary() -> str:
    """The operator's REELYARD_FFMPEG where named, else the one of the imageio-ffmpeg wheel."""
    return os.environ.get("REELYARD_FFMPEG") or _bundled()


def _bundled() -> str:
    folder = Path(imageio_ffmpeg.__file__).parent / "binaries"
    for found in sorted(folder.glob("ffmpeg-*")):
        return str(found)
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@functools.cache
def version(path: str | None = None) -> tuple[int, ...]:
    """For example (9, 0, 2). () where the binary does not tell a number (a git build)."""
    text = subprocess.run(
        [path or binary(), "-version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.match(r"ffmpeg version n?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def url(path: Path | str) -> str:
    """`file:` and an absolute path: `concat:a|b.mp4` or `-i.mp4` is then only a name."""
    return f"file:{Path(path).absolute()}"


def source(path: Path | str, **options: Any) -> Any:
    """An ffmpeg-python input of a local file that may open nothing else."""
    return graphs.input(url(path), protocol_whitelist="file", **options)


def seek(to_ms: float) -> dict[str, str]:
    """Input options; none for the start of the file."""
    return {"ss": f"{to_ms / 1000:.4f}"} if to_ms > 0 else {}


def earlier(by_s: float) -> str:
    """For setpts and asetpts."""
    return f"round(PTS-({by_s:.6f})/TB)"


def arguments(stream: Any) -> list[str]:
    """The argument list of an ffmpeg-python graph, without the program's own name."""
    return [str(part) for part in graphs.get_args(stream)]


def die_with_parent() -> None:
    """For a just forked child: be killed when the thread that forked it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run(
    args: Sequence[str],
    *,
    duration_ms: int = 0,
    progress: Callable[[float], None] | None = None,
    stdin: bytes | None = None,
) -> bytes:
    """Run with `args`, answer standard output. `progress` gets 0..1 of `duration_ms` written.

    Raises ChildFailed with ffmpeg's last line. The ffmpeg dies with the thread that called.
    """
    head = [binary(), "-hide_banner", "-nostdin", "-y", "-loglevel", "error"]
    if stdin is not None:
        head.remove("-nostdin")
    if progress is not None and duration_ms > 0:
        return _run_with_progress(
            [*head, "-progress", "pipe:1", "-nostats", *args], duration_ms, progress
        )
    done = subprocess.run(
        [*head, *args],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        preexec_fn=die_with_parent,
        check=False,
    )
    if done.returncode:
        raise _failed(done.returncode, done.stderr)
    return done.stdout


def start(args: Sequence[str], **streams: Any) -> subprocess.Popen[bytes]:
    """For a caller that feeds or reads a pipe frame by frame."""
    return subprocess.Popen(
        [binary(), "-hide_banner", "-y", "-loglevel", "error", *args],
        preexec_fn=die_with_parent,
        **streams,
    )


def _run_with_progress(
    command: list[str], duration_ms: int, progress: Callable[[float], None]
) -> bytes:
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=die_with_parent,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        # Read beside: a damaged recording makes more complaints than a pipe holds.
        said: deque[bytes] = deque(maxlen=20)
        reader = threading.Thread(target=said.extend, args=(child.stderr,), daemon=True)
        reader.start()
        for line in child.stdout:
            key, _, value = line.decode(errors="replace").strip().partition("=")
            if key == "out_time_us" and value.isdigit():
                progress(min(1.0, int(value) / 1000 / duration_ms))
            elif (key, value) == ("progress", "end"):
                progress(1.0)
        reader.join()
    if child.returncode:
        raise _failed(child.returncode, b"".join(said))
    return b""


def _failed(code: int, error: bytes) -> ChildFailed:
    lines = error.decode(errors="replace").strip().splitlines()
    said = lines[-1] if lines else f"no word, exit {code}"
    return ChildFailed(f"ffmpeg could not finish: {said[:300]}")
