"""Segments tell of many and of nobody: facts, sizes, what is refused, what is handed out."""

import csv
import io
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import segments
from catalog.auth import Visitor
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members import consents
from models.account import Account
from models.base import now_ms, reading, unit_of_work
from models.creator import Creator
from models.event import Event
from models.membership import Membership, MembershipState
from models.offer import Segment, Watched
from models.order import Order, OrderLine, OrderState
from tests import factories, license_factories, member_factories, order_factories

DAY_MS, MONTH_MS = segments.DAY_MS, segments.MONTH_MS
pytestmark = pytest.mark.usefixtures("database")


def ada(session: Session) -> tuple[Creator, Visitor]:
    creator = factories.creator(session)
    return creator, Visitor(account_id="a" * 32, creator_ids=frozenset({creator.id}))


def members(
    session: Session, count: int, key: str = "early", *, months: int = 0, series: str = ""
) -> list[str]:
    """Their accounts' ids; those who watched a series agreed that it is kept."""
    tier = member_factories.tier(session, key)
    at_ms = session.scalar(select(now_ms())) or 0
    joined = at_ms - months * MONTH_MS - DAY_MS
    found = []
    for _ in range(count):
        row = member_factories.membership(session, of=tier)
        row.joined_ms = joined
        found.append(row.account_id)
        if series:
            consents.give(session, row.account_id, "history", "join")
            session.add(
                Watched(
                    account_id=row.account_id, creator_id=tier.creator_id, series=series,
                    last_ms=at_ms,
                )
            )  # fmt: skip
    session.flush()
    return found


def size(session: Session, **rule: Any) -> int:
    creator, who = ada(session)
    return segments.size(session, who, creator.id, segments.rule_of(rule)).least


def save(session: Session, name: str, **rule: Any) -> Segment:
    creator, who = ada(session)
    return segments.save(session, who, creator.id, name, segments.rule_of(rule))


def buys(session: Session, account_id: str, creator_clip: Any, at_ms: int) -> None:
    quote = order_factories.quote(
        session, Visitor(account_id=account_id), listing_id=creator_clip.id
    )
    order = Order(account_id=account_id, state=OrderState.PAID, total_cents=1, paid_ms=at_ms)
    line = OrderLine(
        number=1, quote_id=quote.id, listing_id=creator_clip.id, terms_id=quote.terms_id,
        use=quote.use, price_cents=1,
    )  # fmt: skip
    order.lines.append(line)
    factories._kept(session, order)
    license_factories.license(
        session, creator_clip, account_id=account_id, order_line_id=line.id, granted_ms=at_ms
    )


def test_each_fact_counts_whom_it_says() -> None:
    order_factories.open_shop()
    with unit_of_work() as session:
        early = members(session, 21, months=4)
        members(session, 32, "drops", series="Harbour Cup")
        assert size(session, tiers=["early"]) == 20, "told in tens, rounded down"
        assert size(session, tiers=["drops"]) == 30
        assert size(session, tiers=["early", "drops"]) == 50
        assert size(session, tenure=3) == 20
        assert size(session, tenure=6) == 0
        assert size(session, series="Harbour Cup") == 30
        assert size(session, series="Another") == 0
        assert size(session, tiers=["early"], series="Harbour Cup") == 0
        at_ms = session.scalar(select(now_ms())) or 0
        work = factories.listing(session)
        for one in early[:20]:
            buys(session, one, work, at_ms - 40 * DAY_MS)
        assert size(session, purchases=1) == 20
        assert size(session, purchases=2) == 0
        assert size(session, bought_days=90) == 20
        assert size(session, bought_days=30) == 0, "bought longer ago"


def test_facts_age_and_so_do_consents_and_memberships() -> None:
    with unit_of_work() as session:
        found = members(session, 20, series="Cup")
        made = save(session, "Cup", series="Cup")
        creator, who = ada(session)
        assert segments.of_creator(session, who, creator.id)[0].size.least == 20
        consents.withdraw(session, found[0], "history")
        assert segments.of_creator(session, who, creator.id)[0].size.least == 0
        with pytest.raises(Refusal, match="fewer than 20") as refused:
            segments.exported(session, who, made.id)
        assert refused.value.code == "too_few"
        consents.give(session, found[0], "history", "account")
        at_ms = session.scalar(select(now_ms())) or 0
        session.add(
            Watched(account_id=found[0], creator_id=creator.id, series="Cup",
                    last_ms=at_ms - segments.AGES_MS - 1)
        )  # fmt: skip
        session.flush()
        assert size(session, series="Cup") == 0, "watched more than 13 months ago"
        session.get_one(Watched, (found[0], creator.id, "Cup")).last_ms = at_ms
        session.flush()
        assert size(session, series="Cup") == 20
        row = session.scalars(select(Membership).filter_by(account_id=found[1])).one()
        row.state, row.ended_ms = MembershipState.ENDED, at_ms
        session.flush()
        assert size(session, series="Cup") == 0, "who left is no member"


def test_under_twenty_it_is_refused_and_nothing_is_saved() -> None:
    with unit_of_work() as session:
        members(session, 19)
        assert size(session, tiers=["early"]) == 0
        with pytest.raises(Refusal, match="Fewer than 20 people fit") as refused:
            save(session, "Small", tiers=["early"])
        assert refused.value.code == "too_few"
        assert session.scalars(select(Segment)).all() == []


def test_two_segments_that_differ_by_few_are_refused() -> None:
    with unit_of_work() as session:
        members(session, 25, series="Cup")
        members(session, 3)
        save(session, "All", tiers=["early"])
        with pytest.raises(Refusal, match="differs from “All” by fewer than 20") as refused:
            save(session, "Cup", series="Cup")
        assert refused.value.code == "too_near", "the three others would be known"
        members(session, 20)
        assert save(session, "Cup", series="Cup").id
        with pytest.raises(Refusal) as refused:
            save(session, "Cup", tiers=["early"])
        assert refused.value.code == "named"


@given(st.lists(st.sampled_from([0, 1, 19, 20, 21, 25]), min_size=3, max_size=3), st.data())
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_two_saved_segments_leave_a_few_people_between_them(
    counts: list[int], data: Any
) -> None:
    """Whatever is asked for, in whatever order."""
    names = ("early", "drops", "events")
    rules = [list(some) for n in (1, 2, 3) for some in itertools.combinations(names, n)]
    order = data.draw(st.permutations(rules))
    with unit_of_work() as session:
        for row in (Segment, Membership):
            for one in session.scalars(select(row)):
                session.delete(one)
        session.flush()
        for key, count in zip(names, counts, strict=True):
            members(session, count, key)
        keys = [key for key, count in zip(names, counts, strict=True) for _ in range(count)]
        kept = []
        for number, rule in enumerate(order):
            try:
                save(session, str(number), tiers=rule)
                kept.append({i for i, key in enumerate(keys) if key in rule})
            except Refusal:
                continue
        assert all(len(one) >= segments.LEAST for one in kept)
        for one, other in itertools.permutations(kept, 2):
            assert not 0 < len(one - other) < segments.LEAST


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"tenure": 4},
        {"email": "lena@example.org"},
        {"purchases": 0},
        {"bought_days": 1},
        {"tiers": ["early"], "tenure": 3, "series": "Cup", "purchases": 1},
        {"tiers": "early"},
    ],
)
def test_what_is_no_listed_fact_or_too_many_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        segments.rule_of(rule)


def test_only_who_agreed_is_handed_out_and_can_see_that_it_was() -> None:
    with unit_of_work() as session:
        found, young = members(session, 30, months=1), members(session, 1)
        _, who = ada(session)
        for one in [*found[:24], *young]:
            consents.give(session, one, "export", "join")
        consents.withdraw(session, found[0], "export")
        made = save(session, "Early", tiers=["early"])
    with unit_of_work(who.actor) as session:
        name, text = segments.exported(session, who, made.id)
        assert name.endswith(".csv")
        table = list(csv.DictReader(io.StringIO(text)))
        emails = {session.get_one(Account, one).email for one in found[1:24]}
        assert {row["email"] for row in table} == emails, "nor who joined a few days ago"
        assert list(table[0]) == ["email", "name"], "no fact of theirs"
    with reading() as session:
        seen = session.scalars(select(Event).filter_by(kind="address.handed_out")).all()
        assert {one.subject for one in seen} == set(found[1:24])
        assert {one.actor for one in seen} == {who.account_id}
        creator, _ = ada(session)
        assert {one.facts["creator"] for one in seen} == {creator.name}, "a name, not a number"


def test_another_creator_sees_and_changes_nothing() -> None:
    with unit_of_work() as session:
        members(session, 20)
        made, (creator, _) = save(session, "Early", tiers=["early"]), ada(session)
        other = Visitor(account_id="b" * 32, creator_ids=frozenset({"c" * 32}))
        for act in (
            lambda: segments.of_creator(session, other, creator.id),
            lambda: segments.size(session, other, creator.id, segments.Rule(tiers=["early"])),
            lambda: segments.exported(session, other, made.id),
            lambda: segments.close(session, other, made.id),
        ):
            with pytest.raises(NotFound):
                act()


def test_members_of_another_creator_are_in_none() -> None:
    with unit_of_work() as session:
        mara = factories.creator(session, "mara")
        tier = member_factories.tier(session, "early", mara)
        for _ in range(25):
            member_factories.membership(session, of=tier)
        member_factories.tier(session, "early")
        assert size(session, tiers=["early"]) == 0


def test_a_closed_segment_gives_its_name_back() -> None:
    with unit_of_work() as session:
        members(session, 20)
        made = save(session, "Early", tiers=["early"])
        _, who = ada(session)
        segments.close(session, who, made.id)
        with pytest.raises(NotFound):
            segments.exported(session, who, made.id)
        assert save(session, "Early", tiers=["early"]).id != made.id
