"""What a search finds, in which order, and how much of it: the same on both databases."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update

from catalog import listings, search
from catalog.errors import BadRequest
from catalog.search import Wanted, words
from models.base import reading, unit_of_work
from models.clip import Clip
from models.listing import Listing, ListingState, ListingTag
from models.migrations import migrate
from models.pool import Pool, PoolMember
from models.search import Entry, Start, Word
from tests import factories
from tests.conftest import forget
from tests.servers import new_database, postgres_server
from tests.shelf import QUERIES, counts, fill, found, now, put


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        yield new_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database of each kind; one server serves the module."""
    if request.param == "postgresql":
        monkeypatch.setenv("REELYARD_DATABASE_URL", request.getfixturevalue("server"))
        forget()
    migrate()
    if request.param == "postgresql":
        _emptied()
    return request.param


def _emptied() -> None:
    with unit_of_work() as session:
        for row in (PoolMember, Pool, Entry, ListingTag, Listing, Start, Word):
            session.execute(delete(row))
        session.execute(text("TRUNCATE clip, transcript, recording, creator, event CASCADE"))


pytestmark = pytest.mark.usefixtures("anywhere")


@pytest.fixture
def shelf(anywhere: str) -> None:
    fill()


@pytest.mark.usefixtures("shelf")
def test_what_a_query_finds() -> None:
    assert {query: set(found(query)) for query, _ in QUERIES} == dict(QUERIES)


def test_words_in_the_title_count_most_and_words_said_least() -> None:
    with unit_of_work() as session:
        named = factories.recording(session, title="Keeper special")
        put(session, "said", "the keeper saves", score=0.99)
        put(session, "recording", of=named, score=0.98)
        put(session, "tag", tags=["keeper"], score=0.97)
        put(session, "Keeper in title", score=0.1)
        put(
            session, "Keeper of the day before", score=0.9, visible_from_ms=now() - factories.DAY_MS
        )
        put(session, "Keeper with a better score", score=0.2)  # fmt: skip
    best = [
        "Keeper with a better score",
        "Keeper in title",
        "Keeper of the day before",
        "tag",
        "recording",
        "said",
    ]
    assert found("keeper") == best
    assert found("keep") == best
    assert found("keeper", order="newest")[:2] == ["said", "recording"]
    assert found("keeper", order="score")[:3] == ["said", "recording", "tag"]
    assert found(order="score")[-1] == "Keeper in title"


@pytest.mark.usefixtures("shelf")
def test_filters_narrow_and_their_values_are_counted_within_the_search() -> None:
    assert counts("tag") == {"crowd": 2, "goal": 1, "stage": 1}
    assert counts("tag", tags=["goal"]) == {"crowd": 1, "goal": 1}
    assert counts("creator") == {"Ada": 2, "Søren": 2}
    assert counts("creator", "crowd") == {"Ada": 2}
    assert counts("series") == {"Harbour Cup": 2}
    assert counts("kind") == {"cheer": 3, "applause": 1}
    assert counts("language") == {"da": 2, "en": 1}
    assert counts("length") == {"15 to 30 s": 3, "60 s and more": 1}
    assert counts("release") == {"cleared": 2, "unknown": 2}
    assert set(found(tags=["crowd"])) == {"The winning goal", "A save"}
    assert found(tags=["crowd", "Goal"]) == ["The winning goal"]
    assert found("encore", tags=["crowd"]) == []
    assert found(event_kinds=["applause"]) == ["A save"]
    assert len(found(event_kinds=["applause", "cheer"])) == 4
    assert found(series="Harbour Cup", event_kinds=["cheer"]) == ["The winning goal"]
    assert found(length="more") == ["100% encore"]
    assert set(found(release="cleared")) == {"100% encore", "東京タワーの夜"}
    assert found(languages=["en", "xx"]) == ["The winning goal"]
    assert found(creator="nobody") == []


def test_a_price_and_a_pool_are_filters_from_the_moment_they_are_set() -> None:
    with unit_of_work() as session:
        one, other = put(session, "one"), put(session, "other")
        pool = factories._kept(session, Pool(slug="news", name="News desk", rule={}))
        factories._kept(session, PoolMember(pool_id=pool.id, listing_id=one.id, why=[]))
        listings.set_price_from(session, other.id, 4_900, "USD")
    assert counts("price") == {"25 to 100": 1}
    assert found(price="100") == ["other"]
    assert counts("pool") == {"News desk": 1}
    assert found(pool=pool.id) == ["one"]
    with unit_of_work() as session:
        listings.set_price_from(session, other.id, 900, "USD")
        session.execute(update(PoolMember).values(removed_ms=1))
    assert counts("price") == {"Under 25": 1}
    assert found(price="100") == []
    assert found(pool=pool.id) == []
    assert counts("pool") == {}
    with unit_of_work() as session:
        session.execute(update(PoolMember).values(removed_ms=None))
        pool = session.scalars(select(Pool)).one()
        pool.closed_ms = 1
    assert found(pool=pool.id) == ["one"]
    assert counts("pool") == {}, "a closed pool is not offered"


def test_what_is_embargoed_or_withdrawn_is_nowhere() -> None:
    with unit_of_work() as session:
        public = put(session, "public", tags=["goal"])
        later = put(session, "Secret", "hush", tags=["secret"], visible_from_ms=now() + 60_000)
        gone = put(session, "Secret", "hush", tags=["secret"])
        aside = put(session, "Secret", "hush", tags=["secret"])
        listings.withdraw(session, gone.clip_id, "test")
        aside.state = ListingState.WITHDRAWN  # whoever writes it
    assert found() == ["public"]
    assert found("secret") == found("hush") == found(tags=["secret"]) == []
    assert counts("tag") == {"goal": 1}
    with reading() as session:
        assert search.suggest(session, "sec") == []
        assert search.relaxed(session, Wanted(query="secret", tags=["x"])) == []
        assert listings.similar(session, listings.get(session, public.id)) == []
    with unit_of_work() as session:
        listings.restore(session, gone.clip_id, "test")
        session.get_one(Listing, later.id).visible_from_ms = now() - 1
        assert search.due(session)
        assert search.reveal(session) == 1
        assert not search.due(session)
    assert sorted(found("secret")) == ["Secret", "Secret"]
    assert counts("tag") == {"goal": 1, "secret": 2}


def test_counts_and_edition_keep_step_with_what_is_shown() -> None:
    with unit_of_work() as session:
        before = search.edition(session)
        one = put(session, "one", tags=["x"])
        put(session, "two", tags=["x"])
        after = search.edition(session)
        assert after > before
        listings.withdraw(session, one.clip_id, "test")
        assert search.edition(session) > after
    with reading() as session:
        entries = session.scalars(select(Entry)).all()
        held = [word for entry in entries for word in entry.words.split()]
        known = {word: n for word, n in session.execute(select(Word.word, Word.count)) if n}
        assert known == {word: held.count(word) for word in held}


@pytest.mark.parametrize(("query", "order"), [("", "newest"), ("goal", "match"), ("goal", "score")])
def test_pages_neither_repeat_nor_skip_while_clips_come(query: str, order: search.Order) -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        for i in range(11):
            words_ = ("Goal", "") if i % 3 else (f"Clip {i}", "goal")
            put(session, words_[0] or "Clip", words_[1], of=recording, score=(i % 4) / 10,
                visible_from_ms=(20_000 + i // 3) * factories.DAY_MS // 2)  # fmt: skip
    wanted = Wanted(query=query, order=order)
    with reading() as session:
        whole = [one.id for one in search.find(session, wanted).listings]
    assert len(whole) == 11
    seen, cursor = [], None
    for step in range(4):
        with unit_of_work() as session:
            page = search.find(session, wanted, cursor, 3)
            seen += [one.id for one in page.listings]
            cursor = page.next_cursor
            newer = 30_000 * factories.DAY_MS // 2 if order != "score" else None
            put(session, "Goal", score=1.0, of=recording, visible_from_ms=newer,
                start_ms=step)  # fmt: skip
    assert seen == whole
    assert cursor is None


DAMAGED = ("x", "1", "~", "1~zz", "9~", "1.5~-1", "9" * 40 + "~1", "\u0661~1", "1~" + "1" * 40)


def test_a_damaged_cursor_is_refused_not_guessed() -> None:
    with reading() as session:
        for order in search.ORDERS:
            for cursor in DAMAGED:
                with pytest.raises(BadRequest):
                    search.find(session, Wanted(order=order), cursor)


@pytest.mark.usefixtures("shelf")
def test_an_empty_result_says_what_to_drop() -> None:
    def offers(wanted: Wanted) -> set[tuple[str, str, int]]:
        with reading() as session:
            return {(o.field, o.dropped, o.total) for o in search.relaxed(session, wanted)}

    assert offers(Wanted(query="winning xylophone", tags=["crowd"])) == {("query", "xylophone", 1)}
    assert offers(Wanted(query="encore", tags=["crowd"])) == {
        ("query", "encore", 2),
        ("tags", "crowd", 1),
    }
    assert offers(Wanted(length="more", release="unknown")) == {
        ("length", "more", 2),
        ("release", "unknown", 1),
    }


@pytest.mark.usefixtures("shelf")
def test_a_hit_quotes_the_line_and_its_second() -> None:
    with reading() as session:
        page = search.find(session, Wanted(query="listen crowd"))
        hit = page.hits[page.listings[0].id]
        assert (hit.at_ms, hit.text.strip()) == (3_000, "listen to this crowd")
        assert [piece for piece, marked in hit.pieces if marked] == ["listen", "crowd"]
        assert search.find(session, Wanted(query="save")).hits == {}
        assert [hit.at_ms for hit in search.find(session, Wanted(query="夜の")).hits.values()] == [
            0
        ]


@pytest.mark.usefixtures("shelf")
def test_suggestions_while_somebody_types() -> None:
    def offered(typed: str) -> list[tuple[str, str]]:
        with reading() as session:
            return [(one.kind, one.label) for one in search.suggest(session, typed)]

    assert offered("cro") == [("tag", "crowd")]
    assert offered("so") == [("creator", "Søren")]
    assert offered("cup") == [("series", "Harbour Cup")], "at each word of a name"
    assert offered("winning go") == [("clip", "The winning goal")]
    assert offered("") == offered("%%") == offered("zzz") == []


def test_many_are_counted_to_a_bound_and_said_to_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.search.finding.COUNTED", 5)
    with unit_of_work() as session:
        recording = factories.recording(session)
        for i in range(8):
            put(session, f"Goal {i} again", of=recording, tags=["a", "b"], start_ms=i)
    with reading() as session:
        page = search.find(session, Wanted(query="goal again "))
        assert (page.total, page.exact, len(page.listings)) == (5, False, 8)
        tags = {one.value: (one.count, one.exact) for one in page.facets["tag"]}
        assert tags == {"a": (5, False), "b": (5, False)}
        single = search.find(session, Wanted(query="goal "))
        assert (single.total, single.exact) == (8, True), "one word's count is known"
        assert search.find(session, Wanted()).total == 8


def test_what_is_frequent_is_met_on_a_walk_and_what_is_rare_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bounds are made small: every way of the look-up is gone through."""
    with unit_of_work() as session:
        recording = factories.recording(session)
        for i in range(60):
            title = f"Goal {i}" if i % 2 else f"Goal corner {i}"
            put(session, title, of=recording, score=i / 100, start_ms=i, tags=["a"] * (i < 5))
    queries = ("goal", "corner", "goal -corner ", '"goal corner"')
    for order, few in product(search.ORDERS, (0, 400)):
        for query in queries:
            with reading() as session:
                wanted = Wanted(query=query, order=order)
                plain = [one.id for one in search.find(session, wanted, None, 96).listings]
            with monkeypatch.context() as small:
                for name, value in (("RARE", 3), ("WINDOW", 7), ("CANDIDATES", 4), ("TELLING", 2)):
                    small.setattr(f"catalog.search.lookup.{name}", value)
                small.setattr("catalog.search.finding.CANDIDATES", 4)
                small.setattr("catalog.search.finding.FEW", few)
                walked: list[str] = []
                cursor = None
                while True:
                    with reading() as session:
                        page = search.find(session, wanted, cursor, 10)
                    walked += [one.id for one in page.listings]
                    cursor = page.next_cursor
                    if cursor is None:
                        break
            assert walked == plain, (order, query, few)


def test_similar_means_common_tags_first_then_the_same_recording() -> None:
    with unit_of_work() as session:
        recording = factories.recording(session)
        this = put(session, "this", of=recording, tags=["a", "b"])
        put(session, "both", tags=["a", "b"], score=0.1)
        put(session, "one", tags=["b", "z"], score=0.9)
        put(session, "none", tags=["z"])
        put(session, "here", of=recording, tags=[])
    with reading() as session:
        like = listings.similar(session, listings.get(session, this.id))
        assert [one.clip.title for one in like] == ["both", "one", "here"]


@pytest.mark.usefixtures("shelf")
def test_a_rule_matches_what_its_search_finds() -> None:
    with unit_of_work() as session:
        every = {one.clip.title: one for one in session.scalars(select(Listing))}
        for wanted in (
            Wanted(query="crowd -save"),
            Wanted(query='"to this"', tags=["crowd"]),
            Wanted(query="winn"),
            Wanted(release="cleared", length="more"),
            Wanted(query="東京"),
        ):
            titles = {one.clip.title for one in search.find(session, wanted).listings}
            assert titles
            assert {t for t, one in every.items() if search.matches(session, wanted, one)} == titles


HOSTILE = st.text(max_size=80) | st.lists(
    st.sampled_from(["goal", '"', "-", "*", "(", ")", "NEAR", "AND", "OR", "NOT", ":", "^", "'",
                     "\\", "%", "_", "@", "=", "a:", "&", "|", "!", "<->", "{", "}", "\x00", "夜",
                     "\u202e", "\ud800", ";", "--", "+", "~", "goa"]),
    max_size=14,
).map(" ".join)  # fmt: skip


@pytest.mark.usefixtures("shelf")
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(query=HOSTILE, tag=HOSTILE, order=st.sampled_from(search.ORDERS))
def test_no_query_is_an_error(query: str, tag: str, order: search.Order) -> None:
    with reading() as session:
        for wanted in (Wanted(query=query, order=order), Wanted(query=query, tags=[tag], pool=tag)):
            page = search.find(session, wanted)
            assert page.total == len(page.listings)
            assert len({one.id for one in page.listings}) == len(page.listings)
        search.suggest(session, query)


@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_facets_word_gives_back_its_value(value: str) -> None:
    word = words.facet("tag", value)
    assert words.facet_of(word) == ("tag", value)
    assert not set(word) & set(" \"'\\,") - set(value)


def test_a_copy_that_asks_for_any_word_instead_of_all_fails_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with unit_of_work() as session:
        put(session, "alpha beta")
        put(session, "alpha")

    def naive(groups: Sequence[Sequence[str]], quote: str, either: str, both: str) -> str:
        return "(" + either.join(f"{quote}{w}{quote}" for group in groups for w in group) + ")"

    assert found("alpha beta") == ["alpha beta"]
    monkeypatch.setattr("catalog.search.lookup._all_of", naive)
    with pytest.raises(AssertionError):
        assert found("alpha beta") == ["alpha beta"]


def test_a_new_title_is_found_when_it_is_described_again() -> None:
    with unit_of_work() as session:
        one = put(session, "before")
        session.get_one(Clip, one.clip_id).title = "after"
        listings.describe_again(session, one.id)
    assert (found("before"), found("after")) == ([], ["after"])
