"""License terms: their files (catalog/licensing/KIND.toml), and the rows that were made of them."""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.errors import NotFound, Refusal
from catalog.uses import Fields
from models import event
from models.base import now_ms
from models.listing import Listing, Release
from models.terms import Terms

FOLDER = Path(__file__).parent / "licensing"
KINDS = ("comp", "personal", "social", "editorial", "standard", "extended", "exclusive")

ATTRIBUTION = {
    True: "The creator is named as the certificate writes it, where such names are customary: in "
    "the post, its description, the credits or beside the picture.",
    False: "The creator need not be named. Where others are named, the creator is named too.",
}
RELEASE = {
    True: "The people who can be recognised, and the places and works that need one, have a "
    "release for commercial use; the creator says so and keeps it. It does not reach to sensitive "
    "subjects, such as health, crime, politics or faith, unless they agreed to that.",
    False: "No release of the people, places and works that are shown is promised. The licensee "
    "asks for what the use needs.",
}
TRANSFER = {
    True: "The licensee may grant the same right to others for the licensee's projects, within "
    "these terms, and answers for them.",
    False: "The license belongs to the licensee alone. It is not sold, lent or passed on; "
    "contractors may work with the clip for the licensee.",
}


@dataclass(frozen=True)
class Written:
    """Terms as their file says them."""

    kind: str
    version: int
    rank: int
    title: str
    line: str
    summary: list[str]
    text: str
    fields: Fields

    def values(self) -> dict[str, Any]:
        named = {name: getattr(self, name) for name in ("kind", "version", "rank", "title", "line")}
        return {
            **named,
            "summary": self.summary,
            "text": self.text,
            "fields": self.fields.model_dump(),
        }


@functools.cache
def written() -> tuple[Written, ...]:
    common = tomllib.loads((FOLDER / "every.toml").read_text(encoding="utf-8"))["section"]
    return tuple(_read(FOLDER / f"{kind}.toml", common) for kind in KINDS)


def is_published(session: Session) -> bool:
    known = session.execute(select(Terms.kind, func.max(Terms.version)).group_by(Terms.kind))
    newest = {row[0]: row[1] for row in known}
    return all(newest.get(one.kind, 0) >= one.version for one in written())


def publish(session: Session) -> None:
    """Writes what is new; what was granted on an older version stays with it.

    Raises ValueError for a text that was changed without a new version.
    """
    for one in written():
        same = session.scalars(select(Terms).filter_by(kind=one.kind, version=one.version)).first()
        if same is None:
            _add(session, one)
        elif same.text != one.text or Fields.model_validate(same.fields) != one.fields:
            raise ValueError(
                f"The terms {one.kind!r} were changed, and version {one.version} is already "
                "published: give them the next version."
            )


def current(session: Session) -> list[Terms]:
    """What can be had now, the smallest right first."""
    wanted = select(Terms).where(Terms.retired_ms.is_(None)).order_by(Terms.rank, Terms.version)
    newest = {row.kind: row for row in session.scalars(wanted)}
    return list(newest.values())


def of_kind(session: Session, kind: str, version: int | None = None) -> Terms:
    """The newest, or that version whether retired or not. Raises NotFound."""
    if version is None:
        found = next((row for row in current(session) if row.kind == kind), None)
    else:
        found = session.scalars(select(Terms).filter_by(kind=kind, version=version)).first()
    if found is None:
        raise NotFound("There are no such license terms.")
    return found


def versions(session: Session, kind: str) -> list[Terms]:
    wanted = select(Terms).filter_by(kind=kind).order_by(Terms.version.desc())
    return list(session.scalars(wanted))


def fields(row: Terms) -> Fields:
    return Fields.model_validate(row.fields)


def sections(text: str) -> list[tuple[str, str]]:
    """The legal text as (title, text)."""
    found = [part.partition("\n") for part in text.split("\n\n")]
    return [(title, words) for title, _, words in found]


def is_cleared(listing: Listing) -> bool:
    return bool(listing.release == Release.CLEARED)


def fits(listing: Listing, allowed: Fields) -> None:
    """Raises Refusal where the people shown gave no release and the license needs it."""
    if allowed.release_needed and not is_cleared(listing):
        raise Refusal(
            "This clip has no cleared releases of the people and places it shows, so it can't be "
            "licensed for commercial use. An editorial license can be had.",
            code="release_needed",
        )


def _add(session: Session, one: Written) -> None:
    row = Terms(**one.values())
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # another process was quicker
        return
    newer = session.scalar(
        select(func.count()).where(Terms.kind == one.kind, Terms.version > one.version)
    )
    retired = Terms.kind == one.kind, Terms.retired_ms.is_(None)
    older = Terms.version <= one.version if newer else Terms.version < one.version
    session.execute(update(Terms).where(*retired, older).values(retired_ms=now_ms()))
    event.record(session, "terms.published", row.id, license=one.kind, version=one.version)


def _read(path: Path, common: list[dict[str, str]]) -> Written:
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    allowed = Fields.model_validate(said["fields"])
    own = said["section"]
    replaced = {one["name"] for one in own if "name" in one}
    before = [one for one in own if "name" not in one]
    after = [
        next((mine for mine in own if mine.get("name") == one["name"]), one)
        if one["name"] in replaced
        else one
        for one in common
    ]
    filled = {
        "attribution": ATTRIBUTION[allowed.attribution],
        "release": RELEASE[allowed.release_needed],
        "transfer": TRANSFER[allowed.sublicensing],
    }
    parts = [
        f"{number}. {one['title']}\n{one['text'].strip().format(**filled)}"
        for number, one in enumerate([*before, *after], 1)
    ]
    names = {name: said[name] for name in ("kind", "version", "rank", "title", "line", "summary")}
    return Written(**names, text="\n\n".join(parts), fields=allowed)
