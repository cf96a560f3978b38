"""A year of members on a simulated clock, through the real engine, the sandbox's books and the
ledger; an independent model keeps the totals that the books and every figure must equal.

python -m bench.year [--members N] [--seed N] [--ticks N] [--database URL] [--keep]: ends with exit
1 and what differs where anything does.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from datetime import UTC, date, datetime

from bench import year_books
from bench.results import as_table, keep
from bench.year_engine import Engine
from bench.year_model import DAY_MS
from bench.year_people import People
from models.base import engine
from models.migrations import migrate
from models.settings import settings

START = date(2028, 1, 1)
"""A leap year, whole."""
DAYS = 366
HEAD = ("month", "members", "paying", "recurs in a month", "paid", "went back", "held")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=1_000)
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
        rows, wrong = lived(asked.members, asked.seed, ticks_a_day=asked.ticks, tell=True)
        took_s = time.monotonic() - started
        kind = engine().dialect.name
        engine().dispose()
    title = f"A year of {asked.members:,} members, seed {asked.seed}, {kind}: {took_s:.0f} s, "
    title += "the books and all figures equal the known totals" if not wrong else "WRONG"
    print(f"{title}\n\n{as_table(HEAD, rows)}")
    for one in wrong:
        print(one)
    if asked.keep and not wrong:
        keep(title, f"python -m bench.year --members {asked.members}", as_table(HEAD, rows))
    sys.exit(1 if wrong else 0)


def lived(
    members: int, seed: int, *, ticks_a_day: int = 4, days: int = DAYS, tell: bool = False
) -> tuple[list[tuple[str, ...]], list[str]]:
    """A row for each month that ended, and all that differed."""
    first = int(datetime(START.year, START.month, START.day, tzinfo=UTC).timestamp()) * 1000
    made = Engine(first)
    people = People(made, members, seed, first, days)
    rows: list[tuple[str, ...]] = []
    wrong: list[str] = []
    ends: list[int] = []
    for tick in range(1, days * ticks_a_day + 1):
        at = first + tick * DAY_MS // ticks_a_day
        people.live(at)
        if tick % ticks_a_day == 0 and datetime.fromtimestamp(at / 1000, UTC).day == 1:
            ends.append(at)
            row, differs = year_books.checked(people.model, at)
            rows.append(row)
            wrong += differs
            if tell:
                print(" ".join(row), flush=True)
    for at in ends:  # what came afterwards changes nothing
        wrong += year_books.figures_differ(people.model, at)
    return rows, wrong + made.wrong


if __name__ == "__main__":
    main()
