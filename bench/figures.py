"""P13: what the figures take on a year of many events. `make bench` runs it.

python -m bench.figures [--events N] [--database URL] [--rounds N] [--keep]: member_event,
payment_event, content_session and offer_view together; without a URL on a SQLite file of its own.
A database that has so many already is measured as it is.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bench import histories
from bench.results import as_table, keep
from catalog import figures
from catalog.app import create_app
from catalog.auth import begin_sign_in
from catalog.web.visitors import SIGN_IN
from models.account import Account, Role
from models.base import engine, unit_of_work
from models.creator import Creator
from models.membership import MemberEvent
from models.migrations import migrate
from models.settings import settings

HEAD = ("of", "median ms", "p95 ms", "worst ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--database")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-") as folder:
        os.environ["REELYARD_DATA"] = folder
        if asked.database:
            os.environ["REELYARD_DATABASE_URL"] = asked.database
        settings.cache_clear()
        took_s = ready(asked.events)
        rows, p95 = measured(asked.rounds, Path(folder))
        kind = engine().dialect.name
        engine().dispose()
    table = as_table(HEAD, rows)
    title = f"P13, figures of {asked.events:,} events, {kind}: p95 {p95:.0f} ms"
    print(f"{title} (filled in {took_s:.0f} s)\n\n{table}")
    if asked.keep:
        keep(title, f"python -m bench.figures --events {asked.events}", table)


def ready(events: int) -> float:
    migrate()
    with Session(engine()) as session:
        if session.scalar(select(func.count()).select_from(MemberEvent)):
            return 0.0
    started = time.monotonic()
    histories.fill(engine(), events)
    return time.monotonic() - started


def measured(rounds: int, folder: Path) -> tuple[list[tuple[str, ...]], float]:
    end_ms = figures.end_of(histories.LAST_DAY)
    with TestClient(create_app(), base_url=settings().base_url) as client:
        client.cookies.set(SIGN_IN, _staff())
        day = histories.LAST_DAY.isoformat()
        creator = _busiest()
        kinds: dict[str, Callable[[], None]] = {
            "page, the house": lambda: _page(client, f"/figures?as_of={day}"),
            "page, one creator": lambda: _page(client, f"/figures?as_of={day}&creator={creator}"),
            "API, the house": lambda: _page(client, f"/api/v1/figures?as_of={day}"),
        }
        kinds |= {f"figure {name}": _one(name, end_ms) for name in figures.FIGURES}
        rows, p95 = _told(kinds, rounds)
    command = [sys.executable, "-m", "workers.cli", "kpis", "--as-of", day, "--json"]
    times = []
    for _ in range(max(3, rounds // 3)):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append((time.perf_counter() - started) * 1000)
    return [*rows, ("`reelyard kpis`, the whole process", *_sums(times))], p95


def _told(kinds: dict[str, Callable[[], None]], rounds: int) -> tuple[list[tuple[str, ...]], float]:
    """In turn, so that a machine whose speed drifts slows all of them; p95 of the house's page."""
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for round_ in range(rounds + 1):
        for name, ask in kinds.items():
            started = time.perf_counter()
            ask()
            if round_:  # the first ones fill the caches of a process that has just begun
                taken[name].append((time.perf_counter() - started) * 1000)
    rows = [(name, *_sums(times)) for name, times in taken.items()]
    return rows, _p95(taken["page, the house"])


def _page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:300]}")


def _one(name: str, end_ms: int) -> Callable[[], None]:
    def ask() -> None:
        with Session(engine().execution_options(reads=True)) as session:
            figures.one_of(session, name, end_ms)

    return ask


def _staff() -> str:
    with unit_of_work() as session:
        email = "staff@example.org"
        found = session.scalars(select(Account).filter_by(email=email)).first()
        if found is None:
            found = Account(email=email, name="Staff", roles=[Role.STAFF], verified_ms=1)
            session.add(found)
            session.flush()
        return begin_sign_in(session, found)


def _busiest() -> str:
    """Most of what is there is the first one's."""
    with unit_of_work() as session:
        session.execute(update(Creator).where(Creator.slug == "c0").values(members_ms=1))
    return "c0"


def _sums(times: list[float]) -> tuple[str, str, str]:
    return f"{statistics.median(times):.0f}", f"{_p95(times):.0f}", f"{max(times):.0f}"


def _p95(times: list[float]) -> float:
    """The nearest rank: of ten the worst."""
    ordered = sorted(times)
    return ordered[-(-len(ordered) * 95 // 100) - 1]


if __name__ == "__main__":
    main()
