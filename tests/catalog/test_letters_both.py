"""On both databases: the whole way, and two workers who write the same letter at once."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalog.letters import bounces, digest, onboarding, series, stops, subscribers
from models.base import unit_of_work
from models.creator import Creator
from models.mail import Mail
from tests import factories
from tests import letter_factories as letters
from tests import member_factories as members
from tests.both import database_of
from tests.letter_factories import DAY_MS, HOUR_MS, LENA


@pytest.fixture
def ada(server: tuple[str, str], home: Path) -> Iterator[Creator]:
    """Whom Lena joined; a clip of hers is early."""
    kind, url = server
    with database_of(kind, url, home):
        with unit_of_work() as session:
            made = factories.creator(session)
            joined = members.membership(session, members.person(session, LENA).id)
            series.began(session, joined, letters.noon())
            series.began(session, joined, letters.noon() + DAY_MS)
            shown = factories.listing(session)
            shown.visible_from_ms = letters.noon() + 20 * HOUR_MS
        yield made


def at_once(write: Callable[[], Mail | bool | None]) -> int:
    """How many of four wrote something."""
    start, wrote = threading.Barrier(4), []

    def one() -> None:
        start.wait()
        wrote.append(bool(write()))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrote) == 4
    return sum(wrote)


def test_from_asking_to_the_end(ada: Creator) -> None:
    noon = letters.noon()
    with unit_of_work() as session:
        subscribers.ask_all(session, LENA, [("digest", ada.id), ("onboarding", ada.id)], "test")
    assert list(digest.due(noon)) == []
    with unit_of_work() as session:
        subscribers.confirm(session, letters.link(letters.only(), "confirm").rsplit("/", 1)[1])
    assert list(digest.due(noon)) == [LENA]
    (due,) = onboarding.due(noon)

    def welcome() -> bool:
        with unit_of_work() as session:
            return onboarding.step(session, due, noon)

    def clips() -> Mail | None:
        with unit_of_work() as session:
            return digest.write(session, LENA, noon)

    assert at_once(welcome) == 1
    assert at_once(clips) == 1
    assert sorted(one.purpose for one in letters.mails(LENA)) == [
        "confirm-letters",
        "digest",
        "onboarding-early-welcome",
    ]
    assert list(digest.due(noon + HOUR_MS)) == []
    assert list(onboarding.due(noon + HOUR_MS)) == []
    with unit_of_work() as session:
        bounces.heard(session, letters.dsn(letters.mails(LENA)[0].id))
        bounces.heard(session, letters.dsn(letters.mails(LENA)[0].id))
        assert stops.reason(session, LENA) == "bounced"
        assert digest.write(session, LENA, noon + 8 * DAY_MS) is None
        subscribers.end(session, LENA)
        subscribers.sweep(session)
    assert list(digest.due(noon + 8 * DAY_MS)) == []
