"""Staff's answers about money that moved at the payment processor, for programs."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from catalog import settling
from catalog.api.access import scope
from catalog.api.orders import OrderShape, seen
from catalog.api.routes import PROBLEMS
from catalog.auth import Visitor, needs
from models.account import Role
from models.base import unit_of_work

router = APIRouter(prefix="/api/v1", responses=PROBLEMS, tags=["Orders"])
Writes = Annotated[Visitor, scope("orders:write")]
OrderId = Annotated[str, Path(max_length=40)]


class Assigned(BaseModel):
    model_config = ConfigDict(extra="forbid")

    line_id: Annotated[str, Field(max_length=40)]
    amount_cents: Annotated[int, Field(ge=1, le=10**10)]


class GivenBack(BaseModel):
    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, Field(max_length=300, description="As the buyer reads it")] = ""


@router.post("/orders/{order_id}/assign", summary="Say which license a refund was for")
def assign_refund(visitor: Writes, order_id: OrderId, said: Assigned) -> OrderShape:
    """For staff: of money that went back at the processor. Refunded whole, the license ends."""
    return _settled(
        visitor,
        order_id,
        lambda session: settling.assign(
            session, visitor, order_id, said.line_id, said.amount_cents
        ),
    )


@router.post("/orders/{order_id}/grant-again", summary="Let licenses hold again")
def grant_order_again(visitor: Writes, order_id: OrderId) -> OrderShape:
    """For staff: a dispute ended them, and the money is here again."""
    return _settled(
        visitor, order_id, lambda session: settling.grant_again(session, visitor, order_id)
    )


@router.post("/orders/{order_id}/give-back", summary="Give back what no license stands for")
def give_order_back(visitor: Writes, order_id: OrderId, said: GivenBack) -> OrderShape:
    """For staff; asked for twice, it goes back once."""
    return _settled(
        visitor, order_id, lambda session: settling.give_back(session, visitor, order_id, said.why)
    )


def _settled(visitor: Visitor, order_id: str, settle: Callable[[Session], object]) -> OrderShape:
    needs(visitor, Role.STAFF)
    with unit_of_work(actor=visitor.actor) as session:
        settle(session)
    return seen(visitor, order_id)
