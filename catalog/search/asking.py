"""What is asked for, and its form as an expression over the words of the index."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.search import words
from models.search import Word

Order = Literal["match", "newest", "score"]
ORDERS: tuple[Order, ...] = get_args(Order)
QUERY_LENGTH = 200
MOST_WORDS = 12
SHORTEST_BEGINNING = 2
COMPLETIONS = 12
"""A word that is still being typed stands for so many, the most frequent of the index."""
_PIECE = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')


@dataclass(frozen=True)
class Wanted:
    """Of event kinds and languages any may be there, of tags all must."""

    query: str = ""
    creator: str = ""
    series: str = ""
    event_kinds: Sequence[str] = ()
    tags: Sequence[str] = ()
    languages: Sequence[str] = ()
    length: str = ""
    """A name of bands.LENGTHS."""
    license: str = ""
    """A kind of terms that can be had for it."""
    price: str = ""
    """A name of bands.PRICES."""
    pool: str = ""
    release: str = ""
    order: Order = "match"

    @property
    def filters(self) -> bool:
        return self != Wanted(query=self.query, order=self.order)


@dataclass(frozen=True)
class Expression:
    """All of `groups`, of each any; none of `barred`, of each all; the phrases as they stand."""

    groups: tuple[tuple[str, ...], ...] = ()
    barred: tuple[tuple[str, ...], ...] = ()
    phrases: tuple[str, ...] = ()
    barred_phrases: tuple[str, ...] = ()
    tiered: int = 0
    """The first so many groups are plain words, which may stand in better and worse places."""

    def at(self, tier: str) -> "Expression":
        """Its plain words at least as well placed as that."""
        placed = tuple(
            tuple(tier + word for word in any_of) for any_of in self.groups[: self.tiered]
        )
        return replace(self, groups=(*placed, *self.groups[self.tiered :]))

    @property
    def plain_words(self) -> list[str]:
        return [word for any_of in self.groups[: self.tiered] for word in any_of]

    def fits(self, found: set[str], text: str) -> bool:
        """Whether a listing with these words and this text is meant."""
        return (
            all(found.intersection(any_of) for any_of in self.groups)
            and not any(found.issuperset(all_of) for all_of in self.barred)
            and all(phrase in text for phrase in self.phrases)
            and not any(phrase in text for phrase in self.barred_phrases)
        )


def expression(
    wanted: Wanted, complete: Callable[[str], Sequence[str]], cleared_only: bool
) -> Expression:
    """`complete`: the words that begin like the last one. A query of signs alone finds nothing."""
    groups: list[tuple[str, ...]] = []
    barred: list[tuple[str, ...]] = []
    phrases: tuple[list[str], list[str]] = ([], [])
    pieces = list(_pieces(wanted.query))
    for not_this, quoted, text in pieces:
        found = list(words.runs(text))[:MOST_WORDS]
        needed = [word for run in found for word in _needed(run)]
        if len(words.sequence(text).split()) > 1 and (quoted or _is_run_of_three(found)):
            phrases[not_this].append(words.sequence(text))
            if not_this:
                continue
        if not_this and needed:
            barred.append(tuple(needed))
        elif not not_this:
            groups += [(word,) for word in needed]
    groups = groups[: 2 * MOST_WORDS]
    if pieces and not groups and not barred and not any(phrases):
        groups = [()]
    if groups and groups[-1] and pieces and not pieces[-1][0] and not pieces[-1][1]:
        groups[-1] = _completed(groups[-1][0], complete)
    return Expression(
        groups=(*groups, *_filters(wanted, cleared_only)),
        barred=tuple(barred),
        phrases=tuple(phrases[False]),
        barred_phrases=tuple(phrases[True]),
        tiered=len(groups),
    )


def completions(session: Session, beginning: str) -> list[str]:
    """The most frequent words of the index that begin so."""
    begins = (Word.word >= beginning) & (Word.word < beginning + "\U0010ffff")
    frequent = select(Word.word).where(begins, Word.count > 0)
    return list(session.scalars(frequent.order_by(Word.count.desc(), Word.word).limit(COMPLETIONS)))


def none(beginning: str) -> list[str]:
    """No completion: the word as it stands."""
    return []


def _pieces(query: str) -> Iterator[tuple[bool, bool, str]]:
    """Barred or not, quoted or not, the text."""
    for found in list(_PIECE.finditer(query[:QUERY_LENGTH]))[:MOST_WORDS]:
        text = found[2] if found[2] is not None else found[3]
        yield bool(found[1]), found[2] is not None, text


def _needed(run: str) -> list[str]:
    return words.pairs(run) if words.is_unspaced(run) and len(run) > 1 else [run]


def _is_run_of_three(found: Sequence[str]) -> bool:
    """Its pairs may stand apart elsewhere; the run is looked for as it is."""
    return len(found) == 1 and words.is_unspaced(found[0]) and len(found[0]) > 2


def _completed(word: str, complete: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    if words.is_unspaced(word) or len(word) < SHORTEST_BEGINNING:
        return (word,)
    return tuple(dict.fromkeys((word, *complete(word))))


def _filters(wanted: Wanted, cleared_only: bool) -> Iterator[tuple[str, ...]]:
    single = ("creator", "series", "length", "price", "pool", "release")
    for name in single:
        value = getattr(wanted, name)
        if value:
            yield (words.facet(name, value),)
    for name, values in (("kind", wanted.event_kinds), ("language", wanted.languages)):
        if values:
            yield tuple(words.facet(name, value) for value in values)
    for tag in words.tags(wanted.tags):
        yield (words.facet("tag", tag),)
    if cleared_only:
        yield (words.facet("release", "cleared"),)
