"""A trial is had once, also by who is erased and comes back by the same address."""

from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.auth import Visitor
from catalog.errors import Refusal
from catalog.members import billing, tried
from catalog.privacy import erasure
from models.base import reading, unit_of_work
from models.consent import Stopped
from models.membership import Tier
from tests import factories
from tests import member_factories as members

EMAIL = "mia@example.org"


def signed_up(email: str = EMAIL) -> Visitor:
    with unit_of_work() as session:
        account = members.person(session, email)
        members.method(session, account.id)
    return members.visitor_of(account)


def tier_of(slug: str) -> Tier:
    with unit_of_work() as session:
        return members.tier(session, "early", factories.creator(session, slug))


def tries(who: Visitor, tier: Tier) -> None:
    billing.join(who, tier.id, "month", cents=300, currency="USD", trial_days=14)


def erase(who: Visitor) -> None:
    with unit_of_work() as session:
        erasure.erase(session, who)


def test_an_erased_member_has_no_second_trial_with_the_same_creator(database: Path) -> None:
    ada, bob = tier_of("ada"), tier_of("bob")
    first = signed_up()
    tries(first, ada)
    erase(first)
    again = signed_up()
    with pytest.raises(Refusal, match="not a member here before"):
        tries(again, ada)
    tries(again, bob)
    tries(signed_up("sam@example.org"), ada)


def test_what_is_kept_is_no_address_and_is_forgotten(database: Path) -> None:
    ada = tier_of("ada")
    who = signed_up()
    tries(who, ada)
    erase(who)
    with unit_of_work() as session:
        row = session.scalars(select(Stopped)).one()
        assert (row.reason, len(row.email_hash), "@" in row.email_hash) == ("tried", 64, False)
        assert tried.before(session, " Mia@Example.org", ada.creator_id)
        assert not tried.before(session, EMAIL, "f" * 32)
        tried.forget(session, row.at_ms + tried.KEPT_MS)
        assert tried.before(session, EMAIL, ada.creator_id)
        tried.forget(session, row.at_ms + tried.KEPT_MS + 1)
        assert not tried.before(session, EMAIL, ada.creator_id)


def test_who_never_joined_leaves_nothing_of_it(database: Path) -> None:
    erase(signed_up())
    with reading() as session:
        assert session.scalars(select(Stopped)).all() == []
