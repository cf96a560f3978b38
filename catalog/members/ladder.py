"""The ladder: who sees a clip how much earlier than everybody. Who sees what is decided in
catalog.entitlements alone; here its steps are read and set.

Listing.visible_from_ms is when everybody sees a clip and may license it. A clip's own ladder
(Early) takes the place of its creator's tiers. Before the embargo of its recording nobody sees it.
"""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import cursors, entitlements, search
from catalog.auth import Visitor, needs_creator
from catalog.errors import BadRequest, NotFound
from models import event
from models.analysis import Candidate
from models.base import now_ms
from models.clip import Clip, ClipKind
from models.creator import Creator
from models.listing import Listing, ListingState
from models.membership import Tier
from models.perk import Early
from models.recording import Recording

DAY_MS = 86_400_000
LONGEST_MS = 30 * DAY_MS
SHOWN, LOOKED_AT = 8, 48


def leads(session: Session, clip: Clip) -> dict[str, int]:
    """Milliseconds before everybody, by the key of each tier that can be joined, lowest first."""
    steps = _steps(session, _creator(session, clip))
    own = session.get(Early, clip.id)
    return {one.key: own.leads.get(one.key, 0) if own else one.lead_ms for one in steps}


def opens_ms(session: Session, clip: Clip, visitor: Visitor) -> int | None:
    """When it opens, or opened, to this visitor as things stand now; None where it is not to be
    seen at all."""
    listing = session.scalars(select(Listing).filter_by(clip_id=clip.id)).one_or_none()
    if listing is None or listing.state != ListingState.PUBLIC:
        return None
    tier = entitlements.tier_of(session, visitor, listing.creator_id)
    if tier is None:
        return listing.visible_from_ms
    own = session.get(Early, clip.id)
    lead_ms = own.leads.get(tier.key, 0) if own else tier.lead_ms
    embargo_ms = int(clip.recording.sidecar.get("embargo_ms") or 0)
    return min(max(listing.visible_from_ms - lead_ms, embargo_ms), listing.visible_from_ms)


def early_for(
    session: Session, visitor: Visitor, at_ms: int, limit: int, cursor: str | None = None
) -> cursors.Page[Listing]:
    """What this member sees and not everybody yet: what opens last comes first."""
    wanted = select(Listing).where(entitlements.early_for(visitor, at_ms))
    at, key = Listing.visible_from_ms, Listing.id
    found = cursors.page(session, wanted, at, key, cursor, limit)
    ids = [one.id for one in found.rows]
    named = select(Listing).join(Listing.clip).where(Listing.id.in_(ids))
    rows = {one.id: one for one in session.scalars(search.with_clip(named)).unique()}
    return cursors.Page([rows[key] for key in ids], found.total, found.next_cursor)


def strip(session: Session, visitor: Visitor, wanted: search.Wanted) -> list[Listing]:
    """Of what is early for this member, the newest that the search would find. The index does not
    know of them: nobody else's numbers and words change."""
    if visitor.account_id is None:
        return []
    found = early_for(session, visitor, entitlements.now_of(session), LOOKED_AT).rows
    fits = [one for one in found if search.matches(session, wanted, one)]
    return fits[:SHOWN]


def set_leads(
    session: Session, visitor: Visitor, clip_id: str, given: Mapping[str, int] | None
) -> dict[str, int]:
    """The clip's own ladder, by the keys of tiers; None: its creator's again. When everybody sees
    it, once that was said, stays. Raises NotFound and BadRequest."""
    clip = session.get(Clip, clip_id)
    if clip is None:
        raise NotFound("There is no such clip.")
    creator_id = _creator(session, clip)
    needs_creator(visitor, creator_id)
    row = session.get(Early, clip_id, with_for_update=True)
    if given is None:
        if row is not None:
            session.delete(row)
            event.record(session, "early.own_ended", clip_id)
        session.flush()
        return leads(session, clip)
    steps = _steps(session, creator_id)
    kept = {**_checked(steps, given), **_closed(session, creator_id, steps, given)}
    if row is None:
        session.add(Early(clip_id=clip_id, leads=kept))
    else:
        row.leads, row.changed_ms = kept, entitlements.now_of(session)
    event.record(session, "early.own", clip_id, leads=kept)
    session.flush()
    return kept


def sane(lead_ms: int) -> int:
    """Raises BadRequest."""
    if isinstance(lead_ms, bool) or not isinstance(lead_ms, int) or not 0 <= lead_ms <= LONGEST_MS:
        raise BadRequest("How much earlier is said in whole milliseconds, from 0 to 30 days.")
    return lead_ms


def public_ms(session: Session, clip: Clip, not_before_ms: int | None) -> int:
    """When everybody is to see a clip that is published now. What takes the place of another
    work waits no longer than that one did: nobody has to miss what was there already."""
    now = session.scalar(select(now_ms())) or 0
    if not_before_ms is not None and not_before_ms <= now:
        return not_before_ms
    lead_ms = _longest(session, clip, now)
    replaced = _replaced(session, clip) if lead_ms else None
    if replaced is not None:
        return max(now, replaced.visible_from_ms, not_before_ms or 0)
    return max(now + lead_ms, not_before_ms or 0)


def _longest(session: Session, clip: Clip, now: int) -> int:
    creator_id = _creator(session, clip)
    since = session.scalar(select(Creator.members_ms).where(Creator.id == creator_id))
    if since is None or since > now:
        return 0
    own = session.get(Early, clip.id)
    steps = session.scalars(
        select(Tier).where(Tier.creator_id == creator_id, entitlements.in_force())
    )
    return max((own.leads.get(one.key, 0) if own else one.lead_ms for one in steps), default=0)


def _replaced(session: Session, clip: Clip) -> Listing | None:
    wanted = select(Listing).join(Clip, Clip.id == Listing.clip_id)
    if clip.kind == ClipKind.REEL:  # the one before it, of the same recording
        older = wanted.where(
            Clip.recording_id == clip.recording_id, Clip.kind == ClipKind.REEL, Clip.id != clip.id
        )
        return session.scalars(older.order_by(Listing.visible_from_ms).limit(1)).first()
    trimmed = select(Candidate.replaces_id).where(Candidate.id == clip.candidate_id)
    return session.scalars(wanted.where(Clip.id.in_(trimmed))).first()


def _checked(steps: list[Tier], given: Mapping[str, int]) -> dict[str, int]:
    known = {one.key for one in steps}
    for key, lead_ms in given.items():
        if key not in known:
            raise BadRequest(f"There is no tier called {key[:40]!r} that can be joined.")
        sane(lead_ms)
    kept = {one.key: given[one.key] for one in steps if one.key in given}
    for one in steps:
        below = (kept.get(other.key, 0) for other in steps if other.rank < one.rank)
        if kept.get(one.key, 0) < max(below, default=0):
            raise BadRequest(f"{one.name} is above a tier that sees it sooner. Give it as much.")
    return kept


def _closed(
    session: Session, creator_id: str, steps: list[Tier], given: Mapping[str, int]
) -> dict[str, int]:
    """Who has a tier that can't be joined any more sees it with the step below."""
    keys = [one.key for one in steps]
    wanted = select(Tier).where(
        Tier.creator_id == creator_id, Tier.key.not_in(keys), entitlements.in_force()
    )
    return {
        one.key: max((given.get(step.key, 0) for step in steps if step.rank <= one.rank), default=0)
        for one in session.scalars(wanted)
    }


def _steps(session: Session, creator_id: str) -> list[Tier]:
    current = select(Tier).where(Tier.creator_id == creator_id, Tier.retired_ms.is_(None))
    return list(session.scalars(current.order_by(Tier.rank, Tier.id)))


def _creator(session: Session, clip: Clip) -> str:
    wanted = select(Recording.creator_id).where(Recording.id == clip.recording_id)
    return session.scalars(wanted).one()
