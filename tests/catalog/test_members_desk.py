"""A creator's side of membership: open, tiers and their versions, tests, ladder, announcements."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from catalog.members import advancing, cohorts, memberevents, tiers
from models.account import Role
from models.base import reading, unit_of_work
from models.creator import Creator
from models.membership import MemberEventKind, Membership, MembershipState, Tier
from models.perk import Announcement, Early
from tests import factories, people
from tests import member_factories as members
from tests.people import post

DAY_MS = members.DAY_MS
DESK = "/members/ada"


@pytest.fixture
def opened(client: TestClient, owner: str) -> str:
    """Membership with the three tiers that a house begins with; the creator's id."""
    with unit_of_work() as session:
        creator_id = factories.creator(session).id
    post(client, f"{DESK}/open")
    return creator_id


def tier(key: str) -> Tier:
    with reading() as session:
        return session.scalars(select(Tier).filter_by(key=key, retired_ms=None)).one()


def fields(found: Tier, **other: object) -> dict[str, object]:
    """The form as it is shown."""
    given: dict[str, object] = {
        "name": found.name,
        "summary": found.summary,
        "month": f"{found.month_cents / 100:.2f}",
        "year": f"{found.year_cents / 100:.2f}",
        "hours": found.lead_ms // members.HOUR_MS,
    }
    for one in found.perks:
        given[f"perk-{one['kind']}"] = "yes"
        for name in ("count", "percent"):
            if name in one:
                given[f"number-{one['kind']}"] = one[name]
    return {**given, **other}


def test_the_desk_opens_membership_with_three_tiers(client: TestClient, owner: str) -> None:
    with unit_of_work() as session:
        factories.creator(session)
    assert client.get("/members").headers["location"] == DESK
    assert "Let people join" in client.get(DESK).text
    done = post(client, f"{DESK}/open").headers["location"]
    page = client.get(done).text
    for said in ("$3.00 a month", "$9.00 a month", "$25.00 a month", "No members yet"):
        assert said in page
    assert "People can join" in page
    people.sign_out(client)
    assert "$3.00" in client.get("/creators/ada/join").text


def test_nobody_else_works_at_it(client: TestClient, opened: str) -> None:
    people.sign_in(client, "bob@example.org", Role.CREATOR, creator="bob")
    found = tier("early").id
    for path in ("", "/close", f"/tiers/{found}"):
        assert client.get(f"{DESK}{path}").status_code == 404, path
    for path in ("/close", "/open", f"/tiers/{found}", f"/tiers/{found}/test/end"):
        assert post(client, f"{DESK}{path}").status_code == 404, path
    assert post(client, f"/members/bob/tiers/{found}", **fields(tier("early"))).status_code == 404
    assert post(client, f"/members/bob/tiers/{found}/test", days=90).status_code == 404
    people.sign_in(client, "lin@example.org", Role.LICENSEE)
    assert client.get("/members").status_code == 404
    people.sign_out(client)
    assert client.get(DESK).status_code == 303


def test_a_change_is_a_new_version_and_members_keep_theirs(client: TestClient, opened: str) -> None:
    old = tier("early")
    with unit_of_work() as session:
        members.membership(session, of=session.get_one(Tier, old.id))
    page = client.get(f"{DESK}/tiers/{old.id}").text
    assert "1 member keeps $3.00 a month" in page
    done = post(client, f"{DESK}/tiers/{old.id}", **fields(old, month="4,50", hours=30))
    page = client.get(done.headers["location"]).text
    assert "The tier is changed for who joins from now on" in page
    assert "at $3.00 a month (1 member)" in page
    made = tier("early")
    assert (made.month_cents, made.lead_ms) == (450, 30 * members.HOUR_MS)
    assert made.perks == old.perks
    with reading() as session:
        assert session.scalars(select(Membership)).one().tier_id == old.id
    answer = post(client, f"{DESK}/tiers/{old.id}", **fields(old))
    assert answer.status_code == 409
    assert "changed meanwhile" in answer.text


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"month": "free"}, "A month: a price is written as 3 or 3.50"),
        ({"month": "0.50"}, "A month: a price from 1 to 1,000 USD"),
        ({"year": "2000"}, "A year: a price from 1 to 1,000 USD"),
        ({"year": "30.555"}, "A year: a price has two digits"),
        ({"hours": "9999"}, "Hours before everybody: a whole number from 0 to 720"),
        ({"hours": "-1"}, "Hours before everybody: a whole number"),
        ({"name": " "}, "Name: 1 to 80 characters"),
        ({"number-downloads": "many"}, "Personal downloads: a whole number"),
        ({"number-downloads": "0"}, "Personal downloads: a whole number from 1"),
    ],
)
def test_what_can_not_be_is_refused_with_what_was_written(
    client: TestClient, opened: str, wrong: dict[str, str], says: str
) -> None:
    found = tier("early")
    answer = post(client, f"{DESK}/tiers/{found.id}", **fields(found, **wrong))
    assert answer.status_code == 400
    assert says in answer.text
    assert not re.search(r"_cents|_ms\b|number-\w+:", answer.text), "its own words alone"
    assert f'value="{next(iter(wrong.values()))}"' in answer.text
    assert tier("early").id == found.id


def test_a_perk_is_taken_in_and_out_by_its_box(client: TestClient, opened: str) -> None:
    found = tier("early")
    given = fields(found, **{"perk-discount": "yes", "number-discount": "15"})
    del given["perk-feed"]
    post(client, f"{DESK}/tiers/{found.id}", **given)
    assert tier("early").perks == [
        {"kind": "early"},
        {"kind": "downloads", "count": 2},
        {"kind": "discount", "percent": 15},
    ]


def test_a_tier_is_tried_for_ninety_days_and_kept_or_not(client: TestClient, opened: str) -> None:
    found = tier("events")
    asked = client.get(f"{DESK}/tiers/{found.id}/test").text
    assert "After that it takes nobody new" in asked
    assert tier("events").test_until_ms is None, "asking begins nothing"
    done = post(client, f"{DESK}/tiers/{found.id}/test", days=90).headers["location"]
    page = client.get(done).text
    assert "On test" in page
    assert "Tiers on test, and what came of it" in page
    assert "not yet" in page
    assert "This tier is tried out until" in client.get("/creators/ada/join").text
    assert post(client, f"{DESK}/tiers/{tier('events').id}/test", days=90).status_code == 409
    post(client, f"{DESK}/tiers/{tier('events').id}/test/end")
    assert tier("events").test_until_ms is None
    assert "Tiers on test" in client.get(DESK).text


def test_the_report_of_a_test_counts_those_who_joined_it(client: TestClient, opened: str) -> None:
    """Five join: one long ago and stays, one leaves after 40 days, one after 10, two are new."""
    post(client, f"{DESK}/tiers/{tier('drops').id}/test", days=90)
    with unit_of_work() as session:
        trial = session.scalars(select(Tier).filter_by(key="drops", retired_ms=None)).one()
        now = tiers.now_of(session)
        trial.created_ms = now - 100 * DAY_MS
        for ago, stayed in ((95, None), (95, 40), (95, 10), (5, None), (5, 2)):
            joined = now - ago * DAY_MS
            one = members.membership(session, of=trial, anchor_ms=joined)
            memberevents.record(session, one, MemberEventKind.JOINED, joined)
            if stayed is not None:
                one.state = MembershipState.ENDED
                memberevents.record(session, one, MemberEventKind.ENDED, joined + stayed * DAY_MS)
        other = members.membership(session, of=members.tier(session, "early"))
        memberevents.record(session, other, MemberEventKind.JOINED, now - DAY_MS)
    with reading() as session:
        found = cohorts.report(session, cohorts.tests(session, opened)[0], now)
        early = cohorts.report(session, cohorts.tests(session, opened)[0], now - 60 * DAY_MS)
        whole = cohorts.summary(session, opened, now)
    assert (found.joined, found.here, found.mrr) == (5, 2, 2 * 900_000)
    assert [(one.days, one.here, one.asked) for one in found.stayed] == [
        (30, 2, 3),
        (60, 1, 3),
        (90, 1, 3),
    ]
    assert (early.joined, early.here) == (3, 2)
    assert [(one.days, one.here, one.asked) for one in early.stayed] == [
        (30, 2, 3),
        (60, 0, 0),
        (90, 0, 0),
    ]
    assert (whole.members, whole.joined, whole.left) == (3, 3, 1)
    assert whole.mrr == 2 * 900_000 + 300_000
    page = client.get(DESK).text
    assert "2 of 3" in page
    assert "$21.00" in page
    assert "@example.org" not in page  # numbers, no names


def test_what_is_announced_stands_where_people_join(client: TestClient, opened: str) -> None:
    given = {"kind": "event", "title": "An evening at the harbour", "rank": 3, "seats": "12"}
    answer = post(client, f"{DESK}/announcements", **given, day="2030-13-01T18:00")
    assert answer.status_code == 400
    assert 'value="An evening at the harbour"' in answer.text
    day = datetime.now(UTC).replace(hour=18, minute=0) + timedelta(days=60)
    post(client, f"{DESK}/announcements", **given, day=f"{day:%Y-%m-%dT%H:%M}")
    assert f"{day.day} {day:%b %Y}, 18:00 UTC" in client.get(DESK).text
    with reading() as session:
        made = session.scalars(select(Announcement)).one()
    people.sign_out(client)
    assert "An evening at the harbour" in client.get("/creators/ada/join").text
    people.sign_in(client, "ada@example.org")
    assert "for <bdi>" in client.get(DESK).text
    asked = client.get(f"{DESK}/announcements/{made.id}/withdraw").text
    assert "gets a mail that it is called off" in asked
    with reading() as session:
        assert session.get_one(Announcement, made.id).withdrawn_ms is None
    post(client, f"{DESK}/announcements/{made.id}/withdraw")
    assert "Called off" in client.get(DESK).text


def test_a_clip_gets_a_ladder_of_its_own_and_loses_it_again(
    client: TestClient, opened: str
) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session, factories.recording(session), title="The final")
        factories.listing(session, clip)
    here = f"/clips/{clip.id}/ladder"
    assert here in client.get(DESK).text
    assert here in client.get(f"/clips/{clip.id}").text
    assert "As the tiers say" in client.get(here).text
    given = {"hours-early": "1", "hours-drops": "2", "hours-events": "72", "as": "own"}
    post(client, here, **given)
    with reading() as session:
        assert session.get_one(Early, clip.id).leads["early"] == members.HOUR_MS
    assert "A ladder of its own" in client.get(here).text
    wrong = post(client, here, **{**given, "hours-early": "99"})
    assert wrong.status_code == 400
    assert "above a tier that sees it sooner" in wrong.text
    post(client, here, **{**given, "as": "tiers"})
    with reading() as session:
        assert session.get(Early, clip.id) is None
    people.sign_in(client, "lin@example.org")
    assert client.get(here).status_code == 404
    assert post(client, here, **given).status_code == 404


def test_closing_says_what_it_means_and_ends_with_the_paid_time(
    client: TestClient, opened: str
) -> None:
    with unit_of_work() as session:
        one = members.membership(session, of=members.tier(session, "early"))
    assert "1 membership ends with the time that is paid" in client.get(f"{DESK}/close").text
    page = client.get(post(client, f"{DESK}/close").headers["location"]).text
    assert "Nobody can join" in page
    with unit_of_work() as session:
        now = tiers.now_of(session)
        for due in advancing.due(session, now, 10):
            advancing.advance(session, due, now)
    with reading() as session:
        found = session.get_one(Membership, one.id)
        assert found.ends_at_period
        assert session.get_one(Creator, opened).members_ms is None


def test_a_tier_is_added_above_the_others_and_closed_after_being_asked(
    client: TestClient, opened: str
) -> None:
    assert "Add a tier" in client.get(DESK).text
    form = client.get(f"{DESK}/tiers/new").text
    assert "Where it stands" in form
    given = {"name": "Studio", "summary": "All of it.", "month": "60", "year": "600", "hours": "96"}
    wrong = post(client, f"{DESK}/tiers/new", **{**given, "month": "1"})
    assert wrong.status_code == 400
    assert 'value="Studio"' in wrong.text
    done = post(client, f"{DESK}/tiers/new", **given, **{"perk-early": "yes"})
    assert "The tier is added" in client.get(done.headers["location"]).text
    made = tier("studio")
    assert (made.rank, made.month_cents, made.lead_ms) == (4, 6000, 96 * members.HOUR_MS)
    asked = client.get(f"{DESK}/tiers/{made.id}/close").text
    assert "Nobody has it now" in asked
    assert tier("studio").retired_ms is None
    post(client, f"{DESK}/tiers/{made.id}/close")
    assert "Studio" not in client.get("/creators/ada/join").text
    assert client.get(f"{DESK}/tiers/{made.id}/close").status_code == 303


def test_the_only_tier_is_not_closed(client: TestClient, opened: str) -> None:
    for key in ("events", "drops"):
        post(client, f"{DESK}/tiers/{tier(key).id}/close")
    last = tier("early").id
    assert "This is the only tier" in client.get(f"{DESK}/tiers/{last}/close").text
    assert post(client, f"{DESK}/tiers/{last}/close").status_code == 409


def test_what_a_creator_lives_by_leads_from_one_to_the_other(
    client: TestClient, opened: str
) -> None:
    for path in (DESK, "/offers", "/figures", "/prices", "/earnings"):
        page = client.get(path).text
        nav = page.partition('class="desk-places"')[2].partition("</nav>")[0]
        for other in ("/members", "/offers", "/prices", "/earnings", "/figures"):
            assert f'href="{other}"' in nav, path
        assert nav.count("aria-current") == 1
    assert "desk-places" not in client.get("/").text
