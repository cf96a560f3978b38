"""The page of the figures: what they mean, how they went, and what they were counted from."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy.orm import Session

from catalog import figures
from catalog.auth import Visitor
from catalog.entitlements import now_of
from catalog.errors import NotFound
from catalog.figures import months, readers, written
from catalog.figures.shape import Rows
from catalog.offers import moments
from catalog.web import charts
from catalog.web.rendering import page
from catalog.web.visitors import Asking
from models.base import reading

READ = ["GET", "HEAD"]
MOST_ROWS = 120
"""Of a table on a page; its file has all."""
router = APIRouter(include_in_schema=False)
Day = Annotated[str, Query(max_length=20)]
Word = Annotated[str, Query(max_length=200)]


@router.api_route("/figures", methods=READ)
def show(request: Request, visitor: Asking, as_of: Day = "", creator: Word = "") -> Response:
    with reading() as session:
        asked = _asked(session, visitor, as_of, creator)
        found = figures.all_of(session, asked["end_ms"], asked["whose"].creator_id)
    return page(request, "figures.html", figures=found, drawn=charts.drawn, **_shown(asked))


@router.api_route("/figures.csv", methods=READ)
def all_as_csv(visitor: Asking, as_of: Day = "", creator: Word = "") -> Response:
    with reading() as session:
        asked = _asked(session, visitor, as_of, creator)
        found = figures.all_of(session, asked["end_ms"], asked["whose"].creator_id)
    return _file(written.values_as_csv(found, asked["end_ms"]), f"figures-{asked['day']}.csv")


@router.api_route("/figures/{name}.csv", methods=READ)
def as_csv(
    visitor: Asking, name: str, as_of: Day = "", creator: Word = "", table: Word = ""
) -> Response:
    with reading() as session:
        asked = _asked(session, visitor, as_of, creator)
        found = figures.one_of(session, name, asked["end_ms"], asked["whose"].creator_id)
    wanted = [one for one in found.tables if table in ("", one.key)]
    if not wanted:
        raise NotFound("This figure has no such table.")
    return _file(written.table_as_csv(wanted[0]), f"{name}-{wanted[0].key}-{asked['day']}.csv")


@router.api_route("/figures/{name}/rows.csv", methods=READ)
def rows_as_csv(
    request: Request, visitor: Asking, name: str, as_of: Day = "", creator: Word = ""
) -> Response:
    """All of them: what cannot be answered is said before the first line."""
    with reading() as session:
        asked = _asked(session, visitor, as_of, creator)
        whose, end_ms = asked["whose"].creator_id, asked["end_ms"]
        wanted = _wanted(request, figures.filters_of(name))
        first = figures.rows_of(session, name, end_ms, whose, wanted=wanted)

    def pages() -> Iterator[Rows]:
        found = first
        yield found
        while found.after:
            with reading() as session:
                found = figures.rows_of(
                    session, name, end_ms, whose, wanted=wanted, after=found.after
                )
            yield found

    return StreamingResponse(
        written.rows_csv(pages()),
        media_type="text/csv; charset=utf-8",
        headers=_headers(f"{name}-rows-{asked['day']}.csv"),
    )


@router.api_route("/figures/{name}", methods=READ)
def rows(
    request: Request,
    visitor: Asking,
    name: str,
    as_of: Day = "",
    creator: Word = "",
    after: Word = "",
) -> Response:
    with reading() as session:
        asked = _asked(session, visitor, as_of, creator)
        whose = asked["whose"].creator_id
        found = figures.one_of(session, name, asked["end_ms"], whose)
        wanted = _wanted(request, found.filters)
        listed = figures.rows_of(session, name, asked["end_ms"], whose, wanted=wanted, after=after)
    return page(
        request,
        "figure.html",
        figure=found,
        rows=listed,
        wanted=wanted,
        first=not after,
        **_shown(asked),
    )


def _asked(session: Session, visitor: Visitor, as_of: str, creator: str) -> dict[str, Any]:
    whose = readers.whose(session, visitor, creator)
    now = now_of(session)
    day = readers.day(as_of, now)
    return {
        "whose": whose,
        "day": day,
        "end_ms": months.end_of(day),
        "today": months.day_of(now + 1),
    }


def _shown(asked: dict[str, Any]) -> dict[str, Any]:
    more = {"cell": written.shown, "is_month": charts.is_month, "moments": moments.NAMES}
    return {**asked, **more, "most": MOST_ROWS}


def _wanted(request: Request, filters: tuple[str, ...]) -> dict[str, str]:
    """Empty fields of a form ask for nothing."""
    given = {name: request.query_params.get(name, "")[:200] for name in filters}
    return {name: word for name, word in given.items() if word}


def _file(text: str, name: str) -> Response:
    return Response(text, media_type="text/csv; charset=utf-8", headers=_headers(name))


def _headers(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-cache",
    }
