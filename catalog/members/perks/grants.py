"""Grants as rows: given twice they are one; ended, they give nothing from that moment on."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.errors import BadRequest
from catalog.members import memberships
from models import event
from models.membership import Membership
from models.perk import PerkGrant

MOST = 1_000


def put(
    session: Session, membership: Membership, kind: str, at_ms: int, spec: str = "", **facts: Any
) -> PerkGrant:
    """Granted, or granted again after it was ended; with these facts."""
    found = of(session, membership.id, kind, spec)
    if found is None:
        made = PerkGrant(
            membership_id=membership.id, kind=kind, spec=spec, facts=facts, granted_ms=at_ms
        )
        try:
            with session.begin_nested():
                session.add(made)
        except IntegrityError:  # somebody else was quicker
            found = of(session, membership.id, kind, spec)
        else:
            event.record(session, "perk.granted", membership.id, perk=kind, spec=spec)
            return made
    assert found is not None
    if found.revoked_ms is not None:
        found.revoked_ms, found.granted_ms = None, at_ms
        event.record(session, "perk.granted", membership.id, perk=kind, spec=spec)
    if found.facts != facts:
        found.facts = facts
    return found


def end(session: Session, membership: Membership, kind: str, at_ms: int) -> None:
    """All of the kind, whatever they were for. A feed's address goes with it."""
    ended = session.execute(
        update(PerkGrant)
        .where(
            PerkGrant.membership_id == membership.id,
            PerkGrant.kind == kind,
            PerkGrant.revoked_ms.is_(None),
        )
        .values(revoked_ms=at_ms, token_sha256=None)
        .returning(PerkGrant.spec)
    ).all()
    for (spec,) in ended:
        event.record(session, "perk.revoked", membership.id, perk=kind, spec=spec)


def kinds_held(session: Session, membership_id: str) -> set[str]:
    """Of what was granted and not ended."""
    wanted = select(PerkGrant.kind).filter_by(membership_id=membership_id, revoked_ms=None)
    return set(session.scalars(wanted))


def of(session: Session, membership_id: str, kind: str, spec: str = "") -> PerkGrant | None:
    """Granted or ended."""
    wanted = select(PerkGrant).filter_by(membership_id=membership_id, kind=kind, spec=spec)
    return session.scalars(wanted).one_or_none()


def held(
    session: Session, account_id: str | None, creator_id: str, kind: str, at_ms: int
) -> PerkGrant | None:
    """What the account has of this creator at this moment."""
    if account_id is None:
        return None
    wanted = select(PerkGrant).join(Membership, Membership.id == PerkGrant.membership_id)
    return session.scalars(
        wanted.where(
            Membership.account_id == account_id,
            Membership.creator_id == creator_id,
            memberships.gives_perks(at_ms),
            PerkGrant.kind == kind,
            PerkGrant.spec == "",
            PerkGrant.revoked_ms.is_(None),
        ).limit(1)
    ).first()


def of_membership(session: Session, membership_id: str) -> Sequence[PerkGrant]:
    wanted = select(PerkGrant).filter_by(membership_id=membership_id, revoked_ms=None)
    return session.scalars(wanted.order_by(PerkGrant.kind, PerkGrant.spec)).all()


def number(said: dict[str, Any], name: str, most: int = MOST) -> int:
    """A whole number of a perk as a tier says it. Raises BadRequest."""
    found = said.get(name)
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= most:
        raise BadRequest(f"The perk {said.get('kind')}: {name} is a whole number from 1 to {most}.")
    return found
