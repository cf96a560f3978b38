"""Whose desk it is: a recording, and all that is done to it, is its creator's own and staff's."""

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from catalog.auth import Visitor, needs
from catalog.errors import NotFound, ScopeNeeded
from models.account import Role
from models.analysis import Candidate
from models.clip import Asset, Clip
from models.recording import Recording
from models.review import Review

LEADS_TO = {
    "recording": select(Recording.id),
    "candidate": select(Candidate.id).join(Recording, Recording.id == Candidate.recording_id),
    "clip": select(Clip.id).join(Recording, Recording.id == Clip.recording_id),
    "review": select(Review.id)
    .join(Candidate, Candidate.id == Review.candidate_id)
    .join(Recording, Recording.id == Candidate.recording_id),
    "asset": select(Asset.id).join(Recording, Recording.id == Asset.recording_id),
}
"""By what an address names."""
KEYS = {
    "recording": Recording.id,
    "candidate": Candidate.id,
    "clip": Clip.id,
    "review": Review.id,
    "asset": Asset.id,
}


def owned(visitor: Visitor) -> ColumnElement[bool]:
    """For the WHERE of whatever joins recordings."""
    if visitor.has(Role.STAFF):
        return true()
    return Recording.creator_id.in_(visitor.creator_ids)


def needs_some(visitor: Visitor, scope: str) -> None:
    """A desk of one's own, with or without recordings. Raises SignInNeeded or NotFound."""
    needs(visitor)
    _scoped(visitor, scope)
    if not visitor.creator_ids:
        needs(visitor, Role.CREATOR)


def needs_that(session: Session, visitor: Visitor, noun: str, key: str, scope: str) -> None:
    """Raises SignInNeeded for nobody; NotFound for what is absent and what is another's alike."""
    needs(visitor)
    _scoped(visitor, scope)
    mine = LEADS_TO[noun].where(KEYS[noun] == key, owned(visitor))
    if session.scalar(mine) is None:
        raise NotFound(f"There is no {noun} at this address for this account.")


def _scoped(visitor: Visitor, scope: str) -> None:
    if not visitor.may_scope(scope):
        raise ScopeNeeded(f"It needs the scope {scope}. A new token can have it: see Account.")
