"""What a license allows (Fields, of its terms) and what one buyer wants (Use), as plain values."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog import territories
from catalog.errors import BadRequest
from models.reservation import FOREVER_MS

MEDIA = {
    "web": "Websites and blogs",
    "social": "Social media",
    "ads": "Paid advertising",
    "broadcast": "Television and streaming",
    "film": "Film and cinema",
    "print": "Print and stills",
    "apps": "Apps and games",
    "events": "Events and displays",
    "internal": "Internal and teaching",
}
"""In an order that is never changed, only added to: their places are stored."""
_NUMBERS = {name: place for place, name in enumerate(MEDIA)}
DAY_MS = 86_400_000
ASKED = {
    "media": ("media",),
    "territory": ("territory", "without"),
    "term": ("term_days",),
    "audience": ("audience",),
    "seats": ("seats",),
    "projects": ("projects",),
}
"""What may be asked for, and the fields of Use that answer it."""
LONGEST_DAYS = 365 * 25
LATEST_START_MS = 366 * DAY_MS
"""A right that begins in years would block others for the price of its short term."""

Days = Annotated[int, Field(ge=1, le=LONGEST_DAYS)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Audience = Annotated[int, Field(ge=1, le=10_000_000_000)]


class Fields(BaseModel):
    """None: without a limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    media: list[str]
    territory: list[str] = [territories.WORLD]
    without: list[str] = []
    term_days: Days | None = None
    seats: Count | None = None
    projects: Count | None = None
    audience_cap: Audience | None = None
    attribution: bool = False
    sublicensing: bool = False
    ai_training: bool = False
    release_needed: bool = False
    commercial: bool = False
    exclusive: bool = False
    watermarked: bool = False
    private: bool = False
    """Neither shown to the public nor earned with: it stands in no exclusive license's way."""
    asks: list[str] = []
    """What a buyer chooses (ASKED); all else is as it says here."""


class Use(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    media: list[str] = Field(min_length=1, max_length=len(MEDIA))
    territory: list[str] = Field([territories.WORLD], min_length=1, max_length=300)
    without: list[str] = Field([], max_length=300)
    starts_ms: Annotated[int, Field(ge=0, le=253_402_300_799_000)]
    term_days: Days | None
    audience: Audience | None = None
    seats: Count = 1
    projects: Count = 1

    @property
    def media_cells(self) -> frozenset[int]:
        return frozenset(_NUMBERS[name] for name in self.media)

    @property
    def territory_cells(self) -> frozenset[int]:
        return territories.cells(self.territory, self.without)


def use_of(given: dict[str, Any]) -> Use:
    """Raises BadRequest: the field, what is wrong with it."""
    try:
        made = Use.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "use"
        raise BadRequest(f"{where}: {first['msg']}.") from None
    unknown = [name for name in made.media if name not in MEDIA]
    if unknown:
        raise BadRequest(f"media: {unknown[0][:20]!r} is none of {', '.join(MEDIA)}.")
    return made.model_copy(
        update={
            "media": [name for name in MEDIA if name in made.media],
            "territory": territories.checked(made.territory),
            "without": territories.checked(made.without),
        }
    )


def completed(fields: Fields, given: Mapping[str, Any], now_ms: int) -> Use:
    """What is wanted within these terms; what was not asked for is as the terms say.

    Raises BadRequest: the field, and what the terms allow.
    """
    fixed = {
        "media": fields.media,
        "territory": fields.territory,
        "without": fields.without,
        "term_days": fields.term_days,
        "audience": fields.audience_cap,
        "seats": fields.seats or 1,
        "projects": fields.projects or 1,
    }
    least = {"seats": 1, "projects": 1}
    asked = {name for one in fields.asks for name in ASKED[one]}
    for name in given:
        if name in fixed and name not in asked and given[name] != fixed[name]:
            raise BadRequest(f"{name}: it is set by this license and can't be chosen.")
    chosen = {
        name: least.get(name, fixed[name]) if name in asked else fixed[name] for name in fixed
    }
    use = use_of({"starts_ms": now_ms, **chosen, **given})
    _within(fields, use)
    return use


def soon(use: Use, now_ms: int) -> Use:
    """Raises BadRequest for a right that would begin too late."""
    if use.starts_ms > now_ms + LATEST_START_MS:
        raise BadRequest("starts_ms: a license begins within a year from now.")
    return use


def interval(use: Use, now_ms: int) -> tuple[int, int]:
    """From when to when the right holds if it is granted now; the end is not part of it."""
    starts = max(use.starts_ms, now_ms)
    return starts, FOREVER_MS if use.term_days is None else starts + use.term_days * DAY_MS


def _within(fields: Fields, use: Use) -> None:
    foreign = [name for name in use.media if name not in fields.media]
    if foreign:
        raise BadRequest(f"media: this license is not for {MEDIA[foreign[0]].lower()}.")
    if not use.territory_cells:
        raise BadRequest("territory: nothing is left of it; take out fewer countries.")
    if not use.territory_cells <= territories.cells(fields.territory, fields.without):
        where = territories.told(fields.territory, fields.without)
        raise BadRequest(f"territory: this license is good {where} only.")
    most = {
        "term_days": fields.term_days,
        "audience": fields.audience_cap,
        "seats": fields.seats,
        "projects": fields.projects,
    }
    for name, limit in most.items():
        value = getattr(use, name)
        if limit is not None and (value is None or value > limit):
            raise BadRequest(f"{name}: this license allows {limit:,} at most.")
