"""P10: what a search takes, by the kind of query. `make bench` runs it.

python -m bench.search [--listings N] [--database URL] [--rounds N] [--keep]: without a URL on a
SQLite file of its own; a database that has so many listings already is measured as it is.
"""

import argparse
import gc
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from bench import shelves
from bench.results import as_table, keep
from catalog import search
from catalog.search import Wanted
from models.base import engine
from models.listing import Listing
from models.migrations import migrate
from models.search import Word

HEAD = ("query", "median ms", "p95 ms", "worst ms", "found")
LEAST_OF_COMMON = 0.05
"""A common word is in so many of the listings, or more."""
Query = Callable[[Session, random.Random], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listings", type=int, default=20_000)
    parser.add_argument("--database")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-") as folder:
        bound = engine(asked.database or f"sqlite:///{Path(folder) / 'search.db'}")
        took_s = ready(bound, asked.listings)
        rows, p95 = measured(bound, asked.rounds)
        bound.dispose()
    table = as_table(HEAD, rows)
    title = f"P10, search at {asked.listings:,} listings, {bound.dialect.name}: p95 {p95:.1f} ms"
    print(f"{title} (filled in {took_s:.0f} s)\n\n{table}")
    if asked.keep:
        keep(title, f"python -m bench.search --listings {asked.listings}", table)


def ready(bound: Engine, listings: int) -> float:
    """Fills it where it is not full; answers how long that took."""
    migrate(bound.url.render_as_string(hide_password=False))
    with Session(bound) as session:
        if (session.scalar(select(func.count()).select_from(Listing)) or 0) >= listings:
            return 0.0
    started = time.monotonic()
    shelves.fill(bound, listings)
    return time.monotonic() - started


def measured(bound: Engine, rounds: int) -> tuple[list[tuple[str, ...]], float]:
    """In turn, query by query, so that a machine whose speed drifts slows all of them."""
    with Session(bound) as session:
        queries = dict(mix(session))
    gc.freeze()  # as the web server does when it has started
    chance = random.Random(7)
    taken: dict[str, list[float]] = {name: [] for name in queries}
    found: dict[str, object] = {}
    for round_ in range(rounds + 2):
        for name, query in queries.items():
            started = time.perf_counter()
            with Session(bound.execution_options(reads=True)) as session:
                answer = query(session, chance)
            if round_ > 1:  # the first ones fill the caches of a process that has just begun
                taken[name].append((time.perf_counter() - started) * 1000)
            found[name] = answer
    rows = [(name, *_told(times), _size(found[name])) for name, times in taken.items()]
    everything = [one for times in taken.values() for one in times]
    return [*rows, ("all", *_told(everything), "")], _p95(everything)


def mix(session: Session) -> Iterator[tuple[str, Query]]:
    every = session.scalar(select(Word.count).where(Word.word == "@all")) or 1
    plain = select(Word.word).where(
        Word.facet == "", Word.word.not_like("%:%"), Word.word != "@all"
    )
    common = session.scalars(plain.where(Word.count > every * LEAST_OF_COMMON)).all()
    middling = session.scalars(
        plain.where(Word.count.between(every * 0.002, every * 0.02)).limit(2_000)
    ).all()
    rare = session.scalars(plain.where(Word.count.between(5, 60)).limit(2_000)).all()
    tags = session.scalars(select(Word.label).where(Word.facet == "tag", Word.count > 20)).all()
    creators = session.scalars(select(Word.word).where(Word.facet == "creator")).all()

    def some(words: list[str], *more: list[str]) -> Query:
        lists = (words, *more)
        return lambda s, c: search.find(s, Wanted(query=" ".join(c.choice(w) for w in lists) + " "))

    yield "a common word", some(list(common))
    yield "a middling word", some(list(middling))
    yield "a rare word", some(list(rare))
    yield "two common words", some(list(common), list(common))
    yield "a common and a rare word", some(list(common), list(rare))
    yield "two middling words", some(list(middling), list(middling))
    yield from _narrowed(common, middling, tags, creators)
    yield "nothing asked", lambda s, c: search.find(s, Wanted())
    yield "nothing asked, by score", lambda s, c: search.find(s, Wanted(order="score"))
    deep = search.find(session, Wanted(order="score"), f"0.5~{1 << 50}").next_cursor
    yield "deep in the pages, by score", lambda s, c: search.find(s, Wanted(order="score"), deep)
    middle = session.scalar(select(func.avg(Word.newest)).where(Word.facet == "tag")) or 0
    yield (
        "deep in the pages",
        lambda s, c: search.find(
            s, Wanted(query=c.choice(common) + " "), f"3~{int(middle) - (40 << 30)}"
        ),
    )
    yield "suggestions", lambda s, c: search.suggest(s, c.choice(tags)[: c.randrange(1, 5)])


def _narrowed(
    common: Sequence[str], middling: Sequence[str], tags: Sequence[str], creators: Sequence[str]
) -> Iterator[tuple[str, Query]]:
    yield (
        "a word that is being typed",
        lambda s, c: search.find(s, Wanted(query=c.choice(middling)[:3])),
    )
    yield (
        "a phrase of two common words",
        lambda s, c: search.find(s, Wanted(query=f'"{c.choice(common)} {c.choice(common)}"')),
    )
    yield (
        "a word, not another",
        lambda s, c: search.find(s, Wanted(query=f"{c.choice(middling)} -{c.choice(common)} ")),
    )
    yield (
        "a word, tag and language",
        lambda s, c: search.find(
            s, Wanted(query=c.choice(common) + " ", tags=[c.choice(tags)], languages=["en", "de"])
        ),
    )
    yield "a creator, kind, length and price", lambda s, c: search.find(
        s,
        Wanted(
            creator=c.choice(creators).partition("=")[2],
            event_kinds=["cheer"], length="30s", price="100",
        ),
    )  # fmt: skip
    yield (
        "a tag, by score",
        lambda s, c: search.find(s, Wanted(tags=[c.choice(tags)], order="score")),
    )
    yield (
        "a common word, by score",
        lambda s, c: search.find(s, Wanted(query=c.choice(common), order="score")),
    )


def _told(times: list[float]) -> tuple[str, str, str]:
    return f"{statistics.median(times):.1f}", f"{_p95(times):.1f}", f"{max(times):.1f}"


def _p95(times: list[float]) -> float:
    return sorted(times)[min(int(len(times) * 0.95), len(times) - 1)]


def _size(answer: object) -> str:
    if isinstance(answer, search.Page):
        return f"{answer.total:,}{'' if answer.exact else '+'}"
    return f"{len(answer)}" if isinstance(answer, list) else ""


if __name__ == "__main__":
    main()
