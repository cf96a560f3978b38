"""A pool's form: what its fields hold, and the rule and window that they mean.

Moments and lengths are written to the minute; what is saved as it was shown stays as exact as it
was, whoever set it."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from catalog import routing, rules
from catalog.errors import BadRequest
from catalog.rules import Rule, Window
from catalog.web import words
from models.listing import Listing
from models.pool import Pool

TEXTS = (
    "slug",
    "name",
    "about",
    "creator",
    "fills",
    "words",
    "least_score",
    "tags",
    "least_s",
    "most_s",
    "language",
    "clips",
    "begins",
    "ends",
    "embargo_min",
)
LISTS = ("kinds", "creators", "releases")
LONGEST = 1_000
MINUTE_MS = 60_000
KNOWN_KINDS = ("cheer", "applause", "laughter", "excited speech", "impact", "motion", "speech")


def blank() -> dict[str, Any]:
    return {**dict.fromkeys(TEXTS, ""), **{name: [] for name in LISTS}, "fills": "rule"}


def read(sent: FormData) -> dict[str, Any]:
    texts = {name: str(sent.get(name, ""))[:LONGEST] for name in TEXTS}
    lists = {name: [str(one)[:80] for one in sent.getlist(name)[:100]] for name in LISTS}
    return {**blank(), **texts, **lists}


def of(pool: Pool) -> dict[str, Any]:
    rule, window = routing.of(pool)
    return {
        **blank(),
        "slug": pool.slug,
        "name": pool.name,
        "about": pool.about,
        "creator": pool.creator_id or "",
        "fills": "rule" if rule.by_itself else "hand",
        "words": rule.words,
        "least_score": _text(rule.least_score),
        "tags": ", ".join(rule.tags),
        "least_s": _text(rule.least_s),
        "most_s": _text(rule.most_s),
        "language": rule.language,
        "clips": rule.clips,
        "begins": _minute(window.from_ms),
        "ends": _minute(window.until_ms),
        "embargo_min": _minutes(window.embargo_ms),
        "kinds": rule.kinds,
        "creators": rule.creators,
        "releases": [str(one) for one in rule.releases],
    }


def meant(fields: dict[str, Any], was: Window | None = None) -> tuple[str, str, Rule, Window]:
    """Name, about, rule and window. Raises BadRequest."""
    rule, window = rule_of(fields, was)
    if not rules.clean(fields["name"]):
        raise BadRequest("The pool needs a name. Write one that partners will know it by.")
    return fields["name"], fields["about"], rule, window


def rule_of(fields: dict[str, Any], was: Window | None = None) -> tuple[Rule, Window]:
    """`was`: the window that the form was shown with. Raises BadRequest: which field, what is
    wrong with it."""
    was = was or Window()
    asked = {
        "by_itself": fields["fills"] != "hand",
        "words": fields["words"],
        "least_score": _number(fields["least_score"], "The score"),
        "kinds": fields["kinds"],
        "creators": fields["creators"],
        "tags": fields["tags"].split(",") if fields["tags"].strip() else [],
        "releases": fields["releases"],
        "least_s": _whole(fields["least_s"], "The shortest length"),
        "most_s": _whole(fields["most_s"], "The longest length"),
        "language": fields["language"].strip(),
        "clips": fields["clips"] or "both",
    }
    window = {
        "from_ms": _ms(fields["begins"], "The first moment", was.from_ms),
        "until_ms": _ms(fields["ends"], "The last moment", was.until_ms),
        "embargo_ms": _embargo_ms(fields["embargo_min"], was.embargo_ms),
    }
    return rules.read(Rule, asked), rules.read(Window, window)


def kinds(session: Session, fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Those that clips on sale have, the usual ones, and what is chosen already."""
    held = session.scalars(select(Listing.event_kind).distinct().limit(40))
    names = {*held, *KNOWN_KINDS, *fields["kinds"]} - {""}
    return sorted(((name, words.part_label(name)) for name in names), key=lambda one: one[1])


def _number(text: str, what: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text.strip() else None
    except ValueError as error:
        raise BadRequest(f"{what} has to be a number, for example 0.8.") from error


def _whole(text: str, what: str) -> int | None:
    plain = text.strip()
    if plain and not (plain.isascii() and plain.isdigit() and len(plain) <= 6):
        raise BadRequest(f"{what} has to be a whole number, for example 30.")
    return int(plain) if plain else None


def _ms(text: str, what: str, was: int | None) -> int | None:
    """A moment in UTC; of a day alone, its first."""
    if text.strip() == _minute(was):
        return was
    try:
        return int(datetime.fromisoformat(text.strip()).replace(tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        if not text.strip():
            return None
        like = "for example 2026-05-31T18:30, in UTC"
        raise BadRequest(f"{what} has to be a date with a time, {like}.") from error


def _minute(ms: int | None) -> str:
    """As a field of date and time wants it."""
    if ms is None:
        return ""
    return datetime.fromtimestamp(ms // 1000, UTC).replace(tzinfo=None).isoformat("T", "minutes")


def _embargo_ms(text: str, was: int) -> int:
    asked = (_whole(text, "The embargo") or 0) * MINUTE_MS
    return was if text.strip() == _minutes(was) else asked


def _minutes(ms: int) -> str:
    """Rounded up: no embargo reads as none."""
    return str(-(-ms // MINUTE_MS)) if ms else ""


def _text(value: float | None) -> str:
    return f"{value:g}" if value is not None else ""
