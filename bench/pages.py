"""P11: catalogue pages a second, against a bare route of the same framework with the same bytes.

Both answer browsers that bring no cookie, each in a process of its own, in turn.

python -m bench.pages [--seconds N] [--pairs N] [--keep]
"""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2

from bench.results import as_table, keep

AT_ONCE = 16
HEAD = ("page", "ours a second", "bare route a second", "ratio")
BARE = """
import sys, uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
app, body = FastAPI(), open(sys.argv[2], encoding="utf-8").read()
@app.get("/")
def page(): return HTMLResponse(body)
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
"""
OURS = """
import sys, uvicorn
from catalog.app import create_app
uvicorn.run(create_app(), port=int(sys.argv[1]), log_level="warning")
"""
SHELVES = """
from bench.shelves import fill
from models.base import engine
from models.migrations import migrate
migrate(); fill(engine(), 2_000)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-") as name:
        rows = measured(Path(name), asked.seconds, asked.pairs)
    table = as_table(HEAD, rows)
    title = f"P11, catalogue page / bare route, {asked.pairs} pairs"
    print(f"{title}\n\n{table}")
    if asked.keep:
        keep(title, "python -m bench.pages", table)


def measured(folder: Path, seconds: float, pairs: int) -> list[tuple[str, ...]]:
    settings = {**os.environ, "REELYARD_DATA": str(folder / "data")}
    subprocess.run([sys.executable, "-c", SHELVES], env=settings, check=True)
    port = _free_port()
    ours = _serving(OURS, settings, port)
    rows = []
    try:
        for path in ("/", "/?q=bafe&order=score"):
            body = _answer(port, path)
            (folder / "page.html").write_text(body, encoding="utf-8")
            bare_port = _free_port()
            bare = _serving(BARE, settings, bare_port, str(folder / "page.html"))
            try:
                rates = [
                    (_rate(port, path, seconds), _rate(bare_port, "/", seconds))
                    for _ in range(pairs)
                ]
            finally:
                _stop(bare)
            ratio = sorted(a / b for a, b in rates)[len(rates) // 2]
            shown = f"{path} ({len(body) / 1000:.0f} kB)"
            rows.append((shown, f"{rates[0][0]:.0f}", f"{rates[0][1]:.0f}", f"{ratio:.2f}"))
    finally:
        _stop(ours)
    return rows


def _rate(port: int, path: str, seconds: float) -> float:
    return asyncio.run(_load(port, path, seconds))


async def _load(port: int, path: str, seconds: float) -> float:
    """Keep-alive connections that each ask again as soon as they are answered."""
    done, until = 0, time.monotonic() + seconds
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()

    async def one() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < until:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode("latin-1")[:200])
            length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            done += 1
        writer.close()

    started = time.monotonic()
    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return done / (time.monotonic() - started)


def _serving(
    program: str, settings: dict[str, str], port: int, *words: str
) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", program, str(port), *words], env=settings)
    for _ in range(600):
        try:
            _answer(port, "/")
            return child
        except httpx2.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")


def _answer(port: int, path: str) -> str:
    answer = httpx2.get(f"http://127.0.0.1:{port}{path}", headers={"Accept-Encoding": "identity"})
    answer.raise_for_status()
    return answer.text


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    child.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
