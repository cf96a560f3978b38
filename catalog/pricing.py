"""What a license costs: a base from the database, times factors from its tables.

Exact: fractions, never floating point. Decision 0021 tells why prices are data.
"""

import functools
import math
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog import terms as terms_of
from catalog import territories
from catalog.errors import Refusal
from catalog.uses import Fields, Use, completed
from models import event
from models.base import now_ms
from models.listing import Listing
from models.settings import settings
from models.terms import PriceRule, Terms

MORE = "more"
"""The last step of a table: for all that is more, and for no limit."""
NAMES = ("length", "media", "territory", "term", "audience", "seats", "projects", "exclusive")
MEMBER = "Member discount"
PRIVATE = "personal"
"""The kind that a creator's members get at less."""
HINTED = "standard"
"""The kind whose base a recording's price hint is; the others keep their distance from it."""


@dataclass(frozen=True)
class Line:
    """`factor` as a decimal, or `cents`: the base, and what it all comes to."""

    what: str
    factor: str = ""
    cents: int | None = None


@dataclass(frozen=True)
class Priced:
    price_cents: int
    currency: str
    breakdown: list[Line]
    rule_id: str

    def as_row(self) -> list[dict[str, Any]]:
        return [asdict(line) for line in self.breakdown]


@functools.cache
def _seeds() -> dict[str, Any]:
    return tomllib.loads((terms_of.FOLDER / "prices.toml").read_text(encoding="utf-8"))


def is_published(session: Session) -> bool:
    kinds = select(PriceRule.kind).where(*_in_force(""), PriceRule.currency == settings().currency)
    return set(session.scalars(kinds)) >= set(_seeds()["kinds"])


def publish(session: Session) -> None:
    """The house's first prices. What it set itself stays, unless the currency is another now."""
    house = {row.kind: row for row in session.scalars(select(PriceRule).where(*_in_force("")))}
    for kind, said in _seeds()["kinds"].items():
        if kind in house and house[kind].currency == settings().currency:
            continue
        tables = {name: _seeds()["tables"][name] for name in said["factors"]}
        put(session, kind, "", said["base_cents"], said["floor_cents"], tables)


def put(
    session: Session,
    kind: str,
    creator_id: str,
    base_cents: int,
    floor_cents: int,
    factors: dict[str, Any],
) -> PriceRule:
    """In the place of the one in force. Raises Refusal where two do it at once."""
    withdraw(session, kind, creator_id)
    row = PriceRule(
        kind=kind,
        creator_id=creator_id,
        currency=settings().currency,
        base_cents=base_cents,
        floor_cents=floor_cents,
        round_cents=_seeds()["round_cents"],
        factors=factors,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise Refusal(
            "This price was changed by somebody else just now. Look at it again.",
            code="price_changed",
        ) from error
    event.record(
        session, "price.set", row.id, license=kind, creator=creator_id, base_cents=base_cents
    )
    return row


def withdraw(session: Session, kind: str, creator_id: str) -> None:
    in_force = *_in_force(creator_id), PriceRule.kind == kind
    session.execute(update(PriceRule).where(*in_force).values(retired_ms=now_ms()))


def rules(session: Session, creator_id: str) -> dict[str, PriceRule]:
    """By kind: the creator's own, else the house's."""
    wanted = select(PriceRule).where(
        PriceRule.creator_id.in_(("", creator_id)),
        PriceRule.retired_ms.is_(None),
        PriceRule.currency == settings().currency,
    )
    found = sorted(session.scalars(wanted), key=lambda row: row.creator_id)
    return {row.kind: row for row in found}


def price(
    session: Session, listing: Listing, terms: Terms, use: Use, *, member_percent: int = 0
) -> Priced:
    known = rules(session, _creator(listing))
    return price_by(known, listing, terms, use, member_percent=member_percent)


def price_by(
    known: dict[str, PriceRule],
    listing: Listing,
    terms: Terms,
    use: Use,
    *,
    member_percent: int = 0,
) -> Priced:
    """With rules that were read already. Raises Refusal for a kind that has no price.

    `member_percent`: what its creator's member has off; see catalog.members.perks.discount."""
    rule = known.get(terms.kind)
    if rule is None:
        raise Refusal("This license has no price just now.", code="no_price")
    fields = terms_of.fields(terms)
    found = reckoned(rule, _base(known, rule, listing), fields, use, listing.clip.length_ms)
    return for_member(found, member_percent) if terms.kind == PRIVATE else found


def for_member(priced: Priced, percent: int) -> Priced:
    """Exact, and a part of a cent is the member's."""
    if not percent or not priced.price_cents:
        return priced
    factor = Fraction(100 - percent, 100)
    cents = math.floor(priced.price_cents * factor)
    line = Line(f"{MEMBER} {percent} %", factor=f"{float(factor):g}")
    return replace(priced, price_cents=cents, breakdown=[*priced.breakdown, line])


def reckoned(rule: PriceRule, base_cents: int, fields: Fields, use: Use, length_ms: int) -> Priced:
    lines = [Line("Base price", cents=base_cents)]
    exact = Fraction(base_cents)
    for name in NAMES:
        table = rule.factors.get(name)
        if table is None or (name == "exclusive" and not fields.exclusive):
            continue
        amount = _amounts(use, length_ms)[name]
        factor = factor_of(table, amount)
        exact *= Fraction(factor)
        if Fraction(factor) != 1:
            lines.append(Line(_said(name, amount, use), factor=factor))
    cents = rounded(max(exact, Fraction(rule.floor_cents)), rule.round_cents)
    if exact < rule.floor_cents:
        lines.append(Line("The least that this license costs", cents=cents))
    elif cents != exact:
        lines.append(Line("Rounded up", cents=cents))
    return Priced(cents, rule.currency, lines, rule.id)


def price_from(session: Session, listing: Listing) -> tuple[int, str]:
    """The least that a paid license of it can cost."""
    known = rules(session, _creator(listing))
    offered = [row for row in terms_of.current(session) if row.kind in known]
    fits = [row for row in offered if _fits(listing, terms_of.fields(row))]
    paid = [least(known, listing, row) for row in fits]
    return min((cents for cents in paid if cents), default=0), settings().currency


def least(
    known: dict[str, PriceRule], listing: Listing, terms: Terms, *, member_percent: int = 0
) -> int:
    """Of the smallest use that these terms know."""
    use = smallest(terms_of.fields(terms))
    return price_by(known, listing, terms, use, member_percent=member_percent).price_cents


def smallest(fields: Fields) -> Use:
    lowest = {
        "media": fields.media[:1],
        "territory": sorted(territories.within(fields.territory, fields.without))[:1],
        "term": 1,
        "audience": 1,
    }
    names = {"media": "media", "territory": "territory", "term": "term_days"}
    given = {names.get(one, one): lowest[one] for one in fields.asks if one in lowest}
    return completed(fields, given, 0)


def factor_of(table: Sequence[Sequence[Any]], amount: float) -> str:
    """The factor of the first step that is not below the amount."""
    for most, factor in table:
        if most == MORE or amount <= most:
            return str(factor)
    return str(table[-1][1])


def rounded(cents: Fraction, multiple: int) -> int:
    return math.ceil(cents / multiple) * multiple


def _amounts(use: Use, length_ms: int) -> dict[str, float]:
    """What each table is asked for. Infinity: without a limit."""
    return {
        "length": math.ceil(length_ms / 1000),
        "media": len(use.media),
        "territory": len(territories.within(use.territory, use.without)),
        "term": math.inf if use.term_days is None else use.term_days,
        "audience": math.inf if use.audience is None else use.audience,
        "seats": use.seats,
        "projects": use.projects,
        "exclusive": 1,
    }


def _said(name: str, amount: float, use: Use) -> str:
    count = "" if amount == math.inf else f"{int(amount):,}"
    one = amount == 1
    return {
        "length": f"Length: {count} seconds",
        "media": f"Media: {count}",
        "territory": f"Territory: {territories.told_short(use.territory, use.without)}",
        "term": f"Term: {count} {'day' if one else 'days'}" if count else "Term: without end",
        "audience": f"Audience: up to {count}" if count else "Audience: no limit",
        "seats": f"Seats: {count}",
        "projects": f"Projects: {count}",
        "exclusive": "Exclusive: nobody else is licensed there",
    }[name]


def _base(known: dict[str, PriceRule], rule: PriceRule, listing: Listing) -> int:
    """The rule's, or what the recording's price hint makes of it."""
    said = listing.clip.recording.sidecar
    hint, scale = said.get("price_hint_cents"), known.get(HINTED)
    ours = said.get("price_hint_currency") in (None, settings().currency)
    if hint is None or not ours or scale is None or not scale.base_cents:
        return rule.base_cents
    return math.ceil(Fraction(rule.base_cents * int(hint), scale.base_cents))


def _creator(listing: Listing) -> str:
    return listing.clip.recording.creator_id


def _fits(listing: Listing, fields: Fields) -> bool:
    return terms_of.is_cleared(listing) or not fields.release_needed


def _in_force(creator_id: str) -> tuple[Any, ...]:
    return PriceRule.creator_id == creator_id, PriceRule.retired_ms.is_(None)
