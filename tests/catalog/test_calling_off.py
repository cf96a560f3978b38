"""A drop or an event that is called off: who counted on it is told once, and nobody else is."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.members import announcements, calling_off
from catalog.members.perks import seats
from models.account import Account, Role
from models.base import reading, unit_of_work
from models.consent import Letter
from models.mail import Mail
from models.membership import Membership
from models.perk import Announcement
from tests import factories, member_factories
from tests.both import BOTH, database_of, server_of
from tests.perk_factories import ends, joined, now
from workers import periodic

DAY_MS = factories.DAY_MS
ADA = "ada@example.org"


def ada(session: Session) -> Visitor:
    found = session.scalars(select(Account).filter_by(email=ADA)).first()
    found = found or member_factories.person(session, ADA, roles=[Role.CREATOR])
    return Visitor(account_id=found.id, creator_ids=frozenset({factories.creator(session).id}))


def announced(session: Session, kind: str = "event", rank: int = 3, **values: int) -> str:
    made = announcements.announce(
        session,
        ada(session),
        factories.creator(session).id,
        kind=kind,
        title="An evening",
        summary="On stage.",
        rank=rank,
        at_ms=now() + DAY_MS,
        now_ms=now(),
        **({"seats_count": values["count"]} if values else {}),
    )
    return made.id


def call_off(announcement_id: str, at_ms: int | None = None) -> None:
    with unit_of_work() as session:
        announcements.withdraw(session, ada(session), announcement_id, at_ms or now())


def mails() -> list[Mail]:
    with reading() as session:
        return list(session.scalars(select(Mail).filter_by(purpose=calling_off.TEMPLATE)))


def address(session: Session, member: Membership) -> str:
    return session.get_one(Account, member.account_id).email


@pytest.mark.parametrize("kind", BOTH)
def test_who_has_a_seat_is_told_once_what_becomes_of_it(kind: str, tmp_path: Path) -> None:
    with server_of(kind) as server, database_of(kind, server, tmp_path / "home"):
        with unit_of_work() as session:
            seated, gave_back, left, none = (joined(session) for _ in range(4))
            event = announced(session, count=3)
            for one in (seated, gave_back, left):
                seats.take(session, one.account_id, event, now())
            seats.give_back(session, gave_back.account_id, event, now())
            ends(session, left)
            to = address(session, seated)
        for _ in range(2):
            call_off(event)
            periodic.tell_of_called_off()
        [told] = mails()
        assert told.to == to
        assert told.subject.startswith("Called off: An evening, ")
        assert "Your seat is void now, and there is nothing that you have to do." in told.text
        assert "Nothing was charged for it" in told.text
        assert f"/memberships/{seated.id}" in told.text
        assert none.id not in told.text


def test_of_an_event_without_a_number_of_seats_those_are_told_who_said_they_come(
    database: Path,
) -> None:
    with unit_of_work() as session:
        comes, _ = joined(session), joined(session)
        event = announced(session)
        seats.take(session, comes.account_id, event, now())
        to = address(session, comes)
    call_off(event)
    [told] = mails()
    assert told.to == to
    assert "You had said that you come." in told.text
    assert "seat" not in told.text.partition("Hello")[2].partition("Your membership")[0]


def test_of_a_drop_those_are_told_who_could_have_had_it(database: Path) -> None:
    with unit_of_work() as session:
        high = joined(session)
        low = joined(session, "drops", [{"kind": "drops"}])
        joined(session, "early", [{"kind": "early"}])
        gone = joined(session)
        ends(session, gone)
        drop = announced(session, "drop", rank=2)
        to = {address(session, one) for one in (high, low)}
    call_off(drop)
    periodic.tell_of_called_off()
    told = mails()
    assert {one.to for one in told} == to
    assert len(told) == 2
    assert all("Nothing was ordered and nothing was charged" in one.text for one in told)


def test_many_are_told_in_turns_and_each_once(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling_off, "AT_ONCE", 2)
    with unit_of_work() as session:
        members = [joined(session) for _ in range(5)]
        event = announced(session, count=5)
        for one in members:
            seats.take(session, one.account_id, event, now())
        to = {address(session, one) for one in members}
        row = session.get_one(Announcement, event)
        row.withdrawn_ms = now()
        session.flush()
        assert calling_off.tell_of(session, row, now(), 2) == 2
    periodic.tell_of_called_off()
    periodic.tell_of_called_off()
    assert {one.to for one in mails()} == to
    assert len(mails()) == 5
    with reading() as session:
        assert len(session.scalars(select(Letter)).all()) == 5


def test_an_event_that_was_is_not_called_off_by_mail_and_old_news_is_none(database: Path) -> None:
    with unit_of_work() as session:
        member = joined(session)
        member.period_end_ms += 90 * DAY_MS
        past, old = announced(session, count=1), announced(session, count=1)
        for one in (past, old):
            seats.take(session, member.account_id, one, now())
        row = session.get_one(Announcement, old)
        row.at_ms, row.withdrawn_ms = now() - DAY_MS, now() - 8 * DAY_MS
    call_off(past, now() + 2 * DAY_MS)
    periodic.tell_of_called_off()
    assert mails() == []
