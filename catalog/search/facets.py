"""How many of what was found are of which creator, series, kind, ...: exact, or "at least"."""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from catalog import uses
from catalog.search import bands, words
from models.pool import Pool
from models.search import Word
from models.terms import Terms

NAMES = (
    "kind", "tag", "creator", "series", "language",
    "length", "license", "price", "pool", "release",
)  # fmt: skip
MOST = 12
"""Values of one facet that are shown."""
BANDS = {"length": bands.LENGTHS, "price": bands.PRICES}
_COUNTED = tuple(name for name in NAMES if name != "license")


@dataclass(frozen=True)
class Facet:
    value: str
    label: str
    """As its creator wrote it, or the value again."""
    count: int
    exact: bool
    """False: there are so many, and maybe more."""


Facets = Mapping[str, Sequence[Facet]]


def of_everything(session: Session) -> Facets:
    """Without a search the words' own counts are the answer."""
    counts: dict[str, Counter[str]] = {}
    is_facet = text("facet <> ''")  # as the partial index has it
    for name in _COUNTED:
        rows = select(Word.word, Word.count).where(is_facet, Word.facet == name, Word.count > 0)
        top = session.execute(rows.order_by(Word.count.desc()).limit(MOST))
        counts[name] = Counter(dict(top.all()))
    every = session.scalar(select(Word.count).where(Word.word == words.EVERY)) or 0
    return _shown(session, counts, every, exact=True)


def of_sample(session: Session, found: Iterable[str], *, exact: bool) -> Facets:
    """`found`: the facet words of each match."""
    seen = Counter(word for one in found for word in one.split())
    counts: dict[str, Counter[str]] = {name: Counter() for name in _COUNTED}
    total = 0
    for word, count in seen.items():
        name = word[1 : word.index("=")]
        counts[name][word] = count
        total += count if name == "release" else 0  # each match has one
    return _shown(session, counts, total, exact=exact)


def needs_clearing(session: Session, kind: str) -> bool:
    """Whether that kind of license is given only where the releases are signed."""
    return _kinds(session).get(kind, (kind, False))[1]


def _shown(
    session: Session, counts: Mapping[str, Counter[str]], every: int, *, exact: bool
) -> Facets:
    """`counts`: by the facet's word."""
    top = {name: _top(name, counts[name]) for name in _COUNTED}
    labels = _labels(session, top)
    shown: dict[str, Sequence[Facet]] = {}
    for name, values in top.items():
        named = (Facet(v, labels.get((name, v), v), count, exact) for v, count in values)
        shown[name] = [one for one in named if name != "pool" or (name, one.value) in labels]
    cleared = counts["release"][words.facet("release", "cleared")]
    kinds = _kinds(session).items()
    each = [
        Facet(kind, title, cleared if needs else every, exact) for kind, (title, needs) in kinds
    ]
    shown["license"] = [one for one in each if one.count]
    return {name: shown[name] for name in NAMES}


def _top(name: str, counts: Counter[str]) -> list[tuple[str, int]]:
    """Values, the most frequent first; steps in their own order."""
    if name in BANDS:
        each = [(band.name, counts[words.facet(name, band.name)]) for band in BANDS[name]]
        return [(value, count) for value, count in each if count]
    top = heapq.nsmallest(MOST, counts.items(), key=lambda one: (-one[1], one[0]))
    return [(words.facet_of(word)[1], count) for word, count in top]


def _labels(
    session: Session, top: Mapping[str, Sequence[tuple[str, int]]]
) -> Mapping[tuple[str, str], str]:
    labels = {(n, v): bands.label(b, v) for n, b in BANDS.items() for v, _ in top[n]}
    named = {words.facet(n, v): (n, v) for n in ("creator", "series", "tag") for v, _ in top[n]}
    rows = select(Word.word, Word.label).where(Word.word.in_(named), Word.label != "")
    labels |= {named[word]: label for word, label in session.execute(rows)}
    pools = select(Pool.id, Pool.name).where(
        Pool.id.in_([value for value, _ in top["pool"]]), Pool.closed_ms.is_(None)
    )
    return labels | {("pool", id_): name for id_, name in session.execute(pools)}


def _kinds(session: Session) -> dict[str, tuple[str, bool]]:
    """Its title, and whether releases must be signed."""
    current = select(Terms.kind, Terms.title, Terms.fields).where(Terms.retired_ms.is_(None))
    return {
        kind: (title, uses.Fields.model_validate(fields).release_needed)
        for kind, title, fields in session.execute(current.order_by(Terms.rank))
    }
