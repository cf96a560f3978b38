"""A clip's way from its members to everybody: when that is, what each sees until then, and that
nothing of it is kept where it should not be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from catalog import lightboxes, listings, reels, reservations, reviews, routing
from catalog.auth import Visitor
from catalog.errors import BadRequest, NotFound
from catalog.members import ladder, tiers
from models.account import Role
from models.base import unit_of_work
from models.clip import Asset, AssetKind, Clip, ClipKind
from models.creator import creator_of
from models.job import Job
from models.listing import Listing, ListingState
from models.membership import Membership, MembershipState
from models.perk import Early
from models.pool import PoolMember
from models.reservation import Reservation, ReservationKind
from models.steps import ask
from tests import (
    delivery_factories,
    factories,
    member_factories,
    people,
    pool_factories,
)
from tests.perk_factories import now
from tests.pool_factories import run_light

HOUR_MS, DAY_MS = member_factories.HOUR_MS, member_factories.DAY_MS
NEAR = pytest.approx


@dataclass
class Early_:
    """One early clip of ada's, of which mia is a member; sam is not."""

    clip: Clip
    files: dict[AssetKind, Asset]
    listing_id: str
    membership_id: str
    public_ms: int


@pytest.fixture
def early(client: TestClient) -> Early_:
    mia = people.account("mia@example.org")
    people.account("ada@example.org", Role.CREATOR, creator="ada")
    with unit_of_work() as session:
        member_factories.tiers(session)
        member = member_factories.membership(session, mia, member_factories.tier(session, "events"))
        clip, listing = delivery_factories.full_clip(session, title="The secret goal")
        files = {one.kind: one for one in session.scalars(select(Asset).filter_by(clip_id=clip.id))}
        return Early_(clip, files, listing.id, member.id, listing.visible_from_ms)


def lapse(membership_id: str) -> None:
    with unit_of_work() as session:
        row = session.get_one(Membership, membership_id)
        row.period_end_ms, row.ends_at_period = now() - 1, True


# When everybody sees it


def published(*, embargo_ms: int = 0, **values: Any) -> Listing:
    with unit_of_work() as session:
        recording = factories.recording(session, sidecar={"embargo_ms": embargo_ms})
        clip = factories.clip(session, recording, **values)
        ask(session, "publish", clip.id, recording.id)
    run_light("publish")
    with unit_of_work() as session:
        return session.scalars(select(Listing).filter_by(clip_id=clip.id)).one()


def reserved(listing: Listing) -> list[tuple[str, int]]:
    with unit_of_work() as session:
        rows = session.scalars(select(Reservation).filter_by(clip_id=listing.clip_id))
        return [(str(one.kind), one.until_ms) for one in rows]


def test_without_members_a_clip_is_everybody_s_at_once(database: Path) -> None:
    listing = published()
    assert listing.visible_from_ms == NEAR(now(), abs=60_000)
    assert reserved(listing) == []


def test_with_members_everybody_waits_the_longest_lead_and_nobody_licenses(database: Path) -> None:
    with unit_of_work() as session:
        member_factories.tiers(session)
    listing = published()
    assert listing.visible_from_ms == NEAR(now() + 72 * HOUR_MS, abs=60_000)
    assert reserved(listing) == [(ReservationKind.EARLY, listing.visible_from_ms)]


def test_a_later_embargo_stays_and_an_earlier_one_does_not_shorten_the_wait(database: Path) -> None:
    with unit_of_work() as session:
        member_factories.tiers(session)
    later = published(embargo_ms=now() + 30 * DAY_MS)
    assert later.visible_from_ms == NEAR(now() + 30 * DAY_MS, abs=60_000)
    assert [kind for kind, _ in reserved(later)] == [ReservationKind.EMBARGO]
    sooner = published(embargo_ms=now() + HOUR_MS)
    assert sooner.visible_from_ms == NEAR(now() + 72 * HOUR_MS, abs=60_000)


def test_a_clip_s_own_ladder_says_how_long_everybody_waits(database: Path) -> None:
    with unit_of_work() as session:
        member_factories.tiers(session)
        clip = factories.clip(session)
        session.add(Early(clip_id=clip.id, leads={"early": HOUR_MS, "events": 2 * HOUR_MS}))
        listing = listings.publish(session, clip.id, visible_from_ms=None)
        assert listing.visible_from_ms == NEAR(now() + 2 * HOUR_MS, abs=60_000)


def test_a_trimmed_form_waits_no_longer_than_what_it_replaces(database: Path) -> None:
    with unit_of_work() as session:
        member_factories.tiers(session)
        recording = factories.recording(session)
        old = factories.listing(session, factories.clip(session, recording), visible_from_ms=1_000)
        candidate = factories.candidate(session, recording, replaces_id=old.clip_id)
        new = factories.clip(session, recording, candidate_id=candidate.id)
        listing = listings.publish(session, new.id, visible_from_ms=None)
        assert listing.visible_from_ms == NEAR(now(), abs=60_000)


def test_a_reel_is_early_too_and_its_next_form_is_not_held_again(database: Path) -> None:
    with unit_of_work() as session:
        member_factories.tiers(session)
        recording = factories.recording(session)
        first, second = (factories.clip(session, recording, kind=ClipKind.REEL) for _ in "ab")
        shown = listings.publish(session, first.id, visible_from_ms=None)
        assert shown.visible_from_ms == NEAR(now() + 72 * HOUR_MS, abs=60_000)
        shown.visible_from_ms = 1_000
        session.flush()
        again = listings.publish(session, second.id, visible_from_ms=None)
        assert again.visible_from_ms == NEAR(now(), abs=60_000)


# What each sees until then


def test_a_member_sees_the_page_with_its_day_and_others_see_nothing(
    client: TestClient, early: Early_
) -> None:
    path = f"/clips/{early.clip.id}"
    people.sign_in(client, "mia@example.org")
    page = client.get(path).text
    for said in ("The secret goal", "Early for you", "Public on", "noindex"):
        assert said in page
    for unsaid in ("License this clip", "application/json+oembed", "application/ld+json"):
        assert unsaid not in page
    strip = client.get("/").text
    assert "Early for you" in strip
    assert "The secret goal" in strip
    assert "The secret goal" in client.get("/?q=secret").text
    assert "The secret goal" not in client.get("/?q=corner").text
    people.sign_in(client, "sam@example.org")
    assert client.get(path).status_code == 404
    assert "secret" not in client.get("/").text
    people.sign_out(client)
    assert client.get(path).status_code == 404
    assert "secret" not in client.get("/").text


def test_a_kept_page_is_never_a_member_s(client: TestClient, early: Early_) -> None:
    for _ in range(2):
        people.sign_in(client, "mia@example.org")
        assert "The secret goal" in client.get("/").text
        people.sign_out(client)
        assert "secret" not in client.get("/").text


def test_its_creator_sees_and_reviews_it_before_everybody(
    client: TestClient, early: Early_
) -> None:
    people.sign_in(client, "ada@example.org")
    assert "Not public yet" in client.get(f"/clips/{early.clip.id}").text
    with unit_of_work() as session:
        clip = session.get_one(Clip, early.clip.id)
        candidate = factories.candidate(session, clip.recording)
        clip.candidate_id = candidate.id
        session.flush()
        reviews.discard(session, clip.id)
        assert session.get_one(Listing, early.listing_id).state == ListingState.WITHDRAWN
    people.sign_in(client, "mia@example.org")
    assert client.get(f"/clips/{early.clip.id}").status_code == 404


def test_who_lapses_loses_everything_at_once(client: TestClient, early: Early_) -> None:
    people.sign_in(client, "mia@example.org")
    paths = [f"/clips/{early.clip.id}", f"/api/v1/listings/{early.clip.id}"]
    paths += [
        f"/media/{one.id}/{one.kind}{one.suffix}"
        for one in early.files.values()
        if one.kind != AssetKind.MASTER
    ]
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        if path.startswith("/media/"):
            assert answer.headers["cache-control"] == "no-store"
    tags = {path: client.get(path).headers.get("etag", "") for path in paths}
    lapse(early.membership_id)
    for path in paths:
        again = client.get(path, headers={"If-None-Match": tags[path]})
        assert again.status_code == 404, path


def test_what_is_everybody_s_may_be_kept_by_browsers_from_its_day_on(
    client: TestClient, early: Early_
) -> None:
    with unit_of_work() as session:
        session.get_one(Listing, early.listing_id).visible_from_ms = now() - 1
    poster = early.files[AssetKind.POSTER]
    assert "immutable" in client.get(f"/media/{poster.id}/poster.jpg").headers["cache-control"]


def test_a_token_sees_what_its_scope_says(client: TestClient, early: Early_) -> None:
    mia = people.account("mia@example.org")
    path = f"/api/v1/listings/{early.clip.id}"
    wide, narrow = (people.token(mia, one) for one in ("memberships:read", "catalog:read"))
    told = client.get(path, headers=wide).json()
    assert (told["early"], told["visible_from_ms"]) == (True, early.public_ms)
    assert client.get(path, headers=narrow).status_code == 404
    [one] = client.get("/api/v1/early", headers=wide).json()["listings"]
    assert one["clip_id"] == early.clip.id
    assert client.get("/api/v1/early", headers=narrow).status_code == 403
    assert client.get("/api/v1/early").status_code == 401


def test_a_lightbox_shows_it_to_its_member_and_its_link_to_nobody(
    client: TestClient, early: Early_
) -> None:
    mia = people.sign_in(client, "mia@example.org")
    made = people.post(client, "/lightboxes/add", clip=early.clip.id, name="Mine")
    path = made.headers["location"]
    assert "The secret goal" in client.get(path).text
    with unit_of_work() as session:
        word = lightboxes.share(session, Visitor(account_id=mia), path.rpartition("/")[2]).share
    for shared in (f"/shared/{word}", f"/api/v1/shared/{word}"):
        assert "secret" not in client.get(shared).text
    lapse(early.membership_id)
    assert "secret" not in client.get(path).text


# Pools and reels on its day


def test_it_comes_into_pools_on_its_day_and_not_before(database: Path) -> None:
    with unit_of_work() as session:
        pool = pool_factories.pool(session)
        member_factories.tiers(session)
        named = factories.recording(session, sidecar={"pool": "Best of"})
        listing = factories.listing(session, factories.clip(session, named))
        routing.route(session, listing.id)
        routing.fill(session, pool, "")
        assert session.scalars(select(PoolMember)).all() == []
        [job] = session.scalars(select(Job).filter_by(step="route")).all()
        assert job.run_after_ms == listing.visible_from_ms
        job.run_after_ms = listing.visible_from_ms = now() - 1
    run_light("route")
    with unit_of_work() as session:
        inside = [one.pool.name for one in session.scalars(select(PoolMember))]
        assert sorted(inside) == ["Best of", "Goals"]


def test_the_reel_of_a_recording_is_asked_for_on_the_day_of_its_clips(database: Path) -> None:
    with unit_of_work() as session:
        member_factories.tiers(session)
        recording = factories.recording(session)
        made = [
            factories.listing(
                session,
                factories.clip(
                    session, recording, start_ms=at * 30_000, end_ms=at * 30_000 + 9_000
                ),
            )
            for at in range(3)
        ]
        reels.look(session, recording.id)
        assert session.scalars(select(Job).filter_by(step="reel")).all() == []
        for one in made:
            one.visible_from_ms = one.published_ms + 1
        for job in session.scalars(select(Job).filter_by(step="route")):
            job.run_after_ms = 1
    run_light("route")
    with unit_of_work() as session:
        assert len(session.scalars(select(Job).filter_by(step="reel")).all()) == 1


# Setting it


@pytest.fixture
def ada(database: Path) -> Visitor:
    account_id = people.account("ada@example.org", Role.CREATOR, creator="ada")
    with unit_of_work() as session:
        member_factories.tiers(session)
        creator_id = creator_of(session, "ada").id
    return Visitor(account_id=account_id, creator_ids=frozenset({creator_id}))


def test_a_clip_s_own_ladder_is_set_changed_and_ended(ada: Visitor) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session)
        usual = {"early": 24 * HOUR_MS, "drops": 48 * HOUR_MS, "events": 72 * HOUR_MS}
        assert ladder.leads(session, clip) == usual
        ladder.set_leads(session, ada, clip.id, {"events": HOUR_MS})
        assert ladder.leads(session, clip) == {"early": 0, "drops": 0, "events": HOUR_MS}
        ladder.set_leads(session, ada, clip.id, {})
        assert set(ladder.leads(session, clip).values()) == {0}
        assert ladder.set_leads(session, ada, clip.id, None) == usual
        assert ladder.set_leads(session, ada, clip.id, None) == usual


@pytest.mark.parametrize(
    "wrong",
    [
        {"gold": HOUR_MS},
        {"early": -1},
        {"early": ladder.LONGEST_MS + 1, "drops": ladder.LONGEST_MS + 1},
        {"early": True},
        {"early": HOUR_MS},
        {"early": HOUR_MS, "drops": HOUR_MS, "events": HOUR_MS - 1},
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(ada: Visitor, wrong: dict[str, int]) -> None:
    with unit_of_work() as session:
        clip = factories.clip(session)
        with pytest.raises(BadRequest):
            ladder.set_leads(session, ada, clip.id, wrong)
        with pytest.raises(NotFound):
            ladder.set_leads(session, Visitor(account_id="x"), clip.id, {})


def test_a_tier_s_lead_changes_for_who_joins_from_now_on(ada: Visitor) -> None:
    with unit_of_work() as session:
        tier = member_factories.tier(session, "events")
        member = member_factories.membership(session, of=tier)
        listing = factories.listing(session)
        tiers.change(session, ada, tier.id, lead_ms=100 * HOUR_MS)
        after = member_factories.membership(session, of=member_factories.tier(session, "events"))
        opened = [
            ladder.opens_ms(session, listing.clip, Visitor(account_id=one.account_id))
            for one in (member, after)
        ]
        public = listing.visible_from_ms
        assert opened == [public - 72 * HOUR_MS, public - 100 * HOUR_MS]
        member.state = MembershipState.PAUSED
        session.flush()
        who = Visitor(account_id=member.account_id)
        assert ladder.opens_ms(session, listing.clip, who) == public
        listings.withdraw(session, listing.clip_id, "a test")
        assert ladder.opens_ms(session, listing.clip, who) is None


def test_a_ladder_by_the_api(client: TestClient, early: Early_) -> None:
    ada = people.account("ada@example.org")
    key = people.token(ada, "recordings:read", "recordings:write")
    path = f"/api/v1/clips/{early.clip.id}/ladder"
    told = client.get(path, headers=key).json()
    assert (told["own"], told["leads"]["early"]) == (False, 24 * HOUR_MS)
    changed = client.put(path, headers=key, json={"leads": {"events": 0}}).json()
    assert (changed["own"], changed["visible_from_ms"]) == (True, early.public_ms)
    people.sign_in(client, "mia@example.org")
    assert client.get(f"/clips/{early.clip.id}").status_code == 404, "its own ladder shuts it"
    assert client.put(path, headers=key, json={"leads": {"events": -1}}).status_code == 422
    assert not client.delete(path, headers=key).json()["own"]
    assert client.get(f"/clips/{early.clip.id}").status_code == 200
    bob = people.account("bob@example.org", Role.CREATOR, creator="bob")
    strange = people.token(bob, "recordings:read", "recordings:write")
    assert client.get(path, headers=strange).status_code == 404
    assert client.put(path, headers=strange, json={"leads": {}}).status_code == 404


def test_nothing_is_reserved_twice(database: Path) -> None:
    with unit_of_work() as session:
        member_factories.tiers(session)
    listing = published()
    with unit_of_work() as session:
        row = session.get_one(Listing, listing.id)
        assert reservations.embargo(session, row, ReservationKind.EARLY) is None
