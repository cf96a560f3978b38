"""License terms, prices and quotes, for programs."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from catalog import listings, pricing, quotes, wishes
from catalog import terms as terms_of
from catalog.api.access import scope
from catalog.api.routes import PROBLEMS
from catalog.auth import Visitor
from catalog.members.perks import discount
from catalog.uses import Fields, Use
from catalog.web.visitors import guests_share
from models.base import reading, unit_of_work
from models.listing import Listing
from models.quote import Quote
from models.settings import settings
from models.terms import Terms

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)
Reads = Annotated[Visitor, scope("catalog:read", guests=True)]
Quoting = Annotated[Visitor, scope("quotes:write", guests=True)]
Kind = Annotated[str, Field(max_length=20)]
KindPath = Annotated[str, Path(max_length=20)]
Id = Annotated[str, Path(max_length=40)]
Version = Annotated[
    int | None, Query(ge=1, le=1_000_000, description="An older version; the newest by default")
]
Cents = Annotated[int, Field(ge=wishes.LEAST_CENTS, le=wishes.MOST_CENTS)]
Text = Annotated[str, Field(max_length=wishes.WORDS)]
WISH = "What the terms ask; what is left out is the most that they allow, seats and projects one"


class TermsShape(BaseModel):
    kind: str
    version: int
    title: str
    line: str = Field(description="What it is for")
    summary: list[str] = Field(description="In plain words; the text is what counts")
    text: str
    fields: Fields
    published_ms: int
    retired_ms: int | None
    url: str


class Body(BaseModel):
    """An unknown field is an error: a price that somebody sends is not silently dropped."""

    model_config = ConfigDict(extra="forbid")


class Wanted(Body):
    kind: Kind
    use: dict[str, Any] = Field({}, description=WISH)


class Opening(Wanted):
    listing_id: Annotated[str, Field(max_length=40)]


class Wish(Body):
    price_cents: Cents | None = None
    use: dict[str, Any] | None = Field(None, description=WISH)
    text: Text = ""


class Offer(Wish):
    days: Annotated[int, Field(ge=1, le=wishes.LONGEST_DAYS)] = quotes.GOOD_DAYS


class Answer(Body):
    text: Text = ""


class LineShape(BaseModel):
    what: str
    factor: str = Field(description="As a decimal; empty for a line of money")
    cents: int | None


class BlockedShape(BaseModel):
    code: str
    detail: str
    media: list[str]
    territory: list[str]
    next_free_ms: int | None


class PriceShape(BaseModel):
    kind: str
    use: Use
    price_cents: int
    currency: str
    breakdown: list[LineShape]
    blocked: BlockedShape | None = Field(description="Why it can't be had now")


class NoteShape(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    number: int
    by: str
    verb: str
    price_cents: int | None
    use: dict[str, Any]
    text: str
    at_ms: int


class QuoteShape(BaseModel):
    id: str
    listing_id: str
    clip_id: str
    title: str
    kind: str
    version: int
    use: Use
    price_cents: int
    currency: str
    breakdown: list[LineShape]
    state: str = Field(description="open, asked, countered, declined or ordered")
    expires_ms: int
    expired: bool
    notes: list[NoteShape]
    url: str


class QuoteList(BaseModel):
    quotes: list[QuoteShape]


@router.get("/terms", tags=["Quotes"], summary="License terms that can be had")
def list_terms(visitor: Reads) -> list[TermsShape]:
    with reading() as session:
        return [_terms(row) for row in terms_of.current(session)]


@router.get("/terms/{kind}", tags=["Quotes"], summary="One kind of license")
def get_terms(visitor: Reads, kind: KindPath, version: Version = None) -> TermsShape:
    with reading() as session:
        return _terms(terms_of.of_kind(session, kind, version))


@router.post(
    "/listings/{listing_id}/price", tags=["Quotes"], summary="What a use of a clip would cost"
)
def price(visitor: Quoting, listing_id: Id, wanted: Wanted) -> PriceShape:
    """Nothing is kept. `blocked` says who has it already and from when on it is free."""
    with reading() as session:
        listing = listings.licensable(session, visitor, listing_id)
        terms = terms_of.of_kind(session, wanted.kind)
        off = discount.percent(session, visitor.account_id, listing.creator_id, quotes.now(session))
        return _priced(session, visitor, listing, terms, wanted.use, off)


@router.post("/quotes", tags=["Quotes"], status_code=201, summary="A price that is good for a week")
def open_quote(request: Request, visitor: Quoting, wanted: Opening) -> QuoteShape:
    with unit_of_work(actor=visitor.actor) as session:
        guests_share(session, request, "quote", quotes.MOST_AT_ONE_ADDRESS)
        row = quotes.open_quote(session, visitor, wanted.listing_id, wanted.kind, wanted.use)
        return _quote(row, quotes.now(session))


@router.get("/quotes", tags=["Quotes"], summary="Your quotes, newest first")
def list_quotes(
    visitor: Quoting,
    to_answer: Annotated[bool, Query(description="Wishes for your own clips instead")] = False,
) -> QuoteList:
    """A hundred at most."""
    with reading() as session:
        found, at_ms = quotes.to_answer if to_answer else quotes.of_visitor, quotes.now(session)
        return QuoteList(quotes=[_quote(row, at_ms) for row in found(session, visitor)])


@router.get("/quotes/{quote_id}", tags=["Quotes"], summary="One quote, with all that was said")
def get_quote(visitor: Quoting, quote_id: Id) -> QuoteShape:
    """For whoever asked for it and for the clip's creator."""
    with reading() as session:
        row = quotes.get(session, visitor, quote_id)
        return _quote(row, quotes.now(session))


@router.post("/quotes/{quote_id}/ask", tags=["Quotes"], summary="Ask for other terms")
def ask(visitor: Quoting, quote_id: Id, wish: Wish) -> QuoteShape:
    """Another price, another use, or both. The creator is told by mail."""
    with unit_of_work(actor=visitor.actor) as session:
        row = wishes.ask(session, visitor, quote_id, **wish.model_dump())
        return _quote(row, quotes.now(session))


@router.post("/quotes/{quote_id}/counter", tags=["Quotes"], summary="Offer other terms")
def counter(visitor: Quoting, quote_id: Id, offer: Offer) -> QuoteShape:
    """By the clip's creator. It holds when the buyer accepts it."""
    with unit_of_work(actor=visitor.actor) as session:
        row = wishes.counter(session, visitor, quote_id, **offer.model_dump())
        return _quote(row, quotes.now(session))


@router.post("/quotes/{quote_id}/accept", tags=["Quotes"], summary="Accept the other's last word")
def accept(visitor: Quoting, quote_id: Id, answer: Answer) -> QuoteShape:
    with unit_of_work(actor=visitor.actor) as session:
        row = wishes.accept(session, visitor, quote_id, answer.text)
        return _quote(row, quotes.now(session))


@router.post("/quotes/{quote_id}/decline", tags=["Quotes"], summary="Decline a wish")
def decline(visitor: Quoting, quote_id: Id, answer: Answer) -> QuoteShape:
    with unit_of_work(actor=visitor.actor) as session:
        row = wishes.decline(session, visitor, quote_id, answer.text)
        return _quote(row, quotes.now(session))


@router.post("/quotes/{quote_id}/withdraw", tags=["Quotes"], summary="Withdraw a wish")
def withdraw(visitor: Quoting, quote_id: Id, answer: Answer) -> QuoteShape:
    with unit_of_work(actor=visitor.actor) as session:
        row = wishes.withdraw(session, visitor, quote_id, answer.text)
        return _quote(row, quotes.now(session))


def _terms(row: Terms) -> TermsShape:
    names = ("kind", "version", "title", "line", "summary", "text", "published_ms", "retired_ms")
    return TermsShape(
        **{name: getattr(row, name) for name in names},
        fields=terms_of.fields(row),
        url=f"{settings().base_url}/terms/{row.kind}/{row.version}",
    )


def _priced(
    session: Session,
    visitor: Visitor,
    listing: Listing,
    terms: Terms,
    given: dict[str, Any],
    off: int,
) -> PriceShape:
    fields = terms_of.fields(terms)
    terms_of.fits(listing, fields)
    use = quotes.wanted(session, fields, given)
    priced = pricing.price(session, listing, terms, use, member_percent=off)
    found = quotes.blocked(session, listing, use, fields, visitor)
    return PriceShape(
        kind=terms.kind,
        use=use,
        price_cents=priced.price_cents,
        currency=priced.currency,
        breakdown=[LineShape(**line) for line in priced.as_row()],
        blocked=BlockedShape(
            code=found.code,
            detail=found.text,
            media=found.media,
            territory=found.territory,
            next_free_ms=found.next_free_ms,
        )
        if found
        else None,
    )


def _quote(row: Quote, at_ms: int) -> QuoteShape:
    clip = row.listing.clip
    return QuoteShape(
        id=row.id,
        listing_id=row.listing_id,
        clip_id=clip.id,
        title=clip.title,
        kind=row.terms.kind,
        version=row.terms.version,
        use=Use.model_validate(row.use),
        price_cents=row.price_cents,
        currency=row.currency,
        breakdown=[LineShape(**line) for line in row.breakdown],
        state=row.state,
        expires_ms=row.expires_ms,
        expired=row.expires_ms <= at_ms,
        notes=[NoteShape.model_validate(note) for note in row.notes],
        url=f"{settings().base_url}/quotes/{row.id}",
    )
