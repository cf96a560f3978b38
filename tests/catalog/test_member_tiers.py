"""The ladder as a creator makes it: tiers are added, closed and changed, and it always goes up."""

from pathlib import Path
from typing import Any

import pytest

from catalog.auth import Visitor
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members import billing, joining, ladder, perks, tiers
from models.base import reading, unit_of_work
from models.membership import Membership, Tier
from tests import factories
from tests import member_factories as members
from tests import order_factories as shop

HOUR_MS = members.HOUR_MS
PATRON = {
    "name": "Patrons",
    "summary": "Everything, and a thank you.",
    "month_cents": 5_000,
    "year_cents": 50_000,
    "lead_ms": 96 * HOUR_MS,
    "perks": [{"kind": "early"}, {"kind": "downloads", "count": 20}],
}


@pytest.fixture
def three(database: Path) -> dict[str, str]:
    """Ids by key."""
    with unit_of_work() as session:
        return {one.key: one.id for one in members.tiers(session)}


def creator_of(tier_id: str) -> str:
    with reading() as session:
        return session.get_one(Tier, tier_id).creator_id


def added(three: dict[str, str], **values: Any) -> Tier:
    with unit_of_work() as session:
        creator_id = creator_of(three["early"])
        return tiers.add(session, shop.STAFF, creator_id, **{**PATRON, **values})


def test_a_tier_that_is_added_stands_above_the_others_and_can_be_joined(
    three: dict[str, str],
) -> None:
    made = added(three)
    assert (made.key, made.rank, made.currency) == ("patrons", 4, "USD")
    with unit_of_work() as session:
        account = members.person(session)
        members.method(session, account.id)
    who = members.visitor_of(account)
    assert billing.join(who, made.id, "month", cents=5_000, currency="USD").url == ""
    with reading() as session:
        found = tiers.joinable(session, made.creator_id, members.now(session))
        assert [one.key for one in found] == ["early", "drops", "events", "patrons"]
        clip = factories.clip(session)
        assert ladder.leads(session, clip)["patrons"] == 96 * HOUR_MS


def test_a_tier_beside_another_one_is_no_step_up_from_it(three: dict[str, str]) -> None:
    said = {"month_cents": 500, "year_cents": 5_000, "lead_ms": 24 * HOUR_MS}
    made = added(three, name="Early clips", rank=1, **said)
    assert (made.key, made.rank) == ("early-clips", 1)
    with pytest.raises(BadRequest, match="rank"):
        added(three, rank=9)


def test_a_name_that_was_used_before_makes_another_key(three: dict[str, str]) -> None:
    made = added(three)
    with unit_of_work() as session:
        tiers.close(session, shop.STAFF, made.id)
    assert added(three).key == "patrons-2"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"month_cents": 2_400}, "Patrons is above Events and would cost less"),
        ({"year_cents": 24_000}, "Patrons is above Events and would cost less"),
        ({"year_cents": 4_000, "month_cents": 5_000}, "a year costs no less than a month"),
        ({"lead_ms": 71 * HOUR_MS}, "Patrons is above Events and would see clips later"),
        ({"name": ""}, "name: 1 to 80"),
        ({"perks": [{"kind": "magic"}]}, "no perk called"),
        ({"month_cents": 99}, "a price from 1"),
    ],
)
def test_a_tier_that_does_not_fit_is_not_added(
    three: dict[str, str], wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        added(three, **wrong)


def test_all_of_a_new_tier_is_said_and_only_by_who_may(three: dict[str, str]) -> None:
    creator_id = creator_of(three["early"])
    with unit_of_work() as session:
        with pytest.raises(BadRequest, match="missing: lead_ms, month_cents, perks"):
            tiers.add(session, shop.STAFF, creator_id, name="x", summary="x", year_cents=100)
        with pytest.raises(NotFound):
            tiers.add(session, Visitor(account_id="x"), creator_id, **PATRON)
        with pytest.raises(NotFound):
            tiers.close(session, Visitor(account_id="x"), three["early"])


def test_there_are_not_more_tiers_than_somebody_compares(three: dict[str, str]) -> None:
    for _ in range(tiers.MOST - 3):
        added(three)
    with pytest.raises(Refusal, match="Close one first"):
        added(three)


@pytest.mark.parametrize(
    ("key", "said", "says"),
    [
        ("early", {"lead_ms": 100 * HOUR_MS}, "Drops is above Early and would see clips later"),
        ("early", {"month_cents": 1_000}, "Drops is above Early and would cost less"),
        ("events", {"year_cents": 8_999}, "Events is above Drops and would cost less"),
        ("events", {"lead_ms": 47 * HOUR_MS}, "Events is above Drops and would see clips later"),
        ("early", {"year_cents": 299}, "a year costs no less than a month"),
    ],
)
def test_no_change_turns_the_ladder_upside_down(
    three: dict[str, str], key: str, said: dict[str, int], says: str
) -> None:
    with unit_of_work() as session, pytest.raises(BadRequest, match=says):
        tiers.change(session, shop.STAFF, three[key], **said)


def test_a_closed_tier_takes_nobody_and_who_has_it_keeps_all_of_it(three: dict[str, str]) -> None:
    _, membership_id = members.member("events")
    with unit_of_work() as session:
        tiers.close(session, shop.STAFF, three["events"])
        tiers.close(session, shop.STAFF, three["events"])
    with reading() as session:
        row, now = session.get_one(Membership, membership_id), members.now(session)
        assert "events" not in {one.key for one in tiers.joinable(session, row.creator_id, now)}
        assert perks.kinds(row.tier) == {"early", "feed", "downloads"}
        with pytest.raises(Refusal):
            joining.tier_to_join(session, three["events"], now)
    with unit_of_work() as session:  # it is renewed at its price, and its lead still counts
        charge_id = billing.advance(session, membership_id, row.period_end_ms)
        assert charge_id
        assert billing.collect_in(session, charge_id, row.period_end_ms) == "paid"
        clip = factories.clip(session)
        assert ladder.public_ms(session, clip, None) >= members.now(session) + 71 * HOUR_MS
        given = ladder.set_leads(session, shop.STAFF, clip.id, {"early": 0, "drops": 5 * HOUR_MS})
        assert given["events"] == 5 * HOUR_MS
    assert shop.net() == 5_000


def test_the_last_tier_can_not_be_closed_nor_a_version_before(three: dict[str, str]) -> None:
    with unit_of_work() as session:
        tiers.change(session, shop.STAFF, three["early"], month_cents=400)
        with pytest.raises(Refusal, match="changed meanwhile"):
            tiers.close(session, shop.STAFF, three["early"])
        tiers.close(session, shop.STAFF, three["events"])
        tiers.close(session, shop.STAFF, three["drops"])
        [left] = tiers.current(session, creator_of(three["early"]))
        with pytest.raises(Refusal, match="only tier"):
            tiers.close(session, shop.STAFF, left.id)
