"""What two people do in the same moment is done, and nobody gets an error for being second."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from catalog import accounts, pools, signing
from catalog.rules import Rule, Window
from models.account import Account, Role, Secret
from models.base import engine, reading, unit_of_work
from models.pool import Pool
from tests import factories
from tests.pool_factories import visitor

AT_ONCE = 4


def at_once(what: Callable[[Session, int], Any]) -> None:
    """Each in a transaction of its own that is open when they begin. Raises what one raised."""
    engine()  # one for all the threads
    gate = threading.Barrier(AT_ONCE)

    def run(number: int) -> None:
        gate.wait()
        with unit_of_work() as session:
            session.execute(text("select 1"))
            what(session, number)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(run, range(AT_ONCE)))


def count(row: type[Any]) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(row)) or 0


def enter(words: list[str], session: Session, number: int) -> None:
    accounts.enter(session, words[number], "")


@pytest.mark.usefixtures("either")
def test_links_of_one_new_address_make_one_account() -> None:
    for number in range(3):
        email = f"new{number}@example.org"
        with unit_of_work() as session:
            words = [accounts.make_link(session, email, "/") for _ in range(AT_ONCE)]
        at_once(partial(enter, words))
        with reading() as session:
            assert len(session.scalars(select(Account).filter_by(email=email)).all()) == 1


@pytest.mark.usefixtures("either")
def test_a_desk_is_given_to_one_new_account() -> None:
    with unit_of_work() as session:
        creator_id = factories.creator(session).id
    at_once(lambda session, _: accounts.give_desk(session, creator_id, "new@example.org"))
    with reading() as session:
        [owner] = session.scalars(select(Account)).all()
        assert owner.roles == [Role.CREATOR]


@pytest.mark.usefixtures("either")
def test_pools_of_one_name_get_addresses_of_their_own() -> None:
    staff = visitor("sam@example.org", Role.STAFF)
    given: dict[str, Any] = {"about": "", "rule": Rule(by_itself=False), "window": Window()}
    at_once(lambda session, _: pools.make(session, staff, name="Goals", creator_id=None, **given))
    with reading() as session:
        slugs = session.scalars(select(Pool.slug).order_by(Pool.slug)).all()
    assert slugs == ["goals", "goals-2", "goals-3", "goals-4"]


@pytest.mark.usefixtures("either")
def test_a_key_is_made_and_rotated_once() -> None:
    at_once(lambda session, _: signing.signed(session, "/x", "grant"))
    assert count(Secret) == 1
    for _ in range(3):
        at_once(lambda session, _: signing.rotate(session))
    assert count(Secret) <= 2, "the newest and the one before it"


@pytest.mark.usefixtures("either")
def test_who_is_overtaken_while_looking_for_a_key_takes_the_others(
    server: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if server[0] == "sqlite":
        pytest.skip("there, whoever may write is alone")
    look, looked = signing._numbers, list[bool]()

    def overtaken(session: Session) -> list[int]:
        found = look(session)
        if not looked:
            looked.append(True)
            with unit_of_work() as other:
                signing.signed(other, "/x", "grant")
        return found

    monkeypatch.setattr(signing, "_numbers", overtaken)
    with unit_of_work() as session:
        signing.signed(session, "/x", "grant")
    assert count(Secret) == 1
