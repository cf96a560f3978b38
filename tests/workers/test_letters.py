"""Letters leave in their hours, if they are still wished for then; what comes back is heard."""

import os
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog import mail
from catalog.letters import links, sending, stops, subscribers
from models.base import now_ms, reading, unit_of_work
from models.consent import Letter
from models.job import Job
from models.mail import Mail
from models.membership import MembershipState
from models.settings import settings
from models.steps import LIGHT
from tests import factories
from tests import letter_factories as letters
from tests import member_factories as members
from tests.letter_factories import DAY_MS, LENA
from tests.mailbox import mailbox
from workers import letters as timer
from workers import mail as mails
from workers.flow import run_one

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def open_all_day(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    """And what waits is due at once, so that no test sleeps."""
    use(monkeypatch, letters_hours="0-24")
    monkeypatch.setattr(mails, "LEAST_WAIT_MS", 0)
    monkeypatch.setattr(mails, "MOST_WAIT_MS", 0)


def use(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"REELYARD_{name.upper()}", value)
    settings.cache_clear()


def now() -> int:
    with reading() as session:
        return session.scalar(select(now_ms())) or 0


def letter(email: str = LENA) -> Mail:
    with unit_of_work() as session:
        letters.wish(session, email)
        said = {"what": "News.", "order_id": ""}
        made = sending.send(session, email, "news", "look", now(), ada(session), **said)
        assert made
        return made


def ada(session: Session) -> str:
    return factories.creator(session).id


def row(of: Mail) -> Mail:
    with reading() as session:
        return session.get_one(Mail, of.id)


def job(of: Mail) -> Job:
    with reading() as session:
        return session.scalars(select(Job).filter_by(subject=of.id)).one()


def test_by_smtp_with_one_click_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the address of the house is: a folded one would be encoded, and unread."""
    house = f"https://{'very-' * 12}long-name.example.org"
    use(monkeypatch, public_url=house)
    of = letter()
    with mailbox() as box:
        use(monkeypatch, smtp_url=f"smtp://127.0.0.1:{box.port}")
        run_one(LIGHT)
    (one,) = box.mails
    end = dict(one.raw_items())["List-Unsubscribe"]  # as it came over the line
    assert end.startswith(f"<{house}/letters/unsubscribe/")
    assert end.endswith(">")
    assert one["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    with unit_of_work() as session:
        assert one["List-Id"] == f"<news.{ada(session)}.reelyard.local>"
    assert one.get_content_type() == "multipart/alternative"
    text, html = (one.get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert html
    for part in (text, html):
        assert end.strip("<>") in part.get_content()
    assert row(of).sent_ms


@pytest.mark.parametrize("how", ["ended", "stopped", "forgotten", "old"])
def test_what_is_no_longer_wished_for_does_not_leave(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    of = letter()
    with unit_of_work() as session:
        if how == "ended":
            subscribers.end(session, LENA)
        elif how == "stopped":
            stops.stop(session, LENA, stops.BOUNCED)
        elif how == "forgotten":
            subscribers.forget(session, LENA)
        else:
            session.get_one(Mail, of.id).send_after_ms = now() - 3 * DAY_MS
    with mailbox() as box:
        use(monkeypatch, smtp_url=f"smtp://127.0.0.1:{box.port}")
        assert run_one(LIGHT)
    assert box.mails == []
    kept = row(of)
    assert (kept.sent_ms, kept.text, kept.html) == (None, "", "")
    assert kept.error.startswith("it ")
    assert job(of).state == "done"


def test_outside_of_the_hours_a_letter_waits_and_a_service_mail_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of = letter()
    hour = now() // 3_600_000 % 24
    shut = f"{hour + 1}-24" if hour < 23 else "0-23"
    use(monkeypatch, letters_hours=shut)
    assert run_one(LIGHT)
    waits = job(of)
    assert (waits.state, waits.attempt) == ("ready", 0), "no try is burnt"
    assert waits.waiting == "the hours in which letters leave"
    assert waits.run_after_ms > now()
    with unit_of_work() as session:
        service = mail.write(session, LENA, "look", what="x", order_id="")
    assert run_one(LIGHT)
    assert row(service).sent_ms
    assert not run_one(LIGHT)


@pytest.mark.parametrize(
    ("said", "stopped"),
    [
        ("550 5.1.1 no such mailbox", "bounced"),
        ("550 no such mailbox", "bounced"),
        ("550 5.7.1 relaying denied", ""),
        ("451 4.2.0 try later", ""),
    ],
)
def test_what_the_server_refuses_for_good_is_a_bounce(
    monkeypatch: pytest.MonkeyPatch, said: str, stopped: str
) -> None:
    of = letter()
    with mailbox() as box:
        use(monkeypatch, smtp_url=f"smtp://127.0.0.1:{box.port}")
        box.answers.append(said)
        run_one(LIGHT)
        with reading() as session:
            assert stops.reason(session, LENA) == stopped
        assert job(of).state == ("ready" if said.startswith("4") else "quarantined")
        with unit_of_work() as session:
            service = mail.write(session, LENA, "look", what="x", order_id="")
        while run_one(LIGHT):
            pass
    assert row(service).sent_ms, "a service mail is still tried"
    assert bool(row(of).sent_ms) == said.startswith("4")


def test_a_bounce_after_it_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the door to the end: a letter, a report in the folder, no second letter."""
    of = letter()
    run_one(LIGHT)
    drop("one.eml", letters.dsn(of.id))
    drop("two.eml", b"Subject: Out of office\n\nBack on Monday.\n")
    drop("three.eml", b"x" * 1_000_001)
    drop(".hidden", letters.dsn(of.id))
    (timer.folder() / "link.eml").symlink_to("/etc/passwd")
    os.mkfifo(timer.folder() / "pipe.eml")
    drop("young.eml", letters.dsn(of.id), age_s=0)
    assert timer.hear() == 1
    left = sorted(path.name for path in timer.folder().rglob("*") if not path.is_dir())
    assert left == [".hidden", "link.eml", "pipe.eml", "three.eml", "two.eml", "young.eml"]
    assert (timer.folder() / timer.NOT_READ / "two.eml").is_file()
    with reading() as session:
        assert stops.reason(session, LENA) == "bounced"
    with unit_of_work() as session:
        assert not subscribers.wants(session, LENA, "news", ada(session))


def test_a_mail_that_can_not_be_read_keeps_no_letter_from_being_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Anybody may send one."""
    member(LENA)
    drop("poison.eml", letters.POISON)
    timer.letters()
    assert len(letters.mails()) == 1
    assert (timer.folder() / timer.NOT_READ / "poison.eml").is_file()
    sam = letter("sam@example.org")
    drop("1.eml", letters.dsn(sam.id))
    drop("2.eml", letters.dsn(sam.id))
    heard, left = timer.bounces.heard, ["1.eml", "2.eml"]

    def fails_once(*given):  # type: ignore[no-untyped-def]
        monkeypatch.setattr(timer.bounces, "heard", heard)
        raise ValueError("a fault")

    monkeypatch.setattr(timer.bounces, "heard", fails_once)
    assert timer.hear() == 1
    assert len([one for one in left if (timer.folder() / one).exists()]) == 1, "for the next round"

    def breaks():  # type: ignore[no-untyped-def]
        raise OSError("no folder")

    monkeypatch.setattr(timer, "hear", breaks)
    member("kim@example.org")
    timer.letters()
    assert letters.mails("kim@example.org")


def drop(name: str, raw: bytes, age_s: float = 10) -> None:
    timer.folder().mkdir(exist_ok=True)
    path = timer.folder() / name
    path.write_bytes(raw)
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age_s))


def member(email: str) -> str:
    with unit_of_work() as session:
        ada = factories.creator(session)
        made = members.membership(session, members.person(session, email).id)
        letters.wish(session, email, "onboarding", ada)
        letters.wish(session, email, "digest", ada)
        return made.id


def test_the_timer_writes_what_is_due_and_one_that_fails_keeps_nobody_from_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = sorted(member(f"{name}@example.org") for name in "abc")
    with unit_of_work() as session:
        shown = factories.listing(session)
        shown.visible_from_ms = now() - 1000
    asked = timer.onboarding.step

    def step(session, key, at_ms):  # type: ignore[no-untyped-def]
        if key == ids[0]:
            raise ValueError("a fault")
        return asked(session, key, at_ms)

    monkeypatch.setattr(timer.onboarding, "step", step)
    timer.letters()
    purposes = sorted(one.purpose for one in letters.mails())
    assert purposes == ["digest"] * 3 + ["onboarding-early-welcome"] * 2
    monkeypatch.setattr(timer.onboarding, "step", asked)
    timer.letters()
    assert len(letters.mails()) == 6
    timer.letters()
    assert len(letters.mails()) == 6
    while run_one(LIGHT):
        pass
    assert len(list(mail.outbox().glob("*.eml"))) == 6


def test_a_round_has_an_end_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Money and embargoes have timers too."""
    member(LENA)
    monkeypatch.setattr(timer, "ROUND_S", -1.0)
    assert timer.write(now()) == 0
    monkeypatch.setattr(timer, "ROUND_S", 10.0)
    assert timer.write(now()) == 1


def test_each_writer_has_its_share_of_the_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members who are many keep nobody from the letter of new clips."""
    member(LENA)
    with unit_of_work() as session:
        factories.listing(session).visible_from_ms = now() - 1000

    def endless(at_ms):  # type: ignore[no-untyped-def]
        while True:
            yield "nobody"

    monkeypatch.setattr(timer, "ROUND_S", 0.5)
    monkeypatch.setattr(timer.onboarding, "due", endless)
    timer.write(now())
    assert [one.purpose for one in letters.mails()] == ["digest"]


def test_a_member_who_left_meanwhile_is_not_welcomed() -> None:
    made = member(LENA)
    timer.write(now())
    with unit_of_work() as session:
        session.execute(
            update(members.Membership).where(members.Membership.id == made).values(
                state=MembershipState.ENDED
            )
        )  # fmt: skip
    while run_one(LIGHT):
        pass
    assert list(mail.outbox().glob("*.eml")) == []
    assert letters.only(LENA).error == "its series has stopped for this member"
    with reading() as session:
        assert session.scalars(select(Letter)).all() == [], "it was never told"


def test_many_members_are_looked_at_quickly() -> None:
    """800 of whom nobody has a letter due: the timer asks so every minute."""
    import time

    with unit_of_work() as session:
        ada = factories.creator(session)
        step = members.tier(session)
        at_ms = now()
        for n in range(800):
            person = members.person(session, f"m{n}@example.org")
            made = members.membership(session, person.id, step, anchor_ms=at_ms)
            letters.wish(session, person.email, "onboarding", ada)
            session.add(Letter(series="onboarding", number=1, subject_id=made.id, at_ms=at_ms))
    begun = time.monotonic()
    assert list(timer.onboarding.due(at_ms)) == []
    assert time.monotonic() - begun < 1


def test_the_one_click_of_a_letter_that_left_works(monkeypatch: pytest.MonkeyPatch) -> None:
    of = letter()
    run_one(LIGHT)
    word = of.headers["List-Unsubscribe"].strip("<>").rsplit("/", 1)[1]
    with reading() as session:
        assert links.read(session, word, links.END)[1] == of.subscriber_id
