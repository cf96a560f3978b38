"""Pools: clips come in and go by themselves, members say why, people have the last word."""

from typing import Any

import pytest
from sqlalchemy import select

from catalog import listings, partners, pools
from catalog.errors import BadRequest, NotFound, Refusal, SignInNeeded
from catalog.rules import Rule, Window
from models.account import Account, Role
from models.base import reading, unit_of_work
from models.listing import Listing
from models.mail import Mail
from models.pool import Hook, Partner, Pool, PoolMember
from tests import factories, pool_factories
from tests.pool_factories import run_light, visitor


def staff() -> Any:
    return visitor("sam@house.example", Role.STAFF)


def made(name: str = "Goals", **asked: Any) -> Pool:
    """The house's, by staff."""
    person = staff()
    with unit_of_work(person.actor) as session:
        return pools.make(
            session,
            person,
            name=name,
            about="",
            creator_id=None,
            rule=Rule.model_validate(asked),
            window=Window(),
        )


def inside(pool: Pool) -> dict[str, list[str]]:
    with reading() as session:
        found = select(PoolMember).where(
            PoolMember.pool_id == pool.id, PoolMember.removed_ms.is_(None)
        )
        return {one.listing_id: one.why for one in session.scalars(found)}


@pytest.mark.usefixtures("database")
def test_a_new_pool_is_filled_by_a_job_and_new_clips_come_in_by_themselves() -> None:
    with unit_of_work() as session:
        old = factories.listing(session, score=0.9)
        factories.listing(session, score=0.3)
    pool = made(least_score=0.8)
    assert inside(pool) == {}
    run_light()
    assert inside(pool) == {old.id: ["Its score is 0.90; 0.80 is asked for."]}
    with unit_of_work() as session:
        new = factories.listing(session, score=0.85)
        factories.listing(session, score=0.7)
    run_light()
    assert inside(pool).keys() == {old.id, new.id}


@pytest.mark.usefixtures("database")
def test_what_is_withdrawn_leaves_and_what_is_restored_comes_back() -> None:
    pool = made()
    with unit_of_work() as session:
        listing = factories.listing(session)
    run_light()
    with unit_of_work() as session:
        listings.withdraw(session, listing.clip_id, "discarded")
    run_light()
    assert inside(pool) == {}
    with unit_of_work() as session:
        listings.restore(session, listing.clip_id, "undone")
    run_light()
    assert inside(pool).keys() == {listing.id}


@pytest.mark.usefixtures("database")
def test_a_changed_rule_moves_members_but_not_what_people_decided() -> None:
    with unit_of_work() as session:
        best, good, poor = (factories.listing(session, score=s).id for s in (0.9, 0.6, 0.2))
    pool, person = made(least_score=0.5), staff()
    run_light()
    with unit_of_work() as session:
        pools.take_out(session, person, pool.slug, best)
        pools.put_in(session, person, pool.slug, poor)
    assert inside(pool) == {
        good: ["Its score is 0.60; 0.50 is asked for."],
        poor: ["Put in by hand."],
    }
    with unit_of_work() as session:
        rule = Rule(least_score=0.8)
        pools.change(session, person, pool.slug, name="Best", about="", rule=rule, window=Window())
    run_light()
    assert inside(pool) == {poor: ["Put in by hand."]}
    with unit_of_work() as session:
        pools.put_in(session, person, pool.slug, best)
    assert inside(pool).keys() == {best, poor}


@pytest.mark.usefixtures("database")
def test_the_sidecar_puts_a_recordings_clips_into_its_creators_pool_of_that_name() -> None:
    with unit_of_work() as session:
        for slug in ("ada", "ada", "ben"):
            owner = factories.creator(session, slug)
            recording = factories.recording(
                session, creator_id=owner.id, sidecar={"pool": "Harbour Cup"}
            )
            factories.listing(session, factories.clip(session, recording))
    run_light()
    with reading() as session:
        found = session.scalars(select(Pool).order_by(Pool.slug)).all()
    assert [(one.slug, one.name) for one in found] == [
        ("ada-harbour-cup", "Harbour Cup"),
        ("ben-harbour-cup", "Harbour Cup"),
    ]
    assert [list(inside(one).values()) for one in found] == [
        [["The sidecar of its recording names this pool."]] * 2,
        [["The sidecar of its recording names this pool."]],
    ]
    person = visitor("ada@example.org", Role.CREATOR, creator="ada")
    listing_id = next(iter(inside(found[0])))
    with unit_of_work() as session:
        pools.take_out(session, person, "ada-harbour-cup", listing_id)
        clip_id = session.get_one(Listing, listing_id).clip_id
        listings.withdraw(session, clip_id, "a test")
        listings.restore(session, clip_id, "a test")
    run_light()
    assert listing_id not in inside(found[0])


@pytest.mark.usefixtures("database")
def test_a_pool_is_its_owners_and_staffs_and_drawn_from_by_partners_alone() -> None:
    owner = visitor("ada@example.org", Role.CREATOR, creator="ada")
    stranger = visitor("ben@example.org", Role.CREATOR, creator="ben")
    pia = visitor("pia@partner.example", Role.PARTNER)
    [creator_id] = owner.creator_ids
    values: dict[str, Any] = {"name": "Goals", "about": "", "rule": Rule(), "window": Window()}
    with unit_of_work() as session:
        pool = pools.make(session, owner, creator_id=creator_id, **values)
        partners.invite(session, owner, pool.slug, "pia@partner.example")
    with reading() as session:
        for person in (owner, staff(), pia):
            assert pools.get(session, person, pool.slug).id == pool.id
        for person in (stranger, visitor("liz@example.org", Role.LICENSEE)):
            with pytest.raises(NotFound):
                pools.get(session, person, pool.slug)
            assert pools.visible(session, person) == []
        with pytest.raises(SignInNeeded):
            pools.get(session, pools.Visitor(), pool.slug)
    for person in (stranger, pia):
        with unit_of_work() as session:
            with pytest.raises(NotFound):
                pools.change(session, person, pool.slug, **values)
            with pytest.raises(NotFound):
                pools.close(session, person, pool.slug)
            with pytest.raises(NotFound):
                partners.invite(session, person, pool.slug, "x@example.org")
            with pytest.raises(NotFound):
                pools.make(session, person, creator_id=creator_id, **values)
            with pytest.raises(NotFound):
                pools.make(session, person, creator_id=None, **values)
    with unit_of_work() as session:
        partners.end(session, owner, pool.slug, str(pia.account_id))
    with reading() as session, pytest.raises(NotFound):
        pools.get(session, pia, pool.slug)


@pytest.mark.usefixtures("database")
def test_a_creators_pool_takes_no_clip_of_another_not_even_by_hand() -> None:
    owner = visitor("ada@example.org", Role.CREATOR, creator="ada")
    with unit_of_work() as session:
        ben = factories.creator(session, "ben")
        others = factories.recording(session, creator_id=ben.id)
        listing = factories.listing(session, factories.clip(session, others))
        pool = pools.make(
            session,
            owner,
            name="Mine",
            about="",
            creator_id=next(iter(owner.creator_ids)),
            rule=Rule(creators=[ben.id]),
            window=Window(),
        )
    run_light()
    assert inside(pool) == {}
    with unit_of_work() as session, pytest.raises(NotFound):
        pools.put_in(session, owner, pool.slug, listing.id)


@pytest.mark.usefixtures("database")
def test_an_invitation_makes_a_partner_and_a_mail_with_a_link() -> None:
    pool, person = made(), staff()
    with unit_of_work() as session:
        partners.invite(session, person, pool.slug, "Pia@Partner.Example")
        partners.invite(session, person, pool.slug, "pia@partner.example")
    with reading() as session:
        account = session.scalars(select(Account).filter_by(email="pia@partner.example")).one()
        assert account.roles == ["partner"]
        assert len(session.scalars(select(Partner)).all()) == 1
        mails = session.scalars(select(Mail)).all()
        assert {one.to for one in mails} == {"pia@partner.example"}
        assert "An invitation to the licensing pool Goals" in mails[0].subject
        assert "http" in mails[0].text
    with unit_of_work() as session, pytest.raises(BadRequest):
        partners.invite(session, person, pool.slug, "not an address")


@pytest.mark.usefixtures("database")
def test_an_ended_partner_switches_no_webhook_on_again_until_invited_anew() -> None:
    pia, person = visitor("pia@partner.example", Role.PARTNER), staff()
    with unit_of_work() as session:
        pool = pool_factories.pool(session)
        pool_factories.partner(session, pool)
        hook = pool_factories.hook(session, pool, pia.account_id or "", "https://pia.example/in")
    with unit_of_work() as session:
        partners.end(session, person, pool.slug, pia.account_id or "")

    def state() -> tuple[bool, str]:
        with reading() as session:
            row = session.get_one(Hook, hook.id)
            return row.disabled_ms is not None, row.disabled_why

    for _ in range(2):
        with unit_of_work() as session, pytest.raises(NotFound):
            partners.enable_hook(session, pia, hook.id)
        assert state() == (True, "The partnership was ended.")
    with unit_of_work() as session:
        partners.invite(session, person, pool.slug, pia.email)
    assert state()[0], "an invitation alone sends nothing"
    with unit_of_work() as session:
        partners.enable_hook(session, pia, hook.id)
    assert state() == (False, "")


@pytest.mark.usefixtures("database")
def test_a_closed_pool_takes_nothing_and_changes_no_more() -> None:
    pool, person = made(), staff()
    with unit_of_work() as session:
        pools.close(session, person, pool.slug)
    with unit_of_work() as session:
        factories.listing(session)
        with pytest.raises(Refusal):
            partners.invite(session, person, pool.slug, "pia@partner.example")
        with pytest.raises(Refusal):
            pools.change(
                session, person, pool.slug, name="x", about="", rule=Rule(), window=Window()
            )
    run_light()
    assert inside(pool) == {}


@pytest.mark.usefixtures("database")
def test_pools_of_one_name_have_addresses_of_their_own() -> None:
    assert [made("Best of Ümlaut").slug, made("Best of Ümlaut").slug, made("目標").slug] == [
        "best-of-umlaut",
        "best-of-umlaut-2",
        "pool",
    ]


@pytest.mark.usefixtures("database")
def test_publishing_asks_for_no_routing_where_there_is_no_pool() -> None:
    with unit_of_work() as session:
        factories.listing(session)
    assert run_light("route", "pool", "hook") == 0
    with unit_of_work() as session:
        pool_factories.pool(session)
        factories.listing(session)
    assert run_light("route", "pool", "hook") == 1
