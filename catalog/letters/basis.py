"""What a letter was made of, asked when it is written and again when it leaves, maybe days later:
each clip and announcement in it is one that its reader may see, and its series goes on for them.

It is kept as ids beside the mail. What stands in its text was written by people, and says nothing
about what it is made of.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import entitlements
from catalog.auth import Visitor
from catalog.letters import conditions, series
from catalog.members import announcements
from models.listing import Listing
from models.mail import Mail
from models.membership import Membership, Tier


@dataclass(frozen=True)
class Basis:
    clips: Sequence[str] = ()
    announcements: Sequence[str] = ()
    membership: str = ""
    """That its series is for."""
    until_ms: int | None = None
    """From then on what it says about a day is wrong."""

    def kept(self) -> dict[str, Any]:
        return asdict(self)


NOTHING = Basis()


def of(mail: Mail) -> Basis:
    return Basis(**{name: mail.made_of[name] for name in asdict(NOTHING) if name in mail.made_of})


def why_not(session: Session, one: Basis, reader: Visitor, template: str, at_ms: int) -> str:
    """Empty where it may go to this reader."""
    if one.until_ms is not None and at_ms >= one.until_ms:
        return "a day that it names is over"
    if one.membership and _has_stopped(session, one.membership, template, at_ms):
        return "its series has stopped for this member"
    if not _may_see(session, one, reader, at_ms):
        return "it shows what its reader may not see any more"
    return ""


def _has_stopped(session: Session, membership_id: str, template: str, at_ms: int) -> bool:
    """By a rule of the series that the member is in now, or because it has no such letter."""
    member = session.get(Membership, membership_id)
    if member is None:
        return True
    found = series.all_of().get(session.get_one(Tier, member.tier_id).key)
    if found is None or template not in {lesson.template for lesson in found.lessons}:
        return True
    return conditions.any_holds(found.stop, session, member, at_ms)


def _may_see(session: Session, one: Basis, reader: Visitor, at_ms: int) -> bool:
    clips, told = set(one.clips), set(one.announcements)
    if clips:
        seen = select(Listing.clip_id).where(
            Listing.clip_id.in_(clips), entitlements.seen_by(reader, at_ms)
        )
        clips -= set(session.scalars(seen))
    if told and reader.account_id:
        mine = announcements.for_member(session, reader.account_id, at_ms)
        told -= {found.announcement.id for found in mine}
    return not clips and not told
