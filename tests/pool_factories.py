"""Pools, partners and their programs, as tests need them."""

import secrets
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import tokens
from catalog.auth import Visitor
from catalog.hooks import _new_secret
from catalog.rules import Rule
from models.account import Account, Role
from models.base import unit_of_work
from models.job import Job, JobState
from models.pool import Hook, Partner, Pool
from tests.people import account
from workers.flow import run_one


def visitor(email: str, *roles: Role, creator: str = "") -> Visitor:
    """The person, as a browser of theirs is known."""
    account_id = account(email, *roles, creator=creator)
    with unit_of_work() as session:
        row = session.get_one(Account, account_id)
        own = frozenset(one.id for one in row.creators)
        return Visitor(account_id=row.id, email=email, roles=frozenset(row.roles), creator_ids=own)


def pool(session: Session, **values: Any) -> Pool:
    given = {"slug": f"pool-{secrets.token_hex(4)}", "name": "Goals", "rule": {}}
    rule = values.pop("rule", Rule()).model_dump(mode="json")
    made = Pool(**{**given, "rule": rule, **values})
    session.add(made)
    session.flush()
    return made


def partner(session: Session, of: Pool, email: str = "pia@partner.example") -> str:
    """The account's id."""
    found = session.scalars(select(Account).filter_by(email=email)).one_or_none()
    if found is None:
        found = Account(email=email, name="Pia", roles=[Role.PARTNER])
        session.add(found)
        session.flush()
    session.add(Partner(pool_id=of.id, account_id=found.id))
    session.flush()
    return found.id


def token(session: Session, account_id: str, *scopes: str) -> str:
    return tokens.make(session, account_id, "Feeds", scopes or ["pools:read"], 30)[1]


def hook(session: Session, of: Pool, account_id: str, url: str, *kinds: str) -> Hook:
    made = Hook(
        account_id=account_id,
        pool_id=of.id,
        url=url,
        secret=_new_secret(),
        kinds=list(kinds) or ["clip.added", "clip.removed", "clip.withdrawn", "license.revoked"],
    )
    session.add(made)
    session.flush()
    return made


def run_light(*steps: str) -> int:
    """Do what is due now. With names: only those, the others are as if they had been done."""
    done = 0
    while True:
        with unit_of_work() as session:
            for job in session.scalars(select(Job).where(Job.state == JobState.READY)):
                if steps and job.step not in steps:
                    job.state = JobState.DONE
        if not run_one("light"):
            return done
        done += 1
