"""A creator's own prices in the place of the house's, and what listings say they cost from."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import listings, pricing
from catalog import terms as terms_of
from catalog.auth import Visitor, needs, needs_creator
from catalog.errors import BadRequest, NotFound
from catalog.pricing import Priced
from catalog.uses import Fields, completed
from models.account import Role
from models.base import new_id
from models.listing import Listing
from models.steps import ask
from models.terms import PriceRule, Terms

HOUSE = ""
"""In the place of a creator's id: the house's own prices, for staff."""
LEAST_CENTS, MOST_CENTS = 100, 10_000_000
AT_ONCE = 200
EXAMPLE_MS = 30_000
"""A clip of this length in the examples."""


@dataclass(frozen=True)
class Example:
    """What one use costs."""

    name: str
    said: str
    priced: Priced


@dataclass(frozen=True)
class Kind:
    """One kind of license as its creator prices it."""

    terms: Terms
    rule: PriceRule
    own: bool
    house_cents: int
    base_cents: int
    """As it is, or as it would be: what the examples are reckoned from."""
    examples: list[Example]


@dataclass(frozen=True)
class Typical:
    """A use that most buyers are near to, and its words for people."""

    name: str
    use: dict[str, Any]
    said: dict[str, str]


TYPICAL = (
    Typical(
        "Small",
        {"territory": ["DE"], "term": 30, "audience": 10_000},
        {
            "media": "one medium",
            "territory": "one country",
            "term": "a month",
            "audience": "10,000 people",
        },
    ),
    Typical(
        "Usual",
        {"territory": ["WORLD"], "term": 365, "audience": 100_000},
        {
            "media": "one medium",
            "territory": "worldwide",
            "term": "a year",
            "audience": "100,000 people",
        },
    ),
    Typical(
        "Large",
        {"territory": ["WORLD"], "term": None, "audience": None},
        {
            "media": "all its media",
            "territory": "worldwide",
            "term": "as long as it allows",
            "audience": "as many people as it allows",
        },
    ),
)


def kinds(
    session: Session, visitor: Visitor, creator_id: str, wanted: dict[str, int] | None = None
) -> list[Kind]:
    """Every paid kind; `wanted` bases by kind are shown as if they were saved already."""
    _may(visitor, creator_id)
    for cents in (wanted or {}).values():
        _sane(cents)
    known, house = pricing.rules(session, creator_id), pricing.rules(session, HOUSE)
    found = []
    for row in terms_of.current(session):
        rule = known.get(row.kind)
        if rule is None or not house[row.kind].base_cents:
            continue
        base = (wanted or {}).get(row.kind, rule.base_cents)
        fields = terms_of.fields(row)
        shown = _as_if(rule, house[row.kind], base)
        found.append(
            Kind(
                row,
                rule,
                bool(creator_id) and rule.creator_id == creator_id,
                house[row.kind].base_cents,
                base,
                _examples(shown, fields),
            )
        )
    return found


def set_own(session: Session, visitor: Visitor, creator_id: str, wanted: dict[str, int]) -> int:
    """Base prices by kind. What is as it was before stays; answers how many changed."""
    _may(visitor, creator_id)
    known, house = pricing.rules(session, creator_id), pricing.rules(session, HOUSE)
    changed = 0
    for kind, cents in wanted.items():
        if kind not in house or not house[kind].base_cents:
            raise NotFound("There is no such license to set a price for.")
        if _sane(cents) == known[kind].base_cents:
            continue
        floor = _as_if(known[kind], house[kind], cents).floor_cents
        pricing.put(session, kind, creator_id, cents, floor, house[kind].factors)
        changed += 1
    if changed:
        ask(session, "reprice", creator_id or "house", None, new_id())
    return changed


def back_to_house(session: Session, visitor: Visitor, creator_id: str) -> None:
    """The creator has no prices of their own any more."""
    needs_creator(visitor, creator_id)
    for kind, rule in pricing.rules(session, creator_id).items():
        if rule.creator_id == creator_id:
            pricing.withdraw(session, kind, creator_id)
    ask(session, "reprice", creator_id, None, new_id())


def fill(session: Session, listing: Listing) -> None:
    """What the listing costs from, for its card and for the search."""
    cents, currency = pricing.price_from(session, listing)
    if (cents, currency) != (listing.price_from_cents, listing.currency):
        listings.set_price_from(session, listing.id, cents, currency)


def reprice(session: Session, creator_id: str, after: str) -> str:
    """Some listings of the creator (HOUSE: of all) after this id; the last one's, or ""."""
    wanted = select(Listing).where(Listing.id > after).order_by(Listing.id).limit(AT_ONCE)
    if creator_id != HOUSE:
        wanted = wanted.where(Listing.creator_id == creator_id)
    found = list(session.scalars(wanted))
    for listing in found:
        fill(session, listing)
    return found[-1].id if found else ""


def _may(visitor: Visitor, creator_id: str) -> None:
    if creator_id == HOUSE:
        needs(visitor, Role.STAFF)
    else:
        needs_creator(visitor, creator_id)


def _as_if(rule: PriceRule, house: PriceRule, base_cents: int) -> PriceRule:
    """The same rule with another base, and a floor as far below it as the house's is."""
    scaled = Fraction(house.floor_cents * base_cents, house.base_cents)
    return PriceRule(
        id=rule.id,
        kind=rule.kind,
        currency=rule.currency,
        base_cents=base_cents,
        floor_cents=pricing.rounded(scaled, rule.round_cents),
        round_cents=rule.round_cents,
        factors=rule.factors,
    )


def _examples(rule: PriceRule, fields: Fields) -> list[Example]:
    """Told apart only by what these terms ask; one where they ask nothing."""
    found = []
    for typical in TYPICAL if fields.asks else TYPICAL[:1]:
        chosen = {
            "media": fields.media if typical.name == "Large" else fields.media[:1],
            "territory": typical.use["territory"],
            "term": _at_most(typical.use["term"], fields.term_days),
            "audience": _at_most(typical.use["audience"], fields.audience_cap),
        }
        named = {"term": "term_days"}
        asked = [name for name in chosen if name in fields.asks]
        made = completed(fields, {named.get(name, name): chosen[name] for name in asked}, 0)
        priced = pricing.reckoned(rule, rule.base_cents, fields, made, EXAMPLE_MS)
        said = ", ".join(typical.said[name] for name in asked)
        found.append(Example(typical.name if asked else "Any use", said, priced))
    return found


def _at_most(wanted: int | None, cap: int | None) -> int | None:
    if cap is None or wanted is None:
        return cap if wanted is None else wanted
    return min(wanted, cap)


def _sane(cents: int) -> int:
    if not LEAST_CENTS <= cents <= MOST_CENTS:
        raise BadRequest("A base price is between 1 and 100,000.")
    return cents
