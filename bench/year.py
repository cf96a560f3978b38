"""A year of members on a simulated clock, through the real engine, the sandbox's books and the
ledger; an independent model keeps the totals that the books and every figure must equal.

python -m bench.year [--members N] [--visits N] [--seed N] [--ticks N] [--database URL] [--keep]:
ends with exit 1 and what differs where anything does.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime

from bench import year_clock
from bench.results import as_table, keep
from bench.year_books import Books
from bench.year_model import DAY_MS, Model
from bench.year_people import People
from bench.year_visitors import Visitors
from models.base import engine
from models.migrations import migrate
from models.settings import settings

START = date(2028, 1, 1)
"""A leap year, whole."""
DAYS = 366
HEAD = (
    *("month", "members", "paying", "recurs in a month", "visits", "bought", "uplift"),
    *("licensing", "clips that earned", "paid", "went back", "held"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=1_000)
    parser.add_argument("--visits", type=int, help="as many as members where nothing is said")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ticks", type=int, default=4, help="how often a day the timer comes")
    parser.add_argument("--database")
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-") as folder:
        os.environ["REELYARD_DATA"] = folder
        if asked.database:
            os.environ["REELYARD_DATABASE_URL"] = asked.database
        settings.cache_clear()
        migrate()
        gc.freeze()
        started = time.monotonic()
        done = lived(
            asked.members, asked.seed, visits=asked.visits, ticks_a_day=asked.ticks, tell=True
        )
        took_s, cpu_s = time.monotonic() - started, time.process_time()
        kind = engine().dialect.name
        engine().dispose()
    title = f"A year of {asked.members:,} members, seed {asked.seed}, {kind}: {took_s:.0f} s, "
    title += "the books and all figures equal the known totals" if not done.wrong else "WRONG"
    said = f"{done.told} {cpu_s:.0f} s of processor time in this process."
    print(f"{title}\n\n{said}\n\n{as_table(HEAD, done.rows)}")
    for one in done.wrong:
        print(one)
    if asked.keep and not done.wrong:
        table = f"{said}\n\n{as_table(HEAD, done.rows)}"
        keep(title, f"python -m bench.year {' '.join(sys.argv[1:])}", table)
    sys.exit(1 if done.wrong else 0)


@dataclass
class Done:
    rows: list[tuple[str, ...]]
    """One for each month that ended."""
    wrong: list[str]
    """All that differed, in words."""
    told: str


def lived(
    members: int,
    seed: int,
    *,
    visits: int | None = None,
    ticks_a_day: int = 4,
    days: int = DAYS,
    tell: bool = False,
) -> Done:
    first = int(datetime(START.year, START.month, START.day, tzinfo=UTC).timestamp()) * 1000
    books = Books()
    with year_clock.simulated(first) as clock:
        people = People(clock, Model(), members, seed, first, days)
        many = members if visits is None else visits
        visitors = Visitors(clock, people.model, many, seed, first, days)
        ends: list[int] = []
        for tick in range(1, days * ticks_a_day + 1):
            at = first + tick * DAY_MS // ticks_a_day
            visitors.live(at)
            people.live(at)
            visitors.model.refunds_arrive(at)
            if tick % ticks_a_day == 0 and datetime.fromtimestamp(at / 1000, UTC).day == 1:
                ends.append(at)
                row = books.checked(people.model, visitors.model, at)
                if tell:
                    print(" ".join(row), flush=True)
        for at in ends:  # what came afterwards changes nothing
            books.figures_checked(people.model, visitors.model, at)
        wrong = [*books.wrong, *people.engine.wrong, *visitors.wrong]
        return Done(books.rows, wrong, books.told(people.model, visitors.model))


if __name__ == "__main__":
    main()
