"""What is forgotten by age, by the timer that does it, and by nothing else."""

import os
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import mail
from catalog.members import consents
from catalog.offers import hashes
from catalog.privacy import erasure, keeping, traces
from models.account import MagicLink, Secret
from models.base import now_ms, reading, unit_of_work
from models.consent import Consent, Subscriber, SubscriberState
from models.mail import Mail
from models.offer import OfferAnswer, OfferView, Segment, Watched
from models.order import Order, OrderState
from models.settings import settings
from tests import factories, letter_factories, member_factories
from tests import privacy_factories as privacy
from workers.periodic import forget_old

DAY_MS = keeping.DAY_MS


def now() -> int:
    with reading() as session:
        return session.scalar(select(now_ms())) or 0


def test_the_timer_forgets_what_is_old_and_leaves_what_is_young(database: Path) -> None:
    who, at_ms = privacy.somebody(), now()
    old = at_ms - keeping.MONTHS_13_MS - 1
    with unit_of_work() as session:
        hashes.visit(session, who.account_id, "", "c", at_ms - 2 * DAY_MS)
        today = session.scalars(select(OfferView)).one()
        kept = {one.key: getattr(today, one.key) for one in OfferView.__table__.columns}
        for day in (old, old - 5):
            session.add(OfferView(**{**kept, "id": f"{day}"[:32], "at_ms": day}))
        session.add(Watched(account_id=who.account_id, creator_id="x", series="Old", last_ms=old))
        letter_factories.wish(
            session, "a@example.org", state=SubscriberState.ENDED, ended_ms=at_ms - 31 * DAY_MS
        )
        letter_factories.wish(
            session, "b@example.org", state=SubscriberState.ENDED, ended_ms=at_ms - 29 * DAY_MS
        )
        session.add(MagicLink(token_sha256="0" * 64, email="c@example.org", expires_ms=1))
        creator = factories.creator(session)
        for name, days in (("unused", 366), ("used", 364)):
            rule = {"tiers": ["early"]}
            row = Segment(creator_id=creator.id, name=name, rule=rule)
            row.used_ms = at_ms - days * DAY_MS
            session.add(row)
    forget_old()
    with reading() as session:
        views = session.scalars(select(OfferView).order_by(OfferView.at_ms)).all()
        assert [one.account_id for one in views] == [None, None, who.account_id]
        assert views[0].whose == views[1].whose != views[2].whose, "still one person, nobody's"
        assert session.scalars(select(Watched.series)).all() == ["Cup"]
        left = set(session.scalars(select(Subscriber.email)))
        assert left == {who.email, "b@example.org"}
        assert session.get(MagicLink, "0" * 64) is None
        assert session.scalars(select(Segment.name).where(Segment.closed_ms.is_(None))).all() == [
            "used"
        ]
        keys = session.scalars(select(Secret.name).where(Secret.name.startswith(hashes.VISITS)))
        assert all(one.endswith(str(now() // DAY_MS)) for one in keys)


def test_who_began_an_order_and_never_paid_is_forgotten(database: Path) -> None:
    at_ms = now()
    who = privacy.somebody()
    days = {"young": 29, "old": 31, "cart": 31, "paid": 400, "theirs": 31, "theirs, old": 397}
    with unit_of_work() as session:
        for name, ago in days.items():
            row = Order(email="g@example.org", name=name, country="PT", guest="0" * 64)
            row.state = OrderState.CART if name == "cart" else OrderState.CANCELLED
            row.changed_ms = at_ms - ago * DAY_MS
            if name == "paid":
                row.state, row.paid_ms = OrderState.PAID, row.changed_ms
            row.account_id = who.account_id if name.startswith("theirs") else None
            session.add(row)
    forget_old()
    with reading() as session:
        kept = select(Order.name).where(Order.email == "g@example.org")
        assert set(session.scalars(kept)) == {"young", "paid", "theirs"}
        emptied = (Order.email == "") & (Order.name == "") & (Order.guest == "")
        gone = session.scalars(
            select(Order.country).where(emptied, Order.changed_ms < at_ms - DAY_MS)
        )
        assert gone.all() == [""] * 3


def test_mails_that_nobody_could_read_go_with_whom_they_name_or_by_age(database: Path) -> None:
    folder = settings().data / "bounces" / "not-read"
    folder.mkdir(parents=True)
    for name, address, days in (
        ("hers", "ann@example.org", 1),
        ("another's", "joann@example.org", 1),
        ("old", "x@example.org", 31),
    ):
        (folder / name).write_text(f"Final-Recipient: rfc822; {address}\n")
        then = time.time() - days * 86_400
        os.utime(folder / name, (then, then))
    forget_old()
    assert sorted(one.name for one in folder.iterdir()) == ["another's", "hers"]
    assert traces.scrub("ann@example.org") == 1
    assert [one.name for one in folder.iterdir()] == ["another's"]


def test_series_that_were_watched_go_with_the_consent(database: Path) -> None:
    who = privacy.somebody()
    with unit_of_work() as session:
        assert consents.withdraw(session, str(who.account_id), "history")
        assert session.scalars(select(Watched)).all() == [], "at once"
        session.add(
            Watched(account_id=who.account_id, creator_id="x", series="Late", last_ms=now())
        )
    forget_old()
    with reading() as session:
        assert session.scalars(select(Watched)).all() == [], "and what came in that moment"


def test_why_an_offer_was_shown_goes_with_the_consent_that_it_rested_on(database: Path) -> None:
    who = privacy.somebody()
    with unit_of_work() as session:
        view = session.scalars(select(OfferView)).one()
        view.reason, view.data_used = "You watched 2 clips of the series Cup.", ["series"]
        view.answer, view.at_ms = OfferAnswer.NONE, now()
        assert who.account_id
        consents.withdraw(session, who.account_id, "history")
    with reading() as session:
        view = session.scalars(select(OfferView)).one()
    assert (view.reason, view.data_used, view.answer) == ("", [], OfferAnswer.REPLACED)


def test_mails_and_their_files_go_after_thirteen_months_receipts_after_a_week(
    database: Path,
) -> None:
    at_ms = now()
    ages = {"sign_in": 397, "note": 395, erasure.ERASED: 8, "fresh": 1}
    with unit_of_work() as session:
        for purpose, days in ages.items():
            row = Mail(to=privacy.EMAIL, purpose=purpose, subject=purpose, text="")
            row.created_ms = row.sent_ms = at_ms - days * DAY_MS
            factories._kept(session, row)
            mail.outbox().mkdir(parents=True, exist_ok=True)
            mail.file_of(row).write_text(f"To: {privacy.EMAIL}\n\n")
    forget_old()
    with reading() as session:
        rows = session.scalars(select(Mail)).all()
    assert {one.purpose for one in rows} == {"note", "fresh"}
    assert {path.name for path in mail.outbox().iterdir()} == {
        mail.file_of(one).name for one in rows
    }


def test_much_is_forgotten_in_small_steps(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST", 2)
    with unit_of_work() as session:
        for _ in range(5):
            session.add(Mail(to="a@example.org", purpose="x", subject="x", text="", created_ms=1))
    forget_old()
    with reading() as session:
        assert session.scalars(select(Mail)).all() == []


def test_one_that_fails_keeps_nothing_else(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(session: object, at_ms: int) -> int:
        raise OSError("the disk is away")

    first = keeping.Age("It", "1 day", "Gone", fails)
    monkeypatch.setattr(keeping, "AGES", (first, *keeping.AGES))
    with unit_of_work() as session:
        session.add(MagicLink(token_sha256="0" * 64, email="c@example.org", expires_ms=1))
    forget_old()
    with reading() as session:
        assert session.get(MagicLink, "0" * 64) is None
    assert "the disk is away" in capsys.readouterr().out


def test_two_windows_give_one_consent_and_a_new_one_is_a_new_row(database: Path) -> None:
    with unit_of_work() as session:
        me = member_factories.person(session).id
        assert not consents.has(session, me, "history"), "never by default"
        one = consents.give(session, me, "history", "join")
        assert consents.give(session, me, "history", "account").id == one.id
        assert consents.PURPOSES["history"].wording in one.wording
        assert consents.withdraw(session, me, "history")
        assert not consents.withdraw(session, me, "history"), "again is fine"
        assert consents.give(session, me, "history", "account").id != one.id
        assert [bool(row.withdrawn_ms) for row in consents.of_account(session, me)].count(True) == 1
    with reading() as session:
        assert len(session.scalars(select(Consent)).all()) == 2
