"""Letters for a segment: a series may ask for one, and an announcement goes to one. Nobody outside,
nobody without consent, nobody below twenty."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog import segments
from catalog.errors import NotFound, Refusal
from catalog.letters import conditions, onboarding, sending, series, telling
from catalog.members import announcements, consents, perks
from models.account import Account
from models.base import reading, unit_of_work
from models.consent import Letter
from models.creator import Creator
from models.membership import Membership
from models.offer import Segment, Watched
from models.steps import LIGHT
from tests import letter_factories as letters
from tests import member_factories, people
from tests import offer_factories as offers
from tests.letter_factories import DAY_MS
from workers.flow import run_one

pytestmark = pytest.mark.usefixtures("database")
CUP = "Harbour Cup"


def fans(count: int = 21, tier: str = "drops", wish: str = "news") -> tuple[str, list[str]]:
    """A segment's key and its members' accounts. One more watched the series, without consent."""
    with unit_of_work() as session:
        for key in ("early", "drops"):
            of = member_factories.tier(session, key)
            of.perks = [{"kind": "drops"}] if key == "drops" else [{"kind": "early"}]
        of = member_factories.tier(session, tier)
        creator = session.get_one(Creator, of.creator_id)
        found = []
        for number in range(count + 1):
            account = member_factories.person(session, f"fan{number}@example.org")
            made = member_factories.membership(session, account.id, of)
            perks.settle(session, made, offers.now())
            if number < count:
                consents.give(session, account.id, "history", "join")
            session.add(
                Watched(
                    account_id=account.id, creator_id=creator.id, series=CUP, last_ms=offers.now()
                )
            )
            letters.wish(session, account.email, wish, creator)
            found.append(account.id)
        session.flush()
        rule = segments.rule_of({"series": CUP})
        made_one = segments.save(session, offers.STAFF, creator.id, "Cup fans", rule)
        return made_one.id, found


def announced(rank_of: str = "drops") -> str:
    with unit_of_work() as session:
        of = member_factories.tier(session, rank_of)
        made = announcements.announce(
            session, offers.STAFF, of.creator_id, kind="drop", title="A scarf", summary="Of wool.",
            rank=of.rank, at_ms=offers.now() + 20 * DAY_MS, now_ms=offers.now(),
        )  # fmt: skip
        return made.id


def tell(key: str, announcement: str) -> None:
    with unit_of_work() as session:
        telling.tell(session, offers.STAFF, key, announcement)
    while run_one(LIGHT):
        pass


def told() -> set[str]:
    """Who was written to."""
    return {one.to for one in letters.mails() if one.purpose == "told"}


def address(account_id: str) -> str:
    with reading() as session:
        return session.get_one(Account, account_id).email


def test_an_announcement_goes_to_who_is_in_it_once_and_says_why() -> None:
    key, found = fans()
    announcement = announced()
    tell(key, announcement)
    tell(key, announcement)
    assert told() == {address(one) for one in found[:21]}, "not to who gave no consent"
    assert len(letters.mails()) == 21
    with reading() as session:
        assert len(session.scalars(select(Letter)).all()) == 21
    [first, *_] = letters.mails()
    text = first.text or ""
    assert not text or "goes to members who fit this alone: Watched the series Harbour Cup" in text


def test_its_words_name_the_rule_and_the_data() -> None:
    key, _ = fans()
    with unit_of_work() as session:
        announcement = announced()
        telling.tell(session, offers.STAFF, key, announcement)
        found = telling.write(session, announcement, key, "", letters.noon(1))
        assert (found.written, found.waits) == (21, False)
    text = letters.mails()[0].text
    assert "members who fit this alone: Watched the series Harbour Cup" in text
    assert "Used for that: the series you watched, as you agreed to" in text
    assert "List-Unsubscribe" in letters.mails()[0].headers


def test_without_a_wish_for_news_or_the_tier_nobody_is_written_to() -> None:
    key, _ = fans(wish="digest")
    tell(key, announced())
    assert told() == set()


def test_what_their_tier_may_not_have_is_not_told() -> None:
    key, _ = fans(tier="early")
    tell(key, announced("drops"))
    assert told() == set()


def test_below_twenty_nobody_is_written_to_neither_now_nor_while_it_is_written() -> None:
    key, found = fans(20)
    announcement = announced()
    with unit_of_work() as session:
        telling.tell(session, offers.STAFF, key, announcement)
        consents.withdraw(session, found[0], "history")
    while run_one(LIGHT):
        pass
    assert told() == set()
    with unit_of_work() as session, pytest.raises(Refusal, match="fewer than 20") as refused:
        telling.tell(session, offers.STAFF, key, announcement)
    assert refused.value.code == "too_few"


def test_one_letter_of_news_a_day() -> None:
    key, _ = fans()
    one, other = announced(), announced()
    noon = letters.noon(1)
    with unit_of_work() as session:
        assert telling.write(session, one, key, "", noon).written == 21
        found = telling.write(session, other, key, "", noon)
        assert (found.written, found.waits) == (0, True)
        assert telling.write(session, other, key, "", noon + DAY_MS).written == 21


def test_what_is_called_off_before_its_letter_leaves_is_not_told() -> None:
    key, _ = fans()
    announcement, noon = announced(), letters.noon(1)
    with unit_of_work() as session:
        assert telling.write(session, announcement, key, "", noon).written == 21
    [one, *_] = [mail for mail in letters.mails() if mail.purpose == "told"]
    with unit_of_work() as session:
        assert not sending.leaving(session, one, noon).why_not
        announcements.withdraw(session, offers.STAFF, announcement, offers.now())
        assert sending.leaving(session, one, noon).why_not


def test_another_creators_and_what_is_over_is_not_there() -> None:
    key, _ = fans()
    announcement = announced()
    with unit_of_work() as session:
        announcements.withdraw(session, offers.STAFF, announcement, offers.now())
        with pytest.raises(NotFound):
            telling.tell(session, offers.STAFF, key, announcement)


def test_the_segments_page_writes_to_one(client: TestClient, owner: str) -> None:
    key, _ = fans()
    announcement = announced()
    page = client.get("/members/ada/segments").text
    assert "Write to them" in page
    path = f"/members/ada/segments/{key}/tell"
    answer = people.post(client, path, announcement=announcement)
    assert answer.headers["location"] == "/members/ada/segments?done=told"
    assert "once each" in client.get(answer.headers["location"]).text
    people.sign_in(client, "eve@example.org")
    assert people.post(client, path, announcement=announcement).status_code == 404


def test_a_series_asks_for_a_segment_by_name_or_key(monkeypatch: pytest.MonkeyPatch) -> None:
    key, found = fans(tier="early", wish="onboarding")
    of = series.all_of()["early"]
    first = replace(of.lessons[0], when=("segment:Cup fans",), day=0)
    monkeypatch.setattr(series, "all_of", lambda: {"early": replace(of, lessons=(first,))})
    assert conditions.is_known("segment:Cup fans")
    with reading() as session:
        rows = {one.account_id: one.id for one in session.scalars(select(Membership))}
    at_ms = letters.noon(1)
    for one in found:
        with unit_of_work() as session:
            onboarding.step(session, rows[one], at_ms)
    assert {one.to for one in letters.mails()} == {address(one) for one in found[:21]}
    with unit_of_work() as session:
        inside = session.get_one(Membership, rows[found[0]])
        assert conditions.in_segment(session, inside, key, at_ms)
        consents.withdraw(session, found[0], "history")
        assert not conditions.in_segment(session, inside, key, at_ms)
        consents.withdraw(session, found[1], "history")
        other = session.get_one(Membership, rows[found[2]])
        assert not conditions.in_segment(session, other, "Cup fans", at_ms), "nineteen are left"
        assert not conditions.in_segment(session, other, "No such", at_ms)
        session.get_one(Segment, key).closed_ms = at_ms
        assert not conditions.in_segment(session, other, key, at_ms)
