"""A creator's offers: made or not, what is in them, and what they did."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import segments
from catalog.auth import Visitor, needs
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members import tiers
from catalog.offers import desk, limits
from catalog.offers.choosing import SEGMENT
from catalog.offers.deals import NAMES
from catalog.web import deals
from catalog.web.rendering import page, with_query
from catalog.web.visitors import Asking, ours
from models.account import Role
from models.base import reading, unit_of_work
from models.creator import Creator
from models.settings import settings

READ = ["GET", "HEAD"]
MOST_DESKS = 200
DAY_MS = 86_400_000
Slug = Annotated[str, Form(max_length=200)]
Key = Annotated[str, Path(max_length=40)]
Typed = Annotated[str, Form(max_length=30)]

router = APIRouter(include_in_schema=False)
changes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])


@dataclass(frozen=True)
class Field:
    label: str
    hint: str = ""


FIELDS = {
    "percent": Field(NAMES["percent"], "5 to 90, of what the clips cost one by one"),
    "most": Field(NAMES["most"], "2 to 6; fewer where more would be no small thing"),
    "cents": Field(NAMES["cents"], "0.50 to 9.99"),
    "days": Field(NAMES["days"], "3 to 60"),
    "tier": Field(NAMES["tier"]),
}


class Asked:
    """The fields of the form, as they were typed."""

    def __init__(
        self,
        title: Annotated[str, Form(max_length=200)] = "",
        holdout: Typed = "",
        last_day: Typed = "",
        percent: Typed = "",
        most: Typed = "",
        cents: Typed = "",
        days: Typed = "",
        tier: Annotated[str, Form(max_length=40)] = "",
        segment: Annotated[str, Form(pattern="^([0-9a-f]{32})?$")] = "",
    ) -> None:
        self.title, self.holdout, self.last_day = title, holdout, last_day
        self.facts = {"percent": percent, "most": most, "cents": cents, "days": days}
        self.facts["tier"] = tier
        self.segment = segment

    def fields(self, facts: dict[str, Any]) -> dict[str, Any]:
        """As desk.put() takes them. Raises BadRequest."""
        return {
            "title": self.title,
            "holdout": _number(desk.NOT_SHOWN, self.holdout),
            "ends_ms": _end_of(self.last_day),
            "facts": {name: self._fact(name) for name in facts} | {SEGMENT: self.segment},
        }

    def _fact(self, name: str) -> Any:
        typed = self.facts[name]
        if name == "tier":
            return typed
        return deals.cents_of(typed) if name == "cents" else _number(name, typed)


AskedForm = Annotated[Asked, Depends()]


@router.api_route("/offers", methods=READ)
def shown(
    request: Request,
    visitor: Asking,
    creator: Annotated[str | None, Query(max_length=200)] = None,
    said: Annotated[str, Query(pattern="^(made|ended)?$")] = "",
) -> Response:
    return _page(request, visitor, creator, said=said)


@changes.post("/offers/of/{key}")
def put(
    request: Request, visitor: Asking, key: Key, asked: AskedForm, creator: Slug = ""
) -> Response:
    """Made from now on, or made otherwise."""
    try:
        with unit_of_work(actor=visitor.actor) as session:
            whose, _ = _whose(session, visitor, creator or None)
            seed = desk.keys().get(key)
            if seed is None:
                raise NotFound("There is no such offer.")
            fields = asked.fields(seed["facts"]) if asked.title else {}
            desk.put(session, visitor, whose.id, key, **fields)
    except (BadRequest, Refusal) as error:
        return _page(request, visitor, creator or None, problem=str(error), key=key)
    return RedirectResponse(with_query("/offers", creator=creator, said="made") + f"#{key}", 303)


@changes.post("/offers/of/{key}/end")
def end(visitor: Asking, key: Key, creator: Slug = "") -> Response:
    with unit_of_work(actor=visitor.actor) as session:
        whose, _ = _whose(session, visitor, creator or None)
        desk.end(session, visitor, whose.id, key)
    return RedirectResponse(with_query("/offers", creator=creator, said="ended") + f"#{key}", 303)


router.include_router(changes)


def _page(
    request: Request,
    visitor: Visitor,
    slug: str | None,
    *,
    said: str = "",
    problem: str = "",
    key: str = "",
) -> Response:
    with reading() as session:
        whose, desks = _whose(session, visitor, slug)
        steps = tiers.current(session, whose.id)
        names = {one.key: one.name for one in steps}
        return page(
            request,
            "offer_desk.html",
            status=400 if problem else 200,
            whose=whose,
            desks=desks,
            made=desk.of_creator(session, visitor, whose.id),
            fields=FIELDS,
            currency=settings().currency,
            limits=limits.limits(),
            tiers=steps,
            segments=segments.of_creator(session, visitor, whose.id),
            tier_names=names,
            told=lambda rule: "; ".join(segments.told(rule, names)),
            basis=segments.FACTS,
            least=segments.LEAST,
            day=lambda ms: deals.day(ms - 1) if ms else "",
            said=said,
            problem=problem,
            wrong_key=key,
        )


def _whose(session: Session, visitor: Visitor, slug: str | None) -> tuple[Creator, list[Creator]]:
    """Whose offers, and all whose offers this visitor may change. Raises NotFound."""
    needs(visitor, Role.CREATOR)
    wanted = select(Creator).order_by(Creator.name, Creator.id).limit(MOST_DESKS)
    if not visitor.has():
        wanted = wanted.where(Creator.id.in_(visitor.creator_ids))
    desks = list(session.scalars(wanted))
    found = desks if slug is None else [one for one in desks if one.slug == slug]
    if not found:
        raise NotFound("There are no offers of yours at this address.")
    return found[0], desks


def _number(name: str, typed: str) -> int:
    if not typed.strip().isascii() or not typed.strip().isdigit():
        raise BadRequest(f"{FIELDS[name].label if name in FIELDS else name}: a whole number.")
    return int(typed)


def _end_of(day: str) -> int | None:
    """The end of that day, by UTC."""
    if not day.strip():
        return None
    try:
        at = datetime.strptime(day.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise BadRequest("Last day: write it like 2027-01-31, or leave it empty.") from None
    return int(at.timestamp() * 1000) + DAY_MS
