"""Pages of rights: the deal's price, quotes and wishes, terms, a creator's prices."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from catalog import licenses, listings, quotes, territories, wishes
from catalog import terms as terms_of
from catalog.auth import Visitor, needs
from catalog.uses import MEDIA, Fields, Use
from catalog.web import deals
from catalog.web.rendering import page, with_query
from catalog.web.visitors import Asking, guest, guests_share, ours, visitor
from models.base import reading, unit_of_work
from models.quote import Quote

READ = ["GET", "HEAD"]
LISTS = ("media", "country")
NAMES = ("kind", "shown", "where", "starts", "term", "audience", "seats", "projects")
Words = Annotated[str, Form(max_length=wishes.WORDS)]
Amount = Annotated[str, Form(max_length=30)]

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


class Wanted:
    """The deal's fields as a form sends them. Nothing of it is a price."""

    def __init__(
        self,
        kind: Annotated[str, Form(max_length=20)] = "",
        shown: Annotated[str, Form(max_length=20)] = "",
        where: Annotated[str, Form(max_length=20)] = "",
        starts: Annotated[str, Form(max_length=20)] = "",
        term: Annotated[str, Form(max_length=20)] = "",
        audience: Annotated[str, Form(max_length=20)] = "",
        seats: Annotated[str, Form(max_length=20)] = "",
        projects: Annotated[str, Form(max_length=20)] = "",
        media: Annotated[list[str] | None, Form(max_length=20)] = None,
        country: Annotated[list[str] | None, Form(max_length=300)] = None,
    ) -> None:
        said = (kind, shown, where, starts, term, audience, seats, projects)
        self.fields: dict[str, Any] = dict(zip(NAMES, said, strict=True))
        self.fields |= {"media": media or [], "country": country or []}

    @property
    def kind(self) -> str:
        return str(self.fields["kind"])

    def use(self, fields: Fields) -> dict[str, Any]:
        return deals.parsed(fields, deals.filled(fields, self.fields))


WantedForm = Annotated[Wanted, Depends()]


@changes.post("/clips/{clip_id}/price")
def price(request: Request, asked: Asking, clip_id: str, wanted: WantedForm) -> Response:
    """The deal anew for a page that is open; the whole page for a browser without scripts."""
    if not request.headers.get("hx-request"):
        return RedirectResponse(with_query(f"/clips/{clip_id}", **wanted.fields) + "#deal", 303)
    with reading() as session:
        listing = listings.licensable(session, asked, clip_id)
        shown = deals.deal(session, listing, wanted.fields, asked)
        return page(request, "_deal.html", clip=listing.clip, **choices(shown))


@changes.post("/clips/{clip_id}/quote")
def open_quote(request: Request, asked: Asking, clip_id: str, wanted: WantedForm) -> Response:
    if asked.account_id is None:
        guest(request)  # the quote is kept for this browser
    with unit_of_work(actor=asked.actor) as session:
        guests_share(session, request, "quote", quotes.MOST_AT_ONE_ADDRESS)
        fields = terms_of.fields(terms_of.of_kind(session, wanted.kind))
        row = quotes.open_quote(session, visitor(request), clip_id, wanted.kind, wanted.use(fields))
    return RedirectResponse(f"/quotes/{row.id}", 303)


@router.api_route("/quotes", methods=READ)
def listed(request: Request, asked: Asking) -> Response:
    with reading() as session:
        mine = quotes.of_visitor(session, asked)
        works = asked.account_id is not None and (asked.creator_ids or asked.has())
        answer = quotes.to_answer(session, asked) if works else []
        now = quotes.now(session)
        return page(request, "quotes.html", mine=mine, answer=answer, works=works, now=now)


@router.api_route("/quotes/{quote_id}", methods=READ)
def shown(
    request: Request,
    asked: Asking,
    quote_id: str,
    said: Annotated[str, Query(pattern="^(asked|answered|accepted|withdrawn)?$")] = "",
) -> Response:
    with reading() as session:
        row = quotes.get(session, asked, quote_id)
        return page(request, "quote.html", said=said, **of_quote(session, row, asked))


@changes.post("/quotes/{quote_id}/take")
def take(asked: Asking, quote_id: str) -> Response:
    """What is free is granted at once."""
    with unit_of_work(actor=asked.actor) as session:
        row = quotes.orderable(session, asked, quote_id)
        granted = licenses.grant_free(session, asked, row)
    return RedirectResponse(f"/licenses/{granted.id}", 303)


@changes.post("/quotes/{quote_id}/ask")
def ask(
    asked: Asking, quote_id: str, wanted: WantedForm, price: Amount = "", text: Words = ""
) -> Response:
    needs(asked)
    with unit_of_work(actor=asked.actor) as session:
        use = _use(session, asked, quote_id, wanted)
        cents = deals.cents_of(price)
        wishes.ask(session, asked, quote_id, price_cents=cents, use=use, text=text)
    return _back(quote_id, "asked")


@changes.post("/quotes/{quote_id}/counter")
def counter(
    asked: Asking,
    quote_id: str,
    wanted: WantedForm,
    price: Amount = "",
    text: Words = "",
    days: Annotated[int, Form()] = quotes.GOOD_DAYS,
) -> Response:
    needs(asked)
    with unit_of_work(actor=asked.actor) as session:
        use = _use(session, asked, quote_id, wanted)
        cents = deals.cents_of(price)
        wishes.counter(session, asked, quote_id, price_cents=cents, use=use, days=days, text=text)
    return _back(quote_id, "answered")


@changes.post("/quotes/{quote_id}/accept")
def accept(asked: Asking, quote_id: str, text: Words = "") -> Response:
    needs(asked)
    with unit_of_work(actor=asked.actor) as session:
        wishes.accept(session, asked, quote_id, text)
    return _back(quote_id, "accepted")


@changes.post("/quotes/{quote_id}/decline")
def decline(asked: Asking, quote_id: str, text: Words = "") -> Response:
    needs(asked)
    with unit_of_work(actor=asked.actor) as session:
        wishes.decline(session, asked, quote_id, text)
    return _back(quote_id, "answered")


@changes.post("/quotes/{quote_id}/withdraw")
def withdraw(asked: Asking, quote_id: str, text: Words = "") -> Response:
    needs(asked)
    with unit_of_work(actor=asked.actor) as session:
        wishes.withdraw(session, asked, quote_id, text)
    return _back(quote_id, "withdrawn")


router.include_router(changes)


def choices(shown: deals.Deal) -> dict[str, Any]:
    """What the deal's template shows beside it."""
    fields = shown.chosen.fields if shown.chosen else None
    return {
        "deal": shown,
        "media_names": MEDIA,
        "where_choices": deals.WHERE,
        "countries": territories.names(),
        "term_choices": deals.term_choices(fields) if fields else {},
        "audience_choices": deals.audience_choices(fields) if fields else {},
        "deal_rows": deals.told(shown.use, fields) if shown.use and fields else [],
    }


def of_quote(session: Session, row: Quote, asked: Visitor) -> dict[str, Any]:
    use, fields = Use.model_validate(row.use), terms_of.fields(row.terms)
    expired = quotes.is_expired(session, row)
    taken = None if expired else quotes.blocked(session, row.listing, use, fields, asked)
    last = next((one for one in reversed(row.notes) if one.verb in ("asked", "countered")), None)
    before = Use.model_validate(last.use) if last and last.use else use
    return {
        "quote": row,
        "clip": row.listing.clip,
        "terms": row.terms,
        "fields": fields,
        "sections": terms_of.sections(row.terms.text),
        "rows": deals.told(use, fields),
        "notes": [(one, _changes(one.use, row, fields)) for one in row.notes],
        "last": last,
        "expired": expired,
        "taken": taken,
        "theirs": quotes.is_theirs(row, asked),
        "answers": quotes.may_answer(row, asked) if asked.account_id else False,
        "signed_in": asked.account_id is not None,
        "form": deals.as_form(before),
        "media_names": MEDIA,
        "where_choices": deals.WHERE,
        "countries": territories.names(),
        "term_choices": deals.term_choices(fields),
        "audience_choices": deals.audience_choices(fields),
    }


def _changes(use: dict[str, Any], row: Quote, fields: Fields) -> list[tuple[str, str]]:
    """What this step named that is not as the quote has it."""
    if not use:
        return []
    now = deals.told(Use.model_validate(row.use), fields)
    then = deals.told(Use.model_validate(use), fields)
    return [new for old, new in zip(now, then, strict=True) if old != new]


def _use(session: Session, asked: Visitor, quote_id: str, wanted: Wanted) -> dict[str, Any] | None:
    """None where the form named no use."""
    if not wanted.fields["media"] and not wanted.fields["where"] and not wanted.fields["term"]:
        return None
    row = quotes.get(session, asked, quote_id)
    return wanted.use(terms_of.fields(row.terms))


def _back(quote_id: str, said: str) -> Response:
    return RedirectResponse(with_query(f"/quotes/{quote_id}", said=said), 303)
