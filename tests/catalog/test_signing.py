"""Signed addresses: five minutes, one method, one path, one grant, one key; nothing else opens."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog import signing
from catalog.signing import LinkRefused, Mark, check, rotate, rotate_when_due, signed
from models.account import Secret
from models.base import unit_of_work

pytestmark = pytest.mark.usefixtures("database")
PATH = "/deliveries/aa/bb/delivery.mp4"


def mark_of(address: str) -> Mark:
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    return Mark(int(query["expires"]), int(query["key"]), query["signature"])


def opens(
    session: Session, mark: Mark, method: str = "GET", path: str = PATH, grant: str = "grant"
) -> bool:
    try:
        check(session, method, path, grant, mark)
    except LinkRefused:
        return False
    return True


def keys(session: Session) -> list[str]:
    return sorted(session.scalars(select(Secret.name).where(Secret.name.startswith("urls-"))))


def test_what_was_signed_opens_for_get_and_head_alone() -> None:
    with unit_of_work() as session:
        address = signed(session, PATH, "grant")
        assert address.startswith(f"{PATH}?expires=")
        mark = mark_of(address)
        methods = ("GET", "HEAD", "POST", "PUT", "DELETE", "get", "")
        opened = [method for method in methods if opens(session, mark, method=method)]
    assert opened == ["GET", "HEAD"]


@pytest.mark.parametrize(
    "changed",
    [
        lambda mark: replace(mark, expires=mark.expires + 1),
        lambda mark: replace(mark, expires=mark.expires - 1),
        lambda mark: replace(mark, key=mark.key + 1),
        lambda mark: replace(mark, signature=mark.signature[::-1]),
        lambda mark: replace(mark, signature=mark.signature[:-1]),
        lambda mark: replace(mark, signature=mark.signature.upper()),
        lambda mark: replace(mark, signature=""),
        lambda mark: replace(mark, signature="ü" * 64),
    ],
)
def test_a_changed_mark_opens_nothing(changed: Callable[[Mark], Mark]) -> None:
    with unit_of_work() as session:
        assert not opens(session, changed(mark_of(signed(session, PATH, "grant"))))


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"path": "/deliveries/aa/bc/delivery.mp4"},
        {"path": PATH + "/"},
        {"path": ""},
        {"grant": "grant2"},
        {"grant": ""},
        # What is signed is told apart by lines: none can be moved into its neighbour.
        {"path": PATH + "\ngrant", "grant": ""},
    ],
)
def test_a_mark_opens_its_own_path_for_its_own_grant(elsewhere: dict[str, str]) -> None:
    with unit_of_work() as session:
        assert not opens(session, mark_of(signed(session, PATH, "grant")), **elsewhere)


def test_it_opens_for_five_minutes_and_then_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with unit_of_work() as session:
        address = signed(session, PATH, "grant")
        assert opens(session, mark_of(address))
        monkeypatch.setattr(signing, "LIFE_S", 0)
        over = mark_of(signed(session, PATH, "grant"))
        with pytest.raises(LinkRefused, match="five minutes"):
            check(session, "GET", PATH, "grant", over)


def test_keys_change_and_what_the_last_one_signed_still_opens() -> None:
    with unit_of_work() as session:
        first = mark_of(signed(session, PATH, "grant"))
        assert keys(session) == ["urls-1"]
        assert rotate(session) == 2
        second = mark_of(signed(session, PATH, "grant"))
        assert (first.key, second.key) == (1, 2)
        assert opens(session, first)
        assert opens(session, second)
        assert rotate(session) == 3
        assert keys(session) == ["urls-2", "urls-3"]
        assert not opens(session, first)
        assert opens(session, second)


def test_keys_change_by_themselves_once_a_month() -> None:
    with unit_of_work() as session:
        rotate_when_due(session)
        assert keys(session) == [], "where nothing was signed there is no key"
        signed(session, PATH, "grant")
        rotate_when_due(session)
        assert keys(session) == ["urls-1"]
        session.execute(update(Secret).values(created_ms=Secret.created_ms - 31 * 86_400_000))
        rotate_when_due(session)
        assert keys(session) == ["urls-1", "urls-2"]


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_other_address_opens(data: st.DataObject) -> None:
    text = st.text(st.characters(codec="utf-8"), max_size=30)
    with unit_of_work() as session:
        mark = mark_of(signed(session, PATH, "grant"))
        path = data.draw(st.one_of(st.just(PATH), text))
        grant = data.draw(st.one_of(st.just("grant"), text))
        other = Mark(
            data.draw(st.one_of(st.just(mark.expires), st.integers(0, 10**12))),
            data.draw(st.one_of(st.just(mark.key), st.integers(0, 5))),
            data.draw(st.one_of(st.just(mark.signature), text)),
        )
        same = (path, grant, other) == (PATH, "grant", mark)
        assert opens(session, other, path=path, grant=grant) == same
