"""Mails about memberships and charges: what happened, what it costs, what can be done. And who
else is told when a membership begins, changes or ends.
"""

from typing import Any

from sqlalchemy.orm import Session

from catalog import mail
from catalog.members import methods
from models.account import Account
from models.creator import Creator
from models.membership import Charge, Membership, Tier
from models.settings import settings

QUIET = "quiet_members"
"""In `session.info`: no mails are written, where years are tried out for thousands."""


def write(session: Session, account_id: str, template: str, **context: Any) -> None:
    """To the account, unless it is closed."""
    if session.info.get(QUIET):
        return
    account = session.get_one(Account, account_id)
    if account.closed_ms is not None:
        return
    mail.write(session, account.email, template, name=account.name or "there", **context)


def of_membership(session: Session, membership: Membership, template: str, **context: Any) -> None:
    if session.info.get(QUIET):
        return
    tier = session.get_one(Tier, membership.tier_id)
    creator = session.get_one(Creator, membership.creator_id)
    write(
        session,
        membership.account_id,
        template,
        membership=membership,
        tier=tier,
        creator=creator,
        link=address(membership),
        kept=methods.stored(session, membership.account_id),
        **context,
    )


def of_charge(session: Session, charge: Charge, template: str, **context: Any) -> None:
    if session.info.get(QUIET):
        return
    creator = session.get_one(Creator, charge.creator_id)
    write(session, charge.account_id, template, charge=charge, creator=creator, **context)


def address(membership: Membership) -> str:
    return f"{settings().base_url}/memberships/{membership.id}"


def changed(session: Session, membership: Membership, at_ms: int) -> None:
    """Its perks are as it is now."""
    from catalog.members import perks

    session.flush()
    perks.settle(session, membership, at_ms)


def began(session: Session, membership: Membership, at_ms: int) -> None:
    """It started, or has another tier."""
    from catalog.letters import series

    changed(session, membership, at_ms)
    series.began(session, membership, at_ms)


def ended(session: Session, membership: Membership, at_ms: int) -> None:
    from catalog.letters import series

    changed(session, membership, at_ms)
    series.ended(session, membership, at_ms)
