"""What a membership gives, for programs: the private feed, personal downloads, drops and seats."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from catalog.api import shapes
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS
from catalog.auth import Visitor
from catalog.entitlements import now_of
from catalog.members import announcements, downloads, memberships, perks
from catalog.members.perks import feed, seats
from models.base import reading, unit_of_work
from models.membership import Tier

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["Members"])
Id = Annotated[str, Path(max_length=40)]
Reads = Annotated[Visitor, scope("memberships:read")]
Writes = Annotated[Visitor, scope("memberships:write")]


class DownloadsShape(BaseModel):
    count: int = Field(description="In each month that is paid")
    left: int
    next_ms: int = Field(description="When the next month's begin, if that is paid")


class ComingShape(BaseModel):
    id: str
    kind: str = Field(description="drop or event")
    title: str
    summary: str
    at_ms: int
    seats: int | None = Field(description="Null: without a number")
    free: int | None
    mine: int
    may_take: bool


class PerksShape(BaseModel):
    gives: bool = Field(description="False while it is paused, unpaid or over")
    told: list[str] = Field(description="What its tier gives, one sentence each")
    feed: bool = Field(description="Its private feed has an address")
    downloads: DownloadsShape | None
    coming: list[ComingShape]


class FeedShape(BaseModel):
    address: str = Field(description="Shown this once; the one before it is dead")


class PersonalShape(BaseModel):
    license_id: str
    url: str = Field(description="Its files are there once they are signed")


@router.get("/memberships/{membership_id}/perks", summary="What a membership of yours gives")
def get_perks(visitor: Reads, membership_id: Id) -> PerksShape:
    with reading() as session:
        return _shape(session, visitor, membership_id)


@router.post(
    "/memberships/{membership_id}/feed", status_code=201, summary="Make your private feed's address"
)
def make_feed(visitor: Writes, membership_id: Id) -> FeedShape:
    with unit_of_work(visitor.actor) as session:
        membership = memberships.mine(session, visitor, membership_id)
        word = feed.make_address(session, membership, now_of(session))
    return FeedShape(address=shapes.absolute(f"/feeds/members/{word}.rss"))


@router.delete(
    "/memberships/{membership_id}/feed", status_code=204, summary="End your private feed's address"
)
def end_feed(visitor: Writes, membership_id: Id) -> Response:
    with unit_of_work(visitor.actor) as session:
        feed.end_address(session, memberships.mine(session, visitor, membership_id))
    return Response(status_code=204)


@router.put("/clips/{clip_id}/personal", summary="Download a clip for yourself")
def take_personal(visitor: Writes, clip_id: Id) -> PersonalShape:
    """A clean copy with a personal license, of those that your tier gives a month. The same clip
    counts once."""
    with unit_of_work(visitor.actor) as session:
        made = downloads.take(session, visitor, clip_id, now_of(session))
        return PersonalShape(license_id=made.id, url=shapes.absolute(f"/licenses/{made.id}"))


@router.post("/announcements/{announcement_id}/seats", status_code=201, summary="Take a seat")
def take_seat(visitor: Writes, announcement_id: Id) -> PerksShape:
    with unit_of_work(visitor.actor) as session:
        seats.take(session, visitor.account_id, announcement_id, now_of(session))
        return _of_event(session, visitor, announcement_id)


@router.delete("/announcements/{announcement_id}/seats", summary="Give your seats back")
def give_seats_back(visitor: Writes, announcement_id: Id) -> PerksShape:
    with unit_of_work(visitor.actor) as session:
        seats.give_back(session, visitor.account_id, announcement_id, now_of(session))
        return _of_event(session, visitor, announcement_id)


def _of_event(session: Session, visitor: Visitor, announcement_id: str) -> PerksShape:
    session.flush()
    return _shape(session, visitor, announcements.membership_of(session, visitor, announcement_id))


def _shape(session: Session, visitor: Visitor, membership_id: str) -> PerksShape:
    row = memberships.mine(session, visitor, membership_id)
    now, month = now_of(session), None
    left = downloads.left(session, visitor, row.creator_id, now)
    if left is not None:
        month = DownloadsShape(count=left.count, left=left.left, next_ms=left.from_ms)
    told = announcements.for_member(session, row.account_id, now)
    return PerksShape(
        gives=memberships.has_perks(row, now),
        told=perks.told(session.get_one(Tier, row.tier_id)),
        feed=feed.has_address(session, row),
        downloads=month,
        coming=[_coming(one) for one in told if one.announcement.creator_id == row.creator_id],
    )


def _coming(told: announcements.Told) -> ComingShape:
    row = told.announcement
    plain = {name: getattr(row, name) for name in ("id", "kind", "title", "summary", "at_ms")}
    return ComingShape(
        **plain, seats=row.seats, free=told.free, mine=told.mine, may_take=told.may_take
    )
