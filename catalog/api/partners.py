"""Who draws from a pool, for programs of the pool's owner."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog import partners, pools, throttle
from catalog.api.pools import Id, Slug, Writer
from catalog.api.routes import PROBLEMS
from catalog.partners import Drawing
from catalog.web.pools import INVITES, INVITES_PER_S
from models.base import reading, unit_of_work

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["Pools"])


class Invited(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, Field(max_length=254, examples=["desk@partner.example"])]


class PartnerShape(BaseModel):
    account_id: str
    email: str
    name: str
    since_ms: int
    ended_ms: int | None
    used_ms: int | None = Field(description="When a token of theirs last read feeds, to the hour")


class PartnerList(BaseModel):
    partners: list[PartnerShape]


@router.get("/pools/{slug}/partners", summary="Who draws from your pool")
def list_partners(visitor: Writer, slug: Slug) -> PartnerList:
    """Those who may, then those who did once."""
    with reading() as session:
        found = partners.of(session, pools.get_own(session, visitor, slug))
        return PartnerList(partners=[_partner(one) for one in found])


@router.post("/pools/{slug}/partners", status_code=201, summary="Invite a partner")
def invite_partner(visitor: Writer, slug: Slug, asked: Invited) -> PartnerShape:
    """By mail, with a link that signs in. Invited twice, one is a partner once."""
    with unit_of_work() as session:
        throttle.take(session, "invite", visitor.account_id or "", INVITES, INVITES_PER_S)
    with unit_of_work(visitor.actor) as session:
        made = partners.invite(session, visitor, slug, asked.email)
        session.refresh(made)
        drawing = partners.of(session, made.pool)
        return _partner(next(one for one in drawing if one.partner is made))


@router.delete("/pools/{slug}/partners/{account_id}", status_code=204, summary="End a partnership")
def end_partner(visitor: Writer, slug: Slug, account_id: Id) -> Response:
    """At once: feeds answer 404, webhooks are off."""
    with unit_of_work(visitor.actor) as session:
        partners.end(session, visitor, slug, account_id)
    return Response(status_code=204)


def _partner(one: Drawing) -> PartnerShape:
    account = one.partner.account
    return PartnerShape(
        account_id=account.id,
        email=account.email,
        name=account.name,
        since_ms=one.partner.since_ms,
        ended_ms=one.partner.ended_ms,
        used_ms=one.used_ms,
    )
