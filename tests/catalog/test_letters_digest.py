"""A digest shows its reader what opened to them, once: no early clip of others, never nothing."""

import re

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as some
from sqlalchemy import select

from catalog import listings
from catalog.letters import digest, sending, series, stops, subscribers
from models.base import new_id, now_ms, reading, unit_of_work
from models.consent import Subscriber
from models.creator import Creator
from models.listing import Listing
from models.mail import Mail
from models.membership import Membership, MembershipState
from models.perk import Early
from tests import factories, people
from tests import letter_factories as letters
from tests import member_factories as members
from tests.letter_factories import DAY_MS, HOUR_MS, LENA

pytestmark = pytest.mark.usefixtures("database")
SAM = "sam@example.org"


@pytest.fixture
def ada() -> Creator:
    """With a member, Lena, and a reader who is none, Sam."""
    with unit_of_work() as session:
        made = factories.creator(session)
        step = members.tier(session, "early", made)
        members.membership(session, members.person(session, LENA).id, step)
        letters.wish(session, LENA, "digest", made, rhythm="day")
        letters.wish(session, SAM, "digest", made, rhythm="day")
        return made


def clip(title: str, opens_ms: int, of: str = "ada", made_ms: int = 0) -> Listing:
    with unit_of_work() as session:
        whose = factories.creator(session, of)
        recording = factories.recording(session, creator_id=whose.id)
        made = factories.clip(session, recording, title=title)
        shown = factories.listing(session, made)
        shown.visible_from_ms = opens_ms  # a past one as well, whatever the creator's ladder
        shown.published_ms = made_ms or opens_ms - DAY_MS
        return shown


def write(email: str, at_ms: int) -> Mail | None:
    with unit_of_work() as session:
        return digest.write(session, email, at_ms)


def titles(one: Mail | None) -> list[str]:
    lines = one.text.splitlines() if one else []
    return [lines[n - 2] for n, line in enumerate(lines) if line.startswith("Watch it: ")]


def test_a_member_reads_of_it_early_and_everybody_else_when_it_opens(ada: Creator) -> None:
    noon = letters.noon()
    early = clip("Early", noon + 20 * HOUR_MS)
    clip("Too early", noon + 30 * HOUR_MS)
    clip("Open", noon - HOUR_MS)
    lena = write(LENA, noon)
    assert lena
    assert titles(lena) == ["Early", "Open"]
    assert lena.subject == "2 new clips by Ada"
    assert f"/sign-in?back=/clips/{early.clip_id}" in lena.text
    assert titles(write(SAM, noon)) == ["Open"]


def test_each_clip_is_told_once(ada: Creator) -> None:
    noon = letters.noon()
    clip("First", noon + 20 * HOUR_MS)
    assert titles(write(LENA, noon)) == ["First"]
    assert write(SAM, noon) is None
    clip("Second", noon + 40 * HOUR_MS)
    assert titles(write(LENA, noon + DAY_MS)) == ["Second"], "the first is open to all, and known"
    assert titles(write(SAM, noon + DAY_MS)) == ["First"]
    assert write(LENA, noon + 2 * DAY_MS) is None
    assert titles(write(SAM, noon + 2 * DAY_MS)) == ["Second"]


def test_nothing_new_is_no_letter(ada: Creator) -> None:
    noon = letters.noon()
    assert write(LENA, noon) is None
    assert letters.mails() == []
    clip("Later", noon + 2 * HOUR_MS, made_ms=noon + HOUR_MS)
    with unit_of_work() as session:
        assert set(digest._due_emails(session, noon + HOUR_MS, "")) == {SAM}, "looked at today"
    assert titles(write(LENA, noon + DAY_MS)) == ["Later"]


def test_once_a_week_or_once_a_day_as_each_chose(ada: Creator) -> None:
    with unit_of_work() as session:
        for one in session.scalars(select(Subscriber).filter_by(email=SAM)):
            one.rhythm = "week"
    noon = letters.noon()
    got: dict[str, list[int]] = {LENA: [], SAM: []}
    for day in range(16):
        clip(f"Of day {day}", noon + day * DAY_MS - HOUR_MS)
    for day in range(15):
        for hour in (0, 3):
            for email in got:
                if write(email, noon + day * DAY_MS + hour * HOUR_MS):
                    got[email].append(day)
    assert got == {LENA: list(range(15)), SAM: [0, 7, 14]}


def test_one_letter_for_all_creators_whose_turn_it_is(ada: Creator) -> None:
    noon = letters.noon()
    with unit_of_work() as session:
        bea = factories.creator(session, "bea")
        letters.wish(session, LENA, "digest", bea, rhythm="week")
    clip("Of Ada", noon - HOUR_MS)
    clip("Of Bea", noon - HOUR_MS, "bea")
    clip("Of Cleo", noon - HOUR_MS, "cleo")
    made = write(LENA, noon)
    assert made
    assert titles(made) == ["Of Ada", "Of Bea"]
    assert made.subject == "2 new clips by Ada and Bea"
    assert "Bea: open to everybody\n---" in made.text
    assert made.headers["List-Id"] == "<digest.reelyard.local>"
    assert write(LENA, noon + HOUR_MS) is None
    clip("Of Bea too", noon + HOUR_MS, "bea")
    assert write(LENA, noon + DAY_MS) is None, "Bea's turn comes in a week"


def test_who_just_joined_reads_of_what_is_early_already(ada: Creator) -> None:
    noon = letters.noon()
    clip("Early", noon + 20 * HOUR_MS)
    assert write(SAM, noon) is None
    with unit_of_work() as session:
        step = members.tier(session, "early", ada)
        joined = noon + 2 * HOUR_MS
        person = members.person(session, SAM)
        made = members.membership(session, person.id, step, anchor_ms=joined)
        series.began(session, made, joined)
        clip_due = session.scalars(select(Listing)).one()
        clip_due.visible_from_ms = noon + DAY_MS + 10 * HOUR_MS
    assert titles(write(SAM, noon + DAY_MS)) == ["Early"]


@pytest.mark.parametrize("state", [MembershipState.ENDED, MembershipState.PAUSED])
def test_a_member_who_left_reads_nothing_early(ada: Creator, state: MembershipState) -> None:
    noon = letters.noon()
    clip("Early", noon + 20 * HOUR_MS)
    with unit_of_work() as session:
        session.scalars(select(Membership)).one().state = state
    assert write(LENA, noon) is None


def test_an_address_that_nobody_opened_a_link_of_is_no_member(ada: Creator) -> None:
    """Else one could join with another's address, and clips would be told to whoever reads it."""
    noon = letters.noon()
    clip("Early", noon + 20 * HOUR_MS)
    with unit_of_work() as session:
        session.scalars(select(Membership)).one().account.verified_ms = None
    assert write(LENA, noon) is None


def test_what_changes_while_it_waits_is_asked_again_when_it_leaves(ada: Creator) -> None:
    noon = letters.noon()
    kept, withdrawn = clip("Kept", noon + 20 * HOUR_MS), clip("Gone", noon - HOUR_MS)
    made = write(LENA, noon)
    assert made
    with unit_of_work() as session:
        assert sending.leaving(session, made, noon) == sending.Leaving()
        listings.withdraw(session, withdrawn.clip_id, "a mistake")
        why = sending.leaving(session, made, noon).why_not
        assert why == "it shows what its reader may not see any more"
        sending.not_sent(session, made, why)
    assert letters.only(LENA).text == ""
    again = write(LENA, noon + HOUR_MS)
    assert titles(again) == ["Kept"], "the next one tells of the rest"
    with unit_of_work() as session:
        session.scalars(select(Membership)).one().state = MembershipState.ENDED
        assert sending.leaving(session, again, noon + HOUR_MS).why_not
    assert kept.clip_id in again.text  # type: ignore[union-attr]


def test_what_did_not_leave_is_told_by_the_next_and_nothing_else_again(ada: Creator) -> None:
    noon = letters.noon()
    clip("First", noon + 20 * HOUR_MS)
    assert titles(write(LENA, noon)) == ["First"]
    clip("Kept", noon + DAY_MS + 10 * HOUR_MS, made_ms=noon + HOUR_MS)
    gone = clip("Gone", noon + DAY_MS - HOUR_MS, made_ms=noon + HOUR_MS)
    made = write(LENA, noon + DAY_MS)
    assert titles(made) == ["Kept", "Gone"]
    assert made
    with unit_of_work() as session:
        listings.withdraw(session, gone.clip_id, "a mistake")
        sending.not_sent(session, made, sending.leaving(session, made, noon + DAY_MS).why_not)
    assert titles(write(LENA, noon + DAY_MS + HOUR_MS)) == ["Kept"]


def test_what_a_title_says_mutes_nobody(ada: Creator) -> None:
    """It may hold anything; what a letter shows is known from what it was made of."""
    noon = letters.noon()
    with unit_of_work() as session:
        letters.wish(session, SAM, "digest", factories.creator(session, "eve"), rhythm="day")
    hidden = clip("Hidden", noon + 40 * HOUR_MS)
    clip("Of Ada", noon - HOUR_MS)
    clip(f"See /clips/{new_id()} or /clips/{hidden.clip_id}", noon - HOUR_MS, "eve")
    made = write(SAM, noon)
    assert len(titles(made)) == 2
    with unit_of_work() as session:
        assert made
        assert sending.leaving(session, made, noon + HOUR_MS) == sending.Leaving()


STEPS = {"early": 24, "drops": 48, "events": 72, "": 0}


@hypothesis(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    tier=some.sampled_from(sorted(STEPS)),
    state=some.sampled_from(list(MembershipState)),
    opens=some.lists(some.integers(-100, 100), max_size=6, unique=True),
    leads=some.none() | some.sampled_from([{}, {"early": 5}, {"events": 90}]),
)
def test_it_holds_what_its_reader_sees_and_nothing_else(
    database: object, tier: str, state: MembershipState, opens: list[int], leads: dict[str, int]
) -> None:
    noon, slug = letters.noon(), f"c{new_id()}"
    email = f"{slug}@example.org"
    with unit_of_work() as session:
        made = factories.creator(session, slug)
        letters.wish(session, email, "digest", made)
        person = members.person(session, email)
        if tier:
            step = members.tier(session, tier, made)
            joined = members.membership(session, person.id, step, state=state)
            joined.grace_until_ms = noon + DAY_MS
    shown = {}
    for hours in opens:
        one = clip(f"At {hours}", noon + hours * HOUR_MS, slug)
        shown[one.clip_id] = hours
        if leads is not None:
            with unit_of_work() as session:
                ahead = {key: value * HOUR_MS for key, value in leads.items()}
                session.add(Early(clip_id=one.clip_id, leads=ahead))
    perks = state in (MembershipState.ACTIVE, MembershipState.GRACE)
    lead = STEPS[tier] if leads is None else leads.get(tier, 0)
    seen = {key for key, at in shown.items() if at - (lead if perks else 0) <= 0}
    mail = write(email, noon)
    assert set(re.findall(r"/clips/([0-9a-f]{32})", mail.text if mail else "")) == seen
    assert (mail is None) == (not seen)


def test_a_link_of_it_opens_what_its_reader_may_see_then(ada: Creator, client: TestClient) -> None:
    with reading() as session:
        now = session.scalar(select(now_ms())) or 0
    early = clip("Early", now + 20 * HOUR_MS, made_ms=now)
    made = write(LENA, letters.noon() if letters.noon() < now else now)
    assert made
    path = f"/sign-in?back=/clips/{early.clip_id}"
    assert path in made.text
    assert client.get(path).status_code == 200, "a stranger is asked to sign in"
    assert client.get(f"/clips/{early.clip_id}").status_code == 404
    people.sign_in(client, LENA)
    assert client.get(path).headers["location"] == f"/clips/{early.clip_id}"
    assert client.get(f"/clips/{early.clip_id}").status_code == 200
    with unit_of_work() as session:
        session.scalars(select(Membership)).one().state = MembershipState.ENDED
    assert client.get(f"/clips/{early.clip_id}").status_code == 404


def test_hostile_titles_stay_in_their_line(ada: Creator) -> None:
    noon = letters.noon()
    clip("x\n\n-- \nStop: http://127.0.0.1:8000/enter/abc\n<script>alert(1)</script>", noon - 1)
    made = write(LENA, noon)
    assert made
    assert made.text.count("\n-- \n") == 1
    assert "<script>" not in made.html
    assert 'enter/abc"' not in made.html.split("Stop these letters")[1]


def test_many_clips_are_counted_not_listed(ada: Creator) -> None:
    noon = letters.noon()
    for n in range(15):
        clip(f"Clip {n}", noon - n * 1000 - 1000)
    made = write(LENA, noon)
    assert made
    assert made.subject == "15 new clips by Ada"
    assert len(titles(made)) == digest.MOST
    assert f"And 3 more: http://127.0.0.1:8000/?creator={ada.id}" in made.text


def test_outside_of_the_hours_nobody_is_due(ada: Creator) -> None:
    noon = letters.noon()
    assert set(digest.due(noon)) == {LENA, SAM}
    assert list(digest.due(noon + 9 * HOUR_MS)) == []
    with unit_of_work() as session:
        subscribers.end(session, SAM)
    assert list(digest.due(noon)) == [LENA]


def test_who_can_not_have_one_today_is_not_due(ada: Creator) -> None:
    """Else they would use up each round of the timer."""
    noon = letters.noon()
    with unit_of_work() as session:
        stops.stop(session, SAM, stops.COMPLAINED)
        other = letters.wish(session, LENA, "digest", factories.creator(session, "bea"))
        other.last_sent_ms = noon - HOUR_MS
    assert list(digest.due(noon)) == []
    assert list(digest.due(noon + DAY_MS)) == [LENA]
