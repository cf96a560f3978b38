"""Who one is, and one's tokens, for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from catalog import tokens
from catalog.api.routes import PROBLEMS
from catalog.auth import Visitor, needs
from catalog.errors import ScopeNeeded
from catalog.web.visitors import Asking, from_our_page
from models.account import Token
from models.base import reading, unit_of_work
from models.creator import Creator

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)


class Me(BaseModel):
    account_id: str
    email: str
    name: str
    roles: list[str]
    creators: list[str] = Field(description="Folder names of the creators whose desks are yours")
    scopes: list[str] | None = Field(description="Of the token that asks; null for a browser")


class TokenShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    begins: str = Field(description="Its first characters; the rest is kept nowhere")
    scopes: list[str]
    created_ms: int
    expires_ms: int
    used_ms: int | None = Field(description="Last used, to the hour")


class NewToken(TokenShape):
    token: str = Field(description="Shown this once")


class TokenWanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    scopes: list[str] = Field(min_length=1, max_length=20, examples=[["recordings:read"]])
    days: int = Field(30, ge=1, le=365)


def of_browser(request: Request, visitor: Asking) -> Visitor:
    """Tokens are made by people: a program that could make some would have no scopes."""
    needs(visitor)
    if visitor.token_id:
        raise ScopeNeeded("A token can't see or make tokens. Sign in with a browser.")
    if request.method not in ("GET", "HEAD"):
        from_our_page(request)
    return visitor


Person = Annotated[Visitor, Depends(of_browser)]


@router.get("/me", tags=["Account"], summary="Who you are, and what your token may do")
def me(visitor: Asking) -> Me:
    needs(visitor)
    with reading() as session:
        slugs = sorted(session.get_one(Creator, key).slug for key in visitor.creator_ids)
    return Me(
        account_id=str(visitor.account_id),
        email=visitor.email,
        name=visitor.name,
        roles=sorted(visitor.roles),
        creators=slugs,
        scopes=None if visitor.scopes is None else sorted(visitor.scopes),
    )


@router.get("/tokens", tags=["Account"], summary="Your tokens (signed-in browsers only)")
def list_tokens(visitor: Person) -> list[TokenShape]:
    with reading() as session:
        rows = tokens.of_account(session, str(visitor.account_id))
        return [TokenShape.model_validate(one) for one in rows]


@router.post("/tokens", status_code=201, tags=["Account"], summary="Make a token")
def make_token(visitor: Person, wanted: TokenWanted) -> NewToken:
    with unit_of_work(visitor.actor) as session:
        mine = str(visitor.account_id)
        row, word = tokens.make(session, mine, wanted.name, wanted.scopes, wanted.days)
        session.refresh(row)
        return NewToken(**_fields(row), token=word)


@router.delete("/tokens/{token_id}", status_code=204, tags=["Account"], summary="Revoke a token")
def revoke_token(visitor: Person, token_id: str) -> None:
    with unit_of_work(visitor.actor) as session:
        tokens.revoke(session, str(visitor.account_id), token_id)


def _fields(row: Token) -> dict[str, object]:
    return TokenShape.model_validate(row).model_dump()
