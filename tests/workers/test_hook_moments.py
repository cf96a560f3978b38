"""When webhooks are told of a clip, and whose they may be: as the pool and its desk are now."""

from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import accounts, hooks, pools
from models.account import Account, Role
from models.base import reading, unit_of_work
from models.creator import Creator
from models.job import Job, JobState
from models.pool import Hook, HookMessage, Pool
from tests import factories, pool_factories
from tests.pool_factories import run_light, visitor
from tests.programs import Program

DAY_MS = 86_400_000


def subscribed(program: Program) -> str:
    """The pool, which takes everything; a partner listens."""
    with unit_of_work() as session:
        pool = pool_factories.pool(session)
        account_id = pool_factories.partner(session, pool)
        pool_factories.hook(session, pool, account_id, program.url)
        return pool.id


def messages() -> list[HookMessage]:
    with reading() as session:
        return list(session.scalars(select(HookMessage).order_by(HookMessage.created_ms)))


def let_time_pass() -> int:
    """What waits is due now; answers how long it would have waited."""
    with unit_of_work() as session:
        now = pools.now(session)
        job = session.scalars(
            select(Job).where(Job.step == "hook", Job.state == JobState.READY)
        ).one()
        waited = job.run_after_ms - now
        job.run_after_ms = now - 1
    return waited


def test_an_embargo_that_was_raised_holds_for_what_waits_to_be_told(
    room: Path, program: Program
) -> None:
    pool_id = subscribed(program)
    with unit_of_work() as session:
        session.get_one(Pool, pool_id).embargo_ms = 3_600_000
        factories.listing(session)
    run_light("route", "hook")
    with unit_of_work() as session:
        session.get_one(Pool, pool_id).embargo_ms = 30 * DAY_MS
    let_time_pass()
    run_light("hook")
    assert program.got == []
    assert let_time_pass() == pytest.approx(30 * DAY_MS, abs=60_000), "as long as it is now"
    with unit_of_work() as session:
        session.get_one(Pool, pool_id).embargo_ms = 0
    run_light("hook")
    assert len(program.got) == 1
    assert messages()[0].tries[0]["status"] == 204, "waiting was no try"


def test_what_members_alone_see_again_is_told_at_its_public_moment(
    room: Path, program: Program
) -> None:
    subscribed(program)
    with unit_of_work() as session:
        listing = factories.listing(session)
    run_light("route")
    with unit_of_work() as session:
        session.merge(listing).visible_from_ms = pools.now(session) + DAY_MS
    with unit_of_work() as session:
        session.query(Job).filter_by(step="hook").one().state = JobState.READY
    run_light("hook")
    assert program.got == []
    assert let_time_pass() == pytest.approx(DAY_MS, abs=60_000)


def test_a_desk_given_to_somebody_else_ends_the_webhooks_of_who_had_it(
    room: Path, program: Program
) -> None:
    before = visitor("ada@example.org", Role.CREATOR, creator="ada")
    staff = visitor("sam@house.example", Role.STAFF)
    assert before.account_id
    assert staff.account_id
    with unit_of_work() as session:
        owner = session.scalars(select(Creator).filter_by(slug="ada")).one()
        pool = pool_factories.pool(session, creator_id=owner.id)
        partner = pool_factories.partner(session, pool)
        whose = {"ada": before.account_id, "pia": partner, "sam": staff.account_id}
        made = {
            name: pool_factories.hook(session, pool, key, program.url).id
            for name, key in whose.items()
        }
    with unit_of_work() as session:
        accounts.give_desk(session, owner.id, "new@example.org")
    with reading() as session:
        off = {name: session.get_one(Hook, key).disabled_why for name, key in made.items()}
    assert off == {"ada": hooks.STRANGER, "pia": "", "sam": ""}
    with unit_of_work() as session:
        session.get_one(Account, staff.account_id).roles = [Role.LICENSEE]
        recording = factories.recording(session, creator_id=owner.id)
        factories.listing(session, factories.clip(session, recording))
    run_light("route", "hook")
    assert [one.hook_id for one in messages()] == [made["pia"]], "nor to who is staff no more"
