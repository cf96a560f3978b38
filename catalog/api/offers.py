"""Offers for programs: what fits at a clip, and its answers; a creator's own."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from catalog import listings
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS
from catalog.auth import Visitor
from catalog.entitlements import now_of
from catalog.offers import answers, choosing, desk
from catalog.offers.choosing import Shown
from models.base import reading, unit_of_work

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["Offers"])
Id = Annotated[str, Path(max_length=40)]
Key = Annotated[str, Path(max_length=40)]
Buys = Annotated[Visitor, scope("orders:write")]
Reads = Annotated[Visitor, scope("orders:read")]
Creates = Annotated[Visitor, scope("recordings:write")]
Looks = Annotated[Visitor, scope("recordings:read")]


class OfferShape(BaseModel):
    id: str
    kind: str = Field(description="personal, pack, bundle, tip or trial")
    title: str
    clip_id: str
    cents: int = Field(description="In full; of a trial what it costs a month after it")
    now_cents: int = Field(description="What is paid at once")
    currency: str
    renews: str = Field(description="What is charged later; empty: nothing is")
    gives: list[str]
    clip_ids: list[str]
    why: str
    data_used: list[str]
    ends_ms: int | None = Field(description="Nothing is sold under it from then on")
    charged_to: str = Field(description="The kept method; empty: a person pays at the checkout")


class Fitting(BaseModel):
    offer: OfferShape | None


class StandingShape(BaseModel):
    id: str
    state: str = Field(description="open, waits, accepted, undone, declined, over")
    cents: int
    currency: str
    order_id: str | None
    charge_id: str | None
    undo_until_ms: int | None
    pay_url: str = Field("", description="Where a person pays; empty where nothing is to be paid")


class Price(BaseModel):
    """What you saw: another price is refused."""

    model_config = ConfigDict(extra="forbid")

    cents: int = Field(ge=0, le=10**6)
    currency: str = Field(pattern=r"^[A-Z]{3}$")


class Moment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    moment: str = Field("end", pattern="^(end|bought)$")
    offset_minutes: int = Field(
        0, ge=-900, le=900, description="The person's clock before UTC, for quiet hours"
    )


class MadeShape(BaseModel):
    key: str
    kind: str
    moment: str
    title: str
    facts: dict[str, Any]
    holdout: int = Field(description="Of a hundred people, how many are not shown it")
    ends_ms: int | None
    made: bool
    shown: int
    held_out: int
    accepted: int
    undone: int
    declined: int
    uplift: float | None = Field(description="How much more often visits buy something, 0..1")
    uplift_low: float | None
    uplift_high: float | None
    said: str


class MadePage(BaseModel):
    offers: list[MadeShape]


class MadeAsked(BaseModel):
    """What is not named stays as it is."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(None, min_length=1, max_length=desk.LONGEST_TITLE)
    facts: dict[str, int | str] | None = Field(None, max_length=4)
    holdout: int | None = Field(None, ge=0, le=desk.MOST_HOLDOUT, strict=True)
    ends_ms: int | None = Field(None, ge=0, le=10**14)


@router.post("/clips/{clip_id}/offers", summary="The offer that fits at a clip")
def fit_offer(visitor: Buys, clip_id: Id, asked: Moment) -> Fitting:
    """None as a rule: nobody is offered something more than a few times a week. What you get
    counts as shown."""
    with unit_of_work(visitor.actor) as session:
        now = now_of(session)
        clip = listings.seen(session, visitor, clip_id, now).clip
        offset = asked.offset_minutes
        found = choosing.fitting(session, visitor, asked.moment, clip, now, offset_min=offset)
        return Fitting(offer=_offer(found) if found else None)


@router.get("/offers/{offer_id}", summary="What became of an offer")
def get_offer(visitor: Reads, offer_id: Id) -> StandingShape:
    with reading() as session:
        return _standing(session, visitor, offer_id)


@router.post("/offers/{offer_id}/accept", summary="Take an offer")
def accept_offer(visitor: Buys, offer_id: Id, asked: Price) -> StandingShape:
    """By the kept payment method at once; without one a person goes on at `pay_url`. Taken twice,
    it is bought once. For a day it can be taken back."""
    way = answers.accept(visitor, offer_id, cents=asked.cents, currency=asked.currency)
    with reading() as session:
        made = _standing(session, visitor, offer_id)
    return made.model_copy(update={"pay_url": way.url})


@router.post("/offers/{offer_id}/decline", summary="Decline an offer")
def decline_offer(visitor: Buys, offer_id: Id) -> StandingShape:
    with unit_of_work(visitor.actor) as session:
        answers.decline(session, visitor, offer_id)
        return _standing(session, visitor, offer_id)


@router.post("/offers/{offer_id}/never", summary="Never this offer again")
def never_offer(visitor: Buys, offer_id: Id) -> StandingShape:
    with unit_of_work(visitor.actor) as session:
        answers.never(session, visitor, offer_id)
        return _standing(session, visitor, offer_id)


@router.post("/offers/{offer_id}/undo", summary="Take back what was bought")
def undo_offer(visitor: Buys, offer_id: Id) -> StandingShape:
    answers.undo(visitor, offer_id)
    with reading() as session:
        return _standing(session, visitor, offer_id)


@router.delete("/offers", status_code=204, summary="No offers at all")
def end_offers(visitor: Buys) -> None:
    """For your account, until you ask for them again."""
    with unit_of_work(visitor.actor) as session:
        answers.never(session, visitor, None)


@router.put("/offers", status_code=204, summary="Offers again")
def again_offers(visitor: Buys) -> None:
    with unit_of_work(visitor.actor) as session:
        answers.again(session, visitor)


@router.get("/creators/{creator_id}/offers", summary="A creator's offers, and what they did")
def list_made(visitor: Looks, creator_id: Id) -> MadePage:
    """Your own. Those that could be made stand here too."""
    with reading() as session:
        found = desk.of_creator(session, visitor, creator_id)
        return MadePage(offers=[_made(one) for one in found])


@router.put("/creators/{creator_id}/offers/{key}", summary="Make an offer, or change it")
def put_made(visitor: Creates, creator_id: Id, key: Key, asked: MadeAsked) -> MadeShape:
    """A changed offer is compared anew from then on."""
    with unit_of_work(visitor.actor) as session:
        fields = asked.model_dump(exclude_unset=True)
        given = {name: value for name, value in fields.items() if value is not None}
        if "ends_ms" in fields:
            given["ends_ms"] = fields["ends_ms"]
        desk.put(session, visitor, creator_id, key, **given)
        return _of_key(session, visitor, creator_id, key)


@router.delete("/creators/{creator_id}/offers/{key}", summary="Stop making an offer")
def end_made(visitor: Creates, creator_id: Id, key: Key) -> MadeShape:
    with unit_of_work(visitor.actor) as session:
        desk.end(session, visitor, creator_id, key)
        return _of_key(session, visitor, creator_id, key)


def _offer(found: Shown) -> OfferShape:
    deal = found.deal
    return OfferShape(
        id=found.view.id,
        kind=found.offer.kind,
        title=found.offer.title,
        clip_id=found.clip.id,
        cents=found.view.cents,
        now_cents=deal.cents if deal.now_cents is None else deal.now_cents,
        currency=found.view.currency,
        renews=deal.renews,
        gives=list(deal.gives),
        clip_ids=[clip_id for clip_id, _ in deal.clips],
        why=found.view.reason,
        data_used=found.view.data_used,
        ends_ms=found.offer.ends_ms,
        charged_to=found.method,
    )


def _standing(session: Session, visitor: Visitor, view_id: str) -> StandingShape:
    found = answers.standing(session, visitor, view_id)
    return StandingShape(
        id=view_id,
        state=found.state,
        cents=found.view.cents,
        currency=found.view.currency,
        order_id=found.order.id if found.order else None,
        charge_id=found.charge.id if found.charge else None,
        undo_until_ms=found.undo_until_ms,
    )


def _of_key(session: Session, visitor: Visitor, creator_id: str, key: str) -> MadeShape:
    found = desk.of_creator(session, visitor, creator_id)
    return next(_made(one) for one in found if one.key == key)


def _made(one: desk.Choice) -> MadeShape:
    did = one.result
    return MadeShape(
        key=one.key,
        kind=one.kind,
        moment=one.moment,
        title=one.title,
        facts=one.facts,
        holdout=one.holdout,
        ends_ms=one.ends_ms,
        made=one.row is not None,
        shown=did.shown if did else 0,
        held_out=did.held_out if did else 0,
        accepted=did.accepted if did else 0,
        undone=did.undone if did else 0,
        declined=did.declined if did else 0,
        uplift=did.more.value if did and did.more else None,
        uplift_low=did.more.low if did and did.more else None,
        uplift_high=did.more.high if did and did.more else None,
        said=did.said if did else "",
    )
