"""What members get: granted again it is the same, revoked it is over at once, and nobody gets more
than there is."""

import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.auth import Visitor
from catalog.errors import BadRequest, NotFound, Refusal
from catalog.members import announcements, perks
from catalog.members.perks import drops, feed, grants, seats
from models.account import Account, Role
from models.base import unit_of_work
from models.listing import Listing
from models.membership import Membership, MembershipState
from models.perk import Announcement, PerkGrant, Seat
from tests import delivery_factories, factories, member_factories, people, perk_factories
from tests import rights_factories as rights
from tests.both import BOTH, database_of, server_of
from tests.perk_factories import ALL, ends, joined, now

DAY_MS = factories.DAY_MS


def kinds(session: Session, row: Membership) -> set[str]:
    return {one.kind for one in grants.of_membership(session, row.id)}


def test_settling_twice_is_once_and_an_end_takes_everything(database: Path) -> None:
    with unit_of_work() as session:
        member = joined(session)
        before = [(one.id, one.granted_ms) for one in grants.of_membership(session, member.id)]
        perks.settle(session, member, now() + 1)
        after = [(one.id, one.granted_ms) for one in grants.of_membership(session, member.id)]
        assert before == after
        assert kinds(session, member) == set(perks.KINDS)
        ends(session, member)
        assert kinds(session, member) == set()
        ends(session, member)
        member.state = MembershipState.ACTIVE
        perks.settle(session, member, now())
        assert kinds(session, member) == set(perks.KINDS)


def test_a_step_down_takes_what_the_lower_tier_does_not_give(database: Path) -> None:
    with unit_of_work() as session:
        member = joined(session)
        lower = member_factories.tier(session, "early", perks=[{"kind": "early"}])
        member.tier_id = lower.id
        perks.settle(session, member, now())
        assert kinds(session, member) == {"early"}


def test_a_grant_gives_nothing_once_the_time_is_over_even_if_nobody_settled(
    database: Path,
) -> None:
    with unit_of_work() as session:
        member = joined(session)
        at = member.period_end_ms + 2 * 3_600_000
        for kind in perks.KINDS:
            held = (member.account_id, member.creator_id, kind)
            assert grants.held(session, *held, now()) is not None
            assert grants.held(session, *held, at) is None


@pytest.mark.parametrize(
    "wrong",
    [
        [{"kind": "gold"}],
        [{}],
        [{"kind": "downloads"}],
        [{"kind": "downloads", "count": 0}],
        [{"kind": "downloads", "count": True}],
        [{"kind": "discount", "percent": 91}],
        [{"kind": "seats", "count": "2"}],
        [{"kind": "early"}, {"kind": "early"}],
    ],
)
def test_a_perk_that_means_nothing_is_refused(wrong: list[dict[str, object]]) -> None:
    with pytest.raises(BadRequest):
        perks.checked(wrong)


def test_every_kind_says_what_it_gives(database: Path) -> None:
    perks.checked(ALL)
    with unit_of_work() as session:
        tier = member_factories.tier(session, "events", perks=ALL)
        told = perks.told(tier)
        assert len(told) == len(ALL)
        assert "Clips 72 hours before everybody sees them" in told
        assert "10 % off personal licenses" in told


# The private feed


def test_the_feed_s_word_is_shown_once_made_anew_and_ended(client: TestClient) -> None:
    account_id = people.sign_in(client, "mia@example.org")
    with unit_of_work() as session:
        member = joined(session, account=account_id)
        clip, listing = delivery_factories.full_clip(session, title="A public goal")
        listing.visible_from_ms = 1
    home = f"/memberships/{member.id}"
    words = []
    for _ in range(2):
        page = people.post(client, f"{home}/feed")
        assert page.headers["cache-control"] == "no-store"
        words.append(page.text.partition("/feeds/members/")[2].partition(".rss")[0])
        assert words[-1] not in client.get(f"{home}/perks").text
    old, new = words
    assert client.get(f"/feeds/members/{old}.rss").status_code == 410
    answer = client.get(f"/feeds/members/{new}.rss")
    assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
    assert "no-referrer" in answer.headers["referrer-policy"]
    [item] = ET.fromstring(answer.content).iter("item")
    assert item.findtext("title") == clip.title
    with unit_of_work() as session:
        assert new not in str([one.token_sha256 for one in session.scalars(select(PerkGrant))])
    assert people.post(client, f"{home}/feed/end").status_code == 303
    gone = client.get(f"/feeds/members/{new}.rss")
    assert (gone.status_code, "membership has ended" in gone.text) == (410, True)
    assert gone.headers["content-type"].startswith("text/plain")


def test_a_signed_address_of_the_feed_dies_with_the_membership(client: TestClient) -> None:
    with unit_of_work() as session:
        member = joined(session)
        word = feed.make_address(session, member, now())
        clip, listing = delivery_factories.full_clip(session)
        listing.visible_from_ms = now() + DAY_MS
        session.refresh(clip, ["assets"])
    preview = next(one for one in clip.assets if one.kind == "preview")
    door = f"/feeds/members/{word}/{preview.id}/preview.mp4"
    signed = client.get(door).headers["location"]
    assert word not in signed
    got = client.get(signed)
    assert (got.status_code, got.headers["cache-control"]) == (200, "no-store")
    assert client.get(signed.replace("signature=", "signature=0")).status_code == 403
    with unit_of_work() as session:
        listing = session.get_one(Listing, listing.id)
        listing.visible_from_ms += 3 * DAY_MS  # its window is not open any more
    assert client.get(signed).status_code == 404
    with unit_of_work() as session:
        session.get_one(Listing, listing.id).visible_from_ms = 1
        ends(session, member)
    for path, code in ((signed, 404), (door, 404), (f"/feeds/members/{word}.rss", 410)):
        assert client.get(path).status_code == code
    with unit_of_work() as session:  # who comes back makes a new one
        again = session.get_one(Membership, member.id)
        again.state = MembershipState.ACTIVE
        perks.settle(session, again, now())
    assert client.get(f"/feeds/members/{word}.rss").status_code == 410


def test_a_signed_address_dies_with_the_feed_s_address_that_led_to_it(client: TestClient) -> None:
    with unit_of_work() as session:
        member = joined(session)
        old = feed.make_address(session, member, now())
        clip, _ = delivery_factories.full_clip(session)
        session.refresh(clip, ["assets"])
    preview = next(one for one in clip.assets if one.kind == "preview")

    def signed(word: str) -> str:
        door = client.get(f"/feeds/members/{word}/{preview.id}/preview.mp4")
        return str(door.headers["location"])

    first = signed(old)
    assert client.get(first).status_code == 200
    with unit_of_work() as session:
        new = feed.make_address(session, session.get_one(Membership, member.id), now())
    assert client.get(first).status_code == 403
    assert client.get(signed(new)).status_code == 200


def test_nobody_makes_a_feed_of_another_s_membership(client: TestClient) -> None:
    people.sign_in(client, "sam@example.org")
    with unit_of_work() as session:
        member = joined(session)
    for path in ("/feed", "/feed/end"):
        assert people.post(client, f"/memberships/{member.id}{path}").status_code == 404
    assert client.get(f"/memberships/{member.id}/perks").status_code == 404


# Drops and seats


ADA = "ada@example.org"


def ada(session: Session) -> Visitor:
    own = frozenset({factories.creator(session).id})
    found = session.scalars(select(Account).filter_by(email=ADA)).first()
    found = found or member_factories.person(session, ADA, roles=[Role.CREATOR])
    return Visitor(account_id=found.id, creator_ids=own)


def announced(session: Session, kind: str = "event", **values: object) -> Announcement:
    said = {"title": "An evening", "summary": "On stage.", "rank": 3, "at_ms": now() + DAY_MS}
    creator_id = factories.creator(session).id
    given = {**said, "now_ms": now(), **values}
    return announcements.announce(session, ada(session), creator_id, kind=kind, **given)  # type: ignore[arg-type]


def test_a_drop_is_for_members_from_its_rank_on(database: Path) -> None:
    with unit_of_work() as session:
        high = joined(session)
        low = joined(session, "drops", [{"kind": "drops"}])
        lowest = joined(session, "early", [{"kind": "early"}])
        drop = announced(session, "drop", rank=2)
        for member, may in ((high, True), (low, True), (lowest, False)):
            assert drops.may_have(session, member.account_id, drop, now()) == may
            told = announcements.for_member(session, member.account_id, now())
            assert [one.may_take for one in told] == ([True] if may else [])
        ends(session, low)
        assert not drops.may_have(session, low.account_id, drop, now())
        announcements.withdraw(session, ada(session), drop.id, now())
        assert not drops.may_have(session, high.account_id, drop, now())
        assert announcements.for_member(session, high.account_id, now()) == []


def test_what_is_announced_must_make_sense(database: Path) -> None:
    with unit_of_work() as session:
        joined(session)
        wrong: list[dict[str, object]] = [
            {"kind": "party"}, {"title": " "}, {"at_ms": 5}, {"seats_count": 0},
            {"kind": "drop", "seats_count": 3}, {"title": "x" * 201},
        ]  # fmt: skip
        for one in wrong:
            with pytest.raises(BadRequest):
                announced(session, **one)  # type: ignore[arg-type]
        with pytest.raises(Refusal):
            announced(session, rank=4)
        stranger = Visitor(account_id=member_factories.person(session).id)
        with pytest.raises(NotFound):
            announcements.withdraw(session, stranger, announced(session).id, now())


def test_a_seat_is_taken_given_back_and_lost_with_the_membership(database: Path) -> None:
    with unit_of_work() as session:
        first, second = joined(session), joined(session)
        event = announced(session, seats_count=1)
        seats.take(session, first.account_id, event.id, now())
        with pytest.raises(Refusal) as refused, session.begin_nested():
            seats.take(session, second.account_id, event.id, now())
        assert refused.value.code == "event_full"
        with pytest.raises(Refusal) as refused, session.begin_nested():
            seats.take(session, first.account_id, event.id, now())
        assert refused.value.code == "seat_taken"
        ends(session, first)
        assert seats.free(session, event) == 1
        seats.take(session, second.account_id, event.id, now())
        seats.give_back(session, second.account_id, event.id, now())
        seats.give_back(session, second.account_id, event.id, now())
        assert seats.free(session, event) == 1
        with pytest.raises(NotFound):
            seats.take(session, first.account_id, event.id, now())


@pytest.mark.parametrize("kind", BOTH)
def test_as_many_members_as_seats_come_first(kind: str, tmp_path: Path) -> None:
    with server_of(kind) as server, database_of(kind, server, tmp_path / "home"):
        with unit_of_work() as session:
            members = [joined(session).account_id for _ in range(12)]
            event = announced(session, seats_count=3).id
        said: list[str] = []
        _all_at_once([lambda one=one: said.append(_taken(one, event)) for one in members])  # type: ignore[misc]
        assert sorted(said) == ["event_full"] * 9 + ["taken"] * 3
        with unit_of_work() as session:
            taken = session.scalars(select(Seat.grant_id).where(Seat.grant_id.is_not(None))).all()
            assert len(set(taken)) == 3


def _taken(account_id: str, event: str) -> str:
    try:
        with unit_of_work() as session:
            seats.take(session, account_id, event, now())
    except Refusal as refused:
        return refused.code
    return "taken"


def _all_at_once(work: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_perks_by_the_api(client: TestClient) -> None:
    mia = people.account("mia@example.org")
    with unit_of_work() as session:
        member = joined(session, account=mia)
        event = announced(session, seats_count=2).id
        clip_id = perk_factories.on_sale(session).clip_id
        rights.publish(session)
    home = f"/api/v1/memberships/{member.id}"
    key = people.token(mia, "memberships:read", "memberships:write")
    told = client.get(f"{home}/perks", headers=key).json()
    assert (told["gives"], told["feed"], told["downloads"]["left"]) == (True, False, 2)
    assert [(one["id"], one["free"], one["mine"]) for one in told["coming"]] == [(event, 2, 0)]
    taken = client.post(f"/api/v1/announcements/{event}/seats", headers=key)
    assert (taken.status_code, taken.json()["coming"][0]["mine"]) == (201, 1)
    again = client.post(f"/api/v1/announcements/{event}/seats", headers=key)
    assert (again.status_code, again.json()["code"]) == (409, "seat_taken")
    back = client.delete(f"/api/v1/announcements/{event}/seats", headers=key).json()
    assert back["coming"][0]["mine"] == 0
    made = client.post(f"{home}/feed", headers=key).json()["address"]
    path = made.partition("8000")[2]
    assert client.get(path).status_code == 200
    tag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert client.delete(f"{home}/feed", headers=key).status_code == 204
    assert client.get(path).status_code == 410
    first = client.put(f"/api/v1/clips/{clip_id}/personal", headers=key).json()
    assert client.put(f"/api/v1/clips/{clip_id}/personal", headers=key).json() == first
    stranger = people.token(people.account("sam@example.org"), "memberships:read")
    assert client.get(f"{home}/perks", headers=stranger).status_code == 404
