"""What is kept of you, for programs of yours: look, take away, agree and take back, erase."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.api.access import scope
from catalog.api.routes import PROBLEMS
from catalog.auth import Visitor
from catalog.members import consents
from catalog.privacy import erasure, exports, kinds
from catalog.web import privacy
from models.base import reading, unit_of_work

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
Reader = Annotated[Visitor, scope("account:read")]
Writer = Annotated[Visitor, scope("account:write")]
Purpose = Annotated[str, Path(max_length=40, description="`history` or `export`")]


class KindShape(BaseModel):
    key: str = Field(description="Its files in the export")
    title: str
    rows: int
    why: str
    basis: str
    until: str
    erased: str = Field(description="What an erasure does to it")


class ConsentShape(BaseModel):
    purpose: str
    wording: str
    kept: str
    why: str
    how_long: str
    given_ms: int | None = Field(description="Null: not agreed to")


class DataShape(BaseModel):
    kinds: list[KindShape]
    consents: list[ConsentShape]


class EndingShape(BaseModel):
    creator: str
    tier: str
    paid_until_ms: int
    back_cents: int = Field(description="What goes back; 0 where what is paid is left")
    currency: str


class ErasedShape(BaseModel):
    memberships: list[EndingShape]
    receipt_to: str


class EraseWanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sure: Literal[True] = Field(description="It can't be undone")


@router.get("/account/data", tags=["Account"], summary="What is kept of you, why and how long")
def look(visitor: Reader) -> DataShape:
    mine = str(visitor.account_id)
    with reading() as session:
        counts = exports.counts(session, kinds.person_of(session, mine))
        given = consents.given(session, mine)
    return DataShape(
        kinds=[
            KindShape(
                key=one.key,
                title=one.title,
                rows=counts[one.key],
                why=one.why,
                basis=one.basis,
                until=one.until,
                erased=one.after,
            )
            for one in kinds.KINDS
        ],
        consents=[
            _consent(key, given[key].given_ms if key in given else None)
            for key in consents.PURPOSES
        ],
    )


@router.get(
    "/account/data/export",
    tags=["Account"],
    summary="All that is kept of you, as a zip of JSON and CSV",
    response_class=Response,
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
def export(visitor: Reader) -> Response:
    return privacy.handed_out(visitor)


@router.put("/account/consents/{purpose}", tags=["Account"], summary="Agree to a purpose")
def agree(visitor: Writer, purpose: Purpose) -> ConsentShape:
    """Agreed already, nothing changes."""
    with unit_of_work(visitor.actor) as session:
        row = consents.give(session, str(visitor.account_id), purpose, "api")
        session.refresh(row)
        return _consent(purpose, row.given_ms)


@router.delete("/account/consents/{purpose}", tags=["Account"], summary="Take a consent back")
def take_back(visitor: Writer, purpose: Purpose) -> ConsentShape:
    """What it let us keep is gone at once."""
    with unit_of_work(visitor.actor) as session:
        consents.withdraw(session, str(visitor.account_id), purpose, "api")
    return _consent(purpose, None)


@router.post("/account/erase", tags=["Account"], summary="Erase your account for good")
def erase(visitor: Writer, wanted: EraseWanted) -> ErasedShape:
    """A receipt goes to the address first. The token that asks is gone afterwards."""
    with unit_of_work(visitor.actor) as session:
        found = erasure.erase(session, visitor)
    return ErasedShape(
        memberships=[
            EndingShape(
                creator=one.creator,
                tier=one.tier,
                paid_until_ms=one.paid_until_ms,
                back_cents=one.back_cents,
                currency=one.currency,
            )
            for one in found
        ],
        receipt_to=visitor.email,
    )


def _consent(key: str, given_ms: int | None) -> ConsentShape:
    one = consents.PURPOSES[key]
    return ConsentShape(
        purpose=key,
        wording=one.wording,
        kept=one.kept,
        why=one.why,
        how_long=one.how_long,
        given_ms=given_ms,
    )
