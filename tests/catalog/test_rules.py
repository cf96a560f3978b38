"""Rules: a rule takes exactly what a person who reads it would take, on both databases."""

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import feeds, listings, pools, routing, rules
from catalog.auth import Visitor
from catalog.errors import BadRequest
from catalog.rules import Rule, Window
from models.account import Role
from models.base import reading, unit_of_work
from models.clip import ClipKind
from models.listing import Listing, ListingState
from models.pool import HookMessage, PoolMember
from tests import factories, pool_factories
from tests.both import database_of
from tests.pool_factories import run_light

WORDS = ("goal", "keeper", "rain", "late")
TAGS = ("goal", "derby", "rain")
KINDS = ("cheer", "applause", "speech")
LANGUAGES = ("", "en", "en-GB", "de")
RELEASES: dict[str, dict[str, Any]] = {
    "cleared": {"releases": ["Ada Marsh"]},
    "editorial": {"releases": []},
    "unknown": {},
}
HOUR_MS = 3_600_000


@pytest.fixture
def either(server: tuple[str, str], home: Path) -> Iterator[str]:
    kind, url = server
    with database_of(kind, url, home):
        yield kind


@dataclass
class Fact:
    """What a listing was made of, for the rule to be judged by hand."""

    listing_id: str
    creator_id: str
    title: str
    tags: list[str]
    score: float
    reasons: dict[str, float]
    length_ms: int
    language: str
    told: str
    release: str
    kind: ClipKind
    at_ms: int
    public: bool


def scattered(session: Session, count: int, seed: int) -> list[Fact]:
    pick = random.Random(seed)
    facts = []
    recordings = []
    for i in range(6):
        told, release = pick.choice(LANGUAGES), pick.choice(list(RELEASES))
        sidecar: dict[str, Any] = {"language": told} if told else {}
        sidecar |= RELEASES[release]
        owner = factories.creator(session, ("ada", "ben")[i % 2])
        made = factories.recording(session, creator_id=owner.id, sidecar=sidecar, title="Match")
        recordings.append((made, told, release))
    for _ in range(count):
        recording, told, release = pick.choice(recordings)
        title = " ".join(pick.sample(WORDS, 2))
        tags, parts = pick.sample(TAGS, pick.randint(0, 2)), pick.sample(KINDS, pick.randint(0, 2))
        reasons = {part: pick.choice([0.01, 0.2, 0.4]) for part in parts}
        fact = Fact(
            listing_id="",
            creator_id=recording.creator_id,
            title=title,
            tags=tags,
            score=round(sum(reasons.values()), 4),
            reasons=reasons,
            length_ms=pick.choice([9_999, 10_000, 15_000, 40_000]),
            language=pick.choice(LANGUAGES),
            told=told,
            release=release,
            kind=pick.choice(list(ClipKind)),
            at_ms=pick.randint(1, 10) * HOUR_MS,
            public=pick.random() < 0.9,
        )
        clip = factories.clip(
            session,
            recording,
            title=title,
            tags=tags,
            score=fact.score,
            reasons=reasons,
            kind=fact.kind,
            start_ms=0,
            end_ms=fact.length_ms,
        )
        if fact.language:
            factories.transcript(session, clip, "said", language=fact.language)
        listing = factories.listing(session, clip, visible_from_ms=fact.at_ms)
        fact.listing_id = listing.id
        if not fact.public:
            listing.state = ListingState.WITHDRAWN  # and nothing else: reels would follow
        facts.append(fact)
    return facts


def fits(rule: Rule, window: Window, creator_id: str | None, fact: Fact) -> bool:
    """The rule, read aloud."""
    spoken = (fact.told or fact.language).lower()
    best = max(fact.reasons.values(), default=0)
    decided = sorted(part for part, value in fact.reasons.items() if value == best)[:1]
    return all(
        [
            fact.public,
            rule.by_itself,
            creator_id in (None, fact.creator_id),
            window.from_ms is None or fact.at_ms >= window.from_ms,
            window.until_ms is None or fact.at_ms < window.until_ms,
            all(word in fact.title.split() or word in fact.tags for word in rule.words.split()),
            rule.least_score is None or fact.score >= rule.least_score,
            not rule.kinds or bool(set(rule.kinds) & set(decided)),
            not rule.creators or fact.creator_id in rule.creators,
            not rule.tags or bool(set(rule.tags) & set(fact.tags)),
            not rule.releases or fact.release in rule.releases,
            rule.least_s is None or fact.length_ms >= rule.least_s * 1000,
            rule.most_s is None or fact.length_ms <= rule.most_s * 1000,
            not rule.language or rule.language.lower() in (spoken, spoken.split("-")[0]),
            rule.clips == "both" or f"{fact.kind.value}s" == rule.clips,
        ]
    )


def some(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True)


RULES = st.fixed_dictionaries(
    {},
    optional={
        "by_itself": st.sampled_from([True, True, True, False]),
        "words": some(WORDS).map(" ".join),
        "least_score": st.sampled_from([0, 0.2, 0.4, 0.6]),
        "kinds": some(KINDS),
        "tags": some(TAGS),
        "releases": some(tuple(RELEASES)),
        "least_s": st.sampled_from([0, 10, 15]),
        "most_s": st.sampled_from([15, 40]),
        "language": st.sampled_from(["", "en", "de", "en-GB"]),
        "clips": st.sampled_from(["clips", "reels", "both"]),
    },
)
HOURS = st.none() | st.integers(0, 11).map(lambda hour: hour * HOUR_MS)


@pytest.mark.usefixtures("either")
def test_a_rule_takes_what_a_person_who_reads_it_would_take() -> None:
    with unit_of_work() as session:
        facts = scattered(session, 60, seed=7)
        ids = [factories.creator(session, slug).id for slug in ("ada", "ben")]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(RULES, HOURS, HOURS, st.sampled_from([None, *ids]), st.sets(st.sampled_from(ids)))
    def check(
        asked: dict[str, Any],
        from_ms: int | None,
        until_ms: int | None,
        creator_id: str | None,
        creators: set[str],
    ) -> None:
        rule = Rule.model_validate({**asked, "creators": sorted(creators)})
        if from_ms is not None and until_ms is not None and from_ms > until_ms:
            from_ms, until_ms = until_ms, from_ms
        window = Window(from_ms=from_ms, until_ms=until_ms)
        expected = {one.listing_id for one in facts if fits(rule, window, creator_id, one)}
        with reading() as session:
            found = pools.would_take(session, rule, window, creator_id)
            taken = set(
                session.scalars(rules.taken(rule, window, creator_id).with_only_columns(Listing.id))
            )
        assert taken == expected
        assert found.count == len(expected)
        shown = [listing.id for listing, _ in found.listings]
        assert set(shown) <= expected
        assert len(shown) == min(len(expected), pools.SHOWN)
        assert all(why for _, why in found.listings)

    check()


def test_a_rule_explains_each_thing_that_it_asked_for(database: Any) -> None:
    with unit_of_work() as session:
        owner = factories.creator(session, "ada")
        recording = factories.recording(
            session, sidecar={"releases": ["Ada Marsh"], "language": "en"}
        )
        clip = factories.clip(session, recording, tags=["goal"], title="The winning goal")
        factories.listing(session, clip, visible_from_ms=1_700_000_000_000)
        rule = Rule(
            words="winning",
            least_score=0.8,
            kinds=["cheer", "speech"],
            creators=[owner.id],
            tags=["goal", "other"],
            releases=["cleared", "editorial"],
            least_s=10,
            most_s=60,
            language="en",
            clips="clips",
        )
        found = pools.would_take(session, rule, Window(from_ms=1), None)
    assert found.listings[0][1] == [
        "Its title, tags or words have “winning”.",
        "Its score is 0.90; 0.80 is asked for.",
        "What decided its score: cheering.",
        "It is by Ada.",
        "It is tagged “goal”.",
        "Its release status: cleared for every use.",
        "It lasts 27 seconds; 10 seconds to 60 seconds is asked for.",
        "Its language is en.",
        "It is a single clip.",
        "It came on sale on 14 Nov 2023, 22:13 UTC, within the window.",
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"least_score": 1.5},
        {"least_score": float("nan")},
        {"kinds": ["cheer'; drop table"]},
        {"creators": ["me"]},
        {"tags": ["x"] * 25},
        {"least_s": 60, "most_s": 10},
        {"language": "../en"},
        {"clips": "all"},
        {"colour": "red"},
        {"words": "x" * 201},
    ],
)
def test_a_rule_that_can_not_be_meant_is_refused_with_its_field(asked: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        rules.read(Rule, asked)


def test_a_window_has_to_hold_some_time() -> None:
    with pytest.raises(BadRequest, match="ends before it begins"):
        rules.read(Window, {"from_ms": 2, "until_ms": 1})


def test_words_of_a_rule_lose_what_can_not_be_seen() -> None:
    assert rules.read(Rule, {"words": "go\u202eal\x00 \u200blate"}).words == "go al late"


@pytest.mark.usefixtures("either")
def test_a_pool_larger_than_a_batch_is_filled_and_emptied() -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        wanted = {
            factories.listing(session, factories.clip(session, recording)).id
            for _ in range(routing.BATCH // 20 + 3)
        }
    with pytest.MonkeyPatch.context() as patch, unit_of_work() as session:
        patch.setattr(routing, "BATCH", routing.BATCH // 20)
        pool = pool_factories.pool(session)
        after = routing.fill(session, pool, "")
        assert after
        assert routing.fill(session, pool, after) == ""
        assert inside(session) == wanted
        pool.rule = Rule(by_itself=False).model_dump(mode="json")
        assert routing.drain(session, pool)
        assert not routing.drain(session, pool)
        assert inside(session) == set()


def inside(session: Session) -> set[str]:
    found = select(PoolMember.listing_id).where(PoolMember.removed_ms.is_(None))
    return set(session.scalars(found))


@pytest.mark.usefixtures("either")
def test_routed_and_filled_at_once_a_clip_comes_in_once_and_is_told_once() -> None:
    with unit_of_work() as session:
        pool = pool_factories.pool(session)
        account_id = pool_factories.partner(session, pool)
        pool_factories.hook(session, pool, account_id, "https://partner.example/in")
        ids = [factories.listing(session).id for _ in range(4)]

    def route_all() -> None:
        for listing_id in ids:
            with unit_of_work() as session:
                routing.route(session, listing_id)

    def fill() -> None:
        with unit_of_work() as session:
            routing.fill(session, session.get_one(pools.Pool, pool.id), "")

    threads = [threading.Thread(target=work) for work in (route_all, fill, route_all, fill)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading() as session:
        assert inside(session) == set(ids)
        told = session.scalars(select(HookMessage.listing_id)).all()
    assert sorted(told) == sorted(ids)


@pytest.mark.usefixtures("either")
def test_pages_and_feeds_of_a_pool_are_read_on_both_databases() -> None:
    with unit_of_work() as session:
        pool = pool_factories.pool(session, slug="goals", embargo_ms=1_000)
        account_id = pool_factories.partner(session, pool)
        kept, gone = (factories.listing(session, visible_from_ms=1_000) for _ in range(2))
    run_light("route")
    with unit_of_work() as session:
        listings.withdraw(session, gone.clip_id, "a test")
    run_light("route")
    pia = Visitor(account_id=account_id, roles=frozenset({Role.PARTNER}))
    with reading() as session:
        assert [one.slug for one, _ in pools.visible(session, pia)] == ["goals"]
        found = pools.members(session, pools.get(session, pia, "goals"), public=True)
        assert [one.listing_id for one in found.rows] == [kept.id]
        entries = feeds.read(session, pia, "goals", "mrss").entries
        assert {(one.clip_id, one.deleted) for one in entries} == {
            (kept.clip_id, False),
            (gone.clip_id, True),
        }
