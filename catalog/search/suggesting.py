"""What somebody who types may mean: titles, tags, creators, series."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.search import asking, words
from catalog.search.asking import Wanted
from catalog.search.lookup import Index
from models.clip import Clip
from models.listing import Listing, is_public
from models.search import Entry, Start, Word

NAMES = 6
TITLES = 4
BEGINNINGS = 1_000
"""Looked at for the most frequent among them."""


@dataclass(frozen=True)
class Suggestion:
    kind: str
    """tag, creator, series or clip."""
    label: str
    value: str
    """Of the filter, or the clip's id."""
    count: int


def suggest(session: Session, typed: str) -> list[Suggestion]:
    """Those that begin so, the most frequent first; then titles that hold all the words."""
    typed = typed[: asking.QUERY_LENGTH]
    beginning = words.sequence(typed).strip()[:80]
    if not beginning:
        return []
    return [*_names(session, beginning), *_titles(session, typed)]


def _names(session: Session, beginning: str) -> list[Suggestion]:
    begins = (Start.start >= beginning) & (Start.start < beginning + "\U0010ffff")
    begun = select(Start.word).where(begins).order_by(Start.start).limit(BEGINNINGS).subquery()
    wanted = select(Word.word, Word.label, Word.count).where(
        Word.word.in_(select(begun.c.word)), Word.count > 0
    )
    found = []
    for word, label, count in session.execute(
        wanted.order_by(Word.count.desc(), Word.word).limit(NAMES)
    ):
        kind, value = words.facet_of(word)
        found.append(Suggestion(kind, label or value, value, count))
    return found


def _titles(session: Session, typed: str) -> list[Suggestion]:
    asked = asking.expression(
        Wanted(query=typed), lambda beginning: asking.completions(session, beginning), False
    )
    places = Index(session).by_place(asked.at(words.TIERS[0]), None, None, TITLES)
    ids = list(session.scalars(select(Entry.listing_id).where(Entry.place.in_(places))))
    rows = select(Clip.id, Clip.title, is_public()).join(Listing, Listing.clip_id == Clip.id)
    rows = rows.where(Listing.id.in_(ids)).order_by(Listing.visible_from_ms.desc())
    return [
        Suggestion("clip", title, id_, 1) for id_, title, public in session.execute(rows) if public
    ]
