"""Segments of a creator's own members, for programs."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import segments, throttle
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS
from catalog.auth import Visitor, needs_creator
from catalog.errors import NotFound
from catalog.segments import Rule, Shown
from catalog.web.account import HOUR_S
from catalog.web.segments import SIZES, as_file
from models.base import reading, unit_of_work
from models.creator import Creator

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["Members"])
Reader = Annotated[Visitor, scope("members:read")]
Writer = Annotated[Visitor, scope("members:write")]
Id = Annotated[str, Path(max_length=40)]
Slug = Annotated[str, Query(max_length=200, description="Folder name of a creator of yours")]


class SegmentShape(BaseModel):
    id: str
    name: str
    rule: Rule
    size_least: int = Field(description="Rounded down to tens; 0 for fewer than 20")
    bases: dict[str, str] = Field(description="The legal basis of each fact that it uses")
    created_ms: int
    closes_ms: int = Field(description="Unless it is used before")


class Sized(BaseModel):
    model_config = ConfigDict(extra="forbid")

    creator: str = Field(max_length=200, description="Folder name of a creator of yours")
    rule: Rule = Field(examples=[{"tiers": ["early"], "tenure": 3}])


class Wanted(Sized):
    name: str = Field(min_length=1, max_length=120)


class SizeShape(BaseModel):
    size_least: int = Field(description="Rounded down to tens; 0 for fewer than 20")
    said: str


@router.get("/segments", summary="A creator's open segments")
def list_segments(visitor: Reader, creator: Slug) -> list[SegmentShape]:
    with reading() as session:
        found = segments.of_creator(session, visitor, _mine(session, visitor, creator).id)
        return [_shape(one) for one in found]


@router.post("/segments/size", summary="How many people a rule fits, before it is saved")
def count(visitor: Reader, wanted: Sized) -> SizeShape:
    rule = segments.rule_of(wanted.rule.model_dump())
    with unit_of_work() as session:
        creator = _mine(session, visitor, wanted.creator)
        throttle.take(session, "segment sizes", str(visitor.account_id), SIZES, HOUR_S)
        size = segments.size(session, visitor, creator.id, rule)
    return SizeShape(size_least=size.least, said=size.said)


@router.post("/segments", status_code=201, summary="Save a segment")
def save(visitor: Writer, wanted: Wanted) -> SegmentShape:
    """Refused (409) under 20 people, and where it differs from another one by fewer than 20."""
    rule = segments.rule_of(wanted.rule.model_dump())
    with unit_of_work(visitor.actor) as session:
        creator = _mine(session, visitor, wanted.creator)
        throttle.take(session, "segment sizes", str(visitor.account_id), SIZES, HOUR_S)
        made = segments.save(session, visitor, creator.id, wanted.name, rule)
        session.refresh(made)
        shown = segments.of_creator(session, visitor, creator.id)
        return next(_shape(one) for one in shown if one.segment.id == made.id)


@router.post(
    "/segments/{segment_id}/export",
    summary="Address and name of who agreed to it, as CSV",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def export(visitor: Reader, segment_id: Id) -> Response:
    """Each of them can see later who took it."""
    with unit_of_work(visitor.actor) as session:
        name, text = segments.exported(session, visitor, segment_id)
    return as_file(name, text)


@router.delete("/segments/{segment_id}", status_code=204, summary="Close a segment")
def close(visitor: Writer, segment_id: Id) -> None:
    with unit_of_work(visitor.actor) as session:
        segments.close(session, visitor, segment_id)


def _mine(session: Session, visitor: Visitor, slug: str) -> Creator:
    found = session.scalars(select(Creator).where(Creator.slug == slug)).one_or_none()
    if found is None:
        raise NotFound("There is nothing at this address for this account.")
    needs_creator(visitor, found.id)
    return found


def _shape(one: Shown) -> SegmentShape:
    return SegmentShape(
        id=one.segment.id,
        name=one.segment.name,
        rule=one.rule,
        size_least=one.size.least,
        bases={key: segments.FACTS[key].basis for key in one.rule.facts()},
        created_ms=one.segment.created_ms,
        closes_ms=one.closes_ms,
    )
