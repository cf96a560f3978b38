"""Members see clips earlier, and nothing leaves by any door but what the policy says.

The policy, in words: a withdrawn clip is nobody's. Everybody sees a clip from its day on. Who is a
member of its creator, and has what that gives at the moment, sees it earlier: by what the clip's
own ladder says for their tier, or by the tier's lead where it has none; but not before the embargo
of its recording is over. Who works on it sees it always. A token sees for its account what its
scope says. `sees()` says it once more, by itself.
"""

import secrets
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import auth, entitlements, routing
from catalog.app import create_app
from catalog.auth import Visitor
from catalog.members import ladder, perks
from catalog.members.perks import feed
from catalog.web import visitors
from models.account import Account
from models.base import engine, now_ms, unit_of_work
from models.clip import AssetKind, Clip
from models.creator import creator_of
from models.listing import Listing, ListingState
from models.membership import Membership, MembershipState, Tier
from models.migrations import migrate
from models.perk import Early
from tests import delivery_factories, factories, member_factories, pool_factories
from tests.both import BOTH, database_of, server_of
from tests.conftest import forget

HOUR_MS = 3_600_000
SOON_MS = 120_000
"""Of an edge: so far the moment of a test may be off while it asks all doors."""
RENEWING_MS = HOUR_MS
KEYS = ("early", "drops", "events")
SEEN = (AssetKind.POSTER, AssetKind.PREVIEW, AssetKind.HOVER, AssetKind.STORYBOARD,
        AssetKind.CAPTIONS, AssetKind.MANIFEST)  # fmt: skip
GIVING = (MembershipState.ACTIVE, MembershipState.GRACE)


@dataclass(frozen=True)
class Work:
    """Times are distances from the moment of the example."""

    public_ms: int
    withdrawn: bool
    own: dict[str, int] | None
    embargo_ms: int


@dataclass(frozen=True)
class Member:
    key: str
    state: MembershipState
    until_ms: int
    """The end of what is paid, or of the grace."""
    leaves: bool


@dataclass(frozen=True)
class World:
    leads: dict[str, int]
    works: list[Work]
    members: list[Member]


def gives(member: Member, at_ms: int) -> bool:
    if member.state not in GIVING:
        return False
    renewed = member.state == MembershipState.ACTIVE and not member.leaves
    return at_ms < member.until_ms + (RENEWING_MS if renewed else 0)


def sees(world: World, work: Work, member: Member | None, at_ms: int) -> bool:
    if work.withdrawn:
        return False
    lead = 0
    if member is not None and gives(member, at_ms):
        lead = world.leads[member.key] if work.own is None else work.own.get(member.key, 0)
    return at_ms >= min(max(work.public_ms - lead, work.embargo_ms), work.public_ms)


PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Without the last one, which makes a failure smaller: a world is as small as can be told."""
HOURS = st.integers(0, 72).map(lambda hours: hours * HOUR_MS)
AWAY = st.builds(
    lambda hours, sign: hours * HOUR_MS + sign * SOON_MS,
    st.integers(-30, 80),
    st.sampled_from((-1, 1)),
)
WORKS = st.builds(
    Work, AWAY, st.sampled_from((False,) * 5 + (True,)),
    st.none() | st.dictionaries(st.sampled_from(KEYS), HOURS),
    st.just(-10_000 * HOUR_MS) | AWAY,
)  # fmt: skip
MEMBERS = st.builds(
    Member,
    st.sampled_from(KEYS),
    st.sampled_from((*GIVING, *GIVING, *MembershipState)),
    AWAY,
    st.booleans(),
)
WORLDS = st.builds(
    World,
    st.fixed_dictionaries(dict.fromkeys(KEYS, HOURS)),
    st.lists(WORKS, min_size=1, max_size=2),
    st.lists(MEMBERS, min_size=1, max_size=2),
)


@dataclass
class Rows:
    """The world as rows of a creator of its own."""

    now: int
    word: str
    creator_id: str
    clips: list[Clip] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)


def written(session: Session, world: World, *, files: bool) -> Rows:
    now = session.scalar(select(now_ms())) or 0
    word, slug = f"w{secrets.token_hex(8)}", f"creator-{secrets.token_hex(6)}"
    creator = creator_of(session, slug)
    made = Rows(now, word, creator.id)
    tiers = {key: member_factories.tier(session, key, creator, lead_ms=world.leads[key])
             for key in KEYS}  # fmt: skip
    for number, work in enumerate(world.works):
        made.clips.append(_clip(session, work, made, creator.id, number, files=files))
    for member in world.members:
        made.memberships.append(_membership(session, member, tiers[member.key], now))
    session.flush()
    return made


def _clip(
    session: Session, work: Work, rows: Rows, creator_id: str, number: int, *, files: bool
) -> Clip:
    sidecar = {"embargo_ms": rows.now + work.embargo_ms}
    recording = factories.recording(session, creator_id=creator_id, sidecar=sidecar)
    clip = factories.clip(session, recording, title=f"{rows.word} {number}", tags=[rows.word])
    for kind in delivery_factories.OF_CLIP if files else ():
        delivery_factories.file(session, clip, kind)
    if work.own is not None:
        session.add(Early(clip_id=clip.id, leads=work.own))
    listing = factories.listing(session, clip, visible_from_ms=rows.now + work.public_ms)
    listing.visible_from_ms = rows.now + work.public_ms
    if work.withdrawn:
        listing.state = ListingState.WITHDRAWN
    session.flush()
    session.refresh(clip, ["assets"])
    return clip


def _membership(session: Session, member: Member, tier: Tier, now: int) -> Membership:
    return member_factories.membership(
        session,
        of=tier,
        state=member.state,
        anchor_ms=now - 400 * HOUR_MS,
        period_end_ms=now + member.until_ms,
        grace_until_ms=now + member.until_ms if member.state == MembershipState.GRACE else None,
        ends_at_period=member.leaves,
    )


@pytest.fixture(scope="module", params=BOTH)
def either(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    home = tmp_path_factory.mktemp("gate")
    with pytest.MonkeyPatch.context() as patch, server_of(request.param) as server:
        patch.setenv("REELYARD_DATA", str(home / "data"))
        with database_of(request.param, server, home):
            yield request.param


@settings(max_examples=25, phases=PHASES)
@given(WORLDS, st.randoms(use_true_random=False))
def test_the_gate_says_what_the_policy_says_at_every_edge(
    either: str, world: World, random: Random
) -> None:
    with Session(engine()) as session:  # never committed
        rows = written(session, world, files=False)
        readers: list[tuple[Member | None, Visitor]] = [(None, auth.NOBODY)]
        for member, row in zip(world.members, rows.memberships, strict=True):
            few = Visitor(account_id=row.account_id, scopes=frozenset({"catalog:read"}))
            readers += [(member, Visitor(account_id=row.account_id)), (None, few)]
        found = edges(world)
        for at in random.sample(found, min(5, len(found))):
            for member, reader in readers:
                _agree(session, world, rows, member, reader, at)
            _out_to_somebody(session, world, rows, at)


def edges(world: World) -> list[int]:
    """The moments at which anything may change, and those just before them."""
    ends = {one.until_ms for one in world.members}
    at = ends | {one + RENEWING_MS for one in ends}
    for work in world.works:
        leads = {0, *world.leads.values(), *(work.own or {}).values()}
        at |= {work.public_ms - lead for lead in leads} | {work.embargo_ms}
    return sorted({edge + beside for edge in at for beside in (-1, 0)})


def _agree(
    session: Session, world: World, rows: Rows, member: Member | None, reader: Visitor, at: int
) -> None:
    wanted = {
        clip.id: work.public_ms > at
        for work, clip in zip(world.works, rows.clips, strict=True)
        if sees(world, work, member, at)
    }
    moment, ids = rows.now + at, [clip.id for clip in rows.clips]
    shown = select(Listing.clip_id).where(
        Listing.clip_id.in_(ids), entitlements.seen_by(reader, moment)
    )
    assert set(session.scalars(shown)) == set(wanted), (member, at)
    early = ladder.early_for(session, reader, moment, 24).rows
    assert {one.clip_id for one in early} == {one for one, is_early in wanted.items() if is_early}
    clip = rows.clips[0]
    for action in ("see", "preview"):
        assert entitlements.may_use(session, reader, clip, action, moment) == (clip.id in wanted)
    assert not entitlements.may_use(session, reader, clip, "clean", moment)


def _out_to_somebody(session: Session, world: World, rows: Rows, at: int) -> None:
    """What whoever works on it may review: that a member of some tier could see it."""
    far = 10_000 * HOUR_MS
    everyone = [Member(key, MembershipState.ACTIVE, far, False) for key in KEYS]
    out = select(Listing.clip_id).where(
        Listing.creator_id == rows.creator_id, entitlements.in_window(rows.now + at)
    )
    assert set(session.scalars(out)) == {
        clip.id
        for work, clip in zip(world.works, rows.clips, strict=True)
        if any(sees(world, work, one, at) for one in everyone)
    }


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One house for all the worlds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REELYARD_DATA", str(tmp_path_factory.mktemp("house")))
        forget()
        migrate()
        with TestClient(create_app(), base_url="http://127.0.0.1", follow_redirects=False) as made:
            yield made
    forget()


def signed_in(session: Session, account_id: str) -> dict[str, Any]:
    word = auth.begin_sign_in(session, session.get_one(Account, account_id))
    return {"cookies": {visitors.SIGN_IN: word}}


def ask(client: TestClient, path: str, person: dict[str, Any]) -> Any:
    client.cookies.clear()
    for name, value in person.get("cookies", {}).items():
        client.cookies.set(name, value)
    return client.get(path, headers=person.get("headers", {}))


@settings(max_examples=6, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
@given(WORLDS)
def test_every_door_delivers_what_the_policy_says(client: TestClient, world: World) -> None:
    with unit_of_work() as session:
        rows = written(session, world, files=True)
        pool = pool_factories.pool(session, slug=rows.word, creator_id=rows.creator_id)
        partner = people_token(session, pool_factories.partner(session, pool))
        words = [feed_word(session, row, rows.now) for row in rows.memberships]
        viewers: list[tuple[Member | None, dict[str, Any]]] = [(None, {}), (None, partner)]
        for member, row in zip(world.members, rows.memberships, strict=True):
            viewers.append((member, signed_in(session, row.account_id)))
    with unit_of_work() as session:
        for clip in rows.clips:
            routing.route(
                session, session.scalars(select(Listing).filter_by(clip_id=clip.id)).one().id
            )
    for member, person in viewers:
        wanted = {
            clip.id
            for work, clip in zip(world.works, rows.clips, strict=True)
            if sees(world, work, member, 0)
        }
        _by_clip(client, person, rows, wanted)
        _by_lists(client, person, rows, wanted, public(world, rows))
    for member, word in zip(world.members, words, strict=True):
        _by_private_feed(client, world, rows, member, word)
    answer = ask(client, f"/feeds/{rows.word}.json", partner)
    told = {item["_reelyard"]["clip_id"] for item in answer.json()["items"]}
    assert told == public(world, rows)


def people_token(session: Session, account_id: str) -> dict[str, Any]:
    word = pool_factories.token(session, account_id, "pools:read", "memberships:read")
    return {"headers": {"Authorization": f"Bearer {word}"}}


def feed_word(session: Session, row: Membership, now: int) -> str | None:
    perks.settle(session, row, now)
    try:
        return feed.make_address(session, row, now)
    except Exception:
        return None


def public(world: World, rows: Rows) -> set[str]:
    return {
        clip.id
        for work, clip in zip(world.works, rows.clips, strict=True)
        if sees(world, work, None, 0)
    }


def _by_clip(client: TestClient, person: dict[str, Any], rows: Rows, wanted: set[str]) -> None:
    program = "headers" in person
    for clip in rows.clips:
        seen = clip.id in wanted
        own = f"/clips/{clip.id}"
        tried = (own, f"{own}/manifest.json", f"{own}/storyboard.vtt")
        for path in (*tried, f"/lightboxes/add?clip={clip.id}"):
            if not program:
                assert (ask(client, path, person).status_code == 200) == seen, (path, person)
        for path in (f"/api/v1/listings/{clip.id}", f"/api/v1/clips/{clip.id}/manifest"):
            assert (ask(client, path, person).status_code == 200) == seen, path
        for asset in clip.assets:
            answer = ask(client, f"/media/{asset.id}/{asset.kind}{asset.suffix}", person)
            had = seen and asset.kind in SEEN
            assert (answer.status_code == 200) == had, (asset.kind, person)


def _by_lists(
    client: TestClient, person: dict[str, Any], rows: Rows, wanted: set[str], everybody: set[str]
) -> None:
    """The strip and its twin tell what is early; the rest is the same for all."""
    named = {clip.id for clip in rows.clips}
    page = ask(client, f"/?q={rows.word}", person).text
    shown = everybody if "headers" in person else wanted
    assert {one for one in named if one in page} == shown
    assert f"<strong>{len(everybody)} clip" in page
    found = ask(client, f"/api/v1/listings?q={rows.word}", person).json()
    assert {one["clip_id"] for one in found["listings"]} == everybody
    assert found["total"] == len(everybody)
    assert sum(one["count"] for one in found["facets"].get("tag", [])) == len(everybody)
    early = ask(client, "/api/v1/early", person)
    if early.status_code == 200:
        assert {one["clip_id"] for one in early.json()["listings"]} == wanted - everybody
    told = ask(client, f"/suggest?q={rows.word}&form=json", person).text
    assert {one for one in named if one in told} == everybody
    for clip in rows.clips:
        for path in (f"/embed/{clip.id}", f"/oembed?url=http://127.0.0.1/clips/{clip.id}"):
            assert (ask(client, path, person).status_code == 200) == (clip.id in everybody), path
    assert {one for one in named if one in ask(client, "/sitemap-1.xml", person).text} == everybody


def _by_private_feed(
    client: TestClient, world: World, rows: Rows, member: Member, word: str | None
) -> None:
    if word is None:
        assert not gives(member, 0)
        return
    answer = ask(client, f"/feeds/members/{word}.rss", {})
    assert answer.status_code == 200
    wanted = {
        clip.id
        for work, clip in zip(world.works, rows.clips, strict=True)
        if sees(world, work, member, 0)
    }
    items = list(ET.fromstring(answer.content).iter("item"))
    assert {(one.findtext("guid") or "").rpartition("/")[2] for one in items} == wanted
    for clip in rows.clips:
        preview = next(one for one in clip.assets if one.kind == AssetKind.PREVIEW)
        path = f"/feeds/members/{word}/{preview.id}/preview.mp4"
        there = ask(client, path, {})
        assert (there.status_code == 307) == (clip.id in wanted)
        if there.status_code == 307:
            assert ask(client, there.headers["location"], {}).status_code == 200
        master = next(one for one in clip.assets if one.kind == AssetKind.MASTER)
        assert ask(client, f"/feeds/members/{word}/{master.id}/master.mp4", {}).status_code == 404
