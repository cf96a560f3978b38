"""P12: ranged downloads of one stored file, ours against nginx serving the same file.

`python -m bench.downloads [--nginx PROGRAM] [--pairs N] [--keep]`. Each client is a connection that
stays open and asks for one range after the other; what arrives is read and thrown away. On a busy
machine the CPU time of Reelyard's own process tells more than the speeds do.
"""

import argparse
import contextlib
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.results import as_table, keep

MB = 1 << 20
SIZE, RANGES, CLIENTS = 256 * MB, (32 * MB, 4 * MB), 4
SECONDS = 3.0
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  upstream ours {{ server 127.0.0.1:{ours}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location /plain/ {{ alias {blobs}/; }}
    location /_blobs/ {{ internal; alias {blobs}/; }}
    location / {{
      proxy_pass http://ours; proxy_http_version 1.1;
      proxy_set_header Host $host; proxy_set_header Connection "";
    }}
  }}
}}
"""


def main() -> None:
    given = argparse.ArgumentParser(prog="python -m bench.downloads")
    given.add_argument("--nginx", default="nginx")
    given.add_argument("--pairs", type=int, default=5)
    given.add_argument("--keep", action="store_true", help="append to RESULTS.md")
    asked = given.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = _measured(Path(name), asked.nginx, asked.pairs)
    table = as_table(("of", "range", "ratio", "ours", "nginx", "our CPU a range"), rows)
    print(table)
    if asked.keep:
        title = f"P12, ranged downloads against nginx, {CLIENTS} connections, {asked.pairs} pairs"
        keep(title, "python -m bench.downloads --keep", table)


def _measured(folder: Path, nginx: str, pairs: int) -> list[tuple[str, ...]]:
    blobs = folder / "blobs"
    settings = {"REELYARD_DATA": str(folder / "data"), "REELYARD_STORAGE_URL": blobs.as_uri()}
    key, path = _file(settings, blobs)
    rows = []
    for name, hand_off in (("handed over to nginx", "nginx"), ("sent by Reelyard itself", "")):
        ours, front = _free_port(), _free_port()
        with (
            _serving(settings | {"REELYARD_HAND_OFF": hand_off}, ours) as pid,
            _nginx(nginx, folder, blobs, front, ours),
        ):
            door = front if hand_off else ours
            for size in RANGES:
                compared = _compared(pid, size, (door, path), (front, f"/plain/{key}"), pairs)
                rows.append((name, *compared))
    return rows


def _compared(
    pid: int, size: int, ours: tuple[int, str], theirs: tuple[int, str], pairs: int
) -> tuple[str, ...]:
    """In turn, A B A B; the median of the pairs' ratios."""
    for door in (ours, theirs):
        _throughput(*door, size, 0.5)
    before = _cpu_s(pid)
    found = [(_throughput(*ours, size), _throughput(*theirs, size)) for _ in range(pairs)]
    ranges = sum(a for a, _ in found) * SECONDS * MB / size
    cpu = f"{(_cpu_s(pid) - before) / ranges * 1000:.1f} ms"
    ratio = statistics.median(a / b for a, b in found)
    speeds = (f"{statistics.median(one):.0f} MB/s" for one in zip(*found, strict=True))
    return (f"{size // MB} MB", f"{ratio:.2f}", *speeds, cpu)


def _cpu_s(pid: int) -> float:
    """Of the process, the kernel's part for it included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _throughput(port: int, path: str, size: int, seconds: float = SECONDS) -> float:
    """MB a second over all clients."""
    counts = [0] * CLIENTS
    until = time.monotonic() + seconds

    def fetch(number: int) -> None:
        buffer = memoryview(bytearray(4 * MB))
        with socket.create_connection(("127.0.0.1", port), timeout=30) as link:
            start = number * size
            while time.monotonic() < until:
                counts[number] += _fetched(link, path, start % (SIZE - size), size, buffer)
                start += size

    started = time.monotonic()
    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / MB / (time.monotonic() - started)


def _fetched(link: socket.socket, path: str, start: int, size: int, buffer: memoryview) -> int:
    wanted = f"bytes={start}-{start + size - 1}"
    link.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: {wanted}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += link.recv(65_536)
    if not head.startswith(b"HTTP/1.1 206"):
        raise RuntimeError(head.split(b"\r\n")[0].decode())
    left = size - len(head.partition(b"\r\n\r\n")[2])
    while left > 0:
        left -= link.recv_into(buffer, min(left, len(buffer)))
    return size


def _file(settings: dict[str, str], blobs: Path) -> tuple[str, str]:
    """A public preview of SIZE bytes: its key in the store, and its address."""
    made = subprocess.run(
        [sys.executable, "-c", _MAKE, str(SIZE)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    key, path = made.stdout.split()
    assert (blobs / key).stat().st_size == SIZE
    return key, path


_MAKE = """
import os, secrets, sys, tempfile
from pathlib import Path
from catalog import listings, media
from models.base import unit_of_work
from models.clip import Asset, AssetKind, Clip
from models.creator import creator_of
from models.migrations import migrate
from models.recording import Recording
from models.storage import sha256_of, store
migrate()
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "file.mp4"
    with file.open("wb") as out:
        block = os.urandom(1 << 20)
        for _ in range(int(sys.argv[1]) >> 20):
            out.write(block)
    asset = Asset(kind=AssetKind.PREVIEW, sha256=sha256_of(file), suffix=".mp4",
                  size=file.stat().st_size, mime="video/mp4")
    store().put(file, asset.key)
with unit_of_work() as session:
    recording = Recording(creator_id=creator_of(session, "ada").id, sha256=secrets.token_hex(32),
                          name="a.mp4", title="A", size=1)
    session.add(recording)
    session.flush()
    clip = Clip(recording_id=recording.id, spec="x", start_ms=0, end_ms=1000, title="A", tags=[],
                score=0.5, reasons={}, essence_sha256="")
    session.add(clip)
    session.flush()
    asset.recording_id, asset.clip_id = recording.id, clip.id
    session.add(asset)
    listings.publish(session, clip.id, visible_from_ms=None)
    print(asset.key, media.url(asset))
"""


@contextmanager
def _serving(settings: dict[str, str], port: int) -> Iterator[int]:
    command = [sys.executable, "-m", "workers.cli", "serve", "--port", str(port)]
    child = subprocess.Popen(command, env={**os.environ, **settings, "REELYARD_LOG": "quiet"})
    with _ended(child):
        _wait_for(port)
        yield child.pid


@contextmanager
def _nginx(program: str, folder: Path, blobs: Path, port: int, ours: int) -> Iterator[None]:
    run = folder / f"nginx-{secrets.token_hex(4)}"
    run.mkdir()
    config = run / "nginx.conf"
    config.write_text(NGINX.format(folder=run, blobs=blobs, port=port, ours=ours))
    folder.chmod(0o755)  # its worker may be another user
    with _ended(subprocess.Popen([program, "-c", str(config), "-p", str(run)])):
        _wait_for(port)
        yield


@contextmanager
def _ended(child: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        child.terminate()
        child.wait(timeout=20)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on port {port}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
