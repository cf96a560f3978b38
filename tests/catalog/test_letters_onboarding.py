"""Five letters for each tier, each on its day; no word to who left, none twice to who moved up."""

import pytest
from sqlalchemy import select, update

from catalog import mail
from catalog.letters import conditions, onboarding, sending, series, stops, subscribers
from catalog.members import leaving, perks
from models.account import SignIn
from models.base import unit_of_work
from models.consent import Letter, Subscriber
from models.creator import Creator
from models.mail import Mail
from models.membership import Membership, MembershipState, Tier
from models.perk import Announcement, MemberDownload, PerkGrant
from tests import factories
from tests import letter_factories as letters
from tests import license_factories as licenses
from tests import member_factories as members
from tests.letter_factories import DAY_MS, HOUR_MS, LENA

TIERS = {"early", "drops", "events"}
WORDS = ["welcome", "feed", "picks", "window", "leave"]


def test_each_tier_has_five_letters_that_are_written() -> None:
    assert set(series.all_of()) == TIERS
    for key, one in series.all_of().items():
        assert len(one.lessons) == 5, key
        assert [lesson.day for lesson in one.lessons] == sorted({x.day for x in one.lessons})
        assert len({lesson.number for lesson in one.lessons}) == 5
        for lesson in one.lessons:
            assert lesson.number > series.BEGUN
            assert (mail.TEMPLATES / f"{lesson.template}.txt").is_file()
            assert set(lesson.when) | set(lesson.unless) <= set(conditions.CONDITIONS)
        assert set(one.stop) <= set(conditions.CONDITIONS)
        assert {"left", "paused", "unsubscribed"} <= set(one.stop)
    assert len({x.template for one in series.all_of().values() for x in one.lessons}) == 15


def test_who_may_still_withdraw_is_told_of_it() -> None:
    for key, one in series.all_of().items():
        [days] = [lesson.day for lesson in one.lessons if lesson.template.endswith("-leave")]
        assert days * DAY_MS < leaving.WITHDRAW_MS - DAY_MS, key


@pytest.fixture
def ada(database: object) -> Creator:
    with unit_of_work() as session:
        made = factories.creator(session)
        members.tiers(session, made)
        return made


def member(of: Creator, tier: str = "early", email: str = LENA, wish: bool = True) -> str:
    """Joined today at noon."""
    with unit_of_work() as session:
        person = members.person(session, email)
        step = members.tier(session, tier, of)
        made = members.membership(session, person.id, step, anchor_ms=letters.noon())
        series.began(session, made, letters.noon())
        if wish:
            letters.wish(session, email, "onboarding", of)
        return made.id


def day(number: int, *ids: str) -> list[str]:
    """What the timer writes on that day, in two rounds."""
    before = {one.id for one in letters.mails()}
    for hour in (0, 1):
        at_ms = letters.noon(number) + hour * HOUR_MS
        for one in list(onboarding.due(at_ms)):
            with unit_of_work() as session:
                onboarding.step(session, one, at_ms)
    return [one.purpose for one in letters.mails() if one.id not in before]


def days(*numbers: int) -> dict[int, list[str]]:
    found = {number: day(number) for number in numbers}
    return {number: sent for number, sent in found.items() if sent}


@pytest.mark.parametrize("tier", sorted(TIERS))
def test_each_comes_on_its_day(ada: Creator, tier: str) -> None:
    member(ada, tier)
    wanted = {one.day: [one.template] for one in series.all_of()[tier].lessons}
    assert days(*range(0, 40)) == wanted


@pytest.mark.parametrize("tier", sorted(TIERS))
@pytest.mark.parametrize("full", [False, True])
def test_what_they_say_is_whole_and_about_this_membership(
    ada: Creator, tier: str, full: bool
) -> None:
    """With and without early clips, announcements, perks with a number, a name."""
    made = member(ada, tier)
    with unit_of_work() as session:
        of = session.get_one(Membership, made)
        step = session.get_one(Tier, of.tier_id)
        if full:
            step.perks = [
                *step.perks,
                {"kind": "discount", "percent": 20},
                {"kind": "seats", "count": 1},
            ]
            clip = factories.clip(session, title="The early one")
            early = factories.listing(session, clip)
            early.visible_from_ms = letters.noon() + 20 * HOUR_MS
            session.add(_announced(ada, step.rank))
        else:
            of.account.name = ""
            step.perks = []
        session.flush()
        for lesson in series.all_of()[tier].lessons:
            session.execute(update(Subscriber).values(last_sent_ms=None))
            session.expire_all()
            told = onboarding.facts(session, of, step, ada, letters.noon())
            one = sending.send(
                session, LENA, "onboarding", lesson.template, letters.noon(), ada.id, **told
            )
            assert one, lesson
            assert ("Hello Lena," in one.text) == full
            assert ("The early one" in one.text) == (full and "welcome" in lesson.template)
            body = one.text.split(mail.FOOTER)[0]
            assert 300 < len(body) < 2_400, (lesson.template, len(body))
            assert "http://127.0.0.1:8000/" in body
            assert "!" not in body
            assert "\n\n\n" not in body, lesson.template
            assert "None" not in body
            assert len(one.subject) <= 75


def _announced(of: Creator, rank: int) -> Announcement:
    return Announcement(
        creator_id=of.id, kind="drop", title="A pin", summary="x", rank=rank,
        at_ms=letters.noon(30),
    )  # fmt: skip


def test_nobody_is_written_to_who_did_not_ask_for_it(ada: Creator) -> None:
    member(ada, wish=False)
    assert days(*range(0, 30)) == {}
    with unit_of_work() as session:
        assert session.scalars(select(Letter).where(Letter.number != series.BEGUN)).all() == []


def test_who_goes_up_goes_on_in_the_other_series_and_is_told_nothing_twice(ada: Creator) -> None:
    made = member(ada)
    assert list(days(0, 1, 2, 3)) == [0, 3]
    with unit_of_work() as session:
        of = session.get_one(Membership, made)
        of.tier_id = members.tier(session, "drops", ada).id
        series.began(session, of, letters.noon(5))
    sent = days(*range(5, 50))
    assert sent == {
        11: ["onboarding-drops-picks"],
        14: ["onboarding-drops-drops"],
        17: ["onboarding-drops-leave"],
    }
    with unit_of_work() as session:
        of = session.get_one(Membership, made)
        of.tier_id = members.tier(session, "events", ada).id
        series.began(session, of, letters.noon(200))
    assert days(*range(200, 240)) == {209: ["onboarding-events-events"]}


@pytest.mark.parametrize("how", ["left", "leaving", "unsubscribed"])
def test_it_stops_for_who_leaves_or_says_so(ada: Creator, how: str) -> None:
    made = member(ada)
    assert list(days(0, 1)) == [0]
    with unit_of_work() as session:
        of = session.get_one(Membership, made)
        if how == "left":
            of.state = MembershipState.ENDED
            series.ended(session, of, letters.noon(1))
        elif how == "leaving":
            of.ends_at_period = True
        else:
            subscribers.end(session, LENA, "onboarding")
    assert days(*range(1, 40)) == {}


def test_a_pause_is_quiet_and_what_lost_its_use_is_passed_over(ada: Creator) -> None:
    made = member(ada)
    assert list(days(0)) == [0]
    with unit_of_work() as session:
        session.get_one(Membership, made).state = MembershipState.PAUSED
    assert days(*range(1, 22)) == {}
    with unit_of_work() as session:
        session.get_one(Membership, made).state = MembershipState.ACTIVE
    assert days(*range(22, 60)) == {22: ["onboarding-early-window"], 23: ["onboarding-early-leave"]}
    with unit_of_work() as session:
        rows = session.scalars(select(Letter).filter_by(series=series.ONBOARDING)).all()
    assert {one.number: one.mail_id is None for one in rows} == {
        1: False,
        2: True,
        3: True,
        4: False,
        5: False,
    }


def test_what_a_member_found_already_is_not_explained(ada: Creator) -> None:
    made = member(ada)
    with unit_of_work() as session:
        of = session.get_one(Membership, made)
        feed = PerkGrant(membership_id=made, kind="feed", token_sha256="x")
        got = PerkGrant(membership_id=made, kind="downloads", spec="2026-11")
        session.add_all([feed, got])
        session.flush()
        of_clip = licenses.license(session)
        clip_id = of_clip.listing.clip_id
        session.add(MemberDownload(grant_id=got.id, clip_id=clip_id, license_id=of_clip.id))
        of.joined_ms = 1
        session.add(SignIn(token_sha256="y", account_id=of.account_id, expires_ms=2))
    assert [one[0].split("-")[-1] for one in days(*range(0, 40)).values()] == [
        "welcome",
        "picks",
        "leave",
    ]


def test_conditions_say_what_their_names_say(ada: Creator) -> None:
    made = member(ada)
    with unit_of_work() as session:
        of = session.get_one(Membership, made)
        noon = letters.noon()
        held = {key for key, one in conditions.CONDITIONS.items() if one(session, of, noon)}
        assert held == set()
        session.add(_announced(ada, 2))
        session.flush()
        assert not conditions.has_announcement(session, of, noon), "of a higher tier"
        session.add(_announced(ada, 1))
        session.flush()
        assert conditions.has_announcement(session, of, noon)
        assert not conditions.has_announcement(session, of, noon + 40 * DAY_MS), "it is over"


def test_two_workers_at_once_write_one(ada: Creator) -> None:
    made = member(ada)
    with unit_of_work() as session:
        assert onboarding.step(session, made, letters.noon())
    with unit_of_work() as session:
        session.execute(update(Subscriber).values(last_sent_ms=None))
        row = session.scalars(select(Letter).filter_by(series=series.ONBOARDING)).one()
        of = session.get_one(Membership, made)
        step = session.get_one(Tier, of.tier_id)
        lesson = series.all_of()["early"].lessons[0]
        assert not onboarding._sent(session, lesson, of, step, letters.noon())
        assert row.mail_id
    assert len(letters.mails(LENA)) == 1


def test_what_waits_for_who_left_is_dropped(ada: Creator) -> None:
    made = member(ada)
    with unit_of_work() as session:
        assert onboarding.step(session, made, letters.noon())
        of = session.get_one(Membership, made)
        of.state = MembershipState.ENDED
        session.flush()
        waiting = session.scalars(select(Mail)).one()
        assert sending.leaving(session, waiting, letters.noon()).why_not
        series.ended(session, of, letters.noon())
    assert letters.only().text == ""


def test_who_leaves_or_can_not_be_written_to_is_not_looked_at_in_every_round(ada: Creator) -> None:
    """They would use up the round in which others have theirs."""
    going, stopped, fine = (member(ada, email=f"{one}@example.org") for one in "abc")
    with unit_of_work() as session:
        session.get_one(Membership, going).ends_at_period = True
        stops.stop(session, "b@example.org", stops.BOUNCED)
    assert list(onboarding.due(letters.noon())) == [fine]
    assert stopped
    assert day(0) == ["onboarding-early-welcome"]
    assert list(onboarding.due(letters.noon(3))) == [fine]
    with unit_of_work() as session:
        row = session.scalars(select(Subscriber).filter_by(email="c@example.org")).one()
        row.last_sent_ms = letters.noon(3) - HOUR_MS
    assert list(onboarding.due(letters.noon(3))) == [], "one a day"


def waiting(of: Creator, tier: str, template: str) -> tuple[str, Mail]:
    """Its letter was written and the server is away: the membership, the mail."""
    made = member(of, tier)
    lessons = series.all_of()[tier].lessons
    [lesson] = [one for one in lessons if one.template == template]
    with unit_of_work() as session:
        before = [one for one in lessons if one.number != lesson.number]
        session.add_all(
            Letter(series=series.ONBOARDING, number=one.number, subject_id=made) for one in before
        )
    assert day(lesson.day, made) == [template]
    return made, letters.mails()[-1]


def leaves(one: Mail, at_ms: int) -> bool:
    """Asked as it goes out. What stays is as if it had never been written."""
    with unit_of_work() as session:
        found = sending.leaving(session, session.get_one(Mail, one.id), at_ms)
        if found.why_not:
            sending.not_sent(session, one, found.why_not)
            kept = session.get_one(Mail, one.id)
            assert (kept.text, kept.html, kept.made_of) == ("", "", {})
            assert not session.scalars(select(Letter).filter_by(mail_id=one.id)).all()
        return not found.why_not


@pytest.mark.parametrize("how", ["leaving", "left", "paused", "another tier", "nothing"])
def test_the_rules_of_its_series_are_asked_again_when_a_letter_leaves(
    ada: Creator, how: str
) -> None:
    made, one = waiting(ada, "early", "onboarding-early-leave")
    assert "Your next charge is due" in one.text
    with unit_of_work() as session:
        of = session.get_one(Membership, made)
        if how == "leaving":
            of.ends_at_period = True
        elif how == "left":
            of.state = MembershipState.ENDED
        elif how == "paused":
            of.state = MembershipState.PAUSED
        elif how == "another tier":
            of.tier_id = members.tier(session, "drops", ada).id
    assert leaves(one, letters.noon(12) + HOUR_MS) == (how == "nothing")


def test_what_did_not_leave_is_written_anew_when_it_may(ada: Creator) -> None:
    made, one = waiting(ada, "early", "onboarding-early-picks")
    with unit_of_work() as session:
        session.get_one(Membership, made).state = MembershipState.PAUSED
    assert not leaves(one, letters.noon(6) + HOUR_MS)
    with unit_of_work() as session:
        session.get_one(Membership, made).state = MembershipState.ACTIVE
    assert day(7) == ["onboarding-early-picks"]


@pytest.mark.parametrize("how", ["called off", "another tier", "over", "nothing"])
def test_a_date_that_its_reader_may_not_have_any_more_does_not_leave(
    ada: Creator, how: str
) -> None:
    with unit_of_work() as session:
        for step in members.tiers(session, ada):
            step.perks = [*step.perks, {"kind": "drops"}]
        session.add(_announced(ada, 3))
        session.flush()
    made, one = waiting(ada, "events", "onboarding-events-events")
    assert "A pin" not in one.text, "its perk was not given to this member"
    with unit_of_work() as session:
        perks.settle(session, session.get_one(Membership, made), letters.noon())
        for row in session.scalars(select(Letter).filter_by(mail_id=one.id)):
            session.delete(row)
        session.execute(update(Subscriber).values(last_sent_ms=None))
    assert day(9) == ["onboarding-events-events"]
    one = next(mail for mail in letters.mails() if mail.id != one.id)
    assert "A pin" in one.text
    at_ms = letters.noon(9) + HOUR_MS
    with unit_of_work() as session:
        announced = session.scalars(select(Announcement)).one()
        if how == "called off":
            announced.withdrawn_ms = at_ms
        elif how == "over":
            announced.at_ms = at_ms
        elif how == "another tier":
            announced.rank = 4
    assert leaves(one, at_ms) == (how == "nothing")


def test_who_comes_back_gets_no_empty_letter(ada: Creator) -> None:
    made, one = waiting(ada, "early", "onboarding-early-picks")
    with unit_of_work() as session:
        of = session.get_one(Membership, made)
        of.state = MembershipState.ENDED
        session.flush()
        series.ended(session, of, letters.noon(6))
        of.state = MembershipState.ACTIVE
    assert not leaves(one, letters.noon(6) + HOUR_MS)


def test_withdrawing_is_told_of_while_it_is_possible(ada: Creator) -> None:
    made, one = waiting(ada, "early", "onboarding-early-leave")
    over_ms = letters.noon() + leaving.WITHDRAW_MS
    assert "- Withdraw: until" in one.text
    assert leaves(one, over_ms - 1)
    assert not leaves(one, over_ms), "and written anew"
    assert day(16) == ["onboarding-early-leave"]
    late = next(mail for mail in letters.mails() if mail.id != one.id)
    assert "Withdraw" not in late.text
    with unit_of_work() as session:
        of = session.get_one(Membership, made)
        of.trial_until_ms = of.period_end_ms = letters.noon(30)
        session.flush()
        step = session.get_one(Tier, of.tier_id)
        told = onboarding.facts(session, of, step, ada, letters.noon(16))
        made_now = mail.composed(late.purpose, reader="", creator="Ada", **told)
    assert "- Withdraw: within 14 days of your first payment." in made_now.text
