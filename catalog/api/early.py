"""What members see before everybody, and a clip's own ladder, for programs."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from catalog import entitlements
from catalog.api import shapes
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS, Cursor, Limit
from catalog.auth import Visitor, needs_creator
from catalog.errors import NotFound
from catalog.members import ladder
from models.base import reading, unit_of_work
from models.clip import Clip
from models.perk import Early

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
Id = Annotated[str, Path(max_length=40)]
Member = Annotated[Visitor, scope(entitlements.MEMBER)]
Worker = Annotated[Visitor, scope("recordings:write")]
Lead = Annotated[int, Field(ge=0, le=ladder.LONGEST_MS, strict=True)]


class EarlyPage(BaseModel):
    listings: list[shapes.ListingShape]
    total: int
    next_cursor: str | None


class Leads(BaseModel):
    model_config = ConfigDict(extra="forbid")

    leads: dict[str, Lead] = Field(
        max_length=20,
        description="Milliseconds before everybody, by the key of the tier; a tier that is not "
        "named sees it with everybody",
        examples=[{"early": 86_400_000, "drops": 172_800_000, "events": 259_200_000}],
    )


class LadderShape(BaseModel):
    clip_id: str
    leads: dict[str, int]
    own: bool = Field(description="False: as its creator's tiers say")
    visible_from_ms: int | None = Field(description="To everybody; null while it is not published")


@router.get("/early", tags=["Catalogue"], summary="Clips that you see before everybody")
def list_early(visitor: Member, cursor: Cursor = None, limit: Limit = 24) -> EarlyPage:
    """As a member of their creators, at this moment. They can be licensed from `visible_from_ms`
    on, and are in no search before."""
    with reading() as session:
        now = entitlements.now_of(session)
        found = ladder.early_for(session, visitor, now, limit, cursor)
        return EarlyPage(
            listings=[shapes.listing(one) for one in found.rows],
            total=found.total,
            next_cursor=found.next_cursor,
        )


@router.get("/clips/{clip_id}/ladder", tags=["Recordings"], summary="Who sees a clip how early")
def get_ladder(visitor: Annotated[Visitor, scope("recordings:read")], clip_id: Id) -> LadderShape:
    """Of one's own clips."""
    with reading() as session:
        return _ladder(session, visitor, clip_id)


@router.put("/clips/{clip_id}/ladder", tags=["Recordings"], summary="Give a clip its own ladder")
def put_ladder(visitor: Worker, clip_id: Id, asked: Leads) -> LadderShape:
    """When everybody sees it, once that was said, stays."""
    with unit_of_work(visitor.actor) as session:
        ladder.set_leads(session, visitor, clip_id, asked.leads)
        return _ladder(session, visitor, clip_id)


@router.delete("/clips/{clip_id}/ladder", tags=["Recordings"], summary="End a clip's own ladder")
def end_ladder(visitor: Worker, clip_id: Id) -> LadderShape:
    """Its creator's tiers hold again."""
    with unit_of_work(visitor.actor) as session:
        ladder.set_leads(session, visitor, clip_id, None)
        return _ladder(session, visitor, clip_id)


def _ladder(session: Session, visitor: Visitor, clip_id: str) -> LadderShape:
    clip = session.get(Clip, clip_id)
    if clip is None:
        raise NotFound("There is no such clip.")
    needs_creator(visitor, clip.recording.creator_id)
    return LadderShape(
        clip_id=clip_id,
        leads=ladder.leads(session, clip),
        own=session.get(Early, clip_id) is not None,
        visible_from_ms=clip.listing.visible_from_ms if clip.listing else None,
    )
