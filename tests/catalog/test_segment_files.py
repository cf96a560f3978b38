"""Files of segments: however they are held against each other, they tell of twenty or of nobody."""

import csv
import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog import segments
from catalog.auth import Visitor
from catalog.errors import Refusal
from catalog.members import consents
from models.account import Role
from models.base import now_ms, unit_of_work
from models.membership import Membership
from models.offer import Segment
from tests import factories, member_factories, people
from tests.both import database_of

MONTH_MS = segments.MONTH_MS


def agreeing(session: Session, count: int, key: str = "early", *, months: int = 2) -> list[str]:
    """Members for so long who let themselves be handed out."""
    tier = member_factories.tier(session, key)
    at_ms = session.scalar(select(now_ms())) or 0
    found = []
    for _ in range(count):
        row = member_factories.membership(session, of=tier)
        row.joined_ms = at_ms - months * MONTH_MS - segments.DAY_MS
        consents.give(session, row.account_id, "export", "account")
        found.append(row.account_id)
    session.flush()
    return found


def ada(session: Session) -> Visitor:
    creator = factories.creator(session)
    return Visitor(account_id="a" * 32, creator_ids=frozenset({creator.id}))


def save(session: Session, **rule: object) -> Segment:
    creator = factories.creator(session)
    name = f"Segment {len(session.scalars(select(Segment)).all())}"
    return segments.save(session, ada(session), creator.id, name, segments.rule_of(rule))


def taken(session: Session, one: Segment) -> set[str]:
    _, text = segments.exported(session, ada(session), one.id)
    return {row["email"] for row in csv.DictReader(io.StringIO(text))}


def refused(session: Session, one: Segment) -> str:
    with pytest.raises(Refusal) as found:
        segments.exported(session, ada(session), one.id)
    return found.value.code


def test_closing_one_does_not_free_its_neighbour(database: Path) -> None:
    with unit_of_work() as session:
        agreeing(session, 40, months=4)
        agreeing(session, 1, months=2)
        whole = save(session, tiers=["early"])
        assert len(taken(session, whole)) == 41
        assert len(taken(session, whole)) == 41, "the same people again tell nothing new"
        segments.close(session, ada(session), whole.id)
        assert refused(session, save(session, tiers=["early"], tenure=3)) == "too_near"


def test_two_that_drift_together_do_not_tell_of_one(database: Path) -> None:
    with unit_of_work() as session:
        agreeing(session, 40, months=4)
        young = agreeing(session, 20, months=2)
        whole, old = save(session, tiers=["early"]), save(session, tiers=["early"], tenure=3)
        older = Membership.joined_ms - 2 * MONTH_MS
        most = Membership.account_id.in_(young[:19])
        session.execute(update(Membership).where(most).values(joined_ms=older))
        assert len(taken(session, whole)) == 60
        assert refused(session, old) == "too_near"


def test_three_files_together_leave_nobody_alone(server: tuple[str, str], home: Path) -> None:
    with database_of(*server, home), unit_of_work() as session:
        agreeing(session, 25, "early")
        agreeing(session, 25, "drops")
        one, two = save(session, tiers=["early"]), save(session, tiers=["drops"])
        agreeing(session, 1, "events")
        all_of_them = Segment(
            creator_id=one.creator_id, name="All", rule={"tiers": ["early", "drops", "events"]}
        )
        session.add(all_of_them)
        session.flush()
        assert len(taken(session, one)) == len(taken(session, two)) == 25
        assert refused(session, all_of_them) == "too_near"
        agreeing(session, 19, "events")
        assert len(taken(session, all_of_them)) == 70, "twenty more are a crowd"


def test_a_file_of_few_who_agreed_is_none(database: Path) -> None:
    with unit_of_work() as session:
        found = agreeing(session, 25)
        one = save(session, tiers=["early"])
        for account_id in found[:6]:
            consents.withdraw(session, account_id, "export")
        assert refused(session, one) == "too_few"
        consents.give(session, found[0], "export", "account")
        assert len(taken(session, one)) == 20


def test_accounts_in_a_trial_make_no_crowd(database: Path) -> None:
    with unit_of_work() as session:
        found = agreeing(session, 25)
        creator = factories.creator(session)
        rule = segments.rule_of({"tiers": ["early"]})
        assert segments.size(session, ada(session), creator.id, rule).least == 20
        trial = Membership.account_id.in_(found[:6])
        later = (session.scalar(select(now_ms())) or 0) + MONTH_MS
        session.execute(update(Membership).where(trial).values(trial_until_ms=later))
        assert segments.size(session, ada(session), creator.id, rule).least == 0


def test_the_page_says_the_rule_and_staff_find_it(client: TestClient) -> None:
    with unit_of_work() as session:
        agreeing(session, 20)
        save(session, tiers=["early"])
    people.sign_in(client, "sam@example.org", Role.STAFF)
    page = client.get("/members/segments", follow_redirects=True)
    assert page.status_code == 200
    assert "would leave fewer than 20 people" in page.text
