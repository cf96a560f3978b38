"""Content sessions: one person's visit to one creator's clips on one day. First-party, and without
a cookie of its own: browsers with neither account nor guest's cookie are one visit for each network
that they come by, under a key that is thrown away with the day; without that, one for each clip.
"""

import secrets

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from catalog import entitlements
from catalog.auth import Visitor
from catalog.members import consents
from catalog.offers import hashes, heard
from models.clip import Clip
from models.lightbox import Lightbox
from models.offer import ContentSession, OfferView, Watched
from models.order import Order
from models.quote import Quote
from models.turns import take_turn

HISTORY = "history"
"""The consent without which nobody's series are remembered."""


def touch(session: Session, visitor: Visitor, clip: Clip, at_ms: int) -> ContentSession | None:
    """A clip was played. None for those who work on it: they are no visitors."""
    creator_id = clip.recording.creator_id
    if visitor.works_for(creator_id):
        return None
    made = _put(session, visitor, creator_id, at_ms, more=1)
    hashes.forget(session, at_ms)
    if clip.listing is not None and clip.listing.series and remembers(session, visitor):
        _watched(session, visitor.account_id or "", creator_id, clip.listing.series, at_ms)
    return made


def current(session: Session, visitor: Visitor, clip: Clip, at_ms: int) -> ContentSession:
    """The visit that this clip is part of."""
    return _put(session, visitor, clip.recording.creator_id, at_ms, more=0)


def carried(session: Session, visitor: Visitor, creator_id: str, at_ms: int) -> None:
    """Who was given a cookie in the course of a visit goes on with it, held back or not; what they
    bought since is what this visit brought. Not so for a cookie that is older than the visit."""
    before = hashes.visit_by_network(session, visitor, creator_id, at_ms) if visitor.guest else ""
    if not before:
        return
    found = session.scalars(select(ContentSession).filter_by(whose=before)).first()
    if found is None or _is_older(session, visitor.guest, found.begun_ms):
        return
    key = hashes.visit(session, None, visitor.guest, creator_id, at_ms)
    take_turn(session, f"visit {key}")
    if session.scalars(select(ContentSession.id).filter_by(whose=key)).first() is not None:
        return
    found.whose = key
    since_ms = heard.first_ms(session, found) or found.begun_ms
    cents, currency = heard.bought_since(session, visitor.guest, creator_id, since_ms)
    if cents:
        found.bought_cents, found.currency = found.bought_cents + cents, currency
    theirs = OfferView.session_id == found.id, OfferView.whose.startswith(hashes.TODAY)
    session.execute(update(OfferView).where(*theirs).values(whose=hashes.whose(session, visitor)))
    session.flush()


def remembers(session: Session, visitor: Visitor) -> bool:
    """Whether this person agreed that the series they watch are kept."""
    return visitor.account_id is not None and consents.has(session, visitor.account_id, HISTORY)


def watched(session: Session, visitor: Visitor, creator_id: str, series: str) -> int:
    """How many clips of it; 0 without their consent, whatever is still there."""
    if not remembers(session, visitor):
        return 0
    found = session.get(Watched, (visitor.account_id, creator_id, series))
    return found.clips if found else 0


def _put(
    session: Session, visitor: Visitor, creator_id: str, at_ms: int, *, more: int
) -> ContentSession:
    carried(session, visitor, creator_id, at_ms)
    whose = hashes.visit(session, visitor.account_id, visitor.guest, creator_id, at_ms)
    whose = whose or hashes.visit_by_network(session, visitor, creator_id, at_ms)
    member = entitlements.tier_of(session, visitor, creator_id) is not None
    key = whose or secrets.token_hex(32)
    insert = _insert(session)(ContentSession).values(
        whose=key, creator_id=creator_id, member=member, begun_ms=at_ms, seen_ms=at_ms
    )
    changed = {"clips": ContentSession.clips + more, "seen_ms": at_ms}
    if member:
        changed["member"] = True
    session.execute(
        insert.on_conflict_do_update(index_elements=[ContentSession.whose], set_=changed)
    )
    wanted = select(ContentSession).filter_by(whose=key)
    return session.scalars(wanted.execution_options(populate_existing=True)).one()


def _is_older(session: Session, guest: str, begun_ms: int) -> bool:
    """Whether something was kept for this cookie before that."""
    rows = (
        select(row.id).where(row.guest == guest, row.created_ms < begun_ms).exists()
        for row in (Quote, Order, Lightbox)
    )
    return any(session.scalar(select(one)) for one in rows)


def _watched(session: Session, account_id: str, creator_id: str, series: str, at_ms: int) -> None:
    insert = _insert(session)(Watched).values(
        account_id=account_id, creator_id=creator_id, series=series, last_ms=at_ms
    )
    keys = [Watched.account_id, Watched.creator_id, Watched.series]
    changed = {"clips": Watched.clips + 1, "last_ms": at_ms}
    session.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed))


def _insert(session: Session):  # type: ignore[no-untyped-def]  # the two have no common type
    name = session.get_bind().dialect.name
    return postgresql.insert if name == "postgresql" else sqlite.insert
