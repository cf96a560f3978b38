"""The catalogue page: search, facets whose every filter is in the address, a wall of cards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from catalog import search
from catalog.members import ladder
from catalog.search import Facet, Order, Wanted
from catalog.web import words
from catalog.web.rendering import page, with_query
from catalog.web.visitors import Asking
from models.base import reading
from models.settings import settings

router = APIRouter(include_in_schema=False)
READ = ["GET", "HEAD"]
PAGE = 24
MANY = ("kind", "tag", "language")
"""Filters that may be chosen several times."""
FIELDS = {"q": "query", "kind": "event_kinds", "tag": "tags", "language": "languages"}
"""Where the address has another name than Wanted."""
HEADS = {
    "kind": "Moment",
    "tag": "Tag",
    "creator": "Creator",
    "series": "Series",
    "language": "Language",
    "length": "Length",
    "license": "License",
    "price": "Price from",
    "pool": "Pool",
    "release": "Releases",
}
OPEN = ("kind", "tag", "creator", "length", "price")
"""Facets that stand open from the start."""

Value = Annotated[str, Query(max_length=200)]
Values = Annotated[list[str] | None, Query(max_length=20)]


def wanted_of(
    q: Annotated[str, Query(
        max_length=200, description="All words must match; the last may be a beginning. "
        '"A phrase" as it stands, -word to leave out')] = "",
    creator: Annotated[str, Query(max_length=200, description="A creator's id")] = "",
    series: Value = "",
    kind: Annotated[list[str] | None, Query(
        max_length=20, description="The sign that decided; repeat it: one is enough")] = None,
    tag: Annotated[list[str] | None, Query(
        max_length=20, description="Repeat it: all must match")] = None,
    language: Annotated[list[str] | None, Query(
        max_length=20, description="Repeat it: one is enough")] = None,
    length: Annotated[str, Query(pattern="^(15s|30s|60s|more)?$")] = "",
    license: Annotated[str, Query(  # noqa: A002 (the name in the address)
        max_length=20, description="A kind of license that can be had for it")] = "",
    price: Annotated[str, Query(pattern="^(25|100|500|more)?$", description="From")] = "",
    pool: Annotated[str, Query(max_length=32, description="A pool's id")] = "",
    release: Annotated[str, Query(pattern="^(cleared|editorial|unknown)?$")] = "",
    order: Order = "match",
) -> Wanted:  # fmt: skip
    return Wanted(
        query=q.strip(),
        creator=creator,
        series=series,
        event_kinds=tuple(dict.fromkeys(kind or ())),
        tags=tuple(dict.fromkeys(tag or ())),
        languages=tuple(dict.fromkeys(language or ())),
        length=length,
        license=license,
        price=price,
        pool=pool,
        release=release,
        order=order,
    )


Asked = Annotated[Wanted, Depends(wanted_of)]


@dataclass(frozen=True)
class Choice:
    label: str
    count: str
    url: str
    on: bool


@dataclass(frozen=True)
class Group:
    name: str
    head: str
    choices: Sequence[Choice]
    open: bool


@dataclass(frozen=True)
class Chip:
    label: str
    about: str
    url: str


@router.api_route("/", methods=READ)
def catalogue(
    request: Request,
    visitor: Asking,
    wanted: Asked,
    cursor: Annotated[str | None, Query(max_length=80)] = None,
) -> Response:
    with reading() as session:
        search.reveal_due(session)
        found = search.find(session, wanted, cursor, PAGE)
        offers = [] if found.total else search.relaxed(session, wanted)
        return page(
            request,
            "catalogue.html",
            found=found,
            wanted=wanted,
            total=counted(found.total, exact=found.exact),
            groups=groups(wanted, found.facets),
            chips=chips(wanted, found.facets),
            offers=[_offer(one) for one in offers],
            early=[] if cursor else ladder.strip(session, visitor, wanted),
            first_page=cursor is None,
            here_with=lambda **changed: address(replace(wanted, **changed)),
            next_url=with_query("/", **fields(wanted), cursor=found.next_cursor),
            kept=_kept(wanted),
            saved_as=address(wanted).partition("?")[2],
            inbox=inbox(),
        )


@router.api_route("/suggest", methods=READ)
def suggest(
    request: Request, q: Annotated[str, Query(max_length=200)] = "", form: str = ""
) -> Response:
    """A list to choose from while somebody types; as JSON for programs."""
    with reading() as session:
        found = [(one, suggested(one)) for one in search.suggest(session, q)]
    if form == "json" or "application/json" in request.headers.get("accept", ""):
        rows = [
            {"kind": one.kind, "label": one.label, "count": one.count, "url": url}
            for one, url in found
        ]
        return JSONResponse({"suggestions": rows}, headers={"Cache-Control": "private, max-age=30"})
    return page(request, "_suggest.html", suggestions=found, q=q)


@router.api_route("/search", methods=READ)
def elsewhere(q: Annotated[str, Query(max_length=200)] = "") -> Response:
    return RedirectResponse(with_query("/", q=q), 308)


def suggested(one: search.Suggestion) -> str:
    return f"/clips/{one.value}" if one.kind == "clip" else with_query("/", **{one.kind: one.value})


def fields(wanted: Wanted) -> dict[str, Any]:
    """As the address has them; what says nothing is left out."""
    found = {name: getattr(wanted, FIELDS.get(name, name)) for name in ("q", *HEADS)}
    return {**found, "order": wanted.order if wanted.order != "match" else ""}


def address(wanted: Wanted) -> str:
    return with_query("/", **fields(wanted))


def _kept(wanted: Wanted) -> list[tuple[str, str]]:
    """The hidden fields of the search form: all that is chosen but the words."""
    asked = parse_qsl(address(wanted).partition("?")[2])
    return [(name, value) for name, value in asked if name != "q"]


def groups(wanted: Wanted, facets: search.Facets) -> list[Group]:
    made = []
    for name, head in HEADS.items():
        chosen = _chosen(wanted, name)
        known = [one for one in facets.get(name, ()) if one.value not in chosen]
        here = [_choice(wanted, name, one, on=True) for one in _named(facets, name, chosen)]
        rest = [_choice(wanted, name, one, on=False) for one in known]
        if name in MANY or not chosen:
            here += rest
        if here and (chosen or len(here) > 1 or name in OPEN):
            made.append(Group(name, head, here, bool(chosen) or name in OPEN))
    return made


def chips(wanted: Wanted, facets: search.Facets) -> list[Chip]:
    made = []
    if wanted.query:
        about = f"Remove the words {wanted.query}"
        made.append(Chip(f"“{wanted.query}”", about, address(replace(wanted, query=""))))
    for name, head in HEADS.items():
        for one in _named(facets, name, _chosen(wanted, name)):
            label = value_label(name, one)
            url = address(_without(wanted, name, one.value))
            made.append(Chip(f"{head}: {label}", f"Remove {head.lower()} {label}", url))
    return made


def counted(count: int, *, exact: bool) -> str:
    """1,000+ where there may be more."""
    return f"{count:,}" if exact else f"{count:,}+"


def value_label(name: str, one: Facet) -> str:
    told: dict[str, Callable[[str], str]] = {
        "kind": words.part_label,
        "language": words.language,
        "release": words.release,
    }
    return told[name](one.value) if name in told else one.label


def inbox() -> str:
    """As the operator would write it; an absolute path is nobody else's business."""
    found = settings().resolved_inbox
    return str(found.relative_to(Path.cwd())) if found.is_relative_to(Path.cwd()) else found.name


def _offer(one: search.Relaxed) -> dict[str, str]:
    name = next((short for short, long in FIELDS.items() if long == one.field), one.field)
    label = value_label(name, Facet(one.dropped, one.dropped, 0, exact=True))
    shown = f"“{label}”" if name == "q" else f"{HEADS[name].lower()} {label}"
    if name in ("creator", "pool"):
        shown = f"the {name}"
    total = counted(one.total, exact=one.exact)
    noun = "clip" if one.total == 1 else "clips"
    return {"dropped": shown, "url": address(one.wanted), "total": f"{total} {noun}"}


def _choice(wanted: Wanted, name: str, one: Facet, *, on: bool) -> Choice:
    url = address(_without(wanted, name, one.value) if on else _with(wanted, name, one.value))
    count = counted(one.count, exact=one.exact) if one.count else ""
    return Choice(value_label(name, one), count, url, on)


def _named(facets: search.Facets, name: str, values: Sequence[str]) -> list[Facet]:
    known = {one.value: one for one in facets.get(name, ())}
    return [known.get(value) or Facet(value, _unlisted(name, value), 0, True) for value in values]


def _unlisted(name: str, value: str) -> str:
    """Of a chosen value that nothing was found with: its own word where people can read it."""
    if name == "length":
        return search.band_label(search.LENGTHS, value)
    if name == "price":
        return search.band_label(search.PRICES, value)
    return f"this {name}" if name in ("creator", "pool") else value


def _chosen(wanted: Wanted, name: str) -> Sequence[str]:
    found = getattr(wanted, FIELDS.get(name, name))
    if name in MANY:
        return tuple(found)
    return (found,) if found else ()


def _with(wanted: Wanted, name: str, value: str) -> Wanted:
    new = (*_chosen(wanted, name), value) if name in MANY else value
    return _changed(wanted, name, new)


def _without(wanted: Wanted, name: str, value: str) -> Wanted:
    new = tuple(one for one in _chosen(wanted, name) if one != value) if name in MANY else ""
    return _changed(wanted, name, new)


def _changed(wanted: Wanted, name: str, value: Any) -> Wanted:
    changed: dict[str, Any] = {FIELDS.get(name, name): value}
    return replace(wanted, **changed)
