"""What a pool takes by itself: its rule as data, as a condition of the database, and in words."""

import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from catalog.errors import BadRequest
from catalog.search import words as searching
from catalog.web import words as wording
from models.clip import Clip, ClipKind
from models.creator import Creator
from models.listing import Listing, ListingTag, Release, is_public

LAST_MS = 253_402_300_799_000
DAY_MS = 86_400_000
RELEASES = {
    Release.CLEARED: "cleared for every use",
    Release.EDITORIAL: "editorial only",
    Release.UNKNOWN: "not known",
}
_PIECE = re.compile(r'"([^"]*)"?|([^\s"]+)')


def clean(text: str) -> str:
    """One line, without control, bidi and unassigned characters."""
    known = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text)
    return " ".join(unicodedata.normalize("NFC", known).split())


def _unlike(values: list[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


Line = Annotated[str, Field(max_length=200), AfterValidator(clean)]
Tag = Annotated[str, Field(max_length=80), AfterValidator(searching.tag)]
Kind = Annotated[str, Field(pattern=r"^[a-z][a-z ]{0,39}$")]
Moment = Annotated[int, Field(ge=0, le=LAST_MS)]
Seconds = Annotated[int, Field(ge=0, le=86_400)]
Unlike = AfterValidator(_unlike)


class Rule(BaseModel):
    """Every field that is set must hold; of a list, one entry is enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by_itself: bool = Field(True, description="False: people alone put clips in")
    words: Line = Field(
        "", description='All of them, in title, tags or what is said; "in quotes": as they stand'
    )
    least_score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    kinds: Annotated[list[Kind], Field(max_length=20), Unlike] = Field(
        default=[], description="What decided the score: cheer, applause, ..."
    )
    creators: Annotated[
        list[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]], Field(max_length=100), Unlike
    ] = Field(default=[], description="Ids of creators")
    tags: Annotated[list[Tag], Field(max_length=24), Unlike] = []
    releases: Annotated[list[Release], Field(max_length=3)] = []
    least_s: Seconds | None = Field(None, description="Shortest clip, seconds")
    most_s: Seconds | None = Field(None, description="Longest clip, seconds")
    language: Annotated[str, Field(pattern=r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$")] = Field(
        "", description="`en` also takes `en-GB`"
    )
    clips: Literal["clips", "reels", "both"] = "both"

    @model_validator(mode="after")
    def _some_length(self) -> "Rule":
        if self.least_s is not None and self.most_s is not None and self.least_s > self.most_s:
            raise ValueError("the shortest length is above the longest: no clip fits both")
        return self


class Window(BaseModel):
    """When a clip has to come on sale to be taken, and how much later partners get it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    from_ms: Moment | None = None
    until_ms: Moment | None = None
    embargo_ms: Annotated[int, Field(ge=0, le=366 * DAY_MS)] = 0

    @model_validator(mode="after")
    def _some_time(self) -> "Window":
        if self.from_ms is not None and self.until_ms is not None and self.from_ms > self.until_ms:
            raise ValueError("the window ends before it begins")
        return self


def read(model: type[Any], given: dict[str, Any]) -> Any:
    """The Rule or Window. Raises BadRequest: which field, what is wrong with it."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]).replace("_", " ") + ": " if first["loc"] else ""
        told = first["msg"].removeprefix("Value error, ")
        raise BadRequest(f"{field}{told}. Correct it and send it again.") from error


def taken(rule: Rule, window: Window, creator_id: str | None) -> Select[Listing]:
    """The listings that everybody sees and the rule takes."""
    return (
        select(Listing).join(Listing.clip).where(is_public(), *conditions(rule, window, creator_id))
    )


def conditions(rule: Rule, window: Window, creator_id: str | None) -> list[ColumnElement[bool]]:
    if not rule.by_itself:
        return [Listing.id.is_(None)]
    said, language = Listing.language, rule.language.casefold()
    held: list[tuple[Any, ColumnElement[bool]]] = [
        (creator_id, Listing.creator_id == creator_id),
        (window.from_ms is not None, Listing.visible_from_ms >= (window.from_ms or 0)),
        (window.until_ms is not None, Listing.visible_from_ms < (window.until_ms or 0)),
        (rule.least_score is not None, Listing.score >= (rule.least_score or 0)),
        (rule.kinds, Listing.event_kind.in_(rule.kinds)),
        (rule.creators, Listing.creator_id.in_(rule.creators)),
        (rule.tags, Listing.id.in_(_tagged(rule.tags))),
        (rule.releases, Listing.release.in_(rule.releases)),
        (rule.least_s is not None, Listing.length_ms >= (rule.least_s or 0) * 1000),
        (rule.most_s is not None, Listing.length_ms <= (rule.most_s or 0) * 1000),
        (language, or_(said == language, said.startswith(f"{language}-"))),
        (rule.clips == "clips", Clip.kind == ClipKind.CLIP),
        (rule.clips == "reels", Clip.kind == ClipKind.REEL),
    ]
    return [condition for wanted, condition in held if wanted] + _has_words(rule.words)


def explain(rule: Rule, window: Window, listing: Listing) -> list[str]:
    """Why the rule takes it, one sentence for each thing that it asks for."""
    told = [
        rule.words and f"Its title, tags or words have {_quoted(_pieces(rule.words))}.",
        rule.least_score is not None
        and f"Its score is {listing.score:.2f}; {rule.least_score:.2f} is asked for.",
        rule.kinds and f"What decided its score: {_kind(listing.event_kind)}.",
        rule.creators and f"It is by {listing.clip.recording.creator.name}.",
        rule.tags and f"It is tagged {_quoted(_tags(rule, listing))}.",
        rule.releases and f"Its release status: {RELEASES[listing.release]}.",
        (rule.least_s is not None or rule.most_s is not None)
        and f"It lasts {wording.lasting(listing.length_ms)}; {_lengths(rule)} is asked for.",
        rule.language and f"Its language is {listing.language}.",
        rule.clips == "clips" and "It is a single clip.",
        rule.clips == "reels" and "It is a highlight reel.",
        (window.from_ms is not None or window.until_ms is not None)
        and f"It came on sale on {wording.moment(listing.visible_from_ms)}, within the window.",
    ]
    return [one for one in told if one] or ["The rule takes every clip."]


def summary(session: Session, rule: Rule) -> list[str]:
    """What the rule asks for, for people who look at the pool."""
    if not rule.by_itself:
        return ["only what people put in"]
    told = [
        rule.words and f"words {_quoted(_pieces(rule.words))}",
        rule.least_score is not None and f"score {rule.least_score:.2f} or more",
        rule.kinds and f"decided by {_named([_kind(one) for one in rule.kinds], 'or')}",
        rule.creators and f"by {_named(names(session, rule.creators), 'or')}",
        rule.tags and f"tagged {_quoted(rule.tags, 'or')}",
        rule.releases and f"release {_named([RELEASES[one] for one in rule.releases], 'or')}",
        (rule.least_s is not None or rule.most_s is not None) and _lengths(rule),
        rule.language and f"language {rule.language}",
        rule.clips != "both" and {"clips": "single clips", "reels": "reels"}[rule.clips],
    ]
    return [one for one in told if one] or ["every clip"]


def names(session: Session, creator_ids: list[str]) -> list[str]:
    wanted = select(Creator.name).where(Creator.id.in_(creator_ids)).order_by(Creator.name)
    return list(session.scalars(wanted))


def _has_words(asked: str) -> list[ColumnElement[bool]]:
    """Whole words: in the text that phrases are looked for in, each has a space on both sides."""
    runs = (searching.sequence(piece) for piece in _pieces(asked))
    found = [run for run in runs if run.strip()]
    if asked and not found:
        return [Listing.id.is_(None)]  # of signs alone: no clip has them
    return [Listing.search_text.contains(run, autoescape=True) for run in found]


def _pieces(asked: str) -> list[str]:
    found = ((quoted or word).strip() for quoted, word in _PIECE.findall(asked))
    return [piece for piece in found if piece]


def _tagged(tags: list[str]) -> Select[Any]:
    return select(ListingTag.listing_id).where(ListingTag.tag.in_(tags))


def _tags(rule: Rule, listing: Listing) -> list[str]:
    held = {tag.tag for tag in listing.tags}
    return [tag for tag in rule.tags if tag in held]


def _kind(name: str) -> str:
    return wording.part_label(name).lower()


def _lengths(rule: Rule) -> str:
    least = wording.lasting(rule.least_s * 1000) if rule.least_s is not None else ""
    most = wording.lasting(rule.most_s * 1000) if rule.most_s is not None else ""
    if least and most:
        return f"{least} to {most}"
    return f"{least} or more" if least else f"{most} or less"


def _quoted(given: list[str], last: str = "and") -> str:
    return _named([f"“{one}”" for one in given], last)


def _named(given: list[str], last: str = "and") -> str:
    *first, end = given or ["none"]
    return f"{', '.join(first)} {last} {end}" if first else end


def slug_of(name: str, fallback: str = "pool") -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or fallback
