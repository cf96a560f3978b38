"""Nobody gets a letter who does not want it: asking, confirming, ending, bounces, complaints."""

from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as some
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.errors import BadRequest, NotFound
from catalog.letters import bounces, hours, links, sending, stops, subscribers
from catalog.letters.purposes import PURPOSES
from models.account import Account
from models.base import new_id, unit_of_work
from models.consent import Stopped, Subscriber, SubscriberState
from models.mail import Mail
from models.settings import SettingsError, settings
from tests import factories, people
from tests import letter_factories as letters
from tests.letter_factories import DAY_MS, HOUR_MS, LENA

pytestmark = pytest.mark.usefixtures("database")


def ask(email: str = LENA, purpose: str = "news", actor: str = "") -> None:
    with unit_of_work(actor) as session:
        subscribers.ask(session, email, purpose, ada(session), source="test")


def ada(session: Session) -> str:
    return factories.creator(session).id


def confirm(path: str) -> None:
    with unit_of_work() as session:
        subscribers.confirm(session, path.rsplit("/", 1)[1])


def wants(email: str = LENA, purpose: str = "news") -> bool:
    with unit_of_work() as session:
        return subscribers.wants(session, email, purpose, ada(session))


def send(at_ms: int, email: str = LENA, purpose: str = "news") -> Mail | None:
    with unit_of_work() as session:
        said = {"what": "News.", "order_id": ""}
        return sending.send(session, email, purpose, "look", at_ms, ada(session), **said)


def test_nothing_comes_before_it_is_confirmed_from_the_mailbox() -> None:
    ask()
    assert not wants()
    assert send(letters.noon()) is None
    asked = letters.only(LENA)
    assert (asked.purpose, asked.headers) == ("confirm-letters", {})
    confirm(letters.link(asked, "confirm"))
    assert wants()
    assert send(letters.noon())


def test_to_confirm_twice_is_fine_and_after_an_end_it_is_too_late() -> None:
    ask()
    path = letters.link(letters.only(), "confirm")
    confirm(path)
    confirm(path)
    with unit_of_work() as session:
        assert subscribers.end(session, LENA) == 1
        assert subscribers.end(session, LENA) == 0, "again is fine"
    with pytest.raises(subscribers.LinkOver):
        confirm(path)
    assert not wants()


def test_a_link_is_good_for_a_week_and_until_one_asks_again() -> None:
    ask()
    first = letters.link(letters.only(), "confirm")
    with unit_of_work() as session:
        session.execute(update(Subscriber).values(asked_ms=Subscriber.asked_ms - 1_000))
    with pytest.raises(subscribers.LinkOver):
        confirm(first)
    ask()
    second = letters.link(letters.mails()[1], "confirm")
    with unit_of_work() as session:
        row = session.scalars(select(Subscriber)).one()
        row.asked_ms -= 8 * DAY_MS
        old = links.confirm(session, row)
    for path in (second, old):
        with pytest.raises(subscribers.LinkOver):
            confirm(path)
    assert not wants()


def test_the_account_of_the_address_confirms_by_asking_and_no_other_does() -> None:
    lena, ada = people.account(LENA), people.account("ada@example.org")
    ask(actor=lena)
    assert not wants(), "nobody has opened a link that was sent to this address"
    people_verified(lena, ada)
    ask(actor=ada)
    assert not wants()
    ask(actor=lena)
    assert wants()


def people_verified(*ids: str) -> None:
    with unit_of_work() as session:
        for one in ids:
            session.get_one(Account, one).verified_ms = 1


def test_one_mail_confirms_all_that_was_asked_for_together_and_nothing_else() -> None:
    with unit_of_work() as session:
        bea = factories.creator(session, "bea").id
        subscribers.ask_all(session, LENA, [("digest", bea), ("news", bea)], "form")
    ask(purpose="digest")
    first, second = letters.mails()
    confirm(letters.link(first, "confirm"))
    with unit_of_work() as session:
        assert subscribers.wants(session, LENA, "digest", bea)
        assert subscribers.wants(session, LENA, "news", bea)
    assert not wants(purpose="digest"), "Ada is another one"
    assert "New clips by Bea" in first.text
    assert "New clips by Ada" in second.text


def test_a_stranger_can_not_fill_a_mailbox_with_questions() -> None:
    for purpose in ("news", "digest", "news", "digest", "news"):
        ask(purpose=purpose)
    assert len(letters.mails(LENA)) == subscribers.MAILS
    confirm(letters.link(letters.mails()[-1], "confirm"))
    assert wants(), "what was asked too often has not made the last link useless"


def test_what_can_not_be_asked_for() -> None:
    with unit_of_work() as session:
        for purpose, creator, error in (
            ("receipts", "", BadRequest),
            ("digest", "", BadRequest),
            ("offers", ada(session), BadRequest),
            ("news", new_id(), NotFound),
        ):
            with pytest.raises(error):
                subscribers.ask(session, LENA, purpose, creator)
        with pytest.raises(BadRequest):
            subscribers.ask(session, "lena", "news", ada(session))


def test_one_letter_a_day_of_each_purpose_whoever_writes() -> None:
    with unit_of_work() as session:
        whose, bea = factories.creator(session, "ada"), factories.creator(session, "bea")
        for of in (whose, bea):
            letters.wish(session, purpose="news", of=of)
        letters.wish(session, purpose="digest", of=whose)
    noon, said = letters.noon(), {"what": "x", "order_id": ""}
    with unit_of_work() as session:
        assert sending.send(session, LENA, "news", "look", noon, whose.id, **said)
        assert not sending.send(session, LENA, "news", "look", noon + HOUR_MS, whose.id, **said)
        assert not sending.send(session, LENA, "news", "look", noon + HOUR_MS, bea.id, **said)
        assert sending.send(session, LENA, "digest", "look", noon, whose.id, **said)
        assert sending.send(session, LENA, "news", "look", noon + DAY_MS, bea.id, **said)


@pytest.mark.parametrize(
    ("hour", "leaves"), [(0, 8), (7.9, 8), (8, 8), (19.9, 19.9), (20, 32), (23, 32)]
)
def test_a_letter_waits_for_the_hours_and_a_service_mail_does_not(
    hour: float, leaves: float
) -> None:
    day = letters.noon() - 12 * HOUR_MS
    assert hours.next_open(day + int(hour * HOUR_MS)) == day + int(leaves * HOUR_MS)
    with unit_of_work() as session:
        letters.wish(session)
    made = send(day + int(hour * HOUR_MS))
    assert made
    assert made.send_after_ms == day + int(leaves * HOUR_MS)
    ask(purpose="digest")
    assert [one.send_after_ms for one in letters.mails() if not one.subscriber_id] == [None]


@pytest.mark.parametrize("wrong", ["8", "20-8", "8-25", "8-8", "-1-5", "a-b"])
def test_hours_that_are_none_are_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_LETTERS_HOURS", wrong)
    settings.cache_clear()
    with pytest.raises(SettingsError, match="LETTERS_HOURS"):
        settings()


def test_each_letter_says_why_and_how_to_end_it() -> None:
    with unit_of_work() as session:
        whose = factories.creator(session)
        letters.wish(session, purpose="news", of=whose, confirmed_ms=1_790_000_000_000)
        said = {"what": "A small thing.", "order_id": ""}
        made = sending.send(session, LENA, "news", "look", letters.noon(), whose.id, **said)
    assert made
    end = f"{settings().base_url}{letters.link(made, 'unsubscribe')}"
    assert made.headers["List-Unsubscribe"] == f"<{end}>"
    assert made.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert made.headers["List-Id"] == f"<news.{whose.id}.reelyard.local>"
    assert "because you asked for news by Ada on 21 Sep 2026, 14:13 UTC." in made.text
    assert "/letters/preferences/" in made.text
    assert made.text.rstrip().endswith(settings().seller)
    for part in ("Ada &middot; Reelyard", f'href="{end}"', "Stop these letters"):
        assert part in made.html


def test_a_bounce_stops_letters_and_not_service_mails_until_a_mail_arrives() -> None:
    with unit_of_work() as session:
        letters.wish(session)
        stops.stop(session, LENA.upper(), stops.BOUNCED)
    assert not wants()
    assert send(letters.noon()) is None
    ask(purpose="digest")
    confirm(letters.link(letters.only(LENA), "confirm"))
    assert wants()
    assert wants(purpose="digest")


def test_a_complaint_stops_everything_until_its_reader_says_otherwise() -> None:
    with unit_of_work() as session:
        letters.wish(session)
        stops.stop(session, LENA, stops.BOUNCED)
        stops.stop(session, LENA, stops.COMPLAINED)
        stops.stop(session, LENA, stops.BOUNCED)
        row = session.scalars(select(Stopped)).one()
        assert (row.reason, row.count) == ("complained", 3)
        assert LENA not in row.email_hash
    ask(purpose="digest")
    assert letters.mails() == [], "a stranger can't have them asked again and again"
    with unit_of_work() as session:
        assert not stops.arrived(session, LENA)
        assert stops.lift(session, LENA)
    assert wants()


def test_an_erasure_forgets_the_address_and_keeps_the_stop() -> None:
    with unit_of_work() as session:
        letters.wish(session)
        letters.wish(session, purpose="digest")
        stops.stop(session, LENA, stops.COMPLAINED)
        assert subscribers.forget(session, LENA) == 2
        assert stops.reason(session, LENA) == stops.COMPLAINED


def test_what_nobody_confirmed_is_deleted_after_a_month() -> None:
    with unit_of_work() as session:
        never = letters.wish(session, "a@example.org", state=SubscriberState.ASKED)
        ended = letters.wish(session, "b@example.org", state=SubscriberState.ENDED, ended_ms=1)
        stays = letters.wish(session)
        subscribers.sweep(session)
        kept = session.scalars(select(Subscriber.id)).all()
    assert set(kept) == {stays.id}, (never.id, ended.id)


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """That one may ask three times a day is another rule."""
    monkeypatch.setattr(subscribers, "MAILS", 1_000)


@dataclass
class Person:
    """What a person said and what came back, apart from how it is kept."""

    email: str
    asked: set[str] = field(default_factory=set)
    wants: set[str] = field(default_factory=set)
    stopped: str = ""


DEEDS = ("ask", "confirm", "stale", "end", "end_all", "bounce", "complain", "lift")
DID = some.lists(
    some.tuples(some.sampled_from(DEEDS), some.sampled_from(["news", "digest"])), max_size=14
)


@hypothesis(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(did=DID)
def test_no_sequence_of_what_people_do_leads_to_a_letter_that_is_not_wanted(
    did: list[tuple[str, str]], unlimited: None
) -> None:
    who = Person(f"{new_id()}@example.org")
    stale: list[str] = []
    for day, (what, purpose) in enumerate(did):
        with unit_of_work() as session:
            _do(session, who, what, purpose, stale)
        for one in ("news", "digest"):
            made = send(letters.noon(day * 2), who.email, one)
            wanted = one in who.wants and not who.stopped
            assert (made is not None) == wanted, (did[: day + 1], one)
            if made:
                assert made.to == who.email


def _do(session: Session, who: Person, what: str, purpose: str, stale: list[str]) -> None:
    row = session.scalars(select(Subscriber).filter_by(email=who.email, purpose=purpose)).first()
    if what == "ask":
        before = links.confirm(session, row) if row else ""
        subscribers.ask(session, who.email, purpose, ada(session), source="test")
        known = purpose in who.wants and who.stopped != stops.BOUNCED
        if who.stopped != stops.COMPLAINED and not known:
            who.wants.discard(purpose)
            who.asked.add(purpose)
            stale.append(before)
    elif what == "confirm" and row:
        fits = purpose in who.asked
        _try(session, links.confirm(session, row))
        if fits:
            who.asked.discard(purpose)
            who.wants.add(purpose)
            who.stopped = "" if who.stopped == stops.BOUNCED else who.stopped
    elif what == "stale" and stale and row and links.confirm(session, row) != stale[-1]:
        if stale[-1]:
            _try(session, stale[-1])
    elif what == "end":
        subscribers.end(session, who.email, purpose)
        who.wants.discard(purpose)
        who.asked.discard(purpose)
    elif what == "end_all":
        subscribers.end(session, who.email)
        who.wants, who.asked = set(), set()
    elif what in ("bounce", "complain"):
        of = session.scalars(select(Mail).filter_by(to=who.email)).first()
        if of is not None:
            raw = letters.dsn(of.id) if what == "bounce" else letters.complaint(of.id)
            bounces.heard(session, raw)
            if what == "complain":
                who.wants, who.asked, who.stopped = set(), set(), stops.COMPLAINED
            else:
                who.stopped = who.stopped or stops.BOUNCED
    elif what == "lift":
        stops.lift(session, who.email)
        who.stopped = ""


def _try(session: Session, path: str) -> None:
    with suppress(subscribers.LinkOver):
        subscribers.confirm(session, path.rsplit("/", 1)[1])


def test_every_purpose_has_its_words() -> None:
    for key, one in PURPOSES.items():
        assert one.title, key
        assert one.says.endswith("."), key
        assert one.asked, key
