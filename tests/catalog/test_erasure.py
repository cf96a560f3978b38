"""Erasing: what ends, what goes, what stays and why; refused with a reason; repeatable."""

import email
import json
from collections.abc import Iterator
from email import policy
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select

from catalog import accounts, auth, certificates, mail
from catalog.auth import Visitor
from catalog.errors import NotFound, Refusal, SignInNeeded
from catalog.members import consents
from catalog.privacy import erasure, keeping
from models.account import Account, Role, SignIn, Token
from models.base import Base, reading, unit_of_work
from models.creator import creator_of
from models.job import Job
from models.license import License
from models.mail import Mail
from models.membership import Charge, Membership, PaymentMethod
from models.order import Invoice, Order
from models.payment import Refund, SandboxCustomer
from models.settings import settings
from models.steps import LIGHT
from tests import (
    letter_factories,
    member_factories,
    order_factories,
    people,
    stripe_kept_fake,
)
from tests import privacy_factories as privacy
from tests.both import BOTH, database_of, server_of
from tests.catalog.test_stripe import fake
from tests.catalog.test_stripe_kept import joined
from tests.stripe_fake import Books
from workers.flow import run_one

__all__ = ["fake"]


def erase(who: Visitor) -> list[erasure.Ending]:
    with unit_of_work(who.actor) as session:
        return list(erasure.erase(session, who))


def work() -> None:
    """What a worker does of mails, payments and erasures."""
    with unit_of_work() as session:
        session.execute(delete(Job).where(Job.step.not_in(("mail", "erase", "sandbox", "refund"))))
    while run_one(LIGHT):
        pass


def texts() -> Iterator[tuple[str, str, str]]:
    """Table, column and value of everything that the database holds."""
    with reading() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)).mappings():
                for column, value in row.items():
                    if value is not None:
                        yield table.name, column, json.dumps(value, default=str)


def held(*words: str) -> set[tuple[str, str]]:
    return {
        (table, column)
        for table, column, value in texts()
        if any(word.lower() in value.lower() for word in words)
    }


@pytest.mark.parametrize("kind", BOTH)
def test_no_row_mail_or_file_says_who_it_was_but_what_the_law_asks_for(
    kind: str, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with server_of(kind) as server, database_of(kind, server, home):
        who = privacy.somebody()
        other = privacy.somebody("otto@example.org", "Otto Other")
        work()  # mails leave into the outbox
        before = held(privacy.EMAIL, privacy.NAME, privacy.GUEST)
        assert ("order", "email") in before
        assert ("quote", "guest") in before
        erase(who)
        work()
        said = held(privacy.EMAIL, privacy.NAME, privacy.GUEST)
        assert said - privacy.HELD == {("mail", "to")}, "the receipt alone"
        assert said >= {("invoice", "facts"), ("license", "licensee"), ("license", "certificate")}
        (receipt,) = letter_factories.mails(privacy.EMAIL)
        assert receipt.purpose == "erased"
        named = [path for path in mail.outbox().glob("*") if names(path)]
        assert named == [mail.file_of(receipt)]
        with unit_of_work() as session:
            later = receipt.created_ms + erasure.RECEIPT_MS + 1
            for age in keeping.AGES:
                keeping.forget(session, age, later)
        assert held(privacy.EMAIL, privacy.NAME, privacy.GUEST) <= privacy.HELD
        assert not any(names(path) for path in mail.outbox().glob("*"))
        assert ("account", "email") in held(other.email), "nobody else's"
        with reading() as session:
            assert accounts.names(session, [str(other.account_id)])
    log = capfd.readouterr()
    assert privacy.EMAIL not in log.out + log.err


def names(path: Path) -> bool:
    raw = path.read_bytes().replace(b"=\r\n", b"").replace(b"=\n", b"").lower()
    return privacy.EMAIL.encode() in raw or privacy.NAME.lower().encode() in raw


@pytest.fixture
def who(database: object) -> Visitor:
    return privacy.somebody()


def test_nothing_opens_any_more(who: Visitor) -> None:
    erase(who)
    with reading() as session:
        for row in (SignIn, Token):
            assert session.scalars(select(row).filter_by(account_id=who.account_id)).all() == []
        account = session.get_one(Account, str(who.account_id))
        assert account.closed_ms is not None
        assert account.roles == []
        assert auth.visitor_of(session, sign_in="x").account_id is None
        assert not consents.has(session, str(who.account_id), "history")
    with pytest.raises(NotFound), unit_of_work() as session:
        consents.give(session, str(who.account_id), "history", "account")


def books() -> list[object]:
    with reading() as session:
        return [
            sorted(one.amount_cents for one in session.scalars(select(Charge))),
            sorted(one.total_cents for one in session.scalars(select(Order)) if one.paid_ms),
            {one.number: one.facts for one in session.scalars(select(Invoice))},
        ]


def test_the_books_stay_as_they_were(who: Visitor) -> None:
    before = books()
    erase(who)
    assert books() == before


def test_a_license_still_proves_what_it_proved(who: Visitor) -> None:
    with reading() as session:
        paid = License.order_line_id.is_not(None)  # a member's copy ends where the fee goes back
        mine = session.scalars(select(License).where(License.account_id == who.account_id, paid))
        before = {one.id: certificates.verdict(session, one.id) for one in mine}
    assert before
    erase(who)
    with reading() as session:
        for key, verdict in before.items():
            after = certificates.verdict(session, key)
            assert after.sentence == verdict.sentence
            assert privacy.NAME in after.sentence
            assert after.signature == "valid"


@pytest.mark.parametrize(("days", "back"), [(2, True), (20, False)])
def test_what_is_paid_goes_back_within_fourteen_days_and_is_left_afterwards(
    database: object, days: int, back: bool
) -> None:
    who, membership_id = member_factories.member("drops")
    member_factories.let_time_pass(membership_id, days * member_factories.DAY_MS)
    if not back:
        with unit_of_work() as session:
            for charge in session.scalars(select(Charge)):
                charge.paid_ms = (charge.paid_ms or 0) - days * member_factories.DAY_MS
    with reading() as session:
        (told,) = erasure.outlook(session, who).endings
    (ended,) = erase(who)
    assert bool(told.back_cents) is back
    assert abs(ended.back_cents - told.back_cents) <= 1
    with reading() as session:
        row = session.get_one(Membership, membership_id)
        assert row.state == "ended"
        assert sum(one.amount_cents for one in session.scalars(select(Refund))) == ended.back_cents
    receipt = next(one for one in letter_factories.mails(who.email) if one.purpose == "erased")
    assert ("goes back the way it came" in receipt.text) is back
    assert ("is not paid back" in receipt.text) is not back
    assert len(letter_factories.mails(who.email)) == 1, "no mail beside the receipt"


def test_the_processor_forgets_the_card_and_then_so_do_we(database: object) -> None:
    who, _ = member_factories.member()
    erase(who)
    with reading() as session:
        assert session.scalars(select(PaymentMethod)).one().removed_ms is not None
    work()
    with reading() as session:
        assert session.scalars(select(PaymentMethod)).all() == []
        assert all(one.removed_ms for one in session.scalars(select(SandboxCustomer)))


def test_twice_is_as_good_as_once(who: Visitor) -> None:
    assert erase(who)
    work()
    before = list(texts())
    assert erase(who) == []
    assert list(texts()) == before
    with pytest.raises(SignInNeeded), unit_of_work() as session:
        erasure.erase(session, Visitor())


def test_who_was_erased_can_come_back_as_somebody_new(who: Visitor) -> None:
    erase(who)
    with unit_of_work() as session:
        word = accounts.make_link(session, who.email, "/")
    with unit_of_work() as session:
        accounts.enter(session, word, "")
        again = session.scalars(select(Account).filter_by(email=who.email)).one()
        assert again.id != who.account_id
        back = Visitor(account_id=again.id, email=again.email)
        assert session.scalars(select(Order).filter_by(account_id=back.account_id)).all() == []
        assert session.scalars(select(License).filter_by(account_id=back.account_id)).all() == []


def test_what_is_told_to_nobody_afterwards_is_sent_nowhere(who: Visitor) -> None:
    erase(who)
    work()
    count = len(list(mail.outbox().glob("*.eml")))
    with unit_of_work() as session:
        order = session.scalars(select(Order).filter_by(account_id=who.account_id)).first()
        assert order is not None
        row = mail.write(session, order.email, "sign_in", link="x", until_ms=1)
        assert row.sent_ms is not None
        assert row.text == row.html == ""
    work()
    assert len(list(mail.outbox().glob("*.eml"))) == count


def test_a_desk_must_be_handed_over_first(database: object) -> None:
    order_factories.paid()
    with unit_of_work() as session:
        account = member_factories.person(session, "ada@example.org", roles=[Role.CREATOR])
        creator = creator_of(session, "ada")
        creator.account_id = account.id
        who = Visitor(
            account_id=account.id, email=account.email, creator_ids=frozenset({creator.id})
        )
    with pytest.raises(Refusal, match=r"desk of Ada.*still to be paid out.*handed over") as refused:
        erase(who)
    assert refused.value.code == "desk"
    with reading() as session:
        assert session.get_one(Account, str(who.account_id)).email == "ada@example.org"


def test_a_payment_under_way_and_the_operator_are_refused(database: object) -> None:
    with unit_of_work() as session:
        account = member_factories.person(session)
        who = privacy.visitor_of(account)
        operator = member_factories.person(session, settings().operator)
        boss = privacy.visitor_of(operator)
    order_factories.at_processor(who)
    for one, code in ((who, "paying"), (boss, "operator")):
        with pytest.raises(Refusal) as refused:
            erase(one)
        assert refused.value.code == code
        assert letter_factories.mails(one.email) == []


def test_what_was_bought_as_a_guest_by_the_same_address_goes_too(database: object) -> None:
    order_id, _ = order_factories.paid()
    with unit_of_work() as session:
        who = privacy.visitor_of(member_factories.person(session, order_factories.BUYER.email))
    erase(who)
    order = order_factories.order(order_id)
    assert order.email == erasure.nobody(str(who.account_id))
    assert order.guest == order.name == ""


def test_a_second_start_of_the_step_changes_nothing(who: Visitor) -> None:
    erase(who)
    work()
    with unit_of_work() as session:
        job = session.scalars(select(Job).filter_by(step="erase")).one()
        assert job.state == "done"
        job.state, job.run_after_ms = "ready", 1
    before = sorted(path.name for path in mail.outbox().glob("*"))
    work()
    assert sorted(path.name for path in mail.outbox().glob("*")) == before


def test_mails_to_others_keep_their_words_but_for_the_address(who: Visitor) -> None:
    work()
    with unit_of_work() as session:
        session.add(Mail(to="ada@example.org", purpose="note", subject="Waits",
                         text=f"From {who.email} now"))  # fmt: skip
    erase(who)
    work()
    with reading() as session:
        waits = session.scalars(select(Mail).filter_by(subject="Waits")).one()
    assert waits.text == f"From {erasure.nobody(str(who.account_id))} now"


@pytest.mark.parametrize("near", ["jo{}", "{}.uk", "x.{}", "{}-two.org"])
def test_whose_address_only_holds_theirs_loses_nothing(who: Visitor, near: str) -> None:
    theirs = near.format(who.email)
    said = f"For {theirs}, of {who.email.upper()}."
    with unit_of_work() as session:
        mail.write(session, theirs, "look", what=said, order_id="")
    work()
    with reading() as session:
        files = [mail.file_of(one) for one in session.scalars(select(Mail).filter_by(to=theirs))]
    with unit_of_work() as session:
        waiting = mail.write(session, theirs, "look", what=said, order_id="").id
    erase(who)
    with reading() as session:
        text = session.get_one(Mail, waiting).text
    assert theirs in text
    assert who.email.upper() not in text
    work()
    for path in files:
        read = email.message_from_bytes(path.read_bytes(), policy=policy.default)
        assert theirs in str(read["To"])
        assert theirs in str(read.get_body(("plain",)).get_content())  # type: ignore[union-attr]


def test_the_processor_forgets_the_customer_with_all_their_cards(fake: Books) -> None:
    who, _ = joined(fake)
    stripe_kept_fake.card(fake, next(iter(fake.customers)), "5555")
    erase(who)
    work()
    assert fake.customers == {}
    assert {one["customer"] for one in fake.methods.values()} == {None}
    with reading() as session:
        assert session.scalars(select(PaymentMethod)).all() == []


def test_who_never_bought_is_told_of_no_books(client: TestClient) -> None:
    account_id = people.sign_in(client, "new@example.org")
    page = client.get("/account/data/erase").text
    assert "Invoices" not in page
    assert "Memberships" not in page
    assert "The books" not in page
    assert "What stays, why" not in page, "no heading without a word under it"
    erase(Visitor(account_id=account_id, email="new@example.org"))
    with reading() as session:
        receipt = session.scalars(select(Mail).filter_by(purpose=erasure.ERASED)).one()
    assert "nothing of yours had to be kept" in receipt.text
    assert "nvoice" not in receipt.text
