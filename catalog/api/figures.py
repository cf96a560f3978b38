"""Figures, for programs."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from catalog import figures
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS
from catalog.auth import Visitor
from catalog.entitlements import now_of
from catalog.figures import months, readers, written
from catalog.figures.shape import Cell
from models.base import reading

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["Figures"])
Reads = Annotated[Visitor, scope("figures:read")]
Day = Annotated[
    str, Query(max_length=20, description="A day like 2026-03-31, by UTC; empty: today")
]
Slug = Annotated[
    str, Query(max_length=200, description="Whose: a creator's name in addresses; empty: your own")
]
After = Annotated[str, Query(max_length=240, description="`next_cursor` of the page before")]


UNITS = (
    "count; cents, or millicents (thousandths of a cent), in the currency beside it; share (of "
    "one); points (a difference of two shares); month (2026-03); moment (milliseconds since 1970, "
    "UTC); text"
)


class ValueShape(BaseModel):
    label: str
    unit: str = Field(description=UNITS)
    amount: int | float | None = Field(description="null where there is nothing to tell it of yet")
    currency: str
    note: str


class ColumnShape(BaseModel):
    key: str
    title: str
    unit: str = Field(description=UNITS)


class FigureShape(BaseModel):
    name: str = Field(description="mrr, members, conversion, offers, fulfilment, licensing ...")
    title: str
    definition: str = Field(description="What is counted, and what is not")
    values: list[ValueShape]
    tables: dict[str, list[dict[str, Cell]]] = Field(
        description="By name, newest first; two currencies are two rows, never one sum"
    )
    columns: dict[str, list[ColumnShape]] = Field(description="Of each table, in order")


class FiguresShape(BaseModel):
    as_of: str
    figures: list[FigureShape]


class RowsShape(BaseModel):
    as_of: str
    rows: list[dict[str, Cell]]
    next_cursor: str | None


@router.get("/figures", summary="All figures as of the end of a day")
def list_figures(visitor: Reads, as_of: Day = "", creator: Slug = "") -> FiguresShape:
    """Of your own clips and members, or of the house for staff. Computed from what happened before
    the end of that day; asked again later they are the same. `reelyard kpis --json` prints just
    this."""
    with reading() as session:
        end_ms, whose = _asked(session, visitor, as_of, creator)
        found = figures.all_of(session, end_ms, whose)
    return FiguresShape.model_validate(written.as_data(found, end_ms))


@router.get("/figures/{name}", summary="One figure as of the end of a day")
def get_figure(visitor: Reads, name: str, as_of: Day = "", creator: Slug = "") -> FigureShape:
    with reading() as session:
        end_ms, whose = _asked(session, visitor, as_of, creator)
        found = figures.one_of(session, name, end_ms, whose)
    return FigureShape.model_validate(written.one_as_data(found))


@router.get("/figures/{name}/rows", summary="What a figure was counted from")
def list_figure_rows(
    request: Request,
    visitor: Reads,
    name: str,
    as_of: Day = "",
    creator: Slug = "",
    cursor: After = "",
    month: Annotated[str, Query(max_length=7, description="Of this month, like 2026-03")] = "",
) -> RowsShape:
    """Newest first. More can be asked for by the figure's own columns: `tier`, `currency`,
    `what`, `movement`, `arm`, `bought`, `kind`, `answer`, `way`."""
    wanted: dict[str, Any] = {"month": month} if month else {}
    with reading() as session:
        end_ms, whose = _asked(session, visitor, as_of, creator)
        given = request.query_params
        names = figures.filters_of(name)
        wanted |= {one: given[one][:200] for one in names if given.get(one)}
        found = figures.rows_of(session, name, end_ms, whose, wanted=wanted, after=cursor)
    keys = [column.key for column in found.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in found.rows]
    day = months.day_of(end_ms).isoformat()
    return RowsShape(as_of=day, rows=rows, next_cursor=found.after or None)


def _asked(session: Session, visitor: Visitor, as_of: str, creator: str) -> tuple[int, str | None]:
    whose = readers.whose(session, visitor, creator)
    day = readers.day(as_of, now_of(session))
    return months.end_of(day), whose.creator_id
