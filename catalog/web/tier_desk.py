"""A creator's tiers: add one, change it, test it, close it."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from catalog.auth import Visitor
from catalog.currencies import unit_cents
from catalog.entitlements import now_of
from catalog.errors import BadRequest, CatalogError, NotFound, Refusal
from catalog.members import memberships, perks, tiers
from catalog.members.periods import DAY_MS
from catalog.rules import clean
from catalog.web.account import READ
from catalog.web.ladders import HOUR_MS
from catalog.web.members_desk import Id, Slug, do, mine
from catalog.web.rendering import page
from catalog.web.visitors import Asking, ours
from models.base import reading, unit_of_work
from models.creator import Creator
from models.membership import Membership, Tier
from models.settings import settings

NUMBERS = {"downloads": "count", "discount": "percent", "seats": "count"}
"""Perks of which a tier says how many."""
WORDS = {
    "early": ("Early clips", ""),
    "feed": ("A private feed", ""),
    "downloads": ("Personal downloads", "a month"),
    "discount": ("A discount on personal licenses", "per cent"),
    "drops": ("The quarterly drop", ""),
    "seats": ("Seats at events", "at each event"),
}
LABELS = {"name": "Name", "summary": "In one sentence", "month": "A month", "year": "A year"}
HOURS = "Hours before everybody"
LONGEST_HOURS = 30 * 24

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])
Doing = Callable[[Session, Creator], str]
"""It answers what was done, of members_desk.DONE."""


@router.api_route("/members/{slug}/tiers/new", methods=READ)
def new(request: Request, visitor: Asking, slug: Slug) -> Response:
    return _form(request, visitor, slug)


@changes.post("/members/{slug}/tiers/new")
async def add(request: Request, visitor: Asking, slug: Slug) -> Response:
    return await run_in_threadpool(_add, request, visitor, slug, await _sent(request))


@router.api_route("/members/{slug}/tiers/{tier_id}", methods=READ)
def tier(request: Request, visitor: Asking, slug: Slug, tier_id: Id) -> Response:
    return _form(request, visitor, slug, tier_id)


@changes.post("/members/{slug}/tiers/{tier_id}")
async def change(request: Request, visitor: Asking, slug: Slug, tier_id: Id) -> Response:
    """Its fields are as many as the tier has perks."""
    return await run_in_threadpool(_change, request, visitor, slug, tier_id, await _sent(request))


@router.api_route("/members/{slug}/tiers/{tier_id}/test", methods=READ)
def test_asked(request: Request, visitor: Asking, slug: Slug, tier_id: Id) -> Response:
    return _asked(request, visitor, slug, tier_id, "test")


@changes.post("/members/{slug}/tiers/{tier_id}/test")
def begin_test(
    request: Request,
    visitor: Asking,
    slug: Slug,
    tier_id: Id,
    days: Annotated[int, Form(ge=0, le=10_000)],
) -> Response:
    def begin(session: Session, creator: Creator) -> None:
        _tier_of(session, creator, tier_id)
        tiers.start_test(session, visitor, tier_id, days)

    return do(request, visitor, slug, begin, "test")


@changes.post("/members/{slug}/tiers/{tier_id}/test/end")
def end_test(request: Request, visitor: Asking, slug: Slug, tier_id: Id) -> Response:
    def end(session: Session, creator: Creator) -> None:
        _tier_of(session, creator, tier_id)
        tiers.end_test(session, visitor, tier_id)

    return do(request, visitor, slug, end, "test-over")


@router.api_route("/members/{slug}/tiers/{tier_id}/close", methods=READ)
def close_asked(request: Request, visitor: Asking, slug: Slug, tier_id: Id) -> Response:
    return _asked(request, visitor, slug, tier_id, "close")


@changes.post("/members/{slug}/tiers/{tier_id}/close")
def close(request: Request, visitor: Asking, slug: Slug, tier_id: Id) -> Response:
    def end(session: Session, creator: Creator) -> None:
        _tier_of(session, creator, tier_id)
        tiers.close(session, visitor, tier_id)

    return do(request, visitor, slug, end, "tier-closed")


router.include_router(changes)


async def _sent(request: Request) -> dict[str, str]:
    return {name: str(value)[:2_000] for name, value in (await request.form()).items()}


def _add(request: Request, visitor: Visitor, slug: str, form: dict[str, str]) -> Response:
    def add_it(session: Session, creator: Creator) -> str:
        there = tiers.current(session, creator.id)
        currency = there[0].currency if there else settings().currency
        rank = form.get("rank", "")
        wanted = int(rank) if rank.isascii() and rank.isdigit() and len(rank) < 9 else None
        said = _fields([], currency, form)
        tiers.add(session, visitor, creator.id, rank=wanted, **said)
        return "added"

    return _saved(request, visitor, slug, "", form, add_it)


def _change(
    request: Request, visitor: Visitor, slug: str, tier_id: str, form: dict[str, str]
) -> Response:
    def change_it(session: Session, creator: Creator) -> str:
        old = _tier_of(session, creator, tier_id)
        said = _fields(old.perks, old.currency, form)
        made = tiers.change(session, visitor, tier_id, **said)
        return "same" if made.id == tier_id else "tier"

    return _saved(request, visitor, slug, tier_id, form, change_it)


def _saved(
    request: Request, visitor: Visitor, slug: str, tier_id: str, form: dict[str, str], act: Doing
) -> Response:
    try:
        with unit_of_work(visitor.actor) as session:
            done = act(session, mine(session, visitor, slug))
    except (BadRequest, Refusal) as error:
        return _form(request, visitor, slug, tier_id, wrong=error, given=form)
    return RedirectResponse(f"/members/{slug}?done={done}", 303)


def _fields(old: list[dict[str, Any]], currency: str, form: dict[str, str]) -> dict[str, Any]:
    """As the form says them: prices in whole units, the lead in hours, a number a perk. Raises
    BadRequest in the words of the form.
    """
    for field, most in tiers.LONGEST.items():
        if not 0 < len(clean(form.get(field, ""))) <= most:
            raise BadRequest(f"{LABELS[field]}: 1 to {most} characters.")
    said: list[dict[str, Any]] = []
    for kind in perks.KINDS:
        if form.get(f"perk-{kind}") != "yes":
            continue
        before = next((one for one in old if one.get("kind") == kind), {"kind": kind})
        name, label = NUMBERS.get(kind), WORDS[kind][0] if kind in WORDS else kind
        many = {name: _whole(form.get(f"number-{kind}", ""), label, 0, 9_999)} if name else {}
        said.append(_perk({**before, **many}, label))
    return {
        "name": form.get("name", ""),
        "summary": form.get("summary", ""),
        "month_cents": _cents(form.get("month", ""), LABELS["month"], currency),
        "year_cents": _cents(form.get("year", ""), LABELS["year"], currency),
        "lead_ms": _whole(form.get("hours", ""), HOURS, 0, LONGEST_HOURS) * HOUR_MS,
        "perks": said,
    }


def _perk(said: dict[str, Any], label: str) -> dict[str, Any]:
    try:
        perks.checked([said])
    except BadRequest as error:
        _, found, range_of = str(error).partition(" is a whole number ")
        if not found:
            raise
        raise BadRequest(f"{label}: a whole number {range_of}") from None
    return said


def _tier_of(session: Session, creator: Creator, tier_id: str) -> Tier:
    found = session.get(Tier, tier_id)
    if found is None or found.creator_id != creator.id:
        raise NotFound("There is no such tier.")
    return found


def _form(
    request: Request,
    visitor: Visitor,
    slug: str,
    tier_id: str = "",
    *,
    wrong: CatalogError | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    """Without a tier: of a new one."""
    with reading() as session:
        creator = mine(session, visitor, slug)
        found = _tier_of(session, creator, tier_id) if tier_id else None
        there = tiers.current(session, creator.id)
        return page(
            request,
            "members_desk_tier.html",
            status=wrong.status if wrong else 200,
            creator=creator,
            tier=found,
            there=there,
            currency=(found or there[0]).currency if found or there else settings().currency,
            keeping=_keeping(session, found) if found else 0,
            kinds=list(perks.KINDS),
            numbers=NUMBERS,
            words=WORDS,
            labels={**LABELS, "hours": HOURS},
            fields=given or (_as_it_is(found) if found else {}),
            wrong=wrong,
        )


def _as_it_is(found: Tier) -> dict[str, str]:
    said = {one["kind"]: one for one in found.perks}
    counted = [(kind, name) for kind, name in NUMBERS.items() if kind in said]
    return {
        "name": found.name,
        "summary": found.summary,
        "month": f"{found.month_cents / 100:.2f}",
        "year": f"{found.year_cents / 100:.2f}",
        "hours": str(found.lead_ms // HOUR_MS),
        **{f"perk-{kind}": "yes" for kind in said},
        **{f"number-{kind}": str(said[kind].get(name)) for kind, name in counted},
    }


def _asked(request: Request, visitor: Visitor, slug: str, tier_id: str, what: str) -> Response:
    """What a test or a close means, before it is so."""
    with reading() as session:
        creator = mine(session, visitor, slug)
        found, now = _tier_of(session, creator, tier_id), now_of(session)
        tested = what == "test" and found.test_until_ms and found.test_until_ms > now
        if found.retired_ms is not None or tested:
            return RedirectResponse(f"/members/{slug}", 303)
        return page(
            request,
            f"members_desk_tier_{what}.html",
            creator=creator,
            tier=found,
            keeping=_keeping(session, found),
            days=tiers.TEST_DAYS,
            until_ms=now + tiers.TEST_DAYS * DAY_MS,
            last=len(tiers.current(session, creator.id)) == 1,
        )


def _keeping(session: Session, found: Tier) -> int:
    alive = select(func.count()).where(Membership.tier_id == found.id, memberships.is_alive())
    return session.scalar(alive) or 0


def _whole(text: str, label: str, low: int, high: int) -> int:
    said = text.strip()
    if not (said.isascii() and said.isdigit() and len(said) <= 6 and low <= int(said) <= high):
        raise BadRequest(f"{label}: a whole number from {low} to {high:,}.")
    return int(said)


def _cents(text: str, label: str, currency: str) -> int:
    parts = text.strip().replace(",", ".").split(".")
    whole, part = parts[0], parts[1] if len(parts) == 2 else ""
    if len(parts) > 2 or not whole.isascii() or not whole.isdigit() or len(whole) > 7:
        raise BadRequest(f"{label}: a price is written as 3 or 3.50.")
    if part and not (part.isascii() and part.isdigit() and len(part) <= 2):
        raise BadRequest(f"{label}: a price has two digits after the point at most.")
    cents, unit = int(whole) * 100 + int(part.ljust(2, "0")), unit_cents(currency)
    if not 100 <= cents <= tiers.MOST_CENTS * unit:
        most = tiers.MOST_CENTS * unit // 100
        raise BadRequest(f"{label}: a price from 1 to {most:,} {currency}.")
    if cents % unit:
        raise BadRequest(f"{label}: prices in {currency} have no digits after the point.")
    return cents
