"""Pages of a large pool's feed: found by what came in lately, the same as if all were sorted."""

import secrets

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some
from sqlalchemy import insert, select

from catalog import feeds, pools
from models.base import reading, unit_of_work
from models.listing import Listing
from models.pool import Pool, PoolMember
from tests import factories, pool_factories

MINUTE_MS = 60_000
LISTINGS = 24
moments = some.integers(0, 60).map(lambda ago: ago * MINUTE_MS)
members = some.lists(
    some.tuples(some.integers(0, LISTINGS - 1), moments, some.none() | moments),
    min_size=6,
    max_size=LISTINGS,
    unique_by=lambda one: one[0],
)


FREED: list[tuple[int, int, int | None]] = [
    *((number, (number - 11) * MINUTE_MS, None) for number in range(12, LISTINGS)),
    (5, 60 * MINUTE_MS, None),
]
"""The last of them came in long ago; the embargo let it go three minutes ago."""


@pytest.fixture
def listed(database: object) -> list[str]:
    """Published a few minutes apart, some of them not yet."""
    with unit_of_work() as session:
        now = pools.now(session)
        return [
            factories.listing(session, visible_from_ms=now + (5 - i * 3) * MINUTE_MS).id
            for i in range(LISTINGS)
        ]


def filled(listed: list[str], rows: list[tuple[int, int, int | None]], embargo_ms: int) -> Pool:
    with unit_of_work() as session:
        slug = f"pool-{secrets.token_hex(8)}"
        pool = pool_factories.pool(session, slug=slug, embargo_ms=embargo_ms)
        now = pools.now(session)
        values = [
            {
                "pool_id": pool.id,
                "listing_id": listed[number],
                "why": [],
                "added_ms": now - added,
                "removed_ms": None if removed is None else now - removed,
                "hand": "",
            }
            for number, added, removed in rows
        ]
        session.execute(insert(PoolMember), values)
        return pool


def read(pool: Pool, now: int, *, gone: bool) -> list[tuple[str, int]]:
    """All pages of it."""
    found: list[tuple[str, int]] = []
    mark = None
    with reading() as session:
        went_ms = feeds._last_gone(session, pool) if gone else None
        while True:
            page = feeds._newest(session, pool, now, mark, went_ms=went_ms)
            found += page[: feeds.PAGE]
            if len(page) <= feeds.PAGE:
                return found
            mark = f"{found[-1][1]}~{found[-1][0]}"


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(rows=FREED, embargo=7, gone=False)
@given(rows=members, embargo=some.sampled_from([0, 7, 45]), gone=some.booleans())
def test_whatever_came_went_and_waited_no_page_misses_or_repeats_any(
    listed: list[str], rows: list[tuple[int, int, int | None]], embargo: int, gone: bool
) -> None:
    pool = filled(listed, rows, embargo * MINUTE_MS)
    with reading() as session:
        now = pools.now(session)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeds, "PAGE", 10_000)
        whole = read(pool, now, gone=gone)
        patch.setattr(feeds, "PAGE", 2)
        patch.setattr(feeds, "LARGE", 1)
        assert read(pool, now, gone=gone) == whole
    assert whole == sorted(whole, key=lambda one: (one[1], one[0]), reverse=True)
    with reading() as session:
        free = {one.id: one.visible_from_ms for one in session.scalars(select(Listing))}
    there = {
        listed[number]
        for number, added, removed in rows
        if removed is None and free[listed[number]] + pool.embargo_ms <= now
    }
    assert there <= {listing_id for listing_id, _ in whole}


def test_a_page_of_a_large_pool_looks_at_a_part_of_it(
    listed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PAGE", 2)
    monkeypatch.setattr(feeds, "LARGE", 10)
    pool = filled(listed, [(i, i * MINUTE_MS, None) for i in range(LISTINGS)], 0)
    with reading() as session:
        now = pools.now(session)
        (since_ms,) = feeds._since(session, pool, now)
        late = feeds._late(pool, since_ms, now, gone=False)
        assert len(session.scalars(late).all()) < LISTINGS / 2
        small = filled(listed, [(0, 0, None)], 0)
        assert feeds._since(session, small, now) == ()
