"""Places of the index for an expression, in a bounded time on either database.

SQLite's full text gives places in their order and stops when it has enough. PostgreSQL's GIN
gives all of them, in no order; so what is rare is looked up there, and what is frequent is met
soon on a walk along the index of places. How frequent a word is, is known from its count.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.orm import Session

from catalog.search import words
from catalog.search.asking import Expression, Order
from models.listing import Listing
from models.search import Entry, Word

RARE = 4_000
"""So many can be fetched and put in order at once."""
WINDOW = 4_000
"""Entries that one step of a walk looks at."""
STEPS = 3
TELLING = 100
"""So many matches, met on a walk, tell what there is of each facet when all are too many."""
CANDIDATES = 200
"""Looked at for a phrase in one step."""
LAST_TIER = len(words.TIERS) - 1
Rank = tuple[float, int]
"""Less is better: the tier or the score taken negative, then the place taken negative."""
Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Known:
    """Of a word: how many entries have it, and the newest of them."""

    count: int
    newest: int


class Index:
    """One session's view of it; remembers the counts that it has asked for."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.postgres = session.get_bind().dialect.name == "postgresql"
        self._known: dict[str, Known] = {}
        self._phrased: dict[tuple[tuple[str, ...], ...], dict[int, bool]] = {}

    def learn(self, *asked: Expression) -> None:
        """Ask for the counts of all their words at once."""
        named = {word for one in asked for any_of in one.groups for word in any_of}
        missing = [word for word in named if word not in self._known]
        if missing:
            rows = select(Word.word, Word.count, Word.newest).where(Word.word.in_(missing))
            self._known.update(dict.fromkeys(missing, Known(0, 0)))
            for word, count, newest in self.session.execute(rows):
                self._known[word] = Known(count, newest)

    def at_most(self, asked: Expression) -> int:
        """No more entries than that can match."""
        self.learn(asked)
        return min(
            (sum(self._known[word].count for word in any_of) for any_of in asked.groups),
            default=self.everything,
        )

    def exactly(self, asked: Expression) -> int | None:
        """How many match, where one word's count says it."""
        single = len(asked.groups) == 1 and len(asked.groups[0]) == 1
        if (
            asked.barred
            or asked.phrases
            or asked.barred_phrases
            or not (single or not asked.groups)
        ):
            return None
        return self.at_most(asked)

    @property
    def everything(self) -> int:
        self.learn(Expression(groups=((words.EVERY,),)))
        return self._known[words.EVERY].count

    def newest(self, asked: Expression) -> int:
        """No match has a higher place."""
        self.learn(asked)
        each = [max((self._known[w].newest for w in any_of), default=0) for any_of in asked.groups]
        return min(each, default=1 << 62)

    def by_place(
        self, asked: Expression, but: Expression | None, below: int | None, most: int
    ) -> list[int]:
        """The highest places below that, of what matches `asked` and not `but`."""
        if not self.at_most(asked):
            return []
        top = self.newest(asked) + 1
        below = top if below is None else min(below, top)
        if not self.postgres:
            return self._full_text(asked, but, below, most)
        given = {"query": tsquery(asked, but), "below": below, "most": most}
        if self._is_soon_met(asked, most):
            found = self._numbers(_WALK, **given, window=WINDOW)
            if len(found) == most:
                return found
        return self._numbers(_GIN, **given)

    def by_score(
        self, asked: Expression, after: tuple[float, int] | None, most: int
    ) -> tuple[list[tuple[float, int]], bool]:
        """The best (score, place) after that one. False: there may be more that were not met."""
        if not self.at_most(asked):
            return [], True
        score, place = after or (2.0, 1 << 62)
        given: dict[str, Any] = {"score": score, "place": place}
        if asked.groups and (few := self._few(asked)) is not None:
            narrow = "" if self.postgres else _NARROW
            rows = self._pairs(_SCORES.format(narrow=narrow), places=few, **given)
            return rows[:most], True
        found: list[tuple[float, int]] = []
        size = self._window(asked, most)
        for _ in range(STEPS):
            window = self._pairs(self._score_walk(asked), **given, window=size, **self._said(asked))
            found += [row[:2] for row in window if row[2]]
            if len(found) >= most or len(window) < size:
                return found[:most], True
            given = {"score": window[-1][0], "place": window[-1][1]}
        return [*found, (given["score"], given["place"])], False

    def sample(self, asked: Expression, most: int) -> tuple[list[tuple[int, str]], bool]:
        """Place and facets of matches. False: these are only some of them, none of the oldest."""
        if not self.at_most(asked):
            return [], True
        if not asked.groups and not asked.barred:
            return _cut(self._pairs(_NEWEST_FACETS, most=most + 1), most)
        if not self.postgres:
            query = match(asked, None)
            return _cut(self._pairs(_FULL_TEXT_FACETS, query=query, most=most + 1), most)
        given = {"query": tsquery(asked, None), "most": most + 1}
        if self._is_soon_met(asked, TELLING):
            top = self.newest(asked) + 1
            met = self._pairs(_WALK_FACETS, **given, below=top, window=WINDOW)
            if len(met) >= TELLING:
                return met[:most], False
        return _cut(self._pairs(_GIN_FACETS, **given), most)

    def ranks(self, asked: Expression, places: Iterable[int], order: Order) -> list[Rank]:
        """All of these, which must match, the best first."""
        words_too = [Entry.words] if order == "match" else []
        rows = select(Entry.place, Entry.score, *words_too).where(Entry.place.in_(list(places)))
        tiers = [asked.at(tier).groups[: asked.tiered] for tier in words.TIERS]
        ranks: list[Rank] = []
        for place, score, *said in self.session.execute(rows):
            if order == "score":
                ranks.append((-score, -place))
                continue
            found = set(said[0].split()) if said else set()
            tier = next((n for n, one in enumerate(tiers) if _all_in(one, found)), LAST_TIER)
            ranks.append((tier, -place))
        return sorted(ranks)

    def with_phrases(self, asked: Expression, places: Sequence[int]) -> set[int]:
        """Those of the places whose text has the phrases, and not the barred ones."""
        if not asked.phrases and not asked.barred_phrases:
            return set(places)
        known = self._phrased.setdefault((asked.phrases, asked.barred_phrases), {})
        missing = [place for place in places if place not in known]
        good = self._with_phrases(asked, missing) if missing else set()
        known.update((place, place in good) for place in missing)
        return {place for place in places if known[place]}

    def _with_phrases(self, asked: Expression, places: Sequence[int]) -> set[int]:
        inside = func.strpos if self.postgres else func.instr
        wanted = select(Entry.place).join(Listing, Listing.id == Entry.listing_id)
        wanted = wanted.where(Entry.place.in_(places)).with_hint(Entry, _NARROW, "sqlite")
        for phrase in asked.phrases:
            wanted = wanted.where(inside(Listing.search_text, phrase) > 0)
        for phrase in asked.barred_phrases:
            wanted = wanted.where(inside(Listing.search_text, phrase) == 0)
        return set(self.session.scalars(wanted))

    def _is_soon_met(self, asked: Expression, most: int) -> bool:
        """Whether a walk should meet so many, were the words independent of each other."""
        if self.at_most(asked) <= RARE:
            return False
        expected, everything = float(WINDOW), max(self.everything, 1)
        for any_of in asked.groups:
            count = sum(self._known[word].count for word in any_of)
            expected *= min(count / everything, 1.0)
        return expected >= most

    def _window(self, asked: Expression, most: int) -> int:
        """Twice as many entries as should hold so many matches."""
        if not asked.groups and not asked.barred:
            return most
        return min(WINDOW, 2 * most * max(self.everything, 1) // max(self.at_most(asked), 1) + 20)

    def _few(self, asked: Expression) -> list[int] | None:
        """All places that match where they are few."""
        if self.postgres and self.at_most(asked) > RARE:
            return None
        found = self.by_place(asked, None, None, RARE + 1)
        return found if len(found) <= RARE else None

    def _full_text(
        self, asked: Expression, but: Expression | None, below: int, most: int
    ) -> list[int]:
        if not asked.groups and not asked.barred and but is None:
            return self._numbers(_NEWEST, below=below, most=most)
        return self._numbers(_FULL_TEXT, query=match(asked, but), below=below, most=most)

    def _score_walk(self, asked: Expression) -> str:
        if self.postgres:
            return _SCORE_WALK.format(fits="vector @@ CAST(:query AS tsquery)")
        names = {word: f"w{i}" for i, word in enumerate(_each(asked))}
        has = {w: f"instr(' ' || words || ' ', :{name}) > 0" for w, name in names.items()}
        all_of = [f"({' OR '.join(has[w] for w in any_of)})" for any_of in asked.groups]
        none_of = [f"NOT ({' AND '.join(has[w] for w in barred)})" for barred in asked.barred]
        return _SCORE_WALK.format(fits=" AND ".join((*all_of, *none_of)) or "1")

    def _said(self, asked: Expression) -> dict[str, Any]:
        if self.postgres:
            return {"query": tsquery(asked, None)}
        return {f"w{i}": f" {word} " for i, word in enumerate(_each(asked))}

    def _numbers(self, statement: str, **given: Any) -> list[int]:
        return list(self.session.scalars(text(statement), given))

    def _pairs(self, statement: str, **given: Any) -> list[Any]:
        asked = text(statement)
        if "places" in given:
            asked = asked.bindparams(bindparam("places", expanding=True))
        return [tuple(row) for row in self.session.execute(asked, given)]


def _cut(rows: list[tuple[int, str]], most: int) -> tuple[list[tuple[int, str]], bool]:
    return rows[:most], len(rows) <= most


def match(asked: Expression, but: Expression | None) -> str:
    """As FTS5 reads it. Every word is quoted, and none holds a quote."""
    whole = _all_of(asked.groups, '"', " OR ", " AND ")
    for one in _less(asked, but):
        whole = f"({whole} NOT " + _all_of(one, '"', " OR ", " AND ") + ")"
    return whole


def tsquery(asked: Expression, but: Expression | None) -> str:
    """As PostgreSQL reads it. Every word is quoted, and none holds a quote or a backslash."""
    whole = _all_of(asked.groups, "'", " | ", " & ")
    return " & !".join([whole, *(_all_of(one, "'", " | ", " & ") for one in _less(asked, but))])


def _all_in(groups: Groups, found: set[str]) -> bool:
    return all(not found.isdisjoint(any_of) for any_of in groups)


def _less(asked: Expression, but: Expression | None) -> list[Groups]:
    barred = [tuple((word,) for word in all_of) for all_of in asked.barred]
    return [*barred, *([but.groups] if but else [])]


def _all_of(groups: Groups, quote: str, either: str, both: str) -> str:
    any_of = (
        either.join(f"{quote}{word}{quote}" for word in group)
        for group in groups or ((words.EVERY,),)
    )
    return f"({both.join(f'({one})' for one in any_of)})"


def _each(asked: Expression) -> Iterator[str]:
    found: Mapping[str, None] = dict.fromkeys(
        word for group in (*asked.groups, *asked.barred) for word in group
    )
    yield from found


_NARROW = "INDEXED BY ix_search_entry_facets"
"""On SQLite: all of an entry but its words, many to a page."""
_NEWEST = "SELECT place FROM search_entry WHERE place < :below ORDER BY place DESC LIMIT :most"
_FULL_TEXT = """
    SELECT rowid FROM search_fts WHERE search_fts MATCH :query AND rowid < :below
    ORDER BY rowid DESC LIMIT :most
"""
# A subquery with a limit is done as it stands: the walk is never turned into another plan.
_WALK = """
    SELECT place FROM (
        SELECT place, vector FROM search_entry WHERE place < :below
        ORDER BY place DESC LIMIT :window) AS seen
    WHERE vector @@ CAST(:query AS tsquery) LIMIT :most
"""
_GIN = """
    WITH found AS MATERIALIZED (
        SELECT place FROM search_entry
        WHERE vector @@ CAST(:query AS tsquery))
    SELECT place FROM found WHERE place < :below ORDER BY place DESC LIMIT :most
"""
_SCORES = """
    SELECT score, place FROM search_entry {narrow} WHERE place IN :places
      AND (score < :score OR (score = :score AND place < :place))
    ORDER BY score DESC, place DESC
"""
_SCORE_WALK = """
    SELECT score, place, {fits} FROM (
        SELECT * FROM search_entry WHERE (score, place) < (:score, :place)
        ORDER BY score DESC, place DESC LIMIT :window) AS seen
    ORDER BY score DESC, place DESC
"""
_NEWEST_FACETS = "SELECT place, facets FROM search_entry ORDER BY place DESC LIMIT :most"
_FULL_TEXT_FACETS = """
    SELECT place, facets FROM (
        SELECT rowid AS found FROM search_fts WHERE search_fts MATCH :query
        ORDER BY rowid DESC LIMIT :most) AS matching
    JOIN search_entry INDEXED BY ix_search_entry_facets ON place = found
"""
_WALK_FACETS = """
    SELECT place, facets FROM (
        SELECT place, vector, facets FROM search_entry WHERE place < :below
        ORDER BY place DESC LIMIT :window) AS seen
    WHERE vector @@ CAST(:query AS tsquery) LIMIT :most
"""
_GIN_FACETS = """
    SELECT place, facets FROM search_entry WHERE vector @@ CAST(:query AS tsquery) LIMIT :most
"""
