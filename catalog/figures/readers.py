"""Who may read which figures: creators their own, staff the house's and everybody's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import Visitor, needs
from catalog.errors import BadRequest, NotFound
from catalog.figures import months
from models.account import Role
from models.creator import Creator

NOT_COME = "as_of: that day has not come yet."
MOST = 200


@dataclass(frozen=True)
class Whose:
    """`creator_id`: None for the house. `others`: slugs and names that may be asked for instead."""

    creator_id: str | None
    slug: str
    name: str
    others: Sequence[tuple[str, str]]


def whose(session: Session, visitor: Visitor, slug: str = "") -> Whose:
    """By the creator's slug; without one the house's for staff, else one's own. Raises
    SignInNeeded, NotFound.
    """
    needs(visitor)
    staff = visitor.has(Role.STAFF)
    wanted = select(Creator).order_by(Creator.name, Creator.id)
    if not staff:
        wanted = wanted.where(Creator.id.in_(visitor.creator_ids))
    mine = session.scalars(wanted.limit(MOST)).all()
    others = [*([("", "The house")] if staff else []), *((one.slug, one.name) for one in mine)]
    if staff and not slug:
        return Whose(None, "", "The house", others)
    asked = wanted.where(Creator.slug == slug) if slug else wanted
    found = session.scalars(asked.limit(1)).first()
    if found is None:
        raise NotFound("There is nothing at this address for this account.")
    return Whose(found.id, found.slug, found.name, others)


def day(text: str, now_ms: int) -> date:
    """Today where none is named. Raises BadRequest."""
    today = months.day_of(now_ms + 1)
    if not text:
        return today
    found = months.parsed(text)
    if found > today:
        raise BadRequest(NOT_COME)
    return found
