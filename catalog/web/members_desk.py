"""A creator's side of membership: open and close it, announcements, and members in numbers without
names. Tiers: catalog.web.tier_desk.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.auth import Visitor, needs, needs_creator
from catalog.entitlements import now_of
from catalog.errors import BadRequest, CatalogError, NotFound, Refusal
from catalog.members import announcements, cohorts, inviting, memberships, perks, tiers
from catalog.web.account import READ
from catalog.web.ladders import number
from catalog.web.rendering import page
from catalog.web.visitors import Asking, ours
from models.account import Role
from models.base import reading, unit_of_work
from models.creator import Creator
from models.listing import Listing
from models.membership import Membership, Tier
from models.perk import Announcement

Slug = Annotated[str, Path(max_length=200)]
Id = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Text = Annotated[str, Form(max_length=2_000)]
DONE = {
    "opened": "Membership is open. People can join from now on.",
    "closed": "Nobody can join any more, and nobody is charged again. A mail tells your members.",
    "tier": "The tier is changed for who joins from now on.",
    "same": "Nothing was changed: it is so already.",
    "added": "The tier is added. People can join it from now on.",
    "tier-closed": "Nobody can join this tier any more. Who has it keeps it.",
    "test": "The tier is on test. Who joins it until then is told apart below.",
    "test-over": "The test is over. The tier stays, as one like the others.",
    "announced": "Announced. Members whose tier has it see it at once.",
    "withdrawn": "Called off. Nobody can take it any more.",
}

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@router.api_route("/members", methods=READ)
def desks(request: Request, visitor: Asking) -> Response:
    needs(visitor)
    with reading() as session:
        wanted = select(Creator).order_by(Creator.name, Creator.id).limit(500)
        if not visitor.has(Role.STAFF):
            wanted = wanted.where(Creator.id.in_(visitor.creator_ids))
        found = session.scalars(wanted).all()
        if not found and not visitor.has(Role.CREATOR):
            raise NotFound("There is nothing at this address for this account.")
        if len(found) == 1:
            return RedirectResponse(f"/members/{found[0].slug}", 303)
        return page(request, "members_desk_choice.html", creators=found)


@router.api_route("/members/{slug}", methods=READ)
def show(request: Request, visitor: Asking, slug: Slug, done: str = "") -> Response:
    return _shown(request, visitor, slug, done=done)


@changes.post("/members/{slug}/open")
def open_it(request: Request, visitor: Asking, slug: Slug) -> Response:
    return do(request, visitor, slug, lambda s, c: tiers.open_for(s, visitor, c.id), "opened")


@router.api_route("/members/{slug}/close", methods=READ)
def close_asked(request: Request, visitor: Asking, slug: Slug) -> Response:
    with reading() as session:
        creator = mine(session, visitor, slug)
        goes_on = memberships.is_alive() & Membership.ends_at_period.is_(False)
        wanted = select(func.count()).where(Membership.creator_id == creator.id, goes_on)
        count = session.scalar(wanted) or 0
        return page(request, "members_desk_close.html", creator=creator, count=count)


@changes.post("/members/{slug}/close")
def close(request: Request, visitor: Asking, slug: Slug) -> Response:
    return do(request, visitor, slug, lambda s, c: tiers.close_for(s, visitor, c.id), "closed")


@changes.post("/members/{slug}/announcements")
def announce(
    request: Request,
    visitor: Asking,
    slug: Slug,
    kind: Text = "",
    title: Text = "",
    summary: Text = "",
    rank: Annotated[int, Form(ge=0, le=1_000)] = 0,
    day: Text = "",
    seats: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    given = {
        "kind": kind, "title": title, "summary": summary, "rank": rank, "day": day, "seats": seats
    }  # fmt: skip

    def make(session: Session, creator: Creator) -> None:
        announcements.announce(
            session,
            visitor,
            creator.id,
            kind=kind,
            title=title,
            summary=summary,
            rank=rank,
            at_ms=_moment(day),
            now_ms=now_of(session),
            seats_count=number(seats, "seats") if seats.strip() else None,
        )

    return do(request, visitor, slug, make, "announced", given=given)


@router.api_route("/members/{slug}/announcements/{announcement_id}/withdraw", methods=READ)
def call_off_asked(request: Request, visitor: Asking, slug: Slug, announcement_id: Id) -> Response:
    """What it means, before members get mails of it."""
    with reading() as session:
        creator = mine(session, visitor, slug)
        found = session.get(Announcement, announcement_id)
        if found is None or found.creator_id != creator.id:
            raise NotFound("There is no such announcement.")
        if found.withdrawn_ms is not None or found.at_ms <= now_of(session):
            return RedirectResponse(f"/members/{slug}", 303)
        return page(request, "members_desk_call_off.html", creator=creator, one=found)


@changes.post("/members/{slug}/announcements/{announcement_id}/withdraw")
def call_off(request: Request, visitor: Asking, slug: Slug, announcement_id: Id) -> Response:
    def end(session: Session, creator: Creator) -> None:
        announcements.withdraw(session, visitor, announcement_id, now_of(session))

    return do(request, visitor, slug, end, "withdrawn")


router.include_router(changes)


def do(
    request: Request,
    visitor: Visitor,
    slug: str,
    act: Callable[[Session, Creator], Any],
    done: str,
    given: dict[str, Any] | None = None,
) -> Response:
    try:
        with unit_of_work(visitor.actor) as session:
            act(session, mine(session, visitor, slug))
    except (BadRequest, Refusal) as error:
        return _shown(request, visitor, slug, wrong=error, given=given)
    return RedirectResponse(f"/members/{slug}?done={done}", 303)


def mine(session: Session, visitor: Visitor, slug: str) -> Creator:
    needs(visitor)
    found = inviting.creator(session, slug)
    needs_creator(visitor, found.id)
    return found


def _shown(
    request: Request,
    visitor: Visitor,
    slug: str,
    *,
    done: str = "",
    wrong: CatalogError | None = None,
    given: dict[str, Any] | None = None,
) -> Response:
    with reading() as session:
        creator, now = mine(session, visitor, slug), now_of(session)
        current = tiers.current(session, creator.id)
        numbers = cohorts.summary(session, creator.id, now)
        return page(
            request,
            "members_desk.html",
            status=wrong.status if wrong else 200,
            creator=creator,
            opened=creator.members_ms is not None,
            tiers=current,
            told={one.id: perks.told(one) for one in current},
            numbers=numbers,
            by_key={one.key: one for one in numbers.by_tier},
            older=_older(session, creator.id),
            reports=[
                cohorts.report(session, one, now) for one in cohorts.tests(session, creator.id)
            ],
            announced=announcements.of_creator(session, visitor, creator.id),
            early=_early(session, creator.id, now),
            days=tiers.TEST_DAYS,
            given=given or {},
            said=DONE.get(done, ""),
            wrong=wrong,
            now_ms=now,
        )


def _older(session: Session, creator_id: str) -> list[tuple[Tier, int]]:
    """Versions that nobody can join any more, and how many members keep them."""
    wanted = (
        select(Tier, func.count())
        .join(Membership, Membership.tier_id == Tier.id)
        .where(Tier.creator_id == creator_id, Tier.retired_ms.is_not(None), memberships.is_alive())
        .group_by(Tier.id)
        .order_by(Tier.rank, Tier.created_ms)
    )
    return [(row[0], row[1]) for row in session.execute(wanted)]


def _early(session: Session, creator_id: str, at_ms: int) -> list[Listing]:
    """What waits for its day: whose ladder can still be changed."""
    waits = select(Listing).where(
        Listing.creator_id == creator_id, Listing.state == "public", Listing.visible_from_ms > at_ms
    )
    return list(session.scalars(waits.order_by(Listing.visible_from_ms, Listing.id).limit(50)))


def _moment(text: str) -> int:
    """As a form's field has it, in UTC."""
    try:
        found = datetime.strptime(text.strip(), "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    except ValueError:
        raise BadRequest("Give its day and time, such as 2027-03-01T18:00 (UTC).") from None
    return int(found.timestamp()) * 1000
