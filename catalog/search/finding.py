"""Find listings: one ranking rule, in pages, with what is said and how many there are of what."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVarTuple

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from catalog.errors import BadRequest
from catalog.search import asking, facets, words
from catalog.search.asking import Expression, Order, Wanted
from catalog.search.entries import all_words, facet_words
from catalog.search.facets import Facets
from catalog.search.hits import Hit, hits
from catalog.search.lookup import CANDIDATES, LAST_TIER, Index, Rank
from models.clip import Clip
from models.listing import Listing, is_public
from models.pool import PoolMember
from models.recording import Recording
from models.search import Entry

PAGE_LIMIT = 96
COUNTED = 1_000
"""More matches than that are not counted."""
FEW = 400
"""Matches that are read and ranked at once; of more, the index gives the first."""
PHRASE_STEPS = 3
Row = TypeVarTuple("Row")


@dataclass(frozen=True)
class Page:
    listings: Sequence[Listing]
    total: int
    exact: bool
    """False: there are more than `total`."""
    facets: Facets
    next_cursor: str | None
    hits: dict[str, Hit] = field(default_factory=dict)
    """By the listing's id: where the words are said."""


@dataclass(frozen=True)
class Relaxed:
    """The same search without one of its filters or words."""

    field: str
    dropped: str
    wanted: Wanted
    total: int
    exact: bool


Cursor = tuple[int, int] | tuple[float, int]


def find(session: Session, wanted: Wanted, cursor: str | None = None, limit: int = 24) -> Page:
    """One page of what can be had now. Raises BadRequest for a cursor that isn't ours.

    All words must be somewhere in a listing; the last one may be a beginning. Best first means:
    all words in the title, before all in title and tags, before all in title, tags, creator,
    series and recording, before all anywhere, which takes in what is said. Among equals the
    later day comes first, then within a day the better score. `newest` leaves the words' places
    out of it; `score` orders by the score alone. The rule is the same on both databases.
    """
    limit = min(limit, PAGE_LIMIT)
    index, asked = Index(session), _expression(session, wanted)
    order = _order(wanted, asked)
    at = _read(cursor, order) if cursor else None
    met = _met(index, asked)
    if met and met.whole and len(met.facets) <= FEW:
        found, after = _among(index.ranks(asked, met.facets, order), order, at, limit)
    else:
        by_score = order == "score"
        found, after = (_by_score if by_score else _by_place)(index, asked, order, at, limit)
    listings = loaded(session, found)
    total, exact, counted = _counted(session, index, asked, met)
    return Page(
        listings=listings,
        total=total,
        exact=exact,
        facets=counted,
        next_cursor=after,
        hits=hits(session, listings, asked.plain_words) if asked.tiered else {},
    )


def matches(session: Session, wanted: Wanted | str, listing: Listing) -> bool:
    """Whether a search would find that listing, were it public. For the rules of pools."""
    wanted = Wanted(query=wanted) if isinstance(wanted, str) else wanted
    cleared = bool(wanted.license) and facets.needs_clearing(session, wanted.license)
    asked = asking.expression(wanted, asking.none, cleared)
    pools = select(PoolMember.pool_id).where(
        PoolMember.listing_id == listing.id, PoolMember.removed_ms.is_(None)
    )
    labelled = facet_words(listing, listing.clip, session.scalars(pools).all())
    found = set(all_words(listing, listing.clip, labelled))
    last = asked.groups[asked.tiered - 1] if asked.tiered else ()
    if last and not wanted.query.rstrip().endswith('"'):
        begun = {word for word in found if word.startswith(last[0])}
        groups = list(asked.groups)
        groups[asked.tiered - 1] = (*last, *begun)
        asked = replace(asked, groups=tuple(groups))
    return asked.fits(found, listing.search_text)


def relaxed(session: Session, wanted: Wanted) -> Sequence[Relaxed]:
    """For a search that found nothing: each filter or word whose absence would find something."""
    index, offers = Index(session), []
    for name, dropped, fewer in _fewer(wanted):
        asked = _expression(session, fewer)
        total, exact, _ = _counted(session, index, asked, _met(index, asked), facets_too=False)
        if total:
            offers.append(Relaxed(name, dropped, fewer, total, exact))
    return offers


def with_clip(wanted: Select[*Row]) -> Select[*Row]:
    """Everything a card shows, in a fixed number of queries."""
    return wanted.options(
        contains_eager(Listing.clip).options(
            selectinload(Clip.assets),
            joinedload(Clip.recording).joinedload(Recording.creator),
        ),
        selectinload(Listing.tags),
    )


def _fewer(wanted: Wanted) -> list[tuple[str, str, Wanted]]:
    found: list[tuple[str, str, Wanted]] = []
    pieces = [match[0] for match in asking._PIECE.finditer(wanted.query)][: asking.MOST_WORDS]
    for i, piece in enumerate(pieces):
        rest = " ".join((*pieces[:i], *pieces[i + 1 :]))
        found.append(("query", piece, replace(wanted, query=rest)))
    for name in ("event_kinds", "tags", "languages"):
        values = getattr(wanted, name)
        for value in values:
            rest_of = tuple(one for one in values if one != value)
            found.append((name, value, _changed(wanted, name, rest_of)))
    for name in ("creator", "series", "length", "license", "price", "pool", "release"):
        if getattr(wanted, name):
            found.append((name, getattr(wanted, name), _changed(wanted, name, "")))
    return found


def _changed(wanted: Wanted, name: str, value: Any) -> Wanted:
    changed: dict[str, Any] = {name: value}
    return replace(wanted, **changed)


def _expression(session: Session, wanted: Wanted) -> Expression:
    cleared = bool(wanted.license) and facets.needs_clearing(session, wanted.license)
    return asking.expression(
        wanted, lambda beginning: asking.completions(session, beginning), cleared
    )


def _order(wanted: Wanted, asked: Expression) -> Order:
    return "newest" if wanted.order == "match" and not asked.tiered else wanted.order


def _among(
    ranks: Sequence[Rank], order: Order, at: Cursor | None, limit: int
) -> tuple[list[int], str | None]:
    """Of few, all are ranked at once; the page marks are those of the other ways."""
    rest = [rank for rank in ranks if at is None or rank > (_better(order, at[0]), -at[1])]
    page = rest[:limit]
    places = [-place for _, place in page]
    if len(rest) <= limit:
        return places, None
    last, place = page[-1]
    return places, f"{_better(order, last)!r}~{-place}"


def _better(order: Order, value: float) -> float:
    """What sorts first: the lower tier, the higher score."""
    return -value if order == "score" else int(value)


def _by_place(
    index: Index, asked: Expression, order: Order, at: Cursor | None, limit: int
) -> tuple[list[int], str | None]:
    """Tier by tier: what a better one holds is left out of the next."""
    tier, below = (int(at[0]), at[1]) if at else (0 if order == "match" else LAST_TIER, None)
    tiers = {n: asked.at(words.TIERS[n]) for n in range(max(tier - 1, 0), len(words.TIERS))}
    index.learn(*tiers.values())
    found: list[tuple[int, int]] = []
    while True:
        but = tiers[tier - 1] if order == "match" and tier else None
        rest = limit + 1 - len(found)
        places, cut = _phrased(index, tiers[tier], but, below, rest)
        found += [(tier, place) for place in places]
        if len(found) > limit:
            return [
                place for _, place in found[:limit]
            ], f"{found[limit - 1][0]}~{found[limit - 1][1]}"
        if cut is not None:
            return [place for _, place in found], f"{tier}~{cut}"
        if tier == LAST_TIER:
            return [place for _, place in found], None
        tier, below = tier + 1, None


def _phrased(
    index: Index, asked: Expression, but: Expression | None, below: int | None, most: int
) -> tuple[list[int], int | None]:
    """With phrases, candidates are looked through. A place: so far, and there may be more."""
    if not asked.phrases and not asked.barred_phrases:
        return index.by_place(asked, but, below, most), None
    found: list[int] = []
    all_of_them = index.by_place(asked, but, below, PHRASE_STEPS * CANDIDATES)
    for start in range(0, len(all_of_them), CANDIDATES):
        candidates = all_of_them[start : start + CANDIDATES]
        good = index.with_phrases(asked, candidates)
        found += [place for place in candidates if place in good]
        if len(found) >= most:
            return found[:most], None
    whole = len(all_of_them) < PHRASE_STEPS * CANDIDATES
    return found, None if whole else all_of_them[-1]


def _by_score(
    index: Index, asked: Expression, order: Order, at: Cursor | None, limit: int
) -> tuple[list[int], str | None]:
    phrased = asked.phrases or asked.barred_phrases
    most = CANDIDATES if phrased else limit + 1
    rows, whole = index.by_score(asked, (float(at[0]), at[1]) if at else None, most)
    seen = rows if whole else rows[:-1]
    good = index.with_phrases(asked, [place for _, place in seen])
    found = [row for row in seen if row[1] in good]
    if len(found) > limit:
        return [place for _, place in found[:limit]], _score_cursor(found[limit - 1])
    more = not whole or (phrased and len(rows) == most)
    return [place for _, place in found], _score_cursor(rows[-1]) if more and rows else None


def _score_cursor(row: tuple[float, int]) -> str:
    return f"{row[0]!r}~{row[1]}"


def _read(cursor: str, order: Order) -> Cursor:
    value, _, place = cursor.partition("~")
    number = r"-?\d{1,3}(\.\d{1,20})?(e-?\d{1,3})?" if order == "score" else rf"[0-{LAST_TIER}]"
    if not re.fullmatch(number, value, re.ASCII) or not re.fullmatch(r"\d{1,18}", place, re.ASCII):
        raise BadRequest("The page mark in this address is damaged. Start from the first page.")
    return (float(value), int(place)) if order == "score" else (int(value), int(place))


def loaded(session: Session, places: Sequence[int]) -> list[Listing]:
    """In that order. Whatever the index says, what is not public is not shown."""
    entries = select(Entry.listing_id, Entry.place).where(Entry.place.in_(places))
    at = dict(session.execute(entries).all())
    # Told as a column: as a condition it tempts SQLite to go through all that is public.
    wanted = select(Listing, is_public()).join(Listing.clip).where(Listing.id.in_(at))
    rows = session.execute(with_clip(wanted)).unique()
    found = {at[listing.id]: listing for listing, public in rows if public}
    return [found[place] for place in places if place in found]


@dataclass(frozen=True)
class Met:
    """What matches, or the newest of it where that is too much."""

    facets: Mapping[int, str]
    """By place."""
    whole: bool


def _met(index: Index, asked: Expression) -> Met | None:
    """None: nothing is asked that would leave anything out."""
    if not (asked.groups or asked.barred or asked.phrases or asked.barred_phrases):
        return None
    phrased = asked.phrases or asked.barred_phrases
    most = PHRASE_STEPS * CANDIDATES if phrased else COUNTED
    rows, whole = index.sample(asked, most)
    good = index.with_phrases(asked, [place for place, _ in rows])
    return Met({place: said for place, said in rows if place in good}, whole)


def _counted(
    session: Session, index: Index, asked: Expression, met: Met | None, *, facets_too: bool = True
) -> tuple[int, bool, Facets]:
    """The total, whether that is all, and the facets."""
    if met is None:
        return index.everything, True, facets.of_everything(session) if facets_too else {}
    found = list(met.facets.values())
    known = index.exactly(asked)
    total = known if known is not None else len(found)
    counted = facets.of_sample(session, found, exact=met.whole) if facets_too else {}
    return total, met.whole or known is not None, counted
