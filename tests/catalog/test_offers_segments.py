"""An offer for a segment: nobody outside of it gets it, nobody without consent, and nobody at all
where fewer than twenty people are in it."""

import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog import segments
from catalog.auth import Visitor
from catalog.errors import BadRequest, Refusal
from catalog.members import consents
from models.account import Account
from models.base import reading, unit_of_work
from models.membership import Membership
from models.offer import Offer, Segment, Watched
from tests import factories, member_factories, people
from tests import offer_factories as offers

pytestmark = pytest.mark.usefixtures("database")
CUP = "Harbour Cup"


def segment(count: int = 20, **rule: object) -> tuple[str, list[Visitor]]:
    """Its key, and its people: members who let the series they watch be remembered."""
    with unit_of_work() as session:
        tier = member_factories.tier(session, "early")
        tier.perks = []  # no free copies: they would be offered nothing for that reason
        found = []
        for number in range(max(count, 20)):
            account = member_factories.person(session, f"member{number}@example.org")
            member_factories.membership(session, account.id, tier)
            consents.give(session, account.id, "history", "join")
            session.add(
                Watched(
                    account_id=account.id, creator_id=tier.creator_id, series=CUP,
                    last_ms=offers.now(),
                )
            )  # fmt: skip
            found.append(member_factories.visitor_of(account))
        session.flush()
        staff = offers.STAFF
        asked = segments.rule_of(rule or {"series": CUP})
        made = segments.save(session, staff, tier.creator_id, "Cup fans", asked)
        return made.id, found


def made_for(key: str) -> str:
    return offers.make("keep", facts={"segment": key})


def test_who_is_in_it_gets_it_and_reads_why() -> None:
    [clip] = offers.clips()
    key, inside = segment()
    made_for(key)
    found = offers.surely(offers.shown(inside[0], clip))
    assert "It is for members who fit this alone: Watched the series Harbour Cup." in (
        found.view.reason
    )
    assert "the series you watched, as you agreed to" in found.view.data_used


def test_nobody_outside_gets_it() -> None:
    [clip] = offers.clips()
    key, _ = segment()
    made_for(key)
    assert offers.shown(offers.person(), clip) is None
    assert offers.shown(Visitor(guest="a" * 64), clip) is None
    with unit_of_work() as session:
        tier = session.scalars(select(Membership.tier_id).limit(1)).one()
        account = member_factories.person(session, "new@example.org")
        of = member_factories.tier(session, "early")
        assert of.id == tier
        member_factories.membership(session, account.id, of)
        other = member_factories.visitor_of(account)
    assert offers.shown(other, clip) is None, "a member who did not watch the series"


def test_who_takes_the_consent_back_is_out_at_once_also_of_an_open_card() -> None:
    [clip] = offers.clips()
    key, inside = segment(21)
    made_for(key)
    who = inside[0]
    assert offers.shown(who, clip) is not None
    with unit_of_work() as session:
        consents.withdraw(session, who.account_id or "", "history")
    assert offers.shown(who, clip) is None
    assert offers.shown(who, clip, at_ms=offers.now() + offers.DAY_MS) is None


def test_below_twenty_it_is_for_nobody() -> None:
    [clip] = offers.clips()
    key, inside = segment()
    made_for(key)
    with unit_of_work() as session:
        consents.withdraw(session, inside[0].account_id or "", "history")
    assert all(offers.shown(one, clip) is None for one in inside)


def test_a_closed_segment_and_another_creators_are_for_nobody() -> None:
    [clip] = offers.clips()
    key, inside = segment()
    offer_id = made_for(key)
    with unit_of_work() as session:
        other = factories.creator(session, "mara")
        session.get_one(Segment, key).creator_id = other.id
    assert offers.shown(inside[0], clip) is None
    with pytest.raises(BadRequest, match="one of your open segments"):
        offers.make("scene", facts={"percent": 20, "most": 2, "segment": key})
    with unit_of_work() as session:
        row = session.get_one(Segment, key)
        row.creator_id = session.get_one(Offer, offer_id).creator_id
    assert offers.shown(inside[1], clip) is not None
    with unit_of_work() as session:
        segments.close(session, offers.STAFF, key)
    assert offers.shown(inside[2], clip) is None


def test_no_offer_is_made_for_too_few_nor_a_trial_for_members() -> None:
    key, inside = segment()
    with pytest.raises(BadRequest, match="for who is no member"):
        offers.make("trial", facts={"tier": "early", "days": 7, "segment": key})
    with unit_of_work() as session:
        consents.withdraw(session, inside[0].account_id or "", "history")
    with pytest.raises(Refusal, match="Fewer than 20") as refused:
        made_for(key)
    assert refused.value.code == "too_few"


def test_to_be_offered_something_keeps_a_segment_open() -> None:
    [clip] = offers.clips()
    key, inside = segment()
    made_for(key)
    offers.change(Segment, key, used_ms=offers.now() - 300 * offers.DAY_MS)
    offers.shown(inside[0], clip)
    with reading() as session:
        assert session.get_one(Segment, key).used_ms > offers.now() - offers.DAY_MS


def test_the_desk_says_for_whom_how_many_and_on_what_basis(client: TestClient, owner: str) -> None:
    offers.clips()
    key, inside = segment(34)
    page = client.get("/offers").text
    assert "Cup fans: 30 or more people" in page
    fields = {"title": "For fans", "holdout": "10", "last_day": "", "segment": key}
    people.post(client, "/offers/of/keep", creator="ada", **fields)
    page = client.get("/offers").text
    assert "Watched the series Harbour Cup" in page
    assert "<strong>30 or more people</strong> now" in page
    assert "Consent: only members who let the series they watch be remembered." in page
    assert re.search(rf'value="{key}" selected', page)
    with reading() as session:
        emails = session.scalars(select(Account.email).where(Account.id == inside[0].account_id))
        assert emails.one() not in page
    with unit_of_work() as session:
        for one in inside[:20]:
            consents.withdraw(session, one.account_id or "", "history")
    page = client.get("/offers").text
    assert "Fewer than 20 people are in its segment, so it is shown to nobody." in page
    people.post(client, "/offers/of/keep", creator="ada", **{**fields, "segment": ""})
    assert "For everybody whom it fits." in client.get("/offers").text
