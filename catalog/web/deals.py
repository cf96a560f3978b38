"""The deal beside a clip: which license, for what use, at which price; and the form behind it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import pricing, quotes, territories
from catalog import terms as terms_of
from catalog.auth import Visitor
from catalog.collisions import Collision
from catalog.errors import BadRequest, CatalogError, Refusal
from catalog.members.perks import discount
from catalog.pricing import Priced
from catalog.uses import DAY_MS, MEDIA, Fields, Use
from catalog.web.words import counted
from models.listing import Listing
from models.settings import settings
from models.terms import Terms

TERMS = {
    "30": "30 days",
    "90": "3 months",
    "365": "1 year",
    "730": "2 years",
    "1825": "5 years",
    "3650": "10 years",
    "none": "Without end",
}
AUDIENCES = {
    "10000": "Up to 10,000",
    "100000": "Up to 100,000",
    "1000000": "Up to 1 million",
    "10000000": "Up to 10 million",
    "none": "No limit",
}
WHERE = {"world": "Worldwide", "only": "Some countries", "except": "Worldwide except some"}
FIRST = {"term": "365", "audience": "100000", "where": "world"}
"""What is chosen until somebody chooses."""
PREFERRED = ("standard", "editorial", "social")


@dataclass(frozen=True)
class Card:
    """One kind of license to choose. `refused`: why it can't be had for this clip."""

    terms: Terms
    fields: Fields
    from_cents: int
    refused: str = ""


@dataclass(frozen=True)
class Deal:
    cards: list[Card]
    currency: str
    chosen: Card | None = None
    form: dict[str, Any] = field(default_factory=dict)
    """The fields as they are shown again."""
    use: Use | None = None
    priced: Priced | None = None
    problem: str = ""
    taken: Collision | None = None

    @property
    def free_from(self) -> str:
        """The first day on which it could begin, as the form has days."""
        free = self.taken.next_free_ms if self.taken else None
        return "" if free is None else day(-(-free // DAY_MS) * DAY_MS)

    @property
    def may_quote(self) -> bool:
        lasting = self.taken is not None and self.taken.code != quotes.TEMPORARY
        return self.priced is not None and not lasting


def deal(session: Session, listing: Listing, given: Any, visitor: Visitor) -> Deal:
    """`given`: the form's fields, or an address's; what is missing is as most people choose.
    `visitor`: whose member discount counts, and whose payments under way are named as theirs."""
    off = discount.percent(session, visitor.account_id, listing.creator_id, quotes.now(session))
    known = pricing.rules(session, listing.clip.recording.creator_id)
    cards = [
        _card(known, listing, row, off) for row in terms_of.current(session) if row.kind in known
    ]
    currency = settings().currency
    wanted = given.get("kind", "")
    chosen = next((one for one in cards if one.terms.kind == wanted), _preferred(cards))
    if chosen is None:
        return Deal(cards, currency)
    form = filled(chosen.fields, given)
    if chosen.refused:
        return Deal(cards, currency, chosen, form, problem=chosen.refused)
    try:
        use = quotes.wanted(session, chosen.fields, parsed(chosen.fields, form))
        priced = pricing.price_by(known, listing, chosen.terms, use, member_percent=off)
    except CatalogError as error:
        return Deal(cards, currency, chosen, form, problem=_told(str(error)))
    taken = quotes.blocked(session, listing, use, chosen.fields, visitor)
    return Deal(cards, currency, chosen, form, use, priced, taken=taken)


def filled(fields: Fields, given: Any) -> dict[str, Any]:
    """The form's fields as they will be shown, defaults in the place of what is missing."""
    media = [name for name in fields.media if name in _many(given, "media")]
    # A form that showed the boxes and has none ticked means none; one of another kind says nothing.
    shown = given.get("shown") and given.get("shown") == given.get("kind")
    form = {
        "media": media if shown or media else fields.media[:1],
        "where": given.get("where", ""),
        "country": _many(given, "country"),
        "starts": str(given.get("starts", "")).strip(),
        "seats": str(given.get("seats") or "1").strip(),
        "projects": str(given.get("projects") or "1").strip(),
        "term": str(given.get("term", "")),
        "audience": str(given.get("audience", "")),
    }
    choices = {"where": WHERE, "term": term_choices(fields), "audience": audience_choices(fields)}
    for name, known in choices.items():
        if not form[name] or (name == "where" and form[name] not in known):
            form[name] = FIRST[name] if FIRST[name] in known else next(iter(known))
    return form


def parsed(fields: Fields, form: Mapping[str, Any]) -> dict[str, Any]:
    """What catalog.uses.completed reads. Raises BadRequest for what can't be read."""
    found: dict[str, Any] = {"starts_ms": _day_ms(form["starts"])} if form["starts"] else {}
    if "media" in fields.asks:
        if not form["media"]:
            raise BadRequest("Choose at least one medium to use it in.")
        found["media"] = form["media"]
    if "territory" in fields.asks:
        found.update(_territory(form["where"], form["country"]))
    if "term" in fields.asks:
        found["term_days"] = _number("term", form["term"], TERMS)
    if "audience" in fields.asks:
        found["audience"] = _number("audience", form["audience"], AUDIENCES)
    for name in ("seats", "projects"):
        if name in fields.asks:
            found[name] = _number(name, form[name])
    return found


def term_choices(fields: Fields) -> dict[str, str]:
    return _within(TERMS, fields.term_days)


def audience_choices(fields: Fields) -> dict[str, str]:
    return _within(AUDIENCES, fields.audience_cap)


def as_form(use: Use) -> dict[str, Any]:
    """The form's fields of a use, to change it."""
    world = territories.WORLD in use.territory
    where = ("except" if use.without else "world") if world else "only"
    return {
        "media": use.media,
        "where": where,
        "country": use.without if world else use.territory,
        "starts": day(use.starts_ms),
        "seats": str(use.seats),
        "projects": str(use.projects),
        "term": "none" if use.term_days is None else str(use.term_days),
        "audience": "none" if use.audience is None else str(use.audience),
    }


def told(use: Use, fields: Fields) -> list[tuple[str, str]]:
    """What one may do, as rows of a list."""
    rows = [
        ("Media", ", ".join(MEDIA[name] for name in use.media).capitalize()),
        ("Territory", _first_upper(territories.told(use.territory, use.without))),
        ("Term", lasting_days(use.term_days)),
        ("Audience", "No limit" if use.audience is None else f"Up to {use.audience:,} people"),
        ("Seats", counted(use.seats, "person") if use.seats == 1 else f"{use.seats:,} people"),
        ("Projects", counted(use.projects, "project")),
        ("Exclusive", "Yes: nobody else is licensed there" if fields.exclusive else "No"),
        ("Credit", "Name the creator" if fields.attribution else "Not needed"),
        ("Sublicensing", "Allowed" if fields.sublicensing else "Not allowed"),
        ("Training of AI", "Allowed" if fields.ai_training else "Not allowed"),
    ]
    unasked = {"Audience": "audience", "Seats": "seats", "Projects": "projects"}
    kept = [row for row in rows if unasked.get(row[0], "media") in (*fields.asks, "media")]
    file = "Watermarked preview" if fields.watermarked else "Clean, full quality, signed"
    return [*kept, ("File", file)]


def lasting_days(days: int | None) -> str:
    if days is None:
        return "Without end"
    return TERMS.get(str(days)) or counted(days, "day")


def day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")


def cents_of(text: str) -> int | None:
    """ "1,250.50" as cents; None for nothing. Raises BadRequest for what is no amount."""
    cleaned = text.strip().replace(",", "").lstrip("$€£").strip()
    if not cleaned:
        return None
    found = re.fullmatch(r"(\d{1,9})(?:\.(\d{1,2}))?", cleaned, re.ASCII)
    if not found:
        raise BadRequest("This is no amount; write it like 49 or 1250.50.")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0") or 0)


def _card(known: Mapping[str, Any], listing: Listing, row: Terms, off: int) -> Card:
    fields = terms_of.fields(row)
    try:
        terms_of.fits(listing, fields)
    except Refusal as error:
        return Card(row, fields, 0, str(error))
    least = pricing.least(dict(known), listing, row, member_percent=off)
    return Card(row, fields, least)


def _preferred(cards: Sequence[Card]) -> Card | None:
    free = {one.terms.kind: one for one in cards if not one.refused}
    named = (free[kind] for kind in PREFERRED if kind in free)
    return next(named, next(iter(free.values()), None))


def _within(choices: Mapping[str, str], most: int | None) -> dict[str, str]:
    if most is None:
        return dict(choices)
    return {key: text for key, text in choices.items() if key != "none" and int(key) <= most}


def _territory(where: str, countries: list[str]) -> dict[str, Any]:
    if where == "world":
        return {"territory": [territories.WORLD], "without": []}
    if not countries:
        raise BadRequest("Choose at least one country.")
    if where == "only":
        return {"territory": countries, "without": []}
    return {"territory": [territories.WORLD], "without": countries}


def _number(name: str, text: str, choices: Mapping[str, str] | None = None) -> int | None:
    if choices is not None and text == "none":
        return None
    if not re.fullmatch(r"\d{1,11}", text, re.ASCII):
        raise BadRequest(f"{name}: {text[:20]!r} is no whole number above zero.")
    return int(text)


def _day_ms(text: str) -> int:
    try:
        at = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise BadRequest("The first day can't be read; write it like 2027-01-31.") from None
    return max(int(at.timestamp() * 1000), 0)


def _many(given: Any, name: str) -> list[str]:
    """Of a form, an address or a dict."""
    if hasattr(given, "getlist"):
        return [str(one) for one in given.getlist(name)][:300]
    value = given.get(name, [])
    return [value] if isinstance(value, str) else list(value)


def _told(text: str) -> str:
    """A field's name at its start is the program's; people read a sentence."""
    name, mark, rest = text.partition(": ")
    return f"{_first_upper(name.replace('_', ' '))}: {rest}" if mark and " " not in name else text


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
